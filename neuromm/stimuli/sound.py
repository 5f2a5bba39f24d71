"""Sound: a noise burst at two ears with the cues of its azimuth, and the cochleagram that an ear makes of it.

The burst has a flat spectrum and random phases. The far ear hears it later (Woodworth's time difference)
and fainter (a level difference that grows with frequency). Reliability is the level above a noise
floor that is independent at the two ears. The level follows in closed form from the sd asked for:
it is calibrated for a reader of energies, which a cochleagram is; interaural phase would tell more.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from neuromm.maths.noise import normal_from_seeds, uniform_from_seeds
from neuromm.stimuli.render import events

STREAM = 105  # of the row's noise_seed: phases of the burst; the ears' noise uses the next one
BLOCK = 256  # rows drawn at a time, for memory only
SPEED_OF_SOUND = 343.0  # m/s
HEAD_RADIUS = 0.0867  # m; with Woodworth's formula 0.65 ms at 90°
LEVEL_SLOPE = 0.2  # dB per deg between the ears, at high frequencies: 18 dB at 90°
LEVEL_CORNER = 2000.0  # Hz, where the level difference has half its high-frequency slope


@dataclass(frozen=True)
class Sound:
    """A renderer of the waveform at two ears, (n_trials, 2, n_samples), left first; noise floor of sd 1."""

    sigma: float = 8.0  # deg, sd of the ideal reader of energies at reliability 1
    sample_rate: float = 16000.0  # Hz
    duration: float = 100.0  # ms
    low: float = 200.0  # Hz, band of the burst
    high: float = 7200.0  # Hz
    modality: Literal["auditory", "visual"] = "auditory"

    def render(self, trials):
        """Draw the waveforms of a trial table; silence where the modality is absent."""
        event = events(trials, self.modality, self.sigma)
        waves = np.zeros((len(trials), 2, self.n_samples), np.float32)
        for start in range(0, len(trials), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(trials)))
            rows = rows[event.shown[rows]]
            phases = 2 * np.pi * uniform_from_seeds(event.seed[rows], self.components().size, STREAM)
            waves[rows] = self.draw(event.place[rows], event.sigma[rows], phases)
            noisy = rows[event.noisy[rows]]
            if len(noisy):
                noise = normal_from_seeds(event.seed[noisy], 2 * self.n_samples, STREAM + 1)
                waves[noisy] += noise.reshape(-1, 2, self.n_samples).astype(np.float32)
        return waves

    @property
    def n_samples(self):
        """Samples per ear."""
        return round(self.sample_rate * self.duration / 1000.0)

    def components(self):
        """Frequencies of the burst, Hz: every multiple of 1/duration in the band; shape (n_components,)."""
        frequency = np.fft.rfftfreq(self.n_samples, 1 / self.sample_rate)
        return frequency[(frequency >= self.low) & (frequency <= self.high)]

    def draw(self, azimuth, sigma, phases):
        """Bursts without noise floor.

        Parameters
        ----------
        azimuth, sigma : array, shape (n,)
            deg; sigma is what the level signals.
        phases : array, shape (n, n_components)
            rad.

        Returns
        -------
        waves : array, shape (n, 2, n_samples)
        """
        azimuth, frequency = np.asarray(azimuth, float)[:, None], self.components()
        # One component of the unit noise floor has E|FFT|² = n_samples; the burst has SNR times that.
        amplitude = np.sqrt(self.n_samples * self.snr(sigma))[:, None]
        half_level = 0.25 * level_slope(frequency) * azimuth  # ln amplitude, half for each ear
        half_delay = np.pi * frequency * time_difference(azimuth)  # rad, half for each ear
        first = round(frequency[0] * self.n_samples / self.sample_rate)
        spectrum = np.zeros((len(azimuth), 2, self.n_samples // 2 + 1), np.complex64)
        for ear, side in enumerate((-1.0, 1.0)):  # a sound on the right is louder and earlier at the right
            magnitude = amplitude * np.exp(side * half_level)
            spectrum[:, ear, first : first + frequency.size] = magnitude * np.exp(1j * (phases + side * half_delay))
        return np.fft.irfft(spectrum, self.n_samples).astype(np.float32)

    def snr(self, sigma):
        """Power of a component over the noise at one ear, ρ, for a sensory sd (deg); as `sigma`.

        |S + N|² averaged over M components has relative variance (2/ρ + 1/ρ²)/M about the noise-subtracted
        power, at each ear; the log ratio of two ears, weighed over frequencies by its slope g (ln
        power per deg), gives the place with variance 2(2/ρ + 1/ρ²)/Σg². Solved for ρ:
        1/ρ = √(1 + V) − 1 with V = σ²Σg²/2.
        """
        v = 0.5 * np.asarray(sigma, float) ** 2 * (level_slope(self.components()) ** 2).sum()
        return 1.0 / (np.sqrt(1.0 + v) - 1.0)


def time_difference(azimuth):
    """Interaural time difference, s, right ear leading positive (Woodworth 1938): r/c (θ + sin θ)."""
    theta = np.deg2rad(np.clip(azimuth, -90.0, 90.0))
    return HEAD_RADIUS / SPEED_OF_SOUND * (theta + np.sin(theta))


def level_slope(frequency):
    """Interaural level difference per deg of azimuth, in ln units of power; grows with frequency (Hz)."""
    return LEVEL_SLOPE * np.log(10.0) / 10.0 * frequency / (frequency + LEVEL_CORNER)


@dataclass(frozen=True)
class Cochleagram:
    """A renderer of log band energies, (n_trials, 2 ears, n_bands, n_frames), 0 in silence.

    Short-time power spectra, weighed by gammatone bands on the ERB scale (Glasberg & Moore 1990, Hear
    Res 47:103), in units of the noise floor: ln(1 + energy/floor), the floor acting as a threshold.
    """

    sound: Sound = field(default_factory=Sound)
    n_bands: int = 24
    window: float = 40.0  # ms, half overlapping

    @property
    def sigma(self):
        """deg, as the sound's."""
        return self.sound.sigma

    @property
    def modality(self):
        """As the sound's."""
        return self.sound.modality

    def render(self, trials):
        """Draw the sounds of a trial table and hear them."""
        return self.hear(self.sound.render(trials))

    def hear(self, waves):
        """Cochleagrams of waveforms, (n, 2, n_samples) → (n, 2, n_bands, n_frames), float32.

        Raises
        ------
        ValueError
            If there is not one waveform for each of two ears, of the sound's length at its sample rate, or one is not
            finite.
        """
        waves, n = np.asarray(waves, np.float32), self.sound.n_samples
        if waves.ndim != 3 or waves.shape[1:] != (2, n):
            mono = "; for the same sound at both ears, stack it twice" if waves.shape[1:] in ((n,), (1, n)) else ""
            raise ValueError(
                f"waves has shape {waves.shape}; (n, 2, {n}) is wanted: two ears, {self.sound.duration:g} ms at "
                f"{self.sound.sample_rate:g} Hz{mono}"
            )
        if not np.isfinite(waves).all():
            row = int(np.flatnonzero(~np.isfinite(waves).all((1, 2)))[0])
            raise ValueError(f"waves, row {row}, holds values that are not finite")
        size = round(self.sound.sample_rate * self.window / 1000.0)
        hop = size // 2
        # The squares of overlapping sine windows add up to 1: every sample counts the same.
        taper = np.sin(np.pi * (np.arange(size) + 0.5) / size).astype(np.float32)
        heard = np.empty((len(waves), 2, self.n_bands, (waves.shape[-1] + hop) // hop), np.float32)
        bands = self.bands().astype(np.float32)
        for start in range(0, len(waves), BLOCK):
            padded = np.pad(waves[start : start + BLOCK], ((0, 0), (0, 0), (hop, hop)))
            frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[:, :, ::hop] * taper
            power = np.abs(np.fft.rfft(frames.astype(np.float32))) ** 2  # (n, 2, n_frames, n_bins)
            heard[start : start + BLOCK] = np.log1p(power.astype(np.float32) @ bands.T).swapaxes(2, 3)
        return heard

    def centres(self):
        """Centre frequency of each band, Hz, evenly spaced in ERB number over the sound's band."""
        low, high = (21.4 * np.log10(1 + 0.00437 * f) for f in (self.sound.low, self.sound.high))
        return (10 ** (np.linspace(low, high, self.n_bands) / 21.4) - 1) / 0.00437

    def bands(self):
        """Weights of the power spectrum, (n_bands, n_bins): squared 4th-order gammatones, unit energy for the floor."""
        size = round(self.sound.sample_rate * self.window / 1000.0)
        frequency, centre = np.fft.rfftfreq(size, 1 / self.sound.sample_rate), self.centres()[:, None]
        bandwidth = 1.019 * 24.7 * (0.00437 * centre + 1)  # Hz
        weight = (1 + ((frequency - centre) / bandwidth) ** 2) ** -4.0
        # The floor has E|FFT|² = Σ taper² = size/2 in every bin.
        return weight / (weight.sum(1, keepdims=True) * size / 2)
