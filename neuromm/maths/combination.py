"""Combining any number of cues to one property: weights, precision, and what they predict for choices.

Arrays in, arrays out; cues are the last axis and a NaN sigma is an absent cue. Noise may be correlated between cues
(Oruç, Maloney & Landy 2003, Vision Res 43:2451): then the most reliable cue may get a weight above one.
"""

import numpy as np
from scipy.special import ndtr, ndtri


def covariance(sigmas, correlation=0.0):
    """Covariance of the cues' noise.

    Parameters
    ----------
    sigmas : array, shape (..., n_cues)
    correlation : float or array, shape (n_cues, n_cues)
        One correlation for all pairs, or a matrix with ones on its diagonal.

    Returns
    -------
    covariance : array, shape (..., n_cues, n_cues)

    Raises
    ------
    ValueError
        If a sigma is not positive, or no noise can have these correlations.
    """
    sigmas = np.asarray(sigmas, float)
    if not (sigmas[~np.isnan(sigmas)] > 0).all():
        raise ValueError(f"a sigma is {np.nanmin(sigmas):g}; every sensory sd must be positive")
    matrix = np.asarray(correlation, float)
    if matrix.ndim == 0:
        n = sigmas.shape[-1]
        matrix = np.where(np.eye(n, dtype=bool), 1.0, matrix)
    if matrix.shape != (sigmas.shape[-1],) * 2 or not np.allclose(matrix, matrix.T):
        raise ValueError(f"correlation has shape {matrix.shape}; a number or a symmetric matrix of the cues is wanted")
    if not np.allclose(np.diag(matrix), 1.0) or np.linalg.eigvalsh(matrix).min() <= 1e-12:
        raise ValueError(f"no noise has these correlations: {np.round(matrix, 3).tolist()} is not positive definite")
    return sigmas[..., :, None] * sigmas[..., None, :] * matrix


def weights(sigmas, correlation=0.0):
    """Weights of the unbiased combination of least variance: Σ⁻¹1 / 1ᵀΣ⁻¹1; they sum to one, absent cues get zero.

    Without correlation each cue weighs its precision, 1/σ² (Ernst & Banks 2002).

    Parameters
    ----------
    sigmas, correlation
        As in `covariance`; a NaN sigma is an absent cue.

    Returns
    -------
    weights : array, shape (..., n_cues)
    """
    return _best(sigmas, correlation)[0]


def combined_sigma(sigmas, correlation=0.0):
    """Standard deviation of the best combination, (1ᵀΣ⁻¹1)^−½, shape (...); inf without any cue."""
    return _best(sigmas, correlation)[1]


def sigma_of_weights(weights, sigmas, correlation=0.0):
    """Standard deviation of any weighted sum of cues, √(wᵀΣw), shape (...): what wrong weights cost."""
    w = np.asarray(weights, float)
    full = np.nan_to_num(covariance(sigmas, correlation))
    return np.sqrt(np.einsum("...i,...ij,...j->...", w, full, w))


def _best(sigmas, correlation):
    sigmas = np.asarray(sigmas, float)
    there = ~np.isnan(sigmas)
    full = covariance(sigmas, correlation)
    # an absent cue is cut out by a unit block of its own and a zero on the right-hand side
    absent = ~(there[..., :, None] & there[..., None, :])
    full = np.where(absent, np.where(np.eye(sigmas.shape[-1], dtype=bool), 1.0, 0.0), full)
    solved = np.linalg.solve(full, there[..., None].astype(float))[..., 0]
    precision = solved.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(there, solved / precision[..., None], 0.0), precision**-0.5


def pse(cues, sigmas, correlation=0.0):
    """Point of subjective equality of a conflict stimulus: its cues' values, weighed; shape (...).

    The comparison without conflict that looks equal to it stands here: Σ w_i μ_i (Ernst & Banks 2002).
    """
    return (weights(sigmas, correlation) * np.nan_to_num(np.asarray(cues, float))).sum(-1)


def threshold(sigma, level=0.84, *, intervals=2):
    """Distance from the PSE to the `level` point of the psychometric function, in the units of `sigma`.

    With two intervals (standard and comparison are both noisy) it is √2 σ z(level); with one (the standard is free of
    noise) σ z(level). A "JND at 84 %" is √2 σ or σ: z(.8413) = 1.
    """
    if intervals not in (1, 2):
        raise ValueError(f"intervals is {intervals}; 1 (noise-free standard) or 2 is wanted")
    if not 0.5 < level < 1:
        raise ValueError(f"level is {level}; a share between .5 and 1 is wanted")
    return np.sqrt(intervals) * ndtri(level) * np.asarray(sigma, float)


def choice_probability(x, standard, sigmas, correlation=0.0, *, intervals=2):
    """Probability that a comparison with all cues at `x` is judged larger than a standard with cues in conflict.

    Φ((x − PSE)/(√intervals σ)).

    Parameters
    ----------
    x : array, shape (n_x,)
    standard : array, shape (n_cues,)
        Values of the standard's cues; NaN = absent.
    sigmas : array, shape (n_cues,)
        NaN = absent.
    correlation, intervals
        As in `covariance`, `threshold`.

    Returns
    -------
    probability : array, shape (n_x,)
    """
    sigmas = np.where(np.isnan(np.asarray(standard, float)), np.nan, sigmas)
    middle, sigma = pse(standard, sigmas, correlation), combined_sigma(sigmas, correlation)
    return ndtr((np.asarray(x, float) - middle) / (np.sqrt(intervals) * sigma))
