"""Noisy encoding of disparity: the parts of its fit, each against what it should reach without the others."""

import numpy as np
import pytest
from scipy.stats import norm

from neuromm.maths import encoding_disparity as ned


@pytest.fixture
def world(rng):
    """Disparities of 8 stimuli, thresholds and sds of 6 people, and the rates that they make without noise."""
    disparity, threshold = np.linspace(0.2, 1.6, 8), np.array([0.4, 0.7, 0.9, 1.0, 1.2, 1.4])
    sigma = np.array([0.1, 0.2, 0.3, 0.15, 0.4, 0.25])
    rates = norm.cdf((threshold[:, None] - disparity) / sigma[:, None])
    return rates, np.ones_like(rates), disparity, threshold, sigma


def test_a_rate_is_the_share_of_disparities_below_the_threshold(rng):
    seen = rng.normal(0.6, 0.3, 400_000)
    assert ned.fusion_probability(0.6, 0.8, 0.3) == pytest.approx((seen < 0.8).mean(), abs=3e-3)


def test_slopes_are_those_of_differences(world):
    _, _, d, t, s = (x[None] for x in world)
    _, predicted, slope = ned._slopes(d, t, s)
    up, down = (ned._slopes(d, t + e, s)[1] for e in (1e-6, -1e-6))
    assert np.allclose(predicted[0], world[0]) and np.allclose(slope, (up - down) / 2e-6, atol=1e-6)


def test_the_grid_finds_the_best_of_its_points_for_each_person(world, rng):
    rates, weights, d, *_ = world
    weights = rng.uniform(0.2, 2.0, rates.shape)
    threshold, sigma = ned._people_on_grid(rates, weights, np.stack([d, d[::-1]]))
    for start, disparity in enumerate((d, d[::-1])):
        for person in range(len(rates)):
            error, t, s = min(
                ((weights[person] * (norm.cdf((t - disparity) / s) - rates[person]) ** 2).sum(), t, s)
                for t in np.linspace(0, 2, 21) for s in np.geomspace(0.02, 1, 7)
            )  # fmt: skip
            assert (threshold[start, person], sigma[start, person]) == pytest.approx((t, s)), error


def test_steps_on_people_reach_the_truth_when_stimuli_are_known(world):
    rates, weights, d, t, s = world
    found = ned._step_people(rates, weights, d[None], t[None] + 0.03, s[None] * 1.1, 3)
    assert np.allclose(found[0][0], t, atol=2e-3) and np.allclose(found[1][0], s, rtol=2e-2)
    before, after = (ned._error(rates, weights, d[None], *x).sum() for x in ((t[None] + 0.03, s[None] * 1.1), found))
    assert after < 1e-3 * before


def test_steps_on_stimuli_reach_the_truth_when_people_are_known(world):
    rates, weights, d, t, s = world
    found = ned._step_stimuli(rates, weights, d[None] + 0.04, t[None], s[None], 3)
    assert np.allclose(found[0], d, atol=2e-3)


def test_no_step_makes_it_worse(world, rng):
    rates, _, d, t, s = world
    rates, weights = np.clip(rates + rng.normal(0, 0.15, rates.shape), 0, 1), rng.uniform(0, 2, rates.shape)
    d, t, s = d + rng.normal(0, 0.4, (5, len(d))), np.tile(t, (5, 1)), np.tile(s, (5, 1))
    first = ned._error(rates, weights, d, t, s)
    t2, s2 = ned._step_people(rates, weights, d, t, s, 1)
    people = ned._error(rates, weights, d, t2, s2)
    stimuli = ned._error(rates, weights, ned._step_stimuli(rates, weights, d, t2, s2, 1), t2, s2)
    assert (people.sum(-1) <= first.sum(-1) + 1e-12).all() and people.sum() < first.sum()
    assert (stimuli.sum(1) <= people.sum(1) + 1e-12).all() and stimuli.sum() < people.sum()


def test_the_first_start_is_the_papers_and_the_others_are_jittered_about_it(world):
    rates = world[0]
    one, again = (ned.fit_encoding_disparity(rates, rng=np.random.default_rng(k), n_starts=1)[3] for k in (1, 2))
    assert np.array_equal(one, again)
    many, others = (ned.fit_encoding_disparity(rates, rng=np.random.default_rng(k), n_starts=5)[3] for k in (1, 2))
    assert many[0] == one[0] == others[0] and not np.allclose(many[1:], others[1:])


def test_cycles_alone_come_to_what_the_joint_fit_reaches(world, rng):
    rates = np.clip(world[0] + rng.normal(0, 0.03, world[0].shape), 0, 1)
    weights = np.ones_like(rates)
    d, t, s, errors = ned.fit_encoding_disparity(rates, rng=rng, n_starts=8, n_cycles=200)
    best = ned._error(rates, weights, d[None], t[None], s[None]).sum()
    assert best <= errors.min() + 1e-12 and errors.min() < 1.01 * best, errors.min() / best


def test_trials_weigh_and_missing_cells_do_not(world, rng):
    rates, _, d, t, s = world
    noisy, trials = rates.copy(), np.full(rates.shape, 1000.0)
    noisy[0, 3], trials[0, 3] = 1 - noisy[0, 3], 1e-6  # one cell is wrong, and nearly without trials
    found = ned.fit_encoding_disparity(noisy, rng=rng, n_trials=trials, n_starts=6)
    assert np.allclose(ned.fusion_probability(found[0], found[1][:, None], found[2][:, None])[1:], rates[1:], atol=0.02)
    noisy[0, 3] = np.nan
    missing = ned.fit_encoding_disparity(noisy, rng=rng, n_starts=6)
    assert np.allclose(ned.fusion_probability(missing[0], missing[1][:, None], missing[2][:, None]), rates, atol=0.02)


@pytest.mark.parametrize(("rates", "words"), [
    (np.full(4, 0.5), "people × stimuli"), (np.array([[np.nan, np.nan], [0.5, 0.5]]), "at least one cell"),
    (np.array([[np.nan, 0.5], [np.nan, 0.5]]), "at least one cell"), (np.array([[0.5, 1.2]]), "from 0.5 to 1.2"),
    (np.array([[0.5, -0.2]]), "from -0.2 to 0.5"),
])  # fmt: skip
def test_what_are_no_rates_is_refused(rates, words, rng):
    with pytest.raises(ValueError, match=words):
        ned.fit_encoding_disparity(rates, rng=rng)
