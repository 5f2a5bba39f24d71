"""Rank correlations of resampled RDMs: weighted mid-ranks from one sort per RDM, and any comparator written out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from neuromm.measures import comparators, ties


class Evaluations(NamedTuple):
    """Of each resample: similarity of each model to the data, and the two noise ceilings."""

    models: np.ndarray  # (n_resamples, n_models), mean over the resample's subjects
    low: np.ndarray  # (n_resamples,), each subject against the pool of the others
    high: np.ndarray  # (n_resamples,), each subject against the pool of all


def pair_weights(counts):
    """Weight c_i c_j of each pair of conditions; (n_resamples, n) → (n_resamples, n_pairs)."""
    counts = counts.astype(float)
    n_resamples, n = counts.shape
    weights, start = np.empty((n_resamples, n * (n - 1) // 2)), 0
    for i in range(n - 1):  # row by row of the upper triangle: no gather
        np.multiply(counts[:, i : i + 1], counts[:, i + 1 :], out=weights[:, start : start + n - 1 - i])
        start += n - 1 - i
    return weights


def by_rank(data, models, comparator, condition_counts, several_subject_counts, ceilings):
    stack = np.concatenate([models, data])
    orders = np.argsort(stack, axis=1, kind="stable")

    def compare_under(conditions):
        ready, kept = _ranked(stack, orders, pair_weights(conditions[None])[0], comparator)
        similarity, ready = ready[: len(models)] @ ready[len(models) :].T, ready[len(models) :]
        return similarity, lambda counts: _rank_ceilings(ready, counts, kept, comparator, ceilings)

    return _each_resample(compare_under, len(models), condition_counts, several_subject_counts, ceilings)


def one_by_one(data, models, comparator, condition_counts, several_subject_counts, ceilings):
    """Each resample written out and compared anew; any comparator."""
    rows, columns = np.triu_indices(condition_counts.shape[1], 1)

    def compare_under(conditions):
        chosen = np.repeat(np.arange(len(rows)), conditions[rows] * conditions[columns])
        drawn = data[:, chosen]
        similarity = comparators.compare(models[:, chosen], drawn, comparator)
        return similarity, lambda counts: _tau_ceilings(drawn, counts, comparator, ceilings)

    return _each_resample(compare_under, len(models), condition_counts, several_subject_counts, ceilings)


def _each_resample(compare_under, n_models, condition_counts, several_subject_counts, ceilings):
    """Loop over resamples of conditions, each compared once for all schemes of subjects."""
    found = []
    for counts in several_subject_counts:
        n = max(len(condition_counts), len(counts))
        found.append(Evaluations(np.empty((n, n_models)), np.full(n, np.nan), np.full(n, np.nan)))
    for k, conditions in enumerate(condition_counts):
        similarity, ceilings_of = compare_under(conditions)
        for counts, evaluations in zip(several_subject_counts, found, strict=True):
            all_of_them = range(len(counts)) if len(condition_counts) == 1 else [k]
            for place in all_of_them:
                drawn = counts[place if len(counts) > 1 else 0]
                evaluations.models[place] = similarity @ drawn / drawn.sum()
                if ceilings is not None and len(drawn) > 1:
                    evaluations.low[place], evaluations.high[place] = ceilings_of(drawn)
    return found


def _ranked(stack, orders, weights, comparator):
    """Rows whose inner products are the rank correlation under pair weights, and those weights (pairs drawn)."""
    drawn = weights > 0
    position = np.cumsum(drawn) - 1
    n = int(drawn.sum())
    orders = position[orders[drawn[orders]]].reshape(len(stack), n)
    kept = weights[drawn]
    return scaled_ranks(midranks(stack[:, drawn], orders, kept), kept, comparator), kept


def midranks(values, orders, weights, limit=0.0):
    """Weighted mid-ranks of each row: the weight below, half the weight of what is tied, and a half.

    Values are tied with the next one above if they differ by at most `limit`.
    """
    rows = np.arange(len(values))[:, None]
    ordered, w = values[rows, orders], weights[orders]
    after = np.cumsum(w, axis=1)
    starts = np.ones(ordered.shape, bool)
    starts[:, 1:] = ordered[:, 1:] - ordered[:, :-1] > limit
    if starts.all():
        ranks = after - w / 2 + 0.5
    else:
        group = np.cumsum(starts.ravel()) - 1
        first = np.flatnonzero(starts.ravel())
        last = np.r_[first[1:], starts.size] - 1
        below = (after - w).ravel()[first]
        ranks = ((below + after.ravel()[last]) / 2 + 0.5)[group].reshape(ordered.shape)
    out = np.empty_like(ranks)
    out[rows, orders] = ranks
    return out


def scaled_ranks(ranks, weights, comparator):
    n = weights.sum()
    scaled = (ranks - (n + 1) / 2) * np.sqrt(weights)
    if comparator == "rho_a":
        return scaled / np.sqrt(n * (n**2 - 1) / 12)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.divide(scaled, norms, out=np.full_like(scaled, np.nan), where=norms > 0)


def _rank_ceilings(ready, counts, weights, comparator, ceilings):
    """Ceilings of one resample: the pooled ranks are ranked again, for all and without each subject."""
    there = np.flatnonzero(counts)
    root = np.sqrt(weights)
    total = counts @ ready
    pools = np.concatenate([total[None], total - counts[there, None] * ready[there]]) / root
    # sums of equal ranks are ties, whatever the order they were added in
    limit = ties.rounding_error(np.finfo(float).eps, 1) * counts.sum() * np.abs(ready / root).max()
    ranks = midranks(pools, np.argsort(pools, axis=1), weights, limit)
    pools = scaled_ranks(ranks, weights, comparator)
    high = ready[there] @ pools[0]
    low = np.einsum("sp,sp->s", ready[there], pools[1:]) if len(there) > 1 else np.full(1, np.nan)
    share = counts[there] if ceilings == "weighted" else np.ones(len(there))
    return low @ share / share.sum(), high @ share / share.sum()


def _tau_ceilings(drawn, counts, comparator, ceilings):
    there = np.flatnonzero(counts)
    drawn, few = drawn[there], counts[there]
    ranks = rankdata(drawn, axis=1)
    total, share = few @ ranks, few if ceilings == "weighted" else np.ones(len(few))
    high = comparators.compare(total, drawn, comparator)[0]
    low = np.full(len(few), np.nan)
    if len(few) > 1:
        pools = total - few[:, None] * ranks
        low = np.array([comparators.compare(p, d, comparator)[0, 0] for p, d in zip(pools, drawn, strict=True)])
    return low @ share / share.sum(), high @ share / share.sum()
