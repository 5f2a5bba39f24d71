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
# # A brain model against a network, by RSA
#
# The Cuppini 2017 network and a contrastive audiovisual encoder see the same trials with the same noise. Which
# computation does each of their layers carry, and who represents the trials alike?

# %%
import neuromm as nm
from neuromm.studies.line_up import fresh_noise

trials = nm.paradigms.ventriloquism_by_reliability(n_folds=4, n_repeats=1, reports=("auditory", "visual"), seed=1)
sigmas = {"sigma_auditory": 4.0, "sigma_visual": 2.0}  # deg at reliability 1: those of the yoked noise
networks = [
    nm.observers.Cuppini2017(integrator="exponential"),
    nm.load("av_encoder", **sigmas),
    nm.load("av_encoder", trained=False, name="av_encoder_untrained", **sigmas),
]
session = nm.present(trials, networks, seed=1)
{name: list(layers) for name, layers in session.representations.items()}

# %% [markdown]
# Model computations: ideal observers on the same stimuli with *other* noise: no noise is shared in a comparison.

# %%
ideal = {
    "segregation": nm.observers.Segregation(**sigmas),
    "fusion": nm.observers.ForcedFusion(**sigmas),
    "causal inference": nm.observers.CausalInference(**sigmas),
}
reference = nm.present(fresh_noise(trials, 2), list(ideal.values()), seed=2, layers=["estimate"])
models = {
    k: nm.measures.rdm(reference.representations[o.name]["estimate"], method="crossnobis") for k, o in ideal.items()
}

# %% [markdown]
# Cross-validated distances (crossnobis) are unbiased by noise; the whitened cosine weighs them by their covariance.

# %%
rdms = session.rdms(method="crossnobis")
table = nm.measures.computations(
    {k: r for k, r in rdms.items() if "frames" not in k and "cochleagram" not in k}, models
)
table[["name", "r segregation", "r fusion", "r causal inference", "delta", "explained"]].round(2)

# %%
last = {k: rdms[k] for k in ("cuppini2017/multisensory", "av_encoder/joint", "av_encoder_untrained/joint")}
ax = nm.plots.similarity_map(nm.measures.compare_rdms({**last, **models}, comparator="whitened_cosine"))

# %% [markdown]
# The untrained twin is the baseline: a resemblance that it shows as well is not learnt.
