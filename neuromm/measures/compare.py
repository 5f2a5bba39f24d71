"""Who represents like whom: RDMs compared with each other, and the ceiling that noise puts on it."""

from __future__ import annotations

from itertools import combinations
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from neuromm.measures import comparators, ties
from neuromm.measures.comparators import Comparator
from neuromm.measures.rdm import align, name_rdms
from neuromm.measures.rsa_checks import ConstantPatterns, NotFinite, check_enough_conditions, check_finite, list_names


class NoiseCeiling(NamedTuple):
    """What the true model could reach: `low` by leave-one-out, `high` by the best fit to all; from `n` RDMs."""

    low: float
    high: float
    n: int
    comparator: str


def compare_rdms(
    rdms,
    others=None,
    *,
    comparator: Comparator = "spearman",
    covariance=None,
    nan: Literal["raise", "omit"] = "raise",
    undefined: Literal["raise", "nan"] = "raise",
):
    """Similarity of every pair of RDMs.

    Parameters
    ----------
    rdms : dict of name → RDM, dict of observer → layer → RDM, or list of named RDMs
        Aligned by the labels of their conditions.
    others : the same, optional
        Compare each of `rdms` with each of these instead of with each other.
    comparator : str
        See `comparators.compare`.
    covariance : array, shape (n_conditions, n_conditions), optional
        For the whitened comparators: covariance of pattern estimates, conditions in the order of the first RDM.
    nan : str
        "raise", or "omit" the pairs of conditions that are NaN in any RDM.
    undefined : str
        What a constant RDM gives where the comparator needs variance: "raise", or "nan" as value.

    Returns
    -------
    DataFrame
        One row per pair: first, second, comparator, value, n_conditions, n_pairs.
        `comparison_matrix` makes the square of it.

    Raises
    ------
    ConditionsDiffer, TooFewConditions, NotFinite, ConstantPatterns
        If RDMs hold different conditions, fewer than four, NaN, or do not vary.
    """
    _check_covariance(covariance, comparator)
    first = name_rdms(rdms)
    second = first if others is None else name_rdms(others)
    if others is None and len(first) < 2:
        raise ValueError(f"{len(first)} RDM given; at least two are wanted, or `others` to compare it with")
    everything = [*first.values(), *(() if others is None else second.values())]
    names = [*first, *(() if others is None else second)]
    values, conditions = read_values(everything, names, comparator, nan=nan, undefined=undefined)
    a, b = (values, values) if others is None else (values[: len(first)], values[len(first) :])
    similarity = comparators.compare(a, b, comparator, covariance=covariance)
    if others is None:
        pairs = list(combinations(range(len(first)), 2))
    else:
        pairs = [(i, j) for i in range(len(first)) for j in range(len(second))]
    left, right = list(first), list(second)
    return pd.DataFrame(
        {
            "first": [left[i] for i, _ in pairs],
            "second": [right[j] for _, j in pairs],
            "comparator": comparator,
            "value": [float(similarity[i, j]) for i, j in pairs],
            "n_conditions": len(conditions),
            "n_pairs": values.shape[1],
        }
    )


def comparison_matrix(table) -> pd.DataFrame:
    """The table of `compare_rdms` as a matrix; square with ones on the diagonal if RDMs met each other."""
    rows, columns = list(dict.fromkeys(table["first"])), list(dict.fromkeys(table["second"]))
    names = list(dict.fromkeys([*rows, *columns]))
    if len(table) == len(names) * (len(names) - 1) // 2 and not set(columns) - set(names[1:]):
        matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
        for a, b, value in zip(table["first"], table["second"], table["value"], strict=True):
            matrix.loc[a, b] = matrix.loc[b, a] = value
        return matrix
    matrix = table.pivot(index="first", columns="second", values="value")
    if len(table) == len(names) * (len(names) - 1) and (table["first"] != table["second"]).all():  # directed measures
        matrix = matrix.reindex(index=names, columns=names).copy()
        return matrix.mask(np.eye(len(names), dtype=bool), 1.0)
    return matrix.loc[rows, columns]


def noise_ceiling(rdms, *, comparator: Comparator = "spearman", covariance=None) -> NoiseCeiling:
    """How well any RDM could match a group of noisy ones.

    The high bound is the mean similarity of each RDM with the pool of all, the low bound with the pool of the
    others (Nili et al. 2014). The pool is the one that maximises the comparator: the mean of the prepared
    vectors (centred, ranked or whitened, of unit length), ranked again for rank correlations. For Kendall's tau
    the pool of mean ranks stands in, for the best one is too costly to find.

    Parameters
    ----------
    rdms : list of RDM, or dict
        Replicates of one representation: subjects, seeds or noise folds; at least two.

    Returns
    -------
    NoiseCeiling : low, high, n, comparator
    """
    named = list(rdms.values()) if isinstance(rdms, dict) else list(rdms)
    _check_covariance(covariance, comparator)
    if len(named) < 2:
        raise ValueError(f"{len(named)} RDM given; a ceiling needs at least two replicates (subjects, seeds or folds)")
    names = [r.name or i for i, r in enumerate(named)]
    values, _ = read_values(named, names, comparator)
    ready, n = _ready_to_pool(values, comparator, covariance), len(values)
    total = ready.sum(axis=0)
    with_all = _similarity_to_pool(values, ready, np.broadcast_to(total, ready.shape), comparator)
    with_others = _similarity_to_pool(values, ready, total - ready, comparator)
    return NoiseCeiling(float(with_others.mean()), float(with_all.mean()), n, comparator)


def noise_ceilings(replicates, *, comparator: Comparator = "spearman", covariance=None) -> pd.DataFrame:
    """`noise_ceiling` of several representations, given as name → list of RDMs.

    Columns: name, comparator, ceiling_low, ceiling_high, n.
    """
    rows = []
    for name, rdms in replicates.items():
        low, high, n, _ = noise_ceiling(rdms, comparator=comparator, covariance=covariance)
        rows.append({"name": name, "comparator": comparator, "ceiling_low": low, "ceiling_high": high, "n": n})
    return pd.DataFrame(rows)


def read_values(rdms, names, comparator, *, nan="raise", undefined="raise"):
    """Aligned dissimilarities fit to compare: enough conditions, finite, and varying where the comparator needs it.

    For comparators of ranks, values that are equal but for rounding are equal.

    Returns
    -------
    values : array, shape (n_rdms, n_pairs)
    conditions : tuple of str
    """
    if comparator not in get_args(Comparator):
        raise ValueError(f"comparator '{comparator}' is not one of {', '.join(get_args(Comparator))}")
    if nan not in ("raise", "omit") or undefined not in ("raise", "nan"):
        raise ValueError(f"nan must be raise or omit, got '{nan}'; undefined must be raise or nan, got '{undefined}'")
    values, conditions = align(rdms)
    check_enough_conditions(len(conditions), "a comparison of RDMs")
    if nan == "omit":
        keep = np.isfinite(values).all(axis=0)
        if comparator.startswith("whitened") and not keep.all():
            raise NotFinite(f"{comparator} needs every pair of conditions; leave conditions out by RDM.subset instead")
        if keep.sum() < 3:
            raise NotFinite(f"{keep.sum()} pairs of conditions are finite in all RDMs; compare fewer RDMs at once")
        values = values[:, keep]
    check_finite(values, names, "the RDMs")
    limits = np.array([ties.tolerance(v, r.rounding, r.method) for v, r in zip(values, rdms, strict=True)])
    flat = (np.abs(values) <= limits.min(axis=1, keepdims=True)).all(axis=1)
    if comparator in comparators.NEEDS_VARIANCE:
        flat = ties.is_constant(values, limits)
    if flat.any() and undefined == "raise" and comparator != "tau_a":
        raise ConstantPatterns(
            f"RDM {list_names(np.asarray(names, object)[flat])} is constant over pairs of conditions (but for "
            f"rounding), so its {comparator} with any other is undefined; leave it out, or pass undefined='nan'"
        )
    values[flat] = values[flat, :1] if comparator in comparators.NEEDS_VARIANCE else 0.0
    return (ties.merge_ties(values, limits) if comparator in comparators.OF_RANKS else values), conditions


def _check_covariance(covariance, comparator):
    if covariance is not None and not comparator.startswith("whitened"):
        raise ValueError(f"covariance must be left out with comparator '{comparator}'; only whitened ones take it")


def _ready_to_pool(values, comparator, covariance):
    if comparator.startswith("tau"):
        return rankdata(values, axis=1)
    return comparators.prepare(values, comparator, covariance=covariance)


def _similarity_to_pool(values, ready, pools, comparator):
    if comparator.startswith("tau"):
        return np.array([comparators.compare(v, p, comparator)[0, 0] for v, p in zip(values, pools, strict=True)])
    if comparator in ("spearman", "rho_a"):
        # sums of equal ranks are ties, whatever the order they were added in
        limits = ties.rounding_error(np.finfo(float).eps, 1) * len(values) * np.abs(ready).max()
        pools = comparators.prepare(ties.merge_ties(pools, np.full_like(pools, limits)), comparator)
    else:
        pools = pools / np.linalg.norm(pools, axis=1, keepdims=True)
    return (ready * pools).sum(axis=1)
