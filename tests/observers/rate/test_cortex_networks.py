"""Parietal and prefrontal networks against their reference behaviour, optimal theory and loops over their equations."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.observers.protocol import Record
from neuromm.observers.rate.deneve2001 import Deneve2001, reference_frames
from neuromm.observers.rate.pouget1997 import Pouget1997
from neuromm.observers.rate.wongwang2006 import WongWang2006

RNG = np.random.default_rng


def answers(observer, seed=1, **columns):
    trials = pd.DataFrame(columns)
    return observer.perceive(trials, rng=RNG(seed)).responses


# ---------------------------------------------------------------- Wong & Wang 2006


def test_decisions_match_the_reference_accuracies_and_times():
    coherence = np.repeat([0.0, 0.032, 0.064, 0.128, 0.256, 0.512], 1000)
    found = answers(WongWang2006(), coherence=coherence, report="direction").groupby(coherence).mean(numeric_only=True)
    np.testing.assert_allclose(found["response"], [0.506, 0.683, 0.841, 0.984, 1.0, 1.0], atol=0.04)
    np.testing.assert_allclose(found["reaction_time"] / 1000, [0.419, 0.407, 0.385, 0.330, 0.253, 0.174], atol=0.04)


def test_two_weak_cues_decide_as_one_strong_cue():
    pair = answers(WongWang2006(), auditory_azimuth=[2.0] * 300, visual_azimuth=2.0, report="direction")
    one = answers(WongWang2006(), auditory_azimuth=[4.0] * 300, report="direction")
    pd.testing.assert_frame_equal(pair, one)
    deaf = answers(
        WongWang2006(weight_auditory=0.0), auditory_azimuth=[20.0] * 300, visual_azimuth=0.0, report="direction"
    )
    assert deaf["response"].mean() == pytest.approx(0.5, abs=0.1)


def test_without_noise_it_is_a_loop_over_the_printed_equations():
    o = WongWang2006(noise=0.0, duration=800.0)
    s, c = np.array([0.1, 0.1]), 0.2
    course = []
    for _ in range(1600):
        x = 0.2609 * s - 0.0497 * s[::-1] + 0.3255 + 5.2e-4 * 30 * np.array([1 + c, 1 - c])
        rate = (270 * x - 108) / (1 - np.exp(-0.154 * (270 * x - 108)))
        course.append(rate)
        s = s + 0.5e-3 * (-s / 0.1 + (1 - s) * 0.641 * rate)
    trials = pd.DataFrame({"coherence": [c], "report": "direction"})
    percept = o.perceive(trials, rng=RNG(0), layers=[Record("*", time="all")])
    found = np.stack([percept.representations[p].to_numpy()[0, :, 0] for p in o.layers], 1)
    np.testing.assert_allclose(found, np.array(course)[9::10], rtol=1e-5)
    first = np.argmax(np.array(course).max(1) > 15) * 0.5
    assert percept.responses["reaction_time"].iloc[0] == first and percept.responses["response"].iloc[0] == 1


def test_populations_that_tie_are_decided_by_a_fair_coin():
    """Without noise and evidence both run alike: the answers were all right."""
    found = answers(WongWang2006(noise=0.0, duration=100.0), coherence=[0.0] * 64, report="direction")
    assert 0.25 < found["response"].mean() < 0.75  # 4 SDs of 64 fair answers


@pytest.mark.parametrize("given", [5.0, -1.5, 51.2])
def test_a_coherence_is_a_fraction(given):
    trials = pd.DataFrame({"coherence": [0.5, given], "report": "direction"}, index=[7, 9])
    with pytest.raises(ValueError, match=rf"'coherence' must be from -1 to 1, got {given:g} in trials \[9\]"):
        WongWang2006().perceive(trials, rng=np.random.default_rng(0))


def test_the_f_i_curve_has_its_limit_where_it_is_nought_over_nought():
    o = WongWang2006()
    assert o.rate(np.array([108 / 270]))[0] == pytest.approx(1 / 0.154)
    assert o.rate(np.array([108 / 270 + 1e-6]))[0] == pytest.approx(1 / 0.154, rel=1e-3)


# ---------------------------------------------------------------- Deneve, Latham & Pouget 2001

GAINS = {(1, 1, 1): (1.22, 1.13, 1.16), (1, 1, 0.25): (1.22, 1.17, 1.26), (2, 0.5, 1): (1.17, 1.14, 1.09)}


def estimates(gains, n=600, seed=2):
    o = Deneve2001(gain_visual=gains[0], gain_eye=gains[1], gain_auditory=gains[2])
    trials = pd.DataFrame({"visual_azimuth": [5.0] * n, "auditory_azimuth": 5.0, "eye_position": -10.0})
    reports = ["retinal", "eye", "auditory"]
    found = [o.perceive(trials.assign(report=r), rng=RNG(seed)).responses["response"] for r in reports]
    return o, np.array(found) - np.array([[15.0], [-10.0], [5.0]])


@pytest.mark.parametrize("gains", list(GAINS))
def test_relaxed_maps_are_unbiased_and_near_optimal(gains):
    o, error = estimates(gains)
    ratio = error.var(1) / o.optimal_sd(gains) ** 2
    assert (np.abs(error.mean(1)) < 0.5).all() and (ratio <= 1.4).all()
    np.testing.assert_allclose(ratio, GAINS[gains], atol=0.25)  # the reference is of 400 trials: sd about 0.08
    single = np.rad2deg([1 / np.sqrt(o.fisher_information(g)) for g in gains])
    assert (error.std(1) < single).all()


def test_optimal_sds_are_those_of_the_reference():
    o = Deneve2001()
    assert np.rad2deg(1 / np.sqrt(o.fisher_information(1.0))) == pytest.approx(3.34, abs=0.01)
    np.testing.assert_allclose(o.optimal_sd((1, 1, 1)), 2.73, atol=0.01)
    assert o.optimal_sd((1, 1, 0))[2] == pytest.approx(4.72, abs=0.01)


def test_a_place_seen_is_transformed_to_where_it_would_be_heard():
    _, error = estimates((1, 1, 0))
    assert error[2].std() == pytest.approx(5.77, rel=0.12) and abs(error[2].mean()) < 0.6


def test_touch_and_sound_share_the_head_centred_map():
    n = 400
    sound = answers(Deneve2001(), auditory_azimuth=[10.0] * n, tactile_azimuth=np.nan, report="auditory")["response"]
    touch = answers(Deneve2001(), auditory_azimuth=[np.nan] * n, tactile_azimuth=10.0, report="tactile")["response"]
    both = answers(Deneve2001(), auditory_azimuth=[10.0] * n, tactile_azimuth=10.0, report="tactile")["response"]
    assert touch.mean() == pytest.approx(10.0, abs=0.5) and both.std() < min(sound.std(), touch.std())


def test_basis_cells_shift_partially_and_toward_the_frame_of_the_clearer_cue():
    shifts = [
        np.nanmedian(reference_frames(Deneve2001(), **g)) for g in ({"gain_visual": 0.1}, {}, {"gain_auditory": 0.1})
    ]
    assert 0 < shifts[0] < shifts[1] < shifts[2] < 1  # 0 head-centred, 1 eye-centred
    assert shifts[1] == pytest.approx(0.5, abs=1e-6)


def test_batched_relaxation_is_a_loop_over_the_printed_sums():
    o = dataclasses.replace(Deneve2001(), n_cells=8, n_iterations=2)
    theta, w = o.preferred, lambda x: np.exp((np.cos(x) - 1) / 0.37**2)
    maps = RNG(4).poisson(5.0, (3, 8)).astype(float)
    found = o.relax(maps[None])[0][0]
    for _ in range(2):
        drive = np.zeros((8, 8))
        for l in range(8):
            for m in range(8):
                drive[l, m] = sum(
                    w(theta[j] - theta[l]) * maps[0, j] + w(theta[j] - theta[m]) * maps[1, j]
                    + w(theta[j] - theta[l] - theta[m]) * maps[2, j] for j in range(8)
                )  # fmt: skip
        basis = drive**2 / (0.1 + 0.002 * (drive**2).sum())
        new = np.zeros((3, 8))
        for j in range(8):
            for l in range(8):
                for m in range(8):
                    new[0, j] += w(theta[j] - theta[l]) * basis[l, m]
                    new[1, j] += w(theta[j] - theta[m]) * basis[l, m]
                    new[2, j] += w(theta[j] - theta[l] - theta[m]) * basis[l, m]
        maps = new**2 / (0.1 + 0.002 * (new**2).sum(1, keepdims=True))
    np.testing.assert_allclose(found, maps, rtol=1e-10)


# ---------------------------------------------------------------- Pouget & Sejnowski 1997


@pytest.mark.parametrize("n_cells", [11, 15])
def test_head_centred_places_are_read_from_the_basis_linearly(n_cells, rng):
    eye, retinal = rng.uniform(-35, 35, 800), rng.uniform(-50, 50, 800)
    columns = {"visual_azimuth": eye + retinal, "eye_position": eye}
    for report, truth in (("visual", eye + retinal), ("retinal", retinal), ("eye", eye)):
        given = answers(Pouget1997(n_retinal=n_cells, n_eye=n_cells), **columns, report=report)["response"]
        assert 1 - (given - truth).var() / truth.var() > 0.99


def test_eye_position_scales_a_cell_and_leaves_its_retinal_peak():
    retinal = np.arange(-50.0, 50.1, 0.25)
    basis = [Pouget1997().activate(retinal, np.full(len(retinal), e))[2] for e in (-20.0, 20.0)]
    peaks = [retinal[b.argmax(0)] for b in basis]
    inside = np.abs(peaks[0]) < 45
    assert np.abs(peaks[0] - peaks[1])[inside].max() < 1.0
    assert (basis[1].max(0) > 1.05 * basis[0].max(0)).all()


def test_noise_costs_precision_but_no_bias(rng):
    columns = {"visual_azimuth": [12.0] * 400, "eye_position": -10.0, "report": "visual"}
    given = answers(Pouget1997(noise=0.05), **columns)["response"]
    assert 0.5 < given.std() < 8 and given.mean() == pytest.approx(12.0, abs=1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WongWang2006(dt=5.0), "dt must be at most the fastest time constant, 2 ms, got 5.0"),
        (lambda: WongWang2006(tau_gate=-1.0), "tau_gate must be .* above 0 in ms, got -1.0"),
        (lambda: answers(WongWang2006(), report=["direction"]), r"trials \[0\] give no evidence"),
        (lambda: answers(WongWang2006(), auditory_azimuth=[3.0], report="visual"), r"ask for the visual place.*absent"),
        (lambda: Deneve2001(gain_visual=-1.0), "gain_visual must be a number at least 0, got -1.0"),
        (lambda: Deneve2001(sigma=0.0), "sigma must be .* above 0 in rad, got 0.0"),
        (
            lambda: answers(Deneve2001(), visual_azimuth=[200.0], report="visual"),
            "'visual' must be within ±180 deg, got 200",
        ),
        (lambda: Pouget1997(n_eye=1), "n_eye must be a whole number of at least 2, got 1"),
        (
            lambda: answers(Pouget1997(), visual_azimuth=[20.0], eye_position=70.0, report="visual"),
            "eye_position is 70 deg in trials .0.; its cells cover ±40",
        ),
        (lambda: answers(Pouget1997(), visual_azimuth=[np.nan], report="visual"), "absent"),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_they_are_in_the_catalogue_and_share_tables_with_the_spiking_circuit():
    trials = nm.paradigms.left_or_right(2)
    session = nm.present(trials, ["wongwang2006"], seed=1)
    assert session.trials["response"].isin([0, 1]).all()
