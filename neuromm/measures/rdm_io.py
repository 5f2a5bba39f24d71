"""RDMs in and out: rsatoolbox objects, HDF5 files (ours and rsatoolbox's), pandas.

rsatoolbox and h5py are imported when they are used: extras `bridges` and `io`.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neuromm.core.files import atomic_file
from neuromm.measures.comparators import n_conditions_of
from neuromm.measures.rdm import RDM, align, name_rdms
from neuromm.measures.rsa_checks import check_given, list_names

CONDITION_NAMES = ("condition", "conds", "conditions", "stimulus", "stim", "label", "index")  # of pattern descriptors
RDM_NAMES = ("name", "subject", "subj", "session", "index")  # of RDM descriptors


def to_rsatoolbox(rdms):
    """rsatoolbox `RDMs` of these RDMs, over the conditions of the first; pattern descriptor `condition`.

    Raises
    ------
    ConditionsDiffer
        If they hold different conditions.
    ImportError
        If rsatoolbox is not installed.
    """
    toolbox = _import("rsatoolbox", "bridges")
    named = name_rdms(rdms)
    values, conditions = align(named.values())
    methods = {r.method for r in named.values()}
    return toolbox.rdm.RDMs(
        values,
        dissimilarity_measure=methods.pop() if len(methods) == 1 else None,
        rdm_descriptors={"name": list(named)},
        pattern_descriptors={"condition": list(conditions)},
    )


def from_rsatoolbox(rdms, *, condition=None, name=None) -> dict[str, RDM]:
    """RDMs by name from an rsatoolbox `RDMs`.

    Parameters
    ----------
    rdms : rsatoolbox RDMs
    condition : str, optional
        Pattern descriptor that labels conditions; by default the first there of condition, conds, stimulus, …, index.
    name : str, optional
        RDM descriptor that names RDMs; by default the first there of name, subject, …, index.
    """
    labels = _descriptor(rdms.pattern_descriptors, condition, CONDITION_NAMES, "pattern descriptor")
    names = _descriptor(rdms.rdm_descriptors, name, RDM_NAMES, "RDM descriptor")
    return _many(rdms.dissimilarities, labels, names, rdms.dissimilarity_measure)


def to_dataset(activity, *, by="condition"):
    """rsatoolbox `Dataset` of activity (trial, unit); every coordinate on trial becomes an obs descriptor."""
    toolbox = _import("rsatoolbox", "bridges")
    if not isinstance(activity, xr.DataArray) or activity.ndim != 2 or by not in activity.coords:
        raise TypeError(f"a DataArray with dims (trial, unit) and a coordinate '{by}' on trial is wanted")
    activity = activity.transpose("trial", ...)
    unit = activity.dims[1]
    of_trials = {k: c.to_numpy().tolist() for k, c in activity.coords.items() if c.dims == ("trial",) and k != "trial"}
    of_units = {k: c.to_numpy().tolist() for k, c in activity.coords.items() if c.dims == (unit,)}
    return toolbox.data.Dataset(activity.to_numpy(), obs_descriptors=of_trials, channel_descriptors=of_units or None)


def from_dataset(dataset, *, condition=None) -> xr.DataArray:
    """Activity (trial, unit) with its obs descriptors as coordinates, from an rsatoolbox `Dataset`."""
    by = condition or next((c for c in CONDITION_NAMES if c in dataset.obs_descriptors), None)
    if by not in dataset.obs_descriptors:
        raise ValueError(f"obs descriptor '{by}' is not there; it has: {', '.join(dataset.obs_descriptors) or 'none'}")
    coordinates = {k: ("trial", np.asarray(v)) for k, v in dataset.obs_descriptors.items() if k != "trial"}
    coordinates["condition"] = ("trial", np.asarray(dataset.obs_descriptors[by]).astype(str))
    return xr.DataArray(dataset.measurements, dims=("trial", "unit"), coords=coordinates)


def write_rdms(rdms, path) -> Path:
    """Write RDMs to an HDF5 file that rsatoolbox reads too (`rsatoolbox.rdm.load_rdm`); atomic.

    Raises
    ------
    ImportError
        If h5py is not installed.
    ConditionsDiffer
        If the RDMs hold different conditions.
    """
    h5py = _import("h5py", "io")
    named, path = name_rdms(rdms), Path(path)
    values, conditions = align(named.values())
    methods = [r.method for r in named.values()]
    with atomic_file(path) as draft, h5py.File(draft, "w") as file:
        file["dissimilarities"] = values
        file.attrs["dissimilarity_measure"] = methods[0] if len(set(methods)) == 1 else "mixed"
        file.create_group("descriptors")
        of_rdms, of_patterns = file.create_group("rdm_descriptors"), file.create_group("pattern_descriptors")
        of_rdms["name"], of_rdms["method"] = _bytes(named), _bytes(methods)
        of_rdms["rounding"] = np.array([r.rounding for r in named.values()])
        of_rdms["noise_normalised"] = np.array([r.noise_normalised for r in named.values()])
        of_rdms["index"], of_patterns["index"] = np.arange(len(values)), np.arange(len(conditions))
        of_patterns["condition"] = _bytes(conditions)
    return path


def read_rdms(path, *, condition=None, name=None) -> dict[str, RDM]:
    """RDMs by name from an HDF5 file written by us or by rsatoolbox, such as measured neural RDMs, one per subject.

    Parameters
    ----------
    path : str or Path
    condition, name : str, optional
        Descriptors that label conditions and name RDMs; see `from_rsatoolbox`.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it holds no RDMs.
    """
    h5py = _import("h5py", "io")
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no RDMs at {path}")
    try:
        with h5py.File(path, "r") as file:
            if "dissimilarities" not in file:
                raise ValueError(f"{path.name} holds no 'dissimilarities'; it has: {', '.join(file) or 'nothing'}")
            values = np.array(file["dissimilarities"])
            of_patterns, of_rdms = (
                {k: _texts(v[()]) for k, v in file[g].items()} if g in file else {}
                for g in ("pattern_descriptors", "rdm_descriptors")
            )
            measure = file.attrs.get("dissimilarity_measure", "")
    except OSError as error:
        raise ValueError(f"{path.name} is not an HDF5 file, or is damaged: {error}") from None
    if values.ndim == 3:
        values = values[:, *np.triu_indices(values.shape[-1], 1)]
    values = np.atleast_2d(values)
    of_patterns.setdefault("index", np.arange(n_conditions_of(values.shape[1])))
    of_rdms.setdefault("index", np.arange(len(values)))
    labels = _descriptor(of_patterns, condition, CONDITION_NAMES, "pattern descriptor")
    names = _descriptor(of_rdms, name, RDM_NAMES, "RDM descriptor")
    rdms = _many(values, labels, names, measure)
    normalised, methods = of_rdms.get("noise_normalised"), of_rdms.get("method")
    rounding = of_rdms.get("rounding")
    for i, key in enumerate(rdms):
        kept: dict[str, Any] = {} if methods is None else {"method": str(methods[i])}
        if rounding is not None:
            kept["rounding"] = float(rounding[i])
        rdms[key] = replace(rdms[key], noise_normalised=bool(normalised is not None and normalised[i]), **kept)
    return rdms


def rdm_from_pandas(table, **fields) -> RDM:
    """RDM from a square table labelled on both sides, or a long one with columns first, second, dissimilarity."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a pandas DataFrame, got {type(table).__name__}; try RDM.from_matrix")
    if {"first", "second", "dissimilarity"} <= set(table.columns):
        for side in ("first", "second"):
            check_given(table[side], f"column '{side}'", "pair")
        first, second = table["first"].astype(str), table["second"].astype(str)
        conditions = list(dict.fromkeys([*first, *second]))
        square = pd.DataFrame(np.nan, index=conditions, columns=conditions)
        for a, b, value in zip(first, second, _numbers(table["dissimilarity"]), strict=True):
            known = square.loc[a, b]
            if not np.isnan(known) and known != value:
                raise ValueError(f"pair {a} – {b} must have one dissimilarity, got {known:g} and {value:g}")
            if a == b and value != 0:
                raise ValueError(f"a condition with itself must have dissimilarity 0, got {value:g} for '{a}'")
            square.loc[a, b] = square.loc[b, a] = value
        matrix = square.to_numpy(copy=True)
        np.fill_diagonal(matrix, 0.0)
        missing = [f"{conditions[i]} – {conditions[j]}" for i, j in np.argwhere(np.triu(np.isnan(matrix), 1))]
        if missing:
            raise ValueError(
                f"the table lacks the pairs {list_names(missing)}; every pair of conditions once is wanted"
            )
        return RDM.from_matrix(matrix, conditions, **fields)
    check_given(table.index, "conditions", "row")
    check_given(table.columns, "conditions", "column")
    index, columns = [str(c) for c in table.index], [str(c) for c in table.columns]
    if sorted(index) != sorted(columns):
        raise ValueError("rows and columns name different conditions; a square table with the same labels is wanted")
    twice = {c for c in index if index.count(c) > 1}
    if twice:
        raise ValueError(f"condition {list_names(sorted(twice))} must stand once in rows and columns")
    labelled = table.set_axis(index, axis=0).set_axis(columns, axis=1)
    return RDM.from_matrix(labelled.loc[index, index].to_numpy(), index, **fields)


def _numbers(column):
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        got = column.iloc[wrong[0]]
        raise ValueError(f"row {wrong[0]}, column '{column.name}': must be a finite number, got {got!r}")
    return numbers


def _many(values, labels, names, method):
    conditions = tuple(str(c) for c in labels)
    method = "" if method is None else str(method)
    return {str(n): RDM(v, conditions, name=str(n), method=method) for n, v in zip(names, values, strict=True)}


def _descriptor(descriptors, wanted, candidates, what):
    """The descriptor asked for, or the first candidate that tells all apart."""
    if wanted is not None:
        if wanted not in descriptors:
            raise ValueError(f"{what} '{wanted}' is not there; it has: {', '.join(descriptors) or 'none'}")
        values = [str(v) for v in descriptors[wanted]]
        if len(set(values)) < len(values):
            raise ValueError(f"{what} '{wanted}' does not tell all apart: {list_names(values)}; choose another")
        return values
    for name in candidates:
        values = [str(v) for v in descriptors.get(name, ())]
        if values and len(set(values)) == len(values):
            return values
    raise ValueError(f"no {what} tells all apart; it has: {', '.join(descriptors) or 'none'}. Name one")


def _bytes(texts):
    return np.array([str(t).encode() for t in texts] or [b""])


def _texts(values):
    values = np.atleast_1d(values) if not hasattr(values, "shape") or values.shape is not None else np.array([])
    if values.dtype.kind in "SO":
        return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values])
    return values


def _import(module, extra):
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(f"this needs {module}: pip install 'neuromm[{extra}]'") from None
