"""What sweeps of these tests compute, and a driver in a process of its own that can be killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

MARK = "NEUROMM_RELIABILITY_RUN"  # in the environment of a driver and of all that it starts


def draw(i, rng):
    """Noise of its own, and a curve; `PAUSE` in the environment makes it last, and decides nothing."""
    time.sleep(float(os.environ.get("PAUSE", "0")))
    return {"i": i, "value": float(rng.standard_normal()), "sum": float(np.cumsum(rng.random(50))[-1])}


def plan(n):
    """`n` of them."""
    return {"calls": {"function": "reliability_jobs:draw", "grid": {"i": list(range(n))}}, "seed": 11}


def start_driver(out, n, workers, mark, pause=0.01):
    """A driver that runs the plan into `out` with two workers, as a process group of its own."""
    options = "workers='dask', cluster={'local': 2}" if workers == "dask" else "workers=2"
    code = (
        "import sys; from neuromm.sweeps import sweep; from reliability_jobs import plan\n"
        f"if __name__ == '__main__': sweep(plan({n}), out=sys.argv[1], {options}, max_chunk=8, progress=False)"
    )
    paths = [str(Path(__file__).parent), *[p for p in sys.path if p]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PAUSE": str(pause), MARK: mark}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(out)], env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


def processes_of(mark):
    """Process ids of everything that carries the mark (Linux: /proc)."""
    found, wanted = [], f"{MARK}={mark}".encode()
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            if wanted in (place / "environ").read_bytes().split(b"\0") and not _is_dead(place):
                found.append(int(place.name))
        except OSError:
            continue  # it ended while we looked, or is another user's
    return found


def _is_dead(place):
    return (place / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
