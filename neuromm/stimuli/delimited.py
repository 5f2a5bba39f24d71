"""The one reader of delimited text: encoding, separator and decimal sign found or told, every cell kept as typed.

What is missing is an empty cell or `n/a`, and nothing else: "NA", "None" and "null" are text.
Numbers are made from cells only where the column holds numbers, so that "007" stays a name.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from neuromm.stimuli.columns import COLUMNS, PEOPLE

MISSING = ("", "n/a")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
COMMA_NUMBER = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
LEADING_ZERO = re.compile(r"[+-]?0[0-9].*")
SEPARATORS = (",", ";", "\t", "|")
# Names under which labs keep ids; such a column is text whatever is in it.
ID_NAMES = re.compile(r"(.*_)?(id|ids|sid|pid|subj|sub|ppt|vp|person|name|label)", re.IGNORECASE)
SIGNATURES = {  # first bytes of files that are no text
    b"PK\x03\x04": "a spreadsheet or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"\x89HDF": "an HDF5 file",
}


@dataclass(frozen=True)
class Cells:
    """A table as it was typed: text in every cell, NaN where it is missing."""

    text: pd.DataFrame  # indexed by the row of the file; the header is row 1
    source: str  # the file's name, for errors
    decimal: str | None = None  # sign of decimals; None finds "," or "." in the columns of numbers

    def numbers(self, name: str, *, called: str = "") -> pd.Series:
        """One column as numbers.

        Raises
        ------
        ValueError
            If a cell is none, naming file, row, column and what came.
        """
        column = self.text[name]
        decimal = self.decimal or _decimal_of(column)
        found = _to_numbers(column, decimal)
        wrong = found.isna() & column.notna()
        if wrong.any():
            row = wrong.idxmax()
            raise ValueError(
                f"{self.source}, row {row}, column '{called or name}': {column[row]!r} is not a number; "
                f"a number or an empty cell is needed{_hint(column[row])}"
            )
        return found

    def booleans(self, name: str) -> pd.Series:
        """One column of True and False (or 1 and 0) as nullable booleans."""
        column = self.text[name]
        known = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
        wrong = column.notna() & ~column.astype(str).str.lower().isin(known)
        if wrong.any():
            row = wrong.idxmax()
            raise ValueError(
                f"{self.source}, row {row}, column '{name}': {column[row]!r} must be True or False, or empty"
            )
        values = [None if pd.isna(cell) else known[str(cell).lower()] for cell in column]
        return pd.Series(pd.array(values, "boolean"), column.index, name=name)

    def typed(self, *, declared: bool = True) -> pd.DataFrame:
        """The table with numbers where they belong.

        A known column has its kind, unless `declared` is False: a table of results is no trial table. Any
        other column becomes numbers if every cell is one, unless a cell begins with a zero ("007") or the
        column's name is that of an id.
        """
        table = {name: self.typed_column(name, declared=declared) for name in self.text.columns}
        return pd.DataFrame(table, index=self.text.index)

    def typed_column(self, name: str, *, called: str = "", declared: bool = True) -> pd.Series:
        """One column of `typed`; `called` is its name in errors."""
        column = self.text[name]
        kind = COLUMNS[name].kind if declared and name in COLUMNS else "any"
        if kind in ("number", "integer"):
            return _exact(self.numbers(name, called=called), column, kind)
        if kind == "boolean":
            return self.booleans(name)
        if kind == "text" or ID_NAMES.fullmatch(str(name)) or str(name).lower() in PEOPLE:
            return column
        found = _to_numbers(column, self.decimal or _decimal_of(column))
        plain = not column.dropna().astype(str).str.fullmatch(LEADING_ZERO).any()
        whole = found.notna().sum() == column.notna().sum() > 0
        if whole and plain:
            return _exact(found, column, "integer")
        return _as_logical(column)


def _as_logical(column):
    """A column of True and False is one of booleans; any other stays text."""
    if column.notna().all() and column.isin(["True", "False"]).all() and len(column):
        return column == "True"
    return column


def _exact(numbers, column, kind):
    """Whole numbers as integers, read from the text so that no digit is lost."""
    if kind != "integer" or not len(column) or column.isna().any():
        return numbers
    if not column.str.fullmatch(r"[+-]?[0-9]{1,19}").all():
        return numbers
    whole = [int(cell) for cell in column]
    fits = max(map(abs, whole)) < 2**63
    return pd.Series(whole, column.index, dtype="int64", name=column.name) if fits else numbers


def _to_numbers(column, decimal):
    """Each cell as a float, NaN where it is missing or no number; to the last bit, as Python reads it."""
    values = np.full(len(column), np.nan)
    for i, cell in enumerate(column):
        if not isinstance(cell, str):
            continue
        text = cell.replace(",", ".", 1) if decimal == "," and "." not in cell else cell
        if NUMBER.fullmatch(text):
            values[i] = float(text)
    return pd.Series(values, column.index, name=column.name)


def _decimal_of(column):
    """ "," if some cells are numbers with a comma and none has a point, else "."."""
    filled = column.dropna()
    commas = filled.str.fullmatch(COMMA_NUMBER).any()
    points = filled.str.contains(".", regex=False).any()
    return "," if commas and not points else "."


def _hint(cell):
    if COMMA_NUMBER.fullmatch(cell):
        return "; for decimal commas give decimal=','"
    if cell.startswith("["):
        return "; one answer per row is needed: datasets.read_psychopy takes keep='first' or 'last'"
    if cell.lower() in ("na", "nan", "none", "null"):
        return ' (missing is an empty cell or n/a; in R: write.csv(…, na = ""))'
    return "; read words as 'response_label', or map them: datasets.read_columns(…, values={'response': {…}})"


def read_delimited(
    path,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    where: str | None = None,
    trim: bool = True,
) -> Cells:
    r"""Read a table of text with one header row, every cell as it was typed.

    Parameters
    ----------
    path : path
    separator : str, optional
        Between cells: "," ";" "\t" "|" or " " (any blanks); by default the one that splits every row alike.
    decimal : "." or ",", optional
        Sign of decimals; by default "," in a column whose numbers have commas and no points, unless commas
        separate the cells.
    encoding : str, optional
        By default UTF-8, with or without its mark, or UTF-16 with its mark.
    where : str, optional
        A pandas query on the columns of the file: which rows to keep, such as "`trials.thisN`.notna()".
    trim : bool
        Whether blanks around a cell are left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        Naming the file, and the row where it has one: no text, another encoding, no header, a column name
        twice, a row with more or fewer cells than the header, `where` that does not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no trial table at {path}")
    text = decoded(path.read_bytes(), path.name, encoding)
    return parse_delimited(
        text, path.name, separator=separator, decimal=decimal, where=where, trim=trim
    )


def decoded(data: bytes, source: str, encoding: str | None = None) -> str:
    """The text of a file's bytes.

    Raises
    ------
    ValueError
        If they are no text in that encoding; the file and the row are named.
    """
    for signature, what in SIGNATURES.items():
        if data.startswith(signature):
            raise ValueError(f"{source} is {what}, not a table of text; save it as CSV (UTF-8)")
    if encoding is None:
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        encoding = "utf-16" if utf16 else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except LookupError:
        raise ValueError(f"encoding must be one that Python knows, got {encoding!r}") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{source}, row {line}: byte 0x{data[error.start]:02x} is not {encoding.removesuffix('-sig').upper()}; "
            "save it as UTF-8, or name its encoding: encoding='latin-1'"
        ) from None
    if "\0" in text:
        raise ValueError(
            f"{source} holds zero bytes, as UTF-16 without its mark does; save it as UTF-8"
        )
    return text.removeprefix("\ufeff")


def parse_delimited(
    text: str,
    source: str,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    where: str | None = None,
    trim: bool = True,
) -> Cells:
    """`read_delimited` of a text that is already there."""
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal must be '.' or ',', got {decimal!r}")
    if separator is not None and (len(separator) != 1 or separator in "\"'\r\n"):
        raise ValueError(f"separator must be one character between cells, got {separator!r}")
    separator = separator or find_separator(text, source)
    if separator == "," and decimal is None:
        decimal = "."
    records = list(_records(text, separator, source))
    if not records:
        raise ValueError(f"{source} is not a table with one header row: it is empty")
    (_, header), *rows = records
    header = [name.strip() for name in header]
    while (
        len(header) > 1
        and not header[-1]
        and all(len(row) < len(header) or not row[-1] for _, row in rows)
    ):
        header.pop()
    _check_header(header, source)
    cells = [_fitted(row, number, len(header), source) for number, row in rows]
    cells = [[_cell(cell, trim) for cell in row] for row in cells]
    made = pd.DataFrame(cells, columns=header, index=[number for number, _ in rows], dtype=object)
    if header[0] == "":
        made = made.iloc[:, 1:]  # names of rows, as R and pandas write them, are no data
    table = Cells(made, source, decimal)
    return table if where is None else keep_rows(table, where)


def find_separator(text: str, source: str) -> str:
    """The separator that splits the header and every row into equally many cells, most cells first.

    Raises
    ------
    ValueError
        If the header could be split, but no separator splits every row alike.
    """
    head = next((line for line in text.splitlines() if line.strip()), "")
    candidates = [s for s in SEPARATORS if s in head] or (
        [" "] if re.search(r"\S\s+\S", head) else []
    )
    best, most = None, 1
    for candidate in candidates:
        try:
            rows = [row for _, row in _records(text, candidate, source)]
        except ValueError:
            continue
        width = len(rows[0]) if rows else 0
        fits = all(len(row) == width or not any(row[width:]) and len(row) >= width for row in rows)
        if fits and width > most:
            best, most = candidate, width
    if best is not None:
        return best
    blanks = [line for line in text.splitlines() if re.search(r"\S\s+\S", line)]
    if candidates == [" "] and len(blanks) < 2:
        return ","  # one column whose name has a blank in it
    return max(
        candidates, key=head.count, default=","
    )  # the row that does not fit is named when it is read


def _records(text, separator, source):
    """(row of the file, cells) of every record but blank lines; a row of empty cells is a row."""
    stream = io.StringIO(text, newline="")
    options = {"delimiter": separator, "strict": True, "skipinitialspace": separator == " "}
    reader = csv.reader(stream, **options)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"{source}, row {number}: not a table with one header row ({error})"
            ) from None
        if separator == " ":
            row = row[: len(row) - 1] if row and not row[-1] else row
        if len(row) > 1 or (row and row[0].strip()):
            yield number, row


def _check_header(header, source):
    for name in header:
        if header.count(name) > 1 and name:
            raise ValueError(f"{source} has the column '{name}' twice; keep one")
    if "" in header[1:] or header == [""]:
        where = header.index("", 1) if "" in header[1:] else 0
        raise ValueError(f"{source}: column {where + 1} has no name; name every column")


def _fitted(row, number, width, source):
    """The cells of a row, as many as the header has names."""
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        return row[:width]
    if len(row) > width:
        raise ValueError(
            f"{source}, row {number}: the rows have more cells than the header has names; name every column "
            "(in R: write.csv(…, row.names = FALSE)), or name the separator: separator=';'"
        )
    if len(row) < width:
        raise ValueError(
            f"{source}, row {number}: {len(row)} cells for {width} columns; fill the row (n/a is missing)"
        )
    return row


def _cell(cell, trim):
    cell = cell.strip() if trim else cell
    return np.nan if cell in MISSING else cell


def keep_rows(table: Cells, where: str) -> Cells:
    """Only the rows of a table for which a pandas query is true.

    Raises
    ------
    ValueError
        If the query cannot be used; the columns are listed.
    """
    try:
        kept = table.typed().query(where, engine="python").index
    except Exception as error:  # noqa: BLE001 - whatever a wrong expression raises
        columns = ", ".join(map(str, table.text.columns))
        raise ValueError(
            f"{table.source}: where={where!r} cannot be used ({error}); columns: {columns}"
        ) from None
    return replace(table, text=table.text.loc[kept])


def text_of(values: pd.Series) -> pd.Series:
    """A column as text, trimmed; NaN where it is missing. A whole number has no point: 7.0 is "7".

    The dtype is object, so that a table with and without missing cells has one kind of column.
    """
    if pd.api.types.infer_dtype(values, skipna=True) == "string":  # each word once: tables repeat theirs
        codes, words = pd.factorize(values)
        cells = np.array([*map(_text_or_missing, words), np.nan], object)[codes]
    else:
        cells = [_text_or_missing(value) for value in values]
    return pd.Series(cells, values.index, dtype=object, name=values.name)


def _text_or_missing(value):
    return np.nan if _is_missing(value) else plain_text(value)


def plain_text(value) -> str:
    """The text of one value: 7 and 7.0 are "7", text is trimmed."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _is_missing(value):
    if isinstance(value, str):
        return value.strip() in MISSING
    return value is None or value is pd.NA or value != value
