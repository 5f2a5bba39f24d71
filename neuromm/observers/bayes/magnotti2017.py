"""Causal inference of multisensory speech (CIMS): one talker or two, for any syllables and any covariances."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.maths import syllable_space as space
from neuromm.observers.bayes.syllables import (
    OTHER,
    answer_syllables,
    check_pairs,
    choices,
    log_likelihood_of,
    probability_table,
    shown_syllables,
)  # fmt: skip
from neuromm.observers.protocol import Percept, collect, describe, perceive_sets
from neuromm.stimuli.table import distinct, showings

N_DRAWS = 8  # per row: auditory point (2), visual point (2), time; then lapse, its answer, combination
COLUMNS = [
    "auditory_syllable",
    "visual_syllable",
    "auditory_reliability",
    "visual_reliability",
    "soa",
    "report",
    "alternatives",
]


@dataclass(frozen=True)
class Magnotti2017:
    r"""Perceives syllables after inferring whether voice and lips belong to one talker (CIMS).

    Syllables are places S_i in a plane (x auditory, y visual feature), with category covariance Σ_i.
    X_A ~ N(S_A, Σ_A), X_V ~ N(S_V, Σ_V); X_AV fuses them by inverse covariance.

    - p₁ = mean over i of N(X_AV; S_i, Σ_i + Σ_AV); p₂ = mean over i ≠ j of N(X_AV; μ_ij, Σ_2)
    - P(C=1) = p_common p₁ / (p_common p₁ + (1 − p_common) p₂)
    - X = P(C=1) X_AV + (1 − P(C=1)) X_A; the percept is the most probable category at X (the nearest
      syllable where categories are round and equal)

    `causal_inference=False` always fuses (their non-CIMS model). The defaults are read off their figure 1 with
    the ba–ga distance per axis as unit; no numeric places are printed, and σ_category is calibrated on A ba V ga.

    Beyond the paper, each off by default: `sts_gain` scales the weight of the fused point (0 is a lesioned superior
    temporal sulcus: the voice alone is heard); `sigma_soa` lets asynchrony speak for two talkers (Magnotti, Ma &
    Beauchamp 2013; log evidences of place and time add); open answers may be "other" (far from every syllable) or a
    combination ("baga": lips, then voice) when two talkers are judged and closed lips are seen.

    References
    ----------
    Magnotti & Beauchamp (2017) PLoS Comput Biol 13:e1005229.
    Magnotti, Ma & Beauchamp (2013) Front Psychol 4:798 (asynchrony).
    """

    syllables: tuple[str, ...] = ("ba", "da", "ga")
    places: tuple[tuple[float, float], ...] = (
        (0.0, 1.0),
        (0.41, 0.41),
        (1.0, 0.0),
    )  # (auditory, visual) of each syllable
    sigma_auditory: float | tuple = (0.12, 0.18)  # sd, sds of the two axes, or 2 × 2 covariance
    sigma_visual: float | tuple = (0.18, 0.12)  # likewise
    sigma_category: float = 0.07  # sd of round categories
    category_covariances: tuple | None = None  # (n_syllables, 2, 2), in place of sigma_category
    p_common: float = 0.5  # prior probability of one talker
    causal_inference: bool = True  # False: always fuse (non-CIMS)
    sts_gain: float = 1.0  # weight of the fused point is min(sts_gain · P(C=1), 1)
    sigma_soa: float | None = None  # ms, noise of perceived asynchrony; None: time says nothing
    sigma_soa_common: float = 65.0  # ms, sd of asynchrony of one talker
    sigma_soa_separate: float = 126.0  # ms, sd of asynchrony of two talkers
    mu_soa_separate: float = -48.0  # ms, their mean; positive = sound later
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    combination: float = 0.0  # probability of a combined answer where one is possible (open choice)
    labial: tuple[str, ...] = ("ba", "pa", "ma")  # syllables whose closed lips are seen
    other_beyond: float | None = None  # Mahalanobis distance beyond which an open answer is "other"
    name: str = "magnotti2017"

    layers: ClassVar[tuple[str, ...]] = (
        "measurements",
        "fused",
        "log_bayes_factor",
        "p_common",
        "sts",
        "estimate",
        "log_category",
    )
    reports: ClassVar[tuple[str, ...]] = ("syllable", "common")

    def __post_init__(self):
        if len(self.syllables) < 2 or len(set(self.syllables)) != len(self.syllables):
            raise ValueError(f"{self.name}: syllables are {self.syllables}; at least two different ones are wanted")
        if np.shape(self.places) != (len(self.syllables), 2) or not np.isfinite(self.places).all():
            raise ValueError(
                f"{self.name}: places has shape {np.shape(self.places)}; one (auditory, visual) pair per "
                "syllable is wanted"
            )
        for name in ("p_common", "lapse", "combination"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{self.name}: {name} is {getattr(self, name)}; a probability between 0 and 1 is wanted"
                )
        if not self.sts_gain >= 0:
            raise ValueError(f"{self.name}: sts_gain is {self.sts_gain}; at least 0 is wanted")
        for name in ("sigma_soa", "sigma_soa_common", "sigma_soa_separate"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{self.name}: {name} is {value}; a positive sd in ms is wanted")
        self._space()

    def _space(self):
        """Places (n, 2), Σ_A, Σ_V (2, 2) at reliability 1, category covariances (n, 2, 2)."""
        if self.category_covariances is None:
            categories = np.stack([space.covariance(self.sigma_category, "sigma_category")] * len(self.syllables))
        else:
            if len(self.category_covariances) != len(self.syllables):
                raise ValueError(
                    f"{self.name}: {len(self.category_covariances)} category_covariances for "
                    f"{len(self.syllables)} syllables"
                )
            categories = np.stack([space.covariance(c, "category_covariances") for c in self.category_covariances])
        return (np.asarray(self.places, float), space.covariance(self.sigma_auditory, "sigma_auditory"),
                space.covariance(self.sigma_visual, "sigma_visual"), categories)  # fmt: skip

    @property
    def answers(self) -> tuple[str, ...]:
        """Every label it can give; a response is its position here."""
        combined = [v + a for v in self.syllables if v in self.labial for a in self.syllables if a != v]
        return (*self.syllables, *combined, OTHER)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report` ("syllable" or "common") and `auditory_syllable`, `visual_syllable` (missing = absent);
            `auditory_reliability`, `visual_reliability` divide the covariances; `alternatives` "ba|da|ga" is a forced
            choice, empty an open one; `soa` (ms) counts if `sigma_soa` is set.
        rng : numpy.random.Generator
        layers : names, patterns or Records
            measurements (A x, y, V x, y; the mean of the syllables where absent), fused (2), log_bayes_factor (1,
            nats), p_common (1), sts (1, gain × p_common), estimate (2), log_category (one per syllable).
        parameters : DataFrame, optional
            One parameter set per row.

        Raises
        ------
        ValueError
            If a column is missing, a syllable or an alternative unknown, or a row asks what cannot be answered.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        auditory, visual = self._shown(trials)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), N_DRAWS))
        inferred = self._infer(trials.iloc[first], auditory[first], visual[first], z[first])
        inferred = {name: values[of_row] for name, values in inferred.items()}
        labels = self._answer(trials, inferred, z)
        both = (auditory >= 0) & (visual >= 0)
        common = np.where(both, inferred["p_common"][:, 0] > 0.5, np.nan)
        judged = pd.array([None if np.isnan(c) else bool(c) for c in common], "boolean")
        responses = answer_syllables(trials, labels, self.name, self.answers, common=common, judged_common=judged)
        recorded = {layer: inferred[layer] for layer in self.layers}
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _shown(self, trials):
        codes = [shown_syllables(trials, m, self.syllables, self.name) for m in ("auditory", "visual")]
        check_pairs(trials, *codes, self.name)
        return codes

    def _infer(self, shown, auditory, visual, z):
        """Latents of each showing, (n, n_units)."""
        places, cov_a, cov_v, categories = self._space()
        rel = {m: _reliability(shown, m) for m in ("auditory", "visual")}
        x_a = places[auditory] + (z[:, 0:2] @ np.linalg.cholesky(cov_a).T) / np.sqrt(rel["auditory"])[:, None]
        x_v = places[visual] + (z[:, 2:4] @ np.linalg.cholesky(cov_v).T) / np.sqrt(rel["visual"])[:, None]
        fused, factor = np.zeros_like(x_a), np.zeros(len(shown))
        levels, of = np.unique(np.column_stack([rel["auditory"], rel["visual"]]), axis=0, return_inverse=True)
        for i, (r_a, r_v) in enumerate(levels):
            rows = of.ravel() == i
            fused[rows], _ = space.fuse(x_a[rows], x_v[rows], cov_a / r_a, cov_v / r_v)
            factor[rows] = space.log_bayes_factor(fused[rows], places, cov_a / r_a, cov_v / r_v, categories)
        factor = factor + self._temporal(shown, z[:, 4])
        chance = self._posterior(factor)
        estimate = space.percept(fused, x_a, np.minimum(self.sts_gain * chance, 1.0))
        alone = (auditory < 0) | (visual < 0)
        only = np.where((auditory < 0)[:, None], x_v, x_a)
        estimate, fused = (np.where(alone[:, None], only, values) for values in (estimate, fused))
        centre = places.mean(0)
        x_a, x_v = np.where((auditory < 0)[:, None], centre, x_a), np.where((visual < 0)[:, None], centre, x_v)
        chance = np.where(alone, self.p_common, chance)
        return {
            "measurements": np.concatenate([x_a, x_v], 1),
            "fused": fused,
            "log_bayes_factor": np.where(alone, 0.0, factor)[:, None],
            "p_common": chance[:, None],
            "sts": self.sts_gain * chance[:, None],
            "estimate": estimate,
            "log_category": space.log_categories(estimate, places, categories),
            "heard": space.log_categories(x_a, places, categories).argmax(-1),
            "seen": space.log_categories(x_v, places, categories).argmax(-1),
            "pair": ~alone,
        }

    def _log_odds(self):
        with np.errstate(divide="ignore"):
            return np.log(self.p_common) - np.log1p(-self.p_common)

    def _posterior(self, factor):
        return space.posterior(factor, self._log_odds()) if self.causal_inference else np.ones_like(factor)

    def _temporal(self, shown, z):
        """Log evidence of one talker over two from the perceived asynchrony, nats; 0 where none is given."""
        if self.sigma_soa is None or "soa" not in shown:
            return np.zeros(len(shown))
        soa = shown["soa"].to_numpy(float)
        evidence = self._temporal_evidence(soa + self.sigma_soa * z)
        return np.where(np.isnan(soa), 0.0, evidence)

    def _temporal_evidence(self, x):
        one, two = self.sigma_soa**2 + self.sigma_soa_common**2, self.sigma_soa**2 + self.sigma_soa_separate**2
        return 0.5 * (np.log(two / one) + (x - self.mu_soa_separate) ** 2 / two - x**2 / one)

    def _answer(self, trials, inferred, z):
        """Each row's label: the most probable syllable on offer; open choices add combinations and "other"."""
        labels = np.full(len(trials), None, object)
        lapsed, uniform = ndtr(z[:, 5]) < self.lapse, ndtr(z[:, 6])
        for text, keys, rows in choices(trials, self.answers, self.name):
            own = keys[keys < len(self.syllables)]
            best = own[inferred["log_category"][rows][:, own].argmax(1)]
            given = np.array(self.syllables, object)[best]
            if not text:
                given = self._open(given, {k: v[rows] for k, v in inferred.items()}, z[rows])
            pressed = np.array(self.answers, object)[
                own[np.minimum((uniform[rows] * len(own)).astype(int), len(own) - 1)]
            ]
            labels[rows] = np.where(lapsed[rows], pressed, given)
        return labels

    def _open(self, given, inferred, z):
        names = np.array(self.syllables, object)
        heard, seen = names[inferred["heard"]], names[inferred["seen"]]
        closed = np.isin(seen.astype(str), self.labial) & (heard != seen) & inferred["pair"]
        combined = closed & (inferred["p_common"][:, 0] < 0.5) & (ndtr(z[:, 7]) < self.combination)
        given = np.where(combined, seen + heard, given)
        if self.other_beyond is not None:
            _, _, _, categories = self._space()
            peak = -np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(categories)[1]
            distance = np.sqrt(np.maximum(2 * (peak - inferred["log_category"]), 0.0)).min(1)
            given = np.where((distance > self.other_beyond) & ~combined, OTHER, given)
        return given

    def predict(self, trials, *, n=41, n_side=13, common=True) -> pd.DataFrame:
        """What the observer answers on average, by quadrature: no sampling, one evaluation per distinct row.

        Parameters
        ----------
        trials : DataFrame
            As for `perceive`.
        n, n_side : int
            Nodes per axis of the quadrature; 25 and 9 are good to 2e-4.
        common : bool
            Whether to compute the judgement of common cause as well, the slower part.

        Returns
        -------
        DataFrame indexed by trial
            key_ba, key_da, …: probability of each syllable; p_common: that one talker is judged; posterior_common: mean
            posterior of one talker (both NaN where one modality is absent).

        Raises
        ------
        ValueError
            As for `perceive`; or if open answers include combinations or "other": those are sampled, by `perceive`.
        """
        if self.combination > 0 or self.other_beyond is not None:
            raise ValueError(
                f"{self.name}: predict is exact for syllables only; sample combinations and 'other' with perceive"
            )
        auditory, visual = self._shown(trials)
        first, of_row = distinct(trials, COLUMNS)
        shown = trials.iloc[first]
        pressed, causes = np.zeros((len(shown), len(self.syllables))), np.full((len(shown), 2), np.nan)
        for _, keys, rows in choices(shown, self.answers, self.name):
            allowed = np.isin(np.arange(len(self.syllables)), keys)
            for k in np.flatnonzero(rows):
                row, pair = shown.iloc[[k]], (auditory[first[k]], visual[first[k]])
                pressed[k] = self._predict_row(row, *pair, allowed, n, n_side)
                if common and min(pair) >= 0:
                    causes[k] = self._predict_common(row, *pair)
        table = probability_table(shown, pressed, self.syllables)
        table["posterior_common"], table["p_common"] = causes.T
        return table.iloc[of_row].set_axis(trials.index, axis=0)

    def _covariances(self, row):
        places, cov_a, cov_v, categories = self._space()
        return places, cov_a / _reliability(row, "auditory")[0], cov_v / _reliability(row, "visual")[0], categories

    def _predict_row(self, row, auditory, visual, allowed, n, n_side):
        places, cov_a, cov_v, categories = self._covariances(row)
        if auditory < 0 or visual < 0:
            place, cov = (places[visual], cov_v) if auditory < 0 else (places[auditory], cov_a)
            given = np.zeros(len(places))
            given[allowed] = space.category_shares(place, cov, places[allowed], categories[allowed])
        else:
            odds, weights = self._odds_over_time(row)
            given = weights @ space.response_probabilities(
                places[auditory], places[visual], places, cov_a, cov_v, categories, odds,
                causal=self.causal_inference, gain=self.sts_gain, fixed=allowed, n=n, n_side=n_side,
            )  # fmt: skip
        return (1 - self.lapse) * given + self.lapse * allowed / allowed.sum()

    def _predict_common(self, row, auditory, visual):
        """Mean posterior of one talker, and how often one is judged."""
        if not self.causal_inference:
            return 1.0, 1.0
        places, cov_a, cov_v, categories = self._covariances(row)
        odds, weights = self._odds_over_time(row)
        return weights @ space.common_probabilities(
            places[auditory], places[visual], places, cov_a, cov_v, categories, odds
        )

    def _odds_over_time(self, row, n=15):
        """Log prior odds at Gauss–Hermite nodes of perceived asynchrony, and their weights."""
        if self.sigma_soa is None or "soa" not in row or np.isnan(row["soa"].iloc[0]):
            return np.array([self._log_odds()]), np.ones(1)
        z, weights = np.polynomial.hermite_e.hermegauss(n)
        return self._log_odds() + self._temporal_evidence(
            row["soa"].iloc[0] + self.sigma_soa * z
        ), weights / weights.sum()

    def log_likelihood(self, trials) -> np.ndarray:
        """Log probability of each row's `response_label`, nats; NaN where missed; shape (n_trials,)."""
        return log_likelihood_of(
            trials, self.predict(trials, common=False)[[f"key_{s}" for s in self.syllables]], self.name
        )

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def _reliability(trials, modality):
    column = f"{modality}_reliability"
    return trials[column].fillna(1.0).to_numpy(float) if column in trials else np.ones(len(trials))
