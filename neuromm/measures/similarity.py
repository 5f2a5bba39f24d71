"""How alike two sets of patterns are over the same conditions, without an RDM between.

Every measure takes whichever product is smaller, of conditions or of units, and gives the same number.
"""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import pandas as pd

from neuromm.measures.dissimilarity import (
    ROWS_IN_CACHE,
    as_float,
    centred_columns,
    gram,
    is_in_range,
    means_are_large,
    scaled_to_one,
)
from neuromm.measures.patterns import condition_patterns
from neuromm.measures.predictivity import linear_predictivity
from neuromm.measures.rsa_checks import (
    ConstantPatterns,
    check_count,
    check_enough_conditions,
    check_finite,
    check_memory,
)
from neuromm.measures.ties import rounding_error

Measure = Literal[
    "cka_debiased", "cka_biased", "procrustes", "angular", "cca", "svcca", "pwcca", "mutual_knn", "predictivity"
]  # fmt: skip
DIRECTED = ("pwcca", "predictivity")  # first → second differs from second → first


def compare_representations(activities, others=None, *, measure: Measure = "cka_debiased", by="condition", **options):
    """A set-to-set measure for every pair of recordings.

    Parameters
    ----------
    activities : dict of name → DataArray (trial, unit) with a condition per trial, or array (n_conditions, n_units)
        DataArrays are averaged and aligned by condition; arrays hold the same conditions in the same rows.
    others : the same, optional
        Compare each of `activities` with each of these instead.
    measure : str
        "cka_debiased" (default), "cka_biased", "procrustes" (similarity), "angular" (distance, rad), "cca", "svcca",
        "pwcca", "mutual_knn", "predictivity" (R² of second predicted from first).
    options : passed to the measure.

    Returns
    -------
    DataFrame : first, second, measure, value, n_conditions; directed measures have a row for each direction.
    """
    if measure not in get_args(Measure):
        raise ValueError(f"measure '{measure}' is not one of {', '.join(get_args(Measure))}")
    known = {} if measure.startswith("cka") else inspect.signature(_MEASURES[measure]).parameters
    unknown = set(options) - set(list(known)[2:])  # the first two are the patterns
    if unknown:
        takes = ", ".join(list(known)[2:]) or "none"
        raise TypeError(f"options of '{measure}' must be among: {takes}; got {', '.join(sorted(unknown))}")
    first = {str(k): v for k, v in activities.items()}
    second = first if others is None else {str(k): v for k, v in others.items()}
    everything = [*first.values(), *(() if others is None else second.values())]
    labelled = [hasattr(v, "coords") and by in v.coords for v in everything]
    if all(labelled):
        arrays = condition_patterns(*everything, by=by)
    elif any(labelled):
        raise ValueError(
            "some recordings name their conditions and some do not; give all as DataArrays, or all as arrays"
        )
    else:
        arrays = [np.asarray(v) for v in everything]
    left = dict(zip(first, arrays, strict=False))
    right = left if others is None else dict(zip(second, arrays[len(first) :], strict=True))
    prepared = {}
    if measure.startswith("cka"):
        names = [*first, *(() if others is None else second)]
        prepared = {id(a): _Centred(a, measure == "cka_debiased", n) for a, n in zip(arrays, names, strict=True)}
    rows = []
    for i, (a, x) in enumerate(left.items()):
        for j, (b, y) in enumerate(right.items()):
            if others is None and (i == j or (j < i and measure not in DIRECTED)):
                continue
            if prepared:
                as_patterns(x, y)
                value = _cka(prepared[id(x)], prepared[id(y)])
            else:
                value = _MEASURES[measure](x, y, **options)
            rows.append({"first": a, "second": b, "measure": measure, "value": value, "n_conditions": len(x)})
    return pd.DataFrame(rows, columns=["first", "second", "measure", "value", "n_conditions"])


def cka(x, y, *, debiased=True):
    """Linear centred kernel alignment of two sets of patterns.

    Biased: ‖XᵀY‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F) on centred columns (Kornblith et al. 2019). It tends to 1 for independent
    sets as features outnumber conditions; debiased (Song et al. 2012) it tends to 0, and may be negative.

    Parameters
    ----------
    x, y : array or DataArray, shape (n_conditions, n_units_x), (n_conditions, n_units_y)
        The same conditions in the same rows; numbers of units may differ. DataArrays are aligned by `condition`.
    debiased : bool
        Whether to use the unbiased estimate of HSIC; never clamped.

    Returns
    -------
    float

    Raises
    ------
    TooFewConditions, ConstantPatterns, NotFinite, ValueError
        If there are fewer than four rows, a set does not vary, holds NaN, or row numbers differ.
    """
    x, y = as_patterns(x, y)
    first = _Centred(x, debiased, "x")
    return _cka(first, first if y is x else _Centred(y, debiased, "y"))


class _Centred:
    """Patterns with centred columns, and their products, each formed when first needed.

    Kernels are divided by their mean diagonal, so that no product leaves the range of float32. Debiased kernels are
    U-centred (Székely & Rizzo 2014): Σ K_ij L_ij is then the unbiased HSIC of Song et al. (2012), times n(n − 3).
    """

    def __init__(self, patterns, debiased, name):
        self.patterns, self.debiased, self.name = as_float(patterns), debiased, name

    @cached_property
    def values(self):
        return centred_columns(scaled_to_one(centred_columns(self.patterns)))

    @cached_property
    def kernel(self):
        kernel, mean = self._products()
        n, of_all = len(kernel), mean.mean()
        # centred on both sides: K_ij − m_i − m_j + m; 0 where columns were centred
        diagonal = np.diag(kernel) - 2 * mean + of_all
        scale = float(n / diagonal.sum(dtype=float))
        diagonal *= scale
        # without its diagonal a row of a centred kernel sums to −k_i
        to_each = diagonal / (n - 2) if self.debiased else np.zeros_like(diagonal)
        to_all = diagonal.sum() / ((n - 1) * (n - 2)) if self.debiased else 0
        to_each -= scale * mean
        to_all -= scale * of_all
        for start in range(0, n, ROWS_IN_CACHE):
            rows = slice(start, start + ROWS_IN_CACHE)
            block = kernel[rows]
            block *= scale
            block += to_each
            block += (to_each[rows] - to_all)[:, None]
        if self.debiased:
            np.fill_diagonal(kernel, 0.0)
        return kernel

    def _products(self):
        """Products of the rows and the means of their columns: of rows as they are, if means take no digits."""
        if not means_are_large(self.patterns):
            kernel = gram(self.patterns)
            n = len(kernel)
            mean = kernel @ np.full(n, 1 / n, kernel.dtype)
            in_range = is_in_range(kernel)
            # means of all rows, not of some: at most a quarter of the sum of squares
            if in_range and mean.mean() <= kernel.trace(dtype=float) / n / 4:
                return kernel, mean
        kernel = gram(self.patterns, centre="columns")
        if not is_in_range(kernel):
            kernel = gram(self.values)
        return kernel, np.zeros(len(kernel), kernel.dtype)

    @cached_property
    def diagonal(self):
        return np.square(self.values).sum(axis=1, dtype=float)

    def product(self, other, by_kernel) -> float:
        """Σ_ij K_ij L_ij by kernels, or by products of units; each in its own unit, the same for one way."""
        if by_kernel:
            return _sum_of_products(self.kernel, other.kernel)
        p, q = self.patterns.shape[1], other.patterns.shape[1]
        check_memory(
            p * q * self.patterns.itemsize, "the products of units", "Average by condition, or use fewer units."
        )
        cross = self.values.T @ other.values
        inner = _sum_of_products(cross, cross)
        return _unbias(inner, self.diagonal, other.diagonal) if self.debiased else inner

    def size(self, by_kernel) -> float:
        """Product with itself.

        Raises
        ------
        ConstantPatterns
            If it is 0 but for rounding.
        """
        value, n = self.product(self, by_kernel), len(self.patterns)
        eps = np.finfo(self.patterns.dtype).eps
        if by_kernel:  # every entry is off by so much of the mean diagonal, 1
            limit = n * (n - 1) * rounding_error(eps, self.patterns.shape[1]) ** 2
        else:  # a difference of sums as large as the biased value
            limit = rounding_error(eps, n) * np.square(self.diagonal.sum())
        if self.debiased and not value > limit:
            raise ConstantPatterns(
                f"debiased CKA with {self.name} is 0/0: all its conditions are equally far apart, as one-hot labels "
                "are, or all but one are the same; use the biased form, or procrustes"
            )
        return value


def _cka(first, second):
    n = len(first.patterns)
    by_kernel = n <= first.patterns.shape[1] + second.patterns.shape[1]  # conditions fewer than units
    sizes = first.size(by_kernel), second.size(by_kernel)
    return float(first.product(second, by_kernel) / np.sqrt(sizes[0] * sizes[1]))


def _unbias(inner, k, l):
    """Unbiased HSIC, up to its factor 1/(n(n−3)), from tr(KL) of centred kernels and their diagonals.

    A centred kernel's rows sum to zero, so without its diagonal they sum to −k_i: Song's three terms
    need nothing but the diagonals.
    """
    n = len(k)
    both = float(k @ l)
    return inner - both + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 * both / (n - 2)


def _sum_of_products(a, b):
    """Σ a_ij b_ij, rows summed in their own dtype and then in float64."""
    return float(np.einsum("ij,ij->i", a, b).sum(dtype=float))


def procrustes(x, y) -> float:
    """Similarity of two shapes after the best rotation: ‖XᵀY‖_* of centred sets of unit norm, 0 to 1.

    Williams et al. 2021; the Procrustes distance is √(2 − 2 · similarity).
    """
    x, y = (v - v.mean(axis=0) for v in map(_double, as_patterns(x, y)))
    a, b = _narrow(x), _narrow(y)
    similarity = np.linalg.svd(a.T @ b, compute_uv=False).sum() / np.linalg.norm(x) / np.linalg.norm(y)
    return float(min(similarity, 1.0))


def angular_distance(x, y) -> float:
    """Angle between shapes after the best rotation, rad: arccos of `procrustes`, a metric (Williams et al. 2021)."""
    return float(np.arccos(procrustes(x, y)))


def cca(x, y) -> float:
    """Mean canonical correlation over the smaller number of dimensions.

    Raises
    ------
    ValueError
        If units are not fewer than conditions − 1: then any two sets correlate perfectly.
    """
    x, y = as_patterns(x, y)
    return float(_canonical(_basis(x), _basis(y))[1].mean())


def svcca(x, y, *, variance=0.99) -> float:
    """Mean canonical correlation of the principal components that hold `variance` (Raghu et al. 2017)."""
    x, y = as_patterns(x, y)
    return float(_canonical(_basis(x, variance), _basis(y, variance))[1].mean())


def pwcca(x, y, *, variance=1.0) -> float:
    """Canonical correlations weighted by how much of x each canonical variate accounts for (Morcos et al. 2018).

    Weights are α_i = Σ_j |⟨h_i, x_j⟩| over units j of centred x, h_i the unit-length canonical variates of x; so the
    measure is directed: pwcca(x, y) differs from pwcca(y, x).
    """
    x, y = as_patterns(x, y)
    own = _basis(x, variance)
    turn, correlations = _canonical(own, _basis(y, variance))
    weights = np.abs((own @ turn).T @ (x - x.mean(axis=0))).sum(axis=1)
    return float(weights @ correlations / weights.sum())


def mutual_knn(x, y, *, k=10) -> float:
    """Mean share of each condition's k nearest neighbours (cosine) that both sets have in common (Huh et al. 2024).

    Where several conditions are equally near for the last places, each of them is a neighbour with its probability
    when ties are broken at random in each set; so a set with such ties shares less than 1 with itself.
    """
    x, y = as_patterns(x, y)
    check_count(k, "k")
    if k >= len(x):
        raise ValueError(f"k must be at most {len(x) - 1} (conditions less one), got {k}")
    return float((_neighbours(x, k) * _neighbours(y, k)).sum(axis=1).mean() / k)


def _neighbours(values, k):
    """Probability that j is among the k nearest of i; shape (n, n), rows sum to k."""
    values = scaled_to_one(values)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    distances = -gram(np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0))
    np.fill_diagonal(distances, np.inf)
    last = np.partition(distances, k - 1, axis=1)[:, k - 1, None]
    limit = rounding_error(np.finfo(values.dtype).eps, values.shape[1])
    nearer = distances < last - limit
    tied = ~nearer & (distances <= last + limit)
    places = k - nearer.sum(axis=1, keepdims=True)
    return nearer + tied * (places / tied.sum(axis=1, keepdims=True))


def _narrow(x):
    """A matrix with the same products of rows and at most as many columns as rows."""
    n, p = x.shape
    if p <= n:
        return x
    return np.linalg.qr(x.T, mode="r").T  # not through the kernel, whose roots would lose half the digits


def _basis(x, variance=1.0):
    """Orthonormal columns that span the centred set (or its leading components)."""
    if not 0 < variance <= 1:
        raise ValueError(f"variance is {variance}; a fraction above 0 and at most 1 is wanted")
    x = _double(x)
    x = _narrow(x - x.mean(axis=0))
    left, scale, _ = np.linalg.svd(x, full_matrices=False)
    kept = scale > scale[0] * max(x.shape) * np.finfo(float).eps
    if variance < 1:
        share = np.cumsum(scale**2) / (scale**2).sum()
        kept &= np.arange(len(scale)) <= np.searchsorted(share, variance)
    left = left[:, kept]
    if left.shape[1] >= len(x) - 1:
        raise ValueError(
            f"{left.shape[1]} dimensions in {len(x)} conditions: canonical correlations are 1 for any two such sets; "
            "use svcca with less variance, or cka, or more conditions"
        )
    return left


def _canonical(first, second):
    turn, correlations, _ = np.linalg.svd(first.T @ second, full_matrices=False)
    return turn, np.minimum(correlations, 1.0)


def _double(values):
    return np.asarray(values, float)


def as_patterns(x, y):
    """Two arrays over the same conditions, checked; labelled ones are aligned by label."""
    same = x is y
    if all(hasattr(v, "coords") and "condition" in v.coords for v in (x, y)):
        x, y = condition_patterns(x, y)
    x = as_float(x)
    y = x if same else as_float(y)
    for values, name in ((x, "x"), (y, "y")):
        if values.ndim != 2 or not values.shape[1]:
            raise ValueError(f"{name} has shape {values.shape}; (n_conditions, n_units) is wanted")
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}; the same conditions in the same rows are wanted")
    check_enough_conditions(len(x), "a comparison of patterns")
    for values, name in ((x, "x"), (y, "y")):
        if not np.isfinite(values.sum()):  # one pass tells of any NaN
            check_finite(values[None], [name], "the patterns")
        limit = 8 * np.finfo(values.dtype).eps * np.abs(values[0])  # what rounding leaves between equal patterns
        if not any((np.abs(row - values[0]) > limit).any() for row in values[1:]):
            raise ConstantPatterns(f"{name} is the same in every condition; there is nothing to compare")
    return x, y


_MEASURES = {
    "procrustes": procrustes, "angular": angular_distance, "cca": cca, "svcca": svcca, "pwcca": pwcca,
    "mutual_knn": mutual_knn, "predictivity": linear_predictivity,
}  # fmt: skip
