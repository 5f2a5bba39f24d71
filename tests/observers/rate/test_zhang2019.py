"""Zhang2019 against the reference angles and rates, the theory, and a loop over its equations."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import iv

from neuromm.observers.rate.zhang2019 import Zhang2019, discounted, integrate_cues, segregate_cues
from neuromm.testing import heading_trials


def steady(x_1, x_2, alpha_1=0.5, alpha_2=0.5, **fields):
    o = Zhang2019(alpha_vestibular=alpha_1, alpha_visual=alpha_2, **fields)
    runs = [[np.deg2rad(x_1), alpha_1 * o.unit_strength, np.deg2rad(x_2), alpha_2 * o.unit_strength]]
    rates = o.integrate(np.array(runs))[0]
    return np.rad2deg(np.angle(rates @ np.exp(1j * o.theta))), rates.max(-1)


def test_theory_gives_the_reference_numbers():
    for arguments, congruent, opposite in (
        ((0, 30, 3, 3), (15.0, 5.796), (-75.0, 1.553)),
        ((0, 30, 4, 2), (9.896, 5.819), (-23.794, 2.479)),
        ((0, 90, 3, 3), (45.0, 4.243), (-45.0, 4.243)),
    ):
        np.testing.assert_allclose(integrate_cues(*arguments), congruent, atol=1e-3)
        np.testing.assert_allclose(segregate_cues(*arguments), opposite, atol=1e-3)
    assert segregate_cues(0, 0, 3, 3)[1] == 0 and integrate_cues(0, 0, 3, 3)[1] == 6


def test_the_two_sums_hold_all_information_of_the_cues(rng):
    x, kappa = rng.uniform(-180, 180, (2, 50)), rng.uniform(0.5, 5, (2, 50))
    both = integrate_cues(*x, *kappa)[1] ** 2 + segregate_cues(*x, *kappa)[1] ** 2
    np.testing.assert_allclose(both, 2 * (kappa**2).sum(0))


def test_a_prior_on_discrepancy_discounts_the_other_cue():
    kappa = discounted(3.0, 2.0)
    ratio = lambda k: iv(1, k) / iv(0, k)  # noqa: E731
    assert ratio(kappa) == pytest.approx(ratio(3.0) * ratio(2.0), rel=1e-9) and kappa < 2.0
    assert discounted(3.0, np.inf) == 3.0


def test_steady_states_match_the_reference():
    o = Zhang2019()
    assert o.critical_weight == pytest.approx(0.014810, abs=1e-6) and o.unit_strength == pytest.approx(14.256, abs=1e-3)
    angle, peak = steady(0, 40)
    np.testing.assert_allclose(angle, [7.11, -5.82, 32.89, 45.82], atol=0.15)
    np.testing.assert_allclose(peak, [39.3, 27.7] * 2, atol=0.5)
    angle, _ = steady(0, 40, 1.0, 0.4)
    np.testing.assert_allclose(angle, [3.42, -2.06, 29.70, 51.91], atol=0.15)
    assert steady(0, 40, 0.4, 1.0)[0][0] == pytest.approx(10.30, abs=0.15)
    angle, peak = steady(0, 90)
    np.testing.assert_allclose(angle[:2], [10.63, -10.63], atol=0.15)
    np.testing.assert_allclose(peak, 31.9, atol=0.5)
    np.testing.assert_allclose(steady(0, 0)[1][:2], [42.1, 26.9], atol=0.5)


def test_modes_equal_a_loop_over_full_weight_matrices():
    o, n = Zhang2019(n_cells=60, duration=2.0, dt=0.02), 60
    gap = o.theta[:, None] - o.theta
    j = 0.35 * o.critical_weight
    own = j * np.exp(3 * np.cos(gap)) / (2 * np.pi * iv(0, 3))
    across = [0.5 * own, 0.5 * j * np.exp(3 * np.cos(gap + np.pi)) / (2 * np.pi * iv(0, 3))] * 2
    u, cues = np.zeros((4, n)), [(0.3, 8.0)] * 2 + [(-0.5, 5.0)] * 2
    drive = np.array([s * np.exp(1.5 * (np.cos(o.theta - x) - 1)) + 1 for x, s in cues])

    def rates(u):
        square = np.maximum(u, 0) ** 2
        pool = square.sum(1)
        return square / (1 + 3e-4 * (pool + 0.5 * pool[[1, 0, 3, 2]]))[:, None]

    for _ in range(100):
        r = rates(u)
        u = u + 0.02 * (-u + r @ own.T + np.array([r[k - 2] @ across[k].T for k in range(4)]) + drive)
    found = o.integrate(np.array([[0.3, 8.0, -0.5, 5.0]]))[0]
    np.testing.assert_allclose(found, rates(u), rtol=1e-6, atol=1e-8)


def test_congruent_cells_win_below_90_deg_and_opposite_cells_beyond():
    peaks = np.array([steady(0, x)[1] for x in (0, 30, 60, 90, 120, 150)])
    difference = peaks[:, 0] - peaks[:, 1]
    assert (np.diff(difference) < 0).all() and difference[3] == pytest.approx(0, abs=1e-6)
    trials = pd.DataFrame({"vestibular_heading": 0.0, "visual_heading": [20.0, 80, 100, 170], "report": "common"})
    given = Zhang2019().perceive(trials, rng=np.random.default_rng(0)).responses["response"]
    assert given.tolist() == [1, 1, 0, 0]


def test_opposite_cells_give_the_direct_cue_back():
    trials = pd.DataFrame({"vestibular_heading": 0.0, "visual_heading": [20.0, 40, 80], "report": "vestibular"})
    integrated, regained = (
        Zhang2019(readout=r).perceive(trials, rng=np.random.default_rng(0)).responses["response"].abs()
        for r in ("congruent", "segregated")
    )
    assert (regained < 0.5 * integrated).all()
    cut = Zhang2019(reciprocal=0.0).perceive(trials, rng=np.random.default_rng(0)).responses["response"]
    np.testing.assert_allclose(cut, 0, atol=1e-6)  # modules apart: no pull


def test_input_noise_spreads_the_answers_about_the_mean_field():
    trials = heading_trials(reports=("vestibular",)).iloc[:1]
    trials = pd.concat([trials] * 40, ignore_index=True).assign(presentation=np.arange(40))
    noisy = Zhang2019(fano=0.5, duration=10.0, dt=0.02, n_cells=90)
    given = noisy.perceive(trials, rng=np.random.default_rng(1)).responses["response"]
    exact = Zhang2019().perceive(trials, rng=np.random.default_rng(1)).responses["response"]
    assert 0.2 < given.std() < 20 and given.mean() == pytest.approx(exact.mean(), abs=3 * given.std() / np.sqrt(40))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tau": -1.0}, "tau must be a number above 0, got -1.0"),
        ({"dt": 2.0}, "dt must be at most tau=1 to be stable.*got 2.0"),
        ({"recurrent": 0.9}, "hold a bump alone"),
        ({"n_cells": 7}, "n_cells must be a whole number of at least 8, got 7"),
    ],
)
def test_bad_values_are_refused_by_name(fields, words):
    with pytest.raises(ValueError, match=words):
        Zhang2019(**fields)
