# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Bring your own model
#
# Any torch module can be looked into with `nm.record`; an observer of your own is one frozen dataclass, held against
# the public conformance suite.

# %%
import numpy as np
import torch

import neuromm as nm
from neuromm.observers.base import ClassVar, Cue, Observer, Percepts, dataclass

network = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
recorded = nm.record(network, torch.randn(10, 2), layers=["*"])
{name: values.shape for name, values in recorded.items()}


# %% [markdown]
# A winner-take-all observer: it reports the place of the sharper event for both, whatever the disparity.


# %%
@dataclass(frozen=True)
class WinnerTakesAll(Observer):
    """Reports the place of the more reliable event for both: capture without any combination."""

    sigma_auditory: float = 8.0  # deg, at reliability 1
    sigma_visual: float = 2.0  # deg, at reliability 1
    name: str = "winner_takes_all"
    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar = ("measurements", "place")

    def infer(self, stimuli, draws):
        x = stimuli.measure(self, draws)  # (n_presentations, 2), deg; NaN = absent
        heard, seen = x.T
        place = np.where(np.isnan(seen), heard, seen)
        common = np.isfinite(x).all(axis=1).astype(float)
        layers = {"measurements": np.nan_to_num(x), "place": place[:, None]}
        return Percepts(auditory=place, visual=place, common=common, layers=layers)


passed = nm.testing.check_observer(WinnerTakesAll())
len(passed)

# %%
trials = nm.paradigms.ventriloquism(n_repeats=40, reports=("auditory",), seed=1)
session = nm.present(trials, [WinnerTakesAll(), nm.observers.CausalInference()], seed=1)
ax = nm.plots.bias_by_disparity(nm.measures.crossmodal_bias(session.trials))
