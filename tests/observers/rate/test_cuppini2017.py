"""Cuppini2017 against the published targets, a plain loop over the equations, and its own symmetries."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.maths.ring import bump, circulant, find_peaks, gaussian_projection, mexican_hat
from neuromm.observers.protocol import Record
from neuromm.observers.rate.cuppini2017 import Cuppini2017

FAST = Cuppini2017(integrator="exponential")
SHORT = Cuppini2017(duration=1.0)


def table(auditory, visual, report="common", **columns):
    return pd.DataFrame({"auditory_azimuth": auditory, "visual_azimuth": visual, "report": report, **columns})


def run(observer, trials, layers="*", seed=0, **kwargs):
    return observer.perceive(trials, rng=np.random.default_rng(seed), layers=layers, **kwargs)


def activity(percept, layer="multisensory"):
    return percept.representations[layer].to_numpy().astype(float)


@pytest.fixture(scope="module")
def offsets():
    """Sound at 0, light at 0 … 60 deg, at the published strengths and step."""
    d = [0, 3, 6, 9, 10, 12, 15, 18, 20, 21, 24, 30, 60]
    return run(Cuppini2017(), table(0.0, [float(x) for x in d])), np.array(d)


@pytest.fixture(scope="module")
def intensities():
    """Sound alone, light alone and both at 0 deg for equal strengths; multisensory activity (set, 3, cell)."""
    sets = pd.DataFrame({"strength_auditory": [18, 22, 24, 25, 26, 27, 28, 30, 34.0]})
    sets["strength_visual"] = sets["strength_auditory"]
    percept = run(Cuppini2017(), table([0, np.nan, 0], [np.nan, 0, 0]), "multisensory", parameters=sets)
    return dict(zip(sets["strength_auditory"], activity(percept), strict=True))


def test_two_events_at_one_place_drive_all_rings_to_the_published_maxima(offsets):
    percept, _ = offsets
    assert activity(percept)[0].argmax() == 90
    maxima = [activity(percept, layer)[0].max() for layer in Cuppini2017.layers]
    np.testing.assert_allclose(maxima, [0.977, 0.992, 0.998], atol=0.0006)


def test_auditory_peak_is_captured_up_to_15_deg_and_the_visual_peak_never(offsets):
    percept, d = offsets
    shift = dict(zip(d, activity(percept, "auditory").argmax(1) - 90, strict=True))
    assert {k: shift[k] for k in (3, 6, 9, 12, 15, 18, 21, 24)} == {
        3: 3,
        6: 5,
        9: 8,
        12: 10,
        15: 13,
        18: 2,
        21: 0,
        24: 0,
    }
    visual = activity(percept, "visual")
    np.testing.assert_array_equal(visual.argmax(1), 90 + d)
    centre = visual @ np.arange(180) / visual.sum(1)
    assert np.abs(centre - 90 - d)[d <= 24].max().round(2) <= 0.40  # published to one digit


def test_one_cause_up_to_15_deg_and_two_beyond_at_the_published_heights(offsets):
    percept, d = offsets
    count, cells, heights = find_peaks(activity(percept), 0.15)
    found = dict(zip(d, zip(count, cells, heights, strict=True), strict=True))
    assert [found[k][1].tolist() for k in (3, 6, 9, 12, 15)] == [[93], [96], [98], [101], [104]]
    for k, expected in {18: (0.227, 0.533), 21: (0.300, 0.531), 24: (0.330, 0.531), 60: (0.365, 0.526)}.items():
        np.testing.assert_allclose(found[k][2], expected, atol=0.01)
    np.testing.assert_array_equal(percept.responses["response"], (d <= 15).astype(float))


def test_lesion_of_the_crossmodal_weights_abolishes_capture():
    percept = run(Cuppini2017(weight_crossmodal=0.0), table(0.0, [6.0, 12.0, 24.0], "auditory"))
    np.testing.assert_array_equal(percept.responses["response"], 0)
    np.testing.assert_allclose(activity(percept)[:, 90], [0.153, 0.268, 0.352], atol=0.001)


def test_unisensory_responses_and_the_single_weak_pair(intensities):
    assert intensities[25][0].max() == pytest.approx(0.132, abs=0.001)
    assert intensities[34][0].max() == pytest.approx(0.598, abs=0.001)
    assert intensities[25][2].max() == pytest.approx(0.998, abs=0.001)
    assert intensities[28][0].max() == pytest.approx(0.4025, abs=5e-4)
    assert intensities[27][1].max() == pytest.approx(0.5479, abs=5e-4)


def test_enhancement_falls_with_strength_as_published(intensities):
    centre = {k: v[:, 90] for k, v in intensities.items()}
    np.testing.assert_allclose(centre[22], [0.0081, 0.186, 0.998], atol=6e-4)
    enhancement = {k: 100 * (av / max(a, v) - 1) for k, (a, v, av) in centre.items()}
    for strength, percent in {22: 437, 24: 182, 26: 101, 28: 70, 30: 58, 34: 49}.items():
        assert enhancement[strength] == pytest.approx(percent, abs=0.6)
    for strength, index in {18: 21.8, 22: 5.2, 28: 1.01, 34: 0.79}.items():
        a, v, av = centre[strength]
        assert av / (a + v) == pytest.approx(index, abs=0.06 if strength < 28 else 0.006)


def test_a_distant_light_suppresses_the_response_to_the_sound(offsets, intensities):
    percept, d = offsets
    centre = dict(zip(d, activity(percept)[:, 90], strict=True))
    expected = {0: 0.998, 10: 0.0001, 20: 0.280, 30: 0.355, 60: 0.366}
    np.testing.assert_allclose([centre[k] for k in expected], list(expected.values()), atol=6e-4)
    assert max(centre[k] for k in (10, 20, 30, 60)) < intensities[28][0, 90]


def loop_over_the_equations(observer, place_a, place_v, n_steps, dt, on=lambda t: (1, 1)):
    n = 180
    lateral, lateral_m = circulant(mexican_hat(n, 5, 3, 4, 120)), circulant(mexican_hat(n, 3, 2, 2.6, 10))
    cross, forward = circulant(gaussian_projection(n, 1.4, 5)), circulant(gaussian_projection(n, 18, 0.5))
    e_a, e_v = bump(n, place_a + 90, 32, 28)[0], bump(n, place_v + 90, 4, 27)[0]
    a, v, m = np.zeros((3, n))
    for step in range(n_steps):
        gate_a, gate_v = on(step * dt)
        u = (
            lateral @ a + cross @ v + gate_a * e_a,
            lateral @ v + cross @ a + gate_v * e_v,
            lateral_m @ m + forward @ (a + v),
        )
        f = [1 / (1 + np.exp(-0.3 * (x - 20))) for x in u]
        a, v, m = a + dt / 3 * (f[0] - a), v + dt / 15 * (f[1] - v), m + dt * (f[2] - m)
    return a, v, m


def test_folded_integration_equals_a_loop_over_the_written_equations():
    trials = table([4.3], [-7.6], auditory_onset=1.0, visual_onset=0.0, visual_duration=3.0)
    percept = run(Cuppini2017(duration=8.0), trials)
    expected = loop_over_the_equations(FAST, 4.3, -7.6, 800, 0.01, lambda t: (t > 0.995, t < 2.995))
    for layer, ring in zip(Cuppini2017.layers, expected, strict=True):
        np.testing.assert_allclose(activity(percept, layer)[0], ring, atol=1e-7)  # recorded as float32


def test_exponential_integrator_is_nearer_the_converged_equation_than_the_published_step():
    trials = table(0.0, [2.0, 10.0, 16.0, 30.0])
    converged = run(dataclasses.replace(FAST, dt=0.0125), trials)
    quick, published = run(FAST, trials), run(Cuppini2017(), trials)
    for layer in Cuppini2017.layers:
        error = np.abs(activity(quick, layer) - activity(converged, layer)).max(1)
        own = np.abs(activity(published, layer) - activity(converged, layer)).max(1)
        assert (error <= own + 1e-6).all()


def test_exponential_integrator_is_of_second_order_also_across_onsets():
    trials = table([3.0], [-4.0], auditory_onset=1.23, auditory_duration=4.1, visual_onset=0.4)
    last = {dt: run(dataclasses.replace(FAST, duration=12.8, dt=dt), trials) for dt in (0.1, 0.05, 0.003125)}
    error = {
        dt: np.abs(activity(last[dt], "auditory") - activity(last[0.003125], "auditory")).max() for dt in (0.1, 0.05)
    }
    assert error[0.1] < 2e-3 and error[0.05] < error[0.1] / 3


def test_float32_is_within_1e4_of_float64():
    trials = table([0.0, 0.0, 10.0, -20.5], [5.0, 16.5, np.nan, 15.0])
    narrow = run(dataclasses.replace(FAST, dtype="float32"), trials)
    for layer in Cuppini2017.layers:
        np.testing.assert_allclose(activity(narrow, layer), activity(run(FAST, trials), layer), atol=1e-4)


def test_mirrored_events_give_mirrored_answers():
    places = np.array([0.0, 5.0, -20.3]), np.array([7.5, 2.0, -12.1])
    for report in ("auditory", "visual"):
        right = run(FAST, table(*places, report)).responses["response"]
        left = run(FAST, table(-places[0], -places[1], report)).responses["response"]
        np.testing.assert_allclose(left, -right)


def test_a_turn_of_the_ring_turns_the_activity_across_the_seam():
    percept = run(FAST, table([-90.0, 0.0], [-85.0, 5.0]))
    np.testing.assert_allclose(np.roll(activity(percept)[0], 90), activity(percept)[1], atol=1e-6)
    np.testing.assert_array_equal(percept.responses["response"], 1)  # also where the peak stands on the seam


def test_the_answer_does_not_depend_on_the_company():
    rng = np.random.default_rng(2)
    trials = table(rng.uniform(-30, 30, 140), rng.uniform(-30, 30, 140), "auditory")
    quick = dataclasses.replace(FAST, duration=20.0)
    together, alone = run(quick, trials), run(quick, trials.iloc[[137]])
    assert alone.responses["response"].iloc[0] == together.responses["response"].iloc[137]
    np.testing.assert_allclose(activity(alone)[0], activity(together)[137], atol=1e-9)


def test_noise_belongs_to_the_trial_whatever_the_batch():
    noisy = Cuppini2017(noise=0.4, duration=0.5)
    trials = table(np.linspace(-20, 20, 70), 0.0)
    many, few, other = run(noisy, trials), run(noisy, trials.iloc[:3]), run(noisy, trials.iloc[:3], seed=1)
    np.testing.assert_allclose(activity(many, "auditory")[:3], activity(few, "auditory"), atol=1e-9)
    assert np.abs(activity(few, "auditory") - activity(other, "auditory")).max() > 1e-4
    same_place = activity(run(noisy, table([0.0] * 65, 0.0)), "auditory")
    assert len(np.unique(same_place[:, 90])) == 65  # also trials of two blocks


def test_noise_has_the_stated_range_and_spares_an_absent_modality():
    one_step = Cuppini2017(noise=0.4, duration=0.01)
    percept = run(one_step, table([np.nan], [0.0]))
    y_to_u = lambda y, tau: 20 + np.log(1 / (1 / (y * tau / 0.01) - 1)) / 0.3  # noqa: E731
    silent = y_to_u(activity(percept, "auditory")[0], 3.0)
    np.testing.assert_allclose(silent, 0, atol=1e-4)
    noise = y_to_u(activity(percept, "visual")[0], 15.0) - bump(180, 90, 4, 27)[0]
    assert 0.95 * 10.8 < np.abs(noise).max() <= 10.8 + 1e-3
    assert abs(noise.mean()) < 4 * 10.8 / np.sqrt(3 * 180)


def test_reliability_widens_the_bump_and_a_measurement_moves_it():
    trials = table([8.0], [0.0], visual_reliability=0.25, auditory_measurement=3.0)
    same = run(dataclasses.replace(FAST, sigma_visual=8.0), table([3.0], [0.0]))
    np.testing.assert_array_equal(activity(run(FAST, trials)), activity(same))


def test_parameter_sets_equal_the_replaced_observer():
    trials = table([0.0, 10.0], [8.0, np.nan], ["common", "auditory"])
    sets = pd.DataFrame(
        {"tau_visual": [15.0, 6.0, 15.0], "weight_crossmodal": [1.4, 1.4, 0.5], "sigma_auditory": [32, 20, 32.0]}
    )
    sets["weight_feedforward"] = [18.0, 16.0, 18.0]
    quick = dataclasses.replace(FAST, duration=20.0)
    percept = run(quick, trials, parameters=sets)
    assert percept.representations["visual"].dims == ("set", "trial", "unit")
    for i, row in enumerate(sets.to_dict("records")):
        single = run(dataclasses.replace(quick, **row), trials)
        pd.testing.assert_frame_equal(percept.responses.loc[i], single.responses, check_dtype=False)
        np.testing.assert_allclose(activity(percept, "auditory")[i], activity(single, "auditory"), atol=1e-9)


def test_time_courses_are_thinned_and_their_mean_is_over_all_steps():
    trials = table([0.0], [5.0])
    every = run(SHORT, trials, Record("visual", time="all")).representations["visual"]
    thin = run(SHORT, trials, Record("visual", time="all", every=0.25)).representations["visual"]
    mean = run(SHORT, trials, Record("visual", time="mean")).representations["visual"]
    assert every.sizes["time"] == 100 and thin.sizes["time"] == 4
    np.testing.assert_allclose(thin["time"], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_array_equal(thin, every.isel(time=[24, 49, 74, 99]))
    np.testing.assert_allclose(mean, every.mean("time"), atol=1e-7)
    np.testing.assert_array_equal(every.isel(time=-1), run(SHORT, trials, "visual").representations["visual"])


def test_silence_is_no_percept_and_so_no_judgement():
    percept = run(dataclasses.replace(FAST, strength_auditory=1.0), table([0.0], [np.nan]))
    assert np.isnan(percept.responses["response"].iloc[0]) and percept.responses["response_label"].iloc[0] is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cuppini2017(tau_visual=-1.0), "tau_visual must be .* above 0 in ms, got -1.0"),
        (lambda: Cuppini2017(dt=0.5), r"dt=0.5 ms is unstable.*Use dt ≤"),
        (lambda: Cuppini2017(noise=0.4, integrator="exponential"), "noise per step depends on dt"),
        (lambda: Cuppini2017(integrator="rk4"), "integrator must be one of euler, exponential, got 'rk4'"),
        (lambda: Cuppini2017(n_cells=181), "n_cells must be an even number of at least 4, got 181"),
        (
            lambda: run(FAST, table([90.0], [0.0])),
            r"column 'auditory_azimuth' is 90 deg in trials \[0\].*-90 to below 90",
        ),
        (lambda: run(FAST, table([9.0], [0.0], visual_measurement=-91.0)), "visual_measurement"),
        (lambda: run(FAST, table([9.0], [0.0], visual_onset=120.0)), "'visual_onset' is 120 ms.*raise duration"),
        (lambda: run(FAST, table([np.nan], [0.0], "auditory")), "ask for the auditory place"),
        (lambda: run(FAST, table([9.0], [0.0]), Record("visual", time="all", every=-1)), "every"),
        (
            lambda: run(SHORT, table([9.0] * 30000, [0.0] * 30000), Record("*", time="all")),
            "max_memory=4 GB; record fewer",
        ),
        (lambda: run(FAST, table([9.0], [0.0]), parameters=pd.DataFrame({"taus": [1]})), "no parameter"),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
