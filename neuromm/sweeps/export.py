"""A sweep's table for other programs: CSV, Parquet, xarray (NetCDF, zarr). Written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from neuromm.core.files import atomic_file, write_text

SUFFIXES = (".csv", ".tsv", ".parquet", ".nc", ".zarr")


def export(sweep, path, name=None) -> Path:
    """Write one table of a sweep; the suffix says how.

    Raises
    ------
    ValueError
        If the suffix or the table is unknown.
    ImportError
        If the suffix needs the `io` extra and it is not installed.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"cannot export to '{path.name}'; a name that ends in one of {', '.join(SUFFIXES)} is wanted")
    if path.suffix in (".csv", ".tsv"):
        table = sweep.table(name)
        write_text(
            path,
            table.to_csv(index=False, na_rep="n/a", sep="," if path.suffix == ".csv" else "\t", lineterminator="\n"),
        )
        return path
    writer = {".parquet": _parquet, ".nc": _netcdf, ".zarr": _zarr}[path.suffix]
    try:
        with atomic_file(path) as draft:
            writer(sweep, draft, name)
    except ImportError as error:
        raise ImportError(f"{path.suffix} needs {error.name or error}: pip install 'neuromm[io]'") from error
    return path


def _parquet(sweep, path, name):
    import pyarrow  # noqa: F401 - pandas looks for it; a missing one is named

    sweep.table(name).to_parquet(path, index=False)


def _netcdf(sweep, path, name):
    import h5netcdf  # noqa: F401 - as above

    dataset(sweep, name).to_netcdf(path, engine="h5netcdf")


def _zarr(sweep, path, name):
    import zarr  # noqa: F401 - as above

    made = dataset(sweep, name)
    text = [
        v for v in made.variables if made[v].dtype.kind == "U"
    ]  # fixed-length text has no place in the zarr 3 format
    made.assign({v: made[v].astype(object) for v in text}).to_zarr(path, mode="w", consolidated=False)


def dataset(sweep, name=None):
    """The Dataset of `Sweep.to_xarray`."""
    table = sweep.table(name)
    point = [c for c in table.columns[: table.columns.get_loc("task") + 1 + _n_point(sweep)] if c in table]
    of_task = np.concatenate([[0], np.cumsum(table["task"].to_numpy()[1:] != table["task"].to_numpy()[:-1])])
    row = table.groupby(of_task).cumcount().to_numpy()
    n_tasks, n_rows = int(of_task[-1]) + 1, int(row.max()) + 1
    first = np.flatnonzero(row == 0)
    variables = {}
    for column in table.columns.difference(point, sort=False):
        values = table[column]
        text = values.dtype == object or str(values.dtype) in ("str", "string")
        values = values.fillna("").astype(str).to_numpy(str) if text else values.astype(float).to_numpy()
        filled = np.full((n_tasks, n_rows), "" if text else np.nan, values.dtype)
        filled[of_task, row] = values
        variables[column] = (("task", "row"), filled)
    coordinates = {c: ("task", _plain(table[c].to_numpy()[first])) for c in point}
    made = xr.Dataset(variables, coords=coordinates, attrs={"title": sweep.plan.title, "seed": sweep.plan.seed})
    return _unfolded(made, [c for c in point if c != "task"])


def _n_point(sweep):
    """How many columns of parameters stand before a task's own."""
    return len(next(iter(sweep.plan.tasks())).point)


def _unfolded(made, axes):
    """A full grid has a dimension per axis that varies; everything else stays a list of tasks."""
    varied = [a for a in axes if len(np.unique(made[a].to_numpy())) > 1]
    if not varied or np.prod([len(np.unique(made[a].to_numpy())) for a in varied]) != made.sizes["task"]:
        return made
    names = made["task"].to_numpy()
    made = made.drop_vars("task").assign_coords(id=("task", names)).set_index(task=varied)
    return made if made.indexes["task"].has_duplicates else made.unstack("task")


def _plain(values):
    """Numbers as they are, everything else as text."""
    try:
        return values.astype(float) if values.dtype == object else values
    except (ValueError, TypeError):
        return values.astype(str)
