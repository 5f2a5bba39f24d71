"""Psychometric functions: against scipy, closed forms, simulated coverage and the effects of each parameter."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import betabinom, binom, gumbel_l, logistic, norm, weibull_min

from neuromm.maths.slice_sampler import sample, split_rhat
from neuromm.measures.psychometrics import SHAPES, _Curve, _quantile, fit_psychometric

LEVELS = np.linspace(-8, 8, 9)


def answers(probability, n=40, levels=LEVELS, seed=0, **columns):
    rng = np.random.default_rng(seed)
    x = np.tile(levels, n)
    return pd.DataFrame({"x": x, "response": (rng.random(len(x)) < probability(x)).astype(float), **columns})


def test_shapes_are_those_of_scipy_with_median_and_quartile_fixed():
    z = np.linspace(-3, 3, 13)
    assert SHAPES["normal"](z) == pytest.approx(norm.cdf(z * norm.ppf(0.75)))
    assert SHAPES["logistic"](z) == pytest.approx(logistic.cdf(z * np.log(3)))
    scale = 1 / np.log(2)  # of the left-skewed Gumbel law, so that median and quartile are one apart
    assert SHAPES["gumbel"](z) == pytest.approx(gumbel_l.cdf(z, loc=-scale * np.log(np.log(2)), scale=scale))
    x = np.exp(z)  # a Weibull law over x is a Gumbel law over log x
    assert SHAPES["weibull"](z) == pytest.approx(weibull_min.cdf(x, np.log(2), scale=np.log(2) ** (-1 / np.log(2))))
    for shape, function in SHAPES.items():
        assert function(np.array([0.0, 1.0])) == pytest.approx([0.5, 0.75])
        assert function(_quantile(0.9, shape)) == pytest.approx(0.9)


def test_the_estimate_is_the_maximum_that_scipy_finds():
    data = answers(lambda x: 0.03 + 0.94 * norm.cdf(x, 1.0, 3.0))
    fitted = fit_psychometric(data, "x", guess="lapse", n_bootstrap=0, n_samples=0)
    counts = data.groupby("x")["response"].agg(["sum", "count"])

    def cost(theta):
        p = theta[2] + (1 - 2 * theta[2]) * norm.cdf(counts.index, theta[0], theta[1])
        return -binom(counts["count"], p).logpmf(counts["sum"]).sum()

    oracle = minimize(cost, [0, 3, 0.02], bounds=[(-8, 8), (0.5, 20), (1e-6, 0.1)], method="L-BFGS-B")
    assert fitted.goodness["log_likelihood"] == pytest.approx(-oracle.fun, abs=1e-4)
    assert fitted.pse() == pytest.approx(oracle.x[0], abs=0.02)
    assert fitted.jnd(level=norm.cdf(1)) == pytest.approx(oracle.x[1], rel=0.01)  # σ is the distance to the 84 % point


def test_two_conditions_share_their_lapse_and_keep_their_pse():
    data = pd.concat([answers(lambda x: norm.cdf(x, -2, 3), seed=1, cue="left"),
                      answers(lambda x: norm.cdf(x, 2, 3), seed=2, cue="right")])  # fmt: skip
    fitted = fit_psychometric(data, "x", by="cue", guess="lapse", n_bootstrap=0, n_samples=200)
    table = fitted.estimates.pivot(index="parameter", columns="condition", values="estimate")
    assert table.loc["lapse", "left"] == table.loc["lapse", "right"]
    assert fitted.pse("left") == pytest.approx(-2, abs=0.8) and fitted.pse("right") == pytest.approx(2, abs=0.8)
    assert fitted.jnd("left") == pytest.approx(0.6745 * 3, abs=0.7)


def test_forced_choice_has_its_guess_rate_and_threshold():
    data = answers(lambda x: 0.5 + 0.48 * weibull_min.cdf(x, 2, scale=3.0), levels=np.arange(0.5, 8), n=150)
    fitted = fit_psychometric(data, "x", shape="weibull", guess=0.5, n_bootstrap=0, n_samples=0)
    at = fitted.threshold(0.8)
    assert fitted.predict(at) == pytest.approx(0.8)
    assert 0.5 + 0.48 * weibull_min.cdf(at, 2, scale=3.0) == pytest.approx(0.8, abs=0.03)
    with pytest.raises(ValueError, match="it never is at 0.3"):
        fitted.threshold(0.3)


def test_overdispersed_counts_have_the_beta_binomial_likelihood():
    data = pd.DataFrame({"condition": 0, "x": [0.0, 1.0], "n_yes": [3, 8], "n": [10, 10]})
    curve = _Curve(data, 1, "normal", 0.0, 0.0, True, (), 0.1)
    unit = np.array([[0.5, 0.6, 0.4]])
    p, eta = curve.probability(curve.values(unit))[0], 0.9 * 0.4
    nu = eta**-2 - 1
    expected = (betabinom(10, nu * p, nu * (1 - p)).logpmf([3, 8]) - np.log([120, 45])).sum()
    assert curve.log_likelihood(unit)[0] == pytest.approx(expected, abs=1e-9)


def test_the_deviance_finds_a_curve_that_does_not_fit():
    good = fit_psychometric(answers(lambda x: norm.cdf(x, 0, 3)), "x", n_samples=0, n_bootstrap=200)
    wavy = answers(lambda x: np.where(np.arange(len(x)) % 2, 0.2, 0.2 + 0.6 * (np.abs(x) > 3)), n=60)
    bad = fit_psychometric(wavy, "x", guess="free", n_samples=0, n_bootstrap=100)
    assert good.goodness["p"] > 0.05 and bad.goodness["p"] < 0.01


def test_posterior_intervals_cover_the_truth():
    inside = 0
    for seed in range(20):
        data = answers(lambda x: norm.cdf(x, 1.0, 3.0), n=20, seed=seed)
        fitted = fit_psychometric(data, "x", lapse=0.0, n_bootstrap=0, n_samples=160)
        pse = fitted.estimates.set_index("parameter").loc["pse"]
        inside += pse["low"] < 1.0 < pse["high"]
    assert inside >= 16  # 95 % of 20 is 19; below 16 has a probability of 3e-4


def test_slice_sampling_has_the_moments_of_its_density():
    rng = np.random.default_rng(1)
    chains, _ = sample(lambda u, _: norm.logpdf(u, [0.4, 0.6], [0.05, 0.1]).sum(1), np.full((8, 2), 0.5), 800, rng=rng)
    assert chains.mean((0, 1)) == pytest.approx([0.4, 0.6], abs=0.01)
    assert chains.std((0, 1)) == pytest.approx([0.05, 0.1], rel=0.07)
    assert (split_rhat(chains) < 1.02).all()


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda d: d.assign(response=2.0), "0 or 1 is wanted"),
        (lambda d: d.assign(response=np.nan), "no row has both"),
        (lambda d: d.assign(x=1.0), "has one value of 'x'"),
        (lambda d: d.drop(columns="x"), "no column 'x'"),
    ],
)
def test_unusable_tables_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        fit_psychometric(change(answers(lambda x: norm.cdf(x))), "x")
