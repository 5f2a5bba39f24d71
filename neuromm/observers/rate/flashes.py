"""Running the flash–beep networks: trains of pulses in, activity in time at the stimulated cells out."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from neuromm.maths.ring import TIES, bump, peak_cell
from neuromm.observers.protocol import check_asked
from neuromm.observers.rate.checks import check_choices, check_finite, check_positive
from neuromm.observers.rate.events import cells_of, trains_of, width_factor
from neuromm.observers.rate.filtered import FILTERED, FilteredProblem, filtered_step
from neuromm.observers.rate.noise import uniform_noise
from neuromm.observers.rate.peaks import read_peaks, sample_count
from neuromm.observers.rate.recording import Recorder, check_memory
from neuromm.stimuli.table import require, showings

MODALITIES = ("auditory", "visual")
BLOCK = 128  # trials integrated together


def check_flash_network(observer):
    """Refuse parameters that make no network; the names are those that the flash–beep networks share."""
    check_choices(observer, integrator=("euler", "exponential"), dtype=("float32", "float64"))
    names = [f.name for f in dataclasses.fields(observer)]
    positive = [n for n in names if n.startswith(("tau", "sigma", "duration", "gain", "slope"))]
    check_positive(observer, [n for n in positive if n != "tau_jitter"] + ["peak_height"])
    check_finite(observer, [n for n in names if n.startswith(("strength", "threshold", "lateral", "weight", "onset"))])
    for name, kind in (("noise", "a fraction"), ("variability", "a fraction"), ("peak_distance", "a time in ms")):
        value = getattr(observer, name)
        if not 0 <= value < np.inf:
            raise ValueError(f"{observer.name}: {name} must be {kind} of at least 0, got {value}")
    if observer.n_cells % 2 or observer.n_cells < 4:
        raise ValueError(f"{observer.name}: n_cells is {observer.n_cells}; an even number of at least 4 is wanted")
    filtered_step(observer, observer.latencies)


@dataclass(frozen=True)
class Runs:
    """The runs of a network: one entry per run; pairs are auditory, visual."""

    place: np.ndarray  # (2, n_runs), cells; the other modality's, or the middle, where absent
    width: np.ndarray  # (2, n_runs), cells
    strength: np.ndarray  # (2, n_runs), 0 where absent
    length: np.ndarray  # (2, n_runs), ms, of each pulse
    onsets: list  # per modality (n_runs, n_pulses), ms; infinite where there is no further pulse
    tau: np.ndarray  # (n_rings, n_runs), ms, of the synapses

    def take(self, rows):
        """Some of the runs."""
        picked = {f: getattr(self, f)[:, rows] for f in ("place", "width", "strength", "length", "tau")}
        return dataclasses.replace(self, onsets=[o[rows] for o in self.onsets], **picked)

    def distinct(self):
        """The different runs, and which of them each run is."""
        rows = [*self.place, *self.width, *self.strength, *self.length, *self.tau]
        table = np.concatenate([np.stack(rows, 1), *self.onsets], axis=1)
        _, first, of_run = np.unique(table, axis=0, return_index=True, return_inverse=True)
        return self.take(first), of_run.ravel()


def runs_of(observer, shown, rng):
    """What is shown to a network, with the strengths and time constants of each showing."""
    n, n_shown = observer.n_cells, len(shown)
    strength = np.array([[observer.strength_auditory], [observer.strength_visual]]) * np.ones(n_shown)
    if observer.variability:
        strength = strength * (1 + observer.variability * rng.standard_normal((n_shown, 2)).T)
    tau = np.array([[getattr(observer, f"tau_{ring}")] for ring in observer.rings]) * np.ones(n_shown)
    jitter = getattr(observer, "tau_jitter", 0.0)
    if jitter:
        tau = tau + jitter * (2 * rng.random((n_shown, len(tau))).T - 1)
    trains = [trains_of(shown, m, observer.timing(m), observer.duration, observer.name) for m in MODALITIES]
    present = np.array([np.isfinite(onsets[:, 0]) for onsets, _ in trains])
    place = np.array([cells_of(shown, m, n, observer.name) for m in MODALITIES])
    place = np.where(np.isnan(place), place[::-1], place)
    width = [getattr(observer, f"sigma_{m}") * width_factor(shown, m) for m in MODALITIES]
    return Runs(
        np.where(np.isnan(place), n / 2, place), np.array(width), np.where(present, strength, 0.0),
        np.array([lengths for _, lengths in trains]), [onsets for onsets, _ in trains], tau,
    )  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A table shown to a network: what was kept of its runs, and the run of each trial."""

    observer: object
    trace: object
    recorder: Recorder
    peaks: list  # per ring, of read_peaks
    of_trial: np.ndarray
    of_row: np.ndarray
    dt: float  # ms

    def answers(self, trials, rng):
        """Report → array (n_trials,): numbers of beeps and flashes, and places (deg)."""
        values = {}
        sample = self.observer.readout == "sample"
        uniform = rng.random((self.of_row.max() + 1, 2))[self.of_row].T if sample else None
        for ring, (report, modality) in enumerate((("n_beeps", "auditory"), ("n_flashes", "visual"))):
            count, several, single, _ = (p[self.of_trial] for p in self.peaks[ring])
            values[report] = sample_count(count, several, single, uniform[ring]) if sample else count
            cell = peak_cell(self.trace.largest[ring], TIES[self.observer.dtype])[self.of_trial]
            values[modality] = cell - self.observer.n_cells / 2
        return values

    def layers(self, layers, trials, order):
        """The recorded layers; `peaks` has the rings in `order`."""
        table = np.concatenate([self.peaks[self.observer.rings.index(ring)][3] for ring in order], axis=1)
        more = {"peaks": table[self.of_trial]}
        return self.recorder.layers(layers, self.observer.layers, self.of_trial, trials, self.observer.name, more)


def show(observer, trials, *, rng, layers):
    """Run a network on a table; each distinct run once if it has no noise."""
    require(trials, ["report"], observer.name)
    check_asked(trials, observer.name)
    first, of_row = showings(trials)
    runs = runs_of(observer, trials.iloc[first], rng)
    of_run = np.arange(len(first))
    if not observer.noise:
        runs, of_run = runs.distinct()
    trace, recorder, dt = _integrate(observer, runs, rng, layers, len(trials))
    peaks = [read_peaks(t, observer.peak_height, observer.peak_distance, dt, observer.onset) for t in trace.values]
    return Shown(observer, trace, recorder, peaks, of_run[of_row], of_row, dt)


def _integrate(observer, runs, rng, layers, n_trials):
    dt = filtered_step(observer, observer.latencies)
    n_steps, n, n_runs = round(observer.duration / dt), observer.n_cells, runs.place.shape[1]
    n_rings, name = len(observer.rings), observer.name
    traces = n_rings * np.dtype(observer.dtype).itemsize
    check_memory(layers, observer.layers, n, n_runs, n_trials, n_steps, dt, observer.max_memory, name, traces)
    rings, delayed = observer.network()
    recorder = Recorder(layers, observer.layers, rings, n_runs, n_steps, dt)
    cells = np.round(runs.place).astype(int) % n
    if n_rings == 3:
        cells = np.stack([*cells, runs.place.mean(0).astype(int) % n])  # between the two, as the peer reads it
    trace = Trace(rings, cells, n_steps)
    if observer.noise:
        blocks = uniform_noise(rng, rings, n_runs, n_noisy=2)
    else:
        blocks = [(slice(k, min(k + BLOCK, n_runs)), None) for k in range(0, n_runs, BLOCK)]
    for rows, draw in blocks:
        recorder.rows, batch = rows, runs.take(rows)
        trace.begin(rows)

        def watch(step, state, more=recorder.watch):
            trace.watch(step, state)
            if more is not None:
                more(step, state)

        noise = None if draw is None else _noise(observer, rings, draw, batch)
        problem = _problem(observer, rings, delayed, batch)
        recorder.finish(FILTERED[observer.integrator](problem, dt, n_steps, noise=noise, watch=watch))
        trace.end()
    return trace, recorder, dt


def _problem(observer, rings, delayed, batch):
    silent = np.zeros((len(batch.tau) - 2, batch.place.shape[1], observer.n_cells))
    gain = observer.slope * observer.gain * batch.tau  # (n_rings, n_runs)
    bumps = zip(batch.place, batch.width, gain[:2] * batch.strength, strict=True)
    drive = np.stack([bump(observer.n_cells, *values) for values in bumps])
    tau, stretch = [], []
    for ring, values in zip(observer.rings, batch.tau, strict=True):
        own = getattr(observer, f"tau_{ring}")
        same = (values == own).all()
        tau.append(own if same else torch.as_tensor(values, device=rings.device))
        stretch.append(None if same else torch.as_tensor(values / own, device=rings.device))
    never = [np.full((len(values), 1), np.inf) for values in silent[..., 0]]
    return FilteredProblem(
        rings, delayed, rings.fold(np.concatenate([drive, silent])), [*batch.onsets, *never],
        [*batch.length, *(np.zeros(len(v)) for v in never)], -observer.slope * observer.threshold, tau,
        observer.tau_cell, stretch,
    )  # fmt: skip


def _noise(observer, rings, draw, batch):
    scale = observer.noise * observer.slope * observer.gain * batch.tau[:2] * np.abs(batch.strength)
    scale = rings.tensor(scale)[:, None, None]

    def noise(inputs):
        drawn = draw().mul_(scale)
        folded = torch.zeros((len(inputs), *drawn.shape[1:]), dtype=drawn.dtype, device=drawn.device)
        folded[:2] = drawn
        modes = torch.empty_like(folded)
        rings.to_modes(folded, modes)()
        inputs.add_(modes)

    return noise


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
        dtype = torch.empty(0, dtype=rings.dtype).numpy().dtype
        self.values = np.empty((*cells.shape, n_steps), dtype)
        self.largest = np.zeros((*cells.shape, rings.n_cells), dtype)
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
