"""Observers who learn how blurred vision is: from this moment alone, or from the past as well."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common, segregate
from neuromm.maths.recalibration import bayesian_variance, exponential_variance
from neuromm.observers.bayes.possible_answers import check_answers, choices_of
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.stimuli.measurement import place_of, sigma_of
from neuromm.stimuli.table import require, showings


def _instantaneous(observer, variances):
    return variances


def _exponential(observer, variances):
    return exponential_variance(variances, observer.gamma)


def _bayesian(observer, variances):
    return bayesian_variance(variances, observer.kappa, observer.n_dots)


DOTS = ["visual_measurement", "visual_sample_spread"]  # centre and sample sd of the dots that were shown, deg
LEARNERS = {"instantaneous": _instantaneous, "bayesian": _bayesian, "exponential": _exponential}


@dataclass(frozen=True)
class Beierholm2020:
    """Weighs vision by an uncertainty that it estimates from the dots now and before.

    A cloud of `n_dots` dots has spread σ_t (column `visual_spread`) that changes over time; its centre tells of a
    place with that spread as noise. The observer takes the sample variance of the dots (*instantaneous*), a running
    average γ variance_{t−1} + (1 − γ) sample_t (*exponential*), or the posterior under a random walk of log precision
    with step variance 1/κ (*bayesian*), and then infers causes and places as in Körding et al. (2007), averaging. The
    defaults are the medians of the Bayesian learner for the sinusoid; rows are read in the order of time, each
    `block` anew.

    References
    ----------
    Beierholm, Rohe, Ferrari, Stegle & Noppeney (2020) eLife 9:e54172, doi 10.7554/eLife.54172, table 2. How a cloud's
    spread becomes the noise of its place (σ²(1 + 1/n)) is reconstructed here.
    """

    sigma_auditory: float = 5.64  # deg
    sigma_prior: float = 9.03  # deg, their σ_0
    mu_prior: float = 0.0  # deg
    p_common: float = 0.65
    learner: Literal["instantaneous", "bayesian", "exponential"] = "bayesian"
    kappa: float = 7.37  # precision of the walk, of the Bayesian learner
    gamma: float = 0.23  # weight of the past, of the exponential learner
    n_dots: int = 20
    sigma_visual: float = 5.0  # deg, spread where the table gives none
    name: str = "beierholm2020"

    layers: ClassVar[tuple[str, ...]] = ("measurements", "visual_sigma", "p_common", "estimate")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    def __post_init__(self):
        for name in ("sigma_auditory", "sigma_prior", "sigma_visual", "kappa"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive value is wanted")
        for name in ("p_common", "gamma"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a fraction between 0 and 1 is wanted")
        if self.learner not in LEARNERS:
            raise ValueError(f"{self.name}: learner is '{self.learner}'; one of {', '.join(LEARNERS)} is wanted")
        if not self.n_dots >= 2:
            raise ValueError(f"{self.name}: n_dots is {self.n_dots}; at least 2 dots have a spread")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer the trials in their order, learning the visual spread on the way; record `layers` from the same pass.

        Needs `report` and azimuths (NaN = absent); `visual_spread` (deg). Layers: measurements (A, cloud's centre),
        visual_sigma (as estimated, deg), p_common, estimate (A, V). Dots are drawn, or are those of the table. A row
        without sight leaves the estimate as it was.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), self.n_dots + 1))[first]
        inferred = {k: v[of_row] for k, v in self._infer(trials.iloc[first], z).items()}
        common = np.where(inferred.pop("alone"), np.nan, inferred["p_common"][:, 0] > 0.5)
        judged = pd.array([None if np.isnan(c) else bool(c) for c in common], "boolean")
        says = {"auditory": inferred["estimate"][:, 0], "visual": inferred["estimate"][:, 1], "common": common}
        responses = answer(trials, says, self.name, judged_common=judged)
        return Percept(responses, collect(layers, inferred, trials, self.name))

    def _infer(self, shown, z):
        sigma_a = sigma_of(shown, "auditory", self.sigma_auditory)
        centre, sigma_v = self._seen(shown, z[:, 1:])
        x = np.stack([place_of(shown, "auditory") + sigma_a * z[:, 0], centre], -1)
        absent = np.isnan(x)
        chance, estimate = self._perceived(x, np.stack([sigma_a, sigma_v], -1))
        return {
            "measurements": np.where(absent, self.mu_prior, x),
            "visual_sigma": sigma_v[:, None],
            "p_common": chance[:, None],
            "estimate": np.where(absent, self.mu_prior, estimate),
            "alone": absent.any(1),
        }

    def _perceived(self, x, sigmas):
        """Posterior of one cause (n,) and averaged estimates (n, 2) of measurements (n, 2), NaN where absent."""
        factor = log_bayes_factor(x, sigmas, self.mu_prior, self.sigma_prior)
        chance = np.where(np.isnan(x).any(1), 0.0, posterior_common(factor, self.p_common))
        fused = fuse(x, sigmas, self.mu_prior, self.sigma_prior)[0][:, None]
        apart = segregate(x, sigmas, self.mu_prior, self.sigma_prior)
        return chance, chance[:, None] * fused + (1 - chance[:, None]) * apart

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
        keys = np.array([float(key) for key in str(trials["alternatives"].iloc[0]).split("|")])
        sigma_a = sigma_of(trials, "auditory", self.sigma_auditory)
        centre, sigma_v = self._seen(trials, np.zeros((len(trials), 2)))
        z = np.linspace(-5, 5, n)
        weights = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
        x = np.stack(np.broadcast_arrays((place_of(trials, "auditory") + np.outer(z, sigma_a)).T, centre[:, None]), -1)
        sigmas = np.broadcast_to(np.stack([sigma_a, sigma_v], -1)[:, None], x.shape)
        _, estimate = self._perceived(x.reshape(-1, 2), sigmas.reshape(-1, 2))
        pressed = np.abs(estimate[:, :1] - keys).argmin(1).reshape(len(trials), n)
        answered = trials[trials["response"].notna()]
        check_answers(answered, self)
        said = np.abs(trials["response"].to_numpy(float)[:, None] - keys).argmin(1)
        chance = ((pressed == said[:, None]) * weights).sum(1)
        return np.where(trials["response"].isna(), np.nan, np.log(np.maximum(chance, 1e-6)))

    def answer_choices(self, report: str, alternatives: str) -> tuple | object | None:
        """Keys that answer a question; see `possible_answers`."""
        return choices_of(report, alternatives)

    def _estimate(self, shown, variances, seen):
        """Estimated variance at each showing, block by block in the order of time; carried on where nothing is seen."""
        block = pd.factorize(shown["block"])[0] if "block" in shown else np.zeros(len(shown), int)
        out = np.full(len(shown), self.sigma_visual**2)
        for b in np.unique(block):
            rows = np.flatnonzero((block == b) & seen)
            if len(rows):
                out[rows] = LEARNERS[self.learner](self, variances[rows])
        carried = pd.Series(np.where(seen, out, np.nan)).groupby(block).ffill().to_numpy()
        return np.where(np.isnan(carried), self.sigma_visual**2, carried)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)
