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
# # A denoiser's layers, by noise level
#
# A denoiser trained with squared error on pairs of places, each at its own noise level, estimates as a model-averaging
# causal-inference observer does. How does the resemblance of its layers to that computation change with the noise?

# %%
import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.observers.ann.diffusion.place_scenes import place_map
from neuromm.studies.layers_by_noise import layers_beside_models

levels = [1.0, 0.25, 0.0625]  # visual reliability: sd 2, 4, 8 deg
sigmas = {"sigma_auditory": 4.0, "sigma_visual": 2.0}
corners = {
    "segregation": nm.observers.Segregation(**sigmas),
    "fusion": nm.observers.ForcedFusion(**sigmas),
    "causal inference": nm.observers.CausalInference(**sigmas),
}
denoiser = nm.load("av_denoiser", **sigmas)

# %%
found = []
for level in levels:
    designs = [
        nm.paradigms.ventriloquism_by_reliability(
            4, 8, auditory_reliability=(1.0,), visual_reliability=(level,), reports=("auditory", "visual"), seed=s
        )
        for s in (1, 2)
    ]
    models = nm.present(designs[1], list(corners.values()), seed=1, layers=["estimate"]).representations
    models = {k: nm.measures.rdm(models[o.name]["estimate"], method="crossnobis") for k, o in corners.items()}
    layers = nm.present(designs[0], [denoiser], seed=1).representations["av_denoiser"]
    rdms = [nm.measures.rdm(v, method="crossnobis", name=k) for k, v in layers.items()]
    found.append(nm.measures.computations(rdms, models).assign(sigma_visual=2 / level**0.5))
table = pd.concat(found)
table.pivot(index="name", columns="sigma_visual", values="r causal inference").round(2)

# %% [markdown]
# Within one level of noise the three computations are hard to tell apart (here their own RDMs correlate highly): the
# column differences, not the absolute values, are what this design can show.

# %%
table.pivot(index="name", columns="sigma_visual", values="delta").round(3)

# %% [markdown]
# ## The noise of the process itself
#
# The place denoiser is given pixels and a cochleagram, and denoises maps of where light and sound are.
# `record_at_noise` noises clean data to a timestep and records layers on the way: here the maps, with picture and
# sound held.

# %%
trials = nm.paradigms.ventriloquism(1, positions=(-10.0, 0.0, 10.0), unimodal=False, reports=("auditory",), seed=1)
observer = nm.load("place_denoiser", **sigmas)
sensed = observer.sensed(trials)
maps = [place_map(trials[f"{modality}_azimuth"]) for modality in ("visual", "auditory")]
layers = nm.record_at_noise(
    observer.at_noise(), np.concatenate(maps, 1), timesteps=[50, 500, 950], layers=["hidden*"], ensemble_size=4,
    condition=(sensed["picture"], sensed["sound"]),
)  # fmt: skip
{name: values.shape for name, values in layers.items()}

# %% [markdown]
# Beside model observers and the rings of a brain model, on the 64 conditions of the reliability design (whitened
# cosine of crossnobis RDMs). Where the maps are clean, places are read from them; where they are noise, they must be
# inferred.

# %%
process = layers_beside_models([50, 500, 950], n_repeats=1, ensemble_size=2)
process = process[process["network"] == "trained"]
process.pivot_table(index=["model", "layer"], columns="timestep", values="value", sort=False).round(2)
