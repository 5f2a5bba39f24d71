"""Pictures of one shape, in one colour, somewhere: known factors, drawn without a download.

Shape × colour × position × size, drawn with soft edges on a dark ground. A fifth of the pairs of shape and
colour is held out: each shape and each colour is seen in training, those compositions never.
"""

from itertools import product

import numpy as np
import pandas as pd

SHAPES = ("circle", "square", "triangle", "cross", "ring")
COLOURS = {
    "red": (0.90, 0.15, 0.15), "green": (0.15, 0.80, 0.20), "blue": (0.15, 0.30, 0.95),
    "yellow": (0.95, 0.90, 0.10), "magenta": (0.90, 0.15, 0.90), "cyan": (0.10, 0.90, 0.90),
}  # fmt: skip
POSITIONS = {"top left": (-1, -1), "top right": (1, -1), "bottom left": (-1, 1), "bottom right": (1, 1)}  # x, y down
SIZES = {"small": 0.26, "large": 0.40}  # radius, in half widths of the picture
GROUND = 0.06  # luminance of the ground
SHIFT = 0.42  # centre of a position, in half widths
HELD_OUT = (  # (shape, colour): one fifth of the 30 pairs; every shape and colour once at least, none thrice
    ("circle", "blue"),
    ("square", "magenta"),
    ("triangle", "cyan"),
    ("cross", "red"),
    ("ring", "green"),
    ("square", "yellow"),
)


def compositions(held_out=None) -> pd.DataFrame:
    """Every composition, one per row: shape, colour, position, size, held_out (240 rows).

    Parameters
    ----------
    held_out : bool, optional
        Only the held-out ones, or only the others.
    """
    rows = list(product(SHAPES, COLOURS, POSITIONS, SIZES))
    table = pd.DataFrame(rows, columns=["shape", "colour", "position", "size"])
    table["held_out"] = [pair in HELD_OUT for pair in zip(table["shape"], table["colour"], strict=True)]
    return table if held_out is None else table[table["held_out"] == held_out].reset_index(drop=True)


def draw_shapes(table, *, n_pixels=32, rng=None, jitter=0.08, grey=False):
    """Draw compositions.

    Parameters
    ----------
    table : DataFrame
        shape, colour, position, size; one picture per row.
    n_pixels : int
        Height and width.
    rng : numpy.random.Generator, optional
        Moves centres (uniform within ±jitter half widths) and scales sizes (within ±jitter); without it, none.
    jitter : float
    grey : bool
        One channel of luminance, the colour ignored.

    Returns
    -------
    pictures : array, shape (n, 3 or 1, n_pixels, n_pixels), float32
        0 … 1.

    Raises
    ------
    ValueError
        If a factor has an unknown value.
    """
    for column, known in (("shape", SHAPES), ("colour", COLOURS), ("position", POSITIONS), ("size", SIZES)):
        strange = sorted(set(table[column]) - set(known))
        if strange:
            raise ValueError(f"column '{column}' has {strange}; there are: {', '.join(known)}")
    n = len(table)
    noise = np.zeros((n, 3)) if rng is None else rng.uniform(-jitter, jitter, (n, 3))
    centre = SHIFT * np.array([POSITIONS[p] for p in table["position"]], float) + noise[:, :2]
    radius = np.array([SIZES[s] for s in table["size"]]) * (1 + noise[:, 2])
    at = (np.arange(n_pixels) + 0.5) * 2 / n_pixels - 1
    x = (at[None, None, :] - centre[:, 0, None, None]) / radius[:, None, None]
    y = (at[None, :, None] - centre[:, 1, None, None]) / radius[:, None, None]
    distance = np.empty((n, n_pixels, n_pixels))
    names = table["shape"].to_numpy()
    for shape in set(names):
        rows = names == shape
        distance[rows] = _DISTANCE[shape](x[rows], y[rows])
    # a soft edge of one pixel: the share of the pixel that is covered
    cover = np.clip(0.5 - distance * radius[:, None, None] * n_pixels / 2, 0, 1)
    if grey:
        return (GROUND + (1 - GROUND) * cover)[:, None].astype(np.float32)
    colour = np.array([COLOURS[c] for c in table["colour"]])
    pictures = GROUND + cover[:, None] * (colour[:, :, None, None] - GROUND)
    return pictures.astype(np.float32)


def draw_grey_shapes(n, *, n_pixels=28, rng):
    """`n` pictures of compositions drawn at random, jittered, in grey: (n, 1, n_pixels, n_pixels) float32 in 0 … 1."""
    table = compositions()
    rows = table.iloc[rng.integers(len(table), size=n)].reset_index(drop=True)
    return draw_shapes(rows, n_pixels=n_pixels, rng=rng, grey=True)


def _circle(x, y):
    return np.hypot(x, y) - 1.0


def _square(x, y):
    return np.maximum(np.abs(x), np.abs(y)) - 0.88


def _triangle(x, y):
    """Point up; the largest of the distances from its three sides."""
    slope = np.sqrt(0.75)
    return np.maximum(y - 0.75, np.maximum(slope * x - 0.5 * y - 0.5, -slope * x - 0.5 * y - 0.5))


def _cross(x, y):
    """A plus sign: two bars."""
    bar = np.maximum(np.abs(x) - 1.0, np.abs(y) - 0.34)
    return np.minimum(bar, np.maximum(np.abs(y) - 1.0, np.abs(x) - 0.34))


def _ring(x, y):
    return np.abs(np.hypot(x, y) - 0.78) - 0.22


_DISTANCE = {"circle": _circle, "square": _square, "triangle": _triangle, "cross": _cross, "ring": _ring}
