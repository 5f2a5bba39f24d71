"""A drawing with a word printed on it: do they agree, and which of the two is answered?"""

from __future__ import annotations

import pandas as pd

from neuromm.stimuli.printed import NEUTRAL, WORDS
from neuromm.stimuli.shapes import SHAPES
from neuromm.stimuli.table import cross, finish

KINDS = ("congruent", "neutral", "conflict")
NEEDS = {"pictured": ["pictured"], "printed": ["printed"], "common": ["pictured", "printed"]}


def image_text_conflict(
    n_repeats: int = 2,
    *,
    shapes=SHAPES,
    kinds=KINDS,
    picture_contrast=(0.05, 0.1, 0.2),
    word_contrast=(0.05, 0.1, 0.2, 0.4),
    alone: bool = True,
    reports=("pictured",),
    seed: int = 1,
):
    """Every drawing with the word that names it, with a word that names none, and with every other shape's name.

    The picture–word design (Stroop 1935; Rosinski, Golinkoff & Kukish 1975; typographic attacks on image–text networks:
    Goh et al. 2021), with the contrast of either part as its reliability.

    Parameters
    ----------
    n_repeats : int
        Showings of each pair at each pair of contrasts; conflicts have as many words as there are other shapes.
    shapes : sequence of str
    kinds : sequence of "congruent", "neutral", "conflict"
    picture_contrast, word_contrast : sequence of float
        0 … 1, of the drawing and of the letters.
    alone : bool
        Whether each drawing and each name is also shown alone, at each of its contrasts.
    reports : sequence of "pictured", "printed", "common"
        What is drawn, what is written, whether the two name one thing; asked of showings that allow it.
    seed : int
        Seed of colour, place and pixel noise.

    Returns
    -------
    trials : DataFrame
        One row per question; rows of one showing share `presentation`; `kind` says what the pair is, also "picture" and
        "word" alone.

    Raises
    ------
    ValueError
        If a shape, kind or report is unknown, or a contrast is not above 0 and at most 1.
    """
    for name, given, known in (("shapes", shapes, SHAPES), ("kinds", kinds, KINDS), ("reports", reports, NEEDS)):
        strange = [value for value in given if value not in known]
        if strange:
            raise ValueError(f"{name} has {strange[0]!r}; there are: {', '.join(known)}")
    for name, given in (("picture_contrast", picture_contrast), ("word_contrast", word_contrast)):
        wrong = [c for c in given if not 0 < c <= 1]
        if wrong:
            raise ValueError(f"{name} holds {wrong[0]:g}; above 0 and at most 1 is wanted")
    pairs = pd.DataFrame([(p, w, _kind(p, w)) for p in shapes for w in WORDS if w in shapes or w in NEUTRAL],
                         columns=["pictured", "printed", "kind"])  # fmt: skip
    contrasts = cross(picture_contrast=list(picture_contrast), word_contrast=list(word_contrast))
    shown = [pairs[pairs["kind"].isin(kinds)].merge(contrasts, how="cross")]
    if alone:
        shown += [cross(pictured=list(shapes), kind="picture", picture_contrast=list(picture_contrast)),
                  cross(printed=list(shapes), kind="word", word_contrast=list(word_contrast))]  # fmt: skip
    shown = pd.concat(shown, ignore_index=True)
    base = finish(shown.assign(report="pictured"), seed=seed, n_repeats=n_repeats)
    asked = [base.assign(report=report)[base[NEEDS[report]].notna().all(axis=1)] for report in reports]
    trials = pd.concat(asked).sort_values("presentation", kind="stable").reset_index(drop=True)
    trials.index.name = "trial"
    names = pd.Series("|".join(shapes), trials.index, dtype=object)
    return trials.assign(alternatives=names.where(trials["report"] != "common"))


def _kind(picture, word):
    return "congruent" if picture == word else "neutral" if word in NEUTRAL else "conflict"
