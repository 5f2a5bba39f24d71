"""What the artificial networks are trained on: scenes drawn from a generator whose statistics are stated.

One or two causes, a Gaussian prior over place, and sensory noise whose level is drawn independently
for each modality and of the places. Columns of every pair: auditory, visual.
"""

import math
from dataclasses import dataclass

import numpy as np

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

    def draw(self, rng, n) -> Scene:
        """`n` scenes."""
        place = self.sigma_prior * rng.standard_normal((n, 2))
        common = rng.random(n) < self.p_common
        place[common, 1] = place[common, 0]
        sigma = np.exp(rng.uniform(math.log(self.sigma_low), math.log(self.sigma_high), (n, 2)))
        absent = rng.random(n) < self.p_absent
        sigma[absent, rng.integers(2, size=n)[absent]] = np.inf
        return Scene(place, sigma, rng.standard_normal((n, 2)), common)


def check_support(sigma, low, high, name, modality):
    """Refuse sensory noise that a network was never trained with; `sigma` in deg, infinite = absent.

    Raises
    ------
    ValueError
        Naming the modality, the sd and the range.
    """
    outside = np.isfinite(sigma) & ((sigma < low * (1 - 1e-9)) | (sigma > high * (1 + 1e-9)))
    if outside.any():
        raise ValueError(
            f"{name}: a {modality} sd of {sigma[outside][0]:.4g} deg (sigma_{modality}/√{modality}_reliability) lies "
            f"outside {low:g} to {high:g} deg, the range it was trained in; change sigma_{modality} or the reliability"
        )
