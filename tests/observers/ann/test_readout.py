"""Read-outs recover what made the activations."""

import numpy as np
import pytest

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
