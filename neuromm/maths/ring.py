"""Rings of cells: distances, connections, stimulus bumps, and how a profile of activity is read out.

Cells sit 1 deg apart and the last is the neighbour of the first. Positions are in cells and may be
fractional. Profiles are batched: the last axis is the ring.
"""

import numpy as np
from scipy import signal

TIE = 1e-9  # activities closer than this are equal: rounding must not choose the winning cell
TIES = {"float32": 1e-5, "float64": TIE}  # of networks that run in these types
ROUNDING = 1e-14  # of one activity of at most 1 in float64: what saturates is equal to this


def ring_distance(n_cells, position=0.0):
    """Distance of every cell from `position` the short way round.

    Parameters
    ----------
    n_cells : int
    position : float or array, shape (...)
        In cells; NaN gives NaN distances.

    Returns
    -------
    distance : array, shape (..., n_cells)
        Cells, between 0 and n_cells/2.
    """
    distance = np.abs(np.arange(n_cells) - np.asarray(position, float)[..., None]) % n_cells
    return np.minimum(distance, n_cells - distance)


def mexican_hat(n_cells, excitation, sigma_excitation, inhibition, sigma_inhibition):
    """Lateral weights of one cell by ring distance: a narrow Gaussian minus a wide one, 0 on itself.

    L(d) = L_ex exp(−d²/2σ_ex²) − L_in exp(−d²/2σ_in²), L(0) = 0 (Cuppini et al. 2017).

    Returns
    -------
    kernel : array, shape (n_cells,)
        Weight between cells 0 and k; the connection matrix is `circulant(kernel)`.
    """
    kernel = gaussian_projection(n_cells, excitation, sigma_excitation)
    kernel = kernel - gaussian_projection(n_cells, inhibition, sigma_inhibition)
    kernel[..., 0] = 0.0
    return kernel


def gaussian_projection(n_cells, weight, sigma):
    """Weights from one ring to another: W(d) = W₀ exp(−d²/2σ²), also at d = 0; shape (n_cells,)."""
    return weight * np.exp(-(ring_distance(n_cells) ** 2) / (2 * sigma**2))


def circulant(kernel):
    """The connection matrix whose entry (j, k) is `kernel` at cell k − j round the ring; (n_cells, n_cells)."""
    cells = np.arange(len(kernel))
    return np.asarray(kernel)[(cells[None] - cells[:, None]) % len(kernel)]


def bump(n_cells, position, sigma, strength=1.0):
    """Stimulus bumps on the ring; an absent stimulus (NaN position) is silence.

    Parameters
    ----------
    n_cells : int
    position, sigma, strength : float or array, shape (n_trials,)
        Centre and width, cells; height.

    Returns
    -------
    profile : array, shape (n_trials, n_cells)
    """
    position, sigma, strength = np.broadcast_arrays(*np.atleast_1d(position, sigma, strength))
    profile = strength[:, None] * np.exp(-(ring_distance(n_cells, position) ** 2) / (2 * sigma[:, None] ** 2))
    return np.where(np.isnan(position)[:, None], 0.0, profile)


def peak_cell(activity, tie=TIE):
    """The most active cell of each profile; the middle of the plateau where neighbours tie.

    Parameters
    ----------
    activity : array, shape (..., n_cells)
    tie : float
        Activities this close to the maximum count as equal to it.

    Returns
    -------
    cell : array, shape (...)
        In cells, half-integer for an even plateau; NaN for a profile that is flat all round.
    """
    activity = np.asarray(activity, float)
    n = activity.shape[-1]
    top = activity >= activity.max(-1, keepdims=True) - tie
    starts = top & ~np.roll(top, 1, -1)  # first cell of each plateau, across the seam too
    first = starts.argmax(-1)
    ahead = (first[..., None] + np.arange(n)) % n
    length = np.cumprod(np.take_along_axis(top, ahead, -1), -1).sum(-1)
    return np.where(starts.any(-1), (first + (length - 1) / 2) % n, np.nan)


def barycentre(activity):
    """Centre of mass Σ j yⱼ/Σ yⱼ over cells 0 … n−1 of each profile, cells; shape (...).

    It does not wrap: activity that crosses the seam, or a baseline far from the middle, draws it to
    the middle of the ring. NaN for a silent profile.
    """
    activity = np.asarray(activity, float)
    total = activity.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, activity @ np.arange(activity.shape[-1]) / total, np.nan)


def population_vector(activity):
    """Angle of Σ yⱼ exp(2πij/n) of each profile, in cells from 0 to below n; the read-out that wraps.

    Returns
    -------
    cell : array, shape (...)
        NaN where the vector vanishes (a flat profile).
    length : array, shape (...)
        Its length over the summed activity: 1 for a single active cell, 0 for a flat profile.
    """
    activity = np.asarray(activity, float)
    n = activity.shape[-1]
    vector = activity @ np.exp(2j * np.pi * np.arange(n) / n)
    with np.errstate(invalid="ignore", divide="ignore"):
        length = np.abs(vector) / activity.sum(-1)
    cell = np.angle(vector) * n / (2 * np.pi) % n % n  # −tiny % n is n
    return np.where(length > 1e-12, cell, np.nan), length


def find_peaks(profiles, height, *, distance=None, wrap=False):
    """Peaks of each profile with height and prominence of at least `height`.

    Tops parted by a dip smaller than `height` are one peak, also where they are equally high, as
    saturated activity is; it stands on the highest top, and in the middle of tops that tie (to `ROUNDING`).
    For profiles without ties this is `scipy.signal.find_peaks`. A plateau that touches the first or
    the last sample is no peak, unless the profile is a ring.

    Parameters
    ----------
    profiles : array, shape (n_trials, n_cells)
        Or (n_trials, n_times) with `distance` in samples.
    height : float
        In the unit of `profiles`.
    distance : float, optional
        Least distance between neighbouring peaks, samples; of two that are closer the lower is dropped,
        and of two that are equal the later. Only peaks that stand out by `height` compete.
    wrap : bool
        Read the profile as a ring, cut open at its least active cell: a peak on the first or last
        cell is then found, and nothing else changes while the profile is equally low at both ends.

    Returns
    -------
    count : array of int, shape (n_trials,)
    cells, heights : list of arrays
        Position and height of each trial's peaks, in order of position.

    Examples
    --------
    >>> find_peaks([[0.0, 1.0, 0.9, 1.0, 0.0, 0.5, 0.0]], 0.2)[0]
    array([2])
    """
    profiles = np.atleast_2d(np.asarray(profiles, float))
    found = {}  # equal rows are read once
    keys = [row.tobytes() for row in profiles]
    for key, row in zip(keys, profiles, strict=True):
        if key not in found:
            found[key] = _peaks_of(row, height, distance, wrap)
    cells = [found[key] for key in keys]
    heights = [row[c] for row, c in zip(profiles, cells, strict=True)]
    return np.array([len(c) for c in cells], int), cells, heights


def _peaks_of(row, height, distance, wrap):
    if not wrap:
        return _far_apart(_distinct_tops(row, height), row, distance, np.inf)
    cut = int(row.argmin())
    opened = np.append(np.roll(row, -cut), row[cut])  # the lowest cell stands at both ends
    peaks = _far_apart(_distinct_tops(opened, height), opened, distance, len(row))
    return np.sort((peaks + cut) % len(row))


def _distinct_tops(row, height):
    """Peaks of one profile; equal tops whose dip is smaller than `height` are one."""
    # of two unequal tops parted by a small dip only the higher has the prominence; equal ones both have
    tops = signal.find_peaks(row, height=height, prominence=height)[0]
    return np.unique([_middle_of_top(row, top, height) for top in tops]).astype(int)


def _middle_of_top(row, top, height):
    """The sample nearest the middle of what ties with the top, before the profile falls by `height` on either side."""
    drop = row[top] - row
    fallen = np.flatnonzero((drop >= height) & (drop > 0))
    after = np.searchsorted(fallen, top)
    span = np.arange(fallen[after - 1] + 1, fallen[after])
    ties = span[row[span] >= row[top] - ROUNDING]
    return ties[np.abs(ties - (ties[0] + ties[-1]) / 2).argmin()]


def _far_apart(peaks, row, distance, turn):
    """The peaks without those closer than `distance` to a higher one; `turn` is the length of the ring."""
    if distance is None or distance <= 1:
        return peaks
    kept = []
    while len(peaks):
        heights = row[peaks]
        best = peaks[np.argmax(heights >= heights.max() - ROUNDING)]  # the earliest of equal ones
        kept.append(best)
        gaps = np.abs(peaks - best)
        # rounding of time over step must not drop a peak
        peaks = peaks[np.minimum(gaps, turn - gaps) >= distance - 1e-9]
    return np.sort(np.array(kept, int))


def several_probability(heights):
    """Probability that several events are read out of peaks of these heights (scikit-neuromsi's read-out).

    The mean, over all subsets of two peaks or more, of the product of their heights.

    Parameters
    ----------
    heights : array, shape (n_peaks,)
        Between 0 and 1.

    Returns
    -------
    float
        0 for fewer than two peaks.
    """
    heights = np.asarray(heights, float)
    n = len(heights)
    if n < 2:
        return 0.0
    return float((np.prod(1 + heights) - 1 - heights.sum()) / (2.0**n - 1 - n))


def single_probability(heights):
    """Probability that one event is read out: a lone peak's height, 1 − `several_probability` of more, 0 of none."""
    heights = np.asarray(heights, float)
    return float(heights[0]) if len(heights) == 1 else (1 - several_probability(heights)) * (len(heights) > 1)
