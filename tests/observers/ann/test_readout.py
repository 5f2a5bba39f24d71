"""Read-outs recover what made the activations."""

import numpy as np
import pytest
from scipy.optimize import minimize

from neuromm.observers.ann.av_encoder import add, gate
from neuromm.observers.readout import (
    LocationReadout,
    fit_log_variance,
    fit_logistic,
    fit_offset,
    fit_ridge,
    fuse_posteriors,
)


def test_ridge_without_penalty_is_least_squares(rng):
    x = rng.standard_normal((200, 5)) * [1, 10, 0.1, 3, 1] + 4
    y = x @ rng.standard_normal((5, 2)) + rng.standard_normal((200, 2))
    weights, bias = fit_ridge(x, y, penalty=0.0)
    expected = np.linalg.lstsq(np.column_stack([x, np.ones(200)]), y, rcond=None)[0]
    np.testing.assert_allclose(weights, expected[:-1], rtol=1e-6)
    np.testing.assert_allclose(bias, expected[-1], rtol=1e-6)


def test_ridge_shrinks_and_survives_constant_units(rng):
    x = np.column_stack([rng.standard_normal(100), np.full(100, 3.0)])
    free, tight = fit_ridge(x, x[:, 0], 1e-9)[0], fit_ridge(x, x[:, 0], 1.0)[0]
    assert free[0] == pytest.approx(1.0) and tight[0] == pytest.approx(0.5) and tight[1] == 0.0


def test_log_variance_is_recovered(rng):
    x = rng.standard_normal((40_000, 2))
    log_variance = 1.0 + x @ [0.5, -1.0]
    weights, bias = fit_log_variance(x, rng.standard_normal(40_000) ** 2 * np.exp(log_variance), penalty=0.0)
    np.testing.assert_allclose([*weights, bias], [0.5, -1.0, 1.0], atol=0.03)


def test_logistic_regression_is_recovered(rng):
    x = 2 * rng.standard_normal((40_000, 2)) + 1
    yes = rng.random(40_000) < 1 / (1 + np.exp(-(x @ [0.7, -0.4] + 0.3)))
    weights, bias = fit_logistic(x, yes, penalty=0.0)
    np.testing.assert_allclose([*weights, bias], [0.7, -0.4, 0.3], atol=0.05)


def test_separable_data_stay_finite():
    weights, bias = fit_logistic(np.array([[-1.0], [1.0]]).repeat(20, 0), np.array([False, True]).repeat(20))
    assert np.isfinite(weights).all() and np.isfinite(bias) and weights[0] > 1


def test_offset_is_recovered(rng):
    odds = 3 * rng.standard_normal(40_000)
    yes = rng.random(40_000) < 1 / (1 + np.exp(-odds))
    assert fit_offset(odds - 7.0, yes) == pytest.approx(7.0, abs=0.05)


def test_a_location_read_out_gives_the_posterior_of_a_gaussian_measurement(rng):
    place = 12 * rng.standard_normal(40_000)
    x = place + 6 * rng.standard_normal(40_000)
    mean, variance = LocationReadout.fit(x[:, None], place, prior_variance=144.0)(np.array([[10.0]]))
    assert mean[0] == pytest.approx(10 * 144 / 180, abs=0.15)
    assert variance[0] == pytest.approx(144 * 36 / 180, rel=0.04)


def test_read_outs_go_through_tensors(rng):
    x = rng.standard_normal((100, 3))
    one = LocationReadout.fit(x, x[:, 0], prior_variance=144.0)
    two = LocationReadout.from_tensors(one.tensors("a"), "a", 144.0)
    np.testing.assert_array_equal(one(x), two(x))


def test_fused_posteriors_count_the_prior_once():
    xa, xv, a, v, p = -5.0, 5.0, 64.0, 4.0, 144.0
    means = np.array([[xa * p / (a + p)], [xv * p / (v + p)]])
    variances = np.array([[a * p / (a + p)], [v * p / (v + p)]])
    mean, variance = fuse_posteriors(means, variances, 0.0, p)
    assert variance[0] == pytest.approx(1 / (1 / a + 1 / v + 1 / p))
    assert mean[0] == pytest.approx((xa / a + xv / v) * variance[0])


def test_penalised_logistic_regression_is_at_the_least_of_its_loss(rng):
    """By a general optimiser on the written-out loss: mean log loss + ½ λ |β|² of standardised units."""
    x = rng.standard_normal((300, 2)) * [2.0, 0.5] + [1.0, -3.0]
    yes = rng.random(300) < 1 / (1 + np.exp(-(1.5 * x[:, 0] - x[:, 1] - 4)))
    unit = (x - x.mean(0)) / x.std(0)

    def loss(b):
        sign = np.where(yes, 1, -1)
        return np.log1p(np.exp(-sign * (unit @ b[:2] + b[2]))).mean() + 0.05 * (b[0] ** 2 + b[1] ** 2)

    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    weights, bias = fit_logistic(x, yes, penalty=0.1)
    np.testing.assert_allclose(weights, best[:2] / x.std(0), rtol=1e-5)
    assert bias == pytest.approx(best[2] - x.mean(0) @ weights, rel=1e-5)


def test_penalised_log_variance_is_at_the_least_of_its_loss(rng):
    x = rng.standard_normal((300, 2)) * [2.0, 0.5] + [1.0, -3.0]
    squared = rng.standard_normal(300) ** 2 * np.exp(0.4 * x[:, 0] + 1)
    unit = (x - x.mean(0)) / x.std(0)

    def loss(b):
        eta = unit @ b[:2] + b[2]
        return 0.5 * (eta + squared * np.exp(-eta)).mean() + 0.05 * (b[0] ** 2 + b[1] ** 2)

    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    weights, bias = fit_log_variance(x, squared, penalty=0.1)
    np.testing.assert_allclose(weights, best[:2] / x.std(0), rtol=1e-4)
    assert bias == pytest.approx(best[2] - x.mean(0) @ weights, rel=1e-4)


def test_a_variance_stays_between_its_least_and_just_below_the_priors():
    readout = LocationReadout(np.array([2.0]), 3.0, np.array([1.0]), 0.5, prior_variance=144.0, least=0.25)
    mean, variance = readout(np.array([[-30.0], [0.0], [30.0]]))
    np.testing.assert_allclose(mean, [-57, 3, 63])
    np.testing.assert_allclose(variance, [0.25, np.exp(0.5), 0.999 * 144])


def test_the_encoders_two_ways_to_fuse_by_hand():
    """Own estimates drawn to the fused one by the posterior of one cause, or by the prior with constant weights."""
    means, variances = np.array([[-4.0, 6.0], [2.0, 1.0]]), np.array([[16.0, 9.0], [4.0, 9.0]])
    posterior, prior_variance = np.array([0.25, 1.0]), 100.0
    precision = 1 / variances
    fused = (means * precision).sum(0) / (precision.sum(0) - 1 / prior_variance)  # the prior counts once
    np.testing.assert_allclose(gate(means, variances, posterior, None, None, prior_variance),
                               (1 - posterior) * means + posterior * fused)  # fmt: skip
    weight = np.array([0.05, 0.2])
    fused = weight @ means / (weight.sum() - 1 / prior_variance)
    constant = add(means, variances, None, np.array([0.5, 0.5]), {"additive.precision": weight}, prior_variance)
    np.testing.assert_allclose(constant, (means + fused) / 2)
