"""What is stored stays what it was: a flipped bit is found, half-written files go, damage is computed again."""

import json
import sqlite3

import numpy as np
import pytest

from neuromm.sweeps import Sweep, sweep
from neuromm.sweeps.command import add_parser
from neuromm.sweeps.store import Store

PLAN = {"calls": {"function": "sweep_jobs:table_and_array", "grid": {"i": list(range(8))}}, "seed": 2}


@pytest.fixture
def found(tmp_path):
    return sweep(PLAN, out=tmp_path / "s", progress=False)


def texts(found):
    """Everything that a reader gets out of a sweep."""
    return found.table("curve").to_csv(), [(p, a.tobytes()) for p, a in found.arrays("noise")]


def flip(path, byte, bit):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(bytes(data))


def test_a_whole_store_has_nothing_damaged(found):
    with Store(found.folder) as store:
        assert store.damaged() == {}
        assert all(json.loads(row["files"]) for row in store.rows())


def test_every_flipped_bit_of_an_array_file_is_found(found, rng):
    paths = sorted(found.folder.rglob("*.npy"))
    for path in paths[:3]:
        whole = path.read_bytes()
        for byte, bit in zip(rng.integers(len(whole), size=20), rng.integers(8, size=20), strict=True):
            flip(path, byte, bit)
            with Store(found.folder) as store:
                assert list(store.damaged()) == [path.parent.name]
            with pytest.raises(ValueError, match="missing or damaged"):
                list(found.arrays("noise"))
            path.write_bytes(whole)


def test_a_flipped_bit_of_the_index_is_found_or_changes_nothing(found, rng):
    path, before = found.folder / "index.sqlite", texts(found)
    whole, n_found = path.read_bytes(), 0
    for byte, bit in zip(rng.integers(len(whole), size=150), rng.integers(8, size=150), strict=True):
        flip(path, byte, bit)
        try:
            with Store(found.folder) as store:
                passed = not store.damaged()
        except ValueError:
            passed = False
        assert not passed or texts(found) == before, f"bit {bit} of byte {byte} changed a result unseen"
        n_found += not passed
        path.write_bytes(whole)
    assert n_found > 20  # much of a small index is unused space of its pages


def test_a_changed_row_is_refused_and_mended_by_a_resume(found):
    before = texts(found)
    with sqlite3.connect(found.folder / "index.sqlite") as index:
        index.execute("UPDATE tasks SET tables = replace(tables, '0.', '1.') WHERE rowid = 3")
    with pytest.raises(ValueError, match="is damaged; `neuromm sweep verify --mend"):
        found.table("curve")
    assert run(["sweep", "verify", str(found.folder)]) == 1
    assert run(["sweep", "verify", "--mend", str(found.folder)]) == 1
    assert found.status()["to do"] == 1
    assert run(["sweep", "resume", "--quiet", str(found.folder)]) == 0
    assert texts(found) == before


def test_an_index_that_is_none_is_named(found):
    (found.folder / "index.sqlite").write_bytes(b"not a database at all, " * 500)
    with pytest.raises(ValueError, match="is damaged"):
        found.status()


def test_half_written_files_of_a_killed_run_are_swept(found):
    stale = found.folder / "arrays" / "abc" / "noise.part"
    stale.parent.mkdir()
    stale.write_bytes(b"half")
    sweep(PLAN, out=found.folder, progress=False)
    assert not stale.exists()


def test_a_lost_array_is_found_and_computed_again(found):
    before = texts(found)
    next(found.folder.rglob("*.npy")).unlink()
    assert run(["sweep", "verify", "--mend", str(found.folder)]) == 1
    assert run(["sweep", "resume", "--quiet", str(found.folder)]) == 0
    assert texts(found) == before


def test_no_array_name_leaves_its_folder(tmp_path):
    from neuromm.sweeps.store import _slug

    for name in ("../../etc/passwd", "/root/x", "a/b", "", "..", "a" * 300 + "/", "con:1", "é"):
        assert _slug(name).isalnum() and len(_slug(name)) == 17
    assert _slug("p_common") == "p_common"


def test_the_index_can_be_read_while_it_is_written(found):
    with Store(found.folder, writing=True) as writer, Store(found.folder) as reader:
        assert len(reader.statuses()) == 8
        writer.forget(list(reader.statuses())[:2])
        assert len(reader.statuses()) == 6


def test_rows_carry_the_version_that_made_them(found):
    from neuromm import __version__

    with Store(found.folder) as store:
        assert {row["version"] for row in store.rows()} == {__version__}
        assert np.all([float(row["cpu"]) >= 0 for row in store.rows()])


def run(argv):
    import argparse

    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(dest="command"))
    arguments, rest = parser.parse_known_args(argv)
    assert rest == []
    return arguments.function(arguments, rest)


def test_a_sweep_is_what_its_folder_says(found):
    again = Sweep(found.folder)
    assert again.plan == found.plan and texts(again) == texts(found)
