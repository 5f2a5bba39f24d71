"""Cuppini2014 against the published targets, a plain loop over its equations, and its own limits."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.maths.ring import bump, circulant, mexican_hat
from neuromm.observers.base import Stimuli
from neuromm.observers.protocol import Record
from neuromm.observers.rate.cuppini2014 import Cuppini2014

COARSE = Cuppini2014(dt=0.05)  # the step of the reference values
FAST = Cuppini2014(integrator="exponential")


def table(n_beeps, n_flashes, report="n_flashes", **columns):
    return pd.DataFrame({"n_beeps": n_beeps, "n_flashes": n_flashes, "report": report, **columns})


def run(observer, trials, layers="peaks", seed=0):
    return observer.perceive(trials, rng=np.random.default_rng(seed), layers=layers)


def peaks(observer, trials):
    """Count, P(several), time 1, height 1, time 2, height 2 of the visual ring, then of the auditory one."""
    return run(observer, trials).representations["peaks"].to_numpy()


def test_two_beeps_split_one_flash_and_the_controls_do_not():
    found = peaks(dataclasses.replace(COARSE, duration=250.0), table([2, 1, 0, 2], [1, 1, 1, 0], beep_soa=56.0))
    np.testing.assert_array_equal(found[:, 0], [2, 1, 1, 0])
    # times: the reference counts steps from 0 (0.05 ms), rounds to 0.1 ms, and reads tops that float32 flattens (0.05)
    np.testing.assert_allclose(found[0, [2, 4]], [57.6, 134.8], atol=0.16)
    np.testing.assert_allclose(found[0, [8, 10]], [22.6, 89.8], atol=0.11)
    np.testing.assert_allclose(found[[1, 2], 2], [57.6, 37.4], atol=0.16)
    np.testing.assert_allclose(found[:3, [3, 5]], [[1, 0.997], [1, -1], [0.784, -1]], atol=0.0011)


def test_saturated_beeps_are_counted_alike_whatever_the_dtype():
    """Tops of late beeps differ from 1 by less than float32, and at last float64, can hold; dips are 1e-6 and less.

    3 beeps 48 ms apart are read as two: the top at 23 ms, and the later two that share one (a dip of 1e-6).
    """
    trials = table([2, 3, 3, 3, 4, 4, 4, 4], 1, "n_beeps", beep_soa=[48.0, 44, 48, 60, 40, 48, 60, 72])
    for dtype in ("float64", "float32"):
        network = dataclasses.replace(FAST, dtype=dtype, duration=330.0)
        counts = network.perceive(trials, rng=np.random.default_rng(0)).responses["response"]
        np.testing.assert_array_equal(counts, [2, 2, 2, 3, 2, 2, 3, 4])
        # by thresholds: of tops that saturate, those are two between which activity falls below 1 − 0.15
        stimuli = Stimuli(trials, network.cues, network.name)
        trace, _, _, of_run = network.run(stimuli, np.random.default_rng(0))
        traces = trace.values[0][stimuli.to_rows(of_run)]
        assert traces.dtype == dtype and traces.max() > 1 - 3e-7  # saturated to the last bits
        np.testing.assert_array_equal(counts, [(np.diff((t > 0.85).astype(int)) == -1).sum() for t in traces])


@pytest.mark.parametrize("distance", [0.0, 0.1])
def test_peaks_may_be_as_near_as_one_likes(distance):
    near = dataclasses.replace(FAST, peak_distance=distance)
    np.testing.assert_array_equal(peaks(near, table(2, 1, beep_soa=[48.0, 60.0]))[:, [0, 6]], 2)
    with pytest.raises(ValueError, match="peak_distance must be a number at least 0 in ms, got -1"):
        dataclasses.replace(FAST, peak_distance=-1.0)


def test_the_window_of_the_illusion_closes_between_72_and_84_ms():
    soa = [36.0, 48, 57, 60, 72, 84, 120, 204]
    found = peaks(COARSE, table(2, 1, beep_soa=soa))
    np.testing.assert_allclose(found[:, 1], [0, 1.0, 0.995, 0.988, 0.681, 0, 0, 0], atol=0.002)
    np.testing.assert_array_equal(found[:, 0], [1, 2, 2, 2, 2, 1, 1, 1])


def test_the_small_network_has_the_narrower_window_of_its_reference():
    small = dataclasses.replace(
        COARSE,
        n_cells=30,
        strength_auditory=2.5,
        strength_visual=1.5,
        duration_auditory=7.0,
        duration_visual=12.0,
        onset=16.0,
    )
    found = peaks(small, table(2, 1, beep_soa=[36.0, 48, 57, 96]))
    np.testing.assert_allclose(found[:, 1], [0.984, 0.635, 0, 0], atol=0.002)


def total_input_peaks(strength_a, strength_v, n_beeps, n_flashes):
    """Time of the largest L y + o at the stimulated cell after onset, from the recorded activity, ms."""
    dt = 0.05
    observer = dataclasses.replace(
        COARSE, strength_auditory=strength_a, strength_visual=strength_v, duration_auditory=15.0, duration=150.0
    )
    percept = run(
        observer, table([n_beeps], [n_flashes]), [Record("auditory", time="all"), Record("visual", time="all")]
    )
    y = np.stack([percept.representations[ring].to_numpy()[0] for ring in ("auditory", "visual")]).astype(float)
    hat, times = mexican_hat(180, 2, 3, 1.8, 24), []
    for ring, (tau, strength, length, shown) in enumerate(
        ((15.0, strength_a, 15.0, n_beeps), (25.0, strength_v, 20.0, n_flashes))
    ):
        lateral = y[ring] @ np.roll(hat, 90)
        o = change = 0.0
        total = []
        for step in range(3000):
            crossmodal = 0.35 * y[1 - ring, step - 320, 90] if step >= 320 else 0.0
            pulse = shown * strength * (25 <= step * dt < 25 + length)
            o, change = (
                o + dt * change, change + dt * (np.e / tau * (pulse + crossmodal) - 2 * change / tau - o / tau**2),
            )  # fmt: skip
            total.append((lateral[step - 1] if step else 0.0) + o)
        times.append(np.argmax(total) * dt - 25)
    return times


@pytest.mark.parametrize(
    ("strengths", "shown", "expected"),
    [((1.5, 1.05), (1, 0), (23.2, 70.7)), ((1.5, 1.05), (0, 1), (79.2, 36.2)), ((1.5, 0.9), (1, 1), (23.2, 58.1))],
)
def test_latencies_of_the_total_input_match_the_reference(strengths, shown, expected):
    np.testing.assert_allclose(total_input_peaks(*strengths, *shown), expected, atol=0.16)


def loop_over_the_equations(n, place_a, place_v, n_steps, dt, delay):
    """One beep and one flash at 2 ms of 3 ms, every quantity written out."""
    hat = circulant(mexican_hat(n, 2, 3, 1.8, 24))
    e = np.stack([bump(n, place_a, 32, 9.0)[0], bump(n, place_v, 4, 9.0)[0]])
    tau = np.array([[5.0], [8.0]])
    past, y, o, change = np.zeros((n_steps + 1, 2, n)), np.zeros((2, n)), np.zeros((2, n)), np.zeros((2, n))
    for step in range(n_steps):
        arriving = 0.35 * past[max(step + 1 - round(delay / dt), 0)][::-1]
        pulse = round(2 / dt) <= step < round(5 / dt)
        o, change = (
            o + dt * change, change + dt * (np.e / tau * (pulse * e + arriving) - 2 * change / tau - o / tau**2),
        )  # fmt: skip
        y = y + dt * (1 / (1 + np.exp(-2 * (y @ hat.T + o - 16))) - y)
        past[step + 1] = y
    return y


@pytest.mark.parametrize(("delay", "dt"), [(4.0, 0.01), (0.32, 0.02)])
def test_folded_filtered_integration_equals_a_loop_over_the_written_equations(delay, dt):
    observer = Cuppini2014(
        n_cells=20, duration=14.0, onset=2.0, duration_auditory=3.0, duration_visual=3.0, tau_auditory=5.0,
        tau_visual=8.0, strength_auditory=9.0, strength_visual=9.0, latency_crossmodal=delay, dt=dt,
    )  # fmt: skip
    trials = table([1], [1], auditory_azimuth=[2.0], visual_azimuth=-3.5)
    percept = run(observer, trials, "*")
    expected = loop_over_the_equations(20, 12.0, 6.5, round(14 / dt), dt, delay)
    assert expected.max() > 0.5
    for ring, layer in enumerate(("auditory", "visual")):
        np.testing.assert_allclose(percept.representations[layer].to_numpy()[0], expected[ring], atol=2e-6)


def test_exponential_integrator_is_nearer_the_converged_course_than_the_published_step():
    trials = table(2, 1, beep_soa=[40.0, 57.0], auditory_azimuth=[0.0, 10.0], visual_azimuth=0.0)
    course = Record("visual", time="all", every=2.0)
    runs = {
        name: run(dataclasses.replace(o, duration=160.0), trials, course).representations["visual"].to_numpy()
        for name, o in (("exact", dataclasses.replace(FAST, dt=0.025)), ("fast", FAST), ("published", Cuppini2014()))
    }
    error = {name: np.abs(y - runs["exact"]).max() for name, y in runs.items()}
    assert error["fast"] <= error["published"] and error["fast"] < 0.01


def test_lesion_of_the_crossmodal_weights_abolishes_the_illusion():
    found = peaks(dataclasses.replace(FAST, weight_crossmodal=0.0), table(2, 1, beep_soa=[48.0, 60.0]))
    np.testing.assert_array_equal(found[:, [0, 6]], [[1, 2], [1, 2]])


def test_variability_of_the_strengths_grades_the_curve():
    graded = dataclasses.replace(FAST, variability=0.1, dtype="float32")
    trials = table(2, 1, beep_soa=np.repeat([60.0, 84, 100], 40))
    response = run(graded, trials).responses["response"].to_numpy().reshape(3, 40)
    rate = (response == 2).mean(1)
    assert rate[0] > 0.7 and 0.2 < rate[1] < 0.65 and rate[2] < 0.15


def test_sampled_answers_follow_the_heights_of_the_peaks():
    trials = table([2] * 2000 + [0] * 2000, 1, beep_soa=72.0)
    response = run(dataclasses.replace(FAST, readout="sample"), trials).responses["response"].to_numpy()
    assert set(response[:2000]) == {1, 2} and set(response[2000:]) == {0, 1}
    assert (response[:2000] == 2).mean() == pytest.approx(0.677, abs=0.035)
    assert response[2000:].mean() == pytest.approx(0.778, abs=0.035)


def test_places_and_beeps_are_reported_and_sound_later_delays_the_beep():
    trials = table(1, 1, ["auditory", "visual", "n_beeps"], auditory_azimuth=5.0, visual_azimuth=-12.0, soa=30.0)
    found = run(FAST, trials)
    np.testing.assert_array_equal(found.responses["response"], [5, -12, 1])
    assert found.representations["peaks"][0, 8] == pytest.approx(30 + 22.8, abs=0.3)


def test_float32_is_within_1e4_of_float64():
    trials = table(2, 1, beep_soa=[36.0, 72.0])
    course = Record("visual", time="all", every=5.0)
    wide, narrow = (
        run(dataclasses.replace(FAST, dtype=d), trials, course).representations["visual"]
        for d in ("float64", "float32")
    )
    np.testing.assert_allclose(narrow, wide, atol=1e-4)


def test_noise_belongs_to_the_trial_whatever_the_batch():
    noisy = Cuppini2014(noise=0.4, duration=30.0, n_cells=20, onset=1.0, dt=0.05)
    many, few = (run(noisy, table([1] * n, 1), "auditory").representations["auditory"].to_numpy() for n in (66, 2))
    np.testing.assert_allclose(many[:2], few, atol=1e-9)
    assert len(np.unique(many[:, 10])) == 66


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: run(FAST, table([2], [1], beep_soa=400.0)),
            "auditory pulses of trials .* shorten 'beep_soa' or raise duration",
        ),
        (lambda: run(FAST, table([2], [1])), "give their spacing in 'beep_soa'"),
        (lambda: Cuppini2014(dt=0.5), "dt=0.5 ms is unstable with tau_cell=1 ms; use dt ≤ 0.25"),
        (lambda: Cuppini2014(latency_crossmodal=0.02), "latency of 0.02 ms is shorter than five steps"),
        (lambda: Cuppini2014(tau_visual=-5.0), "tau_visual must be .* above 0 in ms, got -5.0"),
        (lambda: Cuppini2014(noise=0.4, integrator="exponential"), "noise per step depends on dt"),
        (lambda: run(FAST, table([1], [1], auditory_azimuth=120.0)), "column 'auditory_azimuth' is 120 deg"),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
