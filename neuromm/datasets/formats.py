"""Single-trial tables of any lab in our columns: a CSV with a column map, PsychoPy's wide CSV, BIDS events."""

from pathlib import Path

import pandas as pd

from neuromm.stimuli.table import check_trials, label_conditions, read_rows, require

ADDED = {"observer", "response", "reaction_time", "kind"}


def read_columns(path, columns, *, values=None, constants=None, separator=None, where=None) -> pd.DataFrame:
    """Read any table of trials by a map of columns.

    Parameters
    ----------
    path : path
        CSV or TSV (by suffix, or `separator`).
    columns : dict of our name → their name or (their name, factor)
        `{"observer": "sid", "visual_onset": ("t_light", 1000)}`: a factor converts units.
    values : dict of our name → dict of their value → ours, optional
        `{"report": {2: "vestibular", 3: "common"}}`; a value that is not listed becomes missing.
    constants : dict of our name → value, optional
    where : str, optional
        A pandas query on *their* columns: which rows to keep.

    Returns
    -------
    DataFrame
        Checked trials with `condition`; `kind` = "human" where there are responses.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is not there, a column is missing, or a value is of the wrong kind.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no table at {path}")
    separator = separator or ("\t" if path.suffix.lower() in {".tsv", ".txt"} else ",")
    raw = read_rows(path, sep=separator, na_values=["n/a"], encoding="utf-8-sig", low_memory=False)
    theirs = [name if isinstance(name, str) else name[0] for name in columns.values()]
    require(raw, theirs, path.name)
    raw = raw.query(where) if where else raw
    table = {}
    for ours, source in columns.items():
        name, factor = (source, 1) if isinstance(source, str) else source
        column = raw[name] if factor == 1 else _scaled(raw[name], factor, path.name)
        table[ours] = _translate(column, values[ours]) if values and ours in values else column
    return finished(pd.DataFrame(table).reset_index(drop=True), path.name, constants)


def _scaled(column, factor, source):
    """Numbers times a factor; a cell that is none is named."""
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[numbers.isna() & column.notna()]
    if len(wrong):
        raise ValueError(
            f"{source}, row {wrong.index[0] + 2}, column '{column.name}': {wrong.iloc[0]!r} is not a number"
        )
    return numbers * factor


def _translate(column, mapping):
    """Their values by a dict; 1, 1.0 and "1" are one key, since a CSV does not tell them apart."""

    def plain(value):
        text = str(value).strip()
        return text[:-2] if text.endswith(".0") else text

    known = {plain(key): value for key, value in mapping.items()}
    return column.map(lambda value: known.get(plain(value), float("nan")))


def finished(table, source, constants=None) -> pd.DataFrame:
    """Constants, disparity, conditions and checks for a table of people."""
    for name, value in (constants or {}).items():
        table[name] = value
    table = check_trials(table, source=source)  # before anything is computed from it
    if "response" in table and "kind" not in table:
        table["kind"] = "human"
    if "disparity" not in table:
        pair = [
            f"{m}_{p}"
            for p in ("azimuth", "heading")
            for m in ("auditory", "vestibular", "visual")
            if f"{m}_{p}" in table
        ]
        if len(pair) == 2:  # other − visual, always
            table["disparity"] = table[pair[0]] - table[pair[1]]
    if "condition" not in table:
        table["condition"] = label_conditions(table)
    return table.reset_index()


def read_psychopy(path, columns, *, values=None, constants=None) -> pd.DataFrame:
    """Read PsychoPy's wide CSV: rows without a trial (instructions, breaks) are left out.

    Parameters
    ----------
    path : path
    columns : dict
        As in `read_columns`; a response such as `key_resp.keys` and its `key_resp.rt` (s; give factor 1000).
        A row is a trial if all mapped stimulus columns that PsychoPy filled in anywhere else are not all empty.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no table at {path}")
    raw = read_rows(path, encoding="utf-8-sig", low_memory=False)
    theirs = [name if isinstance(name, str) else name[0] for name in columns.values()]
    require(raw, theirs, path.name)
    stimuli = [t for ours, t in zip(columns, theirs, strict=True) if ours not in ADDED]
    trials = raw[raw[stimuli].notna().any(axis=1)] if stimuli else raw
    table = {}
    for ours, source in columns.items():
        name, factor = (source, 1) if isinstance(source, str) else source
        column = trials[name].replace("None", float("nan")) if trials[name].dtype == object else trials[name]
        column = pd.to_numeric(column) * factor if factor != 1 else column
        table[ours] = _translate(column, values[ours]) if values and ours in values else column
    table = pd.DataFrame(table).reset_index(drop=True)
    if "observer" not in table and "participant" in raw:
        table["observer"] = trials["participant"].to_numpy()
    return finished(table, path.name, constants)


def read_bids_events(path, columns=None, *, values=None, constants=None) -> pd.DataFrame:
    """Read a BIDS `*_events.tsv`; the subject is taken from the file's name, `response_time` (s) becomes ms.

    Parameters
    ----------
    path : path
        One file, or a folder: every `*_events.tsv` below it.
    columns : dict, optional
        As in `read_columns`; by default columns that already have our names are kept.
    """
    path = Path(path)
    files = sorted(path.rglob("*_events.tsv")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no *_events.tsv below {path}")
    parts = []
    for file in files:
        if not file.exists():
            raise FileNotFoundError(f"no table at {file}")
        given = columns
        if given is None:
            header = pd.read_csv(file, sep="\t", nrows=0).columns
            given = {name: name for name in header if name not in ("onset", "duration", "response_time", "sample")}
            if "response_time" in header:
                given["reaction_time"] = ("response_time", 1000)
        part = read_columns(file, given, values=values, constants=constants, separator="\t")
        if "observer" not in part:
            part["observer"] = next(
                (p.removeprefix("sub-") for p in file.name.split("_") if p.startswith("sub-")), file.stem
            )
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.assign(trial=range(len(table)))
