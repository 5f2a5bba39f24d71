"""How unlike two patterns are: every measure from one product of the patterns with themselves.

Arrays in, square arrays out. Features are taken in blocks, so a wide layer is never copied whole;
float32 patterns stay float32 and anything else becomes float64. Names, trials and folds: `rdm.py`.
"""

import numpy as np
from scipy.linalg import solve_triangular

from neuromm.maths.device import check_device
from neuromm.measures.rsa_checks import ConstantPatterns, check_memory, list_names

ROWS_IN_CACHE = 32  # of a square matrix that are finished together
BLOCK_BYTES = 2**22  # one block of centred patterns: small enough for the cache


def gram(patterns, *, shift=None, device=None):
    """Inner products of all rows, features taken in blocks.

    Parameters
    ----------
    patterns : array, shape (n_rows, n_features)
    shift : array broadcastable to `patterns`, optional
        Subtracted first: a column (n_rows, 1) centres rows, a row (1, n_features) centres columns.
    device : str, optional
        A torch device for the products, such as "cuda"; numpy without it.

    Returns
    -------
    array, shape (n_rows, n_rows), of the dtype of `patterns`
    """
    patterns = as_float(patterns)
    n_rows, n_features = patterns.shape
    shift = None if shift is None else np.broadcast_to(np.asarray(shift, patterns.dtype), patterns.shape)
    multiply = _multiply_on(device) if device else _multiply
    check_memory(2 * n_rows**2 * patterns.itemsize, f"the products of {n_rows} patterns", "Average by condition first.")
    width = _block_width(n_rows, n_features, patterns.itemsize)
    total = None
    for start in range(0, n_features, width):
        block = patterns[:, start : start + width]
        product = multiply(block if shift is None else block - shift[:, start : start + width])
        total = product if total is None else np.add(total, product, out=total)
    return np.zeros((n_rows, n_rows), patterns.dtype) if total is None else total


def squared_euclidean(patterns, *, device=None):
    """Squared Euclidean distance per feature, Σ_k (x_ik − x_jk)² / p; shape (n, n).

    Columns are centred first, which leaves distances as they are and keeps small ones exact.
    """
    patterns = as_float(patterns)
    products = gram(patterns, shift=patterns.mean(axis=0, keepdims=True), device=device)
    return _distances(products) / patterns.shape[1]


def correlation(patterns, *, labels=None, device=None):
    """One minus the correlation of two patterns over features, between 0 and 2; shape (n, n).

    Raises
    ------
    ConstantPatterns
        If a pattern is the same in every feature: it correlates with nothing.
    """
    patterns = as_float(patterns)
    mean, offset = patterns.mean(axis=1, keepdims=True), None
    if offset_matters(patterns):
        products = gram(patterns, shift=mean, device=device)
    else:  # Σ (x_i − m_i)(x_j − m_j) = Σ x_i x_j − p m_i m_j: no centred copy
        products = gram(patterns, device=device)
        offset = mean[:, 0] * patterns.dtype.type(np.sqrt(patterns.shape[1]))
    return _one_minus_cosine(products, mean[:, 0], labels, "the same in every unit", patterns.shape[1], offset)


def cosine(patterns, *, labels=None, device=None):
    """One minus the cosine of the angle between two patterns, between 0 and 2; shape (n, n).

    Raises
    ------
    ConstantPatterns
        If a pattern is zero in every feature: it has no direction.
    """
    patterns = as_float(patterns)
    return _one_minus_cosine(gram(patterns, device=device), 0.0, labels, "zero in every unit", patterns.shape[1])


def mahalanobis(patterns, covariance, *, device=None):
    """Squared Mahalanobis distance per feature, (x_i − x_j)ᵀ Σ⁻¹ (x_i − x_j) / p; shape (n, n)."""
    return squared_euclidean(whiten(patterns, covariance), device=device)


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
        patterns = whiten(patterns.reshape(-1, n_features), covariance).reshape(patterns.shape)
    if offset_matters(patterns, axis=1):
        # an offset of a fold cancels in every difference; removing one keeps small distances exact
        patterns = patterns - patterns[:, :1]
    products = gram(patterns.sum(axis=0), device=device)
    for fold in patterns:
        products -= gram(fold, device=device)
    return _distances(products) / (n_folds * (n_folds - 1) * n_features)


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
    return _cross_distances(_multiply_blocks(rates, np.log(rates), device)) / rates.shape[1]


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
    logs = np.log(rates)
    products = _multiply_blocks(rates.sum(axis=0), logs.sum(axis=0), device)
    for rate, log in zip(rates, logs, strict=True):
        products -= _multiply_blocks(rate, log, device)
    return _cross_distances(products) / (n_folds * (n_folds - 1) * n_features)


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


def _distances(products):
    own = np.diag(products).copy()
    distances = products
    distances *= -2
    distances += own[:, None]
    distances += own[None, :]
    np.fill_diagonal(distances, 0.0)
    return distances


def offset_matters(patterns, axis=-1):
    """Whether offsets along an axis are so large beside what varies that they must be taken off before products are.

    Judged by every k-th unit; ratios up to 4 cost a digit at most.
    """
    some = np.ascontiguousarray(patterns[..., :: max(1, patterns.shape[-1] // 16)])
    return bool((np.abs(some.mean(axis=axis)) > 4 * some.std(axis=axis)).any())


def _one_minus_cosine(products, mean, labels, why, n_units, offset=None):
    """1 − cosine from inner products, in place; with `offset`, from products less its outer product with itself."""
    squares = np.diag(products).copy()
    if offset is not None:
        squares -= np.square(offset)
    # what rounding leaves of a pattern that does not vary
    level = np.sqrt(np.maximum(squares, 0) / n_units + np.square(mean))
    floor = n_units * (8 * np.finfo(products.dtype).eps * np.maximum(level, np.finfo(products.dtype).tiny)) ** 2
    constant = ~(squares > floor)
    if constant.any():
        names = np.arange(len(squares)) if labels is None else np.asarray(labels, object)
        raise ConstantPatterns(
            f"the pattern of {list_names(names[constant])} is {why}, so it has no correlation or angle with "
            "others; use method='euclidean', or record more units"
        )
    inverse = 1 / np.sqrt(squares)
    for start in range(0, len(products), ROWS_IN_CACHE):
        rows = slice(start, start + ROWS_IN_CACHE)
        block = products[rows]
        if offset is not None:
            block -= np.outer(offset[rows], offset)
        block *= -inverse[rows, None]
        block *= inverse
        block += 1
    np.fill_diagonal(products, 0.0)
    return products


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
    multiply = _multiply_on(device) if device else _multiply
    width = _block_width(*first.shape, first.itemsize)
    starts = range(0, first.shape[1], width)
    return sum(multiply(first[:, s : s + width], second[:, s : s + width]) for s in starts)


def _cross_distances(products):
    own = np.diag(products)
    return own[:, None] + own[None, :] - products - products.T
