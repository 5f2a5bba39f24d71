"""How alike two RDMs are: correlations, rank correlations, cosines and their whitened forms.

Each function takes stacks of dissimilarity vectors and gives all pairs at once. Each RDM is prepared
(centred, ranked, whitened) once, however many others it is compared with; what remains is a product.
"""

from typing import Literal, get_args

import numpy as np
from scipy.stats import kendalltau, rankdata

Comparator = Literal[
    "pearson", "spearman", "cosine", "whitened_cosine", "whitened_correlation", "tau_a", "tau_b", "rho_a"
]  # fmt: skip
OF_RANKS = ("spearman", "tau_a", "tau_b", "rho_a")
NEEDS_VARIANCE = ("pearson", "spearman", "whitened_correlation", "tau_b")  # undefined for a constant RDM


def compare(first, second, comparator: Comparator = "spearman", *, covariance=None):
    """Similarity of every RDM of one stack with every RDM of another.

    Parameters
    ----------
    first, second : array, shape (n_first, n_pairs), (n_second, n_pairs)
        Dissimilarities, upper triangle row by row, conditions in the same order.
    comparator : str
        "pearson", "spearman", "cosine"; "rho_a" (the Spearman correlation expected when ties are broken at random);
        "tau_a", "tau_b" (Kendall); "whitened_cosine", "whitened_correlation" (Diedrichsen et al. 2021).
    covariance : array, shape (n_conditions, n_conditions), optional
        Covariance of the pattern estimates over conditions, Σ_k, for the whitened ones; identity if not given.

    Returns
    -------
    array, shape (n_first, n_second); NaN where an RDM does not vary and the comparator needs it to.
    """
    first, second = np.atleast_2d(np.asarray(first, float)), np.atleast_2d(np.asarray(second, float))
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"RDMs of {first.shape[1]} and {second.shape[1]} pairs of conditions; as many are wanted")
    if comparator in ("tau_a", "tau_b"):
        return _kendall(first, second, comparator)
    ready = prepare(first, comparator, covariance=covariance)
    return ready @ (ready if second is first else prepare(second, comparator, covariance=covariance)).T


def prepare(dissimilarities, comparator, *, covariance=None):
    """Vectors whose plain inner products are the comparator; shape (n_rdms, n_pairs or n_conditions²).

    Kendall's tau has no such form.
    """
    if comparator not in get_args(Comparator) or comparator.startswith("tau"):
        raise ValueError(f"comparator '{comparator}' is not one of {', '.join(get_args(Comparator))}")
    values = np.atleast_2d(np.asarray(dissimilarities, float))
    n_pairs = values.shape[1]
    if comparator in ("spearman", "rho_a"):
        values = rankdata(values, axis=1)
    if comparator in ("pearson", "spearman", "rho_a", "whitened_correlation"):
        values = _centre(values)
    if comparator == "rho_a":  # the variance that untied ranks would have
        return values / np.sqrt(n_pairs * (n_pairs**2 - 1) / 12)
    if comparator in ("whitened_cosine", "whitened_correlation"):
        values = whiten_rdms(values, covariance)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, norms, out=np.full_like(values, np.nan), where=norms > 0)


def whiten_rdms(dissimilarities, covariance=None):
    """Second-moment matrices whose inner product is dᵀ V⁻¹ d' (up to one constant for all).

    V_ab = (ξ_a Σ_k ξ_bᵀ)² is the covariance of dissimilarities a, b under noise Σ_k (Diedrichsen et al. 2021,
    for small distances). −D/2 holds the second moments up to terms v1ᵀ + 1vᵀ; after whitening by Σ_k = L Lᵀ those
    terms lie along L⁻¹1 and are projected off: exact, in O(n³), where V itself has n⁴/4 entries.

    Parameters
    ----------
    dissimilarities : array, shape (n_rdms, n_pairs)
    covariance : array, shape (n_conditions, n_conditions), optional

    Returns
    -------
    array, shape (n_rdms, n_conditions²)
    """
    moments = -0.5 * to_square(dissimilarities)
    n = moments.shape[-1]
    if covariance is None:
        axis = np.full(n, n**-0.5)
    else:
        covariance = np.asarray(covariance, float)
        if covariance.shape != (n, n):
            raise ValueError(f"covariance has shape {covariance.shape}; ({n}, {n}), one row per condition, is wanted")
        try:
            inverse = np.linalg.inv(np.linalg.cholesky(covariance))
        except np.linalg.LinAlgError:
            raise ValueError("covariance over conditions is not positive definite; see shrink_covariance") from None
        moments = inverse @ moments @ inverse.T
        axis = inverse.sum(axis=1)
        axis /= np.linalg.norm(axis)
    along = moments @ axis  # (n_rdms, n)
    moments = moments - along[..., None] * axis - axis[:, None] * along[:, None, :]
    moments += (along @ axis)[:, None, None] * np.outer(axis, axis)
    return moments.reshape(len(moments), -1)


def to_square(vectors):
    """Square symmetric matrices of upper-triangle vectors; (..., n_pairs) → (..., n, n), zero diagonal."""
    vectors = np.asarray(vectors)
    n = n_conditions_of(vectors.shape[-1])
    square = np.zeros((*vectors.shape[:-1], n, n), vectors.dtype)
    rows, columns = np.triu_indices(n, 1)
    square[..., rows, columns] = vectors
    square[..., columns, rows] = vectors
    return square


def n_conditions_of(n_pairs) -> int:
    """How many conditions have so many pairs."""
    n = int(round((1 + np.sqrt(1 + 8 * n_pairs)) / 2))
    if n * (n - 1) // 2 != n_pairs:
        raise ValueError(f"{n_pairs} is not a number of pairs n(n−1)/2; give the upper triangle of a square RDM")
    return n


def _centre(values):
    """Minus the mean; what only rounding keeps from zero becomes zero."""
    mean = values.mean(axis=1, keepdims=True)
    centred = values - mean
    flat = np.abs(centred).max(axis=1, initial=0) <= 1e-13 * np.abs(values).max(axis=1, initial=0)
    centred[flat] = 0
    return centred


def _kendall(first, second, comparator):
    values = np.array([[kendalltau(a, b).statistic for b in second] for a in first])
    if comparator == "tau_b":
        return values
    # tau-a divides by all pairs of entries, tau-b by those without ties
    untied = [np.array([_fraction_untied(v) for v in stack]) for stack in (first, second)]
    values = np.where(np.isnan(values), 0.0, values)  # all tied: nothing is concordant
    return values * np.sqrt(np.outer(*untied))


def _fraction_untied(vector):
    counts = np.unique(vector, return_counts=True)[1].astype(float)
    n = len(vector)
    return 1 - (counts * (counts - 1)).sum() / (n * (n - 1))
