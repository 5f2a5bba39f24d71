"""Congruent audiovisual events for the encoder: one place, seen and heard, rendered as frames and cochleagrams.

No pair here is ever in conflict. Sensory noise is either in the picture and the sound (the event is
drawn at its place, in pixel noise and over a noise floor) or in the sample (the event is drawn
without noise where it was measured), so that the network reads tables of either kind.
"""

import math
from dataclasses import dataclass

import numpy as np

from neuromm.observers.ann.scenes import SIGMA_PRIOR
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.sound import Cochleagram, Sound

FRAMES, SOUND = Frames(), Sound()
COCHLEAGRAM = Cochleagram(SOUND)


@dataclass(frozen=True)
class CongruentEvents:
    """The generator's statistics: places N(0, 12²), log σ uniform, independently for each modality."""

    sigma_low: float = 1.0  # deg
    sigma_high: float = 20.0
    noisy: float = 0.3  # share of stimuli with physical noise
    sigma_prior: float = SIGMA_PRIOR  # deg

    def places(self, rng, n):
        """Places of `n` events, deg."""
        return self.sigma_prior * rng.standard_normal(n)

    def sample(self, rng, place):
        """Where each event is drawn (deg), the sd that the drawing signals (deg), and whether noise is added."""
        n = len(place)
        sigma = np.exp(rng.uniform(math.log(self.sigma_low), math.log(self.sigma_high), n))
        noisy = rng.random(n) < self.noisy
        return np.where(noisy, place, place + sigma * rng.standard_normal(n)), sigma, noisy


def draw_frames(events, rng, place):
    """Frames of events at `place`, (n, 1, H, W) float32."""
    azimuth, sigma, noisy = events.sample(rng, place)
    frames = FRAMES.draw(azimuth, sigma)
    shape = (int(noisy.sum()), FRAMES.height, FRAMES.width)
    frames[noisy] += FRAMES.pixel_noise * rng.standard_normal(shape, dtype=np.float32)
    return frames[:, None]


def draw_sounds(events, rng, place, block=256):
    """Cochleagrams of events at `place`, (n, 2, bands, frames) float32."""
    heard = []
    for start in range(0, len(place), block):
        azimuth, sigma, noisy = events.sample(rng, place[start : start + block])
        waves = SOUND.draw(azimuth, sigma, rng.uniform(0, 2 * np.pi, (len(azimuth), SOUND.components().size)))
        waves[noisy] += rng.standard_normal((int(noisy.sum()), 2, SOUND.n_samples), dtype=np.float32)
        heard.append(COCHLEAGRAM.hear(waves))
    return np.concatenate(heard)


def render_single(events, modality, rng, n):
    """`n` events of one modality alone: their places (deg) and their stimuli."""
    place = events.places(rng, n)
    return place, (draw_sounds if modality == "auditory" else draw_frames)(events, rng, place)


def render_pairs(events, place, heard, rng, n):
    """`n` events of a store of sounds with a frame of the same event newly drawn; half of them mirrored.

    Mirrored, the ears change places and the event is at −place: the store is worth twice its size.
    """
    chosen = rng.choice(len(place), n, replace=n > len(place))
    mirrored = rng.random(n) < 0.5
    sounds = np.where(mirrored[:, None, None, None], heard[chosen][:, ::-1], heard[chosen])
    where = np.where(mirrored, -place[chosen], place[chosen])
    return np.ascontiguousarray(sounds), draw_frames(events, rng, where)
