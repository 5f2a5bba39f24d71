"""How unlike two patterns are: every measure from one product of the patterns with themselves.

Arrays in, square arrays out. Features are taken in blocks, so a wide layer is never copied whole;
float32 patterns stay float32 and anything else becomes float64. Names, trials and folds: `rdm.py`.
"""

from typing import Literal

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse.csgraph import connected_components

from neuromm.maths.device import check_device
from neuromm.measures.rsa_checks import ConstantPatterns, check_memory, list_names

ROWS_IN_CACHE = 32  # of a square matrix that are finished together
ROWS_FOR_MEANS = 8  # that tell whether means of columns are large
UNITS_FOR_MEANS = 64  # that tell whether means of rows are large
BLOCK_BYTES = 2**22  # one block of centred patterns: small enough for the cache


def gram(patterns, *, centre: Literal["rows", "columns"] | None = None, device=None):
    """Inner products of all rows, features taken in blocks.

    Parameters
    ----------
    patterns : array, shape (n_rows, n_features)
    centre : str, optional
        Subtract the mean of each row, or of each column, first.
    device : str, optional
        A torch device for the products, such as "cuda"; numpy without it.

    Returns
    -------
    array, shape (n_rows, n_rows), of the dtype of `patterns`
    """
    patterns = as_float(patterns)
    n_rows, n_features = patterns.shape
    multiply = _multiply_on(device) if device else _multiply
    _check_memory(patterns)
    width = _block_width(n_rows, n_features, patterns.itemsize)
    means = patterns.mean(axis=1, keepdims=True) if centre == "rows" else None
    total = None
    for start in range(0, n_features, width):
        block = patterns[:, start : start + width]
        if centre == "rows":
            block = block - means
        elif centre == "columns":
            block = centred_columns(block)
        with np.errstate(over="ignore", invalid="ignore"):  # whoever takes the products looks for infinity in them
            product = multiply(block)
            total = product if total is None else np.add(total, product, out=total)
    return np.zeros((n_rows, n_rows), patterns.dtype) if total is None else total


def centred_columns(patterns):
    """A copy, (..., n_rows, n_features), with the mean of each column subtracted, exact to the last digit.

    The mean of float32 columns keeps an error of n eps × mean; the second subtraction takes it off.
    """
    centred = patterns - patterns.mean(axis=-2, keepdims=True)
    if centred.dtype == np.float32:
        centred -= centred.mean(axis=-2, keepdims=True)
    return centred


def squared_euclidean(patterns, *, device=None):
    """Squared Euclidean distance per feature, Σ_k (x_ik − x_jk)² / p; shape (n, n).

    Columns whose means are large are centred first. Distances far smaller than the spread of all patterns are
    computed again among themselves, so that one far pattern takes no digits from the others (see `_divergences`).
    """
    patterns = as_float(patterns)
    distances = _divergences(patterns[None], None, device)
    distances /= patterns.shape[1]
    return distances


def correlation(patterns, *, labels=None, device=None):
    """One minus the correlation of two patterns over features, between 0 and 2; shape (n, n).

    Raises
    ------
    ConstantPatterns
        If a pattern is the same in every feature: it correlates with nothing.
    """
    return _one_minus_cosine(as_float(patterns), "rows", labels, "the same in every unit", device)


def cosine(patterns, *, labels=None, device=None):
    """One minus the cosine of the angle between two patterns, between 0 and 2; shape (n, n).

    Raises
    ------
    ConstantPatterns
        If a pattern is zero in every feature: it has no direction.
    """
    return _one_minus_cosine(as_float(patterns), None, labels, "zero in every unit", device)


def mahalanobis(patterns, covariance, *, device=None):
    """Squared Mahalanobis distance per feature, (x_i − x_j)ᵀ Σ⁻¹ (x_i − x_j) / p; shape (n, n)."""
    return squared_euclidean(whiten(centred_columns(as_float(patterns)), covariance), device=device)


def crossnobis(patterns, covariance=None, *, device=None):
    """Cross-validated squared distance per feature: unbiased, so 0 on average for equal patterns; may be negative.

    The mean over ordered pairs of folds m ≠ l of (x_i^m − x_j^m)ᵀ Σ⁻¹ (x_i^l − x_j^l) / p (Walther et al. 2016).
    With S = Σ_m X^m, the sum over pairs of folds is S Sᵀ − Σ_m X^m X^mᵀ: no pair of folds is ever formed.

    Parameters
    ----------
    patterns : array, shape (n_folds, n_conditions, n_features)
        Mean pattern of each condition in each independent fold.
    covariance : array, shape (n_features, n_features) or (n_features,), optional
        Noise covariance, or variances alone; identity if not given.

    Returns
    -------
    array, shape (n_conditions, n_conditions)

    Raises
    ------
    ValueError
        If there are fewer than two folds.
    """
    patterns = as_float(patterns)
    n_folds, n_conditions, n_features = patterns.shape
    if n_folds < 2:
        raise ValueError(f"crossnobis compares independent folds; {n_folds} fold given, at least 2 are wanted")
    if covariance is not None:
        # the mean of a fold cancels in every difference; without it whitening loses no digits to it
        centred = centred_columns(patterns).reshape(-1, n_features)
        patterns = whiten(centred, covariance).reshape(patterns.shape)
    return _divergences(patterns, None, device) / (n_folds * (n_folds - 1) * n_features)


def poisson(rates, *, labels=None, device=None):
    """Symmetrised Kullback–Leibler divergence of Poisson rates per feature, Σ_k (λ_i − λ_j)(log λ_i − log λ_j) / p.

    Rates are drawn towards a prior rate of 1 of weight 0.1, so that silence has a logarithm (Schütt et al. 2023).

    Parameters
    ----------
    rates : array, shape (n_conditions, n_features)
        Mean spike counts or rates, not negative.

    Returns
    -------
    array, shape (n_conditions, n_conditions)

    Raises
    ------
    ValueError
        If a rate is negative, naming the condition.
    """
    rates = _with_prior(rates, labels)
    return _divergences(rates[None], np.log(rates)[None], device) / rates.shape[1]


def poisson_crossvalidated(rates, *, labels=None, device=None):
    """The same over independent folds: rates of all other folds against log rates of each, averaged over folds.

    Parameters
    ----------
    rates : array, shape (n_folds, n_conditions, n_features)
    """
    rates = _with_prior(rates, labels)
    n_folds, n_conditions, n_features = rates.shape
    if n_folds < 2:
        raise ValueError(f"cross-validation compares independent folds; {n_folds} fold given, at least 2 are wanted")
    return _divergences(rates, np.log(rates), device) / (n_folds * (n_folds - 1) * n_features)


def whiten(patterns, covariance):
    """Patterns in which noise of this covariance has unit variance and no correlation.

    Parameters
    ----------
    patterns : array, shape (n_rows, n_features)
    covariance : array, shape (n_features, n_features) or (n_features,)

    Raises
    ------
    ValueError
        If a variance is not positive or the covariance is not positive definite.
    """
    patterns = as_float(patterns)
    covariance = np.asarray(covariance, patterns.dtype)
    n_features = patterns.shape[1]
    if covariance.shape not in ((n_features,), (n_features, n_features)):
        wanted = f"({n_features}, {n_features}) or ({n_features},)"
        raise ValueError(f"covariance has shape {covariance.shape}; {wanted} is wanted")
    variances = covariance if covariance.ndim == 1 else np.diag(covariance)
    wrong = np.flatnonzero(~(variances > 0))
    if len(wrong):
        raise ValueError(
            f"noise variance of unit {list_names(wrong)} is not positive; a unit without noise cannot be "
            "normalised by it: leave such units out, or use noise=None"
        )
    if covariance.ndim == 1:
        return patterns / np.sqrt(variances)
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise ValueError("the noise covariance is not positive definite; shrink it: see shrink_covariance") from None
    return np.ascontiguousarray(solve_triangular(factor, patterns.T, lower=True, check_finite=False).T)


def as_float(values):
    """The array as it is if float32 or float64, else as float64."""
    values = np.asarray(values)
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)


def _multiply(block, other=None):
    return block @ (block if other is None else other).T


def _block_width(n_rows, n_features, itemsize):
    """Features per block: adding a block's products up must cost little beside forming them, hence 6 n."""
    width = max(6 * n_rows, BLOCK_BYTES // max(1, n_rows * itemsize))
    n_blocks = max(1, -(-n_features // width))
    return max(1, -(-n_features // n_blocks))


def _multiply_on(device):
    try:
        import torch
    except ImportError:
        raise ImportError("device= needs torch: pip install torch, or leave device out") from None
    check_device(device)

    def multiply(block, other=None):
        block = torch.as_tensor(np.ascontiguousarray(block), device=device)
        other = block if other is None else torch.as_tensor(np.ascontiguousarray(other), device=device)
        return (block @ other.T).cpu().numpy()

    return multiply


def _divergences(first, second, device, centre=False):
    """Σ_k (a_ik − a_jk)(b_ik − b_jk) for every pair of rows; (n, n).

    With one fold that is the squared distance (`second` None: b is a) or the symmetrised divergence. With several it
    is summed over ordered pairs of different folds, a from one and b from the other.

    A difference of products loses the digits that the products have beyond it. Pairs for which these are more than a
    sixth of all digits form groups; the rows of a group are centred on their own mean and multiplied again. Pairs
    that are near even so, such as neighbours on a line, are subtracted one by one.
    """
    centre = centre or means_are_large(first)
    distances, near = _from_products(first, second, device, centre)
    if near is None:
        return distances
    n = len(distances)
    _, group = connected_components(near, directed=False)
    for label in np.flatnonzero(np.bincount(group) > 1):
        members = np.flatnonzero(group == label)
        if len(members) == n and centre:
            i, j = np.nonzero(np.triu(near, 1))
            distances[i, j] = distances[j, i] = _one_by_one(first, second, i, j)
            continue
        others = None if second is None else second[:, members]
        among = _divergences(first[:, members], others, device, centre=True)
        distances[np.ix_(members, members)] = among
    return distances


def means_are_large(patterns):
    """Whether centring columns takes off more than a quarter of the sum of squares, judged by eight of the rows.

    Rows hold every unit, so that one unit with a large mean is seen wherever it is. If it is not so, products of
    uncentred patterns are off by at most a third more than those of centred ones.
    """
    step = -(-patterns.shape[-2] // ROWS_FOR_MEANS)
    rows = np.ascontiguousarray(patterns[..., ::step, :])
    with np.errstate(over="ignore", invalid="ignore"):
        means = rows.mean(axis=-2)
        of_means, whole = np.vdot(means, means) * rows.shape[-2], np.vdot(rows, rows)
    return not of_means <= whole / 4


def _from_products(first, second, device, centre):
    """Divergences from products of rows, and which pairs lose more than a sixth of their digits (None: no pair)."""
    a = centred_columns(first) if centre else first
    b = a if second is None else centred_columns(second) if centre else second
    within = _sum_over_folds(a, b, device)
    if b is a:
        lengths = np.diag(within).copy()
    else:
        lengths = np.sqrt(np.einsum("fij,fij->i", a, a) * np.einsum("fij,fij->i", b, b))  # |a_i| |b_i|
    limit = np.finfo(first.dtype).eps ** (1 / 6) * lengths
    spread = _distances(within)
    near = _near_pairs(spread, limit)
    if len(a) == 1:
        return spread, near
    whole = a.sum(axis=0)
    products = gram(whole, device=device) if b is a else _products(whole, b.sum(axis=0), device)
    distances = _distances(products)
    distances -= spread
    return distances, near


def _near_pairs(spread, limit):
    """Pairs whose spread is below the sum of their limits, or None if there are none; diagonal False."""
    np.fill_diagonal(spread, np.inf)
    near = None
    if not spread.min(initial=np.inf) >= 2 * limit.max(initial=0):
        near = spread < limit[:, None] + limit
    np.fill_diagonal(spread, 0.0)
    return near if near is not None and near.any() else None


def _sum_over_folds(first, second, device):
    total = None
    for fold, a in enumerate(first):
        products = gram(a, device=device) if second is first else _products(a, second[fold], device)
        total = products if total is None else np.add(total, products, out=total)
    return total


def _products(first, second, device):
    """(A Bᵀ + B Aᵀ)/2."""
    products = _multiply_blocks(first, second, device)
    return (products + products.T) / 2


def _one_by_one(first, second, i, j):
    """The same sums from the differences themselves, some pairs at a time."""
    sums = np.empty(len(i), first.dtype)
    step = max(1, BLOCK_BYTES // (first[:, 0].size * first.itemsize))
    for start in range(0, len(i), step):
        some = slice(start, start + step)
        a = first[:, i[some]] - first[:, j[some]]
        b = a if second is None else second[:, i[some]] - second[:, j[some]]
        sums[some] = np.einsum("fpk,fpk->p", a, b)
        if len(first) > 1:
            sums[some] = np.einsum("pk,pk->p", a.sum(axis=0), b.sum(axis=0)) - sums[some]
    return sums


def _distances(products):
    """K_ii + K_jj − 2 K_ij, in place."""
    own = np.diag(products).copy()
    for start in range(0, len(products), ROWS_IN_CACHE):
        rows = slice(start, start + ROWS_IN_CACHE)
        block = products[rows]
        block *= -2
        block += own[rows, None]
        block += own
    np.fill_diagonal(products, 0.0)
    return products


def _one_minus_cosine(patterns, centre, labels, why, device):
    """1 − cosine of (centred) rows."""
    n_units = patterns.shape[1]
    mean = patterns.mean(axis=1) if centre == "rows" else np.zeros(len(patterns), patterns.dtype)
    products, offset = None, None
    if centre == "rows" and not device and _rows_vary_more(patterns, mean):
        # Σ (x_i − m_i)(x_j − m_j) = Σ x_i x_j − p m_i m_j: no centred copy
        products, offset = gram(patterns), mean * np.sqrt(n_units)
        if not is_in_range(products) or (4 * np.square(offset) > np.diag(products)).any():
            products, offset = None, None
    if products is None:
        products = gram(patterns, centre=centre, device=device)
    # the cosine has no scale: what leaves the range of the dtype is brought back by a power of two
    if not is_in_range(products):
        patterns = scaled_to_one(patterns)
        mean = patterns.mean(axis=1) if centre == "rows" else mean
        products = gram(patterns, centre=centre, device=device)
    squares = np.diag(products).copy()
    if offset is not None:
        squares -= np.square(offset).astype(squares.dtype)
    # what rounding leaves of a pattern that does not vary
    eps = np.finfo(products.dtype).eps
    level = np.sqrt(np.maximum(squares, 0) / n_units + np.square(mean))
    constant = ~(squares > n_units * (8 * eps * level) ** 2)
    if constant.any():
        names = np.arange(len(squares)) if labels is None else np.asarray(labels, object)
        raise ConstantPatterns(
            f"the pattern of {list_names(names[constant])} is {why}, so it has no correlation or angle with "
            "others; use method='euclidean', or record more units"
        )
    if offset is None and (n_units * np.square(eps * mean) > 0.01 * eps * squares).any():
        # means that were rounded: Σ (x_i − m_i)(x_j − m_j) less p times the product of what they were off by
        offset = (patterns - mean[:, None]).mean(axis=1, dtype=float) * np.sqrt(n_units)
        squares -= np.square(offset).astype(squares.dtype)
    inverse = 1 / np.sqrt(squares)
    for start in range(0, len(products), ROWS_IN_CACHE):
        rows = slice(start, start + ROWS_IN_CACHE)
        block = products[rows]
        if offset is not None:
            block -= np.outer(offset[rows], offset).astype(block.dtype)
        block *= -inverse[rows, None]
        block *= inverse
        block += 1
    np.fill_diagonal(products, 0.0)
    return products


def _rows_vary_more(patterns, mean) -> bool:
    """Whether means are at most a quarter of the mean square of each row, judged by some of the units."""
    some = patterns[:, :: -(-patterns.shape[1] // UNITS_FOR_MEANS)]
    with np.errstate(over="ignore"):
        mean_square = np.square(some).mean(axis=1)
        return bool((4 * np.square(mean) <= mean_square).all())


def is_in_range(products) -> bool:
    """Whether products with themselves neither overflow their dtype nor lose digits to its smallest number."""
    number = np.finfo(products.dtype)
    return number.tiny < products.trace(dtype=float) * number.eps < np.inf


def scaled_to_one(patterns):
    """Patterns times the power of two that brings the largest value to between a half and one."""
    largest = np.abs(patterns).max(initial=0)
    return np.ldexp(patterns, -int(np.frexp(largest)[1])) if np.isfinite(largest) else patterns


def _with_prior(rates, labels, rate=1.0, weight=0.1):
    rates = as_float(rates)
    negative = (rates < 0).any(axis=-1)
    negative = np.flatnonzero(negative.reshape(-1, rates.shape[-2]).any(axis=0))
    if len(negative):
        names = negative if labels is None else np.asarray(labels, object)[negative]
        raise ValueError(
            f"rates of condition {list_names(names)} are negative; Poisson rates (Hz or counts) are wanted"
        )
    return (rates + rates.dtype.type(rate * weight)) / rates.dtype.type(1 + weight)


def _multiply_blocks(first, second, device):
    _check_memory(first)
    multiply = _multiply_on(device) if device else _multiply
    width = _block_width(*first.shape, first.itemsize)
    starts = range(0, first.shape[1], width)
    return sum(multiply(first[:, s : s + width], second[:, s : s + width]) for s in starts)


def _check_memory(patterns):
    """Refuse products of all rows that do not fit."""
    n_rows = len(patterns)
    check_memory(2 * n_rows**2 * patterns.itemsize, f"the products of {n_rows} patterns", "Average by condition first.")
