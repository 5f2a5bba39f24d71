"""Congruent and opposite cells of Zhang, Wang, Chen, Gu, Lee, Wong & Wu 2019: integrate and segregate at once."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.special import iv, ive

from neuromm.maths.noise import block_generators
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.observers.rate.checks import check_choices, check_finite, check_positive
from neuromm.stimuli.measurement import place_of
from neuromm.stimuli.table import require, showings

CELLS = ("vestibular_congruent", "vestibular_opposite", "visual_congruent", "visual_opposite")
MODALITIES = ("vestibular", "visual")
LEAST = 1e-12  # Fourier modes of the weights below this share are left out


@dataclass(frozen=True)
class Zhang2019:
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
    scale.

    Source: Zhang et al. 2019, eLife 8:e43753, doi:10.7554/eLife.43753.
    """

    alpha_vestibular: float = 0.5  # U₀, at reliability 1
    alpha_visual: float = 0.5
    recurrent: float = 0.35  # J_rc in units of J_c
    reciprocal: float = 0.5  # J_rp in units of J_rc; 0 cuts the modules apart
    interaction: float = 0.5  # J_int, share of the other type in the normalisation
    concentration: float = 3.0  # a of tuning and weights, about 40 deg wide
    normalisation: float = 3e-4  # ω
    background: float = 1.0  # I_b
    fano: float = 0.0  # F of the input noise; the paper uses 0.5, 0 is the mean field
    tau: float = 1.0  # time unit
    duration: float = 20.0  # τ; steady to 0.01 deg
    dt: float = 0.01  # τ
    n_cells: int = 180
    readout: Literal["congruent", "segregated", "selection"] = "congruent"
    name: str = "zhang2019"

    layers: ClassVar[tuple[str, ...]] = CELLS

    def __post_init__(self):
        check_choices(self, readout=("congruent", "segregated", "selection"))
        check_positive(self, ["concentration", "normalisation", "tau", "duration", "dt"])
        check_finite(self, ["alpha_vestibular", "alpha_visual", "recurrent", "reciprocal", "interaction", "background"])
        for field in ("alpha_vestibular", "alpha_visual", "recurrent", "background", "fano"):
            if getattr(self, field) < 0:
                raise ValueError(f"{self.name}: {field} is {getattr(self, field)}; at least 0 is wanted")
        if self.n_cells % 2 or self.n_cells < 8:
            raise ValueError(f"{self.name}: n_cells is {self.n_cells}; an even number of at least 8 is wanted")
        if self.dt > self.tau:
            raise ValueError(
                f"{self.name}: dt={self.dt:g} is unstable with tau={self.tau:g}; use dt ≤ {self.tau / 10:g}"
            )
        if self.recurrent * (1 + abs(self.reciprocal)) >= 1:
            raise ValueError(
                f"{self.name}: recurrent={self.recurrent:g} and reciprocal={self.reciprocal:g} hold a bump alone "
                "(recurrent · (1 + reciprocal) ≥ 1); lower one"
            )

    def provenance(self) -> dict:
        return describe(self, J_c=self.critical_weight, U_0=self.unit_strength)

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

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`; each distinct showing once if there is no noise. See the class.

        Raises
        ------
        ValueError
            If a row asks about an absent modality, or a heading is beyond 180 deg.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report", "vestibular_heading", "visual_heading"], self.name)
        check_asked(trials, self.name, [(m, m) for m in MODALITIES])
        nothing = np.isnan([place_of(trials, m) for m in MODALITIES]).all(0)
        if nothing.any():
            rows = trials.index[nothing][:5].tolist()
            raise ValueError(f"{self.name}: trials {rows} show no heading")
        first, of_row = showings(trials)
        runs = self._runs(trials.iloc[first])
        of_run = np.arange(len(runs))
        if not self.fano:
            runs, of_run = np.unique(runs, axis=0, return_inverse=True)
        rates = self.integrate(runs, rng)[of_run.ravel()[of_row]]
        place = [place_of(trials, m) for m in MODALITIES]
        peaks = rates.max(-1)
        evidence = peaks[:, 0] + peaks[:, 2] - peaks[:, 1] - peaks[:, 3]
        common = np.where(np.isnan(place[0]) | np.isnan(place[1]), np.nan, (evidence > 0).astype(float))
        angles = self._angles(rates, common)
        responses = answer(trials, dict(zip(MODALITIES, angles, strict=True)) | {"common": common}, self.name)
        recorded = {cell: rates[:, k] for k, cell in enumerate(CELLS)}
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _runs(self, shown):
        """Heading (rad) and strength of both cues, (n, 4); an absent cue has strength 0."""
        columns = []
        for modality in MODALITIES:
            place, column = place_of(shown, modality), f"{modality}_reliability"
            if (np.abs(place) > 180).any():
                raise ValueError(f"{self.name}: a {modality} heading is beyond 180 deg; headings are within ±180")
            factor = shown[column].fillna(1.0).to_numpy(float) if column in shown else np.ones(len(shown))
            strength = getattr(self, f"alpha_{modality}") * self.unit_strength * factor
            columns += [np.deg2rad(np.nan_to_num(place)), np.where(np.isnan(place), 0.0, strength)]
        return np.column_stack(columns)

    def _angles(self, rates, common):
        """Heading of either module, deg, as `readout` says; 2 arrays (n_trials,)."""
        vectors = rates @ np.exp(1j * self.theta)  # (n, 4)
        found = []
        for module in (0, 2):
            integrated, regained = np.angle(vectors[:, module]), np.angle(vectors[:, module] + vectors[:, module + 1])
            whole = {"congruent": True, "segregated": False, "selection": common != 0}[self.readout]
            found.append(np.rad2deg(np.where(whole, integrated, regained)))
        return found

    def integrate(self, runs, rng=None):
        """Rates of the four rings, (n_runs, 4, n_cells): the last ones, or with noise the mean of the second half.

        `runs` holds heading (rad) and strength of the vestibular and of the visual cue, (n_runs, 4).
        """
        n, n_steps, step = len(runs), round(self.duration / self.dt), self.dt / self.tau
        basis, same, cross = self._modes()
        bumps = [
            runs[:, k + 1, None] * np.exp(self.concentration / 2 * (np.cos(self.theta - runs[:, k, None]) - 1))
            for k in (0, 2)
        ]
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
        """Fourier basis (n_cells, n_modes), and what each mode is multiplied by within and between modules (4,
        n_modes)."""
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
    from scipy.optimize import brentq

    def one(k, s):
        aim = ive(1, k) / ive(0, k) * (1.0 if np.isinf(s) else ive(1, s) / ive(0, s))
        return k if np.isinf(s) else brentq(lambda x: ive(1, x) / ive(0, x) - aim, 0.0, max(k, 1e-12) + 1e-9)

    return np.vectorize(one, otypes=[float])(kappa, kappa_s)


def _sum_of(x_1, x_2, kappa_1, kappa_2):
    vector = kappa_1 * np.exp(1j * np.deg2rad(x_1)) + kappa_2 * np.exp(1j * np.deg2rad(x_2))
    return np.rad2deg(np.angle(vector)), np.abs(vector)
