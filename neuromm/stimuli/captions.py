"""Captions of the shapes: one sentence says all four factors, and is read back without loss."""

import re

import numpy as np

from neuromm.stimuli.shapes import COLOURS, POSITIONS, SHAPES, SIZES

WORDS = tuple(sorted({"a", "at", "the", *SHAPES, *COLOURS, *SIZES, *" ".join(POSITIONS).split()}))


def caption(table, rng=None) -> list[str]:
    """One caption per row, such as "a large red circle at the top left".

    Parameters
    ----------
    table : DataFrame
        shape, colour, position, size.
    rng : numpy.random.Generator, optional
        Leaves out size, position or both in a part of the captions (a quarter each), as people do.
    """
    part = np.zeros((len(table), 2), bool) if rng is None else rng.random((len(table), 2)) < (0.25, 0.25)
    rows = zip(table["shape"], table["colour"], table["position"], table["size"], part, strict=True)
    return [
        f"a {'' if no_size else size + ' '}{colour} {shape}" + ("" if no_place else f" at the {position}")
        for shape, colour, position, size, (no_size, no_place) in rows
    ]


def read_caption(text) -> dict:
    """The factors that a caption names: shape, colour, position, size; those it leaves out are absent."""
    words = re.findall(r"[a-z]+", text.lower())
    found = {
        name: word
        for name, known in (("shape", SHAPES), ("colour", COLOURS), ("size", SIZES))
        for word in words
        if word in known
    }
    position = [p for p in POSITIONS if p in " ".join(words)]
    return found | ({"position": position[0]} if position else {})
