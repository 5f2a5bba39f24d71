"""Causal inference over directions: heading of the body from inertia and sight, all around the circle."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.stimuli.measurement import measure, place_of, sigma_of
from neuromm.stimuli.table import distinct, require, showings

CUES = ("vestibular", "visual")


def wrapped(angle):
    """The same direction in [−180, 180)."""
    return np.mod(np.asarray(angle, float) + 180.0, 360.0) - 180.0


@dataclass(frozen=True)
class CircularCausalInference(Likely):
    """Infers whether felt and seen heading had one cause, on the circle, and averages directions accordingly.

    Measurements scatter around the heading as a wrapped normal of sd σ, or a von Mises of concentration (π σ/180)⁻²;
    the prior is of the same family around `mu_prior` (infinite: uniform). The estimate is the direction of the
    resultant of the mixture of both hypotheses, q R₁ + (1 − q) R₂ (averaging); "common" if q > ½. Answers carry wrapped
    normal motor noise. For headings and sigmas far from half a turn it is `CausalInference`. The likelihood of
    directions, sides and keys is exact to rounding; that of "common" to about 3e-4 (an indicator on the grid).

    References
    ----------
    Körding et al. (2007) PLoS ONE 2:e943. de Winkel, Katliar & Bülthoff (2017) PLoS ONE 12:e0169676 (headings around).
    The parameters are chosen.
    """

    layers: ClassVar[tuple[str, ...]] = ("measurements", "estimate", "p_common")
    reports: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "heading", "common")
    likelihood_columns: ClassVar[tuple[str, ...]] = (
        "vestibular_heading", "visual_heading", "vestibular_reliability", "visual_reliability"
    )  # fmt: skip

    sigma_vestibular: float = 15.0  # deg, at reliability 1
    sigma_visual: float = 8.0  # deg
    sigma_prior: float = np.inf  # deg; infinite is uniform, and `mu_prior` then says nothing
    mu_prior: float = 0.0  # deg
    p_common: float = 0.5  # prior probability of one cause
    sigma_motor: float = 3.0  # deg, noise of the answer
    lapse: float = 0.0  # probability of an answer that ignores the stimulus, uniform on the circle or the keys
    noise: Literal["wrapped_normal", "von_mises"] = "von_mises"
    name: str = "circular_causal_inference"

    def __post_init__(self):
        for name in ("sigma_vestibular", "sigma_visual", "sigma_motor"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive sd in deg is wanted")
        if not self.sigma_prior > 0:
            raise ValueError(
                f"{self.name}: sigma_prior must be a positive sd in deg, got {self.sigma_prior}; inf is uniform"
            )
        for name in ("p_common", "lapse"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a probability is wanted")
        if self.noise not in ("wrapped_normal", "von_mises"):
            raise ValueError(f"{self.name}: noise is '{self.noise}'; wrapped_normal or von_mises is wanted")

    def _check(self, trials):
        require(trials, ["report"], self.name)
        if not {"vestibular_heading", "visual_heading"} & set(trials):
            require(trials, ["vestibular_heading"], self.name)
        check_asked(trials, self.name, tuple((c, c) for c in CUES))
        answer(trials, dict.fromkeys(self.reports, 0.0), self.name)  # refuses reports that it cannot give

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`: measurements (2; prior mean where absent), estimate (2), p_common.

        Answers to a heading are deg in [−180, 180); with `alternatives` "left|right" 1 is right, keys are the nearest
        on the circle.

        Raises
        ------
        ValueError
            If a column is missing, or a row asks what cannot be answered.
        """
        from neuromm.observers.bayes.circular_likelihood import at_measurements, press

        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        self._check(trials)
        first, of_row = showings(trials)
        shown = trials.iloc[first]
        z = rng.standard_normal((len(trials), 5))
        noise = [
            _turn(z[first, i], sigma_of(shown, c, getattr(self, f"sigma_{c}")), self.noise) for i, c in enumerate(CUES)
        ]
        x = [measure(shown, c, 1.0, n * np.sqrt(_reliability(shown, c))) for c, n in zip(CUES, noise, strict=True)]
        x = wrapped(np.stack(x, -1))
        scale = np.stack([sigma_of(shown, c, 1.0) for c in CUES], -1)
        estimate, posterior = (v[of_row] for v in at_measurements(self, x, scale))
        absent = np.isnan(x)[of_row]
        common = np.where(absent.any(1), np.nan, posterior > 0.5).astype(float)
        lapsed, uniform = ndtr(z[:, 3]) < self.lapse, ndtr(z[:, 4])
        said = {}
        for i, cue in enumerate(CUES):
            given = wrapped(estimate[:, i] + self.sigma_motor * z[:, 2])
            said[cue] = press(trials, np.where(lapsed, 360.0 * uniform - 180.0, given), lapsed, uniform)
        said["heading"] = np.where(absent[:, 0], said["visual"], said["vestibular"])
        said["common"] = np.where(lapsed & ~np.isnan(common), uniform < 0.5, common)
        judged = pd.array([None if np.isnan(c) else c > 0.5 for c in common], "boolean")
        free = trials.drop(columns="alternatives") if "alternatives" in trials else trials  # keys are pressed already
        responses = answer(free, said, self.name, judged_common=judged)
        recorded = {
            "measurements": np.where(absent, self.mu_prior, x[of_row]),
            "estimate": np.where(absent, self.mu_prior, estimate), "p_common": posterior[:, None],
        }  # fmt: skip
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` of each row and `key_…`: mean direction (deg), of sides and unity the probability.

        `sd` is the circular standard deviation of directions (deg), or that of the probability.
        """
        from neuromm.observers.bayes.circular_likelihood import predict

        self._check(trials)
        columns = [c for c in (*self.likelihood_columns, "report", "alternatives") if c in trials]
        first, of_row = distinct(trials, columns)
        return predict(self, trials.iloc[first]).iloc[of_row].set_axis(trials.index, axis=0)

    def plan_likelihood(self, cells, device):
        """Log probability (density per deg) of each answer; see `neuromm.observers.bayes.circular_likelihood`."""
        from neuromm.observers.bayes.circular_likelihood import plan

        self._check(cells)
        return plan(self, cells)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def _reliability(shown, cue):
    return sigma_of(shown, cue, 1.0) ** -2.0


def _turn(z, sigma, noise):
    """Angular noise of sd σ (n,) from standard normals: wrapped normal, or von Mises at the same quantile."""
    if noise == "wrapped_normal":
        return sigma * z
    grid = np.linspace(-180.0, 180.0, 4001)
    out = np.empty_like(z)
    for one in np.unique(sigma):
        kappa = np.rad2deg(1 / one) ** 2
        density = np.exp(kappa * (np.cos(np.deg2rad(grid)) - 1))
        cumulative = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
        rows = sigma == one
        out[rows] = np.interp(ndtr(z[rows]), cumulative / cumulative[-1] + np.arange(4001) * 1e-16, grid)
    return out


def headings(cells):
    """Heading of each cue, (n, 2), NaN where absent."""
    return np.stack([place_of(cells, c) for c in CUES], -1)
