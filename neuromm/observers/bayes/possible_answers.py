"""Which answers a question allows: a likelihood of any other answer is refused, never that of the nearest one."""

import numpy as np
import pandas as pd

from neuromm.maths.parameters import BadData
from neuromm.observers.choices import YES_NO
from neuromm.stimuli.alternatives import Offer, offers

TEXT = object()  # answers that are words: the observer checks their codes


def answers_to(report: str, offer: Offer) -> tuple[float, ...] | object | None:
    """Numbers that answer a question, ascending; None where any finite number can; TEXT where words do."""
    if report in YES_NO or offer.is_sides:
        return (0.0, 1.0)
    if report == "syllable":
        return TEXT
    if not offer.words:
        return None
    numbers = offer.numbers()
    return TEXT if numbers is None else tuple(numbers)


def check_answers(cells: pd.DataFrame, observer) -> None:
    """Refuse a response that its row does not offer.

    Parameters
    ----------
    cells : DataFrame
        Rows with `report` and a `response` (none missing).
    observer : observer with `with_alternatives` and `name`

    Raises
    ------
    BadData
        If a response is none of the answers of its row; the trial, the value and the answers are named.
    """
    response = pd.to_numeric(cells["response"], errors="coerce").to_numpy(float)
    reports = cells["report"].to_numpy(object)
    for offer in offers(observer.with_alternatives(cells)):
        for report in pd.unique(reports[offer.rows]):
            allowed = answers_to(report, offer)
            if allowed is TEXT:
                continue
            fits = np.isfinite(response) if allowed is None else np.isin(response, allowed)
            wrong = offer.rows & (reports == report) & ~fits
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                wanted = "a finite number" if allowed is None else _listed(allowed)
                raise BadData(
                    f"{observer.name}: column 'response' must be {wanted} where the report is "
                    f"'{report}', got {_shown(cells['response'].iloc[row])} (trial {cells.index[row]})"
                )


def _shown(value):
    """A value as a message writes it: numbers short, text in quotes."""
    return f"{value:g}" if isinstance(value, int | float | np.number) else repr(value)


def _listed(allowed):
    """Answers as words: 0 or 1; one of -10, -5, 0."""
    numbers = [f"{answer:g}" for answer in allowed]
    return " or ".join(numbers) if len(numbers) < 3 else f"one of {', '.join(numbers)}"
