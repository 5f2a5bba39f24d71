"""Ohshiro2011 against the reference table, an explicit loop over the pool, and the rules it is known for."""

import numpy as np
import pandas as pd
import pytest

from neuromm.measures.enhancement import linear_weights
from neuromm.observers.rate.normalisation import HEADINGS, decoded_weight, heading_cells
from neuromm.observers.rate.ohshiro2011 import Ohshiro2011
from neuromm.observers.rate.ohshiro2011_heading import Ohshiro2011Heading

CELL = Ohshiro2011(centre=(6.0, 6.0))  # the paper's test cell
INTENSITIES = [1.0, 4, 16, 64, 256, 1024]


def rates(observer, auditory, visual, sets=None, **columns):
    trials = pd.DataFrame({"auditory_azimuth": auditory, "visual_azimuth": visual, "report": "rate", **columns})
    percept = observer.perceive(trials, rng=np.random.default_rng(0), parameters=sets)
    return percept.responses["response"].to_numpy().reshape(-1, len(trials))


def equal(intensities, **fields):
    return pd.DataFrame({"intensity_auditory": intensities, "intensity_visual": intensities, **fields})


def test_responses_and_additivity_match_the_reference_table():
    one, both = rates(CELL, [0, 0], [np.nan, 0], equal(INTENSITIES)).T
    np.testing.assert_allclose(one, [0.9890, 3.8293, 13.579, 37.354, 66.437, 82.494], rtol=0.005)
    np.testing.assert_allclose(both, [3.8567, 13.930, 40.140, 75.791, 97.423, 104.909], rtol=0.005)
    np.testing.assert_allclose(both / (2 * one), [1.950, 1.819, 1.478, 1.015, 0.733, 0.636], atol=0.001)
    assert (np.diff(both / one) < 0).all()


@pytest.mark.parametrize(
    ("n", "index"), [(1, [0.973, 0.949, 0.907, 0.844, 0.762, 0.677]), (3, [3.889, 3.284, 1.732, 0.889, 0.737, 0.717])]
)
def test_additivity_at_other_exponents(n, index):
    one, both = rates(CELL, [0, 0], [np.nan, 0], equal(INTENSITIES, exponent=n)).T
    np.testing.assert_allclose(both / (2 * one), index, atol=0.0011)


def test_a_displaced_event_suppresses_and_earlier_at_high_intensity():
    found = rates(CELL, [0.0] * 5, [0, 4, 8, 12, np.nan], equal([64.0, 1024.0]))
    np.testing.assert_allclose(found[0], [75.8, 61.9, 39.8, 28.6, 37.35], rtol=0.005)
    np.testing.assert_allclose(found[1], [104.9, 86.8, 57.9, 43.4, 82.5], rtol=0.005)


def test_an_effective_but_non_preferred_event_suppresses_when_strong_only():
    sets = equal([1024.0] * 3 + [4.0])
    sets["cell_dominance"] = [(1.0, 0.75), (1.0, 0.5), (1.0, 0.0), (1.0, 0.5)]
    both, one, other = rates(CELL, [0, 0, np.nan], [0, np.nan, 0], sets).T
    np.testing.assert_allclose(both, [80.3, 59.0, 26.2, 7.84], rtol=0.005)
    np.testing.assert_allclose(other[:2], [46.4, 20.6], rtol=0.005)
    assert (both[:3] < one[:3]).all() and both[3] > one[3]


def test_responses_equal_a_loop_over_every_cell_of_the_pool():
    observer = Ohshiro2011(n_positions=9, centre=(4.0, 5.0), cell=(6, 5), exponent=1.7, semisaturation=2.3, spacing=1.0)
    found = rates(observer, [1.5], [-0.5], visual_reliability=0.25)[0, 0]
    power = []
    for y in range(1, 10):
        for x in range(1, 10):
            i_1 = 64 * np.exp(-((x - 5.5) ** 2 + (y - 5) ** 2) / 8)
            i_2 = 16 * np.exp(-((x - 3.5) ** 2 + (y - 5) ** 2) / 8)
            power += [(a * i_1**0.5 + b * i_2**0.5) ** 1.7 for a in observer.dominance for b in observer.dominance]
            if (x, y) == (6, 5):
                own = (i_1**0.5 + i_2**0.5) ** 1.7
    assert found == pytest.approx(own / (2.3**1.7 + np.mean(power)), rel=1e-12)


def test_attention_raises_the_weight_of_the_attended_modality_and_gain_1_changes_nothing():
    conflict = dict(auditory=[4.0], visual=[-4.0])
    cell = Ohshiro2011(cell=(17, 15))
    plain, idle = (rates(cell, **conflict, attended=[who])[0, 0] for who in (None, "auditory"))
    assert plain == idle
    heard, seen = (
        rates(Ohshiro2011(cell=(17, 15), attention_gain=2.0), **conflict, attended=[who])[0, 0]
        for who in ("auditory", "visual")
    )
    assert heard > plain > seen


def test_cells_of_one_modality_report_its_place():
    trials = pd.DataFrame({"auditory_azimuth": [6.0] * 2, "visual_azimuth": -3.0, "report": ["auditory", "visual"]})
    percept = Ohshiro2011().perceive(trials, rng=np.random.default_rng(0), layers="*")
    np.testing.assert_allclose(percept.responses["response"], [6, -3], atol=0.01)
    assert percept.representations["multisensory"].shape == (2, 725)


def test_weights_of_heading_cells_shift_with_coherence_without_any_change_of_synapses():
    headings, found = np.arange(0.0, 360, 45), {}
    n, nothing = len(headings), np.full(len(headings), np.nan)
    for coherence in (0.16, 0.6):
        pairs = heading_cells(np.repeat(headings, n), np.tile(headings, n), coherence)
        body, flow = heading_cells(headings, nothing, coherence), heading_cells(nothing, headings, coherence)
        weights = linear_weights(pairs.reshape(n, n, -1), body, flow)
        assert weights["r2"].median() > 0.8
        found[coherence] = weights[["first", "second"]].mean().to_numpy()
    assert found[0.6][0] < found[0.16][0] and found[0.6][1] > found[0.16][1]


def test_a_likelihood_decoder_of_heading_cells_weighs_the_cues_nearly_by_their_reliability():
    decoded, predicted = np.array([decoded_weight(c) for c in (0.05, 0.16, 0.3, 0.6, 1.0)]).T
    assert (np.diff(decoded) < 0).all() and (np.diff(predicted) < 0).all()  # less body with more coherent sight
    assert np.abs(decoded - predicted).max() < 0.1 and (decoded > 0.5).all()


def steer(vestibular, visual, n=1, layers=(), observer=None, **columns):
    """Answers to `n` repeats of a pair of headings, deg."""
    row = {"vestibular_heading": vestibular, "visual_heading": visual, "report": "heading", **columns}
    trials = pd.DataFrame(row, index=range(n))
    percept = (observer or Ohshiro2011Heading()).perceive(trials, rng=np.random.default_rng(4), layers=layers)
    return percept if layers else percept.responses["response"].to_numpy()


def test_headings_in_conflict_are_weighed_nearly_by_the_reliability_that_either_cue_shows_alone():
    found, many = [], Ohshiro2011Heading(gain=20.0)  # spikes, for the precision of the means
    for coherence in (0.16, 0.3, 0.6):  # the coherences of Fetsch et al. 2012, and one between
        given = {"n": 1000, "observer": many, "coherence": coherence}
        both = steer(-2.0, 2.0, **given).mean()
        body, sight = (steer(*pair, **given).std() for pair in ((0.0, np.nan), (np.nan, 0.0)))
        found.append(((both - 2) / -4, sight**2 / (sight**2 + body**2)))
    decoded, optimal = np.array(found).T
    assert (np.diff(decoded) < -0.03).all() and (np.diff(optimal) < -0.03).all()  # body less with more coherent sight
    assert np.abs(decoded - optimal).max() < 0.1


def test_without_noise_headings_are_those_of_the_measure_and_either_cue_alone_is_unbiased():
    for coherence in (0.16, 0.6):
        told = {"vestibular_measurement": -2.0, "visual_measurement": 2.0, "coherence": coherence}
        assert (steer(-2.0, 2.0, **told)[0] - 2) / -4 == pytest.approx(decoded_weight(coherence)[0], abs=2e-3)
    assert steer(173.0, np.nan, vestibular_measurement=173.0)[0] == pytest.approx(173.0, abs=1e-2)
    assert steer(-9.3, -9.3, visual_measurement=-9.3)[0] == pytest.approx(-9.3, abs=1e-2)


def test_heading_cells_are_those_of_a_loop_and_their_weights_shift_with_coherence():
    cells = steer(20.0, -35.0, layers="*", coherence=0.3, vestibular_reliability=0.5).representations
    power = []
    for difference in (0, 60, 120, 180):
        for one, two in ((1, 0.25), (1, 0.5), (1, 1), (0.5, 1), (0.25, 1)):
            for preferred in HEADINGS:
                body = 25 * (1 + np.cos(np.deg2rad(20 - preferred))) / 2
                flow = 15 * (1 + np.cos(np.deg2rad(-35 - preferred - difference))) / 2 + 5
                power.append((one * body**0.5 + two * flow**0.5) ** 2)
    np.testing.assert_allclose(cells["multisensory"][0], np.array(power) / (1 + np.mean(power)), rtol=1e-5)
    assert cells["counts"].shape == (1, 480) and cells["vestibular"].shape == (1, 24)
    rates = {}
    for coherence in (0.16, 0.6):
        shown = [(a, v) for a in HEADINGS[::3] for v in HEADINGS[::3]]
        shown += [(a, np.nan) for a in HEADINGS[::3]] + [(np.nan, v) for v in HEADINGS[::3]]
        body, sight = np.array(shown).T
        cells = steer(body, sight, len(shown), layers="multisensory", coherence=coherence)
        pairs, *alone = np.split(cells.representations["multisensory"].to_numpy().astype(float), [64, 72])
        rates[coherence] = linear_weights(pairs.reshape(8, 8, -1), *alone)[["first", "second"]].mean()
    assert rates[0.6]["first"] < rates[0.16]["first"] and rates[0.6]["second"] > rates[0.16]["second"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Ohshiro2011Heading(gain=0.0), "gain must be a number above 0, got 0.0"),
        (lambda: Ohshiro2011Heading(baseline=-1.0), "baseline must be a number at least 0, got -1.0"),
        (lambda: steer(np.nan, np.nan), r"trials \[0\] show no heading"),
        (lambda: steer(0.0, 1.0, coherence=1.5), r"'coherence' must be from 0 to 1, got 1.5 in trials \[0\]; a fr"),
        (lambda: Ohshiro2011(exponent=0), "exponent must be a number above 0, got 0"),
        (lambda: Ohshiro2011(intensity_visual=-1.0), "intensity_visual must be a number at least 0, got -1.0"),
        (lambda: Ohshiro2011(cell=(30, 2)), r"cell must be two places from 1 to 29, got \(30, 2\)"),
        (lambda: rates(Ohshiro2011(), [40.0], [0.0]), "auditory event is at 40 deg.*-28 to 28 deg: raise spacing"),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
