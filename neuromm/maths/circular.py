"""Causal inference of two directions on the circle: von Mises or wrapped normal noise; torch, float64, degrees.

Directions and measurements share one even grid of the circle, on which the trapezoid rule of smooth periodic functions
is exact to rounding; estimates are directions of mean resultants. One parameter set at a time.
"""

from typing import NamedTuple

import numpy as np
import torch

TURN = 360.0
REACH = 6.5  # sd beyond which a measurement's mass is left out: 1e-10
WIDE, N_WAVES = 90.0, 8  # deg from which the wrapped normal is its Fourier series, and its terms: the next is e-100


def wrap(angle):
    """The same direction in [−180, 180)."""
    return torch.remainder(angle + 180.0, TURN) - 180.0


def log_density(away, sigma, noise):
    """Log density of a direction `away` deg from the true one, 1/deg.

    Parameters
    ----------
    away : tensor, deg
    sigma : tensor, broadcast, deg
        Of the wrapped normal; the von Mises has concentration (π σ/180)⁻², the same for small σ. Infinite: uniform.
    noise : "wrapped_normal" or "von_mises"
    """
    if noise == "von_mises":
        kappa = torch.rad2deg(1 / sigma) ** 2
        turn = torch.deg2rad(away)
        return kappa * (torch.cos(turn) - 1) - torch.log(TURN * torch.special.i0e(kappa))
    wide = sigma >= WIDE
    narrow = torch.where(wide, WIDE, sigma)  # what is not taken stays finite, and so do its gradients
    turns = torch.arange(-3, 4, dtype=torch.float64, device=away.device) * TURN
    z = (wrap(away)[..., None] + turns) / narrow[..., None]
    wrapped = torch.logsumexp(-0.5 * z**2, -1) - torch.log(narrow) - 0.5 * float(np.log(2 * np.pi))
    if not wide.any():
        return wrapped
    # 1 + 2 Σ exp(−k² σ²/2) cos(k θ): few terms where the sum over turns needs many
    k = torch.arange(1, N_WAVES + 1, dtype=torch.float64, device=away.device)
    spread = torch.deg2rad(torch.where(wide, sigma, WIDE))[..., None]
    waves = torch.exp(-0.5 * (k * spread) ** 2) * torch.cos(k * torch.deg2rad(away)[..., None])
    return torch.where(wide, torch.log1p(2 * waves.sum(-1)) - float(np.log(TURN)), wrapped)


class Circle(NamedTuple):
    """What an observer makes of every pair of measurements on the grid."""

    grid: torch.Tensor  # (n,) deg
    estimate: torch.Tensor  # (n, n) averaged direction of the own cue's cause: own × other measurement, deg
    log_odds: torch.Tensor  # (n, n) posterior log odds of one cause
    alone: torch.Tensor  # (n,) direction of the own cue by itself, deg


def grid_of(sigmas, fine=0.4):
    """Even grid of the circle whose spacing resolves the sharpest posterior; tensor (n,)."""
    narrow = sum(float(s) ** -2 for s in sigmas) ** -0.5
    n = int(np.ceil(TURN / (fine * narrow)))
    if n > 4000:
        raise ValueError(
            f"a grid of {n} directions would be needed for a posterior of {narrow:.3g} deg; widen the sigmas"
        )
    n = max(n + n % 2, 72)
    return torch.arange(n, dtype=torch.float64) * (TURN / n) - 180.0


def infer(grid, own, other, sigma_prior, mu_prior, p_common, noise):
    """`Circle` of a pair of cues; all parameters are tensors of shape ()."""
    step = TURN / len(grid)
    prior = torch.exp(log_density(grid - mu_prior, sigma_prior.expand(len(grid)), noise)) * step
    away = grid[:, None] - grid
    like_own = torch.exp(log_density(away, own.expand(away.shape), noise)) * prior  # (measurement, direction)
    like_other = torch.exp(log_density(away, other.expand(away.shape), noise))
    turn = torch.deg2rad(grid)
    wave = torch.stack([torch.cos(turn), torch.sin(turn)])
    evidence_own, evidence_other = like_own.sum(1), like_other @ prior
    one = like_own @ like_other.T
    joint = torch.stack([(like_own * w) @ like_other.T for w in wave])
    single = torch.stack([like_own @ w for w in wave])
    least = 1e-290
    odds = torch.log(p_common) - torch.log1p(-p_common)
    log_odds = odds + torch.log(one.clamp(min=least)) - torch.log(evidence_own)[:, None] - torch.log(evidence_other)
    q = torch.sigmoid(log_odds)
    mean = q * joint / one.clamp(min=least) + (1 - q) * (single / evidence_own)[..., None]
    estimate = torch.rad2deg(torch.atan2(mean[1], mean[0]))
    return Circle(grid, estimate, log_odds, torch.rad2deg(torch.atan2(single[1], single[0])))


def measured(grid, place, sigma, noise):
    """Measurements near a place and their probabilities: indices (k,), weights (k,) that sum to one."""
    near = torch.nonzero(wrap(grid - place).abs() <= max(REACH * float(sigma.detach()), 3 * TURN / len(grid)))[:, 0]
    weight = torch.exp(log_density(grid[near] - place, sigma.expand(len(near)), noise))
    return near, weight / weight.sum()


def arc(angle, low, high, sigma):
    """Mass of a wrapped normal around `angle` (…) within each arc from `low` to `high` (m,), deg; shape (…, m)."""
    n_turns = 2 + int(np.ceil(REACH * float(sigma.detach().max()) / TURN))
    turns = torch.arange(-n_turns, n_turns + 1, dtype=torch.float64) * TURN
    from neuromm.maths.report_probability import normal_cdf  # torch

    ends = [(end[:, None] + turns - angle[..., None, None]) / sigma for end in (low, high)]
    return (normal_cdf(ends[1]) - normal_cdf(ends[0])).sum(-1)


def judged(circle, near_own, weight_own, near_other, weight_other):
    """Probability that one cause is the more probable one, by interpolating where the odds turn even.

    Within a cell of the own measurement the share of "one" is linear in where the odds cross; the error is that of the
    grid's curvature, below 1e-3 at the default spacing.
    """
    odds = circle.log_odds[near_own][:, near_other]
    a, b = odds[:-1], odds[1:]
    share = torch.where(a * b < 0, torch.where(b > a, b, a) / (b - a).abs().clamp(min=1e-300), (a + b > 0) * 1.0)
    mass = 0.5 * (weight_own[:-1] + weight_own[1:])
    mass = mass / mass.sum()
    return (mass[:, None] * share * weight_other).sum()
