"""The ventriloquism network of Magosso, Cuppini & Ursino 2012, with its aftereffect."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.maths.ring import TIES, barycentre, bump, circulant, mexican_hat, peak_cell
from neuromm.observers.protocol import Percept, answer, check_asked, describe, perceive_sets
from neuromm.observers.rate.checks import check_choices, check_finite, check_positive, check_step, step_of
from neuromm.observers.rate.dense import DenseRings
from neuromm.observers.rate.events import cells_of, width_factor
from neuromm.observers.rate.integrate import INTEGRATORS, Problem
from neuromm.observers.rate.recording import Recorder, check_memory
from neuromm.observers.rate.rings import DTYPES, Rings
from neuromm.stimuli.table import require, showings

BLOCK = 128  # trials integrated together


@dataclass(frozen=True)
class Magosso2012:
    """Auditory and visual rings joined cell to cell: the sharp visual bump draws the broad auditory one.

    τ dy/dt = −y + F(u), u_a = L y_a + W y_v + e_a and u_v = L y_v + W y_a + e_v, with a Mexican hat L, one-to-one W
    and Gaussian bumps e, run to the steady state. Reports: `auditory` and `visual`, the centre of mass Σ j y_j/Σ y_j of
    that ring, or its most active cell. Layers: the two rings, last sample or in time.

    Aftereffect: `n_adaptation` exposures to a pair at `adaptation_auditory` and `adaptation_visual` change the lateral
    weights of the auditory ring before any trial, by ΔL_jk = η y_j (y_k − θ_L) of the steady state, bounded to
    ±`weight_bound`, the total input of each cell kept. A sound alone is then heard shifted to where
    the light had been. The rule's form follows the paper; its constants are a project definition.

    Source: Magosso, Cuppini & Ursino 2012, PLoS ONE 7:e42503, doi:10.1371/journal.pone.0042503.
    """

    tau: float = 3.0  # ms
    slope: float = 0.6  # s of F
    threshold: float = 12.0  # θ of F, input
    strength_auditory: float = 18.0  # E₀, input; at 15 a sound alone stays just below threshold
    strength_visual: float = 15.0  # E₀, input
    sigma_auditory: float = 32.0  # deg, width of the bump at reliability 1
    sigma_visual: float = 4.0  # deg
    lateral_excitation: float = 2.4  # L_ex
    sigma_excitation: float = 2.0  # deg
    lateral_inhibition: float = 1.4  # L_in
    sigma_inhibition: float = 24.0  # deg
    weight_crossmodal: float = 5.0  # W, cell to cell; 0 is the lesion
    n_adaptation: int = 0  # exposures before the trials
    adaptation_auditory: float = 0.0  # deg
    adaptation_visual: float = 10.0  # deg
    learning_rate: float = 0.05  # η, per exposure
    hebbian_threshold: float = 0.3  # θ_L, activity
    weight_bound: float = 4.0  # largest lateral weight, either sign
    readout: Literal["barycentre", "argmax"] = "barycentre"
    duration: float = 200.0  # ms, of the run
    integrator: Literal["euler", "exponential"] = "exponential"
    dt: float | None = None  # ms; None: 0.01 for euler, 1/11 or less for exponential
    n_cells: int = 180  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = 4.0  # GB, for results and recorded layers
    name: str = "magosso2012"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual")

    def __post_init__(self):
        check_choices(
            self, integrator=("euler", "exponential"), dtype=("float32", "float64"), readout=("barycentre", "argmax")
        )
        names = [f.name for f in dataclasses.fields(self)]
        check_positive(self, [n for n in names if n.startswith(("tau", "slope", "sigma", "duration", "weight_bound"))])
        check_finite(
            self, [n for n in names if n.startswith(("thr", "str", "lat", "weight", "adapt", "learn", "hebb"))]
        )
        if self.n_cells % 2 or self.n_cells < 4:
            raise ValueError(f"{self.name}: n_cells is {self.n_cells}; an even number of at least 4 is wanted")
        if self.n_adaptation < 0:
            raise ValueError(f"{self.name}: n_adaptation is {self.n_adaptation}; 0 exposures or more are wanted")
        for name in ("adaptation_auditory", "adaptation_visual"):
            if not -self.n_cells / 2 <= getattr(self, name) < self.n_cells / 2:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)} deg, outside its ring")
        check_step(self, self._fastest())

    def _fastest(self):
        hat = np.fft.rfft(self._hat()).real
        worst = max(0.0, -(hat - abs(self.weight_crossmodal)).min())
        return (1 + self.slope / 4 * worst) / self.tau

    def _hat(self):
        return mexican_hat(
            self.n_cells, self.lateral_excitation, self.sigma_excitation, self.lateral_inhibition, self.sigma_inhibition
        )

    def provenance(self) -> dict:
        return describe(self, step=step_of(self, self._fastest()))

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass; see the class.

        Raises
        ------
        ValueError
            If a place is outside the ring, or the result larger than `max_memory`.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        shown = trials.iloc[first]
        columns = []
        for modality in self.layers:
            columns.append(cells_of(shown, modality, self.n_cells, self.name))
            columns.append(getattr(self, f"sigma_{modality}") * width_factor(shown, modality))
        runs, of_run = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
        of_trial = of_run.ravel()[of_row]
        recorder = self._integrate(runs, layers, len(trials), self.adapted_weights())
        tie = TIES[self.dtype]
        read = {"barycentre": barycentre, "argmax": lambda profile: peak_cell(profile, tie)}[self.readout]
        values = {m: read(recorder.last[i])[of_trial] - self.n_cells / 2 for i, m in enumerate(self.layers)}
        responses = answer(trials, values, self.name)
        return Percept(responses, recorder.layers(layers, self.layers, of_trial, trials, self.name))

    def adapted_weights(self):
        """Lateral weights of the auditory ring after the exposures, (n_cells, n_cells); None if there are none.

        Entry (j, k) is the weight from cell k to cell j.
        """
        if not self.n_adaptation:
            return None
        weights = circulant(self._hat())
        places = np.array([self.adaptation_auditory, self.adaptation_visual]) + self.n_cells / 2
        run = np.array([[places[0], self.sigma_auditory, places[1], self.sigma_visual]])
        off_diagonal = ~np.eye(self.n_cells, dtype=bool)
        for _ in range(self.n_adaptation):
            y = self._integrate(run, (), 1, weights).last[0, 0]
            change = self.learning_rate * np.outer(y, y - self.hebbian_threshold) * off_diagonal
            change -= change.sum(1, keepdims=True) / (self.n_cells - 1) * off_diagonal  # total input is kept
            weights = np.clip(weights + change, -self.weight_bound, self.weight_bound)
        return weights

    def _integrate(self, runs, layers, n_trials, weights):
        """Run the places and widths of `runs`; `weights` are those of an adapted auditory ring, or None."""
        dt = step_of(self, self._fastest())
        n, n_steps = self.n_cells, round(self.duration / dt)
        check_memory(layers, self.layers, n, len(runs), n_trials, n_steps, dt, self.max_memory, self.name)
        kind = {"dtype": DTYPES[self.dtype], "device": self.device}
        own_cell = self.weight_crossmodal * np.eye(n)
        if weights is None:
            kernels = {(0, 0): self._hat(), (1, 1): self._hat(), (0, 1): own_cell[0], (1, 0): own_cell[0]}
            rings = Rings({pair: self.slope * kernel for pair, kernel in kernels.items()}, 2, n, **kind)
        else:
            both = np.stack([np.stack([weights, own_cell], 1), np.stack([own_cell, circulant(self._hat())], 1)])
            rings = DenseRings(self.slope * both, **kind)
        recorder = Recorder(layers, self.layers, rings, len(runs), n_steps, dt)
        for start in range(0, len(runs), BLOCK):
            recorder.rows = slice(start, min(start + BLOCK, len(runs)))
            place_a, width_a, place_v, width_v = runs[recorder.rows].T
            profiles = (
                bump(n, place_a, width_a, self.strength_auditory),
                bump(n, place_v, width_v, self.strength_visual),
            )
            drive = rings.fold(self.slope * np.stack(profiles))
            problem = Problem(rings, drive, rings.tensor(-self.slope * self.threshold), [self.tau] * 2, [None] * 2)
            recorder.finish(INTEGRATORS[self.integrator](problem, dt, n_steps, watch=recorder.watch))
        return recorder
