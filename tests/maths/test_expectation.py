"""Exact expectations against brute-force grids, Monte Carlo, limits and the published numbers."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from neuromm.maths.expectation import expect, report_below
from neuromm.maths.gaussian import fuse

KORDING = (9.2, 2.14, 0.0, 12.3, 0.28)  # σ_A, σ_V, μ_P, σ_P, p_common; Körding et al. 2007
DEMO = (8.0, 2.0, 0.0, 15.0, 0.5)  # the demonstration set of section 2.1
KEYS = np.array([-10.0, -5.0, 0.0, 5.0, 10.0])
BOUNDS = (KEYS[1:] + KEYS[:-1]) / 2
AUDITORY, VISUAL = (grid.ravel() for grid in np.meshgrid(KEYS, KEYS, indexing="ij"))
DISTANCE = np.abs(AUDITORY - VISUAL)
HARD = [(0.5, 25.0, 3.0, 12.0, 0.98), (25.0, 0.5, 1.0, 12.0, 0.02), (3.0, 3.0, -2.0, 40.0, 0.5)]


def brute_force(own, other, a, b, m, p, prior, strategy, bounds, n=1601):
    """Mean, sd, unity and cumulative probabilities on a plain grid, with scipy's densities."""
    x, y = own + a * np.linspace(-7, 7, n), other + b * np.linspace(-7, 7, n)
    weight = np.outer(norm.pdf(x, own, a), norm.pdf(y, other, b))
    weight /= weight.sum()
    pairs = np.stack(np.meshgrid(x, y, indexing="ij"), -1)
    one = multivariate_normal([m, m], np.diag([a**2, b**2]) + p**2).pdf(pairs)
    two = np.outer(norm.pdf(x, m, np.hypot(a, p)), norm.pdf(y, m, np.hypot(b, p)))
    post = prior * one / (prior * one + (1 - prior) * two)
    fused = (pairs[..., 0] / a**2 + pairs[..., 1] / b**2 + m / p**2) / (a**-2 + b**-2 + p**-2)
    alone = (pairs[..., 0] / a**2 + m / p**2) / (a**-2 + p**-2)
    q = post if strategy == "matching" else (post > 0.5) * 1.0
    if strategy == "averaging":
        fused = alone = post * fused + (1 - post) * alone
    mean = (weight * (q * fused + (1 - q) * alone)).sum()
    square = (weight * (q * fused**2 + (1 - q) * alone**2)).sum()
    below = [(weight * (q * (fused < t) + (1 - q) * (alone < t))).sum() for t in bounds]
    return mean, np.sqrt(square - mean**2), (weight * q).sum(), below


@pytest.mark.parametrize("strategy", ["averaging", "selection", "matching"])
@pytest.mark.parametrize("parameters", [KORDING, DEMO, *HARD])
def test_expectations_equal_a_brute_force_integral(parameters, strategy):
    bounds = [-4.0, 0.0, 2.0]
    mean, sd, common, below = brute_force(3.0, -7.0, *parameters, strategy, bounds)
    exact = expect(3.0, -7.0, *parameters, strategy)
    # a plain grid of 1601 points is itself off by about a cell at each jump
    assert exact["mean"][0] == pytest.approx(mean, abs=0.01)
    assert exact["sd"][0] == pytest.approx(sd, abs=0.01)
    assert exact["common"][0] == pytest.approx(common, abs=3e-3)
    assert report_below(bounds, 3.0, -7.0, *parameters, strategy)[0] == pytest.approx(below, abs=4e-3)


@pytest.mark.parametrize(
    "distance, keys, continuous, straight_ahead",
    [  # bias by |disparity|, section 2.1
        (5, 0.37174, 0.344, 0.194),
        (10, 0.344, 0.313, 0.164),
        (15, 0.312, 0.276, 0.125),
        (20, 0.284, 0.241, 0.086),
    ],
)
def test_bias_of_kording_2007_falls_with_disparity(distance, keys, continuous, straight_ahead):
    rows = distance == DISTANCE
    own, other = AUDITORY[rows], VISUAL[rows]
    estimate = expect(own, other, *KORDING, "averaging")["mean"]
    assert ((estimate - own) / (other - own)).mean() == pytest.approx(continuous, abs=1e-3)
    below = report_below(BOUNDS, own, other, *KORDING, "averaging")
    pressed = np.diff(below, axis=1, prepend=0, append=1) @ KEYS
    assert ((pressed - own) / (other - own)).mean() == pytest.approx(keys, abs=1e-3)
    assert expect(0.0, distance, *KORDING, "averaging")["mean"][0] / distance == pytest.approx(straight_ahead, abs=1e-3)


@pytest.mark.parametrize("p_common, bias", [(1.0, 0.936), (0.0, 0.179)])
def test_bias_of_fusion_and_segregation_is_flat(p_common, bias):
    for distance in (5, 10, 15, 20):
        rows = distance == DISTANCE
        own, other = AUDITORY[rows], VISUAL[rows]
        estimate = expect(own, other, 9.2, 2.14, 0.0, 12.3, p_common, "averaging")["mean"]
        assert ((estimate - own) / (other - own)).mean() == pytest.approx(bias, abs=1e-3)


@pytest.mark.parametrize(
    "visual, histogram", [(10.0, [0.079, 0.157, 0.271, 0.335, 0.158]), (0.0, [0.056, 0.219, 0.450, 0.219, 0.056])]
)
def test_key_histograms_of_kording_2007(visual, histogram):
    below = report_below(BOUNDS, 0.0, visual, *KORDING, "averaging")
    assert np.diff(below, axis=1, prepend=0, append=1)[0] == pytest.approx(histogram, abs=1e-3)


DEMO_TABLE = np.array(
    [  # disparity, P(unity), mean and sd averaging, mean and sd selection, sd matching; prototype, section 2.1
        [0, 0.826, 0.000, 4.052, 0.000, 4.997, 4.920],
        [5, 0.726, 1.811, 4.703, 1.646, 6.044, 5.746],
        [10, 0.505, 2.942, 6.123, 2.295, 7.734, 7.443],
        [15, 0.290, 3.109, 7.462, 1.958, 8.606, 8.908],
        [20, 0.140, 2.523, 8.171, 1.252, 8.485, 9.540],
        [30, 0.020, 0.887, 7.627, 0.269, 7.085, 8.418],
    ]
)


def test_demonstration_set_of_strategies():
    visual = DEMO_TABLE[:, 0]
    averaged, selected, matched = (
        expect(0.0, visual, *DEMO, strategy) for strategy in ("averaging", "selection", "matching")
    )
    assert selected["common"] == pytest.approx(DEMO_TABLE[:, 1], abs=1e-3)
    assert averaged["mean"] == pytest.approx(DEMO_TABLE[:, 2], abs=1e-3)
    assert matched["mean"] == pytest.approx(averaged["mean"], abs=1e-9)  # the two have one mean
    assert averaged["sd"] == pytest.approx(DEMO_TABLE[:, 3], abs=1e-3)
    # the prototype's selection means carry its grid's error at the jump (tolerance .002 there)
    assert selected["mean"] == pytest.approx(DEMO_TABLE[:, 4], abs=2e-3)
    assert selected["sd"] == pytest.approx(DEMO_TABLE[:, 5], abs=2e-3)
    assert matched["sd"] == pytest.approx(DEMO_TABLE[:, 6], abs=1e-3)


def test_unity_and_bias_of_the_wallace_2004_figure():
    # section 2.1, fig. 13: σ_V 1, σ_A 7.6, σ_P 12.3, p_common .5
    visual = np.array([0.0, 5.0, 10.0, 20.0, 25.0])
    exact = expect(0.0, visual, 7.6, 1.0, 0.0, 12.3, 0.5, "averaging")
    assert exact["common"] == pytest.approx([0.814, 0.685, 0.434, 0.100, 0.038], abs=1e-3)
    assert exact["mean_common"][1:3] / visual[1:3] == pytest.approx([0.780, 0.782], abs=1e-3)
    assert exact["mean_separate"][1:3] / visual[1:3] == pytest.approx([-0.514, -0.087], abs=1e-3)


def test_counts_of_rohe_2019():
    # section 2.3: 1 flash with 2 beeps, σ_V 1.11, σ_A .53, μ_P 2.26, σ_P 2.34, p_common .42
    arguments = (1.0, 2.0, 1.11, 0.53, 2.26, 2.34, 0.42)
    below = report_below([1.5, 2.5, 3.5], *arguments, "averaging")
    assert np.diff(below, axis=1, prepend=0, append=1)[0] == pytest.approx([0.508, 0.438, 0.052, 0.002], abs=1e-3)
    assert 1 - report_below([1.5], *arguments, "selection")[0, 0] == pytest.approx(0.479, abs=1e-3)


def test_fusion_is_a_closed_form():
    mean = fuse(np.array([4.0, -6.0]), np.array([5.0, 2.0]), 1.0, 9.0)[0]
    weight = 5.0**-2 / (5.0**-2 + 2.0**-2 + 9.0**-2), 2.0**-2 / (5.0**-2 + 2.0**-2 + 9.0**-2)
    exact = expect(4.0, -6.0, 5.0, 2.0, 1.0, 9.0, 1.0, "averaging")
    assert exact["mean"][0] == pytest.approx(mean, abs=1e-10)
    assert exact["sd"][0] == pytest.approx(np.hypot(weight[0] * 5, weight[1] * 2), abs=1e-10)
    bounds = np.array([-8.0, -4.0, 0.0])
    below = report_below(bounds, 4.0, -6.0, 5.0, 2.0, 1.0, 9.0, 1.0, "averaging")[0]
    assert below == pytest.approx(norm.cdf(bounds, mean, exact["sd"][0]), abs=1e-9)
