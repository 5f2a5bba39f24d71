"""The audiovisual causal-inference network of Cuppini, Shams, Magosso & Ursino 2017."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.maths.ring import TIES, barycentre, bump, find_peaks, gaussian_projection, mexican_hat, peak_cell
from neuromm.observers.protocol import Percept, answer, check_asked, describe, perceive_sets
from neuromm.observers.rate.checks import check_choices, check_finite, check_positive, check_step, step_of
from neuromm.observers.rate.events import cells_of, gate_of, width_factor
from neuromm.observers.rate.integrate import INTEGRATORS, Problem
from neuromm.observers.rate.noise import uniform_noise
from neuromm.observers.rate.recording import Recorder, check_memory
from neuromm.observers.rate.rings import DTYPES, Rings
from neuromm.observers.rate.sets import stack, variants
from neuromm.stimuli.table import require, showings

BLOCK = 128  # trials integrated together: enough to hide the overhead of a call, few enough for the cache
RINGS = ("auditory", "visual", "multisensory")


@dataclass(frozen=True)
class Cuppini2017:
    """Three rings of rate cells that fuse near events, keep far ones apart, and count causes as peaks.

    τ dy/dt = −y + F(u), F(u) = 1/(1 + exp(−s(u − θ))), with

    - u_a = L y_a + W y_v + e_a and u_v = L y_v + W y_a + e_v: lateral Mexican hats L, cross-modal W;
    - u_m = L_m y_m + W_m (y_a + y_v): the multisensory ring, where each peak is a cause;
    - e_j = E₀ exp(−d(j, p)²/2σ²) for an event at cell p, while it is on.

    Cell j stands for azimuth j − n_cells/2 deg. An event of reliability r is a bump of width σ/√r and
    the same strength E₀ (the table's σ² = σ₁²/reliability; the paper has no such parameter). A yoked
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

    tau_auditory: float = 3.0  # ms
    tau_visual: float = 15.0  # ms
    tau_multisensory: float = 1.0  # ms
    slope: float = 0.3  # s of F, per unit of input
    threshold: float = 20.0  # θ of F, input
    strength_auditory: float = 28.0  # E₀, input
    strength_visual: float = 27.0  # E₀, input
    sigma_auditory: float = 32.0  # deg, width of the bump at reliability 1
    sigma_visual: float = 4.0  # deg
    lateral_excitation: float = 5.0  # L_ex of the auditory and visual rings
    sigma_excitation: float = 3.0  # deg
    lateral_inhibition: float = 4.0  # L_in of the auditory and visual rings
    sigma_inhibition: float = 120.0  # deg
    multisensory_excitation: float = 3.0  # L_ex of the multisensory ring
    multisensory_sigma_excitation: float = 2.0  # deg
    multisensory_inhibition: float = 2.6  # L_in of the multisensory ring
    multisensory_sigma_inhibition: float = 10.0  # deg
    weight_crossmodal: float = 1.4  # W₀ between the auditory and visual rings; 0 is the lesion
    sigma_crossmodal: float = 5.0  # deg
    weight_feedforward: float = 18.0  # W₀ to the multisensory ring
    sigma_feedforward: float = 0.5  # deg
    noise: float = 0.0  # half-range of the uniform noise per cell and step, as a fraction of E₀ (paper: 0.4)
    causes_height: float = 0.15  # least height and prominence of a peak that counts as a cause
    readout: Literal["argmax", "barycentre"] = "argmax"
    duration: float = 100.0  # ms, of the run
    integrator: Literal["euler", "exponential"] = "euler"
    dt: float | None = None  # ms; None: 0.01 (published) for euler, 1/11 or less for exponential
    n_cells: int = 180  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = 4.0  # GB, for results and recorded layers
    name: str = "cuppini2017"

    layers: ClassVar[tuple[str, ...]] = RINGS

    def __post_init__(self):
        check_choices(
            self, integrator=("euler", "exponential"), dtype=("float32", "float64"), readout=("argmax", "barycentre")
        )
        names = [f.name for f in dataclasses.fields(self)]
        check_positive(self, [n for n in names if n.startswith(("tau", "sigma", "multisensory_s"))])
        check_positive(self, ["slope", "duration", "max_memory", "causes_height"])
        check_finite(self, [n for n in names if n.startswith(("weight", "strength", "lateral", "multisensory", "thr"))])
        if self.n_cells % 2 or self.n_cells < 4:
            raise ValueError(f"{self.name}: n_cells is {self.n_cells}; an even number of at least 4 is wanted")
        if not self.noise >= 0:
            raise ValueError(f"{self.name}: noise is {self.noise}; a fraction of the strength, 0 or more, is wanted")
        if self.noise and self.integrator == "exponential":
            raise ValueError(
                f"{self.name}: noise={self.noise:g} with integrator='exponential'; noise per step depends on dt, "
                f"so use integrator='euler' with the dt it was set for"
            )
        check_step(self, self._fastest())

    def _fastest(self):
        """Fastest decay of a small disturbance at the steepest point of F, per ms: what bounds the step."""
        hat, multisensory, crossmodal, _ = (np.fft.rfft(k).real for k in self._kernels())
        worst = max(0.0, -min((hat + crossmodal).min(), (hat - crossmodal).min()))
        within = (1 + self.slope / 4 * worst) / min(self.tau_auditory, self.tau_visual)
        return max(within, (1 + self.slope / 4 * max(0.0, -multisensory.min())) / self.tau_multisensory)

    def _kernels(self, unit=False):
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

    def provenance(self) -> dict:
        return describe(self, step=step_of(self, self._fastest()))

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass; see the class.

        Parameters
        ----------
        trials : DataFrame
            `auditory_azimuth`, `visual_azimuth` (deg, NaN = absent), `report`; optional reliabilities, onsets,
            durations and measurements.
        rng : numpy.random.Generator
            Drawn from only with noise.
        layers : names or Records
            Of `auditory`, `visual`, `multisensory`: the last sample, or samples or means in time.
        parameters : DataFrame, optional
            One parameter set per row, columns as the fields. Noise-free sets share batches.

        Raises
        ------
        ValueError
            If a place is outside the ring, an event outside the run, or the result larger than `max_memory`.
        """
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        if parameters is None:
            return _perceive([self], trials, rng, layers)[0]
        if self.noise or "noise" in parameters:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        return stack(_perceive(variants(self, parameters), trials, rng, layers), parameters)


# A run is one row of numbers: what may differ between trials that share a batch. The rest makes the weights.
WEIGHTS = ("weight_crossmodal", "weight_feedforward")
PER_RUN = (
    "tau_auditory", "tau_visual", "tau_multisensory", *WEIGHTS, "threshold", "strength_auditory", "strength_visual",
)  # fmt: skip
READOUT = ("sigma_auditory", "sigma_visual", "causes_height", "readout", "name", "max_memory")


def _perceive(observers, trials, rng, layers):
    """The percept of each observer, those with the same weights integrated together."""
    groups = {}
    for place, observer in enumerate(observers):
        key = dataclasses.replace(observer, **{f: getattr(observers[0], f) for f in PER_RUN + READOUT})
        groups.setdefault((key, step_of(observer, observer._fastest())), []).append(place)
    percepts = [None] * len(observers)
    for (_, dt), places in groups.items():
        for place, percept in zip(
            places, _run_group([observers[p] for p in places], trials, rng, layers, dt), strict=True
        ):
            percepts[place] = percept
    return percepts


def _run_group(observers, trials, rng, layers, dt):
    network = observers[0]
    first, of_row = showings(trials)
    shown = trials.iloc[first]
    runs = np.concatenate([_runs(observer, shown) for observer in observers])
    of_run = np.arange(len(runs))
    if not network.noise:
        runs, of_run = np.unique(runs, axis=0, return_inverse=True)
        of_run = of_run.ravel()
    n_steps = round(network.duration / dt)
    size = (network.n_cells, len(runs), len(trials) * len(observers), n_steps, dt)
    check_memory(layers, RINGS, *size, network.max_memory, network.name)
    recorder = _integrate(network, runs, rng, layers, dt, n_steps)
    percepts = []
    for i, observer in enumerate(observers):
        of_trial = of_run[i * len(first) + of_row]
        responses = _respond(observer, recorder.last, of_trial, trials)
        percepts.append(Percept(responses, recorder.layers(layers, RINGS, of_trial, trials, network.name)))
    return percepts


def _runs(observer, shown):
    """One row per showing: place, width, onset, duration of each modality, then the parameters PER_RUN."""
    columns = []
    for modality in ("auditory", "visual"):
        columns.append(cells_of(shown, modality, observer.n_cells, observer.name))
        columns.append(getattr(observer, f"sigma_{modality}") * width_factor(shown, modality))
        columns += list(gate_of(shown, modality, observer.duration, observer.name).T)
    same = np.tile([float(getattr(observer, name)) for name in PER_RUN], (len(shown), 1))
    return np.column_stack([*columns, same])


def _integrate(network, runs, rng, layers, dt, n_steps):
    hat, multisensory, crossmodal, feedforward = (network.slope * kernel for kernel in network._kernels(unit=True))
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
    recorder = Recorder(layers, RINGS, rings, len(runs), n_steps, dt)
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


def _respond(observer, last, of_trial, trials):
    middle = observer.n_cells / 2
    tie = TIES[observer.dtype]
    read = {"argmax": lambda profile: peak_cell(profile, tie), "barycentre": barycentre}[observer.readout]
    used, back = np.unique(of_trial, return_inverse=True)
    n_causes, _, _ = find_peaks(last[2, used], observer.causes_height, wrap=True)
    common = np.where(n_causes == 0, np.nan, (n_causes == 1).astype(float))
    values = {"auditory": read(last[0, used])[back] - middle, "visual": read(last[1, used])[back] - middle}
    return answer(trials, values | {"common": common[back]}, observer.name)
