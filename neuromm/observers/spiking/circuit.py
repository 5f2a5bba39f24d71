"""What a spiking network is, what drives it, and the spikes that come out; no simulator in here."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

GATE = 1.0  # ms, resolution of when an input is on


@dataclass(frozen=True, eq=False)
class Projection:
    """The synapses of one receptor: a spike of `source` adds `weight` to `variable` of the target."""

    variable: str
    source: np.ndarray  # (n_synapses,), cells
    target: np.ndarray  # (n_synapses,), cells
    weight: np.ndarray  # (n_synapses,), conductance in units of the leak


@dataclass(frozen=True, eq=False)
class Circuit:
    """The network that each trial gets a copy of.

    All cells are one group with one set of equations, and each receptor is one set of synapses: the cost of
    compiling follows the number of code objects.
    """

    n_cells: int
    equations: str  # brian2, of `v` and the conductances; dimensionless numbers, times in ms
    threshold: str
    reset: str
    refractory: float  # ms
    projections: tuple[Projection, ...]
    initial: dict  # variable → value at the start of each trial
    n_inputs: int  # the first cells get Poisson input
    input_variable: str
    input_weight: float
    dt: float = 0.1  # ms


@dataclass(frozen=True, eq=False)
class Drive:
    """Poisson input of each trial: a sum of profiles over cells, each switched on and off in time.

    The rate of input of cell c at time t is Σ_k profile[k, c] · gate[k, t].
    """

    profiles: np.ndarray  # (n_trials, n_parts, n_inputs), Hz
    gates: np.ndarray  # (n_trials, n_parts, n_ms), 0 off, 1 fully on

    @property
    def n_trials(self):
        return len(self.profiles)

    @property
    def duration(self):
        """ms."""
        return self.gates.shape[-1] * GATE

    def rows(self, rows):
        """The drive of some of the trials."""
        return Drive(self.profiles[rows], self.gates[rows])


@dataclass(frozen=True, eq=False)
class Spikes:
    """Who fired when, of a batch of trials."""

    trial: np.ndarray  # (n_spikes,)
    time: np.ndarray  # (n_spikes,), ms
    cell: np.ndarray  # (n_spikes,)
    n_trials: int
    n_cells: int
    duration: float  # ms
    about: dict = field(default_factory=dict)  # how they were made

    def counts(self, start=0.0, stop=None):
        """Spike counts between `start` and `stop` (ms), shape (n_trials, n_cells)."""
        stop = self.duration if stop is None else stop
        there = (self.time >= start) & (self.time < stop)
        flat = self.trial[there] * self.n_cells + self.cell[there]
        return np.bincount(flat, minlength=self.n_trials * self.n_cells).reshape(self.n_trials, self.n_cells)

    def binned(self, width, cells=slice(None)):
        """Spike counts in bins of `width` ms of some cells, shape (n_trials, n_bins, n_chosen), float32."""
        chosen = np.arange(self.n_cells)[cells]
        place = np.full(self.n_cells, -1)
        place[chosen] = np.arange(len(chosen))
        n_bins = int(np.ceil(self.duration / width - 1e-9))
        which = np.minimum((self.time / width + 1e-6).astype(int), n_bins - 1)
        there = place[self.cell] >= 0
        flat = (self.trial[there] * n_bins + which[there]) * len(chosen) + place[self.cell[there]]
        found = np.bincount(flat, minlength=self.n_trials * n_bins * len(chosen))
        return found.reshape(self.n_trials, n_bins, len(chosen)).astype(np.float32)

    def population(self, width, cells=slice(None)):
        """Spikes of some cells together in bins of `width` ms, shape (n_trials, n_bins)."""
        start, stop, _ = cells.indices(self.n_cells)
        n_bins = int(np.ceil(self.duration / width - 1e-9))
        there = (self.cell >= start) & (self.cell < stop)
        which = np.minimum((self.time[there] / width + 1e-6).astype(int), n_bins - 1)
        found = np.bincount(self.trial[there] * n_bins + which, minlength=self.n_trials * n_bins)
        return found.reshape(self.n_trials, n_bins).astype(np.float32)

    def table(self):
        """As a DataFrame: `trial`, `time` (ms), `cell`."""
        return pd.DataFrame({"trial": self.trial, "time": self.time, "cell": self.cell})


def join(parts):
    """The spikes of several batches as one."""
    offsets = np.cumsum([0, *[p.n_trials for p in parts]])
    trial = np.concatenate([p.trial + o for p, o in zip(parts, offsets[:-1], strict=True)])
    time, cell = np.concatenate([p.time for p in parts]), np.concatenate([p.cell for p in parts])
    return Spikes(trial, time, cell, int(offsets[-1]), parts[0].n_cells, parts[0].duration, parts[0].about)
