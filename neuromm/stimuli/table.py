"""The trial table: one row per trial, the meeting point of every observer (design: docs/trial_table.md).

The columns and their units, how tables are crossed, checked, read and reduced. Rows that ask two
questions about one showing share a `presentation`; rows with the same stimulus share a `condition`.
"""

import difflib
import re
import warnings
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

MODALITIES = ("auditory", "visual", "tactile", "haptic", "proprioceptive", "vestibular")
LETTER = {"auditory": "A", "visual": "V", "tactile": "T", "haptic": "H", "proprioceptive": "P", "vestibular": "B"}
PLACES = ("azimuth", "heading", "height")  # what a modality can tell of: `visual_azimuth`, `haptic_height`


@dataclass(frozen=True)
class Column:
    """What a known column holds."""

    kind: str  # number | integer | text
    unit: str
    meaning: str
    low: float = -np.inf  # least value allowed
    open_low: bool = False  # the least value itself is refused


def _columns():
    columns = {
        "condition": Column("text", "", "rows with the same stimulus factors"),
        "presentation": Column("integer", "", "rows with the same number ask about one showing"),
        "report": Column("text", "", "what is asked"),
        "alternatives": Column("text", "", "keys offered, as -10|-5|0|5|10; empty = continuous"),
        "noise_seed": Column("integer", "", "seed of the physical noise"),
        "attended": Column("text", "", "where attention is"),
        "congruence": Column("number", "fraction", "semantic congruence of the pair", low=0),
        "n_beeps": Column("integer", "count", "beeps", low=0),
        "n_flashes": Column("integer", "count", "flashes", low=0),
        "n_taps": Column("integer", "count", "taps", low=0),
        "pictured": Column("text", "", "what is drawn: circle, square, …; empty = nothing"),
        "printed": Column("text", "", "the word on the drawing; empty = none"),
        "picture_contrast": Column("number", "fraction", "of the drawing", low=0, open_low=True),
        "word_contrast": Column("number", "fraction", "of the letters", low=0, open_low=True),
        "beep_soa": Column("number", "ms", "between beeps", low=0),
        "flash_soa": Column("number", "ms", "between flashes", low=0),
        "disparity": Column("number", "deg", "auditory − visual"),
        "soa": Column("number", "ms", "sound later is positive"),
    }
    for modality in MODALITIES:
        for place in PLACES:
            unit = "mm" if place == "height" else "deg"
            columns[f"{modality}_{place}"] = Column("number", unit, f"where the {modality} event is; NaN = absent")
        columns[f"{modality}_onset"] = Column("number", "ms", "when it starts")
        columns[f"{modality}_duration"] = Column("number", "ms", "how long it lasts", low=0)
        columns[f"{modality}_syllable"] = Column("text", "", "ba, da, ga, …")
        columns[f"{modality}_level"] = Column("text", "", "reliability level where only its name is known")
        columns[f"{modality}_reliability"] = Column(
            "number", "relative precision", "1 = clearest; variance is σ²/reliability", low=0, open_low=True
        )
        columns[f"{modality}_measurement"] = Column("number", "as the place", "yoked noise: the noisy sample itself")
    return columns


COLUMNS = _columns()
# What does not make a new condition: bookkeeping, the question, the noise, and what a session adds.
NOT_FACTORS = {
    "condition",
    "presentation",
    "report",
    "alternatives",
    "noise_seed",
    "trial",
    "subject",
    "fold",
    "observer",
    "response",
    "response_label",
    "judged_common",
    "reaction_time",
}


def cross(**factors) -> pd.DataFrame:
    """Every combination of the factors' values, the last factor fastest.

    A scalar (or text) is a factor of one value.

    Examples
    --------
    >>> cross(auditory_azimuth=[-10, 10], visual_azimuth=[0, 5]).shape
    (4, 2)
    """
    levels = [[v] if np.isscalar(v) or v is None else list(v) for v in factors.values()]
    for name, values in zip(factors, levels, strict=True):
        if not values:
            raise ValueError(f"factor '{name}' has no values; give at least one")
    return pd.DataFrame(list(product(*levels)), columns=list(factors))


def require(trials, columns, who="this") -> None:
    """Raise a ValueError that names each missing column, the nearest one present, and where it comes from."""
    missing = [c for c in columns if c not in trials.columns]
    if not missing:
        return
    hints = []
    for column in missing:
        near = difflib.get_close_matches(column, map(str, trials.columns), n=1, cutoff=0.75)
        hints.append(f"'{column}'" + (f" (did you mean its column '{near[0]}'?)" if near else ""))
    raise ValueError(
        f"trials has no column {', '.join(hints)}, which {who} needs; it has: "
        f"{', '.join(map(str, trials.columns)) or 'none'}. Paradigms add it: see neuromm.paradigms."
    )


def check_trials(trials, source="trials", first_row=None) -> pd.DataFrame:
    """A checked copy: known columns have their kinds, the index is a unique `trial`.

    Parameters
    ----------
    trials : DataFrame
        One row per trial. Columns that are not known are kept as they are.
    source : str
        What to call the table in an error (a file's name).
    first_row : int, optional
        Number of the first row in an error, for a file; by default rows are named by their index.

    Raises
    ------
    TypeError
        If `trials` is not a DataFrame.
    ValueError
        If it is empty, a value is of the wrong kind or out of range, an index repeats, or a column
        looks like a misspelling of a known one that is missing.
    """
    if not isinstance(trials, pd.DataFrame):
        raise TypeError(f"{source} is a {type(trials).__name__}; a pandas DataFrame is wanted, one row per trial")
    if len(trials) == 0:
        raise ValueError(f"{source} is empty: it has no rows; one row per trial is wanted")
    repeated = trials.columns[trials.columns.duplicated()]
    if len(repeated):
        raise ValueError(f"{source} has the column '{repeated[0]}' twice; keep one")
    if not trials.index.is_unique:
        twice = trials.index[trials.index.duplicated()][0]
        mend = "use reset_index(drop=True)" if first_row is None else "number the rows, or leave the column out"
        raise ValueError(f"{source}: trial {twice} appears twice in the index; {mend}")
    _refuse_misspelt(trials, source)
    checked = trials.copy()
    checked.index.name = "trial"

    def row_name(i):
        return f"trial {trials.index[i]}" if first_row is None else f"row {first_row + i}"

    for name in checked.columns.intersection(list(COLUMNS)):
        checked[name] = _check_column(checked[name], name, COLUMNS[name], source, row_name)
    for modality in MODALITIES:
        measurement, places = f"{modality}_measurement", [f"{modality}_{p}" for p in PLACES]
        if measurement in checked and not any(p in checked for p in places):
            raise ValueError(f"{source} has '{measurement}' but none of {places}: where was the event shown?")
        _refuse_unknown_reliability(checked, modality, source, row_name)
    return checked


def _refuse_unknown_reliability(trials, modality, source, row_name):
    """A modality that is shown has a reliability, if the table has that column at all."""
    column = f"{modality}_reliability"
    if column not in trials or f"{modality}_level" in trials:
        return
    shown = np.any([present_in(trials, modality, place) for place in PLACES], axis=0)
    wrong = np.flatnonzero(shown & trials[column].isna().to_numpy())
    if len(wrong):
        raise ValueError(
            f"{source}, {row_name(wrong[0])}, column '{column}': empty, though the row shows the modality; "
            f"a number (relative precision, 1 = clearest) is wanted"
        )


def _refuse_misspelt(trials, source):
    for name in trials.columns:
        if name in COLUMNS or name in NOT_FACTORS or not isinstance(name, str):
            continue
        near = difflib.get_close_matches(name.lower(), COLUMNS, n=1, cutoff=0.9)
        if near and near[0] not in trials.columns:
            raise ValueError(
                f"{source} has a column '{name}'; did you mean '{near[0]}'? Rename it (or name it unlike)."
            )


def _check_column(values, name, column, source, row_name):
    if column.kind == "text":
        return values.where(values.notna(), np.nan).astype(object)
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = np.flatnonzero(numbers.isna() & values.notna())
    unit = f" ({column.unit})" if column.unit else ""
    if len(wrong):
        raise ValueError(
            f"{source}, {row_name(wrong[0])}, column '{name}': {values.iloc[wrong[0]]!r} is not a number; "
            f"a {column.kind}{unit} or an empty cell is wanted"
        )
    for test, wanted in (
        (np.isinf(numbers), "a finite number"),
        (
            (numbers <= column.low) if column.open_low else (numbers < column.low),
            f"{'more than' if column.open_low else 'at least'} {column.low:g}",
        ),
        (numbers % 1 != 0 if column.kind == "integer" else np.zeros(len(numbers), bool), "a whole number"),
    ):
        wrong = np.flatnonzero(test & numbers.notna())
        if len(wrong):
            raise ValueError(
                f"{source}, {row_name(wrong[0])}, column '{name}': {values.iloc[wrong[0]]} given; "
                f"{wanted}{unit} is wanted"
            )
    if column.kind == "integer" and numbers.notna().all():
        return values.astype("int64") if pd.api.types.is_integer_dtype(values) else numbers.astype("int64")
    return numbers


def read_rows(path, **options) -> pd.DataFrame:
    """`pandas.read_csv`, but a row with more cells than the header has names is refused.

    By default pandas takes the first cells for an index then, and every value moves to its neighbour's column. A
    separator at the end of every row is no cell.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Length of header", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, index_col=False, **options)
        except pd.errors.ParserWarning:
            raise ValueError(
                f"{Path(path).name}: the rows have more cells than the header has names; name every column (in R: "
                "write.csv(…, row.names = FALSE))"
            ) from None


def read_trials(path, subject=None) -> pd.DataFrame:
    """Read a trial table from CSV or TSV (BIDS: `n/a` is a missing value) and check it.

    Parameters
    ----------
    path : str or Path
    subject : str, optional
        Column that tells people apart, in a table where each of them counts their own trials; all rows are then
        numbered in their order.

    Raises
    ------
    ValueError
        Naming the file, the row (the header is row 1), the column, what came and what is wanted.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no trial table at {path}")
    separator = "\t" if path.suffix.lower() in {".tsv", ".txt"} else ","
    try:
        table = read_rows(path, sep=separator, na_values=["n/a"], float_precision="round_trip", encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not a table with one header row: {str(error).strip()}") from None
    if len(table.columns) == 1 and len(table) and re.search(r"[;\t,]", str(table.columns[0])):
        raise ValueError(f"{path.name}: one column only, '{table.columns[0]}'; .csv wants commas, .tsv wants tabs")
    if subject is not None and subject not in table:
        there = ", ".join(map(str, table.columns))
        raise ValueError(f"{path.name} has no column '{subject}' that says whose trial each row is; it has: {there}")
    if "trial" in table:
        again, both = table.duplicated("trial").any(), [subject, "trial"]
        own = subject is not None and again and not table.duplicated(both).any()
        table = table.drop(columns="trial") if own else table.set_index("trial")
    return check_trials(table, source=path.name, first_row=2)


def write_trials(trials, path) -> None:
    """Write a table as CSV (TSV by suffix) with `trial` as first column and `n/a` for what is missing."""
    path = Path(path)
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    trials.to_csv(path, sep=separator, na_rep="n/a", index=trials.index.name is not None)


def present_in(trials, modality, place="azimuth"):
    """Whether each row shows the modality: a bool array; an absent modality is a NaN place or no column."""
    column = f"{modality}_{place}"
    return trials[column].notna().to_numpy() if column in trials else np.zeros(len(trials), bool)


def label_conditions(trials) -> pd.Series:
    """One readable label per row from the stimulus factors that vary, such as `A-10 V+5 rV0.0625`."""
    factors = [c for c in trials.columns if c not in NOT_FACTORS and not c.endswith("_measurement") and c in COLUMNS]
    factors = [c for c in factors if c not in ("disparity",)]
    parts = []
    for name in factors:
        values = trials[name]
        place = name.split("_")[-1] in PLACES and name.split("_")[0] in LETTER
        if not place and values.nunique(dropna=False) < 2:
            continue
        short = _short(name)
        if COLUMNS[name].kind == "text":
            parts.append(values.map(lambda v, s=short: "" if pd.isna(v) else f"{s}={v}"))
        else:
            sign = "+" if place else ""
            parts.append(values.map(lambda v, s=short, f=sign: "" if pd.isna(v) else f"{s}{v:{f}.6g}"))
    if not parts:
        return pd.Series("all", index=trials.index, name="condition")
    label = parts[0].astype(str)
    for part in parts[1:]:
        label = label + " " + part.astype(str)
    return label.str.replace(r"\s+", " ", regex=True).str.strip().rename("condition")


def _short(name):
    head, _, tail = name.partition("_")
    if head in LETTER:
        return LETTER[head] if tail in PLACES else f"{tail[0]}{LETTER[head]}"
    return name


def finish(trials, *, seed, n_repeats=1, reports=("auditory",)) -> pd.DataFrame:
    """Turn stimulus rows into a trial table: repeats, seeds of physical noise, presentations, questions, conditions.

    Each row of `trials` is shown `n_repeats` times; every showing is asked each of `reports` that its
    modalities allow (a location of a modality that is there; `common` if two are there), as rows
    that share one `presentation` and one `noise_seed`. Text `report` already in `trials` is kept.
    """
    if int(n_repeats) < 1:
        raise ValueError(f"n_repeats is {n_repeats}; at least 1 is wanted")
    shown = trials.loc[trials.index.repeat(int(n_repeats))].reset_index(drop=True)
    shown["condition"] = label_conditions(shown)
    shown["presentation"] = np.arange(len(shown))
    shown["noise_seed"] = np.random.default_rng([int(seed), 0x5EED]).integers(2**53, size=len(shown))
    if "report" not in shown:
        there = {m: np.any([present_in(shown, m, p) for p in PLACES], axis=0) for m in MODALITIES}
        both = sum(there.values()) >= 2
        asked = [
            shown.assign(report=r)[there.get(r, both if r == "common" else np.ones(len(shown), bool))] for r in reports
        ]
        shown = pd.concat(asked).sort_values("presentation", kind="stable").reset_index(drop=True)
    shown.index.name = "trial"
    return check_trials(shown)


def showings(trials):
    """What was shown: the first row of each presentation, and which showing each row asks about.

    Returns
    -------
    first : array of int, shape (n_showings,)
        Position of each showing's first row, in order of appearance.
    of_row : array of int, shape (n_trials,)
        Showing of each row.

    Raises
    ------
    ValueError
        If two rows of one presentation differ in a stimulus column or in `noise_seed`.
    """
    if "presentation" not in trials or trials["presentation"].isna().all():
        everything = np.arange(len(trials))
        return everything, everything
    presentation = trials["presentation"].to_numpy()
    alone = -1.0 - np.arange(len(trials))  # a row without a number is its own showing
    key = np.where(pd.isna(presentation), alone, presentation)
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first, of_row = first[order], rank[of_row]
    shown = [
        c for c in trials.columns if c in COLUMNS and c not in {"report", "alternatives", "presentation", "attended"}
    ]
    for name in shown:
        values = trials[name].to_numpy()
        same = (values == values[first][of_row]) | (pd.isna(values) & pd.isna(values[first][of_row]))
        if not same.all():
            row = int(np.flatnonzero(~same)[0])
            raise ValueError(
                f"trials {trials.index[first[of_row[row]]]} and {trials.index[row]} share presentation "
                f"{presentation[row]:g} but differ in '{name}'; one showing has one stimulus"
            )
    return first, of_row


def distinct(trials, columns):
    """Positions of the distinct rows over `columns` (those that exist), and the distinct row of each row."""
    columns = [c for c in columns if c in trials]
    if not columns:
        return np.zeros(1, int), np.zeros(len(trials), int)
    codes = np.column_stack([pd.factorize(trials[c], use_na_sentinel=False)[0] for c in columns])
    _, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    return first, inverse.ravel()
