"""Covariance learning of a sound–light pair: what grows, what it evokes afterwards, and what a long lag does not
teach."""

import numpy as np
import pytest

from neuromm.maths.coincidence import learn_coincidence, trace_overlap


def far_from_trained(weights, trained=10):
    others = np.ones_like(weights, bool)
    others[trained - 2 : trained + 3, trained - 2 : trained + 3] = False
    return weights[others]


@pytest.mark.parametrize("lag", [0.0, 10.0, 20.0])
def test_a_coincident_pair_is_associated_and_a_sound_alone_evokes_its_light(lag):
    weights, evoked = learn_coincidence(rng=np.random.default_rng(1), lag=lag)
    assert weights[10, 10] >= 3 * np.median(far_from_trained(weights))
    assert evoked[10] >= 0.3 and evoked.argmax() == 10


@pytest.mark.parametrize("lag", [200.0, 300.0])
def test_a_long_lag_teaches_nothing(lag):
    weights, evoked = learn_coincidence(rng=np.random.default_rng(1), lag=lag)
    assert weights[10, 10] < 1.2 * 0.02 and evoked[10] < 0.3
    assert np.median(far_from_trained(weights)) < 1.2 * 0.02


def test_growth_falls_with_the_lag_of_the_light():
    grown = [learn_coincidence(rng=np.random.default_rng(2), lag=x, rate=0.002)[0][10, 10] for x in (0, 20, 50, 80)]
    assert (np.diff(grown) < 0).all() and grown[0] > 5 * 0.02


def test_trace_overlap_is_the_integral_of_two_filtered_pulses():
    def course(t):
        t = np.maximum(t, 0)
        return np.where(t < 20, 1 - np.exp(-t / 15), (1 - np.exp(-20 / 15)) * np.exp(-np.maximum(t - 20, 0) / 15))

    time = np.arange(0, 400, 0.05)
    whole = (course(time) ** 2).sum()
    for lag in (5.0, 30.0):
        exact = (course(time) * course(time - lag)).sum() / whole
        assert trace_overlap(np.array([lag, -lag]), 20.0, 15.0) == pytest.approx([exact] * 2, abs=2e-3)


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="trained is 30"):
        learn_coincidence(rng=np.random.default_rng(0), trained=30)
    with pytest.raises(ValueError, match="tau=-1"):
        learn_coincidence(rng=np.random.default_rng(0), tau=-1.0)
