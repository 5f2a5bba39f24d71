"""Causal inference beyond Gaussians: any prior over places, and noise that depends on the place and on company."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive, probability, sd
from neuromm.observers.bayes.two_cues import TwoCueObserver


@dataclass(frozen=True)
class GridCausalInference(TwoCueObserver):
    """Infers causes of sound and light with any prior and with noise that depends on where the event is.

    An event at s is measured with sd σ(s) = σ f(s) g. f(s) = 1 + (periphery − 1)(1 − exp(−½ (s/eccentricity)²)) grows
    from 1 straight ahead to a plateau; g = `bisensory` if both events are shown, else 1. The prior is Gaussian; or
    *peaked*, a narrow peak of share `peak` on smooth tails of sd `sigma_prior`; or a *table* of (place, density)
    knots, linear between them. Posteriors are computed on a grid of places; the estimate averages over causes
    (posterior mean), unity is reported when p(C = 1 | x) > ½. With a Gaussian prior, periphery 1 and bisensory 1 this
    is `CausalInference(strategy="averaging")`.

    `liu2026()` is the richest published account as one setting of these fields. The likelihood is exact (roots of
    "estimate = bound" for one cue, a quadrature for the other); it takes tens of ms per set and group of rows.

    References
    ----------
    Körding et al. (2007) PLoS ONE 2:e943. Liu, Holland, Ma & Acerbi (2026) PLoS Comput Biol (noise and prior).
    """

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # straight ahead, at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))
    sigma_prior: float = sd(12.0, "deg", free=(2, 100))  # of the Gaussian prior or of the tails
    mu_prior: float = number(0.0, "deg")
    p_common: float = probability(0.5, free=(0.01, 0.99))  # prior of one cause
    periphery_auditory: float = positive(1.0)  # SD far out over SD straight ahead
    periphery_visual: float = positive(1.0)
    eccentricity: float = positive(15.0, "deg")  # around which the noise changes
    bisensory: float = positive(1.0)  # factor on both SDs when both events are shown
    prior: Literal["gaussian", "peaked", "table"] = "gaussian"
    peak: float = probability(0.3)  # share of the narrow peak
    sigma_peak: float = sd(3.0, "deg")  # of the narrow peak
    knots: tuple[tuple[float, float], ...] = ()  # (place in deg, density) of prior="table"; need not be normalised
    sigma_motor: float = sd(0.0, "deg", zero=True)
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    response_bias: float = number(0.0, "deg")  # added to every place that is reported
    name: str = "grid_causal_inference"

    def __post_init__(self):
        super().__post_init__()
        if self.prior == "table":
            places, density = np.array(self.knots, float).reshape(-1, 2).T
            if len(places) < 2 or (np.diff(places) <= 0).any() or (density < 0).any() or not density.sum() > 0:
                raise must_be(self.name, "knots", "ascending (place, density >= 0) pairs", self.knots)

    @classmethod
    def liu2026(cls, **fields):
        """Noise that plateaus in the periphery and grows in company; a narrow peak on smooth tails.

        The structure is the paper's; its values are not at hand: these are chosen.
        """
        setting = {
            "sigma_auditory": 5.0, "sigma_visual": 1.2, "sigma_prior": 18.0, "p_common": 0.55,
            "periphery_auditory": 2.0, "periphery_visual": 3.0, "eccentricity": 12.0, "bisensory": 1.3,
            "prior": "peaked", "peak": 0.35, "sigma_peak": 3.0, "name": "liu2026",
        }  # fmt: skip
        return cls(**setting | fields)

    def _noise(self, stimuli):
        """Factor on σ/√reliability of each measurement, shape (n_presentations, 2)."""
        place = np.nan_to_num(stimuli.values)
        ratio = np.array([getattr(self, f"periphery_{cue.modality}") for cue in self.cues])
        growth = 1 + (ratio - 1) * (1 - np.exp(-0.5 * (place / self.eccentricity) ** 2))
        both = stimuli.present.all(1)
        return growth * np.where(both, self.bisensory, 1.0)[:, None]

    def latents(self, stimuli, draws):
        """Posteriors on a grid of places at the measurements of each presentation."""
        from neuromm.observers.bayes.grid_likelihood import at_measurements  # torch

        noise = self._noise(stimuli)
        columns = []
        for i, cue in enumerate(self.cues):
            sigma = cue.sigma_of(self)
            columns.append(cue.measure(stimuli.table, sigma, noise[:, i] * draws[cue.modality]))
        x = np.stack(columns, -1)
        scale = np.stack([cue.sigmas(stimuli.table, 1.0) for cue in self.cues], -1)
        absent = np.isnan(x)
        latents = at_measurements(self, x, scale)
        posterior = expit(latents["log_odds"])
        return {
            "measurements": np.where(absent, self.mu_prior, x),
            "segregated": latents["segregated"],
            "fused": latents["fused"][:, None],
            "log_bayes_factor": latents["log_bayes_factor"][:, None],
            "p_common": posterior[:, None],
            "estimate": np.where(absent, self.mu_prior, latents["estimate"]),
            "common": np.where(absent.any(1), np.nan, posterior > 0.5),
        }

    def _condition(self, table, report):
        arguments, both = super()._condition(table, report)
        own, other = self.own_and_other(report)
        return (*arguments, own.modality, other.modality, both), both

    def _moments(self, arguments):
        from neuromm.observers.bayes.grid_likelihood import moments  # torch

        return moments(self, arguments)

    def _below(self, bounds, arguments):
        from neuromm.observers.bayes.grid_likelihood import below  # torch

        return below(self, bounds, arguments)

    def plan_likelihood(self, cells, device):
        """Log probability of each answer; see `neuromm.observers.bayes.grid_likelihood`."""
        from neuromm.observers.bayes.grid_likelihood import GridGroup  # torch
        from neuromm.observers.bayes.location_likelihood import plan  # torch

        return plan(self, cells, device, lambda *a: GridGroup(self, *a))
