"""What a sweep costs and survives: overhead per task, speed-up of two workers, kills in the middle.

    python benchmarks/sweep.py overhead              # ms per task that does nothing, alone and in chunks
    python benchmarks/sweep.py speedup               # wall time of tasks of half a CPU second, one and two workers
    python benchmarks/sweep.py speedup --wait        # tasks that wait half a second: the executors alone, busy or not
    python benchmarks/sweep.py kills --workers dask  # 10 000 points; a worker and the driver are killed with -9

Wall times mean little on a busy machine; the load is printed with them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POINTS = """\
title = "causal inference, {n} Sobol points"
seed = 1
measures = ["crossmodal_bias"]
[[stimuli]]
paradigm = "ventriloquism"
arguments = {{ n_repeats = 1, unimodal = false }}
[[observers]]
observer = "causal_inference"
[observers.sample]
method = "sobol"
n = {n}
over = {{ p_common = [0.05, 0.95], sigma_auditory = {{ low = 2, high = 16, scale = "log" }}, sigma_visual = [0.5, 6] }}
"""


def nothing(i):
    """A task that does nothing."""
    return {"i": i}


def half_a_second(i, seconds=0.5):
    """A task that keeps a core busy for half a CPU second."""
    end, n = time.process_time() + seconds, 0
    while time.process_time() < end:
        n += 1
    return {"i": i}


def wait_half_a_second(i):
    """A task that takes half a second and no core."""
    time.sleep(0.5)
    return {"i": i}


def drive(plan, out, workers, **options):
    """Run a sweep in this process."""
    from neuromm.sweeps import sweep

    return sweep(plan, out=out, workers=workers, progress=False, **options)


def overhead(n=1000):
    """Wall and driver's CPU time per no-op task."""
    calls = {"calls": {"function": "benchmarks.sweep:nothing", "grid": {"i": list(range(n))}}, "seed": 1}
    with tempfile.TemporaryDirectory() as folder:
        for workers in (0, 2, "dask"):
            for chunked in (False, True):
                if workers == 0 and chunked:
                    continue
                options = {"max_chunk": 50 if chunked else 1}
                if workers == "dask":
                    options["cluster"] = {"local": 2}
                wall, cpu = _steady(calls, Path(folder) / f"{workers}{chunked}", workers, options)
                kind = f"chunks of {options['max_chunk']}" if workers else "in this process"
                print(
                    f"workers {workers!s:5} {kind:16} {1e3 * wall / n:6.2f} ms wall, {1e3 * cpu / n:5.2f} ms CPU of "
                    f"the driver, per task; load {os.getloadavg()[0]:.1f}"
                )


def _steady(calls, out, workers, options):
    """Wall and CPU seconds between the first and the last result: the start of the workers is not the tasks' cost."""
    from neuromm.sweeps import running

    marks = []
    original = running.Store.add

    def add(store, outcome):
        original(store, outcome)
        marks.append((time.perf_counter(), time.process_time()))

    running.Store.add = add
    try:
        drive(calls, out, workers, **options)
    finally:
        running.Store.add = original
    return marks[-1][0] - marks[0][0], marks[-1][1] - marks[0][1]


def speedup(n=40, function="half_a_second"):
    """Wall time of tasks of half a second with one and with two worker processes."""
    calls = {"calls": {"function": f"benchmarks.sweep:{function}", "grid": {"i": list(range(n))}}, "seed": 1}
    with tempfile.TemporaryDirectory() as folder:
        walls = {}
        for kind in ("processes", "dask"):
            for workers in (1, 2):
                options = {"cluster": {"local": workers}} if kind == "dask" else {}
                given = "dask" if kind == "dask" else workers
                walls[kind, workers] = _steady(calls, Path(folder) / f"{kind}{workers}", given, options)[0]
            ratio = walls[kind, 1] / walls[kind, 2]
            print(
                f"{kind}: {walls[kind, 1]:.1f} s with one, {walls[kind, 2]:.1f} s with two workers: {ratio:.2f} "
                f"times as fast; load {os.getloadavg()[0]:.1f}"
            )


def kills(workers, n=10_000, folder=None):
    """A sweep whose worker and whose driver are killed, beside the serial one; True if the tables are the same."""
    from neuromm.sweeps import open_sweep, sweep

    folder = Path(folder or tempfile.mkdtemp(prefix="neuromm_kills_"))
    plan = folder / "points.toml"
    folder.mkdir(parents=True, exist_ok=True)
    plan.write_text(POINTS.format(n=n))
    started = time.process_time()
    sweep(plan, out=folder / "serial", progress=False)
    print(f"serial: {n} tasks, {time.process_time() - started:.0f} CPU s", flush=True)
    out = folder / f"killed_{workers}"
    driver = _start(plan, out, workers)
    at = _wait_for(out, driver, 0.3 * n)
    victim = _a_worker(out)
    os.kill(victim, signal.SIGKILL)
    print(f"killed worker {victim} at {at} results", flush=True)
    at = _wait_for(out, driver, 0.6 * n)
    driver.kill()
    driver.wait()
    there = _n_stored(out)
    print(f"killed the driver at {there} results", flush=True)
    assert _start(plan, out, workers).wait() == 0
    found, reference = open_sweep(out), open_sweep(folder / "serial")
    print(found.status(), flush=True)
    texts = [s.table().to_csv(index=False) for s in (found, reference)]
    same = texts[0] == texts[1]
    print(f"table {'identical to' if same else 'DIFFERENT from'} the serial one: "
          f"{[hashlib.sha256(t.encode()).hexdigest()[:16] for t in texts]}")  # fmt: skip
    return same


def _start(plan, out, workers):
    return subprocess.Popen([sys.executable, __file__, "drive", str(plan), str(out), "--workers", str(workers)])


def _n_stored(out):
    """How many results there are; a count, which costs the sweep nothing."""
    if not (out / "index.sqlite").exists():
        return 0
    try:
        with sqlite3.connect(f"file:{out}/index.sqlite?mode=ro", uri=True, timeout=5) as index:
            return index.execute("SELECT count(*) FROM tasks").fetchone()[0]
    except sqlite3.OperationalError:  # it is being made
        return 0


def _wait_for(out, driver, n):
    while (there := _n_stored(out)) < n:
        if driver.poll() is not None:
            raise RuntimeError(f"the driver ended by itself with {there} results")
        time.sleep(0.5)
    return there


def _a_worker(out):
    """Process id of the worker that gave the last result."""
    with sqlite3.connect(f"file:{out}/index.sqlite?mode=ro", uri=True) as index:
        return int(index.execute("SELECT worker FROM tasks ORDER BY rowid DESC").fetchone()[0].rpartition(":")[2])


def main():
    """Choose a measurement."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("overhead", "speedup", "kills", "drive"))
    parser.add_argument("words", nargs="*")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--n", type=int, default=None)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--wait", action="store_true", help="speedup: tasks that wait instead of computing")
    given = parser.parse_args()
    n = {} if given.n is None else {"n": given.n}
    workers = given.workers if given.workers == "dask" else int(given.workers)
    if given.what == "drive":
        drive(given.words[0], given.words[1], workers, **({"cluster": {"local": 2}} if workers == "dask" else {}))
        return 0
    if given.what == "kills":
        return 0 if kills(workers, folder=given.folder, **n) else 1
    if given.what == "speedup":
        speedup(**n, function="wait_half_a_second" if given.wait else "half_a_second")
    else:
        overhead(**n)
    return 0


if __name__ == "__main__":
    sys.exit(main())
