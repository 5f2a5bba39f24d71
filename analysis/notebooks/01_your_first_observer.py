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
# # Your first observer
#
# Show a trial table to an ideal observer, look at what it answers, change one parameter, compare.

# %%
import dataclasses

import neuromm as nm

trials = nm.paradigms.ventriloquism(n_repeats=40, seed=1)
trials.head()

# %% [markdown]
# An observer *is* its parameters. `dataclasses.replace` makes a variant.

# %%
observer = nm.observers.CausalInference(sigma_auditory=8.0, sigma_visual=2.0, sigma_prior=15.0, p_common=0.5)
sceptic = dataclasses.replace(observer, p_common=0.1, name="sceptic")
session = nm.present(trials, [observer, sceptic, nm.observers.ForcedFusion(), nm.observers.Segregation()], seed=1)
session.responses.head()

# %% [markdown]
# The ventriloquist effect: how far does the light pull the sound? It falls with disparity only if two causes are
# considered.

# %%
bias = nm.measures.crossmodal_bias(session.trials, baseline="unisensory")
ax = nm.plots.bias_by_disparity(bias)

# %%
ax = nm.plots.unity_by_disparity(nm.measures.unity_rate(session.trials))

# %% [markdown]
# Sampling is one route; the exact prediction is the other. They agree.

# %%
sampled = session.trials.query("observer == 'causal_inference' and report == 'auditory'").groupby("condition")[
    "response"
]
exact = observer.predict(trials).assign(condition=trials["condition"], report=trials["report"])
exact = exact.query("report == 'auditory'").groupby("condition")["expected"].first()
difference = (sampled.mean() - exact) / (sampled.std() / sampled.count() ** 0.5)
assert difference.abs().max() < 4, "sampled and exact answers differ by more than noise allows"
difference.describe()
