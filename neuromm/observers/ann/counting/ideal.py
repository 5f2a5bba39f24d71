"""The ideal observer of the counter's generator: how many flashes, given the beeps and a slow eye's trace.

Beeps are heard without error. Under one cause there are as many flashes as beeps, each within `jitter` of its beep;
else flashes are drawn on their own. Times are summed over by samples from the generator, the contrast c by Laplace's
method: with S the smeared course of the flashes, r the trace, σ its noise, log p(r | S, c) = a c − b c²/2 + constant,
a = r·S/σ², b = |S|²/σ², so that ∫ p(c) p(r | S, c) dc ≈ p(a/b) e^{a²/2b} √(2π/b), for b ≫ 1/sd²(log c).
"""

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from neuromm.observers.ann.counting.recipe import CounterRecipe, draw_times
from neuromm.stimuli.flashes import MOST, FlashesAndBeeps, pooled_noise
from neuromm.stimuli.measurement import with_noise_seeds

ROWS = 250  # trials at a time, for memory


def count_posterior(retina, beeps, noise, recipe=None, *, n_samples=20_000, rng):
    """Probability of 0 … 4 flashes, by sums over sampled times.

    Parameters
    ----------
    retina : array, shape (n_trials, n_frames)
        Luminance of the disc after the eye's smear, where a flash's peak is the contrast.
    beeps : array, shape (n_trials, 4)
        Onsets, ms; NaN = no beep.
    noise : array, shape (n_trials,)
        sd of a frame of `retina`; known to the observer.
    n_samples : int
        Sets of times per hypothesis; 20 000 leave an error of about .1 in log odds at the noise of the study.

    Returns
    -------
    array, shape (n_trials, 5)
    """
    recipe = CounterRecipe() if recipe is None else recipe
    light, retina = FlashesAndBeeps(), np.asarray(retina, np.float32)
    alone = draw_times(recipe, rng, n_samples)
    of_alone = np.isfinite(alone).sum(1)
    courses = light.smear(alone).astype(np.float32)
    log_p = np.full((len(retina), MOST + 1), -np.inf)
    for start in range(0, len(retina), ROWS):
        rows = slice(start, start + ROWS)
        fit = _log_likelihood(retina[rows], courses, noise[rows], recipe.contrast)
        for n in range(MOST + 1):
            log_p[rows, n] = logsumexp(fit[:, of_alone == n], axis=1) - np.log(n_samples) + np.log1p(-recipe.p_common)
    for times in np.unique(np.nan_to_num(beeps, nan=-1.0), axis=0):
        rows = np.flatnonzero((np.nan_to_num(beeps, nan=-1.0) == times).all(1))
        n, few = int((times >= 0).sum()), max(n_samples // 10, 1)
        near = np.where(times >= 0, times, np.nan) + recipe.jitter * rng.standard_normal((few, MOST))
        fit = _log_likelihood(retina[rows], light.smear(near).astype(np.float32), noise[rows], recipe.contrast)
        together = logsumexp(fit, axis=1) - np.log(few) + np.log(recipe.p_common)
        log_p[rows, n] = np.logaddexp(log_p[rows, n], together)
    return np.exp(log_p - logsumexp(log_p, axis=1, keepdims=True))


def _log_likelihood(retina, courses, noise, contrast):
    """log ∫ p(c) p(r | c S) dc − log p(r | no light), (n_trials, n_samples)."""
    precision = (1 / np.asarray(noise, np.float32) ** 2)[:, None]
    power = (courses**2).sum(1)
    lit = power > 0
    a = precision * (retina @ courses[lit].T)
    b = precision * power[lit]
    c = np.maximum(a / b, 1e-3)
    log_c = np.log(c)
    found = np.zeros((len(retina), len(courses)), np.float32)
    # p(c) of a log-normal contrast, times the Gaussian in c
    found[:, lit] = a * c - b * c * c / 2 - log_c**2 / (2 * contrast**2) - log_c - np.log(contrast) - np.log(b) / 2
    return found


def ideal_answers(trials, *, seed=1, n_samples=20_000, pixel_noise=1.8):
    """The trials as the ideal observer answers them: the most probable number of flashes, and every beep.

    It sees the same pixels as a network does, by the rows' `noise_seed`.
    """
    rng = np.random.default_rng([seed, 23])
    trials = with_noise_seeds(trials, rng)
    shown = trials.drop_duplicates("presentation")
    renderer = FlashesAndBeeps(pixel_noise=pixel_noise)
    retina = np.concatenate([renderer.retina(shown.iloc[i : i + 64]) for i in range(0, len(shown), 64)])
    noise = pooled_noise(renderer.noise_of(shown, "visual"))
    belief = count_posterior(retina, renderer.times(shown)[1], noise, n_samples=n_samples, rng=rng)
    counted = pd.Series(belief.argmax(1).astype(float), shown["presentation"])
    flashes = trials["presentation"].map(counted).to_numpy()
    answers = np.where(trials["report"] == "n_flashes", flashes, trials["n_beeps"].to_numpy(float))
    return trials.assign(observer="ideal", response=answers)
