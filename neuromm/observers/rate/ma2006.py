"""The probabilistic population code of Ma, Beck, Latham & Pouget 2006: cue combination as a sum of spike counts."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive, sd
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.rate.population_code import combine, decode_hill, log_likelihood, tuning
from neuromm.stimuli.measurement import has_measurement, measured_place, reliability_of

MODALITIES = ("auditory", "visual")
CHUNK = 256  # trials whose posterior is on the grid at once


@dataclass(frozen=True)
class Ma2006(Observer):
    """Two Poisson populations whose summed activity is the posterior over place.

    r_i ~ Poisson(T f_i(s)), f_i(s) = g exp(−(s − s_i)²/2σ²) + b. For Poisson-like noise log p(s|r) is linear in r,
    so the sum r_A + r_V of populations with the same tuning carries the product of their likelihoods:
    1/σ_AV² = 1/σ_A² + 1/σ_V². The gain is the reliability: 1/variance ∝ g, hence g = gain × reliability.
    A place has one estimate, whichever modality is asked about: the observer fuses.

    Decoders: `sum`, centre of mass of r_A + r_V, optimal for equal widths; `weighted`, each count over
    its own σ², optimal for any widths on a dense array without baseline; `posterior`, mean of the
    exact Poisson posterior on a grid, also with baseline and at the ends of the array. A Gaussian
    prior, a third population of constant pattern, adds its precision to each.

    A measurement that the table gives is the place of a hill without Poisson noise. Layers: the counts of each
    population, their sum, and `estimate` (mean and SD of the posterior that the decoder takes, deg).

    Source: Ma, Beck, Latham & Pouget 2006, Nat Neurosci 9:1432–1438, doi:10.1038/nn1790.
    """

    gain_auditory: float = positive(5.0, "spikes/s", zero=True)  # at the peak of tuning, at reliability 1
    gain_visual: float = positive(20.0, "spikes/s", zero=True)
    sigma_tuning_auditory: float = sd(10.0, "deg")
    sigma_tuning_visual: float = sd(10.0, "deg")
    baseline: float = positive(0.0, "spikes/s", zero=True)
    duration: float = positive(1.0, "s")  # of counting
    preferred_range: float = positive(60.0, "deg")  # preferred places from − to + this
    spacing: float = positive(1.0, "deg")  # between preferred places
    mu_prior: float = number(0.0, "deg")
    sigma_prior: float = sd(np.inf, "deg", infinite=True)  # infinite: a flat prior
    decoder: Literal["sum", "weighted", "posterior"] = "sum"
    name: str = "ma2006"

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "sum", "estimate")
    reports: ClassVar[tuple[str, ...]] = MODALITIES
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        super().__post_init__()
        if self.baseline and self.decoder != "posterior":
            wanted = f"0 with decoder='{self.decoder}', which takes every spike for tuned"
            raise must_be(self.name, "baseline", f"{wanted} (decoder='posterior' allows one)", self.baseline)

    @property
    def preferred(self) -> np.ndarray:
        """Preferred places of the cells, deg, shape (n_cells,)."""
        return np.arange(-self.preferred_range, self.preferred_range + self.spacing / 2, self.spacing)

    def infer(self, stimuli, draws):
        """Draw the spike counts of each presentation once, and decode them."""
        gains = {modality: self._gain(stimuli.table, modality) for modality in MODALITIES}
        counts = self._count(stimuli.table, gains, draws.generator)
        mean, precision = self._decode(counts, gains)
        with np.errstate(divide="ignore"):
            estimate = np.stack([mean, 1 / np.sqrt(precision)], 1)
        layers = {"sum": counts["auditory"] + counts["visual"], "estimate": np.nan_to_num(estimate, posinf=1e6)}
        return Percepts(auditory=mean, visual=mean, layers=counts | layers)

    def _gain(self, table, modality):
        gain = getattr(self, f"gain_{modality}") * reliability_of(table, modality)
        return np.where(np.isnan(measured_place(table, modality)), 0.0, gain)

    def _count(self, table, gains, rng):
        """Spike counts of each population, (n_presentations, n_cells); both are drawn row by row."""
        expected, given = [], []
        for modality in MODALITIES:
            place, sigma = measured_place(table, modality), getattr(self, f"sigma_tuning_{modality}")
            rate = tuning(place, self.preferred, gains[modality], sigma, self.baseline)
            expected.append(self.duration * rate)
            given.append(has_measurement(table, modality))
        expected = np.stack(expected, 1)
        given = np.stack(given, 1)[..., None]
        counts = np.where(given, expected, rng.poisson(expected))
        return {modality: counts[:, i] for i, modality in enumerate(MODALITIES)}

    def _decode(self, counts, gains):
        if self.decoder == "posterior":
            return self._posterior(counts, gains)
        if self.decoder == "sum":
            hills = [(counts["auditory"] + counts["visual"], self.sigma_tuning_auditory)]
        else:
            hills = [(counts[modality], getattr(self, f"sigma_tuning_{modality}")) for modality in MODALITIES]
        posteriors = [decode_hill(hill, self.preferred, sigma) for hill, sigma in hills]
        n = len(counts["auditory"])
        posteriors.append((np.full(n, self.mu_prior), np.full(n, self.sigma_prior**-2.0)))
        means, precisions = zip(*posteriors, strict=True)
        return combine(means, precisions)

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
                spikes, gain = counts[modality][rows], gains[modality][rows]
                log_posterior += self._log_likelihood(spikes, gain, grid, modality)
            weight = np.exp(log_posterior - log_posterior.max(1, keepdims=True))
            weight /= weight.sum(1, keepdims=True)
            mean[rows] = weight @ grid
            precision[rows] = 1 / np.maximum(weight @ grid**2 - mean[rows] ** 2, 1e-12)
        return mean, precision

    def _log_likelihood(self, counts, gains, grid, modality):
        """Per distinct gain, since the tuning curves are shared by its trials."""
        log = np.zeros((len(counts), len(grid)))
        sigma = getattr(self, f"sigma_tuning_{modality}")
        for gain in np.unique(gains[gains > 0]):
            rows = gains == gain
            curves = tuning(grid, self.preferred, gain, sigma, self.baseline)
            log[rows] = log_likelihood(counts[rows], curves, self.duration)
        return log
