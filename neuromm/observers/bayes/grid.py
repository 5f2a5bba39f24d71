"""Causal inference beyond Gaussians: any prior over places, and noise that depends on the place and on company."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.special import expit

from neuromm.observers.bayes.location import CUES, LocationObserver
from neuromm.stimuli.measurement import measure, place_of, sigma_of

PRIORS = ("gaussian", "peaked", "table")


@dataclass(frozen=True)
class GridCausalInference(LocationObserver):
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

    _read_out: ClassVar[str] = "averaging"

    sigma_auditory: float = 8.0  # deg, straight ahead, at reliability 1
    sigma_visual: float = 2.0  # deg
    sigma_prior: float = 12.0  # deg, of the Gaussian prior or of the tails
    mu_prior: float = 0.0  # deg
    p_common: float = 0.5  # prior probability of one cause
    periphery_auditory: float = 1.0  # σ far out over σ straight ahead
    periphery_visual: float = 1.0
    eccentricity: float = 15.0  # deg, around which the noise changes
    bisensory: float = 1.0  # factor on both σ when both events are shown
    prior: Literal["gaussian", "peaked", "table"] = "gaussian"
    peak: float = 0.3  # share of the narrow peak
    sigma_peak: float = 3.0  # deg, of the narrow peak
    knots: tuple[tuple[float, float], ...] = ()  # (place in deg, density) of prior="table"; need not be normalised
    sigma_motor: float = 0.0  # deg
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    response_bias: float = 0.0  # deg, added to every place that is reported (the criteria of keys shift by as much)
    name: str = "grid_causal_inference"

    def __post_init__(self):
        super().__post_init__()
        for name in ("periphery_auditory", "periphery_visual", "eccentricity", "bisensory", "sigma_peak"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive number is wanted")
        if self.prior not in PRIORS:
            raise ValueError(f"{self.name}: prior is '{self.prior}'; one of {', '.join(PRIORS)} is wanted")
        if not 0 <= self.peak <= 1:
            raise ValueError(f"{self.name}: peak is {self.peak}; a share between 0 and 1 is wanted")
        if self.prior == "table":
            places, density = np.array(self.knots, float).reshape(-1, 2).T
            if len(places) < 2 or (np.diff(places) <= 0).any() or (density < 0).any() or not density.sum() > 0:
                raise ValueError(f"{self.name}: knots is {self.knots}; ascending (place, density >= 0) is wanted")

    @property
    def _prior_common(self):
        return self.p_common

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

    def _noise(self, shown, cue, both):
        """Factor on σ/√reliability of each row's measurement."""
        place = np.nan_to_num(place_of(shown, cue))
        ratio = getattr(self, f"periphery_{cue}")
        growth = 1 + (ratio - 1) * (1 - np.exp(-0.5 * (place / self.eccentricity) ** 2))
        return growth * np.where(both, self.bisensory, 1.0)

    def _infer(self, shown, z):
        from neuromm.observers.bayes.grid_likelihood import at_measurements

        both = ~np.isnan(np.stack([place_of(shown, c) for c in CUES], -1)).any(1)
        x = np.stack(
            [measure(shown, c, getattr(self, f"sigma_{c}"), self._noise(shown, c, both) * z[:, i])
             for i, c in enumerate(CUES)], -1,
        )  # fmt: skip
        scale = np.stack([sigma_of(shown, c, 1.0) for c in CUES], -1)
        absent = np.isnan(x)
        found = at_measurements(self, x, scale)
        posterior = expit(found["log_odds"])
        return {
            "measurements": np.where(absent, self.mu_prior, x),
            "segregated": found["segregated"], "fused": found["fused"][:, None],
            "log_bayes_factor": found["log_bayes_factor"][:, None], "p_common": posterior[:, None],
            "estimate": np.where(absent, self.mu_prior, found["estimate"]),
            "common": np.where(absent.any(1), np.nan, posterior > 0.5),
        }  # fmt: skip

    def _condition(self, shown, report):
        arguments, both = super()._condition(shown, report)
        own, other = ("visual", "auditory") if report == "visual" else ("auditory", "visual")
        return (*arguments, own, other, both), both

    def _moments(self, arguments):
        from neuromm.observers.bayes.grid_likelihood import moments

        return moments(self, arguments)

    def _below(self, bounds, arguments):
        from neuromm.observers.bayes.grid_likelihood import below

        return below(self, bounds, arguments)

    def plan_likelihood(self, cells, device):
        """Log probability of each answer; see `neuromm.observers.bayes.grid_likelihood`."""
        from neuromm.observers.bayes.grid_likelihood import GridGroup
        from neuromm.observers.bayes.location_likelihood import plan

        return plan(self, cells, device, lambda *a: GridGroup(self, *a))
