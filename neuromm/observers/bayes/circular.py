"""Causal inference over directions: heading of the body from inertia and sight, all around the circle."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.core.parameters import number, probability, sd
from neuromm.observers.base import Cue, Observer, Percepts, nullable
from neuromm.observers.bayes.directions import choose_on_circle, wrapped
from neuromm.observers.bayes.likely import Likely
from neuromm.observers.protocol import answer
from neuromm.stimuli.table import distinct


@dataclass(frozen=True)
class CircularCausalInference(Observer, Likely):
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

    cues: ClassVar = (Cue("vestibular", "heading"), Cue("visual", "heading"))
    layers: ClassVar[tuple[str, ...]] = ("measurements", "estimate", "p_common")
    reports: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "heading", "common")
    random: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "motor", "lapse", "guess")
    likelihood_columns: ClassVar[tuple[str, ...]] = tuple(column for cue in cues for column in cue.columns)

    sigma_vestibular: float = sd(15.0, "deg", free=(1, 120))  # at reliability 1
    sigma_visual: float = sd(8.0, "deg", free=(1, 120))
    sigma_prior: float = sd(np.inf, "deg", infinite=True)  # inf is uniform, and `mu_prior` then says nothing
    mu_prior: float = number(0.0, "deg")
    p_common: float = probability(0.5, free=(0.01, 0.99))  # prior of one cause
    sigma_motor: float = sd(3.0, "deg", free=(0.5, 40))  # noise of the answer
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus, uniform on the circle
    noise: Literal["wrapped_normal", "von_mises"] = "von_mises"
    name: str = "circular_causal_inference"

    def infer(self, stimuli, draws):
        """Measure both headings on the circle, and average directions over causes."""
        from neuromm.observers.bayes.circular_likelihood import at_measurements  # torch

        columns = []
        for cue in self.cues:
            sigmas = cue.sigmas(stimuli.table, cue.sigma_of(self))
            turn = _turn(draws[cue.modality], sigmas, self.noise)
            columns.append(cue.measure(stimuli.table, 1.0, turn * np.sqrt(cue.sigmas(stimuli.table, 1.0) ** -2.0)))
        x = wrapped(np.stack(columns, -1))
        scale = np.stack([cue.sigmas(stimuli.table, 1.0) for cue in self.cues], -1)
        estimate, posterior = at_measurements(self, x, scale)
        absent = np.isnan(x)
        common = np.where(absent.any(1), np.nan, posterior > 0.5).astype(float)
        layers = {
            "measurements": np.where(absent, self.mu_prior, x),
            "estimate": np.where(absent, self.mu_prior, estimate),
            "p_common": posterior[:, None],
        }
        answers = {
            "vestibular": estimate[:, 0],
            "visual": estimate[:, 1],
            "heading": np.where(absent[:, 0], estimate[:, 1], estimate[:, 0]),
        }
        return Percepts(**answers, common=common, judged_common=common, layers=layers)

    def respond(self, percepts, stimuli, draws):
        """Motor noise and lapses on the circle, the nearest key on the circle, sides as 1 (right) and 0."""
        trials = stimuli.trials
        lapsed = draws.uniform_of_rows("lapse") < self.lapse
        uniform = draws.uniform_of_rows("guess")
        answers = {}
        for report, values in percepts.reports.items():
            values = stimuli.to_rows(values)
            if report == "common":
                answers[report] = np.where(lapsed & ~np.isnan(values), uniform < 0.5, values)
                continue
            pointed = wrapped(values + self.sigma_motor * draws.of_rows("motor"))
            pointed = np.where(lapsed, 360.0 * uniform - 180.0, pointed)
            answers[report] = choose_on_circle(trials, pointed, lapsed, uniform, self.name)
        unlimited = trials.drop(columns="alternatives", errors="ignore")  # chosen already
        judged = nullable(stimuli.to_rows(percepts.judged_common))
        return answer(unlimited, answers, self.name, judged_common=judged)

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` of each row and `key_…`: mean direction (deg), of sides and unity the probability.

        `sd` is the circular standard deviation of directions (deg), or that of the probability.
        """
        from neuromm.observers.bayes.circular_likelihood import predict  # torch

        self.check_trials(trials)
        columns = [c for c in (*self.likelihood_columns, "report", "alternatives") if c in trials]
        first, row_to_distinct = distinct(trials, columns)
        return predict(self, trials.iloc[first]).iloc[row_to_distinct].set_axis(trials.index, axis=0)

    def plan_likelihood(self, cells, device):
        """Log probability (density per deg) of each answer; see `neuromm.observers.bayes.circular_likelihood`."""
        from neuromm.observers.bayes.circular_likelihood import plan  # torch

        self.check_trials(cells)
        return plan(self, cells)


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
