"""The ideal observers of the generators: what a perfect denoiser would answer, by averaging over scenes.

Posteriors by importance sampling from the prior: many scenes are drawn, and each weighs as much as it explains the
measurement. No network is involved, so these are what trained denoisers are held against.
"""

from __future__ import annotations

import numpy as np

from neuromm.observers.ann.diffusion.flash_scenes import MOST, FlashScenes, senses
from neuromm.observers.ann.diffusion.syllable_scenes import SYLLABLES, Talkers

BLOCK = 20_000  # scenes at a time, for memory only


def count_posterior(x, alpha_bar, scenes=None, *, n_scenes=100_000, seed=0):
    """P(numbers of flashes and beeps | retina, cochlea) under the generator of scenes.

    Under two causes the senses are independent, so that each is averaged over scenes of its own.

    Parameters
    ----------
    x : dict of retina, cochlea → array, shape (n, N_FRAMES)
        Measurements √ᾱ x_0 + √(1 − ᾱ) ε, as `FlashBeepDenoiser` gets them.
    alpha_bar : dict of retina, cochlea → array, shape (n,)
        Levels; 0 = that sense is absent.
    scenes : FlashScenes, optional
    n_scenes : int
        Of each kind: one cause, flashes alone, beeps alone.
    seed : int

    Returns
    -------
    posterior : array, shape (n, 5, 5)
        Flashes × beeps, 0 … 4 each; sums to 1.
    """
    scenes, rng = scenes or FlashScenes(), np.random.default_rng(seed)
    n, most = len(x["retina"]), MOST + 1
    together = np.full((n, most), -np.inf)  # log Σ likelihood over scenes of one cause, by their number
    apart = {sense: np.full((n, most), -np.inf) for sense in ("retina", "cochlea")}
    for start in range(0, n_scenes, BLOCK):
        size = min(BLOCK, n_scenes - start)
        one, two = (_scenes(scenes, rng, size, common) for common in (True, False))
        fits = sum(_log_likelihood(x[s], alpha_bar[s], one[s]) for s in apart)
        together = np.logaddexp(together, _sum_by(fits, one["n_beeps"], most))
        for sense, count in (("retina", two["n_flashes"]), ("cochlea", two["n_beeps"])):
            fits = _log_likelihood(x[sense], alpha_bar[sense], two[sense])
            apart[sense] = np.logaddexp(apart[sense], _sum_by(fits, count, most))
    with np.errstate(divide="ignore"):
        joint = np.log1p(-scenes.p_common) + apart["retina"][:, :, None] + apart["cochlea"][:, None, :]
        joint -= 2 * np.log(n_scenes)
        diagonal = np.arange(most)
        one = np.log(scenes.p_common) + together - np.log(n_scenes)
    joint[:, diagonal, diagonal] = np.logaddexp(joint[:, diagonal, diagonal], one)
    joint = np.exp(joint - joint.max((1, 2), keepdims=True))
    return joint / joint.sum((1, 2), keepdims=True)


def syllable_posterior(x, alpha_bar, talkers=None, *, n_tokens=20_000, seed=0):
    """P(syllable | sound, lips) if both are of one talker who says one syllable, as in training.

    Parameters
    ----------
    x : dict of sound, lips → array, shape (n, size)
        Measurements √ᾱ x_0 + √(1 − ᾱ) ε, as `SyllableDenoiser` gets them.
    alpha_bar : dict of sound, lips → array, shape (n,)
        Levels; 0 = absent.
    talkers : Talkers, optional
    n_tokens : int
        Talkers that are averaged over.
    seed : int

    Returns
    -------
    posterior : array, shape (n, 3)
        ba, da, ga.
    """
    talkers, rng = talkers or Talkers(), np.random.default_rng(seed)
    score = np.full((len(x["sound"]), len(SYLLABLES)), -np.inf)
    for start in range(0, n_tokens, BLOCK):
        token = talkers.draw(rng, min(BLOCK, n_tokens - start))
        for k, syllable in enumerate(SYLLABLES):
            names = np.full(len(token), syllable)
            fits = sum(_log_likelihood(x[p], alpha_bar[p], getattr(talkers, p)(names, token)) for p in x)
            score[:, k] = np.logaddexp(score[:, k], _sum_by(fits, np.zeros(len(token), int), 1)[:, 0])
    share = np.exp(score - score.max(1, keepdims=True))
    return share / share.sum(1, keepdims=True)


def nearest_syllable(x, alpha_bar, talkers=None):
    """The syllable whose mean sound and lips are nearest to a measurement, in units of its noise; (n,) text.

    No network and no talkers: what the geometry of the stimuli says by itself.
    """
    still = np.zeros((len(SYLLABLES), 5))
    talkers = talkers or Talkers()
    fits = sum(_log_likelihood(x[part], alpha_bar[part], getattr(talkers, part)(SYLLABLES, still)) for part in x)
    return np.array(SYLLABLES, object)[fits.argmax(1)]


def _scenes(scenes, rng, n, common):
    """Senses without noise and numbers of events of `n` scenes, with one cause each or flashes and beeps apart."""
    beeps = scenes.times(rng, n)
    flashes = beeps + scenes.jitter * rng.standard_normal(beeps.shape) if common else scenes.times(rng, n)
    contrast = np.exp(scenes.contrast * rng.standard_normal((2, n)))
    shown = senses(flashes, beeps, scenes, contrast)
    counts = {name: np.isfinite(times).sum(1) for name, times in (("n_flashes", flashes), ("n_beeps", beeps))}
    return {"retina": shown["retina"], "cochlea": shown["cochlea"], **counts}


def _log_likelihood(x, alpha_bar, clean):
    """log p(measurement | scene) up to a constant per measurement, (n, n_scenes); 0 of an absent sense."""
    signal, noise = np.sqrt(alpha_bar), np.maximum(1.0 - alpha_bar, 1e-6)
    x = np.asarray(x, np.float32) * (signal / noise)[:, None].astype(np.float32)
    power = 0.5 * np.square(clean).sum(1)
    fits = x @ clean.T - (alpha_bar / noise)[:, None].astype(np.float32) * power
    return np.where(np.asarray(alpha_bar)[:, None] > 0, fits, 0.0)


def _sum_by(fits, count, most):
    """log Σ exp(fits) over the scenes of each number, (n, most)."""
    total = np.full((len(fits), most), -np.inf)
    for k in range(most):
        some = fits[:, count == k].astype(float)
        if some.shape[1]:
            peak = some.max(1, keepdims=True)
            total[:, k] = np.log(np.exp(some - peak).sum(1)) + peak[:, 0]
    return total
