"""What a trial table must be, checked once where it enters: kinds, ranges, allowed codes, names of columns, people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from neuromm.stimuli.alternatives import words_of
from neuromm.stimuli.columns import COLUMNS, MODALITIES, PEOPLE, PLACES, Column, near_column
from neuromm.stimuli.delimited import text_of
from neuromm.stimuli.labels import words_as_labels

# Questions answered by 1 (yes, right) or 0.
YES_NO = ("common", "synchronous", "visual_first", "ownership", "auditory_motion")
COUNTS = ("n_flashes", "n_beeps", "n_taps")
# Other names of the column that tells people apart; not taken by themselves, but never overlooked.
LIKE_PEOPLE = ("sub", "subj", "sid", "pid", "ppt", "ppn", "vp", "person", "people", "id", "who")


def check_trials(
    trials,
    source: str = "trials",
    rows: Sequence[int] | None = None,
    names: dict[str, str] | None = None,
) -> pd.DataFrame:
    """A checked copy: known columns have their kinds, ids and labels are text, the index is a unique `trial`.

    Text is kept as typed, without the blanks around it; an empty text or `n/a` is missing, "NA" is text.

    Parameters
    ----------
    trials : DataFrame
        One row per trial. Columns that are not known are kept as they are.
    source : str
        What to call the table in an error (a file's name).
    rows : sequence of int, optional
        Row of the file that each trial is from, for errors; by default trials are named by the index.
    names : dict of column → name in the file, optional
        For errors.

    Raises
    ------
    TypeError
        If `trials` is not a DataFrame.
    ValueError
        If it is empty, a value is of the wrong kind, out of range or outside the allowed codes, an index
        repeats, or a column looks like a misspelling of a known one that is missing.
    """
    if not isinstance(trials, pd.DataFrame):
        raise TypeError(
            f"{source} must be a pandas DataFrame with one row per trial, got a {type(trials).__name__}"
        )
    if len(trials) == 0:
        raise ValueError(f"{source} is empty: it has no rows; one row per trial is needed")
    repeated = trials.columns[trials.columns.duplicated()]
    if len(repeated):
        raise ValueError(f"{source} has the column '{repeated[0]}' twice; keep one")
    if not trials.index.is_unique:
        twice = trials.index[trials.index.duplicated()][0]
        fix = (
            "use reset_index(drop=True)"
            if rows is None
            else "number the rows, or leave the column out"
        )
        raise ValueError(f"{source}: trial {twice} appears twice in the index; {fix}")
    _refuse_misspelt(trials, source)
    trials = words_as_labels(trials)
    place = _Place(source, trials.index, rows, names or {})
    checked = trials.copy()
    checked.index.name = "trial"
    for name in checked.columns.intersection(list(COLUMNS)):
        checked[name] = check_column(checked[name], COLUMNS[name], place)
    for modality in MODALITIES:
        measurement, places = f"{modality}_measurement", [f"{modality}_{p}" for p in PLACES]
        if measurement in checked and not any(p in checked for p in places):
            raise ValueError(
                f"{source} has '{measurement}' but none of {places}: where was the event shown?"
            )
        _refuse_unknown_reliability(checked, modality, place)
    check_codes(checked, place)
    return checked


class _Place:
    """Where a cell is, in words: file, row or trial, and column."""

    def __init__(self, source, index, rows=None, names=None):
        self.source, self.index, self.rows, self.names = source, index, rows, names or {}

    def __call__(self, i, column):
        row = f"trial {self.index[i]}" if self.rows is None else f"row {self.rows[i]}"
        return f"{self.source}, {row}, column '{self.names.get(column, column)}'"


def check_column(values: pd.Series, column: Column, place: Callable) -> pd.Series:
    """One column in its kind; a value that does not fit is named by file, row and column."""
    if column.kind == "any":
        return values
    if column.kind == "text":
        return _check_text(values, column, place)
    if column.kind == "boolean":
        return _check_boolean(values, place)
    return _check_number(values, column, place)


def _check_text(values, column, place):
    text = text_of(values)
    wrong = np.flatnonzero(text.notna() & ~text.isin(column.values)) if column.values else []
    if len(wrong):
        allowed = ", ".join(column.values)
        raise ValueError(
            f"{place(wrong[0], values.name)}: must be one of {allowed}, got {text.iloc[wrong[0]]!r}"
        )
    if values.name == "response_label":
        lists = np.flatnonzero(text.str.fullmatch(r"\[.*\]", na=False))
        if len(lists):
            raise ValueError(
                f"{place(lists[0], values.name)}: {text.iloc[lists[0]]} is a list; one answer per row is needed"
            )
    return text


def _check_boolean(values, place):
    known = values.isna() | values.isin([True, False, "True", "False"])
    if not known.all():
        wrong = np.flatnonzero(~known)[0]
        raise ValueError(
            f"{place(wrong, values.name)}: must be True, False or empty, got {values.iloc[wrong]!r}"
        )
    cells = [None if pd.isna(v) else v in (True, "True") for v in values]
    return pd.Series(pd.array(cells, "boolean"), values.index, name=values.name)


def _check_number(values, column, place):
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    missing = values.isna() | values.map(lambda v: isinstance(v, str) and v.strip() in ("", "n/a"))
    unit = f" ({column.unit})" if column.unit else ""
    wrong = np.flatnonzero(numbers.isna() & ~missing)
    if len(wrong):
        raise ValueError(
            f"{place(wrong[0], values.name)}: {values.iloc[wrong[0]]!r} is not a number; "
            f"{_a(column.kind)}{unit} or an empty cell is needed"
        )
    below = numbers <= column.low if column.open_low else numbers < column.low
    least = f"{'more than' if column.open_low else 'at least'} {column.low:g}"
    tests = [(np.isinf(numbers), "a finite number"), (below, least)]
    tests.append((numbers > column.high, f"at most {column.high:g}"))
    if column.kind == "integer":
        tests.append((numbers % 1 != 0, "a whole number"))
    for test, needed in tests:
        wrong = np.flatnonzero(test & numbers.notna())
        if len(wrong):
            raise ValueError(
                f"{place(wrong[0], values.name)}: must be {needed}{unit}, got {values.iloc[wrong[0]]}"
            )
    if column.kind == "integer" and numbers.notna().all():
        return (
            values.astype("int64")
            if pd.api.types.is_integer_dtype(values)
            else numbers.astype("int64")
        )
    return numbers


def _a(kind):
    return "an integer" if kind == "integer" else f"a {kind}"


def check_codes(trials: pd.DataFrame, place: Callable | None = None) -> None:
    """Refuse an answer outside the choices of its row.

    Yes–no questions are answered by 1 or 0, counts by whole numbers of at least 0, and a row with keys in
    `alternatives` by one of them (`left|right`: 0 or 1).

    Raises
    ------
    ValueError
        Naming the row, the column, what came and the choices.
    """
    if "response" not in trials or "report" not in trials:
        return
    place = place or _Place("trials", trials.index)
    response = pd.to_numeric(trials["response"], errors="coerce")
    report = trials["report"]
    yes_no = report.isin(YES_NO) & ~response.isin([0, 1])
    _refuse_answer(
        trials,
        response,
        yes_no,
        "0 (no) or 1 (yes); map the codes: values={'response': {…}}",
        place,
    )
    count = report.isin(COUNTS) & ((response < 0) | (response % 1 != 0))
    _refuse_answer(trials, response, count, "a count: a whole number of at least 0", place)
    if "alternatives" not in trials:
        return
    for text in trials["alternatives"].dropna().unique():
        keys = keys_of(text)
        if keys is None:
            continue
        rows = (trials["alternatives"] == text) & ~report.isin(YES_NO) & ~response.isin(keys)
        _refuse_answer(trials, response, rows, f"one of its alternatives {text}", place)


def _refuse_answer(trials, response, rows, needed, place):
    wrong = np.flatnonzero(rows & response.notna())
    if len(wrong):
        asked, value = trials["report"].iloc[wrong[0]], response.iloc[wrong[0]]
        raise ValueError(
            f"{place(wrong[0], 'response')}: the answer to '{asked}' must be {needed}, got {value:g}"
        )


def keys_of(alternatives: str) -> list[float] | None:
    """The numbers that `alternatives` offers, or None where the answers are words."""
    text = str(alternatives).strip()
    if text in ("left|right", "different|same"):
        return [0.0, 1.0]
    words = words_of(text)
    try:
        return [float(word) for word in words] or None
    except ValueError:
        return None


def _refuse_unknown_reliability(trials, modality, place):
    """A modality that is shown has a reliability, if the table has that column at all."""
    column = f"{modality}_reliability"
    if column not in trials or f"{modality}_level" in trials:
        return
    places = [f"{modality}_{p}" for p in PLACES if f"{modality}_{p}" in trials]
    shown = trials[places].notna().any(axis=1).to_numpy()
    wrong = np.flatnonzero(shown & trials[column].isna().to_numpy())
    if len(wrong):
        raise ValueError(
            f"{place(wrong[0], column)}: empty, though the row shows the modality; "
            "a number (relative precision, 1 = clearest) is needed"
        )


def _refuse_misspelt(trials, source):
    for name in trials.columns:
        near = near_column(name) if isinstance(name, str) else None
        if near and near not in trials.columns:
            raise ValueError(
                f"{source} has a column '{name}'; did you mean '{near}'? Rename it (or name it unlike)."
            )


def name_people(
    trials: pd.DataFrame, *, by: str = "observer", needed: bool = False
) -> pd.DataFrame:
    """The same trials with the column `by` as text: who answered.

    A table of people may call it `observer`, `participant` or `subject`; the first of them that is there is used.

    Parameters
    ----------
    trials : DataFrame
    by : str
        Column that tells people apart; "observer" is taken from the others where it is missing.
    needed : bool
        Whether a table without any of them is refused; otherwise it is returned as it is.

    Raises
    ------
    ValueError
        If `by` is another column and missing, two columns name people differently, or only a column of a
        similar name is there.
    """
    found = by
    if by not in trials:
        found = _people_column(trials, by, needed)
        if found is None:
            return trials
    names = text_of(trials[found])
    if found == by and trials[by].dtype == object and trials[by].equals(names):
        return trials
    return trials.assign(**{by: names})


def _people_column(trials, by, needed):
    """The column that stands for a missing `observer`, or None where the table names nobody."""
    has = ", ".join(map(str, trials.columns))
    if by != "observer":
        raise ValueError(f"trials has no column '{by}' that tells people apart; it has: {has}")
    others = [name for name in PEOPLE if name in trials]
    if len(others) == 2:
        pairs = trials[others].drop_duplicates()
        if len(pairs) > max(pairs[others[0]].nunique(), pairs[others[1]].nunique()):
            raise ValueError(
                f"trials has the columns {others}, which name people differently; name one 'observer'"
            )
    if others:
        return others[0]
    like = [
        name
        for name in map(str, trials.columns)
        if near_column(name, PEOPLE) or _is_like_people(name)
    ]
    if like:
        raise ValueError(
            f"trials has no column 'observer', but '{like[0]}'; rename it 'observer' if it names people"
        )
    if needed:
        raise ValueError(
            "trials has no column 'observer' (or 'participant', 'subject'), which says who answered; "
            f"it has: {has}"
        )
    return None


def _is_like_people(name):
    plain = name.lower().replace("_", "").replace("-", "").replace(" ", "").replace(".", "")
    return (
        plain in LIKE_PEOPLE
        or plain.endswith("id")
        and plain.removesuffix("id") in (*PEOPLE, *LIKE_PEOPLE)
    )
