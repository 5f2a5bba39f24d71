"""Motor noise on a report: the distribution of an estimate folded with it, whatever the size of either.

The number of nodes depends neither on the span of the answers nor on how small a noise is. Torch, float64.
"""

import math

import numpy as np
import torch

from neuromm.maths import report_probability as exact
from neuromm.maths.measurement_nodes import STANDARD, gauss, panel_nodes, smooth_nodes

HERMITE = 9  # Gauss–Hermite nodes of a noise that is small beside the scale of the estimate
SMALL = 0.55  # of that scale: up to here they leave 1e-7, from here on `below_with_noise` does
CUTS = (-6.5, -2.5, 0.0, 2.5, 6.5)  # SDs of the noise around a bound at which the own measurements are cut
OWN_CUTS = (-6.0, -3.0, 0.0, 3.0, 6.0)  # SDs of the own cue around its place
N_GAUSS = 16  # nodes between two cuts


def hermite_nodes(at, motor):
    """Values (n_sets, n) shifted by Gauss–Hermite nodes of the noise, (n_sets, n, k), and weights (k,)."""
    z, weight = np.polynomial.hermite_e.hermegauss(HERMITE)
    z, weight = (torch.as_tensor(v, device=at.device) for v in (z, weight / weight.sum()))
    return at[..., None] + motor[:, None, None] * z, weight


def below_with_noise(strategy, c, motor, at, own, other, density=False, rule=STANDARD, criterion=None):
    """Probability that estimate and noise add up to less than `at`, or their density there.

    Given the other measurement, the own ones are cut where the estimate is some SDs of noise away from the bound; the
    noise is integrated in closed form. For noise of at least SMALL times the scale of the fused estimate.

    Parameters
    ----------
    strategy : "averaging", "selection" or "matching"
    c : Cues
    motor : tensor, shape (n_sets,), deg
    at : tensor, shape (n_sets or 1, n), deg
    own, other : tensor, shape (n,), deg
    density : bool
    rule : Quadrature
    criterion : tensor, shape (n_sets,), deg, optional
        Of selection: cues nearer than this are fused, instead of those more probably of one cause.

    Returns
    -------
    below : tensor, shape (n_sets, n); or density, 1/deg
    """
    curve = exact.normal_density if density else _normal_below
    noise = motor[:, None, None]
    goal = (at - c.mean[..., 0])[..., None]
    place = own[:, None] - c.mean
    with torch.no_grad():
        d = exact.Cues(*(value.detach() for value in c))
        y, weight = _other_nodes(strategy, d, own, other, rule, criterion)
        y, weight = (v.expand(len(c.own), len(own), -1) for v in (y, weight))
        cuts = _own_cuts(strategy, d, goal.detach(), noise.detach(), place.detach(), y)
    if strategy == "selection":  # the own measurements judged common
        if criterion is None:
            middle, half = y * c.tilt, exact.common_half_width(c, y)
        else:
            middle, half = y, criterion[:, None, None]
        low, high = (middle - half)[..., None], (middle + half)[..., None]
        cuts = torch.minimum(torch.maximum(cuts, low), high)
    u, w = gauss(y.device, int(N_GAUSS * min(max(rule.inner, 0.75), 2.0)))
    width = cuts.diff(dim=-1)[..., None]
    x = cuts[..., :-1, None] + width * u  # (n_sets, n, n_y, n_panels, n_gauss)
    weights = (width * w).flatten(-2)
    x = x.flatten(-2)
    offset = x - (y * c.tilt)[..., None]
    joint, alone, fall, noise, goal = (v[..., None] for v in (c.joint, c.alone, c.fall, noise, goal))
    fused, segregated = y[..., None] + joint * offset, y[..., None] + alone * offset
    q = 1.0
    if strategy != "selection":
        q = torch.sigmoid((c.base + y * y / c.spread)[..., None] - fall * offset**2)
    if strategy == "averaging":
        share = curve(goal - segregated - q * (fused - segregated), noise)
    else:
        share = q * (curve(goal - fused, noise) - curve(goal - segregated, noise))
    z = (x - place[..., None]) / c.own[..., None]
    mass = (share * torch.exp(-0.5 * z * z) * weights).sum(-1) / (c.own * math.sqrt(2 * math.pi))
    if strategy == "averaging":
        if not density:  # below the first cut the estimate is far below the bound
            mass = mass + exact.normal_cdf((cuts[..., 0] - place) / c.own)
        return exact.contract_pairs(c, mass, y, weight, other)
    gain = exact.contract_pairs(c, mass, y, weight, other)
    # the segregated estimate is normal
    slope, mean = c.alone[..., 0], c.mean[..., 0]
    spread = torch.sqrt((slope * c.own[..., 0]) ** 2 + motor[:, None] ** 2)
    return gain + curve(at - mean - slope * (own - mean), spread)


def _normal_below(away, sd):
    return exact.normal_cdf(away / sd)


def _own_cuts(strategy, d, goal, noise, place, y):
    """Own measurements between which the integrand is smooth, sorted, (n_sets, n, n_y, n_cuts)."""
    edges = [place + k * d.own + 0.0 * y for k in OWN_CUTS]
    heights = [goal + k * noise - y for k in CUTS]
    if strategy == "averaging":
        peak = d.base + y * y / d.spread
        passed = [exact.average_root(d, height, peak)[0] + y * d.tilt for height in heights]
        low, high = passed[0], passed[-1]
    else:
        passed = [height / rate + y * d.tilt for rate in (d.alone, d.joint) for height in heights[::2]]
        low, high = edges[0], edges[-1]
    low, high = torch.maximum(low, edges[0])[..., None], torch.minimum(high, edges[-1])[..., None]
    cuts = torch.sort(torch.stack([*edges, *passed], -1), -1).values
    return torch.minimum(torch.maximum(cuts, low), torch.maximum(high, low))


def _other_nodes(strategy, d, own, other, rule, criterion):
    """Nodes over the other measurement; cut where the interval judged common opens or passes the own place."""
    mean = d.mean[..., 0]
    place, ends = own - mean, (other - mean, other - mean)
    zero = torch.zeros_like(place)
    if strategy != "selection":
        return smooth_nodes(d, zero, None, ends, rule, 0.7)
    if criterion is None:
        breaks = exact.where_judgements_change(d, place, place, rule)
    else:
        breaks = []
        for part in torch.linspace(-6, 6, int(12 / rule.panel) + 2, dtype=torch.float64):
            passed = place + part * d.own[..., 0]
            breaks += [passed - criterion[:, None], passed + criterion[:, None]]
    return panel_nodes(d, zero, None, ends, breaks, rule)
