"""Sounds to log-mel spectrograms and back, so that what a denoiser imagines can be heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOOR = 1e-5  # of mel magnitude, under the logarithm


@dataclass(frozen=True)
class LogMel:
    """log10(max(mel magnitude, floor)), standardised by fixed numbers: (n, samples) ↔ (n, bands, frames).

    The way back solves for the spectrum by least squares without negative values, and finds phases by Griffin
    & Lim (1984, IEEE Trans ASSP 32:236).
    """

    sample_rate: float = 8000.0  # Hz
    n_fft: int = 256
    hop: int = 100  # samples
    n_bands: int = 32
    low: float = 80.0  # Hz
    high: float = 3900.0
    mean: float = -3.2  # of training log-mels, and their sd: what the network gets is about standard
    sd: float = 1.23

    def forward(self, waves):
        """Standardised log-mels, (n, n_bands, n_frames) float32, of waves (n, samples)."""
        magnitude = np.abs(self._stft(np.asarray(waves, float)))
        mel = np.maximum(self.bands() @ magnitude, FLOOR)
        return ((np.log10(mel) - self.mean) / self.sd).astype(np.float32)

    def inverse(self, log_mel, n_iterations=60, rng=None):
        """Waves (n, samples) whose log-mels are near `log_mel`; phases begin at `rng`'s draws.

        Raises
        ------
        ValueError
            If there is another number of bands.
        """
        log_mel = np.asarray(log_mel, float)
        if log_mel.shape[1] != self.n_bands:
            raise ValueError(f"log_mel has {log_mel.shape[1]} bands; {self.n_bands} are wanted")
        mel = 10.0 ** (log_mel * self.sd + self.mean)
        bands = self.bands()
        magnitude = np.maximum(np.linalg.pinv(bands) @ mel, 0.0)
        for _ in range(30):  # multiplicative updates keep it positive (Lee & Seung 2001)
            magnitude = (magnitude + 1e-8) * (bands.T @ mel) / np.maximum(bands.T @ (bands @ (magnitude + 1e-8)), 1e-12)
        rng = np.random.default_rng(0) if rng is None else rng
        phase = np.exp(2j * np.pi * rng.random(magnitude.shape))
        for _ in range(n_iterations):
            spectrum = self._stft(self._istft(magnitude * phase))
            phase = spectrum / np.maximum(np.abs(spectrum), 1e-12)
        return self._istft(magnitude * phase)

    def bands(self):
        """Triangular mel bands of equal height, (n_bands, n_fft/2 + 1)."""
        edges = _from_mel(np.linspace(_to_mel(self.low), _to_mel(self.high), self.n_bands + 2))
        frequency = np.fft.rfftfreq(self.n_fft, 1 / self.sample_rate)
        rise = (frequency - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
        fall = (edges[2:, None] - frequency) / (edges[2:] - edges[1:-1])[:, None]
        weights = np.maximum(np.minimum(rise, fall), 0.0)
        # a low band narrower than a bin takes the nearest bin
        empty = weights.sum(1) == 0
        weights[empty, np.abs(frequency - edges[1:-1][empty, None]).argmin(1)] = 1.0
        return weights / weights.sum(1, keepdims=True)

    def _window(self):
        return np.hanning(self.n_fft + 1)[:-1]

    def _stft(self, waves):
        """(n, samples) → (n, bins, frames); the signal is padded so that frames are centred."""
        half = self.n_fft // 2
        padded = np.pad(waves, ((0, 0), (half, half)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft, axis=1)[:, :: self.hop]
        return np.fft.rfft(frames * self._window()).swapaxes(1, 2) * (2.0 / self.n_fft)

    def _istft(self, spectrum):
        """Least-squares inverse of `_stft`: overlap-add of windowed frames over the windows' squares."""
        frames = np.fft.irfft(spectrum.swapaxes(1, 2), self.n_fft) * self._window() * (self.n_fft / 2.0)
        n, n_frames, size = frames.shape
        waves, weight = np.zeros((n, (n_frames - 1) * self.hop + size)), np.zeros((n_frames - 1) * self.hop + size)
        for k in range(n_frames):
            at = slice(k * self.hop, k * self.hop + size)
            waves[:, at] += frames[:, k]
            weight[at] += self._window() ** 2
        half = size // 2
        return (waves / np.maximum(weight, 1e-3))[:, half : -half or None]


def _to_mel(frequency):
    return 2595.0 * np.log10(1.0 + np.asarray(frequency, float) / 700.0)


def _from_mel(mel):
    return 700.0 * (10.0 ** (np.asarray(mel, float) / 2595.0) - 1.0)
