"""`neuromm show`: every stimulus set can be looked at and listened to."""

import wave

import pytest

from neuromm.cli import main
from neuromm.studies.show import SETS


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_written_as_pictures_and_sounds(name, tmp_path):
    assert main(["show", name, "--out", str(tmp_path / "out")]) == 0
    assert list((tmp_path / "out").glob("*.png")) and (tmp_path / "out" / "provenance.json").exists()
    for file in (tmp_path / "out").glob("*.wav"):
        with wave.open(str(file)) as sound:
            assert sound.getnframes() > 1000 and sound.getsampwidth() == 2
    assert name in ("shapes", "printed") or list((tmp_path / "out").glob("*.wav"))


def test_an_unknown_set_is_one_line(tmp_path, capsys):
    assert main(["show", "smells", "--out", str(tmp_path)]) == 2
    assert "there are: events, flashes, syllables, shapes, printed, bouncing" in capsys.readouterr().err
