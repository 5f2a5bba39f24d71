"""Running the flash–beep networks: trains of pulses in, activity in time at the stimulated cells out."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.maths.device import check_device
from neuromm.maths.ring import TIES, bump, peak_cell
from neuromm.observers.base import Cue, Observer, Percepts, Stimuli
from neuromm.observers.rate.events import cells_of, trains_of, width_factor
from neuromm.observers.rate.filtered import FILTERED, FilteredProblem
from neuromm.observers.rate.noise import uniform_noise
from neuromm.observers.rate.peaks import read_peaks, sample_count
from neuromm.observers.rate.recording import Recorder, check_memory
from neuromm.observers.rate.step import check_even, filtered_step

BLOCK = 128  # trials integrated together


class FlashNetwork(Observer):
    """Rings with second-order synapses and delays that count flashes and beeps.

    A subclass has `rings`, `peaks_of` (the rings of the layer `peaks`, in its order), `latencies` and `network`,
    and the fields that the functions here read.
    """

    cues: ClassVar = (Cue("auditory", optional=True), Cue("visual", optional=True))
    reports: ClassVar[tuple[str, ...]] = ("n_beeps", "n_flashes", "auditory", "visual")
    random: ClassVar[tuple[str, ...]] = ()
    rings: ClassVar[tuple[str, ...]]
    peaks_of: ClassVar[tuple[str, ...]]

    def __post_init__(self):
        super().__post_init__()
        check_device(self.device)
        check_even(self)
        filtered_step(self, self.latencies)

    @property
    def latencies(self) -> tuple[float, ...]:
        """All delays, ms."""
        raise NotImplementedError

    def network(self):
        """The lateral weights (`Rings`), and the delayed ones with their latencies (`Delayed`)."""
        raise NotImplementedError

    def timing(self, modality: str) -> tuple[float, float]:
        """Onset and duration of a pulse where the table gives none, ms."""
        return self.onset, getattr(self, f"duration_{modality}")

    def scale(self, ring: str) -> float:
        """What an input to a ring's synapse is multiplied by before it enters: s G τ."""
        return self.slope * self.gain * getattr(self, f"tau_{ring}")

    def provenance(self):
        """Class and fields, and the time step."""
        return super().provenance() | {"step": filtered_step(self, self.latencies)}

    def infer(self, stimuli, draws):
        """Run the network, and read peaks in time and places."""
        trace, recorder, dt, of_run = self.run(stimuli, draws.generator)
        peaks = [read_peaks(t, self.peak_height, self.peak_distance, dt, self.onset) for t in trace.values]
        table = np.concatenate([peaks[self.rings.index(ring)].table for ring in self.peaks_of], axis=1)
        values = self._counts(peaks, of_run, draws.generator) | self._places(trace, of_run)
        values |= self.judge(trace, recorder, dt, of_run)
        return Percepts(**values, layers={**recorder.layers(of_run), "peaks": table[of_run]})

    def run(self, stimuli: Stimuli, generator: np.random.Generator) -> tuple["Trace", Recorder, float, np.ndarray]:
        """Run each presentation; each distinct one once if there is no noise.

        Returns
        -------
        trace : Trace
        recorder : Recorder
        dt : float
            ms.
        of_run : array of int, shape (n_presentations,)
            The run of each presentation.
        """
        runs = runs_of(self, stimuli.table, generator)
        of_run = np.arange(len(stimuli))
        if not self.noise:
            runs, of_run = runs.distinct()
        return *_integrate(self, runs, generator, stimuli), of_run

    def judge(self, trace, recorder, dt: float, of_run: np.ndarray) -> dict[str, np.ndarray]:
        """Answers to further questions, by report; here none."""
        return {}

    def _counts(self, peaks, of_run, generator):
        """Numbers of beeps and flashes: the peaks in time, or drawn with their heights as probabilities."""
        uniform = generator.random((len(of_run), 2)) if self.readout == "sample" else None
        values = {}
        for ring, report in enumerate(("n_beeps", "n_flashes")):
            found = peaks[ring]
            values[report] = found.count[of_run]
            if uniform is not None:
                one_or_more = found.several[of_run], found.single[of_run]
                values[report] = sample_count(values[report], *one_or_more, uniform[:, ring])
        return values

    def _places(self, trace, of_run):
        """The cell with the largest activity of each sense, deg."""
        cells = [peak_cell(trace.largest[ring], TIES[self.dtype])[of_run] for ring in (0, 1)]
        return {cue.modality: cell - self.n_cells / 2 for cue, cell in zip(self.cues, cells, strict=True)}


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
    senses = [cue.modality for cue in observer.cues]
    trains = [trains_of(shown, m, observer.timing(m), observer.duration, observer.name) for m in senses]
    present = np.array([np.isfinite(onsets[:, 0]) for onsets, _ in trains])
    place = np.array([cells_of(shown, m, n, observer.name) for m in senses])
    place = np.where(np.isnan(place), place[::-1], place)
    width = [getattr(observer, f"sigma_{m}") * width_factor(shown, m) for m in senses]
    return Runs(
        np.where(np.isnan(place), n / 2, place), np.array(width), np.where(present, strength, 0.0),
        np.array([lengths for _, lengths in trains]), [onsets for onsets, _ in trains], tau,
    )  # fmt: skip


def _integrate(observer, runs, rng, stimuli):
    dt = filtered_step(observer, observer.latencies)
    n_steps, n, n_runs = round(observer.duration / dt), observer.n_cells, runs.place.shape[1]
    n_rings = len(observer.rings)
    trace_bytes = n_rings * np.dtype(observer.dtype).itemsize
    check_memory(observer, stimuli, n_runs, n_steps, dt, trace_bytes=trace_bytes)
    rings, delayed = observer.network()
    recorder = Recorder(stimuli.records, observer.layers, rings, n_runs, n_steps, dt)
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
