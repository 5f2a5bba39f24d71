"""Single-trial tables of any lab in our columns: a table with a column map, PsychoPy's wide CSV, BIDS events."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from neuromm.maths.angles import wrapped
from neuromm.stimuli.checks import check_trials
from neuromm.stimuli.columns import PEOPLE
from neuromm.stimuli.delimited import Cells, read_delimited
from neuromm.stimuli.labels import words_as_labels
from neuromm.stimuli.table import label_conditions, require

ADDED = {
    *PEOPLE,
    "response",
    "response_label",
    "reaction_time",
    "kind",
}  # columns that say nothing of the stimulus
OTHER_DATA = (
    "derivatives",
    "sourcedata",
    "code",
)  # folders of a BIDS data set that hold other data sets, or none


def read_columns(
    path,
    columns: dict,
    *,
    values: dict | None = None,
    constants: dict | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    where: str | None = None,
) -> pd.DataFrame:
    """Read any table of trials by a map of columns.

    Parameters
    ----------
    path : path
        Delimited text.
    columns : dict of our name → their name or (their name, factor)
        `{"observer": "sid", "visual_onset": ("t_light", 1000)}`: a factor converts units.
    values : dict of our name → dict of their value → ours, optional
        `{"report": {2: "vestibular", 3: "common"}}`. A text is compared as typed, a number by its value; None
        makes a value missing. A value that is not listed is refused.
    constants : dict of our name → value, optional
    separator, decimal, encoding : str, optional
        As in `neuromm.stimuli.read_delimited`: by default they are found.
    where : str, optional
        A pandas query on *their* columns: which rows to keep.

    Returns
    -------
    DataFrame
        Checked trials with `condition`; `kind` = "human" where there are responses.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is not there, a column is missing, or a value is of the wrong kind or not listed; file, row
        and column are named.
    """
    raw = read_delimited(path, separator=separator, decimal=decimal, encoding=encoding, where=where)
    return mapped(raw, columns, values, constants)


def mapped(
    raw: Cells, columns: dict, values: dict | None = None, constants: dict | None = None
) -> pd.DataFrame:
    """A checked table of people from the cells of a file and a map of columns; see `read_columns`."""
    theirs = {
        ours: source if isinstance(source, str) else source[0] for ours, source in columns.items()
    }
    factors = {
        ours: 1 if isinstance(source, str) else source[1] for ours, source in columns.items()
    }
    require(raw.text, theirs.values(), raw.source)
    text = pd.DataFrame(
        {ours: raw.text[name] for ours, name in theirs.items()}, index=raw.text.index
    )
    text = _labelled(text, values or {}, constants or {})
    if "response_label" in text and "response_label" not in theirs:
        theirs["response_label"] = theirs["response"]
    cells = Cells(text, raw.source, raw.decimal)
    table = {}
    for ours in text.columns:
        if values and ours in values:
            table[ours] = _translated(cells, ours, values[ours], theirs[ours])
        elif factors.get(ours, 1) != 1:
            table[ours] = cells.numbers(ours, called=theirs[ours]) * factors[ours]
        else:
            table[ours] = cells.typed_column(ours, called=theirs[ours])
    made = pd.DataFrame(table, index=text.index)
    rows = list(made.index)
    return finished(made.reset_index(drop=True), raw.source, constants, rows=rows, names=theirs)


def _labelled(text, values, constants):
    """The cells with syllables that were answered as `response_label`; a column with `values` stays as it is."""
    if "response" in values:
        return text
    report = None
    if "report" in constants:
        report = pd.Series(constants["report"], text.index)
    elif "report" in values and "report" in text:
        report = text["report"].map(lambda cell: values["report"].get(cell, values["report"].get(_number(cell))))
    return words_as_labels(text, report)


def _translated(cells, ours, mapping, theirs):
    """Their values by a dict: a text as typed, a number by its value; what is not listed is refused."""
    column = cells.text[ours]
    texts = {key: value for key, value in mapping.items() if isinstance(key, str)}
    numbers = {float(key): value for key, value in mapping.items() if not isinstance(key, str)}
    made = []
    for row, cell in column.items():
        if pd.isna(cell):
            made.append(np.nan)
        elif cell in texts:
            made.append(texts[cell])
        elif _number(cell) in numbers:
            made.append(numbers[_number(cell)])
        else:
            allowed = ", ".join(str(key) for key in mapping)
            raise ValueError(
                f"{cells.source}, row {row}, column '{theirs}': {cell!r} must be one of {allowed} "
                f"(values={{'{ours}': {{…}}}}; None makes a value missing)"
            )
    return pd.Series(made, column.index).infer_objects()


def _number(cell):
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def finished(
    table: pd.DataFrame,
    source: str,
    constants: dict | None = None,
    rows: list[int] | None = None,
    names: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Constants, disparity, conditions and checks for a table of people."""
    for name, value in (constants or {}).items():
        table[name] = value
    table = check_trials(
        table, source=source, rows=rows, names=names
    )  # before anything is computed from it
    if {"response", "response_label"} & set(table) and "kind" not in table:
        table["kind"] = "human"
    if "disparity" not in table:
        pair = [
            f"{m}_{p}"
            for p in ("azimuth", "heading")
            for m in ("auditory", "vestibular", "visual")
            if f"{m}_{p}" in table
        ]
        if len(pair) == 2:  # other − visual, always
            table["disparity"] = wrapped(table[pair[0]] - table[pair[1]])  # directions: the shorter way
    if "condition" not in table:
        table["condition"] = label_conditions(table)
    return table.reset_index()


def read_psychopy(
    path,
    columns: dict,
    *,
    values: dict | None = None,
    constants: dict | None = None,
    keep: Literal["first", "last"] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    where: str | None = None,
) -> pd.DataFrame:
    """Read PsychoPy's wide CSV: rows without a trial (instructions, breaks) are left out.

    Parameters
    ----------
    path : path
    columns : dict
        As in `read_columns`; a response such as `key_resp.keys` and its `key_resp.rt` (s; give factor 1000).
        A row is a trial if all mapped stimulus columns that PsychoPy filled in anywhere else are not all empty.
    values, constants : dict, optional
        As in `read_columns`.
    keep : "first" or "last", optional
        Which of the keys (and times) stored in one cell, as "['left', 'right']"; by default a cell with several is
        refused. `None`, `''` and `[]` in a column of keys or times are an answer missed.
    separator, decimal, encoding, where : str, optional
        As in `read_columns`; `where="`trials.thisN`.notna()"` leaves out practice.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_columns`.
    """
    if keep not in (None, "first", "last"):
        raise ValueError(f"keep must be 'first' or 'last', got {keep!r}")
    raw = read_delimited(path, separator=separator, decimal=decimal, encoding=encoding, where=where)
    theirs = {
        ours: source if isinstance(source, str) else source[0] for ours, source in columns.items()
    }
    require(raw.text, theirs.values(), raw.source)
    stimuli = [name for ours, name in theirs.items() if ours not in ADDED]
    text = raw.text[raw.text[stimuli].notna().any(axis=1)].copy() if stimuli else raw.text.copy()
    for name in theirs.values():
        if name.endswith((".keys", ".rt")):
            text[name] = [
                _one_key(cell, row, name, raw.source, keep) for row, cell in text[name].items()
            ]
    if not set(PEOPLE) & set(columns) and "participant" in text:
        columns = {**columns, "observer": "participant"}
    return mapped(Cells(text, raw.source, raw.decimal), columns, values, constants)


def _one_key(cell, row, column, source, keep):
    """The key or time of a cell that may hold a list of them, or quotes."""
    if pd.isna(cell) or cell == "None":
        return np.nan
    if cell[0] not in "['\"":
        return cell
    try:
        listed = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return cell
    listed = list(listed) if isinstance(listed, list | tuple) else [listed]
    if len(listed) > 1 and keep is None:
        raise ValueError(
            f"{source}, row {row}, column '{column}': {cell} holds {len(listed)} answers; "
            "one is needed: keep='first' or keep='last'"
        )
    if not listed:
        return np.nan
    chosen = listed[0 if keep == "first" else -1]
    return np.nan if chosen in (None, "") else str(chosen)


def read_bids_events(
    path,
    columns: dict | None = None,
    *,
    values: dict | None = None,
    constants: dict | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    where: str | None = None,
) -> pd.DataFrame:
    """Read a BIDS `*_events.tsv`; the subject is taken from the file's name, `response_time` (s) becomes ms.

    Parameters
    ----------
    path : path
        One file, or a data set: every `*_events.tsv` below it, but for those in `derivatives`, `sourcedata` and
        `code`, which are other data sets.
    columns : dict, optional
        As in `read_columns`; by default columns that already have our names are kept.
    values, constants, decimal, encoding, where
        As in `read_columns`.
    """
    path = Path(path)
    files = sorted(path.rglob("*_events.tsv")) if path.is_dir() else [path]
    if path.is_dir():
        files = [file for file in files if not _is_other_data(file.relative_to(path))]
    if not files:
        raise FileNotFoundError(f"no *_events.tsv below {path}")
    parts = []
    for file in files:
        raw = read_delimited(file, separator="\t", decimal=decimal, encoding=encoding, where=where)
        part = mapped(raw, _events_columns(raw) if columns is None else columns, values, constants)
        if not set(PEOPLE) & set(part):
            part["observer"] = _bids_subject(file)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.assign(trial=range(len(table)))


def _events_columns(raw):
    """The columns of an events file that have our names, and the time of the answer."""
    ignored = ("onset", "duration", "response_time", "sample")
    given: dict[str, Any] = {name: name for name in raw.text.columns if name not in ignored}
    if "response_time" in raw.text:
        given["reaction_time"] = ("response_time", 1000)
    return given


def _is_other_data(relative):
    """Whether a file belongs to another data set: below derivatives, sourcedata, code or a hidden folder."""
    folders = relative.parts[:-1]
    return any(folder in OTHER_DATA or folder.startswith(".") for folder in folders)


def _bids_subject(file: Path) -> str:
    """The label after `sub-` in a file's name, as typed."""
    labels = [part.removeprefix("sub-") for part in file.name.split("_") if part.startswith("sub-")]
    return labels[0] if labels else file.stem
