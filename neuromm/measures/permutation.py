"""Tests that shuffle condition labels or flip signs: exact when few, with the maximum over models or layers."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from neuromm.measures import comparators
from neuromm.measures.comparators import n_conditions_of
from neuromm.measures.rsa_checks import check_count, check_fraction

MOST_EXACT_PERMUTATIONS = 5040  # 7 conditions
MOST_EXACT_FLIPS = 2**16  # 16 subjects


class Permuted(NamedTuple):
    """p-values of each model, alone and by the maximum over models; how many relabellings, and how chosen."""

    p: np.ndarray
    p_max: np.ndarray
    n: int
    method: str


def permute_conditions(
    data,
    models,
    comparator,
    *,
    alternative: Literal["greater", "two-sided"] = "greater",
    n_resamples=1000,
    rng,
    covariance=None,
) -> Permuted:
    """Is a model's similarity to the data more than any labelling of the conditions would give?

    The condition labels of all models are shuffled alike; the statistic is the mean similarity over subjects.
    All n! labellings are taken if they are at most 5040, or at most `n_resamples`; else that many random ones and
    the labelling itself, p = (1 + k)/(1 + n).

    Parameters
    ----------
    data, models : array, shape (n_subjects, n_pairs), (n_models, n_pairs)
    alternative : str
        "two-sided" doubles the smaller tail: the distribution need not be symmetric, nor its middle 0.
    """
    _check_alternative(alternative)
    check_count(n_resamples, "n_resamples")
    data, models = np.atleast_2d(np.asarray(data, float)), np.atleast_2d(np.asarray(models, float))
    n = n_conditions_of(data.shape[1])
    exact = n <= 12 and factorial(n) <= max(MOST_EXACT_PERMUTATIONS, n_resamples)
    if exact:
        orders = np.array(list(permutations(range(n))))
    else:
        orders = np.concatenate([np.arange(n)[None], rng.permuted(np.tile(np.arange(n), (n_resamples, 1)), axis=1)])
    similarity = _permuted_similarity(data, models, comparator, orders, covariance)
    observed = similarity[0]
    tolerance = 1e-12 * np.abs(observed).max(initial=1)  # a labelling that changes nothing counts as equal
    p = (similarity >= observed - tolerance).mean(axis=0)
    p_max = (similarity.max(axis=1)[:, None] >= observed - tolerance).mean(axis=0)
    if alternative == "two-sided":
        less = (similarity <= observed + tolerance).mean(axis=0)
        least = (similarity.min(axis=1)[:, None] <= observed + tolerance).mean(axis=0)
        p = np.minimum(1, 2 * np.minimum(p, less))
        p_max = np.minimum(1, 2 * np.minimum(p_max, least))
    method = f"permutation of conditions, {'exact' if exact else 'Monte Carlo'}"
    return Permuted(p, p_max, len(orders) if exact else n_resamples, method)


def _check_alternative(alternative):
    if alternative not in ("greater", "two-sided"):
        raise ValueError(f"alternative '{alternative}' is not one of greater, two-sided")


def _permuted_similarity(data, models, comparator, orders, covariance):
    n = orders.shape[1]
    rows, columns = np.triu_indices(n, 1)
    place = np.zeros((n, n), int)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    linear = not comparator.startswith("tau") and covariance is None
    if linear:  # the mean over subjects of inner products is the inner product with the mean
        whitened = comparator.startswith("whitened")
        prepared = comparators.prepare(models, comparator)
        target = comparators.prepare(data, comparator).mean(axis=0)
        if whitened:
            square = target.reshape(n, n)
            return np.array([prepared @ square[np.ix_(o, o)].ravel() for o in orders])
        out, step = np.empty((len(orders), len(models))), max(1, 2**22 // len(rows))
        for start in range(0, len(orders), step):
            o = orders[start : start + step]
            out[start : start + step] = target[place[o[:, rows], o[:, columns]]] @ prepared.T
        return out
    shuffled = (models[:, place[o[rows], o[columns]]] for o in orders)
    return np.array([comparators.compare(m, data, comparator, covariance=covariance).mean(axis=1) for m in shuffled])


def sign_flip(
    values,
    *,
    alternative: Literal["greater", "two-sided"] = "greater",
    level=0.95,
    n_flips=10_000,
    rng=None,
    names=None,
) -> pd.DataFrame:
    """Is the mean over subjects (or seeds) more than 0? Signs flipped in every way.

    Under the hypothesis that each subject's value is symmetric about 0, every pattern of signs is as likely. With up to
    16 subjects all are taken: the smallest p is 1/2^n one-sided, 2/2^n two-sided (.0625 for five).

    Parameters
    ----------
    values : array, shape (n_subjects,) or (n_subjects, n_columns), or DataFrame
        Columns are models or layers; `p_max` corrects for taking the best of them, by the maximum of t.
    alternative : str
    level : float
        Of the interval, by Student's t over subjects.
    n_flips : int
        Random patterns, with more than 16 subjects.
    rng : numpy Generator, needed then

    Returns
    -------
    DataFrame
        name, estimate (mean), low, high, p, p_max, n, n_flips, method.

    Raises
    ------
    ValueError
        If there are fewer than two subjects, a value is missing, or `rng` is needed.
    """
    _check_alternative(alternative)
    check_fraction(level, "level")
    check_count(n_flips, "n_flips")
    if isinstance(values, pd.DataFrame):
        names, values = list(values.columns), values.to_numpy()
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    n, n_columns = values.shape
    if n < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"{n} subjects given, {np.isnan(values).sum()} values are NaN; at least 2 complete ones are wanted"
        )
    exact = 2**n <= MOST_EXACT_FLIPS
    if exact:
        signs = 1.0 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    elif rng is None:
        raise ValueError(f"{n} subjects have 2^{n} patterns of signs; give `rng` to draw from them")
    else:
        signs = np.concatenate([np.ones((1, n)), rng.choice([-1.0, 1.0], size=(n_flips, n))])
    means = signs @ values / n
    statistic = means if alternative == "greater" else np.abs(means)
    # flips leave Σ x² as it is, so t is a monotone function of the mean; for the maximum, columns are on t's scale
    spread = np.sqrt(np.maximum((values**2).mean(axis=0) - means**2, 0) / max(n - 1, 1))
    studentised = statistic / np.maximum(spread, 1e-300)
    # sums that differ by the order they were added in are equal, also around 0
    slack = 1e-9 * np.abs(values).mean(axis=0)
    p = (statistic >= statistic[0] - slack).mean(axis=0)
    largest = studentised.max(axis=1)[:, None]
    p_max = (largest >= studentised[0] - 1e-9 * np.maximum(np.abs(studentised[0]), 1)).mean(axis=0)
    half = stats.t.ppf((1 + level) / 2, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n)
    method = f"sign-flip over {n} subjects, {'exact' if exact else 'Monte Carlo'}, interval by t({n - 1})"
    return pd.DataFrame(
        {"name": names if names is not None else range(n_columns), "estimate": means[0], "low": means[0] - half,
         "high": means[0] + half, "p": p, "p_max": p_max, "n": n, "n_flips": len(signs) - (not exact), "method": method}
    )  # fmt: skip
