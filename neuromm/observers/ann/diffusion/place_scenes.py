"""Rendered scenes of place: a picture and a sound with one cause or two, and maps of where their sources are.

The picture is the column sum of a frame, the sound a cochleagram averaged over its duration: what the sensors
give. The maps hold what is there: a bump of unit mass at each source's azimuth. The mean of such a map given
the sensors is a mixture of bumps whose centroid is the posterior mean of the place, and whose peak is not.
"""

from dataclasses import dataclass

import numpy as np

from neuromm.stimuli.frames import Frames
from neuromm.stimuli.sound import Cochleagram, Sound

AZIMUTHS = np.arange(-48.0, 48.1, 2.0)  # deg, of the maps
BUMP = 3.0  # deg, sd of a bump
MAP_SCALE = 12.0  # a map is shares × this: about unit peak
FRAMES, COCHLEAGRAM = Frames(), Cochleagram(Sound())
SIZES = {
    "visual_map": AZIMUTHS.size,
    "auditory_map": AZIMUTHS.size,
    "picture": FRAMES.width,
    "sound": 2 * COCHLEAGRAM.n_bands,
}


@dataclass(frozen=True)
class PlaceScenes:
    """The generator's statistics. Sensory noise is in the sample: drawn is s + σ ε; blur or level tell σ."""

    sigma_prior: float = 12.0  # deg
    sigma_low: float = 1.5  # deg, sensory sd, log-uniform and independent per modality
    sigma_high: float = 14.0
    p_absent: float = 0.15  # of one of the two

    def draw(self, rng, n):
        """Places and sds of one modality, and where the stimulus is drawn; (n,) each, deg."""
        place = self.sigma_prior * rng.standard_normal(n)
        sigma = np.exp(rng.uniform(np.log(self.sigma_low), np.log(self.sigma_high), n))
        return place, sigma, place + sigma * rng.standard_normal(n)


def place_map(azimuth):
    """A bump of unit mass at each azimuth (deg), scaled; (n, n_azimuths) float32."""
    bump = np.exp(-0.5 * ((AZIMUTHS - np.asarray(azimuth, float)[:, None]) / BUMP) ** 2)
    return (MAP_SCALE * bump / bump.sum(1, keepdims=True)).astype(np.float32)


def centroid(maps):
    """Where a map's mass is, deg, (n,): commutes with averaging, as its peak would not."""
    mass = np.asarray(maps, float)
    return (mass * AZIMUTHS).sum(1) / np.maximum(mass.sum(1), 0.2 * MAP_SCALE)


def see(frames):
    """Frames (n, 1, H, W) as the network gets them: column sums, (n, W)."""
    return np.asarray(frames, np.float32).sum((1, 2)) * 0.3


def look(azimuth, sigma):
    """Pictures without pixel noise at `azimuth` that signal `sigma` (deg), (n, W), as `see`."""
    return see(FRAMES.draw(azimuth, sigma)[:, None])


def hear(cochleagrams):
    """Cochleagrams (n, 2, bands, frames) as the network gets them: mean and difference of the ears, (n, 2 bands)."""
    left, right = np.asarray(cochleagrams, np.float32).mean(-1).swapaxes(0, 1)
    return np.concatenate([0.3 * (left + right) - 1.5, right - left], 1)


def listen(azimuth, sigma, phases, block=512):
    """Sounds without a noise floor, (n, 2 bands); phases (n, n_components), rad."""
    heard = []
    for start in range(0, len(azimuth), block):
        rows = slice(start, start + block)
        waves = COCHLEAGRAM.sound.draw(azimuth[rows], sigma[rows], phases[rows])
        heard.append(hear(COCHLEAGRAM.hear(waves)))
    return np.concatenate(heard)


def mirror(sound):
    """The same sounds from the other side: the difference of the ears changes sign."""
    bands = COCHLEAGRAM.n_bands
    return np.concatenate([sound[:, :bands], -sound[:, bands:]], 1)
