"""Paredes2025 against the published targets, a plain loop over its equations, and its own limits."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.maths.ring import bump, circulant, gaussian_projection, mexican_hat
from neuromm.observers.protocol import Record
from neuromm.observers.rate.paredes2025 import Paredes2025

COARSE = Paredes2025(dt=0.05)  # the step of the reference values
FAST = Paredes2025(integrator="exponential")
FITTED = dataclasses.replace(
    COARSE, n_cells=30, tau_auditory=6.560, tau_visual=9.191, tau_multisensory=120.0, lateral_excitation=0.5,
    lateral_inhibition=0.4, weight_crossmodal=1.036e-3, weight_feedback=0.6231, weight_feedforward=3.892,
    strength_auditory=2.325, strength_visual=1.45, duration=550.0,
)  # fmt: skip


def table(n_beeps, n_flashes, report="n_flashes", **columns):
    return pd.DataFrame({"n_beeps": n_beeps, "n_flashes": n_flashes, "report": report, **columns})


def run(observer, trials, layers="peaks", seed=0):
    return observer.perceive(trials, rng=np.random.default_rng(seed), layers=layers)


def peaks(observer, trials):
    """Count, P(several), time and height of two peaks: visual, auditory, multisensory ring."""
    return run(observer, trials).representations["peaks"].to_numpy()


def test_the_multisensory_ring_is_superadditive():
    course = Record("multisensory", time="all", every=0.5)
    percept = run(dataclasses.replace(COARSE, onset=0.0, duration=200.0), table([1, 1, 0], [1, 0, 1]), course)
    largest = percept.representations["multisensory"].to_numpy().max((1, 2))
    np.testing.assert_allclose(largest, [0.894, 0.000, 0.009], atol=0.0015)


def test_two_beeps_split_one_flash_and_share_one_multisensory_top():
    """The reference's multisensory peaks at 145.5 and 193.1 ms are two saturated tops that float32 cannot tell apart.

    The dip between them is 4e-8 (criterion 0.15), so that they are one.
    """
    found = peaks(dataclasses.replace(COARSE, strength_auditory=3.0, onset=25.0), table([2], [1], beep_soa=56.0))[0]
    np.testing.assert_allclose(found[[2, 4]], [53.6, 126.2], atol=0.11)
    assert found[12] == 1 and 145.5 < found[14] < 193.1
    np.testing.assert_allclose(found[[3, 5]], 1.0, atol=0.001)


def test_the_fitted_network_declines_smoothly_with_soa():
    soa = [36.0, 48, 57, 60, 72, 84, 96, 108, 120, 132, 156, 204]
    expected = [0.622, 0.620, 0.614, 0.611, 0.596, 0.563, 0.494, 0.394, 0.302, 0.241, 0.191, 0.179]
    np.testing.assert_allclose(peaks(FITTED, table(2, 1, beep_soa=soa))[:, 1], expected, atol=0.002)


def test_the_fitted_curve_belongs_to_its_step_of_integration():
    trials = table(2, 1, beep_soa=[84.0])
    coarse = peaks(FITTED, trials)[0, 1]
    finer = [peaks(dataclasses.replace(FITTED, dt=dt, integrator="exponential"), trials)[0, 1] for dt in (0.2, 0.1)]
    assert abs(finer[0] - finer[1]) < 0.01 and coarse - finer[1] > 0.2  # the reference values are of Euler at 0.05 ms


def loop_over_the_equations(observer, place_a, place_v, n_steps, dt):
    n, e = observer.n_cells, np.zeros((3, observer.n_cells))
    e[0], e[1] = bump(n, place_a, 32, observer.strength_auditory)[0], bump(n, place_v, 4, observer.strength_visual)[0]
    hat = circulant(mexican_hat(n, 2, 3, 1.8, 24))
    weights = (observer.weight_crossmodal, 5), (1.4, 0.5), (observer.weight_feedback, 0.5)
    cross, forward, back = (circulant(gaussian_projection(n, *k)) for k in weights)
    tau = np.array([[observer.tau_auditory], [observer.tau_visual], [observer.tau_multisensory]])
    past = np.zeros((n_steps + 1, 3, n))
    y, o, change = np.zeros((3, 3, n))
    for step in range(n_steps):
        near = past[max(step + 1 - round(observer.latency_crossmodal / dt), 0)]
        far = past[max(step + 1 - round(observer.latency_feed / dt), 0)]
        arriving = np.stack(
            [near[1] @ cross + far[2] @ back, near[0] @ cross + far[2] @ back, (far[0] + far[1]) @ forward]
        )
        pulse = round(observer.onset / dt) <= step < round((observer.onset + 3) / dt)
        o, change = (
            o + dt * change, change + dt * (np.e / tau * (pulse * e + arriving) - 2 * change / tau - o / tau**2),
        )  # fmt: skip
        y = y + dt * (1 / (1 + np.exp(-2 * (y @ hat + o - 16))) - y)
        past[step + 1] = y
    return y


def test_folded_filtered_integration_equals_a_loop_over_the_written_equations():
    observer = Paredes2025(
        n_cells=18, duration=20.0, onset=1.0, duration_auditory=3.0, duration_visual=3.0, tau_auditory=4.0,
        tau_visual=5.0, strength_auditory=9.0, strength_visual=9.0, latency_crossmodal=3.0, latency_feed=5.0,
        weight_crossmodal=0.4, weight_feedback=1.3, dt=0.01,
    )  # fmt: skip
    percept = run(observer, table([1], [1], auditory_azimuth=[2.0], visual_azimuth=-2.5), "*")
    expected = loop_over_the_equations(observer, 11.0, 6.5, 2000, 0.01)
    assert expected[2].max() > 0.5
    for ring, layer in enumerate(Paredes2025.rings):
        np.testing.assert_allclose(percept.representations[layer].to_numpy()[0], expected[ring], atol=3e-6)


def test_jittered_time_constants_equal_networks_of_those_constants():
    """One trial whose synapses are drawn anew must run as the network that has them."""
    jittered = dataclasses.replace(FAST, tau_jitter=2.5, duration=260.0)
    trials = table([2], [1], beep_soa=50.0)
    drawn = 2.5 * (2 * np.random.default_rng(4).random((1, 3))[0] - 1) + [15, 25, 5]
    fixed = dataclasses.replace(
        FAST, duration=260.0, **dict(zip(("tau_auditory", "tau_visual", "tau_multisensory"), drawn, strict=True))
    )
    one, two = (run(o, trials, Record("multisensory", time="all", every=2.0), seed=4) for o in (jittered, fixed))
    course = one.representations["multisensory"].to_numpy()
    assert course.max() > 0.5
    np.testing.assert_allclose(course, two.representations["multisensory"].to_numpy(), atol=2e-6)


def test_pruned_feedforward_weights_silence_the_multisensory_ring():
    whole, cut = (peaks(dataclasses.replace(FAST, pruning_feedforward=p), table([1], [1]))[0] for p in (0.0, 1.5))
    assert whole[12] >= 1 and cut[12] == 0


def test_common_counts_peaks_of_the_multisensory_ring_in_time():
    trials = table([1, 1], [1, 0], "common", auditory_azimuth=0.0, visual_azimuth=[0.0, np.nan])
    np.testing.assert_array_equal(run(FAST, trials).responses["response"], [1, np.nan])
    loud = dataclasses.replace(FAST, strength_auditory=3.0)
    twice = run(loud, table(2, 1, "common", beep_soa=[60.0, 110.0]))  # dips of 2e-7 and of more than 0.8
    np.testing.assert_array_equal(twice.responses["response"], [1, 0])
    near = run(dataclasses.replace(loud, peak_distance=0.0), table(2, 1, "common", beep_soa=[60.0, 110.0]))
    np.testing.assert_array_equal(near.responses["response"], [1, 0])


def test_exponential_integrator_is_nearer_the_converged_course_than_the_published_step():
    trials = table([1], [1])
    course = Record("multisensory", time="all", every=2.0)
    runs = {
        name: run(dataclasses.replace(o, duration=150.0), trials, course).representations["multisensory"].to_numpy()
        for name, o in (("exact", dataclasses.replace(FAST, dt=0.025)), ("fast", FAST), ("published", Paredes2025()))
    }
    error = {name: np.abs(y - runs["exact"]).max() for name, y in runs.items()}
    assert runs["exact"].max() > 0.5 and error["fast"] <= error["published"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Paredes2025(tau_jitter=6.0), "tau_jitter must be less than the shortest synaptic tau.*got 6.0"),
        (lambda: Paredes2025(latency_feed=-1.0), "latency_feed must be a number above 0 in ms, got -1"),
        (lambda: Paredes2025(causes="both"), "one of space, time"),
        (lambda: run(FAST, table([1], [1], visual_azimuth=50.0)), "column 'visual_azimuth' is 50 deg.*-45 to below 45"),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
