"""The network of the sound-induced flash illusion of Cuppini, Magosso, Bolognini, Vallar & Ursino 2014."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from neuromm.maths.ring import bump, mexican_hat, peak_cell
from neuromm.observers.protocol import Percept, answer, check_asked, describe, perceive_sets
from neuromm.observers.rate.checks import check_choices, check_finite, check_positive
from neuromm.observers.rate.filtered import FILTERED, Delayed, FilteredProblem, filtered_step
from neuromm.observers.rate.flashes import MODALITIES, Trace, flash_runs, read_peaks, sample_count, split_runs
from neuromm.observers.rate.noise import uniform_noise
from neuromm.observers.rate.recording import Recorder, check_memory
from neuromm.observers.rate.rings import DTYPES, Rings
from neuromm.stimuli.table import require, showings

BLOCK = 128  # trials integrated together


@dataclass(frozen=True)
class Cuppini2014:
    """Two rings with second-order synapses and delayed one-to-one connections: two beeps can make one flash two.

    - τ dy/dt = −y + F(u), u = L y + o, F(u) = 1/(1 + exp(−s(u − θ)));
    - d²o/dt² = (G/τ_c)(e + x) − (2/τ_c) do/dt − o/τ_c², the synapse of modality c;
    - x_a(t) = W y_v(t − Δ) and x_v(t) = W y_a(t − Δ), cell to cell; e a train of Gaussian bumps.

    Pulses come from `n_beeps`, `n_flashes`, `beep_soa`, `flash_soa`, `*_onset`, `*_duration`; places from
    `*_azimuth` (0 without). Reports: `n_flashes` and `n_beeps`, the peaks in time at the stimulated cell of
    that ring (`readout="sample"`: drawn with the peaks' heights as probabilities); `auditory` and
    `visual`, the cell with the largest activity. `variability` multiplies both strengths, per trial, by
    N(1, variability), which grades the curves (which parameters vary is a project definition).
    Layers: the two rings, and `peaks` (count, P(several), time and height of the first two peaks; visual first,
    times in ms after `onset`, −1 where there is none).

    Source: Cuppini, Magosso, Bolognini, Vallar & Ursino 2014, NeuroImage 92:248–266,
    doi:10.1016/j.neuroimage.2014.02.001; constants as in scikit-neuromsi.
    """

    strength_auditory: float = 2.3  # input, of a beep
    strength_visual: float = 0.85  # input, of a flash
    sigma_auditory: float = 32.0  # deg, width of the bump at reliability 1
    sigma_visual: float = 4.0  # deg
    duration_auditory: float = 10.0  # ms, of a beep, where the table has no auditory_duration
    duration_visual: float = 20.0  # ms, of a flash
    onset: float = 25.0  # ms, of the first pulse, where the table has no onsets
    tau_cell: float = 1.0  # ms
    tau_auditory: float = 15.0  # ms, of the synapse
    tau_visual: float = 25.0  # ms
    gain: float = float(np.e)  # G of the synapses
    slope: float = 2.0  # s of F
    threshold: float = 16.0  # θ of F, input
    lateral_excitation: float = 2.0  # L_ex
    sigma_excitation: float = 3.0  # deg
    lateral_inhibition: float = 1.8  # L_in
    sigma_inhibition: float = 24.0  # deg
    weight_crossmodal: float = 0.35  # W, cell to cell; 0 is the lesion
    latency_crossmodal: float = 16.0  # ms, Δ
    noise: float = 0.0  # half-range of uniform input noise per cell and step, as a fraction of the strength
    variability: float = 0.0  # sd of the strengths from trial to trial, as a fraction
    peak_height: float = 0.15  # least height and prominence of a peak in time
    peak_distance: float = 36.0  # ms, least time between peaks
    readout: Literal["count", "sample"] = "count"
    duration: float = 350.0  # ms, of the run
    integrator: Literal["euler", "exponential"] = "euler"
    dt: float | None = None  # ms; None: 0.01 (published) for euler, 0.2 for exponential
    n_cells: int = 180  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = 4.0  # GB, for results and recorded layers
    name: str = "cuppini2014"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "peaks")

    def __post_init__(self):
        check_choices(
            self, integrator=("euler", "exponential"), dtype=("float32", "float64"), readout=("count", "sample")
        )
        names = [f.name for f in dataclasses.fields(self)]
        check_positive(self, [n for n in names if n.startswith(("tau", "sigma", "duration", "gain", "slope", "peak"))])
        check_finite(self, [n for n in names if n.startswith(("strength", "threshold", "lateral", "weight", "onset"))])
        for name in ("noise", "variability"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a fraction, 0 or more, is wanted")
        if self.n_cells % 2 or self.n_cells < 4:
            raise ValueError(f"{self.name}: n_cells is {self.n_cells}; an even number of at least 4 is wanted")
        filtered_step(self, [self.latency_crossmodal])

    def timing(self, modality):
        """Onset and duration of a pulse where the table gives none, ms."""
        return self.onset, getattr(self, f"duration_{modality}")

    def provenance(self) -> dict:
        return describe(self, step=filtered_step(self, [self.latency_crossmodal]))

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass; see the class.

        Raises
        ------
        ValueError
            If a place is outside the ring, a train of pulses outside the run, or the result larger than `max_memory`.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        runs, pulses, of_run = self._runs(trials.iloc[first], rng)
        of_trial = of_run[of_row]
        trace, recorder, dt = self._integrate(runs, pulses, rng, layers, len(trials))
        peaks = [read_peaks(t, self.peak_height, self.peak_distance, dt, self.onset) for t in trace.values]
        uniform = rng.random((len(first), 2))[of_row].T if self.readout == "sample" else np.zeros((2, len(trials)))
        values = {}
        for ring, (report, modality) in enumerate((("n_beeps", "auditory"), ("n_flashes", "visual"))):
            count, several, single, _ = (p[of_trial] for p in peaks[ring])
            values[report] = sample_count(count, several, single, uniform[ring]) if self.readout == "sample" else count
            values[modality] = peak_cell(trace.largest[ring], 1e-5)[of_trial] - self.n_cells / 2
        table = np.concatenate([peaks[1][3], peaks[0][3]], axis=1)[of_trial]
        recorded = recorder.layers(layers, self.layers, of_trial, trials, self.name, more={"peaks": table})
        return Percept(answer(trials, values, self.name), recorded)

    def _runs(self, shown, rng):
        """Distinct runs, pulses per run, and the run of each showing; with noise each showing is its own."""
        strengths = np.array([[self.strength_auditory, self.strength_visual]] * len(shown))
        if self.variability:
            strengths = strengths * (1 + self.variability * rng.standard_normal((len(shown), 2)))
        runs, pulses = flash_runs(self, shown, strengths.T)
        if self.noise:
            return runs, pulses, np.arange(len(runs))
        runs, of_run = np.unique(runs, axis=0, return_inverse=True)
        return runs, pulses, of_run.ravel()

    def _integrate(self, runs, pulses, rng, layers, n_trials):
        dt = filtered_step(self, [self.latency_crossmodal])
        n_steps, n = round(self.duration / dt), self.n_cells
        rings, delayed = self._network()
        check_memory(layers, self.layers, n, len(runs), n_trials, n_steps, dt, self.max_memory, self.name, traces=2)
        recorder = Recorder(layers, self.layers, rings, len(runs), n_steps, dt)
        modalities = split_runs(runs, pulses)
        trace = Trace(rings, np.array([np.round(m[0]).astype(int) % n for m in modalities]), n_steps)
        if self.noise:
            blocks = uniform_noise(rng, rings, len(runs), n_noisy=2)
        else:
            blocks = [(slice(k, min(k + BLOCK, len(runs))), None) for k in range(0, len(runs), BLOCK)]
        for rows, draw in blocks:
            recorder.rows = rows
            trace.begin(rows)
            problem = self._problem(rings, delayed, [tuple(v[rows] for v in m) for m in modalities])
            noise = None if draw is None else self._noise(rings, draw, modalities, rows)

            def watch(step, state, more=recorder.watch):
                trace.watch(step, state)
                if more is not None:
                    more(step, state)

            recorder.finish(FILTERED[self.integrator](problem, dt, n_steps, noise=noise, watch=watch))
            trace.end()
        return trace, recorder, dt

    def _scale(self, modality):
        """What an input to a synapse is multiplied by before it enters: s G τ."""
        return self.slope * self.gain * getattr(self, f"tau_{modality}")

    def _network(self):
        kind = {"twins": False, "dtype": DTYPES[self.dtype], "device": self.device}
        hat = self.slope * mexican_hat(
            self.n_cells, self.lateral_excitation, self.sigma_excitation, self.lateral_inhibition, self.sigma_inhibition
        )
        own_cell = np.zeros(self.n_cells)
        own_cell[0] = self.weight_crossmodal
        kernels = {(0, 1): self._scale("auditory") * own_cell, (1, 0): self._scale("visual") * own_cell}
        rings = Rings({(0, 0): hat, (1, 1): hat}, 2, self.n_cells, **kind)
        return rings, (Delayed(Rings(kernels, 2, self.n_cells, **kind), self.latency_crossmodal),)

    def _problem(self, rings, delayed, modalities):
        drive = [
            self._scale(name) * bump(self.n_cells, place, width, strength)
            for name, (place, width, strength, _, _) in zip(MODALITIES, modalities, strict=True)
        ]
        return FilteredProblem(
            rings, delayed, rings.fold(np.stack(drive)), [m[4] for m in modalities], [m[3] for m in modalities],
            -self.slope * self.threshold, [self.tau_auditory, self.tau_visual], self.tau_cell,
        )  # fmt: skip

    def _noise(self, rings, draw, modalities, rows):
        strength = np.stack(
            [self._scale(name) * np.abs(m[2][rows]) for name, m in zip(MODALITIES, modalities, strict=True)]
        )
        scale = rings.tensor(self.noise * strength)[:, None, None]

        def noise(inputs):
            drawn = draw().mul_(scale)
            modes = torch.empty_like(drawn)
            rings.to_modes(drawn, modes)()
            inputs.add_(modes)

        return noise
