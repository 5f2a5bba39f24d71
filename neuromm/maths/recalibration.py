"""Recalibration: the descriptive build-up of an aftereffect, and estimates of a visual variance that changes."""

import numpy as np
from scipy.special import logsumexp


def build_up(n_exposures, displacement, rate, asymptote=1.0):
    """Shift after n exposures, deg: asymptote · displacement · (1 − (1 − rate)ⁿ); the asymptote is a fraction."""
    if not 0 < rate <= 1:
        raise ValueError(f"rate is {rate}; a fraction per exposure between 0 and 1 is wanted")
    return asymptote * displacement * -np.expm1(np.asarray(n_exposures, float) * np.log1p(-min(rate, 1 - 1e-12)))


def exposures_to(share, rate):
    """Exposures that reach a share of the asymptote: ln(1 − share)/ln(1 − rate)."""
    return np.log1p(-np.asarray(share, float)) / np.log1p(-np.asarray(rate, float))


def exponential_variance(samples, gamma, start=None):
    """Running variance along the last axis: variance_t = γ variance_{t−1} + (1 − γ) sample_t (Beierholm et al. 2020).

    The first value is the first sample, or starts from `start`.
    """
    samples = np.asarray(samples, float)
    out = np.empty_like(samples)
    state = samples[..., 0] if start is None else np.broadcast_to(start, samples[..., 0].shape)
    for t in range(samples.shape[-1]):
        state = gamma * state + (1 - gamma) * samples[..., t]
        out[..., t] = state
    return out


def bayesian_variance(samples, kappa, n_dots, *, low=0.3, high=60.0, n_grid=81):
    """Variance of a cloud whose log precision walks at random: log λ_t ~ N(log λ_{t−1}, 1/κ), along the last axis.

    A grid filter over log σ: diffuse by the walk, multiply by the likelihood of the sample variance
    ((n − 1) s²/σ² is χ² with n − 1 degrees of freedom), normalise. The estimate is 1/E[λ].

    Parameters
    ----------
    samples : array, shape (..., n_times)
        Sample variances of the dots, deg².
    kappa : float
        Precision of the walk's steps.
    n_dots : int
    low, high : float
        Range of σ on the grid, deg.
    """
    samples = np.asarray(samples, float)
    log_precision = -2 * np.log(np.geomspace(low, high, n_grid))
    step = np.exp(-0.5 * kappa * (log_precision[:, None] - log_precision) ** 2)
    step /= step.sum(0)
    belief = np.zeros((*samples.shape[:-1], n_grid)) - np.log(n_grid)
    out = np.empty_like(samples)
    for t in range(samples.shape[-1]):
        if t:
            belief = np.log(np.exp(belief) @ step.T + 1e-300)
        half = (n_dots - 1) / 2
        belief = belief + half * (log_precision - np.exp(log_precision) * samples[..., t, None])
        belief = belief - logsumexp(belief, axis=-1, keepdims=True)
        out[..., t] = 1 / (np.exp(belief) @ np.exp(log_precision))
    return out
