"""Which answers a question allows: a likelihood of any other answer is refused, never that of the nearest one."""

import numpy as np
import pandas as pd

from neuromm.maths.parameters import BadData

YES_NO = (
    "common",
    "synchronous",
    "ownership",
    "visual_first",
)  # reports that are answered with 1 (yes) or 0 (no)
SIDES = "left|right"  # 1 is right, 0 is left
TEXT = object()  # choices that are words: the observer checks their codes


def choices_of(report: str, alternatives: str) -> tuple | object | None:
    """Numbers that answer a question, in ascending order; None where any finite number can; TEXT where words are asked.

    Parameters
    ----------
    report : str
    alternatives : str
        As in the trial table; empty where the answer is continuous.
    """
    if report in YES_NO or alternatives == SIDES:
        return (0.0, 1.0)
    if report == "syllable":
        return TEXT
    if not alternatives:
        return None
    try:
        return tuple(sorted(float(key) for key in alternatives.split("|")))
    except ValueError:
        return TEXT


def check_answers(cells: pd.DataFrame, observer) -> None:
    """Refuse a response that its row does not offer.

    Parameters
    ----------
    cells : DataFrame
        Rows with `report` and a `response` (none missing).
    observer : observer with `answer_choices` and `name`

    Raises
    ------
    BadData
        If a response is none of the choices of its row; the trial, the value and the choices are named.
    """
    text = pd.Series("", cells.index, dtype=object)
    if "alternatives" in cells:
        text = cells["alternatives"].fillna("").astype(str).str.strip()
    response = pd.to_numeric(cells["response"], errors="coerce").to_numpy(float)
    question = pd.Series(list(zip(cells["report"], text, strict=True)), dtype=object)
    for (report, alternatives), rows in question.groupby(question, sort=False).indices.items():
        offered = observer.answer_choices(report, alternatives)
        if offered is TEXT:
            continue
        wrong = ~np.isfinite(response[rows])
        if offered is not None:
            wrong |= ~np.isin(response[rows], offered)
        if wrong.any():
            row = rows[np.flatnonzero(wrong)[0]]
            wanted = "a finite number" if offered is None else _listed(offered)
            raise BadData(
                f"{observer.name}: column 'response' must be {wanted} where the report is '{report}', "
                f"got {_shown(cells['response'].iloc[row])} (trial {cells.index[row]})"
            )


def _shown(value):
    """A value as a message writes it: numbers short, text in quotes."""
    return f"{value:g}" if isinstance(value, int | float | np.number) else repr(value)


def _listed(offered):
    """Choices as words: 0 or 1; one of -10, -5, 0."""
    numbers = [f"{choice:g}" for choice in offered]
    return " or ".join(numbers) if len(numbers) < 3 else f"one of {', '.join(numbers)}"
