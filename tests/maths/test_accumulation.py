"""Accumulation to a bound: closed form against small steps, the published constants, and limits."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import ndtr

from neuromm.maths.accumulation import clock, decisions, motion, passage_density, simulate, undecided


def test_the_motion_has_the_published_peaks_and_information():
    t = np.linspace(0, 2, 20001)
    velocity, acceleration = motion(t)
    assert velocity.max() == pytest.approx(0.403) and acceleration.max() == pytest.approx(0.822, abs=0.01)
    assert np.trapezoid(velocity**2, t) == pytest.approx(0.08549, abs=1e-4)
    assert np.trapezoid(acceleration**2, t) == pytest.approx(0.48459, abs=1e-4)
    assert np.trapezoid(velocity, t) == pytest.approx(0.3, abs=0.001)


def test_fixed_duration_thresholds_are_those_of_the_fisher_information():
    """1/√(k² s_end), of sin h, in deg: 4.90, 6.86 and combined 3.99 deg at k_vis 40, k_vest 12."""

    def threshold(k_visual, k_vestibular):
        s, _, k = clock(k_visual, k_vestibular)
        return np.rad2deg(1 / (k * np.sqrt(s[-1])))

    found = [threshold(40, 0), threshold(0, 12), threshold(40, 12)]
    assert np.allclose(found, [4.90, 6.86, 3.99], atol=0.01)


def test_the_two_series_of_the_passage_density_agree_and_integrate_to_one():
    s = np.linspace(1e-6, 4.0, 40_001)
    density = passage_density(s, 0.5)
    assert 2 * np.trapezoid(density, s) == pytest.approx(1, abs=1e-4)
    near = passage_density(np.array([0.1499, 0.1501]) * 1.0, 0.5)
    assert near[0] == pytest.approx(near[1], rel=5e-3)
    stay, right = undecided(0.3, 0.5, 1.2)
    s = np.linspace(1e-7, 0.3, 20_001)
    passed = np.trapezoid(passage_density(s, 0.5) * np.exp(-0.72 * s) * 2 * np.cosh(0.6), s)
    assert stay == pytest.approx(1 - passed, abs=2e-3) and stay / 2 < right < stay


@pytest.mark.parametrize("k_visual, k_vestibular, bound", [(80, 0, 0.4), (0, 15, 0.5), (80, 15, 0.2)])
def test_closed_form_agrees_with_small_steps(k_visual, k_vestibular, bound):
    headings = np.array([0.686, 5.6])
    t, density, right, rest, rest_right = decisions(headings, k_visual, k_vestibular, bound)
    mean = (density * t).sum(1) * (t[1] - t[0]) + 2 * rest
    chance = right * (1 - rest) + rest_right
    when, choice = simulate(
        np.repeat(headings, 1500), k_visual, k_vestibular, bound, rng=np.random.default_rng(1), dt=0.002
    )
    assert np.allclose(when.reshape(2, -1).mean(1), mean, atol=0.06), (
        "steps overshoot the bound, so they come a little later"
    )
    assert np.allclose(choice.reshape(2, -1).mean(1), chance, atol=4 * 0.5 / np.sqrt(1500))
    assert np.allclose(density.sum(1) * (t[1] - t[0]) + rest, 1, atol=1e-6)


def test_mirrored_headings_give_mirrored_choices():
    _, density, right, rest, rest_right = decisions([-3.0, 3.0], 50, 10, 0.3)
    assert right.sum() == pytest.approx(1) and np.allclose(density[0], density[1])
    assert rest_right.sum() == pytest.approx(rest[0], rel=1e-6)
    with pytest.raises(ValueError, match="at least one must be positive"):
        clock(0, 0)


def fokker_planck(s, bound, drift, n=300):
    """Probability to stay within the bounds, and above 0, by central differences of the equation on a grid."""
    step = 2 * bound / n
    x = np.linspace(-bound + step, bound - step, n - 1)
    up, down = 0.5 / step**2 + drift / (2 * step), 0.5 / step**2 - drift / (2 * step)
    flow = np.diag(np.full(n - 1, -1 / step**2)) + np.diag(np.full(n - 2, up), -1) + np.diag(np.full(n - 2, down), 1)
    mass = expm(flow * s)[:, n // 2 - 1]
    return mass.sum(), mass[x > step / 2].sum() + mass[n // 2 - 1] / 2


@pytest.mark.parametrize(
    "s, bound, drift", [(0.3, 0.5, 1.2), (0.1, 0.5, -3.0), (0.02, 0.5, 10.0), (0.1249, 0.5, 1.0), (0.1251, 0.5, 1.0)]
)
def test_undecided_is_what_the_fokker_planck_equation_leaves_within_the_bounds(s, bound, drift):
    np.testing.assert_allclose(undecided(s, bound, drift), fokker_planck(s, bound, drift), atol=6e-5)  # of the grid


@pytest.mark.parametrize("bound, drift", [(0.4, 2.0), (0.4, -2.0), (1.0, 5.0), (3.0, 20.0)])
def test_what_leaves_the_bounds_is_the_passage_density(bound, drift):
    """Expansions that share no term: images of the probability within, and Navarro & Fuss's series of what leaves."""
    s, step = np.linspace(0.01, 0.5, 9), 1e-6
    left = [(undecided(x - step, bound, drift)[0] - undecided(x + step, bound, drift)[0]) / (2 * step) for x in s]
    np.testing.assert_allclose(passage_density(s, bound, drift) + passage_density(s, bound, -drift), left, atol=1e-7)


@pytest.mark.parametrize("bound", [1e-6, 1e-3, 0.02, 0.2, 2.0, 8.0, 30.0])
def test_probabilities_are_probabilities_at_every_bound(bound):
    headings = np.array([-90.0, -5.0, 0.0, 0.3, 2.0, 30.0])
    t, density, right, rest, rest_right = decisions(headings, 80, 15, bound)
    chance = right * (1 - rest) + rest_right
    assert (chance >= 0).all() and (chance <= 1).all() and (np.diff(chance) >= 0).all()
    np.testing.assert_allclose(density.sum(1) * (t[1] - t[0]) + rest, 1, atol=1e-9)
    assert (rest_right <= rest).all()


def test_a_bound_that_is_never_met_leaves_the_sign_of_the_evidence():
    """Φ(μ √s): the bound of 8 gave 1.73."""
    s, _, k = clock(80, 15)
    headings = np.array([-5.0, 0.3, 2.0])
    _, _, _, rest, rest_right = decisions(headings, 80, 15, 8.0)
    np.testing.assert_allclose(rest, 1, atol=1e-9)
    np.testing.assert_allclose(rest_right, ndtr(k * np.sin(np.deg2rad(headings)) * np.sqrt(s[-1])), atol=1e-9)
