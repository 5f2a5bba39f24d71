"""Representational dissimilarity matrices that know their conditions.

`rdm` makes one from recorded activity; `RDM` holds it. RDMs are aligned by the labels of their
conditions, never by position; different conditions are an error that names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from neuromm.measures import dissimilarity, patterns
from neuromm.measures.comparators import n_conditions_of, to_square
from neuromm.measures.rsa_checks import (
    ConditionsDiffer,
    NotFinite,
    check_dtype,
    check_given,
    list_names,
)
from neuromm.measures.ties import rounding_error

Method = Literal["euclidean", "correlation", "cosine", "mahalanobis", "crossnobis", "poisson", "poisson_crossvalidated"]
CROSSVALIDATED = ("crossnobis", "poisson_crossvalidated")
KEEP_NAN = ("euclidean", "crossnobis")  # NaN of any trial is in the result, which is smaller to look through


@dataclass(frozen=True, eq=False)
class RDM:
    """Dissimilarities between all pairs of conditions.

    `dissimilarities` is the upper triangle, row by row, shape (n_conditions (n_conditions − 1) / 2,);
    `conditions` labels rows and columns. `noise_normalised`: whether patterns were divided by their noise. `rounding`:
    error of a dissimilarity, relative to what it was subtracted from; values that differ by less are ties when they
    are ranked (see `ties`). By default that of 64 units in the dtype given.
    """

    dissimilarities: np.ndarray
    conditions: tuple[str, ...]
    name: str = ""
    method: str = ""
    noise_normalised: bool = False
    rounding: float | None = None

    def __post_init__(self):
        values = np.array(self.dissimilarities, order="C")
        if values.dtype.kind not in "biuf":
            raise TypeError(f"dissimilarities must be real numbers, got {values.dtype}")
        check_given(tuple(self.conditions), "conditions", "row")
        values = values if values.dtype in (np.float32, np.float64) else values.astype(float)
        conditions = tuple(str(c) for c in self.conditions)
        if values.ndim != 1 or n_conditions_of(len(values)) != len(conditions):
            raise ValueError(
                f"{values.shape} dissimilarities and {len(conditions)} conditions given; an upper triangle of "
                "n(n−1)/2 values is wanted (RDM.from_matrix takes a square)"
            )
        if len(set(conditions)) < len(conditions):
            twice = sorted({c for c in conditions if conditions.count(c) > 1})
            raise ValueError(f"condition {list_names(twice)} appears twice; every condition needs a label of its own")
        values.flags.writeable = False
        object.__setattr__(self, "dissimilarities", values)
        object.__setattr__(self, "conditions", conditions)
        if self.rounding is None:
            object.__setattr__(self, "rounding", float(rounding_error(np.finfo(values.dtype).eps, 64)))
        if not 0 <= self.rounding < 1:
            raise ValueError(f"rounding must be a relative error, at least 0 and below 1, got {self.rounding!r}")

    def __repr__(self):
        return f"RDM({self.name!r}, {self.n_conditions} conditions, {self.method or 'unnamed method'})"

    @property
    def n_conditions(self) -> int:
        return len(self.conditions)

    @property
    def matrix(self) -> np.ndarray:
        """The square, symmetric matrix with a zero diagonal, shape (n_conditions, n_conditions)."""
        return to_square(self.dissimilarities)

    @classmethod
    def from_matrix(cls, matrix, conditions, **fields) -> RDM:
        """From a square matrix.

        Raises
        ------
        ValueError
            If it is not square and symmetric with a zero diagonal.
        """
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"matrix has shape {matrix.shape}; a square one is wanted")
        if matrix.dtype.kind not in "biuf":
            raise TypeError(f"matrix must hold real numbers, got {matrix.dtype}")
        half = np.isnan(matrix) != np.isnan(matrix.T)
        if half.any():
            raise ValueError("matrix must hold NaN on both sides of the diagonal or on none; copy the known side")
        scale = np.nanmax(np.abs(matrix), initial=0)
        lopsided = np.nanmax(np.abs(matrix - matrix.T), initial=0) > 1e-6 * scale
        if lopsided or np.nanmax(np.abs(np.diag(matrix)), initial=0) > 1e-6 * scale:
            raise ValueError("matrix is not symmetric with a zero diagonal; average it with its transpose first")
        return cls(matrix[np.triu_indices(len(matrix), 1)], tuple(conditions), **fields)

    def rename(self, name) -> RDM:
        """The same RDM under another name."""
        return replace(self, name=str(name))

    def aligned(self, conditions) -> RDM:
        """Rows and columns in the order of `conditions`, by label.

        Raises
        ------
        ConditionsDiffer
            If the labels are not the same set.
        """
        conditions = tuple(str(c) for c in conditions)
        if conditions == self.conditions:
            return self
        _refuse_other_conditions(self, conditions, "the order asked for")
        return self.subset(conditions)

    def subset(self, conditions) -> RDM:
        """Some of the conditions, in the order given."""
        conditions = tuple(str(c) for c in conditions)
        place = {c: i for i, c in enumerate(self.conditions)}
        unknown = [c for c in conditions if c not in place]
        if unknown:
            has = list_names(self.conditions)
            raise ConditionsDiffer(f"RDM '{self.name}' has no condition {list_names(unknown)}; it has {has}")
        rows = [place[c] for c in conditions]
        return RDM.from_matrix(
            self.matrix[np.ix_(rows, rows)],
            conditions,
            name=self.name,
            method=self.method,
            noise_normalised=self.noise_normalised,
            rounding=self.rounding,
        )

    def to_pandas(self) -> pd.DataFrame:
        """The square matrix as a table labelled by condition on both sides."""
        labels = pd.Index(self.conditions, name="condition")
        return pd.DataFrame(self.matrix, index=labels, columns=labels.rename("other condition"))


def align(rdms) -> tuple[np.ndarray, tuple[str, ...]]:
    """Dissimilarities of several RDMs over the same conditions, in the order of the first.

    Returns
    -------
    values : array, shape (n_rdms, n_pairs)
    conditions : tuple of str

    Raises
    ------
    ConditionsDiffer
        If an RDM has other conditions than the first, naming both.
    """
    rdms = list(rdms)
    if not rdms:
        raise ValueError("no RDMs given; at least one is wanted")
    for other in rdms:
        if not isinstance(other, RDM):
            raise TypeError(f"a {type(other).__name__} is not an RDM; make one by rdm(activity) or RDM.from_matrix")
        _refuse_other_conditions(other, rdms[0].conditions, f"RDM '{rdms[0].name}'")
    conditions = rdms[0].conditions
    return np.array([r.aligned(conditions).dissimilarities for r in rdms], float), conditions


def name_rdms(rdms) -> dict[str, RDM]:
    """RDMs by unique name, from a dict (also observer → layer → RDM), a list, or one RDM."""
    if isinstance(rdms, RDM):
        rdms = [rdms]
    if isinstance(rdms, Mapping):
        named = {}
        for name, value in rdms.items():
            if isinstance(value, Mapping):
                named.update({f"{name} / {layer}": r.rename(f"{name} / {layer}") for layer, r in value.items()})
            elif isinstance(value, RDM):
                named[str(name)] = value.rename(name)
            else:
                raise TypeError(f"'{name}' is a {type(value).__name__}; an RDM (or a dict of RDMs by layer) is wanted")
        return named
    named = {}
    for i, value in enumerate(rdms):
        name = value.name or f"rdm {i + 1}"
        if name in named:
            raise ValueError(f"two RDMs are named '{name}'; give a dict of names, or rename() one")
        named[name] = value.rename(name)
    return named


def rdm(
    activity,
    *,
    method: Method = "euclidean",
    by="condition",
    labels=None,
    folds=None,
    noise=None,
    nan: Literal["raise", "drop_units", "drop_trials"] = "raise",
    name=None,
    dtype="float64",
    device=None,
) -> RDM:
    """Dissimilarity of every pair of conditions in recorded activity.

    Trials of one condition are averaged (within each fold, for cross-validated methods).

    Parameters
    ----------
    activity : DataArray (trial, unit), DataFrame, or array, shape (n_trials, n_units)
        Recorded activity. A DataFrame's index holds the conditions.
    method : str
        "euclidean": squared Euclidean distance per unit, Σ(x_i − x_j)²/n_units; "correlation": 1 − r;
        "cosine": 1 − cos; "mahalanobis": squared, by the noise covariance, per unit; "crossnobis": the same
        cross-validated over folds, unbiased, may be negative; "poisson": symmetrised Kullback–Leibler divergence
        of Poisson rates per unit; "poisson_crossvalidated".
    by : str
        The coordinate on `trial` that says which condition a trial shows.
    labels : array of str, shape (n_trials,), optional
        Conditions, where `activity` has no coordinate `by`.
    folds : str, int or array of shape (n_trials,), optional
        Independent folds: a coordinate's name, one value per trial, or a number of folds into which each
        condition's trials are dealt in their order. Default: the coordinate `fold` if it is there.
    noise : None, "covariance", "variance" or array, optional
        What patterns are normalised by: nothing; the shrunken covariance, or the variances, of trials around
        their condition's mean (and fold's); or a covariance, shape (n_units, n_units) or (n_units,).
        "mahalanobis" takes "covariance" by default.
    nan : str
        "raise", or leave out what holds NaN: "drop_units" or "drop_trials".
    name : str, optional
        Name of the RDM; by default the name of the DataArray.
    dtype : str
        "float64", or "float32" for wide layers: half the time and memory, about six digits.
    device : str, optional
        Torch device for the matrix product.

    Returns
    -------
    RDM
        Conditions in order of first appearance.

    Raises
    ------
    NotFinite
        If activity holds NaN or infinity and `nan` is "raise", or nothing is left.
    ConstantPatterns
        If a condition's pattern does not vary over units, for "correlation" and "cosine".
    ValueError
        If conditions or folds are missing.
    """
    if method not in get_args(Method):
        raise ValueError(f"method '{method}' is not one of {', '.join(get_args(Method))}")
    check_dtype(dtype)
    crossvalidated = method in CROSSVALIDATED
    values, labels, folds = patterns.read(activity, by, labels, folds if crossvalidated else None, crossvalidated)
    seen_after = nan == "raise" and noise is None and method in KEEP_NAN
    if not seen_after:
        values, kept = patterns.without_nan(values, labels, nan)
        labels, folds = labels[kept], None if folds is None else folds[kept]
    conditions, code = patterns.first_seen(labels)
    if method == "mahalanobis" and noise is None:
        noise = "covariance"
    covariance = patterns.noise_covariance(values, code, folds, noise, dtype)
    if method in CROSSVALIDATED:
        means = patterns.fold_means(values, code, conditions, folds, dtype)
    else:
        means = patterns.condition_means(values, code, len(conditions), dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is looked for in the result
        matrix = _KERNELS[method](means, covariance, conditions, device)
    if not np.isfinite(matrix).all():
        patterns.without_nan(values, labels, nan)  # says where, if it was not an overflow
        raise NotFinite(
            f"dissimilarities overflow {matrix.dtype}: the largest value of activity is {np.abs(values).max():.1g}; "
            "divide activity by its size, or use dtype='float64'"
        )
    if name is None:
        name = getattr(activity, "name", None) or ""
    upper = np.concatenate([row[i + 1 :] for i, row in enumerate(matrix)])
    eps_of_input = np.finfo(values.dtype).eps if values.dtype.kind == "f" else 0.0
    rounding = float(rounding_error(np.finfo(means.dtype).eps, means.shape[-1], eps_of_input))
    normalised = covariance is not None
    return RDM(upper, conditions, name=str(name), method=method, noise_normalised=normalised, rounding=rounding)


def rdm_over_time(activity, **options) -> dict[float, RDM]:
    """One RDM per time sample of activity (trial, time, unit), by time in ms; `options` as in `rdm`."""
    if not isinstance(activity, xr.DataArray) or "time" not in activity.dims:
        raise TypeError("activity over time is wanted: a DataArray with dims (trial, time, unit); else use rdm")
    times = activity["time"].to_numpy() if "time" in activity.coords else np.arange(activity.sizes["time"])
    label = options.pop("name", None) or activity.name or ""
    return {
        float(t): rdm(activity.isel(time=i, drop=True), name=f"{label} {t:g} ms".strip(), **options)
        for i, t in enumerate(times)
    }


def rdms_per_fold(activity, *, folds="fold", by="condition", labels=None, **options) -> list[RDM]:
    """One RDM from each fold's own trials: replicates for a noise ceiling. `options` as in `rdm`."""
    values, labels, folds = patterns.read(activity, by, labels, folds, True)
    name = options.pop("name", None) or getattr(activity, "name", None) or "fold"
    return [rdm(values[folds == f], labels=labels[folds == f], name=f"{name} {f}", **options) for f in np.unique(folds)]


def _euclidean(means, covariance, conditions, device):
    if covariance is not None:
        return dissimilarity.mahalanobis(means, covariance, device=device)
    return dissimilarity.squared_euclidean(means, device=device)


def _correlation(means, covariance, conditions, device):
    means = means if covariance is None else dissimilarity.whiten(means, covariance)
    return dissimilarity.correlation(means, labels=conditions, device=device)


def _cosine(means, covariance, conditions, device):
    means = means if covariance is None else dissimilarity.whiten(means, covariance)
    return dissimilarity.cosine(means, labels=conditions, device=device)


def _crossnobis(means, covariance, conditions, device):
    return dissimilarity.crossnobis(means, covariance, device=device)


def _poisson(means, covariance, conditions, device):
    return dissimilarity.poisson(means, labels=conditions, device=device)


def _poisson_crossvalidated(means, covariance, conditions, device):
    return dissimilarity.poisson_crossvalidated(means, labels=conditions, device=device)


_KERNELS = {
    "euclidean": _euclidean,
    "correlation": _correlation,
    "cosine": _cosine,
    "mahalanobis": _euclidean,
    "crossnobis": _crossnobis,
    "poisson": _poisson,
    "poisson_crossvalidated": _poisson_crossvalidated,
}


def _refuse_other_conditions(one, conditions, whose):
    patterns.refuse_other_conditions(one.conditions, conditions, f"RDM '{one.name}'", whose)
