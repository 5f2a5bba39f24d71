"""Tables as delimited text that load as they were: every dtype, every text, every missing value.

The text can be read by any program; a small record beside it (`columns`) holds the dtypes. A text that would be
mistaken for another ("n/a", an empty one, one with line breaks) is written as a backslash and a JSON string.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd

from neuromm.stimuli.delimited import parse_delimited

ODD = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ufeff\ud800-\udfff]|^\s|\s$|^\\|^n/a$|^$")


def to_text(table: pd.DataFrame) -> tuple[str, dict]:
    """A table as CSV (missing is `n/a`), and the record of its columns that `from_text` needs.

    Raises
    ------
    ValueError
        If a column holds what no JSON can hold; it is named.
    """
    cells, columns = {}, {}
    for name in table.columns:
        columns[name] = describe_column(table[name])
        cells[name] = _cells(table[name], columns[name])
    made = pd.DataFrame(cells, index=table.index)
    return made.to_csv(index=False, na_rep="n/a", lineterminator="\n"), columns


def describe_column(values: pd.Series) -> dict[str, Any]:
    """What must be known of a column beside its text: dtype, kind of cells, what is missing."""
    dtype = str(values.dtype)
    if isinstance(values.dtype, pd.CategoricalDtype):
        categories = values.cat.categories.tolist()
        return {"dtype": "category", "categories": categories, "ordered": bool(values.cat.ordered)}
    if dtype != "object":
        return {"dtype": dtype}
    missing = {_kind_of_missing(value) for value in values if _is_missing(value)}
    text = all(isinstance(value, str) for value in values if not _is_missing(value))
    if text and len(missing) < 2 and missing <= {"None", "nan"}:
        return {"dtype": dtype, "missing": next(iter(missing), "nan")}
    return {"dtype": dtype, "cells": "json"}


def _is_missing(value):
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def _kind_of_missing(value):
    return "None" if value is None else ("NA" if value is pd.NA else "nan")


def _cells(values, about):
    """A column as what `to_csv` writes: numbers as they are, text that cannot be mistaken."""
    if about.get("cells") == "json":
        return [_json(value, values.name) for value in values]
    if about["dtype"] in ("object", "str", "string") or about["dtype"] == "category":
        return [np.nan if pd.isna(value) else escaped(str(value)) for value in values]
    if about["dtype"].startswith("datetime"):
        return [np.nan if pd.isna(value) else value.isoformat() for value in values]
    return values


def _json(value, name):
    value = value.item() if isinstance(value, np.generic) else value
    try:
        return "\\" + json.dumps({"NA": True} if value is pd.NA else value)
    except TypeError:
        kind = type(value).__name__
        raise ValueError(
            f"column '{name}' holds a {kind}; numbers, text and booleans can be saved"
        ) from None


def escaped(text: str) -> str:
    """A text that a reader cannot mistake for a missing cell, or cut."""
    return "\\" + json.dumps(text) if ODD.search(text) else text


def from_text(text: str, columns: dict, source: str) -> pd.DataFrame:
    """The table of `to_text`, equal to what was saved.

    Raises
    ------
    ValueError
        If text and record do not belong together; the file is named.
    """
    cells = parse_delimited(text, source, separator=",", trim=False).text
    if len(cells.columns) != len(columns):
        raise ValueError(
            f"{source} has {len(cells.columns)} columns; its record names {len(columns)}"
        )
    cells.columns = list(columns)
    table = {name: _restored(cells[name], about, source) for name, about in columns.items()}
    return pd.DataFrame(table).reset_index(drop=True)


def _restored(column, about, source):
    dtype = about["dtype"]
    try:
        if about.get("cells") == "json":
            values = [_from_json(cell) for cell in column]
            return pd.Series(values, column.index, dtype=object)
        if dtype == "category":
            return _category(column, about)
        if dtype in ("object", "str", "string"):
            missing = None if about.get("missing") == "None" else np.nan
            values = [missing if pd.isna(cell) else _plain(cell) for cell in column]
            return pd.Series(values, column.index, dtype=dtype)
        if dtype == "bool" or dtype == "boolean":
            values = [
                pd.NA if pd.isna(cell) else {"True": True, "False": False}[cell] for cell in column
            ]
            return pd.Series(values, column.index, dtype="boolean").astype(dtype)
        if dtype.lower().startswith(("int", "uint")):
            return pd.Series(
                [pd.NA if pd.isna(cell) else int(cell) for cell in column],
                column.index,
                dtype=dtype,
            )
        if dtype.startswith("datetime"):
            return pd.to_datetime(column).astype(dtype)
        values = np.array([np.nan if pd.isna(cell) else float(cell) for cell in column], float)
        return pd.Series(values, column.index).astype(dtype)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{source}, column '{column.name}': not what its record says ({error})"
        ) from None


def _plain(cell):
    return json.loads(cell[1:]) if cell.startswith("\\") else cell


def _from_json(cell):
    value = json.loads(cell[1:])
    return pd.NA if value == {"NA": True} else value


def _category(column, about):
    by_text = {str(value): value for value in about["categories"]}
    values = [np.nan if pd.isna(cell) else by_text[_plain(cell)] for cell in column]
    dtype = pd.CategoricalDtype(about["categories"], about["ordered"])
    return pd.Series(pd.Categorical(values, dtype=dtype), column.index)
