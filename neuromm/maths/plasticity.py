"""Learning by coincidence: spike-timing-dependent plasticity of pairs, rate rules, and a crossmodal association.

Pair STDP with the constants of Song, Miller & Abbott (2000) Nat Neurosci 3:919; Oja (1982) J Math Biol 15:267;
Bienenstock, Cooper & Munro (1982) J Neurosci 2:32. Times in ms.
"""

import numpy as np
from scipy.special import log_ndtr

A_PLUS = 0.005  # change per pair at lag +0, fraction of the largest weight
A_MINUS = 1.05 * A_PLUS
TAU = 20.0  # ms, both windows


def stdp(lag, a_plus=A_PLUS, a_minus=A_MINUS, tau_plus=TAU, tau_minus=TAU):
    """Weight change of a pair of spikes: A₊e^{−Δ/τ₊} for Δ > 0, −A₋e^{Δ/τ₋} for Δ < 0; Δ = t_post − t_pre, ms."""
    lag = np.asarray(lag, float)
    grows, shrinks = np.exp(-np.maximum(lag, 0) / tau_plus), np.exp(np.minimum(lag, 0) / tau_minus)
    return np.where(lag > 0, a_plus * grows, np.where(lag < 0, -a_minus * shrinks, 0.0))


def expected_stdp(mean, jitter, a_plus=A_PLUS, a_minus=A_MINUS, tau_plus=TAU, tau_minus=TAU):
    """Mean weight change of a pair whose lag is N(mean, jitter²), in closed form; all broadcast.

    ∫₀^∞ e^{−x/τ} N(x; m, s²) dx = exp(s²/2τ² − m/τ) Φ((m − s²/τ)/s), and its mirror image for negative lags.
    """
    mean, jitter = np.asarray(mean, float), np.asarray(jitter, float)
    if (jitter <= 0).any():
        raise ValueError(f"jitter is {jitter.min():g}; a positive sd in ms is wanted (without jitter, use stdp)")

    def side(m, tau):
        return np.exp(jitter**2 / (2 * tau**2) - m / tau + log_ndtr((m - jitter**2 / tau) / jitter))

    return a_plus * side(mean, tau_plus) - a_minus * side(-mean, tau_minus)


def oja(weights, inputs, rate):
    """Oja's rule over samples in order: Δw = η y (x − y w), y = w·x; |w| → 1 along the first principal component.

    Parameters
    ----------
    weights : array, shape (n_inputs,)
    inputs : array, shape (n_samples, n_inputs)
    rate : float

    Returns
    -------
    array, shape (n_inputs,)
    """
    w = np.array(weights, float)
    for x in np.asarray(inputs, float):
        y = w @ x
        w += rate * y * (x - y * w)
    return w


def bcm(weights, inputs, rate, tau_threshold=100.0):
    """BCM rule over samples in order: Δw = η y (y − θ) x with θ following y² (time constant in samples); w ≥ 0.

    Returns the weights (n_inputs,) and the last threshold.
    """
    w = np.array(weights, float)
    threshold = float(np.mean((np.asarray(inputs, float) @ w) ** 2))
    for x in np.asarray(inputs, float):
        y = max(w @ x, 0.0)
        w = np.maximum(w + rate * y * (y - threshold) * x, 0.0)
        threshold += (y * y - threshold) / tau_threshold
    return w, threshold


def learn_association(
    *, rng, lag=10.0, jitter=5.0, n_events=400, n_positions=21, trained=10, start=0.1, spread=400.0, strength=1.0
):
    """Synapses from sound to sight, after sounds and lights that coincide at one position and are unrelated elsewhere.

    At each event every auditory and visual unit fires once. At the trained position the light's spike follows the
    sound's by N(lag, jitter²); all other spikes fall evenly within ±`spread` ms. Every pair changes its weight by
    `stdp`, within 0…1.

    Parameters
    ----------
    rng : numpy.random.Generator
    lag, jitter : float, ms
    n_events, n_positions, trained : int
    start : float
        First weight of all synapses, of 1.
    spread : float, ms
    strength : float
        Multiplies the weight changes.

    Returns
    -------
    weights : array, shape (n_positions, n_positions)
        Sound position × sight position.
    evoked : array, shape (n_positions,)
        Drive of the sight units by a sound alone at the trained position, as a fraction of what a light there gives
        (1).
    """
    if not 0 <= trained < n_positions:
        raise ValueError(f"trained is {trained}; a position between 0 and {n_positions - 1} is wanted")
    weights = np.full((n_positions, n_positions), float(start))
    for _ in range(int(n_events)):
        sound = rng.uniform(-spread, spread, n_positions)
        light = rng.uniform(-spread, spread, n_positions)
        light[trained] = sound[trained] + lag + jitter * rng.standard_normal()
        change = strength * stdp(light[None, :] - sound[:, None])
        weights = np.clip(weights + change, 0.0, 1.0)
    return weights, weights[trained]
