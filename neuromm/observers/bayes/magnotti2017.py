"""Causal inference of multisensory speech (CIMS): one talker or two, for any syllables and any covariances."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive, probability, sd
from neuromm.maths import syllable_space as space
from neuromm.observers.base import Labels, Percepts
from neuromm.observers.bayes.syllables import OTHER, SyllableObserver, log_likelihood_of, probability_table
from neuromm.observers.choices import label_offers
from neuromm.observers.predictions import Predictions
from neuromm.stimuli.measurement import reliability_of
from neuromm.stimuli.table import distinct

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
class Magnotti2017(SyllableObserver):
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

    Reliabilities divide the covariances. Layers: `measurements` (A x, y, V x, y; the mean of the syllables where
    absent), `fused` (2), `log_bayes_factor` (nats), `p_common`, `sts` (gain × p_common), `estimate` (2), and
    `log_category` (one per syllable).

    References
    ----------
    Magnotti & Beauchamp (2017) PLoS Comput Biol 13:e1005229.
    Magnotti, Ma & Beauchamp (2013) Front Psychol 4:798 (asynchrony).
    """

    layers: ClassVar[tuple[str, ...]] = (
        "measurements", "fused", "log_bayes_factor", "p_common", "sts", "estimate", "log_category",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("syllable", "common")
    random: ClassVar[tuple[str, ...]] = (
        "auditory x", "auditory y", "visual x", "visual y", "time", "lapse", "guess", "combination",
    )  # fmt: skip

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
    p_common: float = probability(0.5, free=(0.01, 0.99))  # prior of one talker
    causal_inference: bool = True  # False: always fuse (non-CIMS)
    sts_gain: float = positive(1.0, zero=True)  # weight of the fused point is min(sts_gain · P(C=1), 1)
    sigma_soa: float | None = sd(None, "ms", optional=True)  # of perceived asynchrony; None: time says nothing
    sigma_soa_common: float = sd(65.0, "ms")  # of asynchrony of one talker
    sigma_soa_separate: float = sd(126.0, "ms")  # of asynchrony of two talkers
    mu_soa_separate: float = number(-48.0, "ms")  # their mean; positive = sound later
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    combination: float = probability(0.0)  # of a combined answer where one is possible (open choice)
    labial: tuple[str, ...] = ("ba", "pa", "ma")  # syllables whose closed lips are seen
    # Mahalanobis distance beyond which an open answer is "other"
    other_beyond: float | None = positive(None, zero=True, optional=True)
    name: str = "magnotti2017"

    def __post_init__(self):
        super().__post_init__()
        if len(self.syllables) < 2 or len(set(self.syllables)) != len(self.syllables):
            raise must_be(self.name, "syllables", "at least two different ones", self.syllables)
        if np.shape(self.places) != (len(self.syllables), 2) or not np.isfinite(self.places).all():
            wanted = "one finite (auditory, visual) pair per syllable"
            raise must_be(self.name, "places", wanted, self.places)
        self._space()

    def _space(self):
        """Places (n, 2), Σ_A, Σ_V (2, 2) at reliability 1, category covariances (n, 2, 2)."""
        if self.category_covariances is None:
            categories = np.stack([space.covariance(self.sigma_category, "sigma_category")] * len(self.syllables))
        else:
            if len(self.category_covariances) != len(self.syllables):
                wanted = f"one for each of {len(self.syllables)} syllables"
                given = len(self.category_covariances)
                raise must_be(self.name, "category_covariances", wanted, given)
            categories = np.stack([space.covariance(c, "category_covariances") for c in self.category_covariances])
        return (np.asarray(self.places, float), space.covariance(self.sigma_auditory, "sigma_auditory"),
                space.covariance(self.sigma_visual, "sigma_visual"), categories)  # fmt: skip

    @property
    def answers(self) -> tuple[str, ...]:
        """Every label it can give; a response is its position here."""
        combined = [v + a for v in self.syllables if v in self.labial for a in self.syllables if a != v]
        return (*self.syllables, *combined, OTHER)

    def infer(self, stimuli, draws):
        """Weigh one talker against two, and name the most probable syllable at the inferred point."""
        heard, seen = self.positions(stimuli.table)
        layers = self._latents(stimuli.table, heard, seen, draws)
        pair = (heard >= 0) & (seen >= 0)
        common = np.where(pair, layers["p_common"][:, 0] > 0.5, np.nan)
        labels = Labels(
            self.answers,
            scores=layers["log_category"],
            open_label=self._open_label(layers, pair, draws.uniform("combination")),
        )
        return Percepts(syllable=labels, common=common, judged_common=common, layers=layers)

    def _latents(self, shown, auditory, visual, draws):
        """Layers of each presentation, (n, n_units)."""
        places, cov_a, cov_v, categories = self._space()
        rel = {modality: reliability_of(shown, modality) for modality in ("auditory", "visual")}
        x_a = places[auditory] + _noise(draws, "auditory", cov_a, rel["auditory"])
        x_v = places[visual] + _noise(draws, "visual", cov_v, rel["visual"])
        fused, factor = np.zeros_like(x_a), np.zeros(len(shown))
        levels, of = np.unique(np.column_stack([rel["auditory"], rel["visual"]]), axis=0, return_inverse=True)
        for i, (r_a, r_v) in enumerate(levels):
            rows = of.ravel() == i
            fused[rows], _ = space.fuse(x_a[rows], x_v[rows], cov_a / r_a, cov_v / r_v)
            factor[rows] = space.log_bayes_factor(fused[rows], places, cov_a / r_a, cov_v / r_v, categories)
        factor = factor + self._temporal(shown, draws["time"])
        chance = self._posterior(factor)
        estimate = space.percept(fused, x_a, np.minimum(self.sts_gain * chance, 1.0))
        alone = (auditory < 0) | (visual < 0)
        only = np.where((auditory < 0)[:, None], x_v, x_a)
        estimate = np.where(alone[:, None], only, estimate)
        fused = np.where(alone[:, None], only, fused)
        centre = places.mean(0)
        x_a = np.where((auditory < 0)[:, None], centre, x_a)
        x_v = np.where((visual < 0)[:, None], centre, x_v)
        chance = np.where(alone, self.p_common, chance)
        return {
            "measurements": np.concatenate([x_a, x_v], 1),
            "fused": fused,
            "log_bayes_factor": np.where(alone, 0.0, factor)[:, None],
            "p_common": chance[:, None],
            "sts": self.sts_gain * chance[:, None],
            "estimate": estimate,
            "log_category": space.log_categories(estimate, places, categories),
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

    def _open_label(self, layers, pair, uniform):
        """What is answered where nothing is offered besides a syllable: a combination, "other", or None."""
        names = np.array(self.syllables, object)
        places, _, _, categories = self._space()
        x_a, x_v = layers["measurements"][:, :2], layers["measurements"][:, 2:]
        heard = names[space.log_categories(x_a, places, categories).argmax(-1)]
        seen = names[space.log_categories(x_v, places, categories).argmax(-1)]
        closed = np.isin(seen.astype(str), self.labial) & (heard != seen) & pair
        two_talkers = layers["p_common"][:, 0] < 0.5
        combined = closed & two_talkers & (uniform < self.combination)
        label = np.where(combined, seen + heard, None)
        if self.other_beyond is not None:
            # Mahalanobis distance to the nearest category, from its log density and that of its peak
            peak = -np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(categories)[1]
            square = np.maximum(2 * (peak - layers["log_category"]), 0.0)
            far = np.sqrt(square).min(1) > self.other_beyond
            label = np.where(far & ~combined, OTHER, label)
        return label

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
            key_ba, key_da, …: probability of each syllable; unity: that one talker is judged; posterior_common: mean
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
        self.check_trials(trials)
        first, of_row = distinct(trials, COLUMNS)
        shown = trials.iloc[first]
        pairs = np.column_stack(self.positions(shown))
        chosen = np.zeros((len(shown), len(self.syllables)))
        causes = np.full((len(shown), 2), np.nan)
        for positions, offer in label_offers(shown, self.answers, self.name, "syllable"):
            allowed = np.isin(np.arange(len(self.syllables)), positions)
            for k in np.flatnonzero(offer.rows):
                row = shown.iloc[[k]]
                heard, seen = pairs[k]
                chosen[k] = self._predict_row(row, heard, seen, allowed, n, n_side)
                if common and pairs[k].min() >= 0:
                    causes[k] = self._predict_common(row, *pairs[k])
        table = probability_table(shown, chosen, self.syllables)
        table["posterior_common"], table["unity"] = causes.T
        return Predictions(table.iloc[of_row].set_axis(trials.index, axis=0))

    def _covariances(self, row):
        places, cov_a, cov_v, categories = self._space()
        heard = cov_a / reliability_of(row, "auditory")[0]
        seen = cov_v / reliability_of(row, "visual")[0]
        return places, heard, seen, categories

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
        evidence = self._temporal_evidence(row["soa"].iloc[0] + self.sigma_soa * z)
        return self._log_odds() + evidence, weights / weights.sum()

    def log_likelihood(self, trials) -> np.ndarray:
        """Log probability of each row's `response_label`, nats; NaN where missed; shape (n_trials,)."""
        table = self.predict(trials, common=False)[[f"key_{label}" for label in self.syllables]]
        return log_likelihood_of(trials, table, self.name)


def _noise(draws, modality, covariance, reliability):
    """Noise of a point in the plane, (n_presentations, 2): its covariance is divided by the reliability."""
    z = np.stack([draws[f"{modality} x"], draws[f"{modality} y"]], -1)
    return z @ np.linalg.cholesky(covariance).T / np.sqrt(reliability)[:, None]
