"""A population code: bell-shaped tuning to azimuth, gain by reliability, Poisson spikes.

With dense tuning the Fisher information of the counts is gain·√(2π)/(w Δ), so the gain is
proportional to reliability (Ma, Beck, Latham & Pouget 2006, Nat Neurosci 9:1432) and the place can be
read with the sd asked for.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import pdtr, pdtrik

from neuromm.maths.noise import uniform_from_seeds
from neuromm.stimuli.render import events

STREAM = 103  # plus one for audition: the two maps are independent given the row's noise_seed


@dataclass(frozen=True)
class PopulationCode:
    """A renderer of spike counts, (n_trials, n_units)."""

    sigma: float = 2.0  # deg, sd of the ideal read-out at reliability 1
    n_units: int = 181  # preferred azimuths, evenly over −90…90°
    tuning: float = 30.0  # deg, sd of the tuning curve; (tuning/σ)² spikes tell the place
    modality: Literal["auditory", "visual"] = "visual"

    def render(self, trials):
        """Counts of a trial table: Poisson, or the mean counts about a yoked measurement; 0 where absent."""
        event = events(trials, self.modality, self.sigma)
        counts = np.where(event.shown[:, None], self.rates(event.place, event.sigma), 0.0)
        noisy = np.flatnonzero(event.noisy)
        if len(noisy):
            u = uniform_from_seeds(event.seed[noisy], self.n_units, STREAM + (self.modality == "auditory"))
            counts[noisy] = _poisson_quantile(u, counts[noisy])
        return counts.astype(np.float32)

    def preferred(self):
        """Preferred azimuth of each unit, deg; shape (n_units,)."""
        return np.linspace(-90.0, 90.0, self.n_units)

    def gain(self, sigma):
        """Peak mean count for a sensory sd, from gain·√(2π)/(w Δ) = 1/σ²; as `sigma`."""
        spacing = 180.0 / (self.n_units - 1)
        return self.tuning * spacing / (np.sqrt(2 * np.pi) * np.asarray(sigma, float) ** 2)

    def rates(self, azimuth, sigma):
        """Mean counts for events at `azimuth` (deg) with sensory sd `sigma` (deg); (n, n_units)."""
        bump = np.exp(-0.5 * ((np.asarray(azimuth, float)[:, None] - self.preferred()) / self.tuning) ** 2)
        return self.gain(sigma)[:, None] * bump


def _poisson_quantile(u, mean):
    """Smallest count whose cumulative Poisson probability reaches `u`."""
    mean = np.maximum(mean, 1e-12)
    count = np.ceil(np.nan_to_num(pdtrik(u, mean), nan=0.0))
    below = np.maximum(count - 1, 0)
    count = np.where(pdtr(below, mean) >= u, below, count)
    return np.where(pdtr(count, mean) < u, count + 1, count)
