"""How the flash–beep networks are watched and read: activity in time at the stimulated cells, and its peaks."""

import numpy as np

from neuromm.maths.ring import find_peaks, several_probability, single_probability
from neuromm.observers.rate.events import cells_of, trains_of, width_factor

MODALITIES = ("auditory", "visual")
PEAKS = 6  # numbers per ring in the layer `peaks`: count, P(several), and time and height of the first two


class Trace:
    """Activity at one cell per run and ring after every step, and the largest activity of every cell.

    Parameters
    ----------
    rings : Rings
    cells : array of int, shape (n_rings, n_runs)
    n_steps : int
    """

    def __init__(self, rings, cells, n_steps):
        self.rings, self.cells, self.rows = rings, cells, slice(0)
        self.values = np.empty((*cells.shape, n_steps), np.float32)
        self.largest = np.zeros((*cells.shape, rings.n_cells), np.float32)
        self._where = np.argsort(rings.cells.ravel())  # folded place of each cell

    def begin(self, rows):
        """Get ready for the batch of runs `rows`."""
        self.rows = rows
        cells = self._where[self.cells[:, rows]]
        self._pick = self.rings.tensor(cells).long()[:, None]
        n_rings, n = cells.shape
        self._buffer = self.rings.empty(1).new_empty((256, n_rings, n))
        self._top, self._filled, self._start = None, 0, 0

    def watch(self, step, state):
        """Called after each step."""
        flat = state.view(len(self.cells), self.rings.n_cells, -1)
        self._buffer[self._filled] = flat.gather(1, self._pick)[:, 0]
        self._filled += 1
        if self._filled == len(self._buffer):
            self._flush()
        if step % 8 == 0:
            self._top = flat.clone() if self._top is None else self._top.maximum(flat)

    def end(self):
        """Keep what the batch left in the buffers."""
        self._flush()
        if self._top is not None:
            for ring, top in enumerate(self._top):
                self.largest[ring, self.rows] = self.rings.unfold(top)

    def _flush(self):
        kept = self._buffer[: self._filled].permute(1, 2, 0).cpu().numpy()
        self.values[:, self.rows, self._start : self._start + self._filled] = kept
        self._start, self._filled = self._start + self._filled, 0


def flash_runs(observer, shown, strengths):
    """What is shown as rows of numbers, one per showing, and the number of pulses of either modality in a row.

    Columns per modality: place (cells; the other modality's, or the middle, where absent), width, strength (0
    where absent), length, onsets of the pulses.
    """
    n = observer.n_cells
    places = [cells_of(shown, m, n, observer.name) for m in MODALITIES]
    columns, pulses = [], []
    for i, modality in enumerate(MODALITIES):
        onsets, lengths = trains_of(shown, modality, observer.timing(modality), observer.duration, observer.name)
        place = np.where(np.isnan(places[i]), places[1 - i], places[i])
        place = np.where(np.isnan(place), n / 2, place)
        width = getattr(observer, f"sigma_{modality}") * width_factor(shown, modality)
        strength = np.where(np.isfinite(onsets[:, 0]), strengths[i], 0.0)
        columns += [np.column_stack([place, width, strength, lengths]), onsets]
        pulses.append(onsets.shape[1])
    return np.concatenate(columns, axis=1), pulses


def split_runs(runs, pulses):
    """Per modality: place, width, strength, length, each (n_runs,), and onsets, (n_runs, n_pulses)."""
    middle = 4 + pulses[0]
    return [(*part[:, :4].T, part[:, 4:]) for part in (runs[:, :middle], runs[:, middle:])]


def read_peaks(traces, height, distance, dt, onset):
    """Peaks in time of traces, (n_runs, n_steps).

    Returns
    -------
    count : array of int, shape (n_runs,)
    several, single : array, shape (n_runs,)
        Probability of several events and of one.
    table : array, shape (n_runs, PEAKS)
        Count, probability of several, then time (ms after `onset`) and height of the first two, −1 where there is none.
    """
    count, places, heights = find_peaks(traces, height, distance=max(1.0, distance / dt))
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
