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


HEADINGS = np.arange(0.0, 360.0, 15.0)  # deg, preferred by the vestibular input of heading cells


def heading_cells(
    vestibular, visual, coherence, *, felt=1.0, intensity=50.0, baseline=5.0, exponent=2.0, semisaturation=1.0
):
    """Normalised responses of a population like MSTd: cells that differ in heading, balance and congruence.

    Preferred vestibular headings all round in steps of 15 deg; visual ones differ by 0, 60, 120, 180 deg; dominance
    weights (1, ¼) … (¼, 1). The visual drive grows with `coherence` above a `baseline` that optic flow of none gives.

    Parameters
    ----------
    vestibular, visual : array, shape (n_trials,)
        Headings, deg; NaN = absent.
    coherence : float or array, shape (n_trials,)
        Of the visual motion, 0 … 1: what multiplies its intensity.
    felt : float or array, shape (n_trials,)
        What multiplies the intensity of the vestibular input.

    Returns
    -------
    array, shape (n_trials, n_cells)
    """
    vestibular, visual = (np.atleast_1d(np.asarray(x, float)) for x in (vestibular, visual))
    ones, drives = np.ones(len(vestibular)), []
    body = heading_drive(vestibular, HEADINGS, intensity * felt * ones) ** 0.5
    for difference in (0.0, 60.0, 120.0, 180.0):
        floor = np.where(np.isnan(visual), 0.0, baseline)[:, None]
        flow = (heading_drive(visual, HEADINGS + difference, intensity * coherence * ones) + floor) ** 0.5
        drives += [one * body + two * flow for one, two in ((1, 0.25), (1, 0.5), (1, 1), (0.5, 1), (0.25, 1))]
    drive = np.concatenate(drives, axis=1)
    return normalise(drive, (drive**exponent).mean(1), exponent, semisaturation)


def decoded_weight(coherence, *, conflict=4.0, step=0.5, **fields):
    """How much the body's heading weighs in a likelihood decoder of `heading_cells`, and what cue reliabilities
    predict.

    The decoder takes spikes for Poisson and the cues for equal (Fetsch, Pouget, DeAngelis & Angelaki 2012, Nat Neurosci
    15:146): it maximises Σ r_i log f_i(s) − f_i(s) over headings s, on mean responses to cues ± conflict/2 apart.

    Returns
    -------
    decoded, predicted : float
        Vestibular weights: (ŝ − visual)/(vestibular − visual); I_vest/(I_vest + I_vis) from the Fisher informations
        of the population for either cue alone.
    """
    grid = np.arange(-20.0, 20.0 + step / 2, step)
    curves = np.maximum(heading_cells(grid, grid, coherence, **fields), 1e-9)
    given = heading_cells([-conflict / 2], [conflict / 2], coherence, **fields)
    log = (given @ np.log(curves).T - curves.sum(1))[0]
    k = int(np.clip(log.argmax(), 1, len(grid) - 2))
    bend = log[k - 1] - 2 * log[k] + log[k + 1]
    best = grid[k] + step * 0.5 * (log[k - 1] - log[k + 1]) / bend
    decoded = (best - conflict / 2) / -conflict
    information, near, silent = [], np.array([-0.5, 0.5]), np.full(2, np.nan)
    for body, flow in ((near, silent), (silent, near)):
        rates = heading_cells(body, flow, coherence, **fields)
        information.append(((rates[1] - rates[0]) ** 2 / rates.mean(0)).sum())
    return float(decoded), float(information[0] / sum(information))
