"""Reading the flash–beep networks: peaks in time of the activity at the stimulated cells."""

import numpy as np

from neuromm.maths.ring import find_peaks, several_probability, single_probability

PEAKS = 6  # numbers per ring in the layer `peaks`: count, P(several), and time and height of the first two


def read_peaks(traces, height, distance, dt, onset):
    """Peaks in time of traces, (n_runs, n_steps); tops parted by a dip smaller than `height` are one.

    Parameters
    ----------
    traces : array, shape (n_runs, n_steps)
        Activity after each step.
    height : float
        Least height and prominence.
    distance, dt, onset : float
        ms: least time between peaks (0: none), the step, and what times count from.

    Returns
    -------
    count : array of int, shape (n_runs,)
    several, single : array, shape (n_runs,)
        Probability of several events and of one.
    table : array, shape (n_runs, PEAKS)
        Count, probability of several, then time (ms after `onset`) and height of the first two, −1 where there is none.
    """
    count, places, heights = find_peaks(traces, height, distance=distance / dt)
    several = np.array([several_probability(h) for h in heights])
    single = np.array([single_probability(h) for h in heights])
    table = np.full((len(traces), PEAKS), -1.0)
    table[:, 0], table[:, 1] = count, several
    for row, (place, top) in enumerate(zip(places, heights, strict=True)):
        for k in range(min(2, len(place))):
            table[row, 2 + 2 * k : 4 + 2 * k] = (place[k] + 1) * dt - onset, top[k]
    return count, several, single, table


def sample_count(count, several, single, uniform):
    """Reported number of events where the peaks' heights are probabilities; arrays (n_trials,).

    One peak is seen with the probability of its height; of several peaks, all are seen with the probability
    of several, else one.
    """
    return np.where(count >= 2, np.where(uniform < several, count, 1), ((count == 1) & (uniform < single)).astype(int))
