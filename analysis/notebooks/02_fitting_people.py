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
# # Fitting people
#
# Which rule do these answers follow, and with which parameters? Three people are simulated, so that we know the truth;
# with a table of your own, put `nm.datasets.read_columns(...)` (or a reader of a public table) in its place. Everything
# below takes a minute at most on one core.

# %%
import numpy as np
import pandas as pd

import neuromm as nm

rng = np.random.default_rng(1)
trials = nm.paradigms.ventriloquism(n_repeats=6, keys=True, seed=1, reports=("auditory", "common"))
truth = {
    f"person {i + 1}": nm.observers.CausalInference(9.0, 2.5, 14.0, p_common=p) for i, p in enumerate((0.2, 0.5, 0.8))
}
people = pd.concat(
    [trials.join(o.perceive(trials, rng=rng).responses).assign(observer=who) for who, o in truth.items()],
    ignore_index=True,
)
people.groupby(["observer", "report"])["response"].describe()[["count", "mean", "std"]].round(2)

# %% [markdown]
# ## Fit
#
# All people and many starts at once, by exact likelihoods and their gradients. A parameter that is not identified, or
# stands at its bound, is named in the summary.

# %%
free = {"sigma_auditory": (1, 30), "sigma_visual": (0.5, 15), "p_common": (0.02, 0.98), "criterion": (1, 60)}
models = [
    nm.observers.CausalInference(sigma_prior=14.0, lapse=0.01),
    nm.observers.FixedCriterion(sigma_prior=14.0, lapse=0.01),
    nm.observers.ForcedFusion(sigma_prior=14.0, lapse=0.01),
]
fitted = nm.measures.fit(models, people, free, n_starts=4, rng=rng)
fitted.summary[["model", "subject", "n_trials", "log_likelihood", "bic", "n_agreeing", "warnings"]].round(1)

# %%
own = fitted.estimates[(fitted.estimates["model"] == "causal_inference")]
own = own.assign(truth=[getattr(truth[s], p) for s, p in zip(own["subject"], own["parameter"], strict=True)])
own[["subject", "parameter", "truth", "estimate", "low", "high"]].round(2)

# %% [markdown]
# ## Compare models
#
# Summed differences of BIC with an interval over people, and random-effects selection with protected exceedance. With
# three people the second stays modest: it asks how sure we are about *people*, not about these three.

# %%
comparison = nm.measures.compare_models(fitted.summary, "bic")
evidence = -fitted.summary.pivot(index="subject", columns="model", values="bic") / 2
chosen = nm.measures.select_models(evidence)
comparison.join(chosen.table).round(2)

# %%
ax = nm.plots.model_comparison(comparison, exceedance=chosen.table)
ax.figure.set_size_inches(5.2, 1.8)

# %% [markdown]
# ## Look at the fit
#
# The fitted observer predicts; points are answers, lines its exact expectations.

# %%
who = "person 2"
answers = people[(people["observer"] == who) & (people["report"] == "common")]
observer = fitted.observer(who, "causal_inference")
rows = answers.drop_duplicates("condition")
curve = rows.assign(mean=observer.predict(rows)["expected"]).groupby("disparity", as_index=False)["mean"].mean()
ax = nm.plots.answers_against(
    nm.measures.mean_answers(answers, "disparity"),
    "disparity",
    predicted=curve,
    xlabel="disparity, auditory − visual (deg)",
    ylabel='P("one cause")',
)
nm.plots.headed(ax, f"{who}: answers and the fitted observer", (4.5, 2.6), ylim=(-0.03, 1.03))

# %% [markdown]
# ## Posterior
#
# Slice samples of the same exact likelihood; `posterior.to_arviz(subject)` hands them to ArviZ.

# %%
one = people[people["observer"] == who]
posterior = nm.measures.sample_posterior(
    models[0],
    one,
    {"sigma_auditory": (1, 30), "p_common": (0.02, 0.98)},
    n_samples=60,
    n_warmup=20,
    n_starts=2,
    rng=rng,
)
posterior.summary.round(3)

# %% [markdown]
# Published people: `neuromm run fit_people` fits every subject of two public tables and draws these comparisons.
