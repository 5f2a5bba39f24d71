"""How well one representation predicts another: cross-validated ridge, its penalty chosen in the training folds."""

from __future__ import annotations

import numpy as np

from neuromm.measures.dissimilarity import as_float
from neuromm.measures.rsa_checks import ConstantPatterns, check_count, check_finite

PENALTIES = 10.0 ** np.arange(-6, 5.0)  # relative to the mean variance of the predictors' leading directions


def linear_predictivity(x, y, *, n_folds=5, penalties=PENALTIES, groups=None, rng=None) -> float:
    """Share of the variance of y over held-out conditions that a ridge regression on x explains, R².

    Pooled over units of y: 1 − Σ(y − ŷ)² / Σ(y − ȳ_train)². Below 0 where the mean predicts better. The penalty is the
    one of least leave-one-out error inside each training set (Golub et al. 1979), the same for all units.

    Parameters
    ----------
    x, y : array, shape (n_conditions, n_units_x), (n_conditions, n_units_y)
        Predictor and predicted, the same conditions in the same rows.
    n_folds : int
        Conditions are held out in so many blocks, dealt in turn, or at random with `rng`.
    penalties : array
        Candidates, as multiples of the mean eigenvalue of x's covariance.
    groups : array, shape (n_conditions,), optional
        Rows of one group are held out together, for repeats of a condition or one level of a factor.
    rng : numpy Generator, optional

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If rows differ, there are fewer groups than folds, or y does not vary.
    """
    x, y = as_float(x).astype(float), as_float(y).astype(float)
    y = y[:, None] if y.ndim == 1 else y
    if x.ndim != 2 or len(x) != len(y):
        raise ValueError(f"x has shape {x.shape}, y {y.shape}; the same conditions in the same rows are wanted")
    check_count(n_folds, "n_folds", 2)
    check_finite(np.concatenate([x, y], axis=1)[None], ["x or y"], "the patterns")
    if (np.asarray(penalties, float) < 0).any() or not np.size(penalties):
        raise ValueError(f"penalties must be at least 0, got {penalties}")
    fold = _deal(len(x), n_folds, groups, rng)
    error = spread = 0.0
    for k in range(n_folds):
        test, train = fold == k, fold != k
        centre = y[train].mean(axis=0)
        predicted = ridge_predict(x[train], y[train], x[test], penalties)
        error += np.square(y[test] - predicted).sum()
        spread += np.square(y[test] - centre).sum()
    if not spread > y.size * np.square(8 * np.finfo(float).eps * np.abs(y).max()):  # more than rounding
        raise ConstantPatterns("y is the same in every condition; there is nothing to predict")
    return float(1 - error / spread)


def ridge_predict(x, y, new, penalties=PENALTIES):
    """Predictions for `new` rows by ridge regression of y on x, penalty by leave-one-out error; with intercept.

    Solved in the smaller of the spaces of rows and units: eigenvectors of x xᵀ if units outnumber rows.
    """
    x, y, new = as_float(x), as_float(y), as_float(new)
    flat = y.ndim == 1
    y = y[:, None] if flat else y
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, target, new = x - x_mean, y - y_mean, new - x_mean
    n, p = x.shape
    if p > n:
        values, left = np.linalg.eigh(x @ x.T)
        values = np.maximum(values, 0)
        new = (new @ x.T) @ left  # so that ŷ = new diag(1/(λ + α)) leftᵀ y
    else:
        values, right = np.linalg.eigh(x.T @ x)
        values = np.maximum(values, 0)
        left = x @ right
        new = new @ right
    real = values > values.max(initial=0) * max(n, p) * np.finfo(float).eps
    values, left, new = values[real], left[:, real], new[:, real]
    if not len(values):
        predicted = np.broadcast_to(y_mean, (len(new), y.shape[1]))
        return predicted[:, 0] if flat else predicted
    unit = left if p > n else left / np.sqrt(values)
    along = unit.T @ target
    strengths = np.asarray(penalties, float) * values.sum() / len(values)
    errors = [_left_out_error(unit, along, target, values / (values + a)) for a in strengths]
    best = strengths[int(np.argmin(errors))]
    scale = values + best if p > n else np.sqrt(values) * (values + best) / values
    predicted = (new / scale) @ along + y_mean
    return predicted[:, 0] if flat else predicted


def _left_out_error(unit, along, target, shrink):
    leverage = 1 / len(target) + np.square(unit) @ shrink  # the intercept takes 1/n
    residual = target - (unit * shrink) @ along
    return np.square(residual / np.maximum(1 - leverage, 1e-12)[:, None]).sum()


def _deal(n, n_folds, groups, rng):
    groups = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    if len(groups) != n:
        raise ValueError(f"groups has {len(groups)} values for {n} rows; one each is wanted")
    n_groups = int(groups.max()) + 1
    if not 2 <= n_folds <= n_groups:
        raise ValueError(
            f"n_folds is {n_folds}; between 2 and the number of conditions or groups, {n_groups}, is wanted"
        )
    order = np.arange(n_groups) if rng is None else rng.permutation(n_groups)
    place = np.empty(n_groups, int)
    place[order] = np.arange(n_groups) % n_folds
    return place[groups]
