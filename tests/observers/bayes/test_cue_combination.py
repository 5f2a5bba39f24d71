"""Combination of any cues: against the two-cue observer, against its own answers, and fitted."""

import numpy as np
import pandas as pd
import pytest

from neuromm.maths import combination
from neuromm.measures.fitting import fit
from neuromm.observers.bayes.cue_combination import CueCombination
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.paradigms.cue_combination import cue_combination
from neuromm.stimuli.table import cross, finish


def heights(n=1, **factors):
    places = [-3.0, 0.0, 3.0]
    shown = cross(visual_height=places, haptic_height=places, vestibular_height=[1.0, np.nan], **factors)
    return finish(shown, seed=1, n_repeats=n, reports=("haptic",))


def test_two_cues_and_a_prior_are_forced_fusion():
    trials = cue_combination(1, reports=("auditory",))
    ours = CueCombination(sigma_auditory=8.0, sigma_visual=2.0, sigma_prior=12.0).predict(trials)
    theirs = ForcedFusion(sigma_auditory=8.0, sigma_visual=2.0, sigma_prior=12.0).predict(trials)
    np.testing.assert_allclose(ours[["expected", "sd"]], theirs[["expected", "sd"]], atol=1e-9)


@pytest.mark.parametrize("ignores", [False, True])
def test_answers_of_three_correlated_cues_are_as_predicted(ignores):
    observer = CueCombination(sigma_visual=2, correlation=0.4, ignores_correlation=ignores, sigma_motor=0.5)
    trials = heights(n=800)
    said = observer.perceive(trials, rng=np.random.default_rng(2)).responses["response"].groupby(trials["condition"])
    exact = observer.predict(trials).groupby(trials["condition"]).first()
    assert (said.mean() - exact["expected"]).abs().max() < 4.5 * exact["sd"].max() / np.sqrt(800)
    np.testing.assert_allclose(said.std() / exact["sd"], 1, atol=0.12)


def test_knowing_the_correlation_never_hurts():
    trials = heights()
    sd = [CueCombination(correlation=0.5, ignores_correlation=i).predict(trials)["sd"] for i in (False, True)]
    assert (sd[0] <= sd[1] + 1e-12).all() and (sd[0] < sd[1] - 1e-3).any()


@pytest.mark.parametrize("keys", ["", "-4|0|4", "left|right"])
def test_the_likelihood_is_the_prediction(keys):
    observer = CueCombination(sigma_visual=2, correlation=0.3, lapse=0.04, sigma_prior=9.0)
    trials = heights().assign(alternatives=keys or None)
    exact = observer.predict(trials)
    if not keys:
        answered = trials.assign(response=exact["expected"] + 1.0)
        mean, sd = observer.moments(trials)
        density = 0.96 * np.exp(-0.5 * ((answered["response"] - mean) / sd) ** 2) / sd / np.sqrt(2 * np.pi) + 0.04 / 90
        np.testing.assert_allclose(np.exp(observer.log_likelihood(answered)), density, rtol=1e-10)
        return
    said = [(1.0, "key_1")] if keys == "left|right" else [(k, f"key_{k:g}") for k in (-4.0, 0.0, 4.0)]
    for response, column in said:
        found = np.exp(observer.log_likelihood(trials.assign(response=response)))
        np.testing.assert_allclose(found, exact[column], atol=1e-12)


def test_sigmas_of_a_visuohaptic_observer_are_recovered():
    maker = CueCombination(sigma_visual=2.0, sigma_haptic=5.0, name="maker")
    alone = pd.concat([cross(visual_height=[-3.0, 3.0]), cross(haptic_height=[-3.0, 3.0])])
    alone = finish(alone, seed=1, n_repeats=150, reports=("haptic", "visual"))
    trials = pd.concat([heights(n=30), alone], ignore_index=True).drop(columns="presentation")
    data = trials.join(maker.perceive(trials, rng=np.random.default_rng(1)).responses)
    found = fit(maker, data, {"sigma_visual": (0.5, 10), "sigma_haptic": (0.5, 20)}).estimates.set_index("parameter")
    assert (np.abs(found["estimate"] - [2.0, 5.0]) < 3.5 * found["se"]).all()


def test_a_row_that_shows_nothing_is_named():
    trials = heights().assign(visual_height=np.nan, haptic_height=np.nan, vestibular_height=np.nan, report="common")
    with pytest.raises(ValueError, match="show nothing"):
        CueCombination().predict(trials)
    with pytest.raises(ValueError, match="correlation must be"):
        CueCombination(correlation=1.5)
    assert combination.weights([1.0, 1.0]).tolist() == [0.5, 0.5]
