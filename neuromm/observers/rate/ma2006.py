"""The probabilistic population code of Ma, Beck, Latham & Pouget 2006: cue combination as a sum of spike counts."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.observers.rate.checks import check_choices, check_finite, check_positive
from neuromm.observers.rate.population_code import combine, decode_hill, log_likelihood, tuning
from neuromm.stimuli.measurement import place_of
from neuromm.stimuli.table import require, showings

MODALITIES = ("auditory", "visual")
CHUNK = 256  # trials whose posterior is on the grid at once


@dataclass(frozen=True)
class Ma2006:
    """Two Poisson populations whose summed activity is the posterior over place.

    r_i ~ Poisson(T f_i(s)), f_i(s) = g exp(−(s − s_i)²/2σ²) + b. For Poisson-like noise log p(s|r) is linear in r,
    so the sum r_A + r_V of populations with the same tuning carries the product of their likelihoods:
    1/σ_AV² = 1/σ_A² + 1/σ_V². The gain is the reliability: 1/variance ∝ g, hence g = gain × reliability.
    A place has one estimate, whichever modality is asked about: the observer fuses.

    Decoders: `sum`, centre of mass of r_A + r_V, optimal for equal widths; `weighted`, each count over
    its own σ², optimal for any widths on a dense array without baseline; `posterior`, mean of the
    exact Poisson posterior on a grid, also with baseline and at the ends of the array. A Gaussian
    prior, a third population of constant pattern, adds its precision to each.

    A yoked measurement is the place of a hill without Poisson noise. Layers: the counts of each
    population, their sum, and `estimate` (mean and sd of the posterior that the decoder takes, deg).

    Source: Ma, Beck, Latham & Pouget 2006, Nat Neurosci 9:1432–1438, doi:10.1038/nn1790.
    """

    gain_auditory: float = 5.0  # spikes per s at the peak of a tuning curve, at reliability 1
    gain_visual: float = 20.0  # spikes per s
    sigma_tuning_auditory: float = 10.0  # deg
    sigma_tuning_visual: float = 10.0  # deg
    baseline: float = 0.0  # spikes per s
    duration: float = 1.0  # s, of counting
    preferred_range: float = 60.0  # deg, preferred places from − to + this
    spacing: float = 1.0  # deg, between preferred places
    mu_prior: float = 0.0  # deg
    sigma_prior: float = np.inf  # deg; infinite: a flat prior
    decoder: Literal["sum", "weighted", "posterior"] = "sum"
    name: str = "ma2006"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "sum", "estimate")

    def __post_init__(self):
        check_choices(self, decoder=("sum", "weighted", "posterior"))
        check_positive(self, ["sigma_tuning_auditory", "sigma_tuning_visual", "duration", "preferred_range", "spacing"])
        check_finite(self, ["gain_auditory", "gain_visual", "baseline", "mu_prior"])
        if min(self.gain_auditory, self.gain_visual, self.baseline) < 0:
            raise ValueError(f"{self.name}: gains and baseline are rates; none may be negative")
        if not self.sigma_prior > 0:
            raise ValueError(f"{self.name}: sigma_prior is {self.sigma_prior}; a positive number, or inf, is wanted")
        if self.baseline and self.decoder != "posterior":
            raise ValueError(
                f"{self.name}: baseline={self.baseline:g} with decoder='{self.decoder}', which takes every spike for "
                f"tuned; use decoder='posterior' or baseline=0"
            )

    @property
    def preferred(self):
        """Preferred places of the cells, deg, shape (n_cells,)."""
        return np.arange(-self.preferred_range, self.preferred_range + self.spacing / 2, self.spacing)

    def provenance(self) -> dict:
        return describe(self)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial from one draw of spike counts per showing, and record `layers`; see the class."""
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        shown = trials.iloc[first]
        gains = {m: self._gain(shown, m) for m in MODALITIES}
        counts = self._count(shown, gains, rng)
        mean, precision = self._decode(counts, gains)
        with np.errstate(divide="ignore"):
            estimate = np.stack([mean, 1 / np.sqrt(precision)], 1)
        responses = answer(trials, {m: mean[of_row] for m in MODALITIES}, self.name)
        activity = counts | {
            "sum": counts["auditory"] + counts["visual"],
            "estimate": np.nan_to_num(estimate, posinf=1e6),
        }
        recorded = {layer: (lambda v=v: v[of_row]) for layer, v in activity.items()}
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _gain(self, shown, modality):
        column = f"{modality}_reliability"
        reliability = shown[column].fillna(1.0).to_numpy(float) if column in shown else np.ones(len(shown))
        gain = getattr(self, f"gain_{modality}") * reliability
        return np.where(np.isnan(place_of(shown, modality)), 0.0, gain)

    def _count(self, shown, gains, rng):
        """Spike counts of each population, (n_showings, n_cells); both are drawn row by row."""
        expected, noisy = [], []
        for modality in MODALITIES:
            place = place_of(shown, modality)
            column = f"{modality}_measurement"
            yoked = shown[column].to_numpy(float) if column in shown else np.full(len(shown), np.nan)
            noisy.append(np.isnan(yoked))
            place = np.where(np.isnan(yoked) | np.isnan(place), place, yoked)
            sigma = getattr(self, f"sigma_tuning_{modality}")
            expected.append(self.duration * tuning(place, self.preferred, gains[modality], sigma, self.baseline))
        expected, noisy = np.stack(expected, 1), np.stack(noisy, 1)[..., None]
        counts = np.where(noisy, rng.poisson(expected), expected)
        return {modality: counts[:, i] for i, modality in enumerate(MODALITIES)}

    def _decode(self, counts, gains):
        if self.decoder == "posterior":
            return self._posterior(counts, gains)
        if self.decoder == "sum":
            found = [decode_hill(counts["auditory"] + counts["visual"], self.preferred, self.sigma_tuning_auditory)]
        else:
            found = [decode_hill(counts[m], self.preferred, getattr(self, f"sigma_tuning_{m}")) for m in MODALITIES]
        n = len(found[0][0])
        found.append((np.full(n, self.mu_prior), np.full(n, self.sigma_prior**-2.0)))
        return combine(*zip(*found, strict=True))

    def _posterior(self, counts, gains):
        """Mean and precision of the exact posterior on a grid of a tenth of the spacing."""
        grid = np.arange(-self.preferred_range, self.preferred_range + self.spacing / 20, self.spacing / 10)
        log_prior = -((grid - self.mu_prior) ** 2) / (2 * self.sigma_prior**2)
        n = len(counts["auditory"])
        mean, precision = np.empty(n), np.empty(n)
        for start in range(0, n, CHUNK):
            rows = slice(start, start + CHUNK)
            log_posterior = np.tile(log_prior, (len(range(*rows.indices(n))), 1))
            for modality in MODALITIES:
                log_posterior += self._log_likelihood(counts[modality][rows], gains[modality][rows], grid, modality)
            weight = np.exp(log_posterior - log_posterior.max(1, keepdims=True))
            weight /= weight.sum(1, keepdims=True)
            mean[rows] = weight @ grid
            precision[rows] = 1 / np.maximum(weight @ grid**2 - mean[rows] ** 2, 1e-12)
        return mean, precision

    def _log_likelihood(self, counts, gains, grid, modality):
        """Per distinct gain, since the tuning curves are shared by its trials."""
        found = np.zeros((len(counts), len(grid)))
        for gain in np.unique(gains[gains > 0]):
            rows = gains == gain
            curves = tuning(grid, self.preferred, gain, getattr(self, f"sigma_tuning_{modality}"), self.baseline)
            found[rows] = log_likelihood(counts[rows], curves, self.duration)
        return found
