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
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

import neuromm as nm
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.stimuli.measurement import measure
from neuromm.stimuli.table import require, showings

network = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
recorded = nm.record(network, torch.randn(10, 2), layers=["*"])
{name: values.shape for name, values in recorded.items()}


# %% [markdown]
# A winner-take-all observer: it reports the place of the sharper event for both, whatever the disparity.


# %%
@dataclass(frozen=True)
class WinnerTakesAll:
    """Reports the place of the more reliable event for both: capture without any combination."""

    sigma_auditory: float = 8.0  # deg, at reliability 1
    sigma_visual: float = 2.0  # deg, at reliability 1
    name: str = "winner_takes_all"
    layers: ClassVar[tuple[str, ...]] = ("measurements", "place")

    def perceive(self, trials, *, rng, layers=(), parameters=None):
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), 2))
        x_a = measure(trials, "auditory", self.sigma_auditory, z[:, 0])[first][of_row]
        x_v = measure(trials, "visual", self.sigma_visual, z[:, 1])[first][of_row]
        place = np.where(np.isnan(x_v), x_a, x_v)
        common = (np.isfinite(x_a) & np.isfinite(x_v)).astype(float)
        responses = answer(trials, {"auditory": place, "visual": place, "common": common}, self.name)
        activity = {"measurements": np.nan_to_num(np.column_stack([x_a, x_v])), "place": place[:, None]}
        return Percept(responses, collect(layers, activity, trials, self.name))

    def provenance(self):
        return describe(self)


passed = nm.testing.check_observer(WinnerTakesAll())
len(passed)

# %%
trials = nm.paradigms.ventriloquism(n_repeats=40, reports=("auditory",), seed=1)
session = nm.present(trials, [WinnerTakesAll(), nm.observers.CausalInference()], seed=1)
ax = nm.plots.bias_by_disparity(nm.measures.crossmodal_bias(session.trials))
