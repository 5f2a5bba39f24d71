"""What a spiking network is, what drives it, and the spikes that come out; no simulator in here."""

import shutil
import warnings
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

Target = Literal["numpy", "cython", "cpp_standalone", "auto"]
TARGETS = ("numpy", "cython", "cpp_standalone", "auto")
COMPILER = ("g++", "make")  # what cpp_standalone needs
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


def simulate(circuit, drive, seed, *, target="numpy", block=16):
    """Run each trial of `drive` on its own copy of the circuit, some trials at a time.

    Parameters
    ----------
    circuit : Circuit
    drive : Drive
    seed : int
        Trial i has the noise of (seed, i), whatever the size of the batch. Targets draw differently, so
        their spikes differ; their rates agree.
    target : "numpy", "cython", "cpp_standalone" or "auto"
        The first needs no compiler; see `resolve_target`.
    block : int
        Trials stacked in one network (numpy, cython): cost and memory, not numbers.

    Yields
    ------
    rows : slice
        The trials that were run.
    spikes : Spikes

    Raises
    ------
    ValueError
        If the target is unknown.
    ImportError, RuntimeError
        If brian2, or the compiler that the target needs, is not there.
    """
    if target not in TARGETS:
        raise ValueError(f"target is '{target}'; one of {', '.join(TARGETS)} is wanted")
    if not drive.n_trials:
        return
    target = resolve_target(target)
    if target == "cpp_standalone":
        from neuromm.observers.spiking.compiled import run_compiled

        yield from run_compiled(circuit, drive, seed)
    else:
        from neuromm.observers.spiking.stacked import run_stacked

        yield from run_stacked(circuit, drive, seed, target=target, block=block)


def resolve_target(target):
    """The target that runs: "auto" is cpp_standalone where there is a compiler, else numpy, with a notice.

    Warns
    -----
    UserWarning
        If "auto" finds no compiler: the run is several times slower, and its spikes are others.
    """
    if target != "auto":
        return target
    missing = [tool for tool in COMPILER if shutil.which(tool) is None]
    if not missing:
        return "cpp_standalone"
    warnings.warn(
        f"no {' and '.join(missing)} found: spiking networks run on brian2's numpy target, which is slower and draws "
        "other spikes than a compiled run",
        UserWarning,
        stacklevel=2,
    )
    return "numpy"


def all_spikes(circuit, drive, seed, **options):
    """The spikes of every trial of `simulate` as one."""
    return join([spikes for _, spikes in simulate(circuit, drive, seed, **options)])


def require_brian2():
    """The brian2 module, or an error that says how to get it."""
    try:
        import brian2
    except ImportError as error:
        raise ImportError(
            f"spiking observers need brian2 ({error}): pip install 'brian2>=2.8'; on Python 3.11 with 'numpy<2.4'"
        ) from error
    return brian2
