"""Observers in time: the detectors against prototype targets, alpha windows, dynamic capture, mistakes."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from neuromm import testing
from neuromm.observers.bayes.dynamic_capture import DynamicCapture
from neuromm.observers.bayes.flash_window import FlashWindow, draw_alpha_people
from neuromm.observers.bayes.parise import Parise2016, Parise2025
from neuromm.paradigms.flash_beep import flash_beep
from neuromm.paradigms.synchrony import dynamic_capture, synchrony


@pytest.mark.parametrize("observer", [Parise2016(), Parise2025()], ids=lambda o: o.name)
def test_detectors_give_every_prototype_target(observer, shared):
    targets = pd.read_csv(shared / "reference" / "prototype_targets.csv")
    targets = targets[targets["model"] == f"mcd_{observer.name[-4:]}"]
    soas = np.arange(-500.0, 501.0, 5.0)
    correlation, lag = observer.tuning(soas)
    found = {"best_lag": soas[correlation.argmax()], "lag_zero_crossing": np.interp(0, lag, soas),
             "fwhm_low": soas[correlation >= 0.5].min(), "fwhm_high": soas[correlation >= 0.5].max()}  # fmt: skip
    for target in targets.itertuples():
        if target.measure in found:
            value = found[target.measure] / 1000
        else:
            at = soas == json.loads(target.inputs)["lag_s"] * 1000
            value = (correlation if target.measure == "corr_normalised" else lag)[at].item()
        assert value == pytest.approx(target.value, abs=target.abs_tol)
    assert len(targets) > 20


@pytest.mark.parametrize("observer", [Parise2016(dt=4.0), Parise2025(dt=4.0)], ids=lambda o: o.name)
def test_sampled_judgements_follow_the_exact_probabilities(observer):
    trials = synchrony(1200, soas=(-200.0, 0.0, 250.0), reports=("synchronous", "visual_first"))
    responses = observer.perceive(trials, rng=np.random.default_rng(1)).responses["response"]
    exact = observer.predict(trials)["expected"]
    seen = responses.groupby([trials["soa"], trials["report"]]).mean()
    wanted = exact.groupby([trials["soa"], trials["report"]]).mean()
    assert np.allclose(seen, wanted, atol=4 * np.sqrt(0.25 / 1200))


def test_the_clock_of_the_table_does_not_matter():
    observer = Parise2016(dt=4.0)
    trials = synchrony(1, soas=(-100.0, 100.0))
    late = trials.assign(visual_onset=trials["visual_onset"] + 700, auditory_onset=trials["auditory_onset"] + 700)
    only_soa = trials.drop(columns=["visual_onset", "auditory_onset"])
    expected = observer.predict(trials)["synchronous"]
    assert np.allclose(observer.predict(late)["synchronous"], expected) and np.allclose(
        observer.predict(only_soa)["synchronous"], expected
    )
    one = observer.predict(trials.iloc[:1])["synchronous"].item()
    assert one == pytest.approx(expected.iloc[0], abs=1e-4), "the span of the signals does not show in the answer"


@pytest.mark.parametrize("observer, trials", [
    (Parise2016(dt=8.0), synchrony(1, soas=(-100.0, 0.0, 100.0), reports=("synchronous", "visual_first"))),
    (Parise2025(dt=8.0), synchrony(1, soas=(-100.0, 0.0, 100.0), durations=(300, 300))),
    (FlashWindow(), flash_beep(1, n_flashes=(0, 1, 2), n_beeps=(1, 2), soas=(50, 150), reports=("n_flashes",))),
    (DynamicCapture(), dynamic_capture(1, reports=("auditory_motion", "common"))),
], ids=lambda v: getattr(v, "name", ""))  # fmt: skip
def test_observers_in_time_conform(observer, trials):
    assert len(testing.check_observer(observer, trials)) == len(testing.CHECKS)


def test_alpha_sets_the_window_only_where_it_is_coupled():
    slow, fast = FlashWindow(alpha=8.0), FlashWindow(alpha=12.0)
    assert slow.midpoint == pytest.approx(125.0) and fast.midpoint == pytest.approx(1000 / 12)
    free = dataclasses.replace(slow, coupling=0.0)
    assert free.midpoint == dataclasses.replace(fast, coupling=0.0).midpoint
    assert FlashWindow().fission_probability(FlashWindow().midpoint) == pytest.approx(0.05 + 0.9 / 2)


def test_alpha_and_windows_of_people_correlate_as_the_model_says():
    people = draw_alpha_people(4000, rng=np.random.default_rng(1))
    period, midpoint = np.array([1000 / p.alpha for p in people]), np.array([p.midpoint for p in people])
    assert np.corrcoef(period, midpoint)[0, 1] == pytest.approx(
        np.std(period) / np.hypot(np.std(period), 9.5), abs=0.02
    )
    assert np.corrcoef(period, midpoint)[0, 1] == pytest.approx(0.70, abs=0.04)
    uncoupled = draw_alpha_people(4000, rng=np.random.default_rng(1), coupling=0.0)
    assert abs(np.corrcoef(period, [p.midpoint for p in uncoupled])[0, 1]) < 0.05


def test_fission_needs_two_beeps_close_together():
    trials = flash_beep(1, n_flashes=(1, 2), n_beeps=(1, 2), soas=(40.0, 300.0), reports=("n_flashes",))
    table = trials.assign(p=FlashWindow().predict(trials)["p_two"])
    split = table[(table["n_flashes"] == 1) & (table["n_beeps"] == 2)].set_index("beep_soa")["p"]
    assert split[40.0] > 0.9 and split[300.0] == pytest.approx(0.05, abs=1e-3)
    fused = table[(table["n_flashes"] == 2) & (table["n_beeps"] == 1)].set_index("flash_soa")["p"]
    assert fused[40.0] < fused[300.0]
    with pytest.raises(ValueError, match="no 'beep_soa'"):
        FlashWindow().predict(trials.drop(columns="beep_soa"))


def test_a_moving_sound_is_captured_in_step_with_the_light_only():
    trials = dynamic_capture(1)
    table = trials.assign(right=DynamicCapture().predict(trials, n=31)["right"])
    correct = np.where(table["auditory_velocity"] > 0, table["right"], 1 - table["right"])
    conflict = (
        pd.Series(correct[table["congruence"] == 0]).groupby(table["soa"][table["congruence"] == 0].to_numpy()).mean()
    )
    along = (
        pd.Series(correct[table["congruence"] == 1]).groupby(table["soa"][table["congruence"] == 1].to_numpy()).mean()
    )
    assert conflict[0.0] < 0.65 and conflict[500.0] > 0.85 and np.all(np.diff(conflict) > 0)
    assert (along >= conflict).all() and along[0.0] > 0.95


def test_capture_by_sampling_agrees_with_quadrature():
    trials = dynamic_capture(1500, soas=(0.0, 250.0))
    observer = DynamicCapture()
    right = (
        observer.perceive(trials, rng=np.random.default_rng(1))
        .responses["response"]
        .groupby(trials["condition"])
        .mean()
    )
    assert np.allclose(
        right,
        observer.predict(trials)["right"].groupby(trials["condition"]).mean(),
        atol=4 * np.sqrt(0.25 / 1500) + 0.01,
    )
    alone = trials.assign(visual_velocity=np.nan)
    heard = observer.perceive(alone, rng=np.random.default_rng(1)).responses["response"] == (
        alone["auditory_velocity"] > 0
    )
    assert heard.mean() == pytest.approx(0.98 * 0.9332 + 0.01, abs=0.01), "Φ(30/20) without a light"


def test_mistakes_in_time_are_named():
    with pytest.raises(ValueError, match="tau_visual must be .*got 0"):
        Parise2016(tau_visual=0.0)
    with pytest.raises(ValueError, match="no column 'soa'"):
        Parise2016().predict(pd.DataFrame({"report": ["synchronous"]}))
    with pytest.raises(ValueError, match="must have an onset of light and of sound"):
        Parise2016().predict(pd.DataFrame({"report": ["synchronous"], "soa": [np.nan]}))
    with pytest.raises(ValueError, match="speed is"):
        dynamic_capture(1, speed=-1)


def test_no_flash_is_answered_by_0_whatever_is_offered():
    trials = pd.DataFrame({"report": "n_flashes", "n_flashes": [0, 0], "n_beeps": [2, 2], "beep_soa": 60.0})
    observer = FlashWindow()
    for cell in (None, "1|2"):
        asked = trials.assign(alternatives=cell)
        said = observer.perceive(asked, rng=np.random.default_rng(1)).responses["response"]
        assert said.tolist() == [0, 0]
        assert (observer.log_likelihood(asked.assign(response=said)) == 0).all(), "it is certain"


def test_a_measurement_of_a_place_is_no_velocity():
    trials = dynamic_capture(2, soas=(0.0, 250.0))
    observer = DynamicCapture()
    answers = [observer.perceive(t, rng=np.random.default_rng(1)).responses["response"]
               for t in (trials, trials.assign(auditory_measurement=90.0))]  # fmt: skip
    assert answers[0].equals(answers[1])
