"""The answers that a row offers: the column `alternatives`, read in this one place.

"-10|-5|0|5|10" are places or counts (the nearest one is chosen), "left|right" asks for a side, "ba|da|ga"
are words; an empty cell leaves the answer open.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

SIDES = "left|right"  # a place or heading, judged right of straight ahead (1) or left of it (0)


def words_of(text: object) -> tuple[str, ...]:
    """The words of one cell, trimmed; none for an empty cell."""
    if text is None or (isinstance(text, float) and np.isnan(text)) or text is pd.NA:
        return ()
    trimmed = str(text).strip()
    if not trimmed:
        return ()
    return tuple(word.strip() for word in trimmed.split("|"))


@dataclass(frozen=True)
class Offer:
    """One set of answers, and the rows that offer it."""

    words: tuple[str, ...]  # in the order of the cell; () is an open question
    rows: np.ndarray  # of bool, shape (n_trials,)

    @property
    def text(self) -> str:
        """The words as a cell of the table holds them."""
        return "|".join(self.words)

    @property
    def is_sides(self) -> bool:
        """Whether it asks for left or right."""
        return self.text == SIDES

    def numbers(self) -> np.ndarray | None:
        """The answers as numbers in ascending order (sides are -1 and 1), or None if they are words."""
        if self.is_sides:
            return np.array([-1.0, 1.0])
        try:
            return np.sort([float(word) for word in self.words])
        except ValueError:
            return None


def offers(trials: pd.DataFrame, rows: np.ndarray | None = None) -> list[Offer]:
    """Each set of answers that is offered, in the order of its text; rows outside of `rows` are left out.

    Parameters
    ----------
    trials : DataFrame
    rows : array of bool, shape (n_trials,), optional

    Returns
    -------
    list of Offer
        Their `rows` do not overlap, and together are `rows`; an open question comes first.
    """
    among = np.ones(len(trials), bool) if rows is None else np.asarray(rows, bool)
    if "alternatives" not in trials:
        return [Offer((), among)] if among.any() else []
    codes, cells = pd.factorize(trials["alternatives"], use_na_sentinel=False)
    texts = np.array(["|".join(words_of(cell)) for cell in cells], dtype=object)[codes]
    found = []
    for text in sorted(set(texts[among])):
        found.append(Offer(words_of(text), among & (texts == text)))
    return found


def asks_side(trials: pd.DataFrame) -> np.ndarray:
    """Which rows ask for left or right, shape (n_trials,)."""
    sides = np.zeros(len(trials), bool)
    for offer in offers(trials):
        if offer.is_sides:
            sides |= offer.rows
    return sides


def number_offers(trials: pd.DataFrame, who: str, rows: np.ndarray | None = None) -> list[tuple]:
    """(numbers in ascending order, Offer) of each set of numbers that is offered.

    Raises
    ------
    ValueError
        If a set holds words that are no numbers.
    """
    found = []
    for offer in offers(trials, rows):
        if not offer.words:
            continue
        numbers = offer.numbers()
        if numbers is None:
            raise ValueError(
                f"{who}: alternatives '{offer.text}' must be numbers, such as -10|-5|0|5|10, or {SIDES}"
            )
        found.append((numbers, offer))
    return found


def offer_if_empty(trials: pd.DataFrame, text: str) -> pd.DataFrame:
    """The table with `text` as the offer of every row that offers nothing."""
    cells = pd.Series(text, trials.index, dtype=object)
    for offer in offers(trials):
        if offer.words:
            cells[offer.rows] = offer.text
    return trials.assign(alternatives=cells)


def offer_counts(trials: pd.DataFrame, largest: int, rows: np.ndarray) -> pd.DataFrame:
    """The table with 1|2|…|largest where the cell of one of `rows` is empty, and no offer in other rows."""
    counts = "|".join(str(number) for number in range(1, largest + 1))
    filled = offer_if_empty(trials, counts)
    return filled.assign(alternatives=filled["alternatives"].where(rows))
