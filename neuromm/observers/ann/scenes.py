"""What the artificial networks are trained on: scenes drawn from a generator whose statistics are stated.

One or two causes, a Gaussian prior over place, and sensory noise whose level is drawn independently
for each modality and of the places. Columns of every pair: auditory, visual.
"""

import math
from dataclasses import dataclass

import numpy as np

from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common, segregate

SIGMA_PRIOR = 12.0  # deg, of places; the mean is straight ahead


@dataclass(frozen=True)
class Scene:
    """A batch of scenes."""

    place: np.ndarray  # (n, 2) deg
    sigma: np.ndarray  # (n, 2) deg, sensory sd; infinite where the modality is absent
    noise: np.ndarray  # (n, 2) standard normal: a measurement is place + sigma·noise
    common: np.ndarray  # (n,) bool: one cause


@dataclass(frozen=True)
class Scenes:
    """The generator: p_common, prior, and the support of the sensory noise."""

    p_common: float = 0.5
    sigma_prior: float = SIGMA_PRIOR  # deg
    sigma_low: float = 0.5  # deg; log σ is uniform between these, independently for each modality
    sigma_high: float = 30.0
    p_absent: float = 0.1  # that one of the two modalities is absent
    flat: float = 0.0  # of the scenes with both modalities, the share whose measurements are drawn first (`_refill`)

    def draw(self, rng, n) -> Scene:
        """`n` scenes."""
        place = self.sigma_prior * rng.standard_normal((n, 2))
        common = rng.random(n) < self.p_common
        place[common, 1] = place[common, 0]
        sigma = np.exp(rng.uniform(math.log(self.sigma_low), math.log(self.sigma_high), (n, 2)))
        absent = rng.random(n) < self.p_absent
        sigma[absent, rng.integers(2, size=n)[absent]] = np.inf
        noise = rng.standard_normal((n, 2))
        if self.flat:
            rows = (rng.random(n) < self.flat) & np.isfinite(sigma).all(1)
            place[rows], noise[rows], common[rows] = self._refill(rng, sigma[rows])
        return Scene(place, sigma, noise, common)

    def _refill(self, rng, sigma):
        """Scenes whose measurements are drawn first, each by its own marginal law and independently of the other.

        Cause and places are then one draw from the posterior given those measurements, under the generator's own
        p_common. The law of places given measurements is that of every other scene, so the minimiser of squared error
        is the same posterior mean; what changes is how often measurements far apart are seen.
        """
        own = np.hypot(sigma, self.sigma_prior)
        x = own * rng.standard_normal(sigma.shape)
        factor = log_bayes_factor(x, sigma, 0.0, self.sigma_prior)
        common = rng.random(len(x)) < posterior_common(factor, self.p_common)
        place = segregate(x, sigma, 0.0, self.sigma_prior)
        place += sigma * self.sigma_prior / own * rng.standard_normal(x.shape)
        fused, spread = fuse(x, sigma, 0.0, self.sigma_prior)
        place[common] = (fused + spread * rng.standard_normal(len(x)))[common, None]
        return place, (x - place) / sigma, common


def check_support(
    sigma: np.ndarray, low: float, high: float, name: str, modality: str, slack: float = 1e-9
) -> None:
    """Refuse sensory noise that a network was never trained with; `sigma` in deg, infinite = absent.

    Raises
    ------
    ValueError
        Naming the modality, the sd and the range.
    """
    outside = np.isfinite(sigma) & ((sigma < low * (1 - slack)) | (sigma > high * (1 + slack)))
    if outside.any():
        raise ValueError(
            f"{name}: a {modality} sd of {sigma[outside][0]:.4g} deg (sigma_{modality}/√{modality}_reliability) lies "
            f"outside {low:g} to {high:g} deg, the range it was trained in; change sigma_{modality} or the reliability"
        )
