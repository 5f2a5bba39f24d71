"""Noisy encoding of disparity (NED): fusion of a McGurk stimulus as a threshold on noisy disparity, and its fit.

Magnotti & Beauchamp (2015) Psychon Bull Rev 22:701: P(fusion | stimulus i, person j) = Φ((T_j − D_i)/σ_j).
"""

import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import csr_matrix
from scipy.special import ndtr

DISPARITY_BOUNDS = (0.0, 2.0)  # bounds of the paper's fit, for D and T
SIGMA_BOUNDS = (0.001, 1.0)
_ROOT_2PI = float(np.sqrt(2 * np.pi))


def fusion_probability(disparity, threshold, sigma):
    """P(fusion) = Φ((T − D)/σ); all broadcast, in the same arbitrary unit."""
    return ndtr((np.asarray(threshold, float) - disparity) / sigma)


def fit_encoding_disparity(rates, *, rng, n_starts=48, n_cycles=9, n_trials=None, n_polished=3):
    """Least-squares fit of D per stimulus, T and σ per person to a matrix of fusion rates.

    As in the paper: start at D_i = exp(1 − mean fusion_i) − 1, jittered for each start; then people and
    stimuli alternate for `n_cycles`, all starts and all people at once. A person's (T, σ) and a stimulus's D
    are found on a grid in the first cycle and by damped Gauss–Newton steps after it; the `n_polished` best starts
    end with a joint least-squares fit of everything (`scipy.optimize.least_squares`). The bounds hold throughout.

    Parameters
    ----------
    rates : array, shape (n_people, n_stimuli)
        Fusion rates 0…1; NaN = missing cell.
    rng : numpy.random.Generator
    n_starts, n_cycles, n_polished : int
    n_trials : array, shape (n_people, n_stimuli), optional
        Trials per cell, as weights; equal when not given.

    Returns
    -------
    disparity : array, shape (n_stimuli,)
    threshold, sigma : array, shape (n_people,)
    errors : array, shape (n_starts,)
        Summed squared error of each start, before the polish.

    Raises
    ------
    ValueError
        If a rate is outside 0…1, or a person or stimulus has no data.
    """
    rates = np.asarray(rates, float)
    known = np.isfinite(rates)
    if rates.ndim != 2 or not known.any(axis=0).all() or not known.any(axis=1).all():
        raise ValueError(
            f"rates has shape {rates.shape}; people × stimuli is wanted, each with at least one cell that is "
            "not missing"
        )
    if (rates[known] < 0).any() or (rates[known] > 1).any():
        raise ValueError(
            f"rates run from {rates[known].min():g} to {rates[known].max():g}; fractions between 0 and 1 are wanted"
        )
    weights = known.astype(float) if n_trials is None else np.where(known, np.asarray(n_trials, float), 0.0)
    weights = weights / weights.sum() * known.sum()
    data = np.where(known, rates, 0.5)
    mean = (weights * data).sum(0) / weights.sum(0)
    disparity = (
        np.exp(1 - mean) - 1 + rng.normal(0.0, 0.1, (n_starts, rates.shape[1])) * (np.arange(n_starts) > 0)[:, None]
    )
    disparity = np.clip(disparity, *DISPARITY_BOUNDS)
    threshold, sigma = _people_on_grid(data, weights, disparity)
    for _ in range(n_cycles):
        threshold, sigma = _step_people(data, weights, disparity, threshold, sigma, 2)
        disparity = _step_stimuli(data, weights, disparity, threshold, sigma, 2)
    errors = _error(data, weights, disparity, threshold, sigma).sum((1, 2))
    found = [_joint(data, weights, disparity[k], threshold[k], sigma[k]) for k in np.argsort(errors)[:n_polished]]
    return (*min(found, key=lambda one: one[0])[1:], errors)


def person_errors(rates, disparity, threshold, sigma, n_trials=None):
    """Standard errors of each person's least-squares T and log σ, given the disparities.

    The sandwich (JᵀJ)⁻¹ JᵀVJ (JᵀJ)⁻¹ of the fitted curve's slopes J by (T, log σ), with V the binomial variance
    p(1 − p)/n of the cells, or the mean squared residual of all cells where n is not known.

    Parameters
    ----------
    rates : array, shape (n_people, n_stimuli)
        NaN = missing cell.
    disparity : array, shape (n_stimuli,)
    threshold, sigma : array, shape (n_people,)
    n_trials : array, shape (n_people, n_stimuli), optional

    Returns
    -------
    of_threshold, of_log_sigma : array, shape (n_people,)
        NaN where the person's cells do not fix both.
    """
    known = np.isfinite(rates)
    u, predicted, slope = (one[0] for one in _slopes(disparity[None], threshold[None], sigma[None]))
    residual = np.where(known, rates - predicted, 0.0)
    if n_trials is None:
        free = max(known.sum() - 2 * len(threshold) - len(disparity), 1)
        variance = np.full(rates.shape, (residual**2).sum() / free)
    else:
        variance = predicted * (1 - predicted) / np.maximum(n_trials, 1)
    errors = np.full((len(threshold), 2), np.nan)
    for person in range(len(threshold)):
        cells = known[person]
        by_log_sigma = -u[person] * sigma[person] * slope[person]
        design = np.column_stack([slope[person], by_log_sigma])[cells]
        square = design.T @ design
        if np.linalg.matrix_rank(square, tol=1e-8) < 2:
            continue
        inverse = np.linalg.inv(square)
        covariance = inverse @ (design.T * variance[person, cells]) @ design @ inverse
        errors[person] = np.sqrt(np.diag(covariance))
    return errors.T


def _joint(data, weights, disparity, threshold, sigma):
    """All parameters at once from one start: (summed squared error, D, T, σ)."""
    people, stimuli = data.shape
    root = np.sqrt(weights)
    of_person, of_stimulus = (index.ravel() for index in np.indices(data.shape))
    cell = np.arange(data.size)
    rows, columns = np.tile(cell, 3), np.concatenate([of_stimulus, stimuli + of_person, stimuli + people + of_person])

    def split(x):
        return x[:stimuli], x[stimuli : stimuli + people], x[stimuli + people :]

    def residuals(x):
        d, t, s = split(x)
        return (root * (ndtr((t[:, None] - d) / s[:, None]) - data)).ravel()

    def slopes(x):
        d, t, s = split(x)
        u, _, slope = (values[0] for values in _slopes(d[None], t[None], s[None]))
        slope = root * slope
        return csr_matrix(
            (np.concatenate([-slope.ravel(), slope.ravel(), (-u * slope).ravel()]), (rows, columns)),
            (data.size, len(x)),
        )

    low = np.concatenate([np.full(stimuli + people, DISPARITY_BOUNDS[0]), np.full(people, SIGMA_BOUNDS[0])])
    high = np.concatenate([np.full(stimuli + people, DISPARITY_BOUNDS[1]), np.full(people, SIGMA_BOUNDS[1])])
    start = np.clip(np.concatenate([disparity, threshold, sigma]), low + 1e-6, high - 1e-6)
    found = least_squares(residuals, start, slopes, bounds=(low, high), max_nfev=60, x_scale="jac", tr_solver="lsmr")
    return 2 * found.cost, *split(found.x)


def _error(data, weights, disparity, threshold, sigma):
    """Weighted squared error of each cell; (n_starts, n_people, n_stimuli)."""
    return weights * (ndtr((threshold[..., None] - disparity[:, None]) / sigma[..., None]) - data) ** 2


def _people_on_grid(data, weights, disparity, n_threshold=21, n_sigma=7):
    """The best (T, σ) of each person on a grid that is shared by all; (n_starts, n_people) each."""
    t = np.linspace(*DISPARITY_BOUNDS, n_threshold)
    s = np.geomspace(0.02, SIGMA_BOUNDS[1], n_sigma)
    t, s = (axis.ravel() for axis in np.meshgrid(t, s, indexing="ij"))
    predicted = ndtr((t[None, :, None] - disparity[:, None]) / s[None, :, None])  # (start, grid, stimulus)
    error = predicted**2 @ weights.T - 2 * predicted @ (weights * data).T  # without the constant term
    best = error.argmin(1)
    return t[best], s[best]


def _slopes(disparity, threshold, sigma):
    """Standardised distance u, prediction, and density φ(u)/σ; each (n_starts, n_people, n_stimuli)."""
    u = (threshold[..., None] - disparity[:, None]) / sigma[..., None]
    return u, ndtr(u), np.exp(-0.5 * u * u) / _ROOT_2PI / sigma[..., None]


def _step_people(data, weights, disparity, threshold, sigma, n_steps):
    """Damped Gauss–Newton steps on (T, log σ) of every person, each step kept only where it helps."""
    u, predicted, slope = _slopes(disparity, threshold, sigma)
    for _ in range(n_steps):
        residual = data - predicted
        by_sigma = -u * sigma[..., None] * slope
        g_t, g_s = (weights * slope * residual).sum(-1), (weights * by_sigma * residual).sum(-1)
        a, b, d = ((weights * x * y).sum(-1) for x, y in ((slope, slope), (slope, by_sigma), (by_sigma, by_sigma)))
        a, d = a * 1.02 + 1e-3, d * 1.02 + 1e-3
        determinant = a * d - b * b
        proposed = (
            np.clip(threshold + (d * g_t - b * g_s) / determinant, *DISPARITY_BOUNDS),
            np.clip(sigma * np.exp(np.clip((a * g_s - b * g_t) / determinant, -1, 1)), *SIGMA_BOUNDS),
        )
        old = (weights * residual**2).sum(-1)
        moved = _slopes(disparity, *proposed)
        better = (weights * (data - moved[1]) ** 2).sum(-1) < old
        threshold, sigma = np.where(better, proposed[0], threshold), np.where(better, proposed[1], sigma)
        u, predicted, slope = (
            np.where(better[..., None], new, kept) for new, kept in zip(moved, (u, predicted, slope), strict=True)
        )
    return threshold, sigma


def _step_stimuli(data, weights, disparity, threshold, sigma, n_steps):
    """Damped Gauss–Newton steps on every D, each kept only where it helps."""
    u, predicted, slope = _slopes(disparity, threshold, sigma)
    for _ in range(n_steps):
        residual = data - predicted
        step = -(weights * slope * residual).sum(1) / ((weights * slope**2).sum(1) * 1.02 + 1e-3)
        proposed = np.clip(disparity + step, *DISPARITY_BOUNDS)
        moved = _slopes(proposed, threshold, sigma)
        better = (weights * (data - moved[1]) ** 2).sum(1) < (weights * residual**2).sum(1)
        disparity = np.where(better, proposed, disparity)
        u, predicted, slope = (
            np.where(better[:, None], new, kept) for new, kept in zip(moved, (u, predicted, slope), strict=True)
        )
    return disparity
