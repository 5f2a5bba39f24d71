"""Exact, differentiable probabilities of observers that follow a fixed rule; torch, float64, batched over sets.

The rules share cues and prior with `neuromm.maths.report_probability`, whose quadrature serves here too.
"""

import torch

from neuromm.maths.report_probability import (
    STANDARD,
    Cues,
    below_two,
    contract,
    density_of_regions,
    normal_cdf,
    panel_nodes,
    place_ends,
    signed_mass,
)


def below_criterion(c, criterion, bounds, own, other, paired=False, rule=STANDARD):
    """Probability that the estimate lies below each bound if cues nearer than `criterion` are fused.

    Given the other cue's measurement y it is F(x_two) + F(clip x_one) − F(clip x_two), clipped to y ± criterion;
    the panels are cut where a clip begins.

    Parameters
    ----------
    c : Cues
    criterion : tensor, shape (n_sets,), deg
    bounds, own, other, paired, rule
        As in `report_probability.below_averaging`.

    Returns
    -------
    below : tensor, shape (n_sets, n_bounds, n_own, n_other), or (n_sets, n_bounds)
    """
    bounds, reach = bounds - c.mean[..., 0], criterion[:, None, None]
    with torch.no_grad():
        d = Cues(*(value.detach() for value in c))
        t, k = bounds.detach(), criterion.detach()[:, None]
        per_y = 1 / d.joint[..., 0] - d.tilt[..., 0]
        breaks = [(t / d.joint[..., 0] + sign * k) / (1 + per_y) for sign in (-1, 1)]
        breaks += [t / d.alone[..., 0] + sign * k for sign in (-1, 1)]
        breaks = [torch.broadcast_tensors(cut, t)[0] for cut in breaks]
        y, weight = panel_nodes(d, t, place_ends(c, own, paired), place_ends(c, other, paired), breaks, rule)
    height = bounds[..., None] - y
    clipped = [
        torch.maximum(torch.minimum(height / rate + y * c.tilt, y + reach), y - reach) for rate in (c.joint, c.alone)
    ]
    inner = 0.5 * (signed_mass(c, clipped[0], own, paired) - signed_mass(c, clipped[1], own, paired))
    return contract(c, inner, y, weight, other, paired) + below_two(c, bounds, own, paired)


def density_criterion(c, criterion, bounds, own, other, rule=STANDARD):
    """Probability density of the estimate if cues nearer than `criterion` are fused, 1/deg.

    Parameters
    ----------
    c, criterion
        As in `below_criterion`.
    bounds, own, other, rule
        As in `report_probability.density_matching`.

    Returns
    -------
    density : tensor, shape (n_sets, n)
    """
    bounds, k = bounds - c.mean[..., 0], criterion[:, None]
    per_y = (c.own[..., 0] / c.other[..., 0]) ** 2
    fused = [(bounds / c.joint[..., 0] + sign * k) / (1 + per_y) for sign in (-1, 1)]
    segregated = [bounds / c.alone[..., 0] + sign * k for sign in (-1, 1)]
    return density_of_regions(c, bounds, own, other, [fused, segregated], rule)


def unity_criterion(own_sigma, other_sigma, criterion, disparity):
    """Probability that two measurements are nearer than `criterion`: closed form.

    Parameters
    ----------
    own_sigma, other_sigma, criterion : tensor, shape (n_sets,), deg
    disparity : tensor, shape (n_pairs,), deg

    Returns
    -------
    common : tensor, shape (n_sets, n_pairs)
    """
    spread = torch.sqrt(own_sigma**2 + other_sigma**2)[:, None]
    criterion = criterion[:, None]
    return normal_cdf((criterion - disparity) / spread) - normal_cdf((-criterion - disparity) / spread)
