"""The iterative basis-function network of Deneve, Latham & Pouget 2001: retinal, eye-position and head-centred maps."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.core.parameters import count, positive
from neuromm.maths.noise import block_generators
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.protocol import block_starts
from neuromm.stimuli.measurement import numbers_of, place_of, reliability_of

MAPS = ("retinal", "eye", "head")
MODALITIES = ("visual", "auditory", "tactile")
CHUNK = 512  # trials relaxed together


@dataclass(frozen=True)
class Deneve2001(Observer):
    """Three noisy maps relax through a basis layer to places that agree: x_head = x_retinal + x_eye.

    Rings of `n_cells` preferred angles θ: retinal (where a light falls), eye (where the eyes point), head (where a
    sound or a touch is). First activity R_j ~ Poisson(g K e^{(cos(x − θ_j) − 1)/σ²} + ν), ν alone where nothing is
    shown. Then, `n_iterations` times, with w(x) = K_w e^{(cos x − 1)/σ_w²},

    - L_lm = Σ_j w(θ_j − θ_l) R_j^retinal + Σ_j w(θ_j − θ_m) R_j^eye + Σ_j w(θ_j − θ_l − θ_m) R_j^head;
    - basis A_lm = L_lm²/(S + μ Σ L²), and each map takes (Σ w A)²/(S + μ Σ (·)²) back through the same weights.

    Without further noise the angles of the three population vectors come close to the optimal estimates, also where a
    map had no input (then it is a coordinate transformation). Gains g are the fields × reliability; places are
    head-centred and the eyes are at the column `eye_position` (deg; straight ahead without it).

    Reports: `auditory`, `tactile` (head map), `visual` (retinal + eye), all head-centred; `retinal`, `eye`. Layers: the
    three maps and `basis`, after relaxation.

    Source: Deneve, Latham & Pouget 2001, Nat Neurosci 4:826–831, doi:10.1038/90541; constants as in the reference
    simulation of its behaviour.
    """

    gain_visual: float = positive(1.0, zero=True)  # g at reliability 1
    gain_auditory: float = positive(1.0, zero=True)
    gain_tactile: float = positive(1.0, zero=True)
    gain_eye: float = positive(1.0, zero=True)
    peak: float = positive(20.0, "spikes")  # K
    spontaneous: float = positive(1.0, "spikes", zero=True)  # ν
    sigma: float = positive(0.40, "rad")  # of the hills
    weight: float = positive(1.0)  # K_w
    sigma_weight: float = positive(0.37, "rad")  # σ_w
    semisaturation: float = positive(0.1)  # S
    normalisation: float = positive(0.002)  # μ
    n_cells: int = count(20, 4)  # per map; the basis layer has n_cells²
    n_iterations: int = count(5)
    name: str = "deneve2001"

    cues: ClassVar = (*(Cue(m) for m in MODALITIES), Cue("visual", report="retinal"))
    layers: ClassVar[tuple[str, ...]] = (*MAPS, "basis")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "tactile", "visual", "retinal", "eye")
    random: ClassVar[tuple[str, ...]] = ()

    @property
    def preferred(self):
        """Preferred angles θ of a map, rad, (n_cells,)."""
        return 2 * np.pi * np.arange(self.n_cells) / self.n_cells - np.pi

    def infer(self, stimuli, draws):
        """Relax one noisy pattern per presentation, and read each map by its population vector."""
        expected = self.expected_input(stimuli.table)
        start = np.empty_like(expected)
        for rows, generator in block_generators(draws.generator, len(expected)):
            start[rows] = generator.poisson(expected[rows])
        parts = [self.relax(start[k : k + CHUNK]) for k in block_starts(len(start), CHUNK)]
        maps = np.concatenate([part[0] for part in parts])
        basis = np.concatenate([part[1] for part in parts])
        retinal, eye, head = (np.rad2deg(self.read(maps[:, i])) for i in range(3))
        seen = (retinal + eye + 180) % 360 - 180
        layers = {name: maps[:, i] for i, name in enumerate(MAPS)} | {"basis": basis}
        return Percepts(auditory=head, tactile=head, visual=seen, retinal=retinal, eye=eye, layers=layers)

    def expected_input(self, table):
        """Mean first activity of the maps, (n_presentations, 3, n_cells).

        Raises
        ------
        ValueError
            If a place or the eyes are beyond 180 deg.
        """
        gaze = numbers_of(table, "eye_position", 0.0)
        places = {modality: place_of(table, modality) for modality in MODALITIES}
        for column, values in ({"eye_position": gaze} | places).items():
            beyond = np.abs(values) > 180
            if beyond.any():
                raise ValueError(f"{self.name}: '{column}' must be within ±180 deg, got {values[beyond][0]:g}")
        gains = {m: getattr(self, f"gain_{m}") * reliability_of(table, m) for m in MODALITIES}
        retinal = self.hill(places["visual"] - gaze, gains["visual"])
        eye = self.hill(gaze, np.full(len(table), self.gain_eye))
        head = sum(self.hill(places[m], gains[m]) for m in ("auditory", "tactile"))
        return np.stack([retinal, eye, head], 1) + self.spontaneous

    def hill(self, place, gain):
        """g K e^{(cos(x − θ) − 1)/σ²} for places in deg; 0 where NaN; (n_trials, n_cells)."""
        angle = np.deg2rad(place)[:, None] - self.preferred
        return np.nan_to_num((gain * self.peak)[:, None] * np.exp((np.cos(angle) - 1) / self.sigma**2))

    def relax(self, maps):
        """Maps (n_trials, 3, n_cells) and basis layer (n_trials, n_cells²) after all iterations."""
        theta, n = self.preferred, self.n_cells
        own = self._kernel(theta[:, None] - theta)  # cell j of a map → row or column of the basis layer
        sums = self._kernel(theta[:, None] - (theta[:, None] + theta).ravel())  # (n, n²)
        for _ in range(self.n_iterations):
            drive = (maps[:, 0] @ own)[:, :, None] + (maps[:, 1] @ own)[:, None] + (maps[:, 2] @ sums).reshape(-1, n, n)
            basis = self._normalise(drive.reshape(-1, n * n))
            grid = basis.reshape(-1, n, n)
            back = [grid.sum(2) @ own.T, grid.sum(1) @ own.T, basis @ sums.T]
            maps = np.stack([self._normalise(b) for b in back], 1)
        return maps, basis

    def _kernel(self, angle):
        return self.weight * np.exp((np.cos(angle) - 1) / self.sigma_weight**2)

    def _normalise(self, drive):
        square = drive**2
        return square / (self.semisaturation + self.normalisation * square.sum(1, keepdims=True))

    def read(self, activity):
        """Angle of the population vector, rad, (n_trials,)."""
        return np.angle(activity @ np.exp(1j * self.preferred))

    def fisher_information(self, gain):
        """Information of one map's first activity about its angle at gain g, 1/rad²; averaged over the ring."""
        x = np.linspace(0, 2 * np.pi / self.n_cells, 16, endpoint=False)[:, None] - self.preferred
        hill = gain * self.peak * np.exp((np.cos(x) - 1) / self.sigma**2)
        slope = -np.sin(x) / self.sigma**2 * hill
        return float((slope**2 / (hill + self.spontaneous)).sum(1).mean())

    def optimal_sd(self, gains):
        """Least SD of the three variables, deg: I* = I_r + 1/(1/I_e + 1/I_a), and so round.

        `gains` are those of the retinal, eye and head inputs; 0 is no input.
        """
        own = np.array([self.fisher_information(g) for g in gains])
        with np.errstate(divide="ignore"):
            others = [1 / (1 / np.delete(own, k)).sum() for k in range(3)]
        return np.rad2deg(1 / np.sqrt(own + others))


def reference_frames(observer, *, gaze=10.0, places=None, **gains):
    """In which frame does each basis cell code? Shift of its head-centred tuning per deg of eye movement.

    Cells are probed, without noise, with a light and a sound at one place, at gains that may be unequal
    (`gain_visual=0.2`), while the eyes point `gaze` deg left and right.

    Returns
    -------
    shift : array, shape (n_cells²,)
        0: head-centred; 1: eye-centred (the field moves with the eyes); in between: partially shifting. NaN of a cell
        that tuning leaves flat.
    """
    observer = dataclasses.replace(observer, **gains)
    places = np.arange(-180.0, 180.0, 3.0) if places is None else np.asarray(places, float)
    centres = []
    for eye in (-gaze, gaze):
        table = pd.DataFrame({"visual_azimuth": places, "auditory_azimuth": places, "eye_position": eye})
        basis = observer.relax(observer.expected_input(table))[1]
        basis = basis - basis.min(0)
        vector = np.exp(1j * np.deg2rad(places)) @ basis / np.maximum(basis.sum(0), 1e-12)
        centres.append(np.where(np.abs(vector) > 0.1, np.angle(vector), np.nan))
    turn = np.angle(np.exp(1j * (centres[1] - centres[0])))
    return np.rad2deg(turn) / (2 * gaze)
