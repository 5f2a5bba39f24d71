"""`kill -9` at random moments: nothing lost, nothing twice, the table is the serial one to the bit."""

import collections
import os
import signal
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
import reliability_jobs as jobs

from neuromm.sweeps import Sweep, sweep
from neuromm.sweeps.store import Store

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find the processes")


def run_with_kills(out, n, workers, n_kills, seed, pause, longest=3.0):
    """Run a plan to its end while its driver or one of its workers is killed `n_kills` times; who was killed."""
    rng, mark, killed = np.random.default_rng(seed), uuid.uuid4().hex, []
    driver = jobs.start_driver(out, n, workers, mark, pause)
    try:
        while len(killed) < n_kills:
            time.sleep(rng.uniform(0, longest))  # from the first import to the middle of a task
            if driver.poll() == 0:
                break
            if driver.poll() is not None:  # it ended with an error, which a kill may make: go on as a user would
                driver = jobs.start_driver(out, n, workers, mark, pause)
            others = []
            if rng.random() < 0.6:  # a worker, once there is one
                while not (others := [p for p in jobs.processes_of(mark) if p != driver.pid]):
                    if driver.poll() is not None:
                        break
                    time.sleep(0.05)
            victim = int(rng.choice(others)) if others else driver.pid
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.append("driver" if victim == driver.pid else "worker")
            if victim == driver.pid:
                driver.wait()
                driver = jobs.start_driver(out, n, workers, mark, pause)
        if driver.poll() is None:
            driver.kill()  # the rest without a pause
        while driver.wait() != 0:
            driver = jobs.start_driver(out, n, workers, mark, 0)
        assert all_end(mark), "a worker outlives its driver"
    finally:
        for process in jobs.processes_of(mark):
            os.kill(process, signal.SIGKILL)
    return killed


def all_end(mark, seconds=20):
    """Whether every process of a run is gone in a while."""
    end = time.monotonic() + seconds
    while left := jobs.processes_of(mark):
        if time.monotonic() > end:
            return not left
        time.sleep(0.1)
    return True


def is_complete_and_serial(out, n, folder):
    """Every task once, whole, and the same bytes as one process gives without a pause."""
    serial = sweep(jobs.plan(n), out=folder / "serial", progress=False)
    found = Sweep(out)
    assert found.status() == {"tasks": n, "ok": n, "failed": 0, "to do": 0, "other": 0}
    table = found.table()
    assert table["i"].tolist() == list(range(n))
    assert table.to_csv() == serial.table().to_csv()
    with Store(out) as store:
        assert store.damaged() == {}
        assert len({row["id"] for row in store.rows()}) == n
    assert not list(Path(out).rglob("*.part"))
    return True


@pytest.mark.parametrize("workers", [2, "dask"])
def test_a_worker_and_the_driver_are_killed(tmp_path, workers):
    if workers == "dask":
        pytest.importorskip("distributed")
    killed = run_with_kills(tmp_path / "s", 300, workers, n_kills=3, seed=3, pause=0.02, longest=2.0)
    assert len(killed) >= 2 and is_complete_and_serial(tmp_path / "s", 300, tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("workers", [2, "dask"])
def test_twenty_kills_at_random_moments_lose_and_double_nothing(tmp_path, workers):
    if workers == "dask":
        pytest.importorskip("distributed")
    n = 3000
    killed = run_with_kills(tmp_path / "s", n, workers, n_kills=20, seed=20, pause=0.5, longest=5.0)
    print(f"{workers}: {dict(collections.Counter(killed))}")
    assert len(killed) == 20 and is_complete_and_serial(tmp_path / "s", n, tmp_path)
