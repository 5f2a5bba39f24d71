"""The trial table: one row per trial, the meeting point of every observer (design: docs/trial_table.md).

The columns and their units, how tables are crossed, checked, read and reduced. Rows that ask two
questions about one showing share a `presentation`; rows with the same stimulus share a `condition`.
"""

import difflib
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from neuromm.stimuli.checks import check_trials
from neuromm.stimuli.columns import (
    COLUMNS,
    LETTER,
    MODALITIES,
    PEOPLE,
    PLACES,
    Column,
    factor_columns,
    stimulus_columns,
)
from neuromm.stimuli.delimited import Cells, read_delimited
from neuromm.stimuli.labels import words_as_labels

__all__ = ["COLUMNS", "Column", "check_trials", "cross", "distinct", "finish", "label_conditions", "present_in",
           "read_trials", "require", "showings", "write_trials"]  # fmt: skip


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


def read_trials(
    path,
    subject: str | None = None,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    where: str | None = None,
) -> pd.DataFrame:
    """Read a trial table from delimited text or Parquet and check it.

    An empty cell or `n/a` is missing, and nothing else is. Ids, conditions and labels are text, as typed.

    Parameters
    ----------
    path : path
        CSV, TSV or any other table of text; `.parquet` needs the extra `io`.
    subject : str, optional
        Column that tells people apart, in a table where each of them counts their own trials; all rows are then
        numbered in their order. By default `observer`, `participant` or `subject`.
    separator, decimal, encoding, where : str, optional
        As in `neuromm.stimuli.read_delimited`: by default they are found.

    Raises
    ------
    ValueError
        Naming the file, the row (the header is row 1), the column, what came and what is needed.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        return check_trials(_numbered(_read_parquet(path), subject, path.name), source=path.name)
    cells = read_delimited(path, separator=separator, decimal=decimal, encoding=encoding, where=where)
    return as_trials(cells, subject)


def as_trials(cells: Cells, subject: str | None = None) -> pd.DataFrame:
    """A checked trial table of the cells of a file; see `read_trials`."""
    table = replace(cells, text=words_as_labels(cells.text)).typed()
    rows = list(table.index)
    table = _numbered(table.reset_index(drop=True), subject, cells.source)
    return check_trials(table, source=cells.source, rows=rows)


def _read_parquet(path):
    if not path.is_file():
        raise FileNotFoundError(f"no trial table at {path}")
    try:
        import pyarrow  # noqa: F401 - pandas looks for it; a missing one is named
    except ImportError:
        raise ImportError("reading .parquet needs pyarrow: pip install 'neuromm[io]'") from None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path.name} is not a whole Parquet file: {error}") from None


def _numbered(table, subject, source):
    """The column `trial` as the index, unless each person counts their own."""
    if subject is not None and subject not in table:
        columns = ", ".join(map(str, table.columns))
        raise ValueError(f"{source} has no column '{subject}' that says whose trial each row is; it has: {columns}")
    if "trial" not in table:
        return table
    person = subject or next((name for name in PEOPLE if name in table), None)
    repeated = table.duplicated("trial").any()
    if person is not None and repeated and not table.duplicated([person, "trial"]).any():
        return table.drop(columns="trial")
    return table.set_index("trial")


def write_trials(trials, path) -> None:
    """Write a table as CSV (TSV or Parquet by suffix) with `trial` as first column and `n/a` for what is missing."""
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        trials.reset_index().to_parquet(path, index=False)
        return
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    trials.to_csv(path, sep=separator, na_rep="n/a", index=trials.index.name is not None)


def present_in(trials, modality, place="azimuth"):
    """Whether each row shows the modality: a bool array; an absent modality is a NaN place or no column."""
    column = f"{modality}_{place}"
    return trials[column].notna().to_numpy() if column in trials else np.zeros(len(trials), bool)


def label_conditions(trials) -> pd.Series:
    """One readable label per row from the stimulus factors that vary, such as `A-10 V+5 rV0.0625`."""
    factors = factor_columns(trials)
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
    shown = [name for name in stimulus_columns(trials) if name != "attended"]
    shown += [name for name in ("condition", "noise_seed") if name in trials]
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
