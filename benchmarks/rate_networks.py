"""Cost and accuracy of the rate networks beside scikit-neuromsi 1.0.2, measured in one run.

    python benchmarks/rate_networks.py --peer-python PEER/bin/python

PEER is a virtual environment of its own (`pip install scikit-neuromsi==1.0.2`). Costs are CPU seconds per
trial with one thread; the peer runs its defaults, one trial after the other; ours are 256 trials in one
table, all different. Errors are the largest over cells and rings of the last sample.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import time

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402

from neuromm.maths.ring import find_peaks  # noqa: E402
from neuromm.observers.rate.cuppini2014 import Cuppini2014  # noqa: E402
from neuromm.observers.rate.cuppini2017 import Cuppini2017  # noqa: E402
from neuromm.observers.rate.paredes2025 import Paredes2025  # noqa: E402

PEER = """
import json, sys, time
import numpy as np
from skneuromsi.neural import Cuppini2017
model, out = Cuppini2017(), []
for auditory, visual in json.loads(sys.argv[1]):
    start = time.process_time()
    data = model.run(auditory_position=auditory, visual_position=visual)
    seconds = time.process_time() - start
    last = data.to_xarray().isel(times=-1)
    rings = [last.sel(modes=mode).values.ravel().tolist() for mode in ("auditory", "visual", "multi")]
    out.append({"seconds": seconds, "rings": rings})
print(json.dumps(out))
"""

PEER_FLASH = """
import json, sys, time
import skneuromsi.neural
out = []
for name in json.loads(sys.argv[1]):
    model, seconds = getattr(skneuromsi.neural, name)(), []
    for _ in range(int(sys.argv[2])):
        start = time.process_time()
        model.run()
        seconds.append(time.process_time() - start)
    out.append(sorted(seconds)[len(seconds) // 2])
print(json.dumps(out))
"""


def trials(n, seed=0):
    """`n` different audiovisual trials; the first eight have whole-degree places, which the peer needs too."""
    rng = np.random.default_rng(seed)
    auditory = rng.uniform(-50, 50, n)
    visual = auditory + rng.uniform(-30, 30, n)
    whole = np.array([[0, 0], [0, 3], [0, 12], [0, 15], [0, 18], [-20, 7], [10, 34], [5, -55]])[:n]
    auditory[: len(whole)], visual[: len(whole)] = whole.T
    return pd.DataFrame({"auditory_azimuth": auditory, "visual_azimuth": visual, "report": "common"})


def measure(observer, table, repeats=1, **kwargs):
    """CPU seconds per trial (the least of the repeats) and the last samples, (3, n_trials, n_cells)."""
    costs = []
    for _ in range(repeats):
        start = time.process_time()
        percept = observer.perceive(table, rng=np.random.default_rng(0), layers="*", **kwargs)
        costs.append((time.process_time() - start) / len(table))
    rings = np.stack([percept.representations[layer].to_numpy().astype(float) for layer in observer.layers])
    return min(costs), rings


def compare_peer(python, n_peer, n_ours):
    """Costs against the peer, and the error of each of ours; returns the peer's CPU seconds per trial."""
    table = trials(n_ours)
    pairs = (table.iloc[:n_peer][["auditory_azimuth", "visual_azimuth"]].to_numpy() + 90).astype(int).tolist()
    found = subprocess.run([python, "-c", PEER, json.dumps(pairs)], capture_output=True, text=True, check=True)
    peer = json.loads(found.stdout.strip().splitlines()[-1])
    seconds = float(np.median([p["seconds"] for p in peer]))
    print(f"scikit-neuromsi 1.0.2, default run: {seconds:.2f} CPU s per trial (median of {n_peer})")
    exact_cost, exact = measure(Cuppini2017(), table)
    theirs = np.array([p["rings"] for p in peer]).swapaxes(0, 1)
    print(f"euler 0.01 float64: {exact_cost:.4f} CPU s per trial, {seconds / exact_cost:.0f}x; "
          f"error against the peer {np.abs(exact[:, :n_peer] - theirs).max():.1e}")  # fmt: skip
    cost, rings = measure(Cuppini2017(dtype="float32"), table)
    print(f"euler 0.01 float32: {cost:.4f} CPU s per trial, {seconds / cost:.0f}x; "
          f"error against float64 on the worst of {n_ours} trials {np.abs(rings - exact).max():.1e}")  # fmt: skip
    for dtype in ("float64", "float32"):
        cost, _ = measure(Cuppini2017(integrator="exponential", dtype=dtype), table, repeats=3)
        print(f"exponential {dtype}: {cost:.4f} CPU s per trial, {seconds / cost:.0f}x")
    return seconds


def compare_flash(python, n_peer, n_ours):
    """Cuppini2014 and Paredes2025 over the peer's own default runs of 100 and 200 ms."""
    peers = {"Cuppini2014": (Cuppini2014, 100.0), "Paredes2025": (Paredes2025, 200.0)}
    found = subprocess.run(
        [python, "-c", PEER_FLASH, json.dumps(list(peers)), str(n_peer)], capture_output=True, text=True, check=True
    )
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"n_beeps": 2, "n_flashes": 1, "beep_soa": rng.uniform(15, 60, n_ours), "report": "n_flashes"})
    table["auditory_azimuth"], table["visual_azimuth"] = rng.uniform(-10, 10, (2, n_ours))
    for (name, (kind, duration)), seconds in zip(peers.items(), json.loads(found.stdout.splitlines()[-1]), strict=True):
        print(f"{name}: scikit-neuromsi {seconds:.2f} CPU s per trial (median of {n_peer})", flush=True)
        last = {}
        for integrator in ("euler", "exponential"):
            for dtype in ("float64", "float32"):
                observer = kind(duration=duration, integrator=integrator, dtype=dtype)
                start = time.process_time()
                percept = observer.perceive(table, rng=np.random.default_rng(0), layers=observer.rings)
                cost = (time.process_time() - start) / n_ours
                last[dtype] = np.stack([percept.representations[ring] for ring in observer.rings])
                error = (
                    ""
                    if dtype == "float64"
                    else f"; error against float64 {np.abs(last[dtype] - last['float64']).max():.1e}"
                )
                print(f"{name} {integrator} {dtype}: {cost:.4f} CPU s per trial, {seconds / cost:.0f}x{error}")


def accuracy():
    """Both integrators against the converged equation on a grid of disparities and strengths."""
    disparity = np.arange(0.0, 31.0, 1.0)
    table = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": disparity, "report": "common"})
    strengths = np.array([[a, v] for a in (24.0, 28.0, 32.0) for v in (23.0, 27.0, 31.0)])
    sets = pd.DataFrame(strengths, columns=["strength_auditory", "strength_visual"])
    fast = Cuppini2017(integrator="exponential")
    truth, euler, quick = (
        measure(o, table, parameters=sets)[1] for o in (dataclasses.replace(fast, dt=0.0125), Cuppini2017(), fast)
    )
    flat = [x.reshape(3, -1, 180) for x in (truth, euler, quick)]
    own, error = (np.abs(x - flat[0]).max((0, 2)) for x in flat[1:])
    for name, e in (("euler 0.01", own), ("exponential", error)):
        print(f"{name}: error against the converged one, median {np.median(e):.1e}, 95 % {np.quantile(e, 0.95):.1e}, "
              f"worst {e.max():.1e} ({len(e)} grid points)")  # fmt: skip
    counts = [find_peaks(x[2], 0.15)[0] for x in flat]
    places = [x[:2].argmax(-1) for x in flat]
    for name, which in (("converged", 0), ("euler 0.01", 1)):
        agree = (places[2] == places[which]).all(0) & (counts[2] == counts[which])
        print(f"exponential against {name}: same peaks and causes on {100 * agree.mean():.1f} %")
    print(f"exponential no worse than euler 0.01 on {100 * (error <= own).mean():.1f} %")


def scaling():
    """Cost per trial from 64 to 4096 trials, over 5 ms of the run."""
    for dtype in ("float64", "float32"):
        observer = Cuppini2017(duration=5.0, dtype=dtype)
        costs = [measure(observer, trials(n), repeats=3 if n < 1000 else 1)[0] * 20 for n in (64, 256, 1024, 4096)]
        print(f"euler {dtype}, CPU s per trial of 100 ms with 64, 256, 1024, 4096 trials: {np.round(costs, 4)}; "
              f"largest over least {max(costs) / min(costs):.2f}")  # fmt: skip


def sweep(n=30, n_disparities=20):
    """A grid of n × n parameter sets × disparities in one call."""
    table = pd.DataFrame(
        {"auditory_azimuth": 0.0, "visual_azimuth": np.linspace(0, 40, n_disparities), "report": "common"}
    )
    for names, grids in {
        ("strength_auditory", "strength_visual"): (np.linspace(20, 34, n), np.linspace(20, 34, n)),
        ("weight_crossmodal", "weight_feedforward"): (np.linspace(0, 2, n), np.linspace(12, 24, n)),
    }.items():
        sets = pd.DataFrame(np.array(np.meshgrid(*grids)).reshape(2, -1).T, columns=names)
        for dtype in ("float32", "float64"):
            observer, start = Cuppini2017(integrator="exponential", dtype=dtype), time.process_time()
            observer.perceive(table, rng=np.random.default_rng(0), parameters=sets)
            seconds = time.process_time() - start
            grid = f"{' × '.join(names)}, {n} × {n} × {n_disparities}"
            print(f"sweep of {grid}, {dtype}: {seconds:.0f} CPU s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="python of a virtual environment with scikit-neuromsi==1.0.2")
    parser.add_argument("--n-peer", type=int, default=4, help="trials that the peer runs, at most 8")
    parser.add_argument("--n-trials", type=int, default=256)
    parser.add_argument(
        "--parts",
        nargs="+",
        default=["peer", "flash", "accuracy", "scaling"],
        choices=["peer", "flash", "accuracy", "scaling", "sweep"],
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread, batch of {arguments.n_trials} trials")
    if "peer" in arguments.parts and arguments.peer_python:
        compare_peer(arguments.peer_python, arguments.n_peer, arguments.n_trials)
    if "flash" in arguments.parts and arguments.peer_python:
        compare_flash(arguments.peer_python, arguments.n_peer, arguments.n_trials)
    for part in (accuracy, scaling, sweep):
        if part.__name__ in arguments.parts:
            part()


if __name__ == "__main__":
    main()
