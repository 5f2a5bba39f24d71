"""Weights, thresholds and choices by a second route: least squares, a constrained minimum, published experiments."""

import numpy as np
import pytest
from scipy.optimize import minimize

from neuromm.maths import combination


@pytest.mark.parametrize("n_cues", [2, 3, 5])
def test_weights_are_those_of_the_least_variance(n_cues):
    rng = np.random.default_rng(n_cues)
    sigmas, correlation = rng.uniform(1, 5, n_cues), 0.3
    full = combination.covariance(sigmas, correlation)
    found = minimize(
        lambda w: w @ full @ w, np.full(n_cues, 1 / n_cues), tol=1e-14,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )  # fmt: skip
    np.testing.assert_allclose(combination.weights(sigmas, correlation), found.x, atol=1e-5)
    assert combination.combined_sigma(sigmas, correlation) == pytest.approx(np.sqrt(found.fun), abs=1e-8)


@pytest.mark.parametrize(
    "sigmas, weight, combined",
    [  # Alais & Burr 2004 (4, 64, equal); Ernst & Banks 2002 (0 and 200 % noise): visual first
        ((1, 6), 0.97297, 0.98639),
        ((20, 6), 0.08257, 5.74696),
        ((6, 6), 0.5, 4.24264),
        ((0.04, 0.085), 0.8187, 0.03619),
        ((0.2, 0.085), 0.15299, 0.07823),
    ],
)
def test_published_experiments(sigmas, weight, combined):
    assert combination.weights(sigmas)[0] == pytest.approx(weight, abs=1e-4)
    assert combination.combined_sigma(sigmas) == pytest.approx(combined, abs=1e-4)
    assert combination.pse([1.0, 0.0], sigmas) == pytest.approx(weight, abs=1e-4)


def test_the_equal_correlation_of_two_cues_has_the_textbook_form():
    a, b, rho = 2.0, 5.0, 0.6
    first = (b**2 - rho * a * b) / (a**2 + b**2 - 2 * rho * a * b)
    assert combination.weights([a, b], rho)[0] == pytest.approx(first)
    assert first > 1  # beyond ρ = a/b the poorer cue is weighed negatively
    variance = a**2 * b**2 * (1 - rho**2) / (a**2 + b**2 - 2 * rho * a * b)
    assert combination.combined_sigma([a, b], rho) ** 2 == pytest.approx(variance)


def test_absent_cues_leave_the_others_as_they_are():
    together = combination.weights([2.0, np.nan, 3.0], 0.2)
    assert together[1] == 0
    np.testing.assert_allclose(together[[0, 2]], combination.weights([2.0, 3.0], 0.2))


def test_choices_cross_a_half_at_the_pse_and_84_percent_one_threshold_away(rng):
    sigmas, standard = np.array([1.5, 3.0]), np.array([56.0, 52.0])
    middle, step = combination.pse(standard, sigmas), combination.threshold(combination.combined_sigma(sigmas), 0.8413)
    chosen = combination.choice_probability([middle, middle + step], standard, sigmas)
    assert chosen == pytest.approx([0.5, 0.8413], abs=1e-4)
    w = combination.weights(sigmas)
    first = (standard + sigmas * rng.standard_normal((40_000, 2))) @ w
    second = (58.0 + sigmas * rng.standard_normal((40_000, 2))) @ w
    exact = combination.choice_probability([58.0], standard, sigmas)[0]
    assert (second > first).mean() == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: combination.weights([1.0, 0.0]), "a sigma is 0"),
        (lambda: combination.weights([1.0, 1.0, 1.0], -0.7), "not positive definite"),
        (lambda: combination.threshold(1.0, 0.3), "level is 0.3"),
        (lambda: combination.threshold(1.0, intervals=3), "intervals is 3"),
    ],
)
def test_impossible_noise_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
