"""The ventriloquism network of Magosso, Cuppini & Ursino 2012, with its aftereffect."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.messages import must_be
from neuromm.core.parameters import count, number, positive, sd
from neuromm.maths.device import check_device
from neuromm.maths.ring import bump, circulant, mexican_hat
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.rate.dense import DenseRings
from neuromm.observers.rate.events import cells_of, width_factor
from neuromm.observers.rate.integrate import INTEGRATORS, Problem
from neuromm.observers.rate.peaks import read_place
from neuromm.observers.rate.recording import Recorder, check_memory
from neuromm.observers.rate.rings import DTYPES, Rings
from neuromm.observers.rate.step import check_even, check_step, step_of

BLOCK = 128  # trials integrated together


@dataclass(frozen=True)
class Magosso2012(Observer):
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

    tau: float = positive(3.0, "ms")
    slope: float = positive(0.6)  # s of F
    threshold: float = number(12.0)  # θ of F, input
    strength_auditory: float = number(18.0)  # E₀, input; at 15 a sound alone stays just below threshold
    strength_visual: float = number(15.0)  # E₀, input
    sigma_auditory: float = sd(32.0, "deg")  # width of the bump at reliability 1
    sigma_visual: float = sd(4.0, "deg")
    lateral_excitation: float = number(2.4)  # L_ex
    sigma_excitation: float = sd(2.0, "deg")
    lateral_inhibition: float = number(1.4)  # L_in
    sigma_inhibition: float = sd(24.0, "deg")
    weight_crossmodal: float = number(5.0)  # W, cell to cell; 0 is the lesion
    n_adaptation: int = count(0, 0)  # exposures before the trials
    adaptation_auditory: float = number(0.0, "deg")
    adaptation_visual: float = number(10.0, "deg")
    learning_rate: float = number(0.05)  # η, per exposure
    hebbian_threshold: float = number(0.3)  # θ_L, activity
    weight_bound: float = positive(4.0)  # largest lateral weight, either sign
    readout: Literal["barycentre", "argmax"] = "barycentre"
    duration: float = positive(200.0, "ms")  # of the run
    integrator: Literal["euler", "exponential"] = "exponential"
    dt: float | None = positive(None, "ms", optional=True)  # None: 0.01 for euler, exponential ≤ 1/11
    n_cells: int = count(180, 4)  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = positive(4.0, "GB")  # for results and recorded layers
    name: str = "magosso2012"

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual")
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        super().__post_init__()
        check_device(self.device)
        check_even(self)
        half = self.n_cells / 2
        for name in ("adaptation_auditory", "adaptation_visual"):
            if not -half <= getattr(self, name) < half:
                wanted = f"from {-half:g} to below {half:g} deg, in its ring"
                raise must_be(self.name, name, wanted, getattr(self, name))
        check_step(self, self._fastest_decay())

    def _fastest_decay(self):
        hat = np.fft.rfft(self._hat()).real
        worst = max(0.0, -(hat - abs(self.weight_crossmodal)).min())
        return (1 + self.slope / 4 * worst) / self.tau

    def _hat(self):
        return mexican_hat(
            self.n_cells, self.lateral_excitation, self.sigma_excitation, self.lateral_inhibition, self.sigma_inhibition
        )

    def provenance(self):
        """Class and fields, and the time step."""
        return super().provenance() | {"step": step_of(self, self._fastest_decay())}

    def infer(self, stimuli, draws):
        """Run each distinct presentation to its steady state."""
        columns = []
        for modality in self.layers:
            columns.append(cells_of(stimuli.table, modality, self.n_cells, self.name))
            columns.append(getattr(self, f"sigma_{modality}") * width_factor(stimuli.table, modality))
        runs, run_of = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
        run_of = run_of.ravel()
        dt, n_steps = self._steps()
        check_memory(self, stimuli, len(runs), n_steps, dt)
        recorder = self._integrate(runs, stimuli.records, self.adapted_weights())
        places = {m: read_place(self, recorder.last[i])[run_of] for i, m in enumerate(self.layers)}
        return Percepts(**places, layers=recorder.layers(run_of))

    def _steps(self):
        dt = step_of(self, self._fastest_decay())
        return dt, round(self.duration / dt)

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
            y = self._integrate(run, (), weights).last[0, 0]
            change = self.learning_rate * np.outer(y, y - self.hebbian_threshold) * off_diagonal
            change -= change.sum(1, keepdims=True) / (self.n_cells - 1) * off_diagonal  # total input is kept
            weights = np.clip(weights + change, -self.weight_bound, self.weight_bound)
        return weights

    def _integrate(self, runs, records, weights):
        """Run the places and widths of `runs`; `weights` are those of an adapted auditory ring, or None."""
        dt, n_steps = self._steps()
        n = self.n_cells
        kind = {"dtype": DTYPES[self.dtype], "device": self.device}
        own_cell = self.weight_crossmodal * np.eye(n)
        if weights is None:
            kernels = {(0, 0): self._hat(), (1, 1): self._hat(), (0, 1): own_cell[0], (1, 0): own_cell[0]}
            rings = Rings({pair: self.slope * kernel for pair, kernel in kernels.items()}, 2, n, **kind)
        else:
            both = np.stack([np.stack([weights, own_cell], 1), np.stack([own_cell, circulant(self._hat())], 1)])
            rings = DenseRings(self.slope * both, **kind)
        recorder = Recorder(records, self.layers, rings, len(runs), n_steps, dt)
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
