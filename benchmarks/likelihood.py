"""Exact likelihoods beside the sampled ones of bcitoolbox 0.3.0, in CPU seconds of one thread.

    python benchmarks/likelihood.py --peer-python PEER/bin/python

PEER is a virtual environment of its own (`pip install bcitoolbox==0.3.0`). The work: 25 audiovisual and 10
unimodal conditions, both places reported on five keys, 20 showings each. bcitoolbox evaluates one parameter set by
10 000 samples per condition; ours evaluates a batch of 64 sets (σ .5–25° log-uniform, σ_P 2–40°, p_common
.02–.98), exactly. The error is the largest change of any key's probability when every quadrature is refined,
set by set. Then the cost of a gradient, of motor noise, and of a whole fit from 10 starts.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import tempfile
import time

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from neuromm.measures.fitting import fit  # noqa: E402
from neuromm.observers.bayes.causal_inference import CausalInference  # noqa: E402
from neuromm.paradigms.ventriloquism import ventriloquism  # noqa: E402

FREE = {
    "sigma_auditory": (0.5, 25), "sigma_visual": (0.5, 25), "sigma_prior": (2, 40), "p_common": (0.02, 0.98),
    "mu_prior": (-5, 5),
}  # fmt: skip
WANTED = {"averaging": 100, "selection": 30, "matching": 5}  # times faster than the peer's 10 000 samples

PEER = """
import json, sys, time
import numpy as np, pandas as pd
import bcitoolbox as btb
from bcitoolbox.engine import simulate_conditions
from bcitoolbox.likelihood import ScoringPlan
table = pd.read_csv(sys.argv[1])
places = ({"visual": "v", "auditory": "a"}, {"visual": "rv", "auditory": "ra"})
data = btb.Data.from_frame(table, *places)
out = {}
for strategy in ("averaging", "selection", "matching"):
    model = btb.Model.from_data(data, strategy=strategy)
    plan = ScoringPlan(data, model._prepare(data))
    conditions = model.conditions_array(data.conditions)
    arrays = model._arrays(model.values())
    def once():
        output = simulate_conditions(conditions, arrays["p_common"], arrays["sigma"], arrays["mu_prior"],
            arrays["sigma_prior"], bias=arrays["bias"], strategy=strategy, p_cutoff=arrays["p_cutoff"],
            n_sim=10000, seed=13)
        said = model._apply_responses(output["estimates"], arrays, 13, output["p_common_posterior"])
        return plan.evaluate(said, "mll")["error"]
    once()
    times = []
    for _ in range(7):
        start = time.process_time(); once(); times.append(time.process_time() - start)
    out[strategy] = min(times)
    if strategy == "averaging" and "--fit" in sys.argv:
        start = time.process_time(); model.fit(data, n_start=1); out["fit"] = time.process_time() - start
print(json.dumps(out))
"""


def answers(observer, n_showings=20, seed=4):
    """Simulated answers of one subject in the Körding design, five keys, both places."""
    trials = ventriloquism(n_showings, keys=True, seed=seed, reports=("auditory", "visual"))
    return trials.join(observer.perceive(trials, rng=np.random.default_rng(seed)).responses)


def time_peer(python, data, with_fit):
    """CPU seconds of one likelihood per strategy, and of a fit, in the peer's own environment."""
    wide = data.pivot(index="presentation", columns="report", values="response")
    shown = data.drop_duplicates("presentation").set_index("presentation")[["auditory_azimuth", "visual_azimuth"]]
    table = shown.join(wide).set_axis(["a", "v", "ra", "rv"], axis=1)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        table.to_csv(file.name, index=False)
        command = [python, "-c", PEER, file.name, *(["--fit"] if with_fit else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def cost(function, n_times=15):
    """Least CPU seconds of several calls."""
    function()
    times = []
    for _ in range(n_times):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def largest_error(likelihood, sets):
    """Largest change of a key probability when every quadrature is refined, each set alone in its batch."""
    from neuromm.maths.report_probability import STANDARD

    (parts,) = likelihood._groups.values()
    worst = 0.0
    with torch.no_grad():
        for theta in torch.as_tensor(sets):
            for evaluate, axis, *_ in parts:
                parameters = likelihood._parameters(theta[None], axis)
                ours = evaluate(parameters).exp()
                fine = evaluate(parameters, STANDARD.refined(2.5)).exp()
                worst = max(worst, float((ours - fine).abs().max()))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="python of an environment with bcitoolbox 0.3.0")
    parser.add_argument("--peer-fit", action="store_true", help="time the peer's fit too (half a minute)")
    parser.add_argument("--n-sets", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    observer = CausalInference(sigma_auditory=8, sigma_visual=2.5, sigma_prior=14, p_common=0.4, lapse=0.02)
    data = answers(observer)
    peer = time_peer(options.peer_python, data, options.peer_fit) if options.peer_python else {}
    print("strategy      ours, ms/set  peer, ms  factor  wanted     error  gradient, ms")
    for strategy, wanted in WANTED.items():
        one = dataclasses.replace(observer, strategy=strategy)
        likelihood = one.likelihood(data, FREE)
        sets = likelihood.space.from_unit(np.random.default_rng(1).random((options.n_sets, len(FREE))))
        seconds = cost(lambda f=likelihood, s=sets: f(s)) / len(sets)
        gradient = cost(lambda f=likelihood, s=sets: f(s, gradient=True), 3) / len(sets)
        theirs = peer.get(strategy, np.nan)
        print(
            f"{strategy:<12}{seconds * 1e3:14.3f}{theirs * 1e3:10.1f}{theirs / seconds:8.0f}{wanted:8d}"
            f"{largest_error(likelihood, sets):10.1e}{gradient * 1e3:14.3f}"
        )
    for strategy in WANTED:
        noisy = dataclasses.replace(observer, strategy=strategy, sigma_motor=1.5)
        likelihood = noisy.likelihood(data, FREE)
        sets = likelihood.space.from_unit(np.random.default_rng(1).random((8, len(FREE))))
        seconds = cost(lambda f=likelihood, s=sets: f(s), 1) / len(sets)
        print(f"with motor noise 1.5 deg, {strategy}: {seconds * 1e3:.1f} ms/set")
    for strategy in WANTED:
        one = dataclasses.replace(observer, strategy=strategy)
        seconds = cost(lambda o=one: fit(o, data, FREE, n_starts=10), 1)
        theirs = f" (peer, one start: {peer['fit']:.1f} s)" if "fit" in peer and strategy == "averaging" else ""
        print(f"fit of 5 parameters from 10 starts, {strategy}: {seconds:.2f} CPU s{theirs}")


if __name__ == "__main__":
    main()
