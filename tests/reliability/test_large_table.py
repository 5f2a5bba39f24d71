"""A million trials: read from a file, shown, measured and written, in less than 4 GB."""

import subprocess
import sys

import pytest

CODE = """
import resource, sys, time
import numpy as np, pandas as pd
import neuromm as nm
from neuromm.stimuli.table import read_trials, write_trials
rng = np.random.default_rng(1)
n = 1_000_000
azimuth = rng.choice([-10.0, -5.0, 0.0, 5.0, 10.0], (2, n))
trials = pd.DataFrame({"auditory_azimuth": azimuth[0], "visual_azimuth": azimuth[1], "report": "auditory"})
trials["disparity"] = trials["auditory_azimuth"] - trials["visual_azimuth"]
write_trials(trials.rename_axis("trial"), sys.argv[1])
del trials, azimuth
started = time.process_time()
trials = read_trials(sys.argv[1])
session = nm.present(trials, ["causal_inference"], seed=1, layers=None)
bias = nm.measures.crossmodal_bias(session.trials)
unity = float(np.corrcoef(session.responses["response"], session.stimuli["auditory_azimuth"])[0, 1])
assert len(session.responses) == n and session.responses["response"].notna().all()
assert bias["n"].sum() == (trials["disparity"] != 0).sum() and (bias["bias"].between(0, 1)).all()
print(f"{time.process_time() - started:.1f} CPU s, "
      f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB, r {unity:.3f}")
"""


@pytest.mark.deep
def test_a_million_trials_fit_in_four_gigabytes(tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE, str(tmp_path / "t.csv")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    print(done.stdout.strip())
    assert float(done.stdout.split(", ")[1].removesuffix(" GB")) < 4
