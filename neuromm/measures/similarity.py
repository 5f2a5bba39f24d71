"""How alike two sets of patterns are over the same conditions, without an RDM between.

Every measure takes whichever product is smaller, of trials or of features, and gives the same number.
"""

from __future__ import annotations

import numpy as np

from neuromm.measures.dissimilarity import as_float, gram
from neuromm.measures.rsa_checks import ConstantPatterns, check_enough_conditions, check_finite, check_memory


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
    n = len(x)
    x_shift, y_shift = x.mean(axis=0, keepdims=True), y.mean(axis=0, keepdims=True)
    if n <= x.shape[1] + y.shape[1]:
        k = gram(x, shift=x_shift)
        l = k if y is x else gram(y, shift=y_shift)
        inner = [_inner(k, l), _inner(k, k), _inner(l, l)]
        k, l = np.diag(k).astype(float), np.diag(l).astype(float)
    else:
        n_bytes = (x.shape[1] + y.shape[1]) ** 2 * x.itemsize
        check_memory(n_bytes, "the products of features", "Average by condition, or use fewer units.")
        x, y = x - x_shift, y - y_shift
        cross, own_x, own_y = x.T @ y, x.T @ x, y.T @ y
        inner = [_inner(cross, cross), _inner(own_x, own_x), _inner(own_y, own_y)]
        k, l = np.square(x).sum(axis=1, dtype=float), np.square(y).sum(axis=1, dtype=float)
    if debiased:
        inner = [_unbias(i, a, b) for i, (a, b) in zip(inner, ((k, l), (k, k), (l, l)), strict=True)]
    with np.errstate(invalid="ignore"):
        value = inner[0] / np.sqrt(inner[1] * inner[2])
    return float(value)


def _unbias(inner, k, l):
    """Unbiased HSIC, up to its factor 1/(n(n−3)), from tr(KL) of centred kernels and their diagonals.

    A centred kernel's rows sum to zero, so without its diagonal they sum to −k_i: Song's three terms
    need nothing but the diagonals.
    """
    n = len(k)
    both = float(k @ l)
    return inner - both + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 * both / (n - 2)


def _inner(a, b):
    """Σ a_ij b_ij, rows summed in their own dtype and then in float64."""
    return float(np.einsum("ij,ij->i", a, b).sum(dtype=float))


def as_patterns(x, y):
    """Two arrays over the same conditions, checked; labelled ones are aligned by label."""
    same = x is y
    x, y = _align_labelled(x, y)
    x = as_float(x)
    y = x if same else as_float(y)
    for values, name in ((x, "x"), (y, "y")):
        if values.ndim != 2 or not values.shape[1]:
            raise ValueError(f"{name} has shape {values.shape}; (n_conditions, n_units) is wanted")
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}; the same conditions in the same rows are wanted")
    check_enough_conditions(len(x), "a comparison of patterns")
    for values, name in ((x, "x"), (y, "y")):
        check_finite(values[None], [name], "the patterns")
        if not np.ptp(values, axis=0).any():
            raise ConstantPatterns(f"{name} is the same in every condition; there is nothing to compare")
    return x, y


def _align_labelled(x, y):
    labelled = [v for v in (x, y) if hasattr(v, "coords") and "condition" in v.coords]
    if len(labelled) < 2:
        return np.asarray(x), np.asarray(y)
    from neuromm.measures.patterns import condition_patterns

    return condition_patterns(x, y)
