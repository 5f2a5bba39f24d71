"""The multisensory correlation detector: two signals in, their correlation and lag out, many trials at once.

Parise & Ernst (2016) Nat Commun 7:11543, and the transient front end of Parise & Ernst (2025) eLife 12:RP90841. Trap:
the 2025 article prints the factorial of the band-pass filter as a multiplier; only division makes the filter
integrate to 0 (∫ = τ(1 − 3!/3!)), as in the filter of Adelson & Bergen (1985) that it cites. Here it divides.
"""

import math

import numpy as np
from scipy import fft

CHUNK = 64  # trials per batch of transforms; what fits in cache


def low_pass(tau, dt, n):
    """Samples of (t/τ) e^{−t/τ} dt/τ, which sum to about 1; shape (n,). `tau` and `dt` in ms."""
    t = np.arange(n) * dt / tau
    return t * np.exp(-t) * dt / tau


def band_pass(tau, dt, n):
    """Samples of (t/τ) e^{−t/τ} (1 − (t/τ)²/3!) dt/τ, which sum to about 0; shape (n,)."""
    t = np.arange(n) * dt / tau
    return t * np.exp(-t) * (1 - t * t / math.factorial(3)) * dt / tau


def detect(visual, auditory, *, dt=1.0, tau_visual, tau_auditory, tau_binding, transient, over_time=False):
    """Correlation and lag of each pair of signals.

    v and a are the filtered signals (squared after a band-pass where `transient`); u₁ = v·(a ∗ f_AV), u₂ = a·(v ∗
    f_AV); correlation √(u₁u₂), lag u₂ − u₁, both averaged over time. All convolutions are products of FFTs, padded so
    that nothing wraps around.

    Parameters
    ----------
    visual, auditory : array, shape (n_trials, n_samples)
        Intensity over time; the filters look back only.
    dt : float
        Sample interval, ms.
    tau_visual, tau_auditory, tau_binding : float
        Time constants of the two front ends and of the shared low-pass, ms.
    transient : bool
        True for the 2025 front end, False for 2016.
    over_time : bool
        Whether to return the time courses too.

    Returns
    -------
    correlation, lag : array, shape (n_trials,)
        Lag is positive where the sound is later. With `over_time`, two arrays (n_trials, n_samples) follow.

    Raises
    ------
    ValueError
        If the signals differ in shape, are not finite, or a time constant or dt is not positive.
    """
    visual, auditory = np.atleast_2d(np.asarray(visual, float)), np.atleast_2d(np.asarray(auditory, float))
    if visual.shape != auditory.shape or visual.ndim != 2:
        raise ValueError(
            f"visual is {visual.shape} and auditory {auditory.shape}; two (n_trials, n_samples) arrays alike are wanted"
        )
    if not (np.isfinite(visual).all() and np.isfinite(auditory).all()):
        raise ValueError("a signal holds NaN or infinity; fill silent or dark samples with 0")
    for name, value in (
        ("dt", dt),
        ("tau_visual", tau_visual),
        ("tau_auditory", tau_auditory),
        ("tau_binding", tau_binding),
    ):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}; a positive time in ms is wanted")
    n = visual.shape[1]
    padded = fft.next_fast_len(2 * n - 1, real=True)
    front = band_pass if transient else low_pass
    spectra = [
        fft.rfft(f, padded)
        for f in (front(tau_visual, dt, n), front(tau_auditory, dt, n), low_pass(tau_binding, dt, n))
    ]
    mean, courses = np.empty((2, len(visual))), np.empty((2, *visual.shape)) if over_time else None
    for start in range(0, len(visual), CHUNK):
        rows = slice(start, start + CHUNK)
        course = _outputs(visual[rows], auditory[rows], spectra, n, padded, transient)
        for k in range(2):
            mean[k, rows] = course[k].mean(1)
            if courses is not None:
                courses[k, rows] = course[k]
    return (*mean, *courses) if courses is not None else tuple(mean)


def _outputs(visual, auditory, spectra, n, padded, transient):
    def filtered(signal, spectrum):
        return fft.irfft(fft.rfft(signal, padded) * spectrum, padded)[:, :n]

    v, a = filtered(visual, spectra[0]), filtered(auditory, spectra[1])
    if transient:
        v, a = v * v, a * a
    u1, u2 = v * filtered(a, spectra[2]), a * filtered(v, spectra[2])
    return np.sqrt(np.maximum(u1 * u2, 0.0)), u2 - u1


def events(onsets, durations, n, dt, start):
    """Signals of one event per row: 1 while it lasts (area-preserving at its edges), 0 elsewhere; (n_rows, n).

    Parameters
    ----------
    onsets, durations : array, shape (n_rows,), ms
        A duration of one sample is an impulse.
    n : int
    dt, start : float, ms
        Sample k covers start + k dt to start + (k + 1) dt.
    """
    edges = start + dt * np.arange(n)
    onsets, ends = (
        np.asarray(onsets, float)[:, None],
        np.asarray(onsets, float)[:, None] + np.asarray(durations, float)[:, None],
    )
    return np.clip((np.minimum(edges + dt, ends) - np.maximum(edges, onsets)) / dt, 0.0, 1.0)
