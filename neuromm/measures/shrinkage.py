"""Noise covariance of many units from few trials: shrunken towards its own diagonal."""

import numpy as np

from neuromm.measures.rsa_checks import check_memory


def residual_covariance(values, cell, *, diagonal=False):
    """Covariance of trials around the mean of their cell.

    Parameters
    ----------
    values : array, shape (n_trials, n_units)
    cell : array of int, shape (n_trials,)
        Trials of one condition (and fold) share a cell.
    diagonal : bool
        Variances alone, shape (n_units,).

    Returns
    -------
    array, shape (n_units, n_units) or (n_units,)

    Raises
    ------
    ValueError
        If no cell has two trials.
    """
    cells, cell = np.unique(cell, return_inverse=True)
    counts = np.bincount(cell)
    freedom = len(cell) - len(cells)
    if freedom < 1:
        raise ValueError(
            "every condition (and fold) has one trial, so noise cannot be estimated; repeat trials, or use noise=None"
        )
    order = np.argsort(cell, kind="stable")
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    residuals = np.asarray(values, float)[order]
    residuals -= np.repeat(np.add.reduceat(residuals, starts, axis=0) / counts[:, None], counts, axis=0)
    if diagonal:
        return np.einsum("ij,ij->j", residuals, residuals) / freedom
    return shrink_covariance(residuals, freedom=freedom)


def shrink_covariance(residuals, *, freedom=None):
    """Covariance whose correlations are pulled to zero by as much as they are uncertain (Schäfer & Strimmer 2005).

    The weight is Σ_{i≠j} var(r_ij) / Σ_{i≠j} r_ij², between 0 and 1; variances stay as they are.

    Parameters
    ----------
    residuals : array, shape (n_trials, n_units)
        Trials minus their condition's mean.
    freedom : int, optional
        Degrees of freedom; n_trials − 1 by default.

    Returns
    -------
    array, shape (n_units, n_units)

    Raises
    ------
    ValueError
        If a unit does not vary.
    """
    residuals = np.asarray(residuals, float)
    n_trials, n_units = residuals.shape
    freedom = n_trials - 1 if freedom is None else freedom
    check_memory(24 * n_units**2, f"the covariance of {n_units} units", "Use noise='variance', or fewer units.")
    variances = np.einsum("ij,ij->j", residuals, residuals) / freedom
    silent = np.flatnonzero(variances <= 0)
    if len(silent):
        raise ValueError(
            f"unit {', '.join(map(str, silent[:5]))} has no trial-to-trial variance: nothing to normalise by; "
            "leave such units out, or use noise=None (a deterministic observer has no noise)"
        )
    scaled = residuals / np.sqrt(variances)
    mean_product = scaled.T @ scaled / n_trials
    mean_square = np.square(scaled).T @ np.square(scaled) / n_trials
    uncertainty = n_trials**2 / ((n_trials - 1) * freedom**2) * (mean_square - mean_product**2)  # var of r_ij
    correlations = mean_product * (n_trials / freedom)
    off = ~np.eye(n_units, dtype=bool)
    size = np.square(correlations[off]).sum()
    weight = np.clip(uncertainty[off].sum() / size, 0, 1) if size > 0 else 1.0
    correlations[off] *= 1 - weight
    return correlations * np.sqrt(np.outer(variances, variances))
