"""Intervals from draws (posterior or bootstrap) that always contain the estimate that they are reported with."""

import numpy as np

MASS = 0.95


def interval_around(estimate, draws):
    """Interval of 95 % of the draws that contains the estimate, per column.

    The central interval where the estimate lies inside it. A maximum-likelihood estimate at the edge of what is
    possible (a lapse rate of 0) lies outside: the interval then begins or ends at the estimate and holds the same mass.

    Parameters
    ----------
    estimate : array, shape (...)
    draws : array, shape (n_draws, ...)
        NaN draws (simulated data without an estimate) are left out.

    Returns
    -------
    low, high : array, shape (...)
        NaN where the estimate is NaN or fewer than half of the draws have a value.
    """
    estimate, draws = np.asarray(estimate, float), np.asarray(draws, float)
    flat = draws.reshape(len(draws), -1)
    ends = [_one(value, flat[:, i]) for i, value in enumerate(estimate.ravel())]
    ends = np.array(ends, float).reshape(-1, 2)
    return ends[:, 0].reshape(estimate.shape), ends[:, 1].reshape(estimate.shape)


def _one(value, draws):
    kept = draws[np.isfinite(draws)]
    if np.isnan(value) or 2 * len(kept) < max(len(draws), 1):
        return np.nan, np.nan
    low, high = np.quantile(kept, [(1 - MASS) / 2, (1 + MASS) / 2])
    if low <= value <= high:
        return low, high
    if value < low:
        share = np.mean(kept < value)
        return value, np.quantile(kept, min(share + MASS, 1.0))
    share = np.mean(kept <= value)
    return np.quantile(kept, max(share - MASS, 0.0)), value
