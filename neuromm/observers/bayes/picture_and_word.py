"""The ideal observer of drawings with printed words: what is drawn, given that the word may name it or not."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import logsumexp
from scipy.stats import qmc

from neuromm.core.parameters import count, probability, sd
from neuromm.observers.base import Observer, Percepts
from neuromm.observers.naming import REPORTS, check_parts, name_parts
from neuromm.observers.protocol import units_of
from neuromm.stimuli.measurement import with_noise_seeds
from neuromm.stimuli.printed import (
    HALVES,
    INK,
    JITTER,
    N_PIXELS,
    NEUTRAL,
    PrintedPictures,
    compositions_of,
    contrast_of,
    draw_exactly,
    letters,
    places_of,
)  # fmt: skip
from neuromm.stimuli.shapes import COLOURS, GROUND, POSITIONS, SHAPES

BLOCK = 256


@dataclass(frozen=True)
class PictureAndWord(Observer):
    r"""Bayesian causal inference over two categories, what is drawn (i) and what is written (j).

    With probability `p_common` the word names the drawing (C = 1, i = j); otherwise both are drawn independently
    (C = 2). Either way a word is neutral with probability `p_neutral`. Pixels are Gaussian about the template of
    drawing and word at their contrasts, which are known; colour, size, corner and place are integrated out:

    p(i | x) = p(C=1 | x) p(i | x, C=1) + p(C=2 | x) p(i | x, C=2).

    p_common 1 is forced fusion, 0 segregation. Integrals over the drawing's jitter are means over `n_shifts` points of
    a Halton sequence: near exact where contrast is low, and at high contrast both hypotheses lose alike.

    Needs `pictured` and `printed`; contrasts, `noise_seed` (drawn where it is missing). Layers: `evidence` (log
    p(x | i, j) of 5 drawings × 5 words, then of a neutral word, nats, up to a constant), `log_posterior` (of 5
    drawings, then of 5 words), `unity` (probability).

    References
    ----------
    Körding et al. (2007) PLoS ONE 2:e943 (causal inference, here over categories).
    """

    layers: ClassVar[tuple[str, ...]] = ("evidence", "log_posterior", "unity")
    reports: ClassVar[tuple[str, ...]] = REPORTS

    p_common: float = probability(0.5, free=(0.01, 0.99))
    p_neutral: float = probability(0.15)  # share of words that name no shape
    pixel_noise: float = sd(0.1)  # where white is 1
    n_shifts: int = count(32)  # points of the integral over a drawing's jitter
    name: str = "picture_and_word"

    def check_trials(self, trials):
        """As every observer; a row shows what it asks for."""
        check_parts(trials, self.name)
        super().check_trials(trials)

    def infer(self, stimuli, draws):
        """Look at each picture, and weigh one cause of drawing and word against two."""
        named, neutral = self.evidence(with_noise_seeds(stimuli.table, draws.generator))
        joint = np.concatenate([units_of(named), neutral], 1)
        pictured, printed, unity = self.posterior(named, neutral)
        layers = {
            "evidence": joint - joint.max(1, keepdims=True),
            "log_posterior": np.hstack([pictured, printed]),
            "unity": unity[:, None],
        }
        return Percepts(**name_parts(pictured, printed, unity), layers=layers)

    def evidence(self, shown):
        """log p(x | drawing i, word j) up to a constant of x: (n, 5, 5), and with a neutral word, (n, 5)."""
        if shown.empty:  # scipy's logsumexp takes no empty arrays
            return np.zeros((0, len(SHAPES), len(SHAPES))), np.zeros((0, len(SHAPES)))
        pictures = PrintedPictures(self.pixel_noise).render(shown)
        named, neutral = [], []
        for start in range(0, len(shown), BLOCK):
            rows = slice(start, start + BLOCK)
            x = (pictures[rows] - GROUND) / self.pixel_noise
            drawn, written = self._match(x, shown.iloc[rows])  # (half, n, 5), (half, n, 5 + neutral)
            both = logsumexp(drawn[..., None] + written[:, :, None], axis=0) - np.log(len(HALVES))  # (n, 5, words)
            named.append(both[..., : len(SHAPES)])
            neutral.append(logsumexp(both[..., len(SHAPES) :], axis=-1) - np.log(len(NEUTRAL)))
        return np.concatenate(named), np.concatenate(neutral)

    def _match(self, x, shown):
        """Log likelihood ratio of every drawing and every word to a blank, for both halves the drawing may be in."""
        masks, of_half = drawings(self.n_shifts)
        flat = x.reshape(len(x), 3, x.shape[2] * x.shape[3])
        there = shown["pictured"].notna().to_numpy()[:, None] if "pictured" in shown else np.zeros((len(x), 1), bool)
        contrast = contrast_of(shown, "picture")[:, None, None] / self.pixel_noise
        colours = np.array(list(COLOURS.values())) - GROUND  # (6, 3)
        drawn = np.zeros((2, len(x), len(SHAPES)))
        for k, mask in enumerate(masks):  # (templates, pixels)
            seen = flat @ mask.T.astype(np.float32)  # (n, 3, templates)
            match = contrast * np.einsum("ckt,lk->clt", seen, colours)
            match -= 0.5 * contrast**2 * (colours**2).sum(1)[:, None] * (mask**2).sum(1)
            for h in range(2):
                own = match[:, :, of_half == h]
                drawn[h, :, k] = logsumexp(own, axis=(1, 2)) - np.log(own.shape[1] * own.shape[2])
        written = np.zeros((2, len(x), len(SHAPES) + len(NEUTRAL)))
        contrast = contrast_of(shown, "word")[:, None] * (INK - GROUND) / self.pixel_noise
        grey = flat.sum(1)
        for k, word in enumerate((*SHAPES, *NEUTRAL)):
            for h, mask in enumerate(word_masks(word)):
                match = contrast * (grey @ mask.T) - 0.5 * contrast**2 * 3 * mask.sum(1)
                written[h, :, k] = logsumexp(match, axis=1) - np.log(len(mask))
        read = shown["printed"].notna().to_numpy()[:, None] if "printed" in shown else np.zeros((len(x), 1), bool)
        return np.where(there, drawn, 0.0), np.where(read, written, 0.0)

    def posterior(self, named, neutral):
        """Log posterior of the drawing (n, 5), of the word (n, 5), and the probability of one cause (n,)."""
        with np.errstate(divide="ignore"):
            none = np.log(self.p_neutral)
            name = np.log1p(-self.p_neutral)
            one = np.log(self.p_common)
            two = np.log1p(-self.p_common)
        size = len(SHAPES)
        same = np.diagonal(named, axis1=1, axis2=2)
        common = np.logaddexp(name + same, none + neutral) - np.log(size)  # (n, 5), C = 1
        apart = np.logaddexp(name + logsumexp(named, axis=2) - np.log(size), none + neutral) - np.log(size)  # C = 2
        evidence = np.stack([one + logsumexp(common, axis=1), two + logsumexp(apart, axis=1)])
        unity = np.exp(evidence[0] - np.logaddexp(*evidence))
        pictured = np.logaddexp(one + common, two + apart)
        printed = np.logaddexp(one + same - np.log(size), two + logsumexp(named, axis=1) - 2 * np.log(size))
        pictured = pictured - logsumexp(pictured, axis=1, keepdims=True)
        printed = printed - logsumexp(printed, axis=1, keepdims=True)
        return pictured, printed, unity


@functools.lru_cache(maxsize=4)
def drawings(n_shifts):
    """Cover of every drawing without colour: per shape (templates, 1024), and each template's half (0 = above)."""
    shifts = JITTER * (2 * qmc.Halton(3, scramble=False).random(n_shifts + 1)[1:] - 1)  # the first is a corner
    masks = []
    for shape in SHAPES:
        table = compositions_of(shape, shifts)
        red = draw_exactly(table)[:, 0].reshape(len(table), -1)
        masks.append(((red - GROUND) / (COLOURS["red"][0] - GROUND)).astype(np.float32))
    below = np.array([POSITIONS[p][1] > 0 for p in compositions_of(SHAPES[0], shifts)["position"]])
    return masks, below.astype(int)


@functools.lru_cache(maxsize=16)
def word_masks(word):
    """A word's letters at each of its places, (places, 1024), for a drawing above and for one below."""
    found = []
    for first in HALVES.values():
        masks = []
        for row in first + places_of(word)[0]:
            for column in places_of(word)[1]:
                mask = np.zeros((N_PIXELS, N_PIXELS), np.float32)
                mask[row : row + 5, column : column + letters(word).shape[1]] = letters(word)
                masks.append(mask.ravel())
        found.append(np.stack(masks))
    return found
