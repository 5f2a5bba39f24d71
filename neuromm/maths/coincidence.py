"""Learning by coincidence in rates: synapses between a sound map and a light map grow where activity covaries in time.

The covariance rule Δw = η ⟨(a − ā)(v − v̄)⟩ on low-pass filtered responses (Sejnowski 1977, J Math Biol 4:303), after
which a sound alone evokes what it was paired with. Times in ms. Spikes: `neuromm.maths.plasticity`.
"""

import numpy as np


def trace_overlap(lag, duration, tau):
    """∫ a(t) v(t − lag) dt of two filtered pulses, over its value at lag 0.

    Both are pulses of `duration` through a first-order filter of time constant `tau`, ms; `lag` is an array.
    """
    time = np.arange(0.0, duration + 12 * tau, 0.5)
    pulse = np.where(
        time < duration,
        1 - np.exp(-time / tau),
        (1 - np.exp(-duration / tau)) * np.exp(-np.maximum(time - duration, 0) / tau),
    )
    product = np.correlate(pulse, pulse, "full")
    shift = (np.arange(len(product)) - (len(time) - 1)) * 0.5
    return np.interp(np.abs(lag), shift[len(time) - 1 :], product[len(time) - 1 :] / product.max(), right=0.0)


def learn_coincidence(
    *,
    rng,
    lag=10.0,
    n_trials=400,
    n_positions=21,
    trained=10,
    sigma=1.0,
    duration=20.0,
    tau=20.0,
    rate=0.1,
    start=0.02,
    largest=1.0,
):
    """Synapses from sound to light after trials on which both appear at one trained position, or anywhere.

    On every second trial a light follows the sound by `lag` at the trained position; on the others sound and light are
    at independent random positions at the same lag of −500…500 ms. Responses are Gaussian bumps of `sigma` positions;
    the product of their filtered courses is `trace_overlap`.

    Parameters
    ----------
    rng : numpy.random.Generator
    lag, duration, tau : float, ms
    n_trials, n_positions, trained : int
    sigma : float
        Positions.
    rate, start, largest : float
        η, first and largest weight.

    Returns
    -------
    weights : array, shape (n_positions, n_positions)
        To light (rows), from sound.
    evoked : array, shape (n_positions,)
        Light map when the sound alone is at the trained position, as a fraction of what a light there gives, its
        drive Σ w a over the largest Σ of a bump.
    """
    if not 0 <= trained < n_positions:
        raise ValueError(f"trained is {trained}; a position between 0 and {n_positions - 1} is wanted")
    if tau <= 0 or duration <= 0 or sigma <= 0:
        raise ValueError(f"tau={tau}, duration={duration}, sigma={sigma}: positive values are wanted")
    paired = np.arange(n_trials) % 2 == 0
    heard = np.where(paired, trained, rng.integers(n_positions, size=n_trials))
    seen = np.where(paired, trained, rng.integers(n_positions, size=n_trials))
    lags = np.where(paired, lag, rng.uniform(-500, 500, n_trials))
    gap = np.arange(n_positions)
    sound, light = (np.exp(-((gap - x[:, None]) ** 2) / (2 * sigma**2)) for x in (heard, seen))
    overlap = trace_overlap(lags, duration, tau)
    # what is expected without a relation in time: the product of mean responses, at the mean overlap of random lags
    chance = trace_overlap(np.linspace(-500, 500, 2001), duration, tau).mean()
    growth = (light * overlap[:, None]).T @ sound / n_trials - chance * np.outer(light.mean(0), sound.mean(0))
    weights = np.clip(start + rate * n_trials * growth, 0.0, largest)
    drive = weights @ np.exp(-((gap - trained) ** 2) / (2 * sigma**2))
    return weights, drive / np.exp(-((gap - trained) ** 2) / (2 * sigma**2)).sum()
