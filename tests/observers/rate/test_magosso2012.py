"""Magosso2012 against the reference shifts, a plain loop over its equations, and the signs of its aftereffect."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.maths.ring import bump, circulant, mexican_hat
from neuromm.observers.rate.dense import DenseRings
from neuromm.observers.rate.integrate import Problem, euler
from neuromm.observers.rate.magosso2012 import Magosso2012

STEADY = Magosso2012()  # 200 ms: at 100 the sound alone is still rising (0.7767 of 0.7786)
DISPARITY = np.array([5.0, 10, 15, 20, 30, 40, 60])


def run(observer, auditory, visual, report="auditory"):
    trials = pd.DataFrame({"auditory_azimuth": auditory, "visual_azimuth": visual, "report": report})
    return observer.perceive(trials, rng=np.random.default_rng(0), layers="*")


def test_auditory_shift_rises_to_20_or_30_deg_and_falls_as_in_the_reference():
    shift = run(STEADY, -11.0, DISPARITY - 11).responses["response"].to_numpy() + 11
    np.testing.assert_allclose(shift, [2.04, 3.52, 4.68, 5.65, 5.51, 2.58, 0.93], atol=0.025)
    assert DISPARITY[shift.argmax()] in (20, 30)


def test_visual_shift_is_a_fifth_of_the_auditory_one_at_most():
    near = DISPARITY[:4]
    auditory = run(STEADY, 0.0, near).responses["response"].to_numpy()
    visual = near - run(STEADY, 0.0, near, "visual").responses["response"].to_numpy()
    assert (auditory >= 5 * np.abs(visual)).all()


def test_single_modalities_reach_their_reference_peaks():
    percept = run(STEADY, [0.0, np.nan], [np.nan, 0.0], ["auditory", "visual"])
    peaks = [percept.representations[ring][i].max() for i, ring in enumerate(Magosso2012.layers)]
    np.testing.assert_allclose(peaks, [0.779, 0.922], atol=0.001)


def test_lesion_of_the_crossmodal_weights_abolishes_the_shift():
    lesioned = run(dataclasses.replace(STEADY, weight_crossmodal=0.0), 0.0, DISPARITY)
    np.testing.assert_allclose(lesioned.responses["response"], lesioned.responses["response"].iloc[0], atol=1e-9)


def test_most_active_cell_jumps_to_the_light_up_to_30_deg():
    response = run(dataclasses.replace(STEADY, readout="argmax"), 0.0, DISPARITY).responses["response"]
    np.testing.assert_allclose(response[:5], DISPARITY[:5], atol=1)
    np.testing.assert_allclose(response[6:], 0, atol=1)


def test_folded_and_dense_integration_equal_a_loop_over_the_written_equations():
    n, dt = 180, 0.05
    hat = circulant(mexican_hat(n, 2.4, 2, 1.4, 24))
    e = np.stack([bump(n, 90, 32, 18.0)[0], bump(n, 103.5, 4, 15.0)[0]])
    y = np.zeros((2, n))
    for _ in range(400):
        y = y + dt / 3 * (1 / (1 + np.exp(-0.6 * (y @ hat.T + 5 * y[::-1] + e - 12))) - y)
    percept = run(Magosso2012(duration=20.0, dt=dt, integrator="euler"), [0.0], [13.5])
    for ring, layer in enumerate(Magosso2012.layers):
        np.testing.assert_allclose(percept.representations[layer].to_numpy()[0], y[ring], atol=1e-6)
    weights = np.stack([np.stack([hat, 5 * np.eye(n)], 1), np.stack([5 * np.eye(n), hat], 1)])
    rings = DenseRings(0.6 * weights)
    problem = Problem(rings, rings.fold(0.6 * e[:, None]), rings.tensor(-7.2), [3.0, 3.0], [None, None])
    found = euler(problem, dt, 400)
    np.testing.assert_allclose([rings.unfold(ring)[0] for ring in found], y, atol=1e-9)


def adapted(visual, n=8):
    return Magosso2012(duration=60.0, n_adaptation=n, adaptation_visual=visual)


def test_a_sound_alone_is_heard_where_the_light_had_been():
    before = run(adapted(10.0, 0), [0.0], [np.nan]).responses["response"].iloc[0]
    right = run(adapted(10.0), [0.0], [np.nan]).responses["response"].iloc[0] - before
    left = run(adapted(-10.0), [0.0], [np.nan]).responses["response"].iloc[0] - before
    assert 0.5 < right < 9 and left == pytest.approx(-right, abs=0.15)  # the centre of mass is drawn to cell 89.5


def test_exposure_without_disparity_leaves_the_sound_in_place():
    before, after = (run(adapted(0.0, n), [0.0], [np.nan]).responses["response"].iloc[0] for n in (0, 8))
    assert after == pytest.approx(before, abs=0.1)


def test_plasticity_keeps_the_bounds_and_nearly_the_total_input():
    observer = adapted(10.0)
    weights, start = observer.adapted_weights(), circulant(mexican_hat(180, 2.4, 2, 1.4, 24))
    assert np.abs(weights).max() <= observer.weight_bound and not np.diag(weights).any()
    assert np.abs(weights - start).max() > 0.1
    np.testing.assert_allclose(weights.sum(1), start.sum(1), atol=1e-6)  # no weight has met its bound here


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_adaptation": -1}, "n_adaptation must be a whole number of at least 0, got -1"),
        ({"adaptation_visual": 95.0}, "adaptation_visual must be from -90 to below 90 deg, in its ring, got 95.0"),
        ({"tau": 0.0}, "tau must be .* above 0 in ms, got 0.0"),
        ({"dt": 2.0}, "dt=2 ms is unstable"),
    ],
)
def test_bad_values_are_refused_by_name(fields, words):
    with pytest.raises(ValueError, match=words):
        Magosso2012(**fields)
