"""Psychometric functions: against scipy, closed forms, simulated coverage and the effects of each parameter."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import betabinom, binom, gumbel_l, logistic, norm, weibull_min

from neuromm.maths.slice_sampler import sample, split_rhat
from neuromm.measures.intervals import interval_around
from neuromm.measures.psychometric_curve import SHAPES, Curve, quantile
from neuromm.measures.psychometrics import fit_psychometric, rising_trend

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
        assert function(quantile(0.9, shape)) == pytest.approx(0.9)


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
    curve = Curve(data, 1, "normal", 0.0, 0.0, True, (), 0.1)
    unit = np.array([[0.5, 0.6, 0.4]])
    p, eta = curve.probability(curve.values(unit))[0], 0.9 * 0.4
    nu = eta**-2 - 1
    expected = (betabinom(10, nu * p, nu * (1 - p)).logpmf([3, 8]) - np.log([120, 45])).sum()
    assert curve.log_likelihood(unit)[0] == pytest.approx(expected, abs=1e-9)


def test_the_deviance_finds_a_curve_that_does_not_fit():
    good = fit_psychometric(answers(lambda x: norm.cdf(x, 0, 3)), "x", n_samples=0, n_bootstrap=200)
    wavy = answers(lambda x: np.where(np.arange(len(x)) % 2, 0.2, 0.2 + 0.6 * (np.abs(x) > 3)), n=60)
    with pytest.warns(UserWarning, match="flat"):
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
        (lambda d: d.assign(response=2.0), "row 0, column .response.: must be 1 .yes. or 0 .no., got 2"),
        (lambda d: d.assign(response=np.nan), "no row has both"),
        (lambda d: d.assign(x=1.0), "has one value of 'x'"),
        (lambda d: d.drop(columns="x"), "no column 'x'"),
    ],
)
def test_unusable_tables_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        fit_psychometric(change(answers(lambda x: norm.cdf(x))), "x")


STEPS = np.array([-10.0, -5, -2, 0, 2, 5, 10])


def counted(yes, n=20, **columns):
    """One row per answer: `yes` of `n` at each of the levels."""
    response = np.concatenate([[1.0] * k + [0.0] * (n - k) for k in yes])
    return pd.DataFrame({"x": np.repeat(STEPS[: len(yes)], n), "response": response, **columns})


def quick(data, **options):
    return fit_psychometric(data, "x", n_bootstrap=0, n_samples=options.pop("n_samples", 0), **options)


@pytest.mark.parametrize("labels", [("a", "b"), (1, 2), (1.5, 2.5), ("a", 2)])
def test_rows_without_a_condition_change_no_curve(labels):
    first, second = counted([1, 3, 8, 10, 13, 18, 20], c=labels[0]), counted([1, 2, 5, 8, 13, 16, 19], c=labels[1])
    both = pd.concat([first, second]).astype({"c": object})
    mixed = pd.concat([both, counted([10] * 7, c=None)], ignore_index=True)
    with pytest.warns(UserWarning, match="140 rows have no 'c'"):
        fitted = quick(mixed, by="c")
    pd.testing.assert_frame_equal(fitted.estimates, quick(both, by="c").estimates)
    with pytest.raises(ValueError, match="no row has a value"), pytest.warns(UserWarning):
        quick(mixed.assign(c=np.nan), by="c")


@pytest.mark.parametrize(
    "yes, reason",
    [
        ([20, 18, 13, 10, 8, 3, 1], "falling"),
        ([20] * 7, "one answer"),
        ([0] * 7, "one answer"),
        ([10] * 7, "flat"),
        ([9, 11, 10, 8, 12, 10, 11], "flat"),
    ],
)
@pytest.mark.parametrize("shape, guess", [("normal", 0.0), ("logistic", "lapse"), ("gumbel", 0.5)])
def test_answers_that_do_not_rise_have_no_pse_and_say_why(yes, reason, shape, guess):
    with pytest.warns(UserWarning, match=reason):
        fitted = quick(counted(yes), shape=shape, guess=guess, n_samples=80)
    assert fitted.estimates[["estimate", "low", "high"]].isna().all().all()
    assert set(fitted.estimates["flag"]) == {reason}
    assert np.isnan(fitted.pse()) and np.isnan(fitted.threshold(0.7)) and np.isnan(fitted.predict(0.0))


def test_a_condition_without_a_curve_leaves_the_others_as_they_are():
    good = counted([1, 3, 8, 10, 13, 18, 20], c="good")
    others = [counted([10] * 7, c="flat"), counted([18], c="one level"), counted([0] * 7, c="never")]
    with pytest.warns(UserWarning, match="'never': one answer; 'one level': one level"):
        fitted = quick(pd.concat([good, *others], ignore_index=True), by="c", n_samples=80)
    alone = quick(good, by="c", n_samples=80)
    rows = fitted.estimates[fitted.estimates["condition"] == "good"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, alone.estimates)
    assert fitted.goodness["n_trials"] == alone.goodness["n_trials"]


@pytest.mark.parametrize(
    "yes, n",
    [([1, 3, 8, 10, 13, 18, 20], 20), ([0, 0, 0, 1, 1, 1, 1], 1), ([0, 0, 1, 2, 4, 4, 4], 4)],
)
def test_every_estimate_lies_in_its_own_interval(yes, n):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = quick(counted(yes, n), guess="free", n_samples=400).estimates.dropna()
    assert len(table) and (table["low"] <= table["estimate"]).all() and (table["estimate"] <= table["high"]).all()


def test_intervals_at_an_edge_begin_there_and_hold_their_mass():
    draws = np.random.default_rng(0).exponential(size=(4000, 1))
    low, high = interval_around([0.0], draws)
    assert low == 0 and high[0] == pytest.approx(np.quantile(draws, 0.95))
    low, high = interval_around([1.0], draws)
    assert (low[0], high[0]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))


def test_the_trend_is_the_score_of_a_logistic_regression():
    """Second route: the score and information of the slope at 0, by sums over single answers."""
    yes, n = np.array([3, 5, 9, 8]), np.array([10, 12, 11, 9])
    level = np.repeat(np.arange(4), n)
    answer = np.concatenate([np.arange(m) < k for k, m in zip(yes, n, strict=True)])
    share = answer.mean()
    score = ((answer - share) * level).sum()
    information = share * (1 - share) * ((level - level.mean()) ** 2).sum()
    assert rising_trend(yes, n) == pytest.approx(score / np.sqrt(information))
