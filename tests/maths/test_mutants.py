"""Claims that no other test made, found by changing one operator at a time (`benchmarks/mutation.py`)."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from neuromm.maths import (
    accumulation,
    circular,
    coincidence,
    combination,
    expectation,
    gaussian,
    noise,
    parameters,
    plasticity,
    recalibration,
    syllable_space,
    unity_prior,
)


@pytest.mark.parametrize("heading, bound", [(8.0, 0.3), (8.0, 0.2), (15.0, 0.4)])
def test_the_mean_information_at_a_decision_is_that_of_a_drift_between_two_bounds(heading, bound):
    """E[s] = (θ/μ) tanh(μθ), of a diffusion of unit variance that surely ends (Wald's identity)."""
    t, density, right, rest, _ = accumulation.decisions(np.array([heading]), 90.0, 20.0, bound)
    s, _, k = accumulation.clock(90.0, 20.0)
    drift = k * np.sin(np.deg2rad(heading))
    assert rest[0] < 1e-3
    mean = (density[0] * s).sum() * (t[1] - t[0])
    assert mean == pytest.approx(bound / drift * np.tanh(drift * bound), rel=0.01)
    assert right[0] == pytest.approx(1 / (1 + np.exp(-2 * drift * bound)))


def test_reaction_times_are_decision_times_and_the_rest():
    """The density integrates to one; its mean is that of the decision and of everything else."""
    t, density, _, rest, _ = accumulation.decisions(np.array([1.0, 6.0]), 60.0, 10.0, 0.4)
    out = np.linspace(-0.5, 4.0, 4501)
    found = accumulation.response_times(t, density, rest, 0.4, 0.08, out)
    decision = (density * t).sum(1) * (t[1] - t[0]) + rest * t[-1]
    assert np.allclose(np.trapezoid(found, out, axis=1), 1, atol=2e-3)
    assert np.allclose(np.trapezoid(found * out, out, axis=1), decision + 0.4, atol=5e-3)


def test_any_weights_cost_the_variance_of_their_sum():
    sigmas, weights, rho = np.array([2.0, 3.0]), np.array([0.3, 0.7]), 0.4
    expected = (0.3 * 2) ** 2 + (0.7 * 3) ** 2 + 2 * rho * 0.3 * 0.7 * 2 * 3
    assert combination.sigma_of_weights(weights, sigmas, rho) == pytest.approx(np.sqrt(expected))


@pytest.mark.parametrize("level", [0.5, 1.0, 1.5, 0.2])
def test_a_level_that_no_threshold_has_is_refused(level):
    with pytest.raises(ValueError, match="between .5 and 1"):
        combination.threshold(1.0, level)


@pytest.mark.parametrize("bound", [0.3, 0.9])
def test_the_passage_density_is_one_at_any_bound(bound):
    s = np.linspace(1e-6, 40 * bound**2, 40_001)
    density = 2 * accumulation.passage_density(s, bound)
    assert np.trapezoid(density, s) == pytest.approx(1, abs=1e-4)
    assert np.trapezoid(density * s, s) == pytest.approx(bound**2, rel=1e-3)  # E[s] = θ² without drift


def test_a_criterion_of_each_case_is_its_own():
    """Several cases with criteria of their own are as each of them alone."""
    own, other, criteria = np.array([0.0, 4.0, -9.0]), np.array([6.0, 0.0, 3.0]), np.array([2.0, 8.0, 15.0])
    rest = (8.0, 2.0, 0.0, 12.0, 0.5, "selection")
    together = expectation.expect(own, other, *rest, criterion=criteria)
    for i in range(3):
        alone = expectation.expect(own[i : i + 1], other[i : i + 1], *rest, criterion=criteria[i])
        assert all(np.allclose(together[k][i], alone[k][0], atol=1e-12, equal_nan=True) for k in alone)
    assert np.ptp(together["common"]) > 0.1


@pytest.mark.parametrize("trained", [0, 20])
def test_the_first_and_the_last_position_can_be_trained(trained):
    weights, evoked = plasticity.learn_association(rng=np.random.default_rng(1), trained=trained)
    assert evoked.argmax() == trained and weights[trained, trained] >= 3 * np.median(weights)


def test_without_a_cue_the_estimate_is_the_prior_even_a_flat_one():
    for sigma_prior in (12.0, np.inf):
        fused, sd = gaussian.fuse(np.array([[np.nan, np.nan]]), np.array([2.0, 3.0]), np.array([5.0]), sigma_prior)
        assert fused[0] == 5.0 and sd[0] == sigma_prior


def test_a_walk_of_precision_is_filtered_as_a_fine_integral_says():
    """Two samples: posterior of log λ from the first, convolved with the walk, times the second's likelihood."""
    samples, kappa, n_dots = np.array([9.0, 16.0]), 7.0, 20
    walk = np.linspace(-8.0, 2.0, 4001)  # log precision
    like = (n_dots - 1) / 2 * (walk[:, None] - np.exp(walk)[:, None] * samples)
    first = np.exp(like[:, 0] - like[:, 0].max())
    second = np.exp(-0.5 * kappa * (walk[:, None] - walk) ** 2) @ first * np.exp(like[:, 1] - like[:, 1].max())
    expected = [(p.sum() / (p * np.exp(walk)).sum()) for p in (first, second)]
    found = recalibration.bayesian_variance(samples[None], kappa, n_dots, n_grid=401)[0]
    assert np.allclose(found, expected, rtol=1e-3)
    assert found[0] == pytest.approx(9.0, rel=1e-3)  # the mean of a gamma density with this rate is 1/s²


def test_series_of_variances_do_not_meet():
    samples = np.array([[4.0, 9.0, 2.0], [25.0, 1.0, 16.0]])
    together = recalibration.bayesian_variance(samples, 7.0, 20)
    assert np.allclose(together, [recalibration.bayesian_variance(s[None], 7.0, 20)[0] for s in samples])


def test_a_synapse_of_half_gives_half_of_what_a_light_gives():
    weights, evoked = coincidence.learn_coincidence(rng=np.random.default_rng(0), rate=0.0, start=0.5, sigma=1.5)
    assert np.allclose(weights, 0.5) and np.allclose(evoked, 0.5)


@pytest.mark.parametrize("spread", [[1.0, np.inf], [np.nan, 1.0], [1.0, 0.0]])
def test_each_sd_of_a_syllable_is_positive_and_finite(spread):
    with pytest.raises(ValueError, match="positive standard deviations"):
        syllable_space.covariance(spread)


@pytest.mark.parametrize("scale", ["linear", "log", "logit"])
def test_points_of_the_unit_cube_are_values_on_the_scale(scale):
    """There and back; the middle is the mean on the scale; slopes are those of differences."""
    space = parameters.Space.of_free({"p_common": parameters.Free(0.1, 0.6, scale)}, pd.DataFrame(), ["p_common"])
    unit = np.linspace(0.05, 0.95, 7)[:, None]
    theta = space.from_unit(unit)
    assert np.allclose(space.to_unit(theta), unit)
    assert np.allclose(space.from_unit(np.array([[0.0], [1.0]])).T, [0.1, 0.6])
    middle = {"linear": 0.35, "log": np.sqrt(0.06), "logit": 1 / (1 + 1 / np.sqrt(0.1 / 0.9 * 0.6 / 0.4))}[scale]
    assert space.from_unit(np.array([[0.5]]))[0, 0] == pytest.approx(middle)
    slope = (space.from_unit(unit + 1e-6) - space.from_unit(unit - 1e-6)) / 2e-6
    assert np.allclose(space.slope(theta), slope, rtol=1e-6)


@pytest.mark.parametrize("sigmas", [(8.0, 2.0), (11.0, 7.0), (3.0, 3.0, 30.0), (80.0, 90.0)])
def test_a_grid_of_directions_resolves_the_sharpest_posterior(sigmas):
    """Even in number, so that opposite directions are both on it; from −180 up to 180."""
    grid = circular.grid_of(sigmas).numpy()
    narrow = np.sum(np.array(sigmas) ** -2.0) ** -0.5
    spacing = np.diff(grid)
    assert grid[0] == -180 and grid[-1] + spacing[0] == pytest.approx(180) and np.allclose(spacing, spacing[0])
    assert len(grid) % 2 == 0 and len(grid) >= 72
    assert spacing[0] <= 0.4 * narrow and (spacing[0] > 0.38 * narrow or len(grid) == 72)


@pytest.mark.parametrize("congruence", [[0.2, 1.2, 0.5], [-0.1, 0.3, np.nan]])
def test_one_congruence_outside_is_refused_among_others(congruence):
    with pytest.raises(ValueError, match="a fraction from 0 to 1 is wanted"):
        unity_prior.unity_prior(0.5, np.array(congruence), 2.0)


def test_splitmix64_gives_its_published_numbers():
    """The first five outputs of the reference implementation from the seed 1234567."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
                 16408922859458223821]  # fmt: skip
    with np.errstate(over="ignore"):
        found = noise._mix(np.uint64(1234567) + np.arange(5, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        state = int(noise._mix(np.array([7], np.uint64) + noise._mix(np.array([0], np.uint64)))[0])
        bits = [int(noise._mix(np.array([state], np.uint64) + np.uint64(k * 0x9E3779B97F4A7C15 % 2**64))[0])
                for k in (1, 2, 3)]  # fmt: skip
    assert found.tolist() == published
    uniform = noise.uniform_from_seeds([7], 3)[0]
    assert np.allclose(uniform, np.array(bits, float) / 2**64, atol=1e-15)  # the first stream is the default


@pytest.mark.parametrize("place", [3.0, -14.0])
def test_a_criterion_judges_the_difference_of_the_measurements(place):
    """Their difference is normal: P(|x − y| < c) = Φ((c − d)/s) − Φ((−c − d)/s), wherever the pair is."""
    a, b, apart = 4.0, 3.0, 5.0
    found = expectation.expect(np.array([place]), np.array([place + apart]), a, b, 0.0, 12.0, 0.5, "selection", 6.0)
    s = np.hypot(a, b)
    assert found["common"][0] == pytest.approx(norm.cdf((6 - apart) / s) - norm.cdf((-6 - apart) / s), abs=1e-6)


def test_correlations_that_are_not_symmetric_are_refused():
    with pytest.raises(ValueError, match="symmetric matrix of the cues"):
        combination.covariance([1.0, 2.0], np.array([[1.0, 0.5], [0.1, 1.0]]))
    with pytest.raises(ValueError, match="symmetric matrix of the cues"):
        combination.covariance([1.0, 2.0], np.eye(3))
