"""Posterior samples in the unit cube by slice sampling, many chains in one batch; no tuning, no gradients."""

import numpy as np


def sample(log_density, start, n_samples, *, rng, n_warmup=200, width=0.2, max_steps=30):
    """Coordinate-wise slice sampling with stepping out and shrinkage (Neal 2003, Ann Stat 31:705).

    Parameters
    ----------
    log_density : callable (points (n, n_free), chains (n,)) → array (n,)
        Unnormalised log density of some chains' points; −inf where impossible.
    start : array, shape (n_chains, n_free)
        Inside the unit cube, with finite density.
    n_samples, n_warmup : int
        Sweeps kept and thrown away per chain.
    rng : numpy.random.Generator
    width : float
        First width of the slice interval.

    Returns
    -------
    samples : array, shape (n_chains, n_samples, n_free)
    log_densities : array, shape (n_chains, n_samples)
    """
    point = np.array(start, float)
    n, n_free = point.shape
    value = log_density(point, np.arange(n))
    if not np.isfinite(value).all():
        raise ValueError("a chain starts where the density is not finite; start from a fit")
    samples, values = np.empty((n, n_samples, n_free)), np.empty((n, n_samples))
    for sweep in range(n_warmup + n_samples):
        for axis in rng.permutation(n_free):
            point, value = _move(log_density, point, value, axis, width, max_steps, rng)
        if sweep >= n_warmup:
            samples[:, sweep - n_warmup], values[:, sweep - n_warmup] = point, value
    return samples, values


def _move(log_density, point, value, axis, width, max_steps, rng):
    """One slice update of one coordinate of every chain."""
    n = len(point)
    level = value - rng.exponential(size=n)
    low = point[:, axis] - width * rng.random(n)
    high = low + width
    for end, sign in ((low, -1.0), (high, 1.0)):
        growing = np.arange(n)
        for _ in range(max_steps):
            growing = growing[(end[growing] > 0.0) & (end[growing] < 1.0)]
            if not len(growing):
                break
            growing = growing[log_density(_moved(point, axis, end, growing), growing) > level[growing]]
            end[growing] += sign * width
    low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    new, new_value, open_ = point.copy(), value.copy(), np.arange(n)
    while len(open_):
        trial = low[open_] + (high[open_] - low[open_]) * rng.random(len(open_))
        candidate = point[open_].copy()
        candidate[:, axis] = trial
        density = log_density(candidate, open_)
        inside = (density >= level[open_]) | (high[open_] - low[open_] < 1e-12)
        new[open_[inside]], new_value[open_[inside]] = candidate[inside], density[inside]
        outside, tried = open_[~inside], trial[~inside]
        left = tried < point[outside, axis]
        low[outside[left]], high[outside[~left]] = tried[left], tried[~left]
        open_ = outside
    return new, np.where(np.isfinite(new_value), new_value, value)


def _moved(point, axis, end, rows):
    moved = point[rows].copy()
    moved[:, axis] = end[rows]
    return moved


def split_rhat(samples):
    """Split R-hat of each coordinate (Gelman et al. 2013); near 1 when chains agree; shape (n_free,)."""
    half = samples.shape[1] // 2
    chains = np.concatenate([samples[:, :half], samples[:, half : 2 * half]])
    between = half * chains.mean(1).var(0, ddof=1)
    within = np.maximum(chains.var(1, ddof=1).mean(0), 1e-300)
    return np.sqrt(((half - 1) / half * within + between / half) / within)
