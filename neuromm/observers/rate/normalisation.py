"""Divisive normalisation across a pool of multisensory cells (Ohshiro, Angelaki & DeAngelis 2011).

Two primary maps drive cells that differ in place and in how much they weigh either modality; each cell's
response is its own drive, raised to a power, over the mean of all cells'.
"""

import numpy as np


def primary_drive(x, y, intensity, n_positions, sigma, compression=0.5):
    """Response of a primary map to one event, h(I) with I = c exp(−d²/2σ²) and h(I) = I^compression.

    Parameters
    ----------
    x, y, intensity : array, shape (n_trials,)
        Place on the grid, 1 … n_positions, and intensity c; a NaN place drives nothing.

    Returns
    -------
    array, shape (n_trials, n_positions, n_positions)
        By y, then x.
    """
    grid = np.arange(1, n_positions + 1)
    across = np.exp(-((grid - x[:, None]) ** 2) / (2 * sigma**2))
    up = np.exp(-((grid - y[:, None]) ** 2) / (2 * sigma**2))
    drive = (intensity[:, None, None] * up[:, :, None] * across[:, None]) ** compression
    return np.where(np.isnan(x)[:, None, None], 0.0, drive)


def pool_mean(drive_1, drive_2, dominance, exponent):
    """Mean of (d₁ h₁ + d₂ h₂)ⁿ over all places and all pairs of dominance weights, shape (n_trials,)."""
    total = np.zeros(len(drive_1))
    for d_1 in dominance:
        for d_2 in dominance:
            total += ((d_1 * drive_1 + d_2 * drive_2) ** exponent).mean((1, 2))
    return total / len(dominance) ** 2


def normalise(drive, mean, exponent, semisaturation):
    """R = Eⁿ/(αⁿ + mean of Eⁿ over the pool); `drive` (n_trials, ...), `mean` (n_trials,)."""
    return drive**exponent / (semisaturation**exponent + mean.reshape(-1, *[1] * (drive.ndim - 1)))


def heading_drive(heading, preferred, intensity, baseline=0.0):
    """Drive of heading cells, c (1 + cos Φ)/2 + b with Φ the angle to the preferred heading; (n_trials, n_cells).

    Parameters
    ----------
    heading, intensity : array, shape (n_trials,)
        deg; NaN heading drives nothing but the baseline.
    preferred : array, shape (n_cells,)
        deg.
    baseline : float
        Drive that does not depend on heading or intensity (optic flow at zero coherence).
    """
    angle = np.deg2rad(heading[:, None] - preferred)
    return np.where(np.isnan(heading)[:, None], 0.0, intensity[:, None] * (1 + np.cos(angle)) / 2) + baseline
