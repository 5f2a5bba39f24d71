"""The ideal observer of the counter's generator, on scenes of that generator and by a second route."""

import numpy as np
import pandas as pd
import pytest

from neuromm.observers.ann.counting.ideal import _log_likelihood, count_posterior, ideal_answers
from neuromm.observers.ann.counting.recipe import CounterRecipe, draw_times
from neuromm.paradigms import flash_beep
from neuromm.stimuli.flashes import FlashesAndBeeps, pooled_noise

RECIPE, NOISE = CounterRecipe(), pooled_noise(1.8)


def scenes(n, seed):
    """True counts, onsets of beeps and retinal traces of the generator at one level of noise."""
    rng = np.random.default_rng(seed)
    beeps, flashes, common = draw_times(RECIPE, rng, n), draw_times(RECIPE, rng, n), rng.random(n) < RECIPE.p_common
    flashes[common] = beeps[common] + RECIPE.jitter * rng.standard_normal((int(common.sum()), 4))
    contrast = np.exp(RECIPE.contrast * rng.standard_normal((n, 1)))
    retina = contrast * FlashesAndBeeps().smear(flashes) + NOISE * rng.standard_normal((n, 80))
    return np.isfinite(flashes).sum(1), beeps, retina


def test_the_contrast_is_summed_over_as_a_fine_grid_does():
    rng = np.random.default_rng(1)
    course = FlashesAndBeeps().smear(np.array([[120.0, 200.0, np.nan, np.nan]]))
    retina = 1.1 * course + NOISE * rng.standard_normal((5, 80))
    c = np.exp(np.linspace(-3, 3, 20_001))
    density = np.exp(-(np.log(c) ** 2) / (2 * RECIPE.contrast**2)) / (c * RECIPE.contrast * np.sqrt(2 * np.pi))
    fit = (retina @ course[0])[:, None] / NOISE**2 * c - (course**2).sum() / NOISE**2 * c**2 / 2
    exact = np.log(np.trapezoid(density * np.exp(fit - fit.max()), c, axis=1)) + fit.max()
    found = _log_likelihood(retina.astype(np.float32), course.astype(np.float32), np.full(5, NOISE), RECIPE.contrast)
    np.testing.assert_allclose(found[:, 0], exact, atol=0.02)  # Laplace: relative error of order 1/(b sd²)


def test_its_answers_are_right_as_often_as_it_believes():
    truth, beeps, retina = scenes(400, 2)
    belief = count_posterior(retina, beeps, np.full(400, NOISE), n_samples=4000, rng=np.random.default_rng(3))
    np.testing.assert_allclose(belief.sum(1), 1.0, atol=1e-9)
    right = (belief.argmax(1) == truth).mean()
    assert right > 0.94 and right == pytest.approx(belief.max(1).mean(), abs=0.03)  # se of `right` is .01


def test_beeps_decide_only_where_light_does_not():
    shown = flash_beep(20, n_flashes=(1,), n_beeps=(1, 2), soas=(40.0, 250.0), reports=("n_flashes", "n_beeps"))
    answers = ideal_answers(shown.reset_index(), n_samples=4000)
    split = answers[(answers["report"] == "n_flashes") & (answers["n_beeps"] == 2)]
    share = split.groupby("beep_soa")["response"].apply(lambda r: (r == 2).mean())
    assert share[40.0] > 0.5 and share[250.0] < 0.2
    heard = answers[answers["report"] == "n_beeps"]
    pd.testing.assert_series_equal(heard["response"], heard["n_beeps"].astype(float), check_names=False)
