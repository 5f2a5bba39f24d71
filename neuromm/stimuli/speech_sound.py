"""The voice: a source (pulses, breath, a burst) through four formant resonators, and the log-mel picture of it.

Resonators in cascade and their coefficients after Klatt (1980) J Acoust Soc Am 67:971; formants move from
their place at release to the vowel /a/ within about 40 ms (Delattre, Liberman & Cooper 1955, J Acoust Soc Am
27:769). Numbers are rounded textbook values: a synthetic voice, not a recording.
"""

import numpy as np
from scipy.signal import lfilter

RATE = 16000.0  # Hz
DURATION = 400.0  # ms
RELEASE = 100.0  # ms, when the lips or the tongue let go
N_SAMPLES = round(RATE * DURATION / 1000)
VOWEL = np.array([750.0, 1200.0, 2450.0, 3500.0])  # Hz, F1 … F4 of /a/
BANDWIDTH = np.array([80.0, 100.0, 140.0, 250.0])  # Hz
CONTROL = 32  # samples between updates of the resonators: 2 ms
TAU = 18.0  # ms, time constant of the transition: nine tenths of it in 40 ms
PLACES = {  # Hz: F2 and F3 at release; burst: centre, width (Hz), level against the vowel of a voiced stop
    "labial": (900.0, 2400.0, 900.0, 900.0, 0.12),
    "alveolar": (1700.0, 2700.0, 3800.0, 1200.0, 0.22),
    "velar": (2200.0, 2100.0, 2100.0, 500.0, 0.22),
}
F1_AT_RELEASE = 250.0  # Hz
BURST = 6.0  # ms, decay
VOICELESS = 2.5  # the burst of pa ta ka against that of ba da ga
VOICE_ONSET = {True: 8.0, False: 60.0}  # ms after release: ba da ga, and pa ta ka

N_BANDS, HOP, WINDOW = 40, 160, 400  # of the log-mel picture; samples: 10 ms and 25 ms
N_FRAMES = N_SAMPLES // HOP
FLOOR = 1.0  # power of a band that counts as silence, where the vowel's strongest bands have several thousand


def synthesise(place, voiced, f0, tract, tau, shift, breath, click, phase):
    """Waveforms of n tokens, (n, N_SAMPLES) float32, each of RMS 1 over the voiced part.

    Parameters
    ----------
    place : array of str, shape (n,)
        Keys of `PLACES`.
    voiced : array of bool, shape (n,)
    f0 : array, shape (n,)
        Hz, at release; falls by a tenth.
    tract : array, shape (n,)
        All formants times this: a short tract has more than 1.
    tau : array, shape (n,)
        ms, of the transition.
    shift : array, shape (n,)
        F2 at release times this.
    breath, click : arrays, shape (n, N_SAMPLES)
        Standard normal noise that the breath and the burst are made of.
    phase : array, shape (n,)
        Of the first glottal pulse, 0 … 1.
    """
    time = np.arange(N_SAMPLES) * 1000 / RATE - RELEASE  # ms after release
    onset = np.where(voiced, VOICE_ONSET[True], VOICE_ONSET[False])[:, None]
    cycles = np.cumsum(f0[:, None] * (1 - 0.1 * np.clip(time / 300, 0, 1)) / RATE, axis=1) + phase[:, None]
    pulses = np.diff(np.floor(cycles), axis=1, prepend=np.floor(phase[:, None]))
    rise = np.clip((time - onset) / 10.0, 0, 1) * np.clip((DURATION - RELEASE - 15.0 - time) / 60.0, 0, 1)
    voice = lfilter([1.0], [1.0, -0.93], pulses * rise, axis=1)  # the source falls with frequency
    open_breath = np.clip(time / 5.0, 0, 1) * np.clip(1 - (time - onset) / 15.0, 0, 1)
    source = voice - voice.mean(1, keepdims=True) + 0.12 * breath * open_breath + 0.005 * breath * rise
    vocal = _resonate(source, *_formants(place, tract, tau, shift, time[::CONTROL]))
    vowel = time > 80.0
    vocal /= np.sqrt((vocal[:, vowel] ** 2).mean(1, keepdims=True)) + 1e-9
    envelope = np.where(time >= 0, np.exp(-np.maximum(time, 0) / BURST), 0.0)
    loud = np.where(voiced, 1.0, VOICELESS)[:, None]
    return (vocal + loud * _burst(place, tract, click * envelope)).astype(np.float32)


def _formants(place, tract, tau, shift, time):
    """Formant frequencies at control times, (n_times, 4, n), and bandwidths (4,)."""
    start = np.tile(VOWEL, (len(place), 1))
    start[:, 0] = F1_AT_RELEASE
    start[:, 1] = [PLACES[p][0] for p in place] * shift
    start[:, 2] = [PLACES[p][1] for p in place]
    course = np.exp(-np.maximum(time, 0)[:, None, None] / tau)
    return (VOWEL[:, None] + (start - VOWEL).T * course) * tract, BANDWIDTH


def _resonate(source, formants, bandwidth):
    """Second-order resonators in cascade whose frequencies move (Klatt 1980, eq. 1–2); (n, N_SAMPLES)."""
    radius = np.exp(-np.pi * bandwidth / RATE)
    c = -(radius**2)
    b = 2 * radius[:, None] * np.cos(2 * np.pi * formants / RATE)  # (n_times, 4, n)
    a = 1 - b - c[:, None]
    x = np.ascontiguousarray(source.T)
    one, two = np.zeros((2, 4, x.shape[1]))
    for i in range(len(x)):
        k, y = i // CONTROL, x[i]
        for j in range(4):
            y = a[k, j] * y + b[k, j] * one[j] + c[j] * two[j]
            two[j], one[j] = one[j], y
        x[i] = y
    return x.T


def _burst(place, tract, click):
    """Noise of the release: a bell in the spectrum where the place of articulation has it."""
    centre, width, level = np.array([PLACES[p][2:] for p in place]).T[:, :, None]
    frequency = np.fft.rfftfreq(N_SAMPLES, 1 / RATE)
    bell = np.exp(-0.5 * ((frequency - centre * tract[:, None]) / width) ** 2)
    bell *= level / np.sqrt((bell**2).mean(1, keepdims=True))  # as loud whatever its width
    return np.fft.irfft(np.fft.rfft(click, axis=1) * bell, N_SAMPLES, axis=1)


def speech_noise(white):
    """Noise with the slope of speech, RMS 1: flat up to 500 Hz, then falling by 6 dB an octave; (n, N_SAMPLES)."""
    frequency = np.fft.rfftfreq(N_SAMPLES, 1 / RATE)
    slope = 1 / np.sqrt(1 + (frequency / 500.0) ** 2)
    shaped = np.fft.irfft(np.fft.rfft(white, axis=1) * slope, N_SAMPLES, axis=1)
    return (shaped / np.sqrt((slope**2).mean())).astype(np.float32)


def log_mel(waves):
    """ln(1 + energy/floor) in 40 mel bands every 10 ms; (n, N_SAMPLES) → (n, N_BANDS, N_FRAMES) float32.

    Raises
    ------
    ValueError
        If the waveforms do not have `N_SAMPLES` samples, or are not finite.
    """
    waves = np.asarray(waves, np.float32)
    if waves.ndim != 2 or waves.shape[1] != N_SAMPLES:
        raise ValueError(
            f"waves has shape {waves.shape}; (n, {N_SAMPLES}) is wanted: one channel, {DURATION:g} ms at {RATE:g} Hz"
        )
    if not np.isfinite(waves).all():
        row = int(np.flatnonzero(~np.isfinite(waves).all(1))[0])
        raise ValueError(f"waves, row {row}, holds values that are not finite")
    taper, bands = np.hanning(WINDOW).astype(np.float32), mel_bands().astype(np.float32)
    heard = np.empty((len(waves), N_BANDS, N_FRAMES), np.float32)
    edge = (WINDOW - HOP) // 2
    for start in range(0, len(waves), 512):
        padded = np.pad(waves[start : start + 512], ((0, 0), (edge, edge)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)[:, ::HOP] * taper
        power = np.abs(np.fft.rfft(frames)).astype(np.float32) ** 2
        heard[start : start + 512] = np.log1p(power @ bands.T / FLOOR).swapaxes(1, 2)
    return heard


def mel_bands():
    """Triangles, evenly spaced in mel from 80 to 7600 Hz, over the bins of a spectrum; (N_BANDS, n_bins)."""
    frequency = np.fft.rfftfreq(WINDOW, 1 / RATE)
    edges = 700 * (10 ** (np.linspace(_mel(80.0), _mel(7600.0), N_BANDS + 2) / 2595) - 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.clip(np.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre)), 0, None)
    lost = triangles.sum(1) == 0  # bands narrower than a bin take the nearest one
    triangles[lost, np.abs(frequency - centre[lost]).argmin(1)] = 1.0
    return triangles


def _mel(frequency):
    return 2595 * np.log10(1 + frequency / 700)
