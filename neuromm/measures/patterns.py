"""From recorded activity to one pattern per condition (and fold): labels, folds, NaN, means, noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.sparse import csr_array

from neuromm.measures.dissimilarity import BLOCK_BYTES
from neuromm.measures.rsa_checks import ConditionsDiffer, NotFinite, check_count, check_dtype, check_given, list_names
from neuromm.measures.shrinkage import residual_covariance


def condition_patterns(*activities, by="condition", dtype="float64"):
    """Mean patterns per condition of several recordings, rows aligned by label; arrays (n_conditions, n_units).

    Raises
    ------
    ConditionsDiffer
        If a recording shows other conditions than the first.
    """
    check_dtype(dtype)
    order, patterns = None, []
    for activity in activities:
        values, labels, _ = read(activity, by, None, None, False)
        values, _ = without_nan(values, labels, "raise")
        conditions, code = first_seen(labels)
        means = condition_means(values, code, len(conditions), dtype)
        if order is None:
            order = conditions
        refuse_other_conditions(conditions, order, getattr(activity, "name", None) or "a recording", "the first")
        place = {c: i for i, c in enumerate(conditions)}
        patterns.append(means[[place[c] for c in order]])
    return patterns


def refuse_other_conditions(own, wanted, name, whose):
    own_set, wanted_set = set(own), set(wanted)
    if own_set == wanted_set:
        return
    lacks, adds = [c for c in wanted if c not in own_set], [c for c in own if c not in wanted_set]
    differences = [f"lacks {list_names(lacks)}"] * bool(lacks) + [f"has besides {list_names(adds)}"] * bool(adds)
    raise ConditionsDiffer(
        f"{name} and {whose} hold different conditions: it {' and '.join(differences)}. Compare what was shown to "
        "both: RDM.subset keeps chosen conditions"
    )


def read(activity, by, labels, folds, folds_needed):
    """Values (n_trials, n_units), one label and (where asked) one fold per trial."""
    coordinates = {}
    if isinstance(activity, xr.DataArray):
        if activity.ndim != 2 or "trial" not in activity.dims:
            raise ValueError(
                f"activity has dims {activity.dims}; (trial, unit) is wanted. Activity over time: see rdm_over_time"
            )
        activity = activity.transpose("trial", ...)
        coordinates = {k: c.to_numpy() for k, c in activity.coords.items() if c.dims == ("trial",)}
        values = activity.to_numpy()
    elif isinstance(activity, pd.DataFrame):
        values, coordinates = activity.to_numpy(), {by: activity.index.to_numpy()}
    else:
        values = np.asarray(activity)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"activity has shape {values.shape}; (n_trials, n_units) with at least one of each is wanted")
    if labels is None and by not in coordinates:
        raise ValueError(
            f"activity has no coordinate '{by}' on trial; it has: {', '.join(coordinates) or 'none'}. "
            "Say what each row shows by `labels`, or name a coordinate by `by`"
        )
    labels = _one_per_trial(coordinates[by] if labels is None else labels, len(values), "labels").astype(str)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"activity must hold real numbers, got {values.dtype}")
    return values, labels, _deal_folds(folds, coordinates, labels, folds_needed)


def _deal_folds(folds, coordinates, labels, needed):
    if folds is None:
        folds = coordinates.get("fold") if needed else None
        if folds is None and needed:
            raise ValueError(
                "a cross-validated method needs folds: a coordinate 'fold' on trial, or folds=4 to deal the trials of "
                "each condition into four, or folds=array with one value per trial"
            )
        return folds
    if isinstance(folds, str):
        if folds not in coordinates:
            has = ", ".join(coordinates) or "none"
            raise ValueError(f"activity has no coordinate '{folds}' on trial; it has: {has}")
        return _one_per_trial(coordinates[folds], len(labels), "folds")
    if np.ndim(folds) == 0:
        check_count(folds, "folds", 2)
        repeats = pd.Series(labels).value_counts()
        if repeats.min() < folds:
            raise ValueError(
                f"folds must be at most the number of trials of every condition, got {folds}; condition "
                f"'{repeats.idxmin()}' has {repeats.min()} trials"
            )
        return pd.Series(labels).groupby(labels).cumcount().to_numpy() % int(folds)
    return _one_per_trial(folds, len(labels), "folds")


def _one_per_trial(values, n_trials, argument):
    values = np.asarray(values)
    if values.shape != (n_trials,):
        raise ValueError(f"{argument} has shape {values.shape}; one value per trial, ({n_trials},), is wanted")
    check_given(values, argument, "trial")
    return values


def without_nan(values, labels, policy):
    policies = ("raise", "drop_units", "drop_trials")
    if policy not in policies:
        raise ValueError(f"nan '{policy}' is not one of {', '.join(policies)}")
    everything = np.ones(len(values), bool)
    if values.dtype.kind not in "fc" or np.isfinite(values.sum(dtype=float)):  # one pass tells of any NaN
        return values, everything
    bad = ~np.isfinite(values)
    if policy == "drop_units":
        values, kept = values[:, ~bad.any(axis=0)], everything
    elif policy == "drop_trials":
        kept = ~bad.any(axis=1)
        values = values[kept]
        lost = sorted(set(labels) - set(labels[kept]))
        if lost:
            raise NotFinite(f"all trials of condition {list_names(lost)} hold NaN; nan='drop_units' keeps them")
    elif bad.any():
        units, rows = np.flatnonzero(bad.any(axis=0)), np.flatnonzero(bad.any(axis=1))
        raise NotFinite(
            f"activity holds NaN or infinity in {len(units)} of {bad.shape[1]} units ({list_names(units)}) and "
            f"{len(rows)} of {len(bad)} trials (conditions {list_names(dict.fromkeys(labels[rows]))}); "
            "nan='drop_units' or 'drop_trials' leaves them out"
        )
    else:
        kept = everything  # large numbers overflowed the sum, none is NaN
    if not values.size:
        raise NotFinite(f"every {'unit' if policy == 'drop_units' else 'trial'} holds NaN or infinity; nothing is left")
    return values, kept


def first_seen(labels):
    code, conditions = pd.factorize(labels)
    return tuple(str(c) for c in conditions), code


def condition_means(values, code, n, dtype):
    if len(code) == n:  # one trial each, already in order of appearance
        return values.astype(dtype, copy=False)
    average = csr_array((1 / np.bincount(code, minlength=n)[code], (code, np.arange(len(code)))), shape=(n, len(code)))
    means, width = np.empty((n, values.shape[1]), dtype), max(1, 16 * BLOCK_BYTES // (8 * len(values)))
    for start in range(0, values.shape[1], width):  # float64 sums without a float64 copy of a wide layer
        means[:, start : start + width] = average @ values[:, start : start + width].astype(float)
    return means


def fold_means(values, code, conditions, folds, dtype):
    names, fold = np.unique(folds, return_inverse=True)
    present = np.zeros((len(names), len(conditions)), bool)
    present[fold, code] = True
    if not present.all():
        where, which = np.argwhere(~present)[0]
        raise ValueError(
            f"condition '{conditions[which]}' has no trial in fold {names[where]}; every fold needs every condition: "
            "show more repeats, use fewer folds, or leave the condition out"
        )
    means = _means_of_cells(values, fold * len(conditions) + code, present.size, dtype)
    return means.reshape(len(names), len(conditions), -1)


def _means_of_cells(values, cell, n, dtype):
    if (cell[1:] >= cell[:-1]).all():  # in order already: no copy of the trials
        return condition_means(values, cell, n, dtype)
    order = np.argsort(cell, kind="stable")  # `condition_means` takes one trial per cell as they come
    return condition_means(values[order], cell[order], n, dtype)


def noise_covariance(values, code, folds, noise, dtype):
    if noise is None:
        return None
    if not isinstance(noise, str):
        return np.asarray(noise, dtype)
    if noise not in ("covariance", "variance"):
        raise ValueError(f"noise '{noise}' is not one of covariance, variance; or give an array, or None")
    cell = (
        code
        if folds is None
        else np.unique(np.column_stack([code, np.unique(folds, return_inverse=True)[1]]), axis=0, return_inverse=True)[
            1
        ].ravel()
    )
    return residual_covariance(values, cell, diagonal=noise == "variance").astype(dtype)
