"""Three modalities: two of them are the known observer, answers are as predicted, likelihoods are predictions."""

import dataclasses

import numpy as np
import pytest

from neuromm.measures.fitting import fit
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.trimodal import Trimodal, Wozny2008
from neuromm.paradigms.trimodal import flash_beep_tap
from neuromm.stimuli.table import cross, finish


def places(n=1, reports=("auditory", "visual", "tactile"), **factors):
    shown = cross(auditory_azimuth=[0.0, 6.0], visual_azimuth=[-4.0, np.nan], tactile_azimuth=[3.0], **factors)
    return finish(shown, seed=1, n_repeats=n, reports=reports)


def test_without_touch_it_is_causal_inference_of_two():
    trials = places().assign(tactile_azimuth=np.nan)
    trials = trials[trials["report"].isin(["auditory"])]
    three = Trimodal(p_all=0.2, p_pair=0.5, p_auditory_visual=0.6)
    two = CausalInference(8.0, 2.0, 12.0, p_common=0.2 + 0.8 * 0.5 * 0.6)
    columns = ["expected", "sd"]
    np.testing.assert_allclose(three.predict(trials)[columns], two.predict(trials)[columns], atol=1e-6)
    keyed = trials.assign(alternatives="-10|-5|0|5|10")
    keys = [f"key_{k}" for k in (-10, -5, 0, 5, 10)]
    np.testing.assert_allclose(three.predict(keyed)[keys], two.predict(keyed)[keys], atol=1e-6)


@pytest.mark.parametrize("observer", [Trimodal(lapse=0.05), Wozny2008(lapse=0.05)], ids=lambda o: o.name)
def test_answers_are_as_predicted_and_explained(observer):
    if observer.name == "trimodal":
        trials = places(n=600, reports=("auditory", "tactile")).assign(alternatives="-6|0|6")
        keys = (-6, 0, 6)
    else:
        trials = flash_beep_tap(600, n_flashes=(1,), n_beeps=(0, 2), n_taps=(1, 3), reports=("n_flashes", "n_taps"))
        keys = (1, 2, 3)
    said = observer.perceive(trials, rng=np.random.default_rng(3)).responses["response"]
    exact = observer.predict(trials).groupby([trials["condition"], trials["report"]]).first()
    for key in keys:
        share = (said == key).groupby([trials["condition"], trials["report"]]).mean()
        assert (share - exact[f"key_{key}"]).abs().max() < 4.5 * np.sqrt(0.25 / 600)
    first = trials.drop_duplicates(["condition", "report"])
    log = observer.log_likelihood(first.assign(response=float(keys[1])))
    np.testing.assert_allclose(np.exp(log), observer.predict(first)[f"key_{keys[1]}"], atol=1e-9)


def test_the_density_of_a_continuous_report_is_the_slope_of_its_distribution():
    observer, trials = Trimodal(), places(reports=("auditory",))
    at, step = 2.0, 1e-3
    keyed = trials.assign(alternatives=f"{at - step - 50}|{at - step + 50}")
    low = observer.predict(keyed)[f"key_{at - step - 50:g}"]
    high = observer.predict(trials.assign(alternatives=f"{at + step - 50}|{at + step + 50}"))[f"key_{at + step - 50:g}"]
    density = np.exp(observer.log_likelihood(trials.assign(response=at)))
    np.testing.assert_allclose(density, (high - low) / (2 * step), rtol=1e-4)


def test_two_agreeing_modalities_draw_the_third():
    trials = flash_beep_tap(1, n_flashes=(1,), n_beeps=(0, 2), n_taps=(0, 2), reports=("n_flashes",))
    exact = Wozny2008().predict(trials).set_index([trials["n_beeps"], trials["n_taps"]])["expected"]
    assert exact[2, 2] > max(exact[2, 0], exact[0, 2]) > min(exact[2, 0], exact[0, 2]) > exact[0, 0]


def test_gradients_are_those_of_differences_and_a_fit_moves_toward_the_maker():
    maker = Wozny2008(p_all=0.6, lapse=0.02)
    trials = flash_beep_tap(20, n_flashes=(1,), n_beeps=(0, 2), n_taps=(0, 1), reports=("n_flashes",))
    data = trials.join(maker.perceive(trials, rng=np.random.default_rng(1)).responses)
    free = {"sigma_flashes": (0.3, 3.0), "p_all": (0.02, 0.98)}
    likelihood = maker.likelihood(data, free)
    theta, step = np.array([[0.9, 0.4]]), 1e-5
    _, gradient = likelihood(theta, gradient=True)
    for i in range(2):
        up, down = (theta + sign * step * np.eye(2)[i] for sign in (1, -1))
        assert gradient[0, i] == pytest.approx((likelihood(up) - likelihood(down))[0] / (2 * step), rel=1e-3, abs=1e-4)
    found = fit(dataclasses.replace(maker, p_all=0.3), data, free, n_starts=1)
    assert found.summary["log_likelihood"][0] >= likelihood(np.array([[1.11, 0.6]]))[0] - 1e-6


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="p_pair must be a probability"):
        Trimodal(p_pair=1.5)
    with pytest.raises(ValueError, match="their tactile event is absent"):
        Trimodal().predict(places().assign(tactile_azimuth=np.nan))
    with pytest.raises(ValueError, match="n_taps"):
        flash_beep_tap(1, n_taps=(-1,))
