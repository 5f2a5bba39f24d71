"""The audiovisual causal-inference network of Cuppini, Shams, Magosso & Ursino 2017."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.parameters import count, number, positive, sd
from neuromm.maths.device import check_device
from neuromm.maths.ring import bump, find_peaks, gaussian_projection, mexican_hat
from neuromm.observers.base import Cue, Observer, Percepts, Stimuli, stack_sets
from neuromm.observers.rate.events import cells_of, gate_of, width_factor
from neuromm.observers.rate.integrate import INTEGRATORS, Problem
from neuromm.observers.rate.noise import uniform_noise
from neuromm.observers.rate.peaks import read_place
from neuromm.observers.rate.recording import Recorder, check_memory
from neuromm.observers.rate.rings import DTYPES, Rings
from neuromm.observers.rate.step import check_even, check_noise, check_step, step_of

BLOCK = 128  # trials integrated together: enough to hide the overhead of a call, few enough for the cache
RINGS = ("auditory", "visual", "multisensory")


@dataclass(frozen=True)
class Cuppini2017(Observer):
    """Three rings of rate cells that fuse near events, keep far ones apart, and count causes as peaks.

    τ dy/dt = −y + F(u), F(u) = 1/(1 + exp(−s(u − θ))), with

    - u_a = L y_a + W y_v + e_a and u_v = L y_v + W y_a + e_v: lateral Mexican hats L, cross-modal W;
    - u_m = L_m y_m + W_m (y_a + y_v): the multisensory ring, where each peak is a cause;
    - e_j = E₀ exp(−d(j, p)²/2σ²) for an event at cell p, while it is on.

    Cell j stands for azimuth j − n_cells/2 deg. An event of reliability r is a bump of width σ/√r and
    the same strength E₀ (the table's σ² = σ₁²/reliability; the paper has no such parameter). A given
    measurement is where the bump stands. Without `*_onset` and `*_duration` an event is on for the whole
    run. Reports: `auditory` and `visual`, the read-out of that ring; `common`, 1 for one peak of the
    multisensory ring, 0 for several, NaN for none, where nothing was perceived.

    Each distinct noise-free row is integrated once. With `noise`, every cell of a present modality gets
    uniform noise at every Euler step, so its effect depends on `dt`. In float32 the last sample is
    within 1e-4 of float64. The published step of 0.01 ms is itself off by up to 0.16 from the
    converged equation near the border between one and two causes; `integrator="exponential"` is nearer.
    For 900 parameter sets × 20 disparities in one call it took 187 CPU s in float32 on one thread; float64 takes 1.8
    times as long (measured on a tenth of the sets), so large sweeps are for float32.

    Source: Cuppini, Shams, Magosso & Ursino 2017, Eur J Neurosci 46:2481–2498, doi:10.1111/ejn.13725.
    """

    tau_auditory: float = positive(3.0, "ms")
    tau_visual: float = positive(15.0, "ms")
    tau_multisensory: float = positive(1.0, "ms")
    slope: float = positive(0.3)  # s of F, per unit of input
    threshold: float = number(20.0)  # θ of F, input
    strength_auditory: float = number(28.0)  # E₀, input
    strength_visual: float = number(27.0)  # E₀, input
    sigma_auditory: float = sd(32.0, "deg")  # width of the bump at reliability 1
    sigma_visual: float = sd(4.0, "deg")
    lateral_excitation: float = number(5.0)  # L_ex of the auditory and visual rings
    sigma_excitation: float = sd(3.0, "deg")
    lateral_inhibition: float = number(4.0)  # L_in of the auditory and visual rings
    sigma_inhibition: float = sd(120.0, "deg")
    multisensory_excitation: float = number(3.0)  # L_ex of the multisensory ring
    multisensory_sigma_excitation: float = sd(2.0, "deg")
    multisensory_inhibition: float = number(2.6)  # L_in of the multisensory ring
    multisensory_sigma_inhibition: float = sd(10.0, "deg")
    weight_crossmodal: float = number(1.4)  # W₀ between the auditory and visual rings; 0 is the lesion
    sigma_crossmodal: float = sd(5.0, "deg")
    weight_feedforward: float = number(18.0)  # W₀ to the multisensory ring
    sigma_feedforward: float = sd(0.5, "deg")
    noise: float = positive(0.0, zero=True)  # half-range of the noise per cell and step, in E₀ (paper: 0.4)
    causes_height: float = positive(0.15)  # least height and prominence of a peak that counts as a cause
    readout: Literal["argmax", "barycentre"] = "argmax"
    duration: float = positive(100.0, "ms")  # of the run
    integrator: Literal["euler", "exponential"] = "euler"
    dt: float | None = positive(None, "ms", optional=True)  # None: 0.01 (euler, published), exponential ≤ 1/11
    n_cells: int = count(180, 4)  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = positive(4.0, "GB")  # for results and recorded layers
    name: str = "cuppini2017"

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = RINGS
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        super().__post_init__()
        check_device(self.device)
        check_even(self)
        check_noise(self)
        check_step(self, self.fastest_decay())

    def fastest_decay(self) -> float:
        """Fastest decay of a small disturbance at the steepest point of F, per ms: what bounds the step."""
        hat, multisensory, crossmodal, _ = (np.fft.rfft(k).real for k in self.kernels())
        worst = max(0.0, -min((hat + crossmodal).min(), (hat - crossmodal).min()))
        within = (1 + self.slope / 4 * worst) / min(self.tau_auditory, self.tau_visual)
        return max(within, (1 + self.slope / 4 * max(0.0, -multisensory.min())) / self.tau_multisensory)

    def kernels(self, unit: bool = False) -> tuple[np.ndarray, ...]:
        """Weights by ring distance: lateral, multisensory, cross-modal, feedforward (the last two of weight 1)."""
        n = self.n_cells
        crossmodal, feedforward = (1.0, 1.0) if unit else (self.weight_crossmodal, self.weight_feedforward)
        hat = mexican_hat(
            n, self.lateral_excitation, self.sigma_excitation, self.lateral_inhibition, self.sigma_inhibition
        )
        multisensory = mexican_hat(
            n, self.multisensory_excitation, self.multisensory_sigma_excitation,
            self.multisensory_inhibition, self.multisensory_sigma_inhibition,
        )  # fmt: skip
        crossmodal = gaussian_projection(n, crossmodal, self.sigma_crossmodal)
        return hat, multisensory, crossmodal, gaussian_projection(n, feedforward, self.sigma_feedforward)

    def provenance(self):
        """Class and fields, and the time step."""
        return super().provenance() | {"step": step_of(self, self.fastest_decay())}

    def infer(self, stimuli, draws):
        """Integrate each distinct presentation once, or each with its noise."""
        return _infer_together([self], stimuli, draws.generator)[0]

    def perceive_sets(self, trials, *, rng, layers, parameters):
        """As every observer; sets without noise share batches."""
        if self.noise or "noise" in parameters:
            return super().perceive_sets(trials, rng=rng, layers=layers, parameters=parameters)
        observers = self.variants(parameters)
        stimuli = self.prepare(trials, rng, layers)
        draws = self.draw(stimuli, rng)
        inferred = _infer_together(observers, stimuli, rng)
        completed = [o.complete(percepts, stimuli, draws) for o, percepts in zip(observers, inferred, strict=True)]
        return stack_sets(completed, parameters)


# A run is one row of numbers: what may differ between trials that share a batch. The rest makes the weights.
WEIGHTS = ("weight_crossmodal", "weight_feedforward")
PER_RUN = (
    "tau_auditory", "tau_visual", "tau_multisensory", *WEIGHTS, "threshold", "strength_auditory", "strength_visual",
)  # fmt: skip
READOUT = ("sigma_auditory", "sigma_visual", "causes_height", "readout", "name", "max_memory")


def _infer_together(observers: Sequence[Cuppini2017], stimuli: Stimuli, rng: np.random.Generator) -> list[Percepts]:
    """The percepts of each observer, those with the same weights integrated together."""
    groups: dict[tuple, list[int]] = {}
    for place, observer in enumerate(observers):
        key = dataclasses.replace(observer, **{f: getattr(observers[0], f) for f in PER_RUN + READOUT})
        groups.setdefault((key, step_of(observer, observer.fastest_decay())), []).append(place)
    percepts: dict[int, Percepts] = {}
    for (_, dt), places in groups.items():
        inferred = _infer_group([observers[p] for p in places], stimuli, rng, dt)
        percepts |= zip(places, inferred, strict=True)
    return [percepts[place] for place in range(len(observers))]


def _infer_group(observers, stimuli, rng, dt):
    """The percepts of observers with the same weights, one run per distinct presentation and observer."""
    network = observers[0]
    runs = np.concatenate([_runs(observer, stimuli.table) for observer in observers])
    run_of = np.arange(len(runs))
    if not network.noise:
        runs, run_of = np.unique(runs, axis=0, return_inverse=True)
        run_of = run_of.ravel()
    n_steps = round(network.duration / dt)
    check_memory(network, stimuli, len(runs), n_steps, dt, n_sets=len(observers))
    recorder = _integrate(network, runs, rng, stimuli.records, dt, n_steps)
    of_observer = np.split(run_of, len(observers))
    return [_perceived(observer, recorder, run) for observer, run in zip(observers, of_observer, strict=True)]


def _runs(observer, table):
    """One row per presentation: place, width, onset, duration of each modality, then the parameters PER_RUN."""
    columns = []
    for modality in ("auditory", "visual"):
        columns.append(cells_of(table, modality, observer.n_cells, observer.name))
        columns.append(getattr(observer, f"sigma_{modality}") * width_factor(table, modality))
        columns += list(gate_of(table, modality, observer.duration, observer.name).T)
    same = np.tile([float(getattr(observer, name)) for name in PER_RUN], (len(table), 1))
    return np.column_stack([*columns, same])


def _integrate(network, runs, rng, records, dt, n_steps):
    hat, multisensory, crossmodal, feedforward = (network.slope * kernel for kernel in network.kernels(unit=True))
    kernels = {(0, 0): hat, (1, 1): hat, (2, 2): multisensory}
    weighted = {"weight_crossmodal": {(0, 1): crossmodal, (1, 0): crossmodal}}
    weighted["weight_feedforward"] = {(2, 0): feedforward, (2, 1): feedforward}
    scaled = []
    for name in WEIGHTS:
        weight = runs[:, PER_RUN.index(name) - len(PER_RUN)]
        first = weight[:1].sum()  # 0 without runs
        if (weight == first).all():
            kernels |= {pair: first * kernel for pair, kernel in weighted[name].items()}
        else:
            scaled.append(name)
    rings = Rings(
        kernels,
        3,
        network.n_cells,
        scaled=[weighted[n] for n in scaled],
        dtype=DTYPES[network.dtype],
        device=network.device,
    )
    recorder = Recorder(records, RINGS, rings, len(runs), n_steps, dt)
    if network.noise:
        noises = uniform_noise(rng, rings, len(runs), n_noisy=2)
    else:
        width = BLOCK if network.device == "cpu" else 64 * BLOCK
        noises = [(slice(k, min(k + width, len(runs))), None) for k in range(0, len(runs), width)]
    for recorder.rows, draw in noises:
        problem = _problem(network, rings, runs[recorder.rows], scaled)
        noise = None if draw is None else _scaled(draw, network, runs[recorder.rows], rings)
        step = INTEGRATORS[network.integrator]
        recorder.finish(step(problem, dt, n_steps, noise=noise, watch=recorder.watch))
    return recorder


def _problem(network, rings, runs, scaled):
    """The batch of `runs` as drives, gates and time constants; one number where all runs share it."""
    place_a, width_a, onset_a, length_a, place_v, width_v, onset_v, length_v, *own = runs.T
    *tau, crossmodal, feedforward, threshold, strength_a, strength_v = own
    n = network.n_cells
    profiles = [bump(n, place_a, width_a, strength_a), bump(n, place_v, width_v, strength_v), np.zeros((len(runs), n))]
    gates = [(onset_a, length_a), (onset_v, length_v), None]
    gates = [None if g is None or ((g[0] == 0) & (g[1] >= network.duration)).all() else g for g in gates]

    def shared(values):
        return float(values[0]) if (values == values[0]).all() else rings.tensor(values)

    rest = -network.slope * rings.tensor(threshold)
    weights = dict(zip(WEIGHTS, (crossmodal, feedforward), strict=True))
    scales = tuple(rings.tensor(weights[name]) for name in scaled)
    return Problem(rings, rings.fold(network.slope * np.stack(profiles)), rest, [shared(t) for t in tau], gates, scales)


def _scaled(draw, network, runs, rings):
    """Noise of ±noise · slope · E₀ in the rings of the modalities that are present."""
    strength = np.where(np.isnan(runs[:, [0, 4]]), 0.0, np.abs(runs[:, -2:])).T  # (2, n_trials)
    scale = rings.tensor(network.noise * network.slope * strength)[:, None, None]
    return lambda z: z[:2].addcmul_(draw(), scale)


def _perceived(observer, recorder, run):
    """Percepts of the presentations whose runs are `run`: places of two rings, causes of the third."""
    used, back = np.unique(run, return_inverse=True)
    auditory, visual, multisensory = recorder.last[:, used]
    n_causes, _, _ = find_peaks(multisensory, observer.causes_height, wrap=True)
    common = np.where(n_causes == 0, np.nan, (n_causes == 1).astype(float))
    return Percepts(
        auditory=read_place(observer, auditory)[back],
        visual=read_place(observer, visual)[back],
        common=common[back],
        layers=recorder.layers(run),
    )
