"""Colliculus against its reference values, the empirical rules, and a numerical integration of its synapse."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

from neuromm.observers.protocol import Record
from neuromm.observers.rate.colliculus import Colliculus, filtered_pulse


def rates(observer, auditory, visual, sets=None, **columns):
    trials = pd.DataFrame({"auditory_azimuth": auditory, "visual_azimuth": visual, "report": "rate", **columns})
    percept = observer.perceive(trials, rng=np.random.default_rng(0), parameters=sets)
    return percept.responses["response"].to_numpy().reshape(-1, len(trials))


def both(observer, intensities):
    """Columns A alone, V alone, AV; one row per intensity."""
    sets = pd.DataFrame({"intensity_auditory": intensities, "intensity_visual": intensities})
    return rates(observer, [0, np.nan, 0], [np.nan, 0, 0], sets)


def test_responses_and_enhancement_match_the_reference_values():
    a, v, av = both(Colliculus(), [8.0, 9, 10, 11, 12, 14, 18, 25]).T
    np.testing.assert_array_equal(a, v)
    np.testing.assert_allclose(a[:7], [0.0307, 0.0699, 0.157, 0.313, 0.510, 0.788, 0.921], atol=6e-4)
    np.testing.assert_allclose(av[:7], [0.320, 0.709, 0.933, 0.986, 0.995, 0.997, 0.998], atol=6e-4)
    enhancement = 100 * (av - a) / a
    np.testing.assert_allclose(enhancement, [941, 913, 494, 215, 95, 27, 8.3, 6.0], atol=0.5)  # rounded there
    assert (np.diff(enhancement) < 0).all()
    np.testing.assert_allclose((av / (2 * a))[[0, 4, 7]], [5.2, 0.98, 0.53], atol=0.01)


def test_without_association_cortex_there_is_no_enhancement():
    a, _, av = both(Colliculus(aes=0.0), [8.0, 12, 25]).T
    np.testing.assert_array_equal(av, a)
    intact = both(Colliculus(), [25.0])[0, 0]
    assert 0.7 < a[-1] / intact < 0.8 and a[-1] == pytest.approx(0.70, abs=0.01)


def test_nmda_blockade_costs_the_multisensory_response_more():
    (a, _, av), (a_less, _, av_less) = both(Colliculus(), [11.0])[0], both(Colliculus(nmda=0.5), [11.0])[0]
    assert a_less < a and av_less < av and av - av_less > a - a_less


def test_an_event_outside_the_receptive_field_does_not_enhance():
    near, far, alone = rates(Colliculus(), [0.0, 0, 0], [0.0, 60, np.nan])[0]
    assert near > 1.5 * alone and far == pytest.approx(alone, rel=0.01)


def test_enhancement_is_largest_when_the_discharges_overlap():
    soa = np.arange(-200.0, 301, 20)
    observer = Colliculus(intensity_auditory=11.0, intensity_visual=11.0, duration=900.0)
    pair = rates(observer, 0.0, 0.0, auditory_onset=300 + soa, visual_onset=300.0,
                 auditory_duration=50.0, visual_duration=50.0)[0]  # fmt: skip
    best = soa[pair.argmax()]
    assert 40 <= best <= 100  # sound later by about the difference in latency
    single = rates(observer, [0, np.nan], [np.nan, 0], auditory_onset=300.0, visual_onset=300.0,
                   auditory_duration=50.0, visual_duration=50.0)[0]  # fmt: skip
    assert pair[[0, -1]] == pytest.approx([single.max()] * 2, rel=0.05)


def test_a_lasting_event_reaches_the_steady_response():
    steady = rates(Colliculus(), 0.0, [0.0])
    lasting = rates(Colliculus(), 0.0, [0.0], auditory_onset=0.0)
    np.testing.assert_allclose(lasting, steady, rtol=1e-6)


def test_filtered_pulse_solves_the_synapse_equation():
    def synapse(t, state, drive, tau=15.0):
        return [state[1], (drive - state[0]) / tau**2 - 2 * state[1] / tau]

    during = solve_ivp(synapse, (5, 25), [0, 0], args=(1.0,), t_eval=[6, 12, 25], rtol=1e-9, atol=1e-12)
    after = solve_ivp(synapse, (25, 80), during.y[:, -1], args=(0.0,), t_eval=[30, 80], rtol=1e-9, atol=1e-12)
    found = filtered_pulse(np.array([2.0, 6, 12, 25, 30, 80]), np.array([5.0]), np.array([20.0]), 15.0)[0]
    np.testing.assert_allclose(found, [0, *during.y[0], *after.y[0]], atol=1e-7)


def test_courses_are_recorded_in_time():
    trials = pd.DataFrame(
        {"auditory_azimuth": [0.0], "visual_azimuth": 0.0, "report": "rate", "auditory_duration": 50.0}
    )
    percept = Colliculus().perceive(trials, rng=np.random.default_rng(0), layers=Record("*", time="all", every=10))
    course = percept.representations["multisensory"]
    assert course.sizes["time"] == 60 and course.max() <= percept.responses["response"].iloc[0] + 1e-6


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Colliculus(aes=1.5), "aes must be a probability between 0 and 1, got 1.5"),
        (lambda: Colliculus(tau_visual=0), "tau_visual must be .* above 0 in ms, got 0"),
        (lambda: rates(Colliculus(), [0.0], [0.0], auditory_onset=700.0), "auditory discharge would start at 720 ms"),
        (lambda: Colliculus(dt=-1.0), "dt must be .* above 0 in ms, got -1.0"),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
