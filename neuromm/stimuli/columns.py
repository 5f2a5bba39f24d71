"""Every column that an observer, a renderer or a measure reads: its kind, unit, meaning and allowed values.

`docs/trial_table.md` holds the same list for readers. A user's own columns are free, unless their
name is a close misspelling of one of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

MODALITIES = ("auditory", "visual", "tactile", "haptic", "proprioceptive", "vestibular")
LETTER = dict(zip(MODALITIES, "AVTHPB", strict=True))
PLACES = ("azimuth", "heading", "height")  # `visual_azimuth`, `haptic_height`
PEOPLE = (
    "observer",
    "participant",
    "subject",
)  # whose answer it is; the first of them that is there
Kind = Literal["number", "integer", "boolean", "text", "any"]


@dataclass(frozen=True)
class Column:
    """What a known column holds."""

    kind: Kind  # "any": numbers or text, as they come
    unit: str
    meaning: str
    low: float = -np.inf  # least value allowed
    open_low: bool = False  # the least value itself is refused
    high: float = np.inf  # greatest value allowed
    values: tuple[str, ...] = ()  # the only texts allowed, where there is a list
    about: Literal["stimulus", "answer", "trial"] = "stimulus"
    in_label: bool = True  # of a stimulus: rows that differ in it differ in their condition


def _bookkeeping() -> dict[str, Column]:
    """Which trial, when, of which kind: nothing of the stimulus."""
    columns = {
        "trial": Column("any", "", "name of the row; the index of the table"),
        "condition": Column("text", "", "rows with the same stimulus factors"),
        "presentation": Column(
            "integer", "", "rows with the same number ask about one presentation"
        ),
        "noise_seed": Column("integer", "", "seed of the physical noise"),
        "fold": Column("any", "", "noise fold, for cross-validated dissimilarities"),
        "block": Column("any", "", "which block of trials"),
        "phase": Column(
            "any", "", "exposure or test; or the fraction of the experiment that is over"
        ),
        "exposures": Column("integer", "count", "exposures before this test", low=0),
        "context": Column("text", "", "kind of block"),
        "trial_type": Column("text", "", "congruent, incongruent, mcgurk, …"),
        "stimulus": Column("text", "", "name of the stimulus (a recording, a talker)"),
        "level": Column("any", "", "intensity of the stimulus, by rank or name"),
    }
    return {name: replace(column, about="trial") for name, column in columns.items()}


def _answers() -> dict[str, Column]:
    """What is asked, of whom, and what is answered."""
    columns = {
        "report": Column("text", "", "what is asked"),
        "alternatives": Column("text", "", "keys offered, as -10|-5|0|5|10; empty = continuous"),
        "observer": Column("text", "", "whose answer it is"),
        "participant": Column("text", "", "whose answer it is, in a table without `observer`"),
        "subject": Column("text", "", "whose answer it is, in a table without both"),
        "kind": Column("text", "", "who answered, human or model; or the kind of a stimulus"),
        "response": Column("number", "as the report", "deg, count, or 1 for right, common, yes"),
        "response_label": Column("text", "", "the answer in words"),
        "judged_common": Column("boolean", "", "whether one cause was perceived"),
        "reaction_time": Column("number", "ms", "from the first onset to the answer"),
        "fused": Column("number", "", "1 if the label is the fusion of the pair", low=0, high=1),
    }
    return {name: replace(column, about="answer") for name, column in columns.items()}


def _stimuli() -> dict[str, Column]:
    """What is shown."""
    fraction = Column("number", "fraction", "", low=0, open_low=True)
    columns = {
        "attended": Column("text", "", "where attention is", values=MODALITIES),
        "congruence": Column("number", "fraction", "semantic congruence of the pair", low=0),
        "n_beeps": Column("integer", "count", "beeps", low=0),
        "n_flashes": Column("integer", "count", "flashes", low=0),
        "n_taps": Column("integer", "count", "taps", low=0),
        "beep_soa": Column("number", "ms", "between beeps", low=0),
        "flash_soa": Column("number", "ms", "between flashes", low=0),
        "pictured": Column("text", "", "what is drawn: circle, square, …; empty = nothing"),
        "printed": Column("text", "", "the word on the drawing; empty = none"),
        "picture_contrast": replace(fraction, meaning="of the drawing"),
        "word_contrast": replace(fraction, meaning="of the letters"),
        "disparity": Column("number", "deg", "auditory − visual"),
        "soa": Column("number", "ms", "sound later is positive"),
        "coherence": Column("number", "fraction", "of the visual motion; with a sign, right is +"),
        "eye_position": Column("number", "deg", "where the eyes look, right +; empty = ahead"),
        "visual_spread": Column(
            "number", "deg", "SD that the dots of a cloud are drawn from", low=0
        ),
        "visual_sample_spread": Column("number", "deg", "SD of the dots that were drawn", low=0),
        "auditory_frequency": Column("number", "Hz", "of the tone", low=0, open_low=True),
        "auditory_snr": Column("number", "dB", "of speech in noise"),
        "auditory_velocity": Column("number", "deg/s", "of a moving sound, right +"),
        "visual_velocity": Column("number", "deg/s", "of a moving light, right +"),
        "syllable_disparity": Column("number", "a.u.", "how far the two syllables are apart"),
        "talker": Column("integer", "", "who speaks, 0 … 15", low=0),
        "direction": Column("number", "deg", "middle of the two headings, right +"),
    }
    for name in ("shape", "colour", "position", "size"):
        columns[name] = Column("any", "", f"{name} of a drawn shape")
    # what follows from other columns, is noise, or belongs to tables of drawings makes no condition
    silent = (
        "disparity",
        "direction",
        "visual_sample_spread",
        "shape",
        "colour",
        "position",
        "size",
    )
    return columns | {name: replace(columns[name], in_label=False) for name in silent}


def _of_modality(modality) -> dict[str, Column]:
    """The columns that every modality has: `visual_azimuth`, `visual_onset`, …"""
    columns = {}
    for place in PLACES:
        unit = "mm" if place == "height" else "deg"
        meaning = f"where the {modality} event is; NaN = absent"
        columns[f"{modality}_{place}"] = Column("number", unit, meaning)
    reliability = Column("number", "relative precision", "1 = clearest; variance is σ²/reliability")
    own = {
        "onset": Column("number", "ms", "when it starts"),
        "duration": Column("number", "ms", "how long it lasts", low=0),
        "syllable": Column("text", "", "ba, da, ga, …"),
        "level": Column("text", "", "reliability level where only its name is known"),
        "reliability": replace(reliability, low=0, open_low=True),
        "measurement": Column(
            "number", "as the place", "shared noise: the noisy sample itself", in_label=False
        ),
    }
    return columns | {f"{modality}_{name}": column for name, column in own.items()}


def _columns() -> dict[str, Column]:
    columns = _bookkeeping() | _answers() | _stimuli()
    for modality in MODALITIES:
        columns |= _of_modality(modality)
    return columns


COLUMNS = _columns()


def stimulus_columns(trials) -> list[str]:
    """The known columns of a table that say what was shown, noise included."""
    return [
        name for name in trials.columns if name in COLUMNS and COLUMNS[name].about == "stimulus"
    ]


def factor_columns(trials) -> list[str]:
    """The columns of a table that make a condition: of the stimulus, and no noise."""
    return [name for name in stimulus_columns(trials) if COLUMNS[name].in_label]


# Words that differ by a letter from a column's name and mean something else.
OWN_WORDS = {"content", "contest", "observed", "observes"}


def near_column(name, names=None) -> str | None:
    """The known column that a name is a close misspelling of, or None.

    Close is: the same letters in other case, order of words or punctuation; one letter changed, lost,
    added or swapped in a name of at least six; two in a name of at least fourteen.

    Examples
    --------
    >>> near_column("eye_postion"), near_column("VisualAzimuth"), near_column("mood")
    ('eye_position', 'visual_azimuth', None)
    """
    if name in COLUMNS or name in OWN_WORDS:
        return None
    letters, words = _letters(name), sorted(_words(name))
    for known in COLUMNS if names is None else names:
        if letters == _letters(known) or words == sorted(_words(known)):
            return known
    for known in COLUMNS if names is None else names:
        allowed = int(len(known) >= 6) + int(len(known) >= 14)
        if 0 < n_edits(letters, _letters(known), allowed) <= allowed:
            return known
    return None


def _words(name):
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _letters(name):
    return "".join(_words(name))


def n_edits(a: str, b: str, most: int) -> int:
    """Changes, losses, additions and swaps of neighbours between two words; more than `most` is `most` + 1."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before, last = [], list(range(len(b) + 1))
    for i in range(1, len(a) + 1):
        row = [i]
        for j in range(1, len(b) + 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return min(last[-1], most + 1)
