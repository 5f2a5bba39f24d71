"""Congruent and opposite cells of Zhang, Wang, Chen, Gu, Lee, Wong & Wu 2019: integrate and segregate at once."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import iv, ive

from neuromm.core.messages import must_be
from neuromm.core.parameters import count, number, positive
from neuromm.maths.noise import block_generators
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.stimuli.measurement import reliability_of

CELLS = ("vestibular_congruent", "vestibular_opposite", "visual_congruent", "visual_opposite")
MODALITIES = ("vestibular", "visual")
LEAST = 1e-12  # Fourier modes of the weights below this share are left out


@dataclass(frozen=True)
class Zhang2019(Observer):
    """Two modules of rings; in each, congruent cells add the other module's cue, opposite cells subtract it.

    Per module m and cell type n (congruent c, opposite o), cells θ all round:

    - τ du/dt = −u + Σ W_rc r (same ring) + Σ W_rp^n r (same type, other module) + I_m;
    - W_rc = J_rc e^{a cos(θ−θ')}/(2π I₀(a)), W_rp^c alike with J_rp, and W_rp^o turned by 180 deg;
    - r = [u]₊²/(1 + ω D), D = Σ [u]₊² + J_int Σ [u of the other type]₊²;
    - I_m = α_m e^{(a/2)(cos(θ − x_m) − 1)} + I_b, plus white noise of variance F × input, the same for both types.

    Strengths are in the paper's units: J_rc in J_c, J_rp in J_rc, α in U₀ (at reliability 1; α × reliability). Headings
    come from `vestibular_heading` and `visual_heading`, deg. Angles are read by population vectors. `readout`:
    "congruent", the integrated heading of that module; "segregated", the direct cue regained from the sum of the
    congruent and opposite vectors; "selection", the one or the other by the judgement of cause. Report `common`: the
    congruent cells' peak rate exceeds the opposite cells' (both modules). Layers: the four rings, Hz in arbitrary
    scale. Without noise each distinct stimulus is integrated once.

    Source: Zhang et al. 2019, eLife 8:e43753, doi:10.7554/eLife.43753.
    """

    alpha_vestibular: float = positive(0.5, "U₀", zero=True)  # at reliability 1
    alpha_visual: float = positive(0.5, "U₀", zero=True)
    recurrent: float = positive(0.35, "J_c", zero=True)  # J_rc
    reciprocal: float = number(0.5, "J_rc")  # J_rp; 0 cuts the modules apart
    interaction: float = number(0.5)  # J_int, share of the other type in the normalisation
    concentration: float = positive(3.0)  # a of tuning and weights, about 40 deg wide
    normalisation: float = positive(3e-4)  # ω
    background: float = positive(1.0, zero=True)  # I_b
    fano: float = positive(0.0, zero=True)  # F of the input noise; the paper uses 0.5, 0 is the mean field
    tau: float = positive(1.0)  # time unit
    duration: float = positive(20.0)  # τ; steady to 0.01 deg
    dt: float = positive(0.01)  # τ
    n_cells: int = count(180, 8)
    readout: Literal["congruent", "segregated", "selection"] = "congruent"
    name: str = "zhang2019"

    cues: ClassVar = (Cue("vestibular", "heading"), Cue("visual", "heading"))
    layers: ClassVar[tuple[str, ...]] = CELLS
    reports: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "common")
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        super().__post_init__()
        if self.n_cells % 2:
            raise must_be(self.name, "n_cells", "an even number of at least 8", self.n_cells)
        if self.dt > self.tau:
            wanted = f"at most tau={self.tau:g} to be stable (better {self.tau / 10:g})"
            raise must_be(self.name, "dt", wanted, self.dt)
        if self.recurrent * (1 + abs(self.reciprocal)) >= 1:
            raise ValueError(
                f"{self.name}: recurrent={self.recurrent:g} and reciprocal={self.reciprocal:g} hold a bump alone "
                "(recurrent · (1 + reciprocal) ≥ 1); lower one"
            )

    def provenance(self):
        """Class and fields, and the units J_c and U₀."""
        return super().provenance() | {"J_c": self.critical_weight, "U_0": self.unit_strength}

    @property
    def theta(self):
        """Preferred headings, rad, (n_cells,)."""
        return 2 * np.pi * np.arange(self.n_cells) / self.n_cells - np.pi

    @property
    def critical_weight(self):
        """J_c, above which a ring holds a bump without input (the paper's approximation)."""
        a, density = self.concentration, self.n_cells / (2 * np.pi)
        return np.sqrt(8 * np.pi * (1 + self.interaction) * self.normalisation / density * iv(0, a / 2) ** 2 / iv(0, a))

    @property
    def unit_strength(self):
        """U₀, height of the bump at J_c."""
        a = self.concentration
        below = 2 * np.pi * self.normalisation * (1 + self.interaction) * iv(0, a / 2)
        return self.critical_weight * np.exp(a / 2) / below

    def check_trials(self, trials):
        """As every observer; each row shows a heading."""
        super().check_trials(trials)
        nothing = np.logical_and.reduce([np.isnan(cue.values(trials)) for cue in self.cues])
        if nothing.any():
            raise ValueError(f"{self.name}: trials {trials.index[nothing][:5].tolist()} show no heading")

    def infer(self, stimuli, draws):
        """Integrate each presentation; the cause is judged by the peaks of the two types of cells."""
        runs = self._runs(stimuli)
        if self.fano:
            rates = self.integrate(runs, draws.generator)
        else:
            runs, row_to_run = np.unique(runs, axis=0, return_inverse=True)
            rates = self.integrate(runs)[row_to_run.ravel()]
        peaks = rates.max(-1)
        evidence = peaks[:, 0] + peaks[:, 2] - peaks[:, 1] - peaks[:, 3]
        common = np.where(stimuli.present.all(1), (evidence > 0).astype(float), np.nan)
        vestibular, visual = self._angles(rates, common)
        layers = {cell: rates[:, k] for k, cell in enumerate(CELLS)}
        return Percepts(vestibular=vestibular, visual=visual, common=common, layers=layers)

    def _runs(self, stimuli):
        """Heading (rad) and strength of both cues, (n, 4); an absent cue has strength 0."""
        columns = []
        for modality, heading in zip(MODALITIES, stimuli.values.T, strict=True):
            beyond = np.abs(heading) > 180
            if beyond.any():
                raise must_be(self.name, f"{modality}_heading", "within ±180 deg", float(heading[beyond][0]))
            strength = getattr(self, f"alpha_{modality}") * self.unit_strength * reliability_of(stimuli.table, modality)
            columns.append(np.deg2rad(np.nan_to_num(heading)))
            columns.append(np.where(np.isnan(heading), 0.0, strength))
        return np.column_stack(columns)

    def _angles(self, rates, common):
        """Heading of either module, deg, by `readout`; 2 arrays (n_presentations,)."""
        vectors = rates @ np.exp(1j * self.theta)  # (n, 4)
        fused = {"congruent": True, "segregated": False, "selection": common != 0}[self.readout]
        angles = []
        for module in (0, 2):
            integrated = np.angle(vectors[:, module])
            regained = np.angle(vectors[:, module] + vectors[:, module + 1])
            angles.append(np.rad2deg(np.where(fused, integrated, regained)))
        return angles

    def integrate(self, runs, rng=None):
        """Rates of the four rings, (n_runs, 4, n_cells): the last ones, or with noise the mean of the second half.

        `runs` holds heading (rad) and strength of the vestibular and of the visual cue, (n_runs, 4).
        """
        n, n_steps, step = len(runs), round(self.duration / self.dt), self.dt / self.tau
        basis, same, cross = self._modes()
        bumps = []
        for k in (0, 2):
            tuning = np.exp(self.concentration / 2 * (np.cos(self.theta - runs[:, k, None]) - 1))
            bumps.append(runs[:, k + 1, None] * tuning)
        cue = np.stack([bumps[0], bumps[0], bumps[1], bumps[1]], 1)
        drive = step * (cue + self.background)
        other_module, other_type = [2, 3, 0, 1], [1, 0, 3, 2]
        blocks = block_generators(rng, n) if self.fano else []
        size_cue, size_base = np.sqrt(self.fano * step * cue), np.sqrt(self.fano * step * self.background)
        u, total = np.zeros((n, 4, self.n_cells)), np.zeros((n, 4, self.n_cells))
        for k in range(n_steps):
            square = np.maximum(u, 0.0) ** 2
            pool = square.sum(-1)
            pool = pool + self.interaction * pool[:, other_type]
            rate = square / (1 + self.normalisation * pool[..., None])
            modes = rate @ basis
            modes = modes * same + modes[:, other_module] * cross
            u += step * (modes @ basis.T - u) + drive
            for rows, generator in blocks:
                m = rows.stop - rows.start
                shared = generator.standard_normal((64, 2, self.n_cells))[:m].repeat(2, axis=1)
                own = generator.standard_normal((64, 4, self.n_cells))[:m]
                u[rows] += size_cue[rows] * shared + size_base * own
            if self.fano and k >= n_steps // 2:
                total += rate
        square = np.maximum(u, 0.0) ** 2
        pool = square.sum(-1)
        last = square / (1 + self.normalisation * (pool + self.interaction * pool[:, other_type]))[..., None]
        return total / (n_steps - n_steps // 2) if self.fano else last

    def _modes(self):
        """Fourier basis (n_cells, n_modes); factor of each mode within and between modules, (4, n_modes)."""
        a, n = self.concentration, self.n_cells
        order = np.arange(n // 2)
        share = ive(order, a) / ive(0, a)  # Fourier coefficients of e^{a cos θ}
        order = order[share > LEAST]
        cosine, sine = np.cos(np.outer(self.theta, order)), np.sin(np.outer(self.theta, order[1:]))
        basis = np.concatenate([cosine, sine], 1)
        strength = share[order] / (2 * np.pi) * np.where(order == 0, 1.0, 2.0)
        strength, order = np.concatenate([strength, strength[1:]]), np.concatenate([order, order[1:]])
        recurrent = self.recurrent * self.critical_weight
        turned = np.stack([np.ones(len(order)), (-1.0) ** order] * 2)
        return basis, recurrent * strength, self.reciprocal * recurrent * strength * turned


def integrate_cues(x_1, x_2, kappa_1, kappa_2, kappa_s=np.inf):
    """Heading and concentration under one cause, κ̂ e^{jŝ} = κ₁ e^{jx₁} + κ₂ₛ e^{jx₂}; deg, broadcast."""
    return _sum_of(x_1, x_2, kappa_1, discounted(kappa_2, kappa_s))


def segregate_cues(x_1, x_2, kappa_1, kappa_2, kappa_s=np.inf):
    """Direction and size of the disparity information, κ̂ e^{jΔ} = κ₁ e^{jx₁} − κ₂ₛ e^{jx₂}; deg, broadcast."""
    return _sum_of(x_1, x_2, kappa_1, -discounted(kappa_2, kappa_s))


def discounted(kappa, kappa_s):
    """κ₂ₛ with A(κ₂ₛ) = A(κ₂) A(κ_s), A = I₁/I₀: a cue seen through a prior on the discrepancy of concentration κ_s."""
    def one(k, s):
        if np.isinf(s):
            return k
        aim = ive(1, k) / ive(0, k) * (ive(1, s) / ive(0, s))
        return brentq(lambda x: ive(1, x) / ive(0, x) - aim, 0.0, max(k, 1e-12) + 1e-9)

    return np.vectorize(one, otypes=[float])(kappa, kappa_s)


def _sum_of(x_1, x_2, kappa_1, kappa_2):
    vector = kappa_1 * np.exp(1j * np.deg2rad(x_1)) + kappa_2 * np.exp(1j * np.deg2rad(x_2))
    return np.rad2deg(np.angle(vector)), np.abs(vector)
