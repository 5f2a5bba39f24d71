"""Clips of a disc that bounces between two walls, and the click of each impact, panned to the wall it hits."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bounce:
    """What moves and sounds: (n,) arrays, one clip each, and what is derived from them."""

    start: np.ndarray  # place at the first frame, −1 (left wall) … 1 (right wall)
    velocity: np.ndarray  # half widths per frame, right positive
    height: np.ndarray  # −1 (top) … 1


@dataclass(frozen=True)
class Bouncing:
    """A renderer of clips (n, 1, n_frames, n_pixels, n_pixels) and of their sound, a click per impact.

    Statistics of `draw`: start uniform between the walls, speed uniform, direction and height at random.
    """

    n_frames: int = 8
    n_pixels: int = 16
    frame: float = 60.0  # ms
    radius: float = 0.24  # half widths
    slowest: float = 0.25  # half widths per frame
    fastest: float = 0.50
    sample_rate: float = 8000.0  # Hz
    click: float = 12.0  # ms, time constant of a click's decay
    pitch: float = 1400.0  # Hz

    def draw(self, rng, n) -> Bounce:
        """`n` clips' worth of motion."""
        speed = rng.uniform(self.slowest, self.fastest, n) * rng.choice([-1.0, 1.0], n)
        return Bounce(rng.uniform(-1, 1, n), speed, rng.uniform(-0.6, 0.6, n))

    def places(self, bounce):
        """Where the disc's centre is at each frame, −1 … 1 of its free way, (n, n_frames)."""
        free = bounce.start[:, None] + bounce.velocity[:, None] * np.arange(self.n_frames)
        phase = np.mod(free + 1, 4)  # to the right for 2, back for 2
        return np.where(phase < 2, phase - 1, 3 - phase)

    def impacts(self, bounce):
        """Times of the impacts in frames, NaN-padded, and walls (−1 left, 1 right, 0 none); (n, most impacts) both."""
        most = int(np.ceil((self.n_frames - 1) * self.fastest / 2)) + 1
        speed, side = np.abs(bounce.velocity)[:, None], np.sign(bounce.velocity)[:, None]
        first = (1 - bounce.start[:, None] * side) / speed
        times = first + 2 / speed * np.arange(most)
        walls = side * np.where(np.arange(most) % 2 == 0, 1.0, -1.0)
        inside = times <= self.n_frames - 1
        return np.where(inside, times, np.nan), np.where(inside, walls, 0.0)

    def clips(self, bounce):
        """Frames, (n, 1, n_frames, n_pixels, n_pixels) float32, 0 … 1."""
        at = (np.arange(self.n_pixels) + 0.5) * 2 / self.n_pixels - 1
        x = self.places(bounce)[:, :, None, None] * (1 - self.radius)
        away = np.hypot(at - x, at[:, None] - bounce.height[:, None, None, None])
        return np.clip(0.5 - (away - self.radius) * self.n_pixels / 2, 0, 1).astype(np.float32)[:, None]

    def sounds(self, bounce):
        """Waveforms at two ears, (n, 2, n_samples): a decaying tone per impact, loud at the wall's side."""
        n_samples = round(self.n_frames * self.frame * self.sample_rate / 1000)
        time = np.arange(n_samples) * 1000 / self.sample_rate  # ms
        times, walls = self.impacts(bounce)
        waves = np.zeros((len(times), 2, n_samples), np.float32)
        for k in range(times.shape[1]):
            since = time - times[:, k, None] * self.frame
            ring = np.where(
                since >= 0, np.exp(-np.maximum(since, 0) / self.click) * np.sin(2e-3 * np.pi * self.pitch * since), 0.0
            )
            ring = np.nan_to_num(ring)
            for ear, wall in enumerate((-1.0, 1.0)):
                waves[:, ear] += ring * np.where(walls[:, k, None] == wall, 1.0, 0.25)
        return waves

    def sound_track(self, bounce):
        """What is heard per frame: energy at the left and right ear, (n, n_frames, 2) float32, about 0 … 1."""
        waves = self.sounds(bounce)
        energy = np.sqrt((waves.reshape(len(waves), 2, self.n_frames, -1) ** 2).mean(-1)) * 4.0
        return energy.transpose(0, 2, 1).astype(np.float32)
