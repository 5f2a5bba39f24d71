"""Read-outs of the spiking network: places, numbers of causes and of flashes, all fitted on unisensory trials."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from neuromm.maths.ring import find_peaks

FLOOR = 0.02  # of the template's peak: spikes where none are expected must not outvote all others
LEAST_PEAK = 0.1  # of a lone event's peak: ripples below it are never events


@dataclass(frozen=True, eq=False)
class PlaceReadout:
    """Most likely place of the event, given spike counts that are Poisson about a shifted template.

    The template, the mean response around the event, is fitted on trials of one modality; on a ring Σ f is the same
    for every place, so the log likelihood of place s is Σ_c n_c log f(c − s).
    """

    log_template: np.ndarray  # (n_cells,), by ring distance from the event

    @classmethod
    def fit(cls, counts, cells):
        """From spike counts (n_trials, n_cells) and the cell where each event was (n_trials,), whole numbers."""
        centred = [np.roll(row, -int(cell)) for row, cell in zip(counts, cells, strict=True)]
        mean = np.mean(centred, axis=0)
        mean = (mean + np.roll(mean[::-1], 1)) / 2  # left and right are alike
        if not mean.max() > 0:
            raise ValueError("no cell fired on the unisensory trials; raise weight_input or rate_stimulus")
        return cls(np.log(mean + FLOOR * mean.max()))

    def __call__(self, counts):
        """Place in cells, fractional, shape (n_trials,); NaN where no cell fired."""
        counts = np.asarray(counts, float)
        n = counts.shape[1]
        score = np.fft.irfft(np.fft.rfft(counts) * np.conj(np.fft.rfft(self.log_template)), n)
        best = score.argmax(1)
        left, top, right = (np.take_along_axis(score, ((best + k) % n)[:, None], 1)[:, 0] for k in (-1, 0, 1))
        bend = left - 2 * top + right
        offset = np.where(bend < -1e-12, 0.5 * (left - right) / np.minimum(bend, -1e-12), 0.0)
        return np.where(counts.sum(1) > 0, (best + np.clip(offset, -0.5, 0.5)) % n, np.nan)


@dataclass(frozen=True)
class CausesReadout:
    """How many causes the STS ring holds: peaks of its smoothed profile.

    The least height and prominence are set on unisensory trials, where there is one cause: 95 % of them have no
    second peak.
    """

    height: float  # smoothed spikes per cell
    smoothing: float  # cells

    @classmethod
    def fit(cls, counts, smoothing):
        """From STS spike counts of unisensory trials, (n_trials, n_cells)."""
        profiles = gaussian_filter1d(np.asarray(counts, float), smoothing, axis=1, mode="wrap")
        lone = LEAST_PEAK * np.median(profiles.max(1))
        _, _, heights = find_peaks(profiles, max(lone / 10, 1e-9), wrap=True)
        second = [np.sort(h)[-2] if len(h) > 1 else 0.0 for h in heights]
        return cls(float(max(np.quantile(second, 0.95), lone)), float(smoothing))

    def __call__(self, counts):
        """Number of peaks of each trial, shape (n_trials,)."""
        profiles = gaussian_filter1d(np.asarray(counts, float), self.smoothing, axis=1, mode="wrap")
        return find_peaks(profiles, self.height, wrap=True)[0]


@dataclass(frozen=True)
class EventsReadout:
    """How many events a ring holds in time: peaks of its smoothed population rate.

    The least height and prominence are those that count best on unisensory trials of one and two events.
    """

    height: float  # spikes per ms, of the whole ring
    smoothing: float  # ms

    @classmethod
    def fit(cls, series, numbers, smoothing):
        """From spikes per ms (n_trials, n_ms) and the true numbers of events (n_trials,)."""
        lone = np.median(cls._smooth(series, smoothing)[numbers == 1].max(1))
        shares = np.linspace(LEAST_PEAK, 0.9, 33)
        correct = [(cls(h * lone, smoothing)(series) == numbers).mean() for h in shares]
        best = np.flatnonzero(np.isclose(correct, max(correct)))
        return cls(float(shares[best].mean() * lone), float(smoothing))

    def __call__(self, series):
        """Number of events of each trial, shape (n_trials,)."""
        least = max(self.height, 1e-9)
        rates = self._smooth(series, self.smoothing)
        return find_peaks(rates, least)[0]

    @staticmethod
    def _smooth(series, smoothing):
        return gaussian_filter1d(np.asarray(series, float), smoothing, axis=1)
