"""What measures of behaviour ask of a table: rows that belong to a cell, answers of the allowed set."""

import warnings

import numpy as np
import pandas as pd

from neuromm.stimuli.alternatives import Offer, offers
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.columns import PEOPLE

YES_NO = {  # what a report's answers 1 and 0 mean
    "common": ("one cause", "two causes"),
    "synchronous": ("synchronous", "not synchronous"),
    "visual_first": ("light first", "sound first"),
    "auditory_motion": ("right", "left"),
}
SIDES = ("right", "left")


def need(trials, columns) -> pd.DataFrame:
    """The trials with their people as text in `observer`; refuse what is no table or lacks a column.

    People stand in `observer`, `participant` or `subject`, the first that is there.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(trials, pd.DataFrame):
        raise TypeError(
            f"trials must be a pandas DataFrame, got {type(trials).__name__}; try session.trials"
        )
    trials = name_people(trials)
    missing = [c for c in columns if c not in trials]
    if missing:
        raise ValueError(
            f"the table has no column {missing}; it has: {', '.join(map(str, trials.columns))}. "
            "Measures take session.trials: stimuli joined with responses."
        )
    return trials


def as_list(by) -> list:
    """One column name, or several, as a list."""
    return [by] if isinstance(by, str) else list(by)


def keep_kind(table, trials) -> pd.DataFrame:
    """Carry `kind` (human or model) over from the trials, where it is given per observer."""
    if "kind" not in trials:
        return table.reset_index(drop=True)
    kinds = trials.groupby("observer")["kind"].first()
    return table.assign(kind=table["observer"].map(kinds)).reset_index(drop=True)


def grouped_rows(table, keys, who) -> pd.DataFrame:
    """The rows that have a value in every column of `keys`; one warning counts the others by column.

    A row without a person or condition belongs to no cell: it is left out of every one.

    Parameters
    ----------
    table : DataFrame
    keys : sequence of str
        Columns that tell cells apart.
    who : str
        The measure, for the warning.
    """
    keys = [key for key in dict.fromkeys(keys) if key in table]
    missing = table[keys].isna()
    for key in keys:
        n = int(missing[key].sum())
        if n:
            warnings.warn(
                f"{who}: {n} rows have no '{key}' and are left out", UserWarning, stacklevel=3
            )
    kept = table[~missing.any(axis=1)]
    if len(table) and not len(kept):
        raise ValueError(
            f"{who}: no row has a value in every one of the columns {keys}; fill them in"
        )
    return kept


def warn_pooled(trials, who) -> None:
    """Warn where the answers of several people become one curve."""
    named = [name for name in PEOPLE if name in trials]
    n = trials[named[0]].nunique() if named else 1
    if n > 1:
        warnings.warn(
            f"{who}: the answers of {n} people make one curve; by='{named[0]}' gives each their own",
            UserWarning,
            stacklevel=4,
        )


def numeric(values, name="response") -> pd.Series:
    """The column as floats; what is no number is refused by its row.

    Raises
    ------
    ValueError
        If a value is text or infinite, naming row and column.
    """
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    text = numbers.isna() & values.notna()
    if text.any():
        _refuse(values, text, name, "a number or empty")
    if np.isinf(numbers).any():
        _refuse(values, np.isinf(numbers), name, "a finite number")
    return numbers


def yes_no(values, name="response", meaning=("yes", "no")) -> pd.Series:
    """The column as 1.0, 0.0 or NaN (missed); any other code is refused by its row.

    Raises
    ------
    ValueError
        If a value is not 1, 0 or missing, naming row and column.
    """
    numbers = numeric(values, name)
    wrong = numbers.notna() & ~numbers.isin([0.0, 1.0])
    if wrong.any():
        _refuse(values, wrong, name, f"1 ({meaning[0]}) or 0 ({meaning[1]})")
    return numbers


def checked_answers(asked, column="response") -> pd.DataFrame:
    """A copy whose answers are floats, refused where a code is outside of what its row allows.

    Yes–no reports and `left|right` allow 1 and 0; numbers in `alternatives` allow themselves; else any finite number.

    Parameters
    ----------
    asked : DataFrame
        Rows with `report` and `column`; `alternatives` where keys were offered.

    Raises
    ------
    ValueError
        If an answer is no number or outside of the allowed set, naming row and column.
    """
    answers = numeric(asked[column], column)
    for report, meaning in YES_NO.items():
        yes_no(asked.loc[asked["report"] == report, column], column, meaning)
    if "alternatives" in asked:
        place = ~asked["report"].isin(list(YES_NO))
        for offer in offers(asked, place.to_numpy()):
            _check_keys(asked.loc[offer.rows, column], answers[offer.rows], offer, column)
    return asked.assign(**{column: answers})


def _check_keys(values: pd.Series, answers: pd.Series, offer: Offer, column: str) -> None:
    """Refuse answers that are none of the numbers on offer; words other than left and right have codes."""
    if offer.is_sides:
        yes_no(values, column, SIDES)
        return
    numbers = offer.numbers() if offer.words else None
    if numbers is None:
        return
    wrong = answers.notna() & ~np.isclose(answers.to_numpy()[:, None], numbers).any(axis=1)
    if wrong.any():
        _refuse(values, wrong, column, f"one of the row's alternatives {offer.text}")


def _refuse(values, wrong, name, wanted):
    row, value = values.index[wrong][0], values[wrong].iloc[0]
    given = repr(value) if isinstance(value, str) else f"{value:g}"
    raise ValueError(f"row {row}, column '{name}': must be {wanted}, got {given}; recode it")
