"""Model comparison: against brute-force integrals, Monte Carlo and simulations whose answer is known."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import dirichlet

from neuromm.measures.model_comparison import (
    by_subject,
    compare_models,
    cross_validate,
    deal_folds,
    exceedance_probability,
    null_bound,
    recover,
    select_models,
    variational,
)
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.observers.bayes.segregation import Segregation
from neuromm.paradigms.ventriloquism import ventriloquism

FREE = {"sigma_auditory": (1, 30), "sigma_visual": (0.5, 15), "sigma_prior": (3, 60), "p_common": (0.05, 0.95)}
MODELS = [
    *(CausalInference(strategy=s, name=s, lapse=0.02) for s in ("averaging", "selection", "matching")),
    ForcedFusion(lapse=0.02),
    Segregation(lapse=0.02),
]
DEMO = {"sigma_auditory": 8.0, "sigma_visual": 2.0, "sigma_prior": 15.0}


def draw_around_demo(observer, rng):
    """Parameters within ±20 % of the demonstration set, p_common .4–.6."""
    values = {k: v * np.exp(rng.uniform(-0.2, 0.2)) for k, v in DEMO.items()}
    if hasattr(observer, "p_common"):
        values["p_common"] = rng.uniform(0.4, 0.6)
    return dataclasses.replace(observer, **values)


@pytest.fixture
def summary():
    rng = np.random.default_rng(1)
    rows = [(m, s, bic + rng.normal(0, 3)) for s in range(12) for m, bic in (("good", 100.0), ("bad", 112.0))]
    return pd.DataFrame(rows, columns=["model", "subject", "bic"])


def test_differences_are_sums_over_subjects_and_intervals_those_of_the_bootstrap(summary):
    table = compare_models(summary)
    wide = summary.pivot(index="subject", columns="model", values="bic")
    delta = wide["bad"] - wide["good"]
    assert table.index[0] == "good" and table.loc["good", "delta"] == 0
    assert table.loc["bad", "delta"] == pytest.approx(delta.sum())
    rng = np.random.default_rng(9)  # a loop over resamples
    sums = [delta.to_numpy()[rng.integers(12, size=12)].sum() for _ in range(4000)]
    assert table.loc["bad", ["low", "high"]].tolist() == pytest.approx(np.quantile(sums, [0.025, 0.975]), abs=3)
    assert table["n_best"].sum() == 12


def test_models_of_different_subjects_are_not_compared(summary):
    with pytest.raises(ValueError, match="model 'bad' has no bic for subject 11"):
        by_subject(summary.iloc[:-1], "bic")


@pytest.mark.parametrize("alpha", [[3.0, 5.0], [1.2, 4.0, 9.0], [2.0, 2.0, 2.0, 2.0], [0.5, 30.0, 31.0]])
def test_exceedance_is_the_share_of_dirichlet_draws(alpha):
    draws = dirichlet(alpha).rvs(200_000, random_state=np.random.default_rng(0))
    share = np.bincount(draws.argmax(1), minlength=len(alpha)) / len(draws)
    assert exceedance_probability(alpha) == pytest.approx(share, abs=5e-3)


def test_the_free_energy_is_just_below_the_integral_over_frequencies():
    rng = np.random.default_rng(2)
    evidence = rng.normal(0, 2, (15, 2)) + [1.0, 0.0]

    def likelihood(r):
        return np.exp(np.log(r * np.exp(evidence[:, 0]) + (1 - r) * np.exp(evidence[:, 1])).sum())

    exact = np.log(quad(likelihood, 0, 1)[0])  # a uniform prior on the frequency
    alpha, _, bound = variational(evidence, np.ones(2))
    assert exact - 0.7 < bound < exact
    mean = quad(lambda r: r * likelihood(r), 0, 1)[0] / np.exp(exact)
    assert alpha[0] / alpha.sum() == pytest.approx(mean, abs=0.04)
    assert null_bound(evidence, np.ones(2)) == pytest.approx(np.log(likelihood(0.5)))


def test_a_model_that_everybody_uses_exceeds_and_equal_models_do_not():
    rng = np.random.default_rng(3)
    clear = select_models(pd.DataFrame(rng.normal(0, 1, (15, 3)) + [8, 0, 0], columns=list("abc")))
    assert clear.table.loc["a", "protected_exceedance"] > 0.95 and clear.risk < 0.01
    equal = select_models(pd.DataFrame(np.zeros((10, 3)), columns=list("abc")))
    assert equal.table["protected_exceedance"].tolist() == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert equal.risk > 0.5  # nothing speaks for different frequencies
    assert clear.attribution.sum(axis=1).to_numpy() == pytest.approx(np.ones(15))


def test_families_are_equal_a_priori_whatever_their_size():
    evidence = pd.DataFrame(np.zeros((8, 3)), columns=list("abc"))
    families = {"a": "one", "b": "two", "c": "two"}
    assert select_models(evidence, families=families).table["frequency"].tolist() == pytest.approx([0.5, 0.5])


def test_folds_keep_showings_together_and_fill_every_condition():
    trials = ventriloquism(10, seed=1).assign(observer="a")
    fold = deal_folds(trials, 5, by="observer", rng=np.random.default_rng(1))
    assert (pd.Series(fold).groupby(trials["presentation"].to_numpy()).nunique() == 1).all()
    counts = pd.crosstab(trials["condition"], fold)
    assert (counts.max(axis=1) == counts.min(axis=1)).all()


def test_cross_validation_prefers_the_model_that_made_the_answers():
    trials = ventriloquism(8, keys=True, seed=2, reports=("auditory", "visual"))
    truth = CausalInference(**DEMO, lapse=0.02)
    data = trials.join(truth.perceive(trials, rng=np.random.default_rng(1)).responses).assign(observer="a")
    table = cross_validate([truth, ForcedFusion(lapse=0.02)], data, FREE, n_folds=3, n_starts=3)
    score = table.set_index("model")["log_likelihood"]
    assert score["causal_inference"] > score["forced_fusion"] + 20
    assert (table["n_trials"] == len(data)).all()


def test_recovery_returns_rows_that_sum_to_one():
    trials = ventriloquism(4, keys=True, seed=3)
    back = recover([ForcedFusion(lapse=0.02), Segregation(lapse=0.02)], trials,
                   {k: FREE[k] for k in list(FREE)[:3]}, draws=draw_around_demo, n_subjects=3, n_starts=3)  # fmt: skip
    assert np.diag(back.confusion).tolist() == [1.0, 1.0]
    assert back.inversion.sum().tolist() == [1.0, 1.0]
    close = back.parameters[back.parameters["identified"]]
    assert (np.abs(close["estimate"] - close["truth"]) < 4 * close["se"]).all()


@pytest.mark.deep
def test_five_models_are_recovered_by_bic_at_the_demonstration_set():
    # 20 repeats: 1700 answers per subject (place of sound and light on five keys, and unity)
    trials = ventriloquism(20, keys=True, seed=5)
    rng = np.random.default_rng(1)
    back = recover(MODELS, trials, FREE, draws=draw_around_demo, n_subjects=20, n_starts=5, rng=rng)
    diagonal = np.diag(back.confusion)
    assert diagonal.mean() >= 0.85 and diagonal.min() >= 0.70
