"""Reading rings: the place of their activity, and the peaks in time of the flash–beep networks."""

from typing import NamedTuple

import numpy as np

from neuromm.maths.ring import (
    TIES,
    barycentre,
    find_peaks,
    peak_cell,
    several_probability,
    single_probability,
)
from neuromm.observers.base import Observer

PEAKS = 6  # numbers per ring in the layer `peaks`: count, P(several), and time and height of the first two


def read_place(observer: Observer, profiles: np.ndarray) -> np.ndarray:
    """Place that a ring's activity stands for, deg: its most active cell or its centre of mass (`readout`).

    Parameters
    ----------
    observer : with `readout`, `dtype`, `n_cells`
    profiles : array, shape (n_runs, n_cells)
    """
    if observer.readout == "barycentre":
        cell = barycentre(profiles)
    else:
        cell = peak_cell(profiles, TIES[observer.dtype])
    return cell - observer.n_cells / 2


class Peaks(NamedTuple):
    """Peaks in time of one ring, per run."""

    count: np.ndarray  # (n_runs,)
    several: np.ndarray  # probability of several events, (n_runs,)
    single: np.ndarray  # and of one
    table: np.ndarray  # (n_runs, PEAKS): count, probability of several, time (ms) and height of the first two; −1: none


def read_peaks(traces: np.ndarray, height: float, distance: float, dt: float, onset: float) -> Peaks:
    """Peaks in time of traces, (n_runs, n_steps); tops parted by a dip smaller than `height` are one.

    Parameters
    ----------
    traces : array, shape (n_runs, n_steps)
        Activity after each step.
    height : float
        Least height and prominence.
    distance, dt, onset : float
        ms: least time between peaks (0: none), the step, and what times count from.
    """
    count, places, heights = find_peaks(traces, height, distance=distance / dt)
    several = np.array([several_probability(h) for h in heights])
    single = np.array([single_probability(h) for h in heights])
    table = np.full((len(traces), PEAKS), -1.0)
    table[:, 0], table[:, 1] = count, several
    for row, (place, top) in enumerate(zip(places, heights, strict=True)):
        for k in range(min(2, len(place))):
            table[row, 2 + 2 * k : 4 + 2 * k] = (place[k] + 1) * dt - onset, top[k]
    return Peaks(count, several, single, table)


def sample_count(count, several, single, uniform):
    """Reported number of events where the peaks' heights are probabilities; arrays (n_trials,).

    One peak is seen with the probability of its height; of several peaks, all are seen with the probability
    of several, else one.
    """
    return np.where(count >= 2, np.where(uniform < several, count, 1), ((count == 1) & (uniform < single)).astype(int))
