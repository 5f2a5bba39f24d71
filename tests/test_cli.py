"""What a user types: one line and exit code 2 for what is wrong, nothing half-written."""

import subprocess
import sys

import pytest

from neuromm.cli import main


def test_list_names_every_observer(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in ("causal_inference", "cuppini2017", "av_encoder", "ventriloquism", "brains_and_machines"):
        assert name in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run", "ventriloqism"], "no study is called 'ventriloqism'; did you mean 'ventriloquism'"),
        (["run", "ventriloquism", "--observer", "causal_inferrence"], "did you mean 'causal_inference'"),
        (["run", "ventriloquism", "--trials", "nowhere.csv"], "no trial table at nowhere.csv"),
        (["run", "ventriloquism", "--n-repeats", "0"], "n_repeats is 0; at least 1 is wanted"),
        (["report", "nowhere"], "is not a saved result"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    err = capsys.readouterr().err.strip()
    assert words in err and len(err.splitlines()) == 1 and err.startswith("neuromm: ")
    assert list(tmp_path.iterdir()) == []


def test_unknown_flags_end_in_code_2():
    for argv in (["list", "--loud"], ["run", "ventriloquism", "--louder"], ["sing"]):
        with pytest.raises(SystemExit) as stopped:
            main(argv)
        assert stopped.value.code == 2


def test_a_users_table_with_a_misspelt_column_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("auditory_azimuth,visual_azimut\n0,5\n")
    assert main(["run", "ventriloquism", "--trials", "mine.csv"]) == 2
    assert "mine.csv has a column 'visual_azimut'; did you mean 'visual_azimuth'" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("text", ["auditory_azimuth,visual_azimuth\n", "auditory_azimuth,visual_azimuth\n0,\n,\n"])
def test_an_empty_table_and_an_empty_row_are_one_line(tmp_path, capsys, text):
    (tmp_path / "mine.csv").write_text(text)
    assert main(["run", "ventriloquism", "--trials", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "r")]) == 2
    assert "mine.csv" in capsys.readouterr().err and not (tmp_path / "r").exists()


def test_a_foreign_result_folder_is_refused(tmp_path, capsys):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "a.txt").write_text("mine")
    argv = ["run", "ventriloquism", "--observer", "segregation", "--n-repeats", "1", "--out", str(tmp_path / "r")]
    assert main(argv) == 2
    assert "is not a neuromm result" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["r"]


def test_an_unwritable_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("a file where a folder would be")
    argv = [
        "run",
        "ventriloquism",
        "--observer",
        "segregation",
        "--n-repeats",
        "1",
        "--out",
        str(tmp_path / "file" / "r"),
    ]
    assert main(argv) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert err[-1].startswith("neuromm: ") and "file" in err[-1]


def test_a_run_writes_a_whole_folder_and_its_report_can_be_made_again(tmp_path):
    out = tmp_path / "r"
    argv = [
        "run",
        "ventriloquism",
        "--observer",
        "causal_inference",
        "--observer",
        "segregation",
        "--n-repeats",
        "2",
        "--out",
        str(out),
    ]
    assert main(argv) == 0
    for name in (
        "report.html",
        "provenance.json",
        "figures/auditory_bias.pdf",
        "figures/auditory_bias.svg",
        "figures/auditory_bias.png",
        "figures/auditory_bias.csv",
        "tables/unity.csv",
        "session/responses.csv",
    ):
        assert (out / name).stat().st_size > 0, name
    page = (out / "report.html").read_text()
    assert 'src="http' not in page and 'href="http' not in page and "data:image/svg+xml" in page
    assert main(["report", str(out)]) == 0
    assert main(["report", str(out)]) == 0  # the page was written anew with its checksum
    import neuromm as nm

    assert nm.load_session(out / "session").observers == ["causal_inference", "segregation"]


def test_the_module_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "neuromm", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("neuromm ")


def test_run_without_a_study_takes_the_flags_of_the_main_one(tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("auditory_azimut,visual_azimuth,report\n0,1,auditory\n")
    assert main(["run", "--trials", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "did you mean 'auditory_azimuth'" in capsys.readouterr().err
