"""Pictures with a printed word: a shape in one half, a word in the other, each with a contrast of its own.

What is drawn and what is written can agree, be at odds, or have nothing to do with one another. Contrast over pixel
noise is the reliability of either part.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from neuromm.maths.noise import normal_from_seeds, uniform_from_seeds
from neuromm.stimuli.shapes import COLOURS, GROUND, POSITIONS, SHAPES, SIZES, draw_shapes

NEUTRAL = ("house", "apple")  # words that name no shape
INK = 0.95  # luminance of letters at full contrast
JITTER = 0.08  # of a drawing's centre (half widths) and size (fraction), uniform within ±
N_PIXELS = 32
HALVES = {-1: 22, 1: 5}  # vertical side of the drawing (−1 = above) → first row of the word's letters
SHIFT = 2  # px, a word's place varies within ± this (its columns as far as it fits)
LETTERS = {
    "a": "010 101 111 101 101", "c": "011 100 100 100 011", "e": "111 100 110 100 111", "g": "011 100 101 101 011",
    "h": "101 101 111 101 101", "i": "111 010 010 010 111", "l": "100 100 100 100 111", "n": "101 111 111 111 101",
    "o": "010 101 101 101 010", "p": "110 101 110 100 100", "q": "010 101 101 110 011", "r": "110 101 110 101 101",
    "s": "011 100 010 001 110", "t": "111 010 010 010 010", "u": "101 101 101 101 111",
}  # fmt: skip  # five rows of three pixels
WORDS = (*SHAPES, *NEUTRAL)
STREAM_OF_DETAILS, STREAM_OF_NOISE = 231, 232


@functools.lru_cache(maxsize=64)
def letters(word):
    """A word in capitals of 3 × 5 pixels, one apart; (5, 4·n − 1) of 0 and 1.

    Raises
    ------
    ValueError
        If a letter has no glyph, or the word is wider than a picture.
    """
    strange = sorted(set(word) - set(LETTERS))
    if strange:
        raise ValueError(f"'{word}' has letters without a glyph: {', '.join(strange)}; there are: {''.join(LETTERS)}")
    if 4 * len(word) - 1 > N_PIXELS:
        raise ValueError(f"'{word}' is {4 * len(word) - 1} pixels wide; {N_PIXELS} fit")
    glyphs = [np.array([list(row) for row in LETTERS[letter].split()], float) for letter in word]
    whole = np.hstack([np.pad(glyph, ((0, 0), (0, 1))) for glyph in glyphs])[:, :-1]
    whole.setflags(write=False)
    return whole


def places_of(word):
    """Where a word may stand in its half: rows and first columns, each equally often."""
    free = N_PIXELS - letters(word).shape[1]
    side = min(SHIFT, free // 2)
    return np.arange(-SHIFT, SHIFT + 1), free // 2 + np.arange(-side, side + 1)


@dataclass(frozen=True)
class PrintedPictures:
    """Draws what rows show: `pictured` (a shape) and `printed` (a word), either may be missing, in pixel noise.

    Columns: pictured, printed, picture_contrast, word_contrast (0 … 1; 1 where the table has none), noise_seed, which
    decides colour, size, corner and jitter of the drawing, the place of the word, and the noise.
    """

    pixel_noise: float = 0.1  # sd, where white is 1

    def details(self, trials) -> pd.DataFrame:
        """What else each drawing is: colour, position, size, shifts (fractions) and the word's row and column."""
        u = uniform_from_seeds(_seeds(trials), 8, STREAM_OF_DETAILS)
        table = pd.DataFrame({"colour": _pick(COLOURS, u[:, 0]), "position": _pick(POSITIONS, u[:, 1])})
        table["size"] = _pick(SIZES, u[:, 2])
        table[["x", "y", "scale"]] = JITTER * (2 * u[:, 3:6] - 1)
        words = trials["printed"].to_numpy(object) if "printed" in trials else np.full(len(trials), None)
        below = np.array([POSITIONS[p][1] for p in table["position"]])
        rows, columns = np.zeros(len(trials), int), np.zeros(len(trials), int)
        for word in {w for w in words if isinstance(w, str)}:
            own, (down, across) = words == word, places_of(word)
            first = np.where(below[own] > 0, HALVES[1], HALVES[-1])
            rows[own] = first + down[(u[own, 6] * len(down)).astype(int)]
            columns[own] = across[(u[own, 7] * len(across)).astype(int)]
        return table.assign(row=rows, column=columns)

    def render(self, trials, parts=("picture", "word")):
        """Pictures of a trial table; `parts` leaves the drawing or the word out, with the same noise.

        Returns
        -------
        pictures : array, shape (n_trials, 3, 32, 32), float32
            About 0 … 1; noise goes a little beyond.

        Raises
        ------
        ValueError
            If a shape or word is unknown, a contrast is not above 0 and at most 1, or a row has no `noise_seed`.
        """
        details, n = self.details(trials), len(trials)
        noise = normal_from_seeds(_seeds(trials), 3 * N_PIXELS**2, STREAM_OF_NOISE)
        noise = np.clip(noise, -5.0, 5.0)  # one pixel in two million: encoders refuse pictures far outside 0 … 1
        pictures = GROUND + self.pixel_noise * noise.reshape(n, 3, N_PIXELS, N_PIXELS)
        if "picture" in parts and "pictured" in trials:
            there = trials["pictured"].notna().to_numpy()
            strange = sorted(set(trials["pictured"][there]) - set(SHAPES))
            if strange:
                raise ValueError(f"column 'pictured' has {strange}; there are: {', '.join(SHAPES)}")
            contrast = contrast_of(trials, "picture")[there, None, None, None]
            if there.any():
                drawn = details[there].assign(shape=trials["pictured"].to_numpy()[there])
                pictures[there] += contrast * (draw_exactly(drawn) - GROUND)
        if "word" in parts and "printed" in trials:
            contrast = contrast_of(trials, "word")
            words = trials["printed"].to_numpy(object)
            places = details[["row", "column"]].to_numpy()
            for i, (word, (row, column)) in enumerate(zip(words, places, strict=True)):
                if isinstance(word, str):
                    glyphs = letters(word)
                    ink = contrast[i] * (INK - GROUND) * glyphs
                    pictures[i, :, row : row + 5, column : column + glyphs.shape[1]] += ink
        return pictures.astype(np.float32)


def draw_exactly(table):
    """Shapes with the shifts that their rows say (x, y, scale) instead of drawn ones; (n, 3, 32, 32)."""
    return draw_shapes(table, n_pixels=N_PIXELS, rng=_Given(table[["x", "y", "scale"]].to_numpy(float)))


class _Given:
    """In the place of a generator: the shifts that are wanted."""

    def __init__(self, shifts):
        self.shifts = shifts

    def uniform(self, low, high, shape):
        return self.shifts.reshape(shape)


def compositions_of(shape, shifts):
    """Every corner and size of a shape with every given shift (n, 3): a table to draw, colours left at white."""
    rows = [(shape, "red", p, s, *shift) for p, s, shift in product(POSITIONS, SIZES, shifts)]
    return pd.DataFrame(rows, columns=["shape", "colour", "position", "size", "x", "y", "scale"])


def contrast_of(trials, part):
    """Contrast of the "picture" or the "word" of each row, (n,); 1 where the table does not say."""
    column = f"{part}_contrast"
    if column not in trials:
        return np.ones(len(trials))
    contrast = trials[column].fillna(1.0).to_numpy(float)
    wrong = (contrast <= 0) | (contrast > 1)
    if wrong.any():
        rows = trials.index[wrong][:5].tolist()
        raise ValueError(f"trials {rows}: {column} is {contrast[wrong][0]:g}; above 0 and at most 1 is wanted")
    return contrast


def _pick(values, u):
    keys = np.array(list(values), object)
    return keys[(u * len(keys)).astype(int)]


def _seeds(trials):
    if "noise_seed" not in trials or trials["noise_seed"].isna().any():
        raise ValueError("printed pictures need a 'noise_seed' in every row: it decides colour, place and noise")
    return trials["noise_seed"].to_numpy(np.int64)
