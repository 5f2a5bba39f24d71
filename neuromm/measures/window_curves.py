"""Curves of synchrony judgements against asynchrony: their shapes, peak and window, and refits of simulated answers."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from neuromm.maths.batched_optimise import minimise_by_differences


def _sigmoids(x, p):
    """Amplitude × a rising and a falling cumulative Gaussian: mid-points and spreads of the two flanks."""
    amplitude, left, spread_left, width, spread_right = p
    return amplitude * ndtr((x - left) / spread_left) * ndtr((left + width - x) / spread_right)


def _gaussian(x, p):
    amplitude, centre, sigma = p
    return amplitude * np.exp(-0.5 * ((x - centre) / sigma) ** 2)


def _causal_inference(x, p):
    """|measured asynchrony − c| < h with noise σ, and lapses: the form of causal inference for one noise level."""
    amplitude, centre, half, sigma = p
    return amplitude * (ndtr((centre + half - x) / sigma) - ndtr((centre - half - x) / sigma))


# name: (curve, names of parameters, bounds, starts)
MODELS = {
    "sigmoids": (_sigmoids, ("amplitude", "left", "spread_left", "width", "spread_right"),
                 ((0.05, 1.0), (-1000, 1000), (5, 600), (5, 2000), (5, 600)),
                 ((0.95, -150, 60, 400, 60), (0.9, -80, 30, 250, 100), (0.8, -300, 100, 600, 100))),
    "gaussian": (_gaussian, ("amplitude", "centre", "sigma"), ((0.05, 1.0), (-500, 500), (10, 1500)),
                 ((0.95, 50, 150), (0.9, 0, 300), (0.8, 100, 80))),
    "causal_inference": (_causal_inference, ("amplitude", "centre", "half_width", "sigma"),
                         ((0.05, 1.0), (-500, 500), (1, 1500), (5, 600)),
                         ((0.97, 50, 200, 100), (0.95, 30, 120, 60), (0.9, 100, 300, 150))),
}  # fmt: skip


def log_likelihood(chance, yes, n):
    """Log likelihood of counts under rates `chance`, over the last axis; nats, without binomial coefficients."""
    chance = np.clip(chance, 1e-6, 1 - 1e-6)
    return (yes * np.log(chance) + (n - yes) * np.log1p(-chance)).sum(-1)


def window_draws(model, best, x, n, level, n_bootstrap, rng):
    """Peak and width of the window (ms) in data simulated from the fitted curve, each refitted from it.

    Returns
    -------
    array, shape (n_bootstrap, 2)
        NaN where a simulated curve does not fall to `level` on both sides.
    """
    shape, _, bounds, _ = MODELS[model]
    low, high = np.array(bounds, float).T
    yes = rng.binomial(n.astype(int), np.clip(shape(x, best), 0, 1), size=(n_bootstrap, len(n)))

    def cost(unit, problem):
        p = (low + (high - low) * unit).T[..., None]
        return -log_likelihood(shape(x, p), yes[problem], n)

    start = np.tile((best - low) / (high - low), (n_bootstrap, 1))
    unit = minimise_by_differences(cost, start, tolerance=1e-2).point
    reach = max(np.ptp(x), 1.0)
    grid = np.linspace(x.min() - reach / 2, x.max() + reach / 2, 1001)
    curves = shape(grid, (low + (high - low) * unit).T[..., None])
    return np.array([_peak_and_width(curve, grid, level) for curve in curves])


def _peak_and_width(curve, grid, level):
    """Peak of a sampled curve and width of the part around it that is above `level` of the peak."""
    top = int(curve.argmax())
    below = np.flatnonzero(curve < level * curve[top])
    left, right = below[below < top], below[below > top]
    if not len(left) or not len(right):
        return grid[top], np.nan
    ends = (left[-1], right[0] - 1)
    low, high = (np.interp(0, *_crossing(curve, grid, i, level * curve[top])) for i in ends)
    return grid[top], high - low


def _crossing(curve, grid, i, wanted):
    """Distance from `wanted` at the two samples from `i` on, ascending, and their places."""
    away, place = curve[i : i + 2] - wanted, grid[i : i + 2]
    order = np.argsort(away)
    return away[order], place[order]


def window_of(shape, x, level):
    """Peak of a curve, and where it crosses `level` of its peak on either side (NaN: nowhere near)."""
    reach = max(np.ptp(x), 1.0)
    grid = np.linspace(x.min() - reach / 2, x.max() + reach / 2, 4001)
    values = shape(grid)
    top = int(values.argmax())
    wanted = level * values[top]
    below = np.flatnonzero(values < wanted)
    left, right = below[below < top], below[below > top]
    low = brentq(lambda t: shape(t) - wanted, grid[left[-1]], grid[left[-1] + 1]) if len(left) else np.nan
    high = brentq(lambda t: shape(t) - wanted, grid[right[0] - 1], grid[right[0]]) if len(right) else np.nan
    return float(grid[top]), low, high
