"""Cost of the spiking audiovisual network, 540 cells and 108 000 synapses, in CPU seconds per simulated second.

    python benchmarks/spiking.py --parts numpy compiled

One thread, children included, imports not. `numpy`: trials stacked as blocks of one network against one trial at
a time, on the numpy target. `compiled`: one build, then all trials, then the same from a second process, which must
compile nothing; the cache is a fresh folder, so the build is measured too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from neuromm.observers.spiking.compiled import binary_folder, cache_folder  # noqa: E402
from neuromm.observers.spiking.events import drive_of  # noqa: E402
from neuromm.observers.spiking.settings import require_brian2  # noqa: E402
from neuromm.observers.spiking.simulate import simulate  # noqa: E402
from neuromm.observers.spiking.spiking_sts import SpikingSTS  # noqa: E402
from neuromm.observers.spiking.sts_network import sts_circuit  # noqa: E402

SECONDS = 0.5  # of one trial


def network(n_trials):
    """The circuit of the reference rates, and Poisson input at different places of `n_trials` trials."""
    observer = SpikingSTS.wide(duration=1000 * SECONDS, lead_in=0.0)
    places = np.linspace(-30, 30, n_trials)
    table = pd.DataFrame({"auditory_azimuth": places, "visual_azimuth": places})
    return sts_circuit(observer), drive_of(observer, table, np.zeros((n_trials, 2)))


def cpu():
    """CPU seconds of this process and its children so far."""
    return sum(os.times()[:4])


def cost(n_trials, **options):
    """CPU seconds per simulated second, and the mean rate in Hz."""
    circuit, drive = network(n_trials)
    begin, fired = cpu(), 0
    for _, spikes in simulate(circuit, drive, 1, **options):
        fired += len(spikes.cell)
    return (cpu() - begin) / (n_trials * SECONDS), fired / (n_trials * SECONDS * circuit.n_cells)


def compare_numpy(n_trials):
    """Stacked against one by one; both include building the network once."""
    alone, rate = cost(max(4, n_trials // 8), block=1)
    print(f"numpy, one trial at a time: {alone:.2f} CPU s per trial-second ({rate:.2f} Hz)")
    for block in (16, 32):
        stacked, rate = cost(max(n_trials, block), block=block)
        cheaper = f"{alone / stacked:.1f}x cheaper ({rate:.2f} Hz)"
        print(f"numpy, {block} trials stacked: {stacked:.2f} CPU s per trial-second, {cheaper}")


def compare_compiled(n_trials):
    """One build, all trials, and the same trials from a second process."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NEUROMM_CACHE"] = cache
        begin = cpu()
        folder = binary_folder(*network(1))
        print(f"cpp_standalone: one build {cpu() - begin:.1f} CPU s, {_size(folder) / 2**20:.1f} MiB")
        seconds, rate = cost(n_trials, target="cpp_standalone")
        cost_of_all = f"{seconds:.3f} CPU s per trial-second ({rate:.2f} Hz)"
        print(f"cpp_standalone, {n_trials} trials of {SECONDS:g} s: {cost_of_all}")
        command = [sys.executable, __file__, "--again", str(n_trials)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        again = json.loads(done.stdout)
        print(f"second process, the same trials: {again['seconds']:.3f} CPU s per trial-second, "
              f"{again['built']} builds, same mean rate: {np.isclose(again['rate'], rate)}")  # fmt: skip


def run_again(n_trials):
    """What a second process does: count the folders of the cache before and after."""
    before = {p: p.stat().st_mtime for p in cache_folder().iterdir()}
    seconds, rate = cost(n_trials, target="cpp_standalone")
    after = {p: p.stat().st_mtime for p in cache_folder().iterdir()}
    print(json.dumps({"seconds": seconds, "rate": rate, "built": sum(before.get(p) != t for p, t in after.items())}))


def _size(folder):
    return sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-trials", type=int, default=100)
    parser.add_argument("--n-numpy", type=int, default=32, help="trials on the numpy target, stacked")
    parser.add_argument("--parts", nargs="+", default=["numpy", "compiled"], choices=["numpy", "compiled"])
    parser.add_argument("--again", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    require_brian2()
    if arguments.again:
        return run_again(arguments.again)
    if "numpy" in arguments.parts:
        compare_numpy(arguments.n_numpy)
    if "compiled" in arguments.parts:
        compare_compiled(arguments.n_trials)


if __name__ == "__main__":
    main()
