"""Observers who learn how blurred vision is: from this moment alone, or from the past as well."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.core.parameters import count, number, positive, probability, sd
from neuromm.maths.gaussian import averaged_over_causes
from neuromm.maths.recalibration import bayesian_variance, exponential_variance
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.bayes.possible_answers import check_answers
from neuromm.stimuli.alternatives import offers
from neuromm.stimuli.measurement import place_of, sigma_of
from neuromm.stimuli.table import require


def _instantaneous(observer, variances):
    return variances


def _exponential(observer, variances):
    return exponential_variance(variances, observer.gamma)


def _bayesian(observer, variances):
    return bayesian_variance(variances, observer.kappa, observer.n_dots)


DOTS = ["visual_measurement", "visual_sample_spread"]  # centre and sample sd of the dots that were shown, deg
LEARNERS = {"instantaneous": _instantaneous, "bayesian": _bayesian, "exponential": _exponential}


@dataclass(frozen=True)
class Beierholm2020(Observer):
    """Weighs vision by an uncertainty that it estimates from the dots now and before.

    A cloud of `n_dots` dots has spread σ_t (column `visual_spread`) that changes over time; its centre tells of a
    place with that spread as noise. The observer takes the sample variance of the dots (*instantaneous*), a running
    average γ variance_{t−1} + (1 − γ) sample_t (*exponential*), or the posterior under a random walk of log precision
    with step variance 1/κ (*bayesian*), and then infers causes and places as in Körding et al. (2007), averaging. The
    defaults are the medians of the Bayesian learner for the sinusoid; rows are read in the order of time, and every
    `block` starts with `sigma_visual`. Dots are drawn, or are those of the table. A row without sight leaves the
    estimate as it was. Layers: `measurements` (A, cloud's centre), `visual_sigma` (as estimated, deg), `p_common`,
    `estimate` (A, V).

    References
    ----------
    Beierholm, Rohe, Ferrari, Stegle & Noppeney (2020) eLife 9:e54172, doi 10.7554/eLife.54172, table 2. How a cloud's
    spread becomes the noise of its place (σ²(1 + 1/n)) is reconstructed here.
    """

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("measurements", "visual_sigma", "p_common", "estimate")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    sigma_auditory: float = sd(5.64, "deg", free=(1, 40))  # at reliability 1
    sigma_prior: float = sd(9.03, "deg", free=(2, 100))  # their σ_0
    mu_prior: float = number(0.0, "deg")
    p_common: float = probability(0.65, free=(0.01, 0.99))
    learner: Literal["instantaneous", "bayesian", "exponential"] = "bayesian"
    kappa: float = positive(7.37)  # precision of the walk, of the Bayesian learner
    gamma: float = probability(0.23)  # weight of the past, of the exponential learner
    n_dots: int = count(20, least=2)  # fewer have no spread
    sigma_visual: float = sd(5.0, "deg")  # spread where the table gives none
    name: str = "beierholm2020"

    @property
    def random(self) -> tuple[str, ...]:  # type: ignore[override]
        """Noise of the sound, and of each dot."""
        return ("auditory", *self._dots)

    @property
    def _dots(self):
        return [f"dot {i}" for i in range(self.n_dots)]

    def infer(self, stimuli, draws):
        """Estimate the blur of vision from the dots, then infer causes and average over them."""
        table = stimuli.table
        auditory = self.cues[0]
        sigma_auditory = auditory.sigmas(table, self.sigma_auditory)
        heard = auditory.measure(table, self.sigma_auditory, draws["auditory"])
        dots = np.stack([draws[dot] for dot in self._dots], -1)
        centre, sigma_visual = self._seen(table, dots)
        x = np.stack([heard, centre], -1)
        sigmas = np.stack([sigma_auditory, sigma_visual], -1)
        posterior, estimate = self._averaged(x, sigmas)
        absent = np.isnan(x)
        common = np.where(absent.any(1), np.nan, posterior > 0.5)
        layers = {
            "measurements": np.where(absent, self.mu_prior, x),
            "visual_sigma": sigma_visual[:, None],
            "p_common": posterior[:, None],
            "estimate": np.where(absent, self.mu_prior, estimate),
        }
        answers = {cue.asked_as: layers["estimate"][:, i] for i, cue in enumerate(self.cues)}
        return Percepts(**answers, common=common, judged_common=common, layers=layers)

    def _averaged(self, x, sigmas):
        """Posterior of one cause (n,) and averaged estimates (n, 2) of measurements (n, 2), NaN where absent."""
        return averaged_over_causes(x, sigmas, self.mu_prior, self.sigma_prior, self.p_common)

    def _seen(self, shown, z):
        """Centre of the dots and the estimated noise of their place, deg; the dots of the table where it has them."""
        spread = shown["visual_spread"].to_numpy(float) if "visual_spread" in shown else np.full(len(shown), np.nan)
        spread = np.where(np.isnan(spread), self.sigma_visual, spread)
        visual = place_of(shown, "visual")
        dots = visual[:, None] + spread[:, None] * z
        centre, variance = dots.mean(1), np.nan_to_num(dots.var(1, ddof=1))
        if set(DOTS) <= set(shown.columns):
            given = shown[DOTS].to_numpy(float)
            known = np.isfinite(given).all(1) & ~np.isnan(visual)
            centre = np.where(known, given[:, 0], centre)
            variance = np.where(known, given[:, 1] ** 2, variance)
        variance = self._estimate(shown, variance, ~np.isnan(visual))
        return centre, np.sqrt(variance * (1 + 1 / self.n_dots))

    def log_likelihood(self, trials, *, n=301) -> np.ndarray:
        """Log probability of each row's key, nats (at least log 1e-6); NaN where missed; shape (n_trials,).

        The dots are known (`paradigms.changing_reliability(dots=…)`), the auditory measurement is not: it is integrated
        over `n` nodes.

        Raises
        ------
        ValueError
            If the table lacks the dots, keys (`alternatives`) or responses, or asks for something else than "auditory".
        """
        require(trials, ["report", "response", "alternatives", "auditory_azimuth", *DOTS], self.name)
        if (trials["report"] != "auditory").any() or trials["alternatives"].nunique(dropna=False) != 1:
            raise ValueError(f"{self.name}: likelihoods are of 'auditory' answers on one set of keys (alternatives)")
        check_answers(trials[trials["response"].notna()], self)
        keys = offers(trials)[0].numbers()
        sigma_a = sigma_of(trials, "auditory", self.sigma_auditory)
        centre, sigma_v = self._seen(trials, np.zeros((len(trials), 2)))
        z = np.linspace(-5, 5, n)
        weights = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
        x = np.stack(np.broadcast_arrays((place_of(trials, "auditory") + np.outer(z, sigma_a)).T, centre[:, None]), -1)
        sigmas = np.broadcast_to(np.stack([sigma_a, sigma_v], -1)[:, None], x.shape)
        _, estimate = self._averaged(x.reshape(-1, 2), sigmas.reshape(-1, 2))
        chosen = np.abs(estimate[:, :1] - keys).argmin(1).reshape(len(trials), n)
        answered = np.abs(trials["response"].to_numpy(float)[:, None] - keys).argmin(1)
        chance = ((chosen == answered[:, None]) * weights).sum(1)
        return np.where(trials["response"].isna(), np.nan, np.log(np.maximum(chance, 1e-6)))


    def _estimate(self, shown, variances, seen):
        """Estimated variance at each presentation, block by block in time; carried on where nothing is seen."""
        block = pd.factorize(shown["block"])[0] if "block" in shown else np.zeros(len(shown), int)
        out = np.full(len(shown), self.sigma_visual**2)
        for b in np.unique(block):
            rows = np.flatnonzero((block == b) & seen)
            if len(rows):
                out[rows] = LEARNERS[self.learner](self, variances[rows])
        carried = pd.Series(np.where(seen, out, np.nan)).groupby(block).ffill().to_numpy()
        return np.where(np.isnan(carried), self.sigma_visual**2, carried)
