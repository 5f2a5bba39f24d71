"""Flashes and beeps in time: what was shown, what the eye and the ear make of it, and how often which scene occurs.

Four modalities of 32 frames of 20 ms: `flashes` and `beeps` are what happened (1 in the frame of each event,
shared by two frames where it falls between), `retina` is flashes of uncertain contrast seen through a slow
kernel, `cochlea` is beeps heard through a fast one. Sensory noise is white, and drawn per modality.
"""

from dataclasses import dataclass

import numpy as np

N_FRAMES, FRAME, MOST = 32, 20.0, 4  # frames, ms, events of a sense
MODALITIES = ("flashes", "beeps", "retina", "cochlea")
ONSET = 100.0  # ms, first event of a rendered trial
SCALE = {"flashes": 4.0, "beeps": 4.0, "retina": 1.5, "cochlea": 2.5}  # to about unit sd of the whole


@dataclass(frozen=True)
class FlashScenes:
    """The generator's statistics. No number here comes from an illusion: true events are the only labels."""

    p_common: float = 0.75  # one cause: as many flashes as beeps, at nearly the same times
    p_counts: tuple[float, ...] = (0.05, 0.40, 0.30, 0.15, 0.10)  # of 0 … 4 events
    shortest: float = 40.0  # ms between events, uniform from here
    longest: float = 200.0
    jitter: float = 10.0  # ms, sd of a flash about its beep under one cause
    tau_retina: float = 40.0  # ms, each of two stages
    tau_cochlea: float = 8.0
    contrast: float = 0.25  # sd of log contrast, one per scene and sense
    noise_low: float = 0.03  # sensory noise, sd relative to one event's peak; log-uniform
    noise_high: float = 1.0
    p_absent: float = 0.1  # of a sense

    def draw(self, rng, n):
        """Times of events (ms; NaN-padded to 4) of both, (n, 4) each, and whether there was one cause, (n,)."""
        flashes, beeps = self.times(rng, n), self.times(rng, n)
        common = rng.random(n) < self.p_common
        flashes[common] = beeps[common] + self.jitter * rng.standard_normal((common.sum(), MOST))
        return flashes, beeps, common

    def times(self, rng, n):
        """Times of the events of one sense, ms, (n, 4), NaN-padded: number, first time and gap at random."""
        count = rng.choice(len(self.p_counts), n, p=self.p_counts)
        gap = rng.uniform(self.shortest, self.longest, (n, 1))
        times = rng.uniform(60.0, 180.0, (n, 1)) + gap * np.arange(MOST)
        times[times > (N_FRAMES - 3) * FRAME] = np.nan
        return np.where(np.arange(MOST) < count[:, None], times, np.nan)


def event_train(times):
    """Events in frames, (n, N_FRAMES): each adds up to 1, over the two frames it lies between."""
    place = times / FRAME
    train = np.zeros((len(times), N_FRAMES))
    for k in range(times.shape[1]):
        there = np.flatnonzero(~np.isnan(place[:, k]))
        low = np.floor(place[there, k]).astype(int)
        share = place[there, k] - low
        train[there, np.clip(low, 0, N_FRAMES - 1)] += 1 - share
        train[there, np.clip(low + 1, 0, N_FRAMES - 1)] += share
    return train


def senses(flashes, beeps, scenes, contrast=(1.0, 1.0)):
    """All four modalities without noise, scaled; dict of (n, N_FRAMES) float32.

    Parameters
    ----------
    flashes, beeps : arrays, shape (n, most)
        Times, ms; NaN = no event.
    contrast : pair of arrays, shape (n,)
        Of the flashes and of the beeps.
    """
    seen, heard = event_train(flashes), event_train(beeps)
    slow, fast = _kernel(scenes.tau_retina), _kernel(scenes.tau_cochlea)
    values = {
        "flashes": seen,
        "beeps": heard,
        "retina": np.atleast_1d(contrast[0])[:, None] * (seen @ slow),
        "cochlea": np.atleast_1d(contrast[1])[:, None] * (heard @ fast),
    }
    return {name: (SCALE[name] * value).astype(np.float32) for name, value in values.items()}


def noise_level(sigma, modality):
    """ᾱ at which a sense measures with noise `sigma` (sd relative to one event's peak): 1/(1 + σ²) in its units."""
    return 1.0 / (1.0 + (np.asarray(sigma, float) * SCALE[modality]) ** 2)


def count_events(train):
    """How many events a (sampled) train holds: its sum, rounded; (n,) from (n, N_FRAMES) as scaled."""
    return np.clip(np.rint(np.asarray(train, float).sum(1) / SCALE["flashes"]), 0, None)


def _kernel(tau):
    """Two exponential stages, t e^(−t/τ), peak 1, as a matrix that trains are multiplied with."""
    lag = np.arange(N_FRAMES)[None, :] - np.arange(N_FRAMES)[:, None]
    time = (lag + 0.5) * FRAME
    kernel = np.where(lag >= 0, time / tau * np.exp(1 - time / tau), 0.0)
    return kernel / kernel.max()
