"""Frames: a Gaussian blob of light at its azimuth, in white pixel noise.

Reliability is blur and contrast. A blob is wider the less reliable it is (as the 4–64° blobs of
Alais & Burr 2004, Curr Biol 14:257), and its contrast follows from the Fisher information of a
known shape in white noise, so that the best unbiased read-out of the place has the sd asked for.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neuromm.maths.noise import normal_from_seeds
from neuromm.stimuli.render import events

STREAM = 101  # of the row's noise_seed: pixels are independent of the yoked measurement
BLOCK = 512  # rows drawn at a time, for memory only


@dataclass(frozen=True)
class Frames:
    """A renderer of one frame per trial, (n_trials, 1, height, width), luminance about a grey of 0."""

    sigma: float = 2.0  # deg, sd of the ideal read-out at reliability 1
    height: int = 16  # pixels
    width: int = 96  # pixels over −90…90°, so 1.875° each
    widths_per_sigma: float = 5.0  # blob sd = 5 σ: detectability d′ = 5√2 whatever σ
    widest: float = 64.0  # deg, largest blob sd; beyond, contrast alone falls
    pixel_noise: float = 0.25  # luminance sd per pixel
    modality: Literal["visual", "auditory"] = "visual"

    def render(self, trials):
        """Draw the frames of a trial table; a blank where the modality is absent.

        Raises
        ------
        ValueError
            If a row asks for an sd so small that the contrast would exceed 1.
        """
        event = events(trials, self.modality, self.sigma)
        frames = np.zeros((len(trials), 1, self.height, self.width), np.float32)
        for start in range(0, len(trials), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(trials)))
            rows = rows[event.shown[rows]]
            frames[rows, 0] = self.draw(event.place[rows], event.sigma[rows])
            noisy = rows[event.noisy[rows]]
            if len(noisy):
                noise = normal_from_seeds(event.seed[noisy], self.height * self.width, STREAM)
                frames[noisy, 0] += self.pixel_noise * noise.reshape(-1, self.height, self.width)
        return frames

    def draw(self, azimuth, sigma):
        """Blobs without noise at `azimuth` (deg) that signal `sigma` (deg); (n, height, width)."""
        azimuth, sigma = np.asarray(azimuth, float), np.asarray(sigma, float)
        blur = self.blur(sigma)[:, None]
        across = np.exp(-0.5 * ((self.columns() - azimuth[:, None]) / blur) ** 2)
        down = np.exp(-0.5 * (self.rows() / blur) ** 2) * self.contrast(sigma)[:, None]
        return (down[:, :, None] * across[:, None, :]).astype(np.float32)

    def columns(self):
        """Azimuth of each column of pixels, deg; shape (width,)."""
        return (np.arange(self.width) + 0.5) * (180.0 / self.width) - 90.0

    def rows(self):
        """Elevation of each row of pixels, deg; shape (height,)."""
        return (np.arange(self.height) + 0.5 - self.height / 2) * (180.0 / self.width)

    def blur(self, sigma):
        """Blob sd for a sensory sd, deg."""
        return np.minimum(self.widths_per_sigma * np.asarray(sigma, float), self.widest)

    def contrast(self, sigma):
        """Contrast at which the ideal read-out of a blob straight ahead has sd `sigma`.

        The pixels are m(s) + noise, so the Fisher information of s is Σ (∂m/∂s)²/noise²; with
        m = c·g its inverse is σ² for c = noise / (σ √Σ(∂g/∂s)²).
        """
        sigma = np.asarray(sigma, float)
        blur = self.blur(sigma)[:, None]
        across = (self.columns() / blur**2) ** 2 * np.exp(-((self.columns() / blur) ** 2))
        down = np.exp(-((self.rows() / blur) ** 2))
        contrast = self.pixel_noise / (sigma * np.sqrt(across.sum(1) * down.sum(1)))
        if (contrast > 1).any():
            raise ValueError(
                f"an sd of {sigma[contrast > 1].min():.3g} deg needs more than full contrast; the least that "
                f"frames of {self.width} columns can show is about {0.3 * self.pixel_noise / 0.25:.2g} deg"
            )
        return contrast
