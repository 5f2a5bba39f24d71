"""Poisson populations with Gaussian tuning: spike counts, their decoders, and the precision to expect.

Sources: Ma, Beck, Latham & Pouget 2006, Nat Neurosci 9:1432–1438, doi:10.1038/nn1790.
"""

import numpy as np


def tuning(stimulus, preferred, gain, sigma, baseline=0.0):
    """Mean response of each cell, f_i(s) = g exp(−(s − s_i)²/2σ²) + b.

    Parameters
    ----------
    stimulus : array, shape (n_trials,)
        deg; NaN gives no response at all.
    preferred : array, shape (n_cells,)
        deg.
    gain, baseline : float or array, shape (n_trials,)
        Rate at the peak above baseline, and baseline, per s.
    sigma : float
        Width of the tuning curves, deg.

    Returns
    -------
    rate : array, shape (n_trials, n_cells)
    """
    stimulus, gain, baseline = np.broadcast_arrays(*np.atleast_1d(stimulus, gain, baseline))
    hill = gain[:, None] * np.exp(-((stimulus[:, None] - preferred) ** 2) / (2 * sigma**2)) + baseline[:, None]
    return np.where(np.isnan(stimulus)[:, None], 0.0, hill)


def expected_variance(gain, sigma, spacing, duration=1.0):
    """Variance of the estimate from one population without baseline, σ Δ/(g T √(2π)), deg²."""
    return sigma * spacing / (gain * duration * np.sqrt(2 * np.pi))


def decode_hill(counts, preferred, sigma):
    """Gaussian posterior over the stimulus from a dense population without baseline, flat prior.

    Parameters
    ----------
    counts : array, shape (n_trials, n_cells)
    preferred : array, shape (n_cells,)
    sigma : float
        Tuning width, deg.

    Returns
    -------
    mean : array, shape (n_trials,)
        Σ r_i s_i/Σ r_i, deg; 0 where no cell fired (its precision is 0).
    precision : array, shape (n_trials,)
        Σ r_i/σ², 1/deg².
    """
    total = counts.sum(1)
    mean = np.divide(counts @ preferred, total, out=np.zeros(len(counts)), where=total > 0)
    return mean, total / sigma**2


def log_likelihood(counts, curves, duration=1.0):
    """Poisson log-likelihood of counts at each stimulus of a grid, up to a constant per trial.

    Parameters
    ----------
    counts : array, shape (n_trials, n_cells)
    curves : array, shape (n_grid, n_cells)
        Mean rate of each cell at each stimulus, per s.

    Returns
    -------
    array, shape (n_trials, n_grid)
    """
    with np.errstate(divide="ignore"):
        log_curves = np.maximum(np.log(curves), -1e3)  # a curve that underflows still counts against the stimulus
    return counts @ log_curves.T - duration * curves.sum(1)


def combine(means, precisions):
    """Precision-weighted mean of Gaussian posteriors, and the summed precision.

    Parameters
    ----------
    means, precisions : array, shape (n_cues, n_trials)

    Returns
    -------
    mean : array, shape (n_trials,)
        NaN where the summed precision is 0.
    precision : array, shape (n_trials,)
    """
    precision = np.sum(precisions, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(precision > 0, np.sum(np.multiply(means, precisions), 0) / precision, np.nan), precision
