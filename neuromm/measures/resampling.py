"""RDMs compared again under resampled conditions and subjects, all resamples in one weighted product.

A condition drawn c_i times gives the pair (i, j) the weight c_i c_j; pairs of a condition with itself drop out.
So sums over a resampled RDM are weighted sums over the original one, and all of them are one matrix product.
"""

from __future__ import annotations

import numpy as np

from neuromm.measures.comparators import n_conditions_of, to_square
from neuromm.measures.resampled_ranks import Evaluations, by_rank, one_by_one, pair_weights
from neuromm.measures.rsa_checks import check_memory

LINEAR = ("cosine", "pearson", "whitened_cosine", "whitened_correlation")
CHUNK_BYTES = 2**26  # weights of the resamples that are multiplied at once


def draw_counts(n, n_resamples, rng, least=1):
    """How often each of `n` things is drawn in each resample of `n` draws; at least `least` distinct ones.

    Returns
    -------
    array of int, shape (n_resamples, n)
    """
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples)
    while (few := (counts > 0).sum(axis=1) < least).any():
        counts[few] = rng.multinomial(n, np.full(n, 1 / n), size=int(few.sum()))
    return counts


def evaluate_resamples(data, models, comparator, *, condition_counts=None, subject_counts=None, ceilings="distinct"):
    """Similarity of models to the data, and noise ceilings, in every resample.

    Parameters
    ----------
    data, models : array, shape (n_subjects, n_pairs), (n_models, n_pairs)
        Dissimilarities over the same conditions.
    comparator : str
        The linear ones (pearson, cosine, whitened) cost one product; Spearman and rho-a rank each resample;
        Kendall's tau compares each resample anew and is slow.
    condition_counts : array of int, shape (n_resamples, n_conditions), optional
        How often each condition is drawn; every one once if not given.
    subject_counts : array of int, shape (n_resamples, n_subjects), optional
        How often each subject is drawn; every one once if not given.
    ceilings : "distinct", "weighted" or None
        Both pool subjects as often as they are drawn. "distinct" averages over the distinct subjects of a resample
        (as rsatoolbox does), "weighted" over subjects as often as they are drawn.

    Returns
    -------
    Evaluations

    Notes
    -----
    Whitened comparators take a condition drawn c times as measured with 1/c of the noise variance, Σ_k = diag(1/c).
    """
    return evaluate_together(data, models, comparator, [(condition_counts, subject_counts)], ceilings=ceilings)[0]


def evaluate_dual(data, models, comparator, condition_counts, subject_counts, *, ceilings="distinct"):
    """`evaluate_resamples` over both, over subjects alone and over conditions alone, from the same draws."""
    schemes = [(condition_counts, subject_counts), (None, subject_counts), (condition_counts, None)]
    return evaluate_together(data, models, comparator, schemes, ceilings=ceilings)


def evaluate_together(data, models, comparator, schemes, *, ceilings="distinct"):
    """Several schemes of (condition_counts, subject_counts) that share the work of equal conditions."""
    data, models = np.atleast_2d(np.asarray(data, float)), np.atleast_2d(np.asarray(models, float))
    if ceilings not in ("distinct", "weighted", None):
        raise ValueError(f"ceilings '{ceilings}' is not one of distinct, weighted, None")
    all_conditions = np.ones((1, n_conditions_of(data.shape[1])), int)
    all_subjects = np.ones((1, len(data)), int)
    by_conditions = {}  # resamples of conditions → the schemes that use them
    for place, (conditions, subjects) in enumerate(schemes):
        conditions = all_conditions if conditions is None else conditions
        subjects = all_subjects if subjects is None else subjects
        by_conditions.setdefault(id(conditions), (conditions, []))[1].append((place, subjects))
    found = {}
    for conditions, wanted in by_conditions.values():
        places, subjects = zip(*wanted, strict=True)
        found |= zip(places, _evaluate(data, models, comparator, conditions, subjects, ceilings), strict=True)
    return [found[place] for place in range(len(schemes))]


def _evaluate(data, models, comparator, condition_counts, several_subject_counts, ceilings):
    if comparator in LINEAR:
        similarity, between = linear_similarities(data, models, comparator, condition_counts)
        return [_pool_linear(similarity, between, counts, ceilings) for counts in several_subject_counts]
    evaluate = by_rank if comparator in ("spearman", "rho_a") else one_by_one
    return evaluate(data, models, comparator, condition_counts, several_subject_counts, ceilings)


def linear_similarities(data, models, comparator, counts):
    """Similarity of models with subjects, and of subjects with each other, in every resample of conditions.

    Returns
    -------
    similarity : array, shape (n_resamples, n_models, n_subjects)
    between : array, shape (n_resamples, n_subjects, n_subjects)
    """
    n_models, n_subjects = len(models), len(data)
    stack = np.concatenate([models, data])
    # scaling leaves every comparator, and centring the correlations, as they are; both keep small differences exact
    if comparator in ("pearson", "whitened_correlation"):
        stack = stack - stack.mean(axis=1, keepdims=True)
    stack = stack / np.maximum(np.linalg.norm(stack, axis=1, keepdims=True), np.finfo(float).tiny)
    m, s = np.arange(n_models), np.arange(n_models, n_models + n_subjects)
    with_data = np.stack(np.meshgrid(m, s, indexing="ij"), -1).reshape(-1, 2)
    among = np.stack([s[i] for i in np.triu_indices(n_subjects)], -1)
    pairs = np.concatenate([with_data, np.stack([m, m], -1), among])
    inner = np.empty((len(counts), len(pairs)))
    for chunk in _chunks(len(counts), stack.shape[1]):
        inner[chunk] = _inner_products(stack, pairs, counts[chunk], comparator)
    cross, own, upper = np.split(inner, [len(with_data), len(with_data) + n_models], axis=1)
    between = np.empty((len(counts), n_subjects, n_subjects))
    rows, columns = np.triu_indices(n_subjects)
    between[:, rows, columns] = between[:, columns, rows] = upper
    # what rounding leaves of an RDM that does not vary in a resample is no variance
    own = np.sqrt(np.where(own > 1e-14, own, np.nan))
    norms = np.einsum("nss->ns", between)
    norms = np.sqrt(np.where(norms > 1e-14, norms, np.nan))
    similarity = cross.reshape(-1, n_models, n_subjects) / own[:, :, None] / norms[:, None, :]
    between /= norms[:, :, None]
    between /= norms[:, None, :]
    return similarity, between


def _inner_products(stack, pairs, counts, comparator):
    """Inner products of pairs of RDMs in the comparator's geometry, one row per resample."""
    weights = pair_weights(counts)
    products = weights @ (stack[pairs[:, 0]] * stack[pairs[:, 1]]).T
    a, b = pairs.T
    if comparator == "cosine":
        return products
    total = weights.sum(axis=1, keepdims=True)
    if comparator == "pearson":
        sums = weights @ stack.T
        return products - sums[:, a] * sums[:, b] / total
    own = [_whitened_terms(stack, counts)]
    inner = _whitened_inner(products, own[0], own[0], a, b, counts)
    if comparator == "whitened_cosine":
        return inner
    # the mean over pairs leaves the RDM: D − m E, with E one for every pair
    sums = weights @ stack.T
    mean = sums / total
    ones = _whitened_terms(np.ones((1, stack.shape[1])), counts)
    nothing = np.zeros(stack.shape[0], int)
    with_ones = _whitened_inner(sums, own[0], ones, np.arange(len(stack)), nothing, counts)
    one_one = _whitened_inner(total, ones, ones, nothing[:1], nothing[:1], counts)
    return inner - mean[:, b] * with_ones[:, a] - mean[:, a] * with_ones[:, b] + mean[:, a] * mean[:, b] * one_one


def _whitened_terms(stack, counts):
    """Rows and totals of the weighted second moments −D/2: (n_rdms, n_resamples, n), (n_rdms, n_resamples)."""
    rows = counts.astype(float) @ (-0.5 * to_square(stack))
    return rows, np.einsum("rbi,bi->rb", rows, counts)


def _whitened_inner(products, first, second, a, b, counts):
    """Frobenius inner products of weighted, double-centred moments, from sums alone.

    Σ c_i c_j G_ij G'_ij − (2/n) Σ c_i (Gc)_i (G'c)_i + (cᵀGc)(cᵀG'c)/n², where G = −D/2 has no diagonal.
    """
    n = counts.sum(axis=1)
    rows = np.empty((len(counts), len(a)))
    for k, (i, j) in enumerate(zip(a, b, strict=True)):
        rows[:, k] = np.einsum("bi,bi,bi->b", counts, first[0][i], second[0][j], optimize=False)
    totals = first[1][a].T * second[1][b].T
    return products / 2 - 2 * rows / n[:, None] + totals / n[:, None] ** 2


def _pool_linear(similarity, between, counts, ceilings):
    """Means over subjects and ceilings; either side may hold one resample for all."""
    total = counts.sum(axis=1, keepdims=True)
    evaluated = np.einsum("nms,ns->nm", *_same_length(similarity, counts)) / total
    if ceilings is None or between.shape[1] < 2:
        missing = np.full(len(evaluated), np.nan)
        return Evaluations(evaluated, missing, missing.copy())
    between, counts = _same_length(between, counts)
    with_pool = np.einsum("nst,nt->ns", between, counts)
    square = np.einsum("ns,ns->n", with_pool, counts)[:, None]
    left = square - 2 * counts * with_pool + counts**2  # squared length of the pool of the others
    with np.errstate(invalid="ignore", divide="ignore"):
        high = with_pool / np.sqrt(square)
        low = np.where(left > 1e-12, (with_pool - counts) / np.sqrt(left), np.nan)
    return Evaluations(evaluated, _over_subjects(low, counts, ceilings), _over_subjects(high, counts, ceilings))


def _over_subjects(values, counts, ceilings):
    weights = counts.astype(float) if ceilings == "weighted" else (counts > 0).astype(float)
    weights = np.broadcast_to(weights, values.shape)
    return np.where(weights > 0, values * weights, 0).sum(axis=1) / weights.sum(axis=1)


def _same_length(first, second):
    n = max(len(first), len(second))
    return np.broadcast_to(first, (n, *first.shape[1:])), np.broadcast_to(second, (n, *second.shape[1:]))


def _chunks(n_resamples, n_pairs):
    check_memory(8 * n_pairs * 64, "the weights of 64 resamples", "Use fewer conditions.")
    step = max(16, CHUNK_BYTES // (8 * n_pairs))
    return [slice(i, i + step) for i in range(0, n_resamples, step)]
