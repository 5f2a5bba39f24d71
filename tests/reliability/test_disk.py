"""A full, failing or read-only disk: one typed error, what was there stands, nothing half-written is left.

Faults are put in at every place where a file is made durable or takes its name, one after the other (a fake layer
under `os`), and, where a small file system can be mounted, a real one is filled.
"""

import errno
import os
import subprocess
from contextlib import contextmanager

import numpy as np
import pytest
import reliability_jobs as jobs

import neuromm as nm
from neuromm.sweeps import store, sweep

CALLS = ("fsync", "replace", "rename")


class Faults:
    """Fails the k-th call of the functions that make a file durable or give it its name."""

    def __init__(self, monkeypatch, code):
        self.k, self.code, self.n = None, code, 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, original):
        def call(*arguments, **options):
            self.n += 1
            if self.n == self.k:
                raise OSError(self.code, os.strerror(self.code), str(arguments[0]))
            return original(*arguments, **options)

        return call

    @contextmanager
    def at(self, k):
        """The k-th call inside the block fails."""
        self.n, self.k = 0, k
        yield
        self.k = None


@pytest.fixture(params=[pytest.param(errno.ENOSPC, id="full"),
                        pytest.param(errno.EROFS, id="read-only", marks=pytest.mark.deep),
                        pytest.param(errno.EIO, id="failing", marks=pytest.mark.deep)])  # fmt: skip
def faults(request, monkeypatch):
    return Faults(monkeypatch, request.param)


def every_fault(faults, act, after):
    """Do `act` with each of its calls failing in turn until none does; `after` looks at what is left. How many."""
    for k in range(1, 200):
        with faults.at(k):
            try:
                act()
            except OSError as error:
                assert error.errno == faults.code
                after()
            else:
                return k - 1
    raise AssertionError("it never ends")


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_session_is_saved_whole_or_not_at_all(faults, tmp_path, trials):
    first = nm.present(trials, ["causal_inference"], seed=1)
    second = nm.present(trials, ["causal_inference"], seed=2)
    nm.save(first, tmp_path / "s")
    before = files(tmp_path)

    # the last call syncs the parent folder: the new session is in its place already, and whole
    n = every_fault(faults, lambda: nm.save(second, tmp_path / "t"), lambda: only_whole(tmp_path, first, second))
    assert n >= 5
    assert before.items() <= files(tmp_path).items()
    n = every_fault(faults, lambda: nm.save(second, tmp_path / "s"), lambda: only_whole(tmp_path, first, second))
    assert n >= 5


def only_whole(folder, first, second):
    """Every folder below is a whole session; nothing else lies there."""
    for place in folder.iterdir():
        if place.name.endswith(".old"):
            continue  # the one that was replaced, whole too
        found = nm.load_session(place).responses["response"].to_numpy()
        assert any(np.array_equal(found, s.responses["response"].to_numpy()) for s in (first, second))


def test_weights_are_written_whole_or_not_at_all(faults, tmp_path):
    from neuromm.observers.ann.weights import load_weights, save_weights

    def write(value):
        tensors = {"w": np.full(20, value, np.float32)}
        save_weights(tmp_path / "w.safetensors", tensors, network="n", config={}, recipe={"value": value})

    def the_old_ones_stand():
        assert load_weights(tmp_path / "w.safetensors")[0]["recipe"] == {"value": 1}
        assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]

    write(1)
    assert every_fault(faults, lambda: write(2), the_old_ones_stand) == 2
    assert load_weights(tmp_path / "w.safetensors")[0]["recipe"] == {"value": 2}


def test_a_sweep_goes_on_after_the_disk_failed(faults, tmp_path):
    plan = {"calls": {"function": "sweep_jobs:table_and_array", "grid": {"i": list(range(5))}}, "seed": 2}
    whole = sweep(plan, out=tmp_path / "whole", progress=False)

    for k in range(1, 16):
        with faults.at(k):
            try:
                found = sweep(plan, out=tmp_path / f"s{k}", progress=False)
            except OSError as error:
                assert error.errno == faults.code
                if not (tmp_path / f"s{k}" / "sweep.json").exists():
                    continue
        found = sweep(plan, out=tmp_path / f"s{k}", progress=False)  # resumed
        assert found.table("curve").to_csv() == whole.table("curve").to_csv()
        assert [a.tobytes() for _, a in found.arrays("noise")] == [a.tobytes() for _, a in whole.arrays("noise")]
        assert not list((tmp_path / f"s{k}").rglob("*.part"))


def test_a_full_index_is_said_and_loses_nothing(tmp_path, monkeypatch):
    original = store._open_index

    def small(path, writing):
        index = original(path, writing)
        index.execute("PRAGMA max_page_count = 12")
        return index

    monkeypatch.setattr(store, "_open_index", small)
    with pytest.raises(OSError) as caught:
        sweep(jobs.plan(400), out=tmp_path / "s", progress=False)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.setattr(store, "_open_index", original)
    with store.Store(tmp_path / "s") as there:
        assert there.damaged() == {}
    found = sweep(jobs.plan(400), out=tmp_path / "s", progress=False)
    serial = sweep(jobs.plan(400), out=tmp_path / "serial", progress=False)
    assert found.table().to_csv() == serial.table().to_csv()


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of one MiB, and a function that mounts it again read-only or writable."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*options):
        return subprocess.run(["mount", *options, str(place)], capture_output=True, check=False).returncode == 0

    try:
        mounted = mount("-t", "tmpfs", "-o", "size=1m", "none")
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a small file system")
    yield place, lambda how: mount("-o", f"remount,{how}")
    subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.deep)])
def test_a_real_full_disk_stops_a_sweep_that_goes_on_with_space(small_disk, tmp_path, workers):
    place, mount = small_disk
    ballast = place / "ballast"
    ballast.write_bytes(b"0" * 820_000)
    with pytest.raises(OSError) as caught:
        sweep(jobs.plan(1500), out=place / "s", workers=workers, progress=False)
    assert caught.value.errno in (errno.ENOSPC, errno.EIO), caught.value
    ballast.unlink()
    with store.Store(place / "s") as there:
        assert there.damaged() == {}
    small = sweep(jobs.plan(200), out=place / "s", progress=False)
    serial = sweep(jobs.plan(200), out=tmp_path / "serial", progress=False)
    assert small.table().to_csv() == serial.table().to_csv()


def test_a_real_full_disk_keeps_the_old_session(small_disk, trials):
    place, _ = small_disk
    nm.save(nm.present(trials, ["causal_inference"], seed=1), place / "s")
    before = files(place)
    large = nm.paradigms.ventriloquism(200, seed=1)
    with pytest.raises(OSError) as caught:
        nm.save(nm.present(large, ["causal_inference"], seed=1), place / "s")
    assert caught.value.errno == errno.ENOSPC
    assert files(place) == before


def test_a_read_only_disk_is_one_line(small_disk, trials, capsys):
    from neuromm.cli import main

    place, mount = small_disk
    done = sweep(jobs.plan(3), out=place / "s", progress=False)
    table = done.table().to_csv()
    assert mount("ro")
    with pytest.raises(OSError, match="Read-only"):
        nm.save(nm.present(trials, ["causal_inference"], seed=1), place / "session")
    with pytest.raises(OSError, match="Read-only"):
        sweep(jobs.plan(5), out=place / "s", progress=False)
    capsys.readouterr()
    assert main(["sweep", "resume", "--quiet", str(place / "s")]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("neuromm: Read-only") and "\n" not in said
    assert done.table().to_csv() == table  # reading needs no right to write
