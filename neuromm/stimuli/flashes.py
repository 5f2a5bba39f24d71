"""Flashes and beeps: a disc on a screen and tone pips, in steps of 10 ms, and what a slow eye and a quick ear keep.

The eye smears: light passes two exponential stages of 70 ms each, so that flashes less than about 100 ms apart run
into one another; the ear's stages are fast. Sensory noise is white, in pixels and in the waveform.
"""

from dataclasses import dataclass

import numpy as np

from neuromm.maths.noise import normal_from_seeds

N_FRAMES, FRAME, MOST = 80, 10.0, 4  # frames, ms, events of a sense
N_PIXELS = 16
ONSET = 120.0  # ms, first event of a rendered trial
RATE = 16000.0  # Hz
TONE, PIP = 3500.0, 7.0  # Hz, ms (Shams, Kamitani & Shimojo 2000: 3.5 kHz, 7 ms)
N_BANDS = 20
LATEST = (N_FRAMES - 8) * FRAME  # ms, last onset that is seen in full
STREAM = 131  # of the row's noise_seed: pixels, then sound


@dataclass(frozen=True)
class FlashesAndBeeps:
    """A renderer of `n_flashes`, `n_beeps`; optional `flash_soa`, `beep_soa`, `soa` (ms; sound later positive)."""

    tau_retina: float = 70.0  # ms, each of two stages
    pixel_noise: float = 1.8  # luminance sd per pixel and frame, where a flash's peak is 1; at reliability 1
    sound_noise: float = 0.02  # sd of the waveform's noise, where a pip's amplitude is 1; at reliability 1

    def times(self, trials):
        """Onsets of flashes and of beeps, (n, MOST) each, ms; NaN = no event.

        Raises
        ------
        ValueError
            If an event would come later than is rendered, or there are more than `MOST`; rows are named.
        """
        n = len(trials)
        offset = np.nan_to_num(trials["soa"].to_numpy(float)) if "soa" in trials else np.zeros(n)
        found = []
        for name, column, delay in (("n_flashes", "flash_soa", 0.0 * offset), ("n_beeps", "beep_soa", offset)):
            count = np.nan_to_num(trials[name].to_numpy(float))
            gap = trials[column].fillna(60.0).to_numpy(float) if column in trials else np.full(n, 60.0)
            at = ONSET + delay[:, None] + gap[:, None] * np.arange(MOST)
            many = trials.index[count > MOST][:5].tolist()
            if many:
                raise ValueError(f"trials {many} have {name} above {MOST}, the most that is rendered")
            at = np.where(np.arange(MOST) < count[:, None], at, np.nan)
            wrong = ((at > LATEST) | (at < 0)).any(1)
            if wrong.any():
                rows = trials.index[wrong][:5].tolist()
                raise ValueError(
                    f"trials {rows} have {name} outside 0 to {LATEST:g} ms (the first at {ONSET:g} ms), "
                    f"which is rendered"
                )
            found.append(at)
        return found

    def frames(self, trials):
        """Frames after the eye's smear, (n, N_FRAMES, 16, 16) float32: what a screen does to a slow retina."""
        flashes, _ = self.times(trials)
        clean = self.smear(flashes)[:, :, None, None] * disc()
        noise = normal_from_seeds(trials["noise_seed"], int(np.prod(clean.shape[1:])), STREAM).reshape(clean.shape)
        return (clean + self.noise_of(trials, "visual")[:, None, None, None] * noise).astype(np.float32)

    def retina(self, trials):
        """What the disc's pixels say together, (n, N_FRAMES): their mean; the noise of `frames`, pooled."""
        frames = self.frames(trials)
        return pool_disc(frames)

    def sound(self, trials):
        """Waveforms, (n, 12800) float32 at 16 kHz."""
        _, beeps = self.times(trials)
        noise = normal_from_seeds(trials["noise_seed"], N_FRAMES * samples(), STREAM + 1)
        return (pips(beeps) + self.noise_of(trials, "auditory")[:, None] * noise).astype(np.float32)

    def noise_of(self, trials, modality):
        """Noise sd of each row: the field's over √reliability."""
        own = {"visual": self.pixel_noise, "auditory": self.sound_noise}[modality]
        column = f"{modality}_reliability"
        return own / np.sqrt(trials[column].fillna(1.0).to_numpy(float) if column in trials else np.ones(len(trials)))

    def smear(self, times):
        """Light over time after two exponential stages, t e^(1−t/τ)/τ, peak 1 for one flash; (n, N_FRAMES)."""
        since = (np.arange(N_FRAMES) + 0.5) * FRAME - np.asarray(times)[:, :, None]
        course = np.where(since > 0, since / self.tau_retina * np.exp(1 - since / self.tau_retina), 0.0)
        return np.nan_to_num(course).sum(1)


def samples():
    """Samples of sound per frame."""
    return round(RATE * FRAME / 1000)


def disc():
    """The disc's cover of each pixel, (16, 16); a third of the picture wide."""
    at = (np.arange(N_PIXELS) + 0.5) * 2 / N_PIXELS - 1
    return np.clip(0.5 - (np.hypot(at, at[:, None]) - 0.4) * N_PIXELS / 2, 0, 1)


def pool_disc(frames):
    """The best linear guess of the disc's luminance in each frame, (n, N_FRAMES) from (n, N_FRAMES, 16, 16)."""
    weights = disc()
    return np.einsum("nthw,hw->nt", frames, weights / (weights**2).sum()).astype(np.float32)


def pooled_noise(pixel_noise):
    """sd that pixel noise leaves after `pool_disc`."""
    return pixel_noise / np.sqrt((disc() ** 2).sum())


def pips(times):
    """Tone pips of amplitude 1 with raised-cosine edges, (n, N_FRAMES·samples) float32."""
    time = np.arange(N_FRAMES * samples()) * 1000 / RATE
    wave = np.zeros((len(times), len(time)), np.float32)
    for k in range(np.shape(times)[1]):
        since = time - np.asarray(times)[:, k, None]
        inside = (since >= 0) & (since < PIP)
        phase = np.where(inside, since, 0.0)
        wave += (np.sin(2e-3 * np.pi * TONE * phase) * np.sin(np.pi * phase / PIP)).astype(np.float32)
    return wave


def log_mel(waves):
    """ln(1 + energy/floor) in 20 mel bands per frame, (n, N_BANDS, N_FRAMES) float32, from (n, N_FRAMES·samples).

    Raises
    ------
    ValueError
        If the waveforms have another length, or are not finite.
    """
    waves = np.asarray(waves, np.float32)
    if waves.ndim != 2 or waves.shape[1] != N_FRAMES * samples():
        raise ValueError(
            f"waves has shape {waves.shape}; (n, {N_FRAMES * samples()}) is wanted: one channel, "
            f"{N_FRAMES * FRAME:g} ms at {RATE:g} Hz"
        )
    if not np.isfinite(waves).all():
        raise ValueError("waves holds values that are not finite")
    power = np.abs(np.fft.rfft(waves.reshape(len(waves), N_FRAMES, samples()) * np.hanning(samples()))) ** 2
    frequency = np.fft.rfftfreq(samples(), 1 / RATE)
    edges = 700 * (10 ** (np.linspace(_mel(100.0), _mel(7800.0), N_BANDS + 1) / 2595) - 1)
    bands = np.stack([(frequency >= a) & (frequency < b) for a, b in zip(edges[:-1], edges[1:], strict=True)])
    empty = bands.sum(1) == 0  # bands narrower than a bin take the nearest
    bands[empty, np.abs(frequency - (edges[:-1] + edges[1:])[empty, None] / 2).argmin(1)] = True
    return np.log1p(power @ bands.T.astype(float) / 0.1).swapaxes(1, 2).astype(np.float32)


def _mel(frequency):
    return 2595 * np.log10(1 + frequency / 700)
