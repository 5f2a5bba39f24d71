"""Exact, differentiable probabilities of an audiovisual observer's reports, for a batch of parameter sets at once.

Everything is torch, float64. Given the other cue's measurement y, the estimate of the own cue depends on
u = x − y (a + p)/p alone (prior mean at 0): it is y + u [alone − (alone − joint) σ(L(y) − fall u²)]. So the
inner integral is a closed form at the root u of "estimate = bound"; the outer one, over y, is a quadrature
whose nodes serve every condition, because neither root nor nodes depend on where the events were.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from neuromm.maths.measurement_nodes import STANDARD, gauss, panel_nodes, smooth_nodes

STILL_MOVING = 1e-4  # of an SD in the last of these steps: such a root is bracketed instead
BRACKETED_STEPS = 80
ROOT_STEPS = 7  # Newton steps; one more is differentiated. They leave at most 3e-6 of an sd, in one set of 3000


class Cues(NamedTuple):
    """What the equations need of each parameter set; tensors of shape (n_sets, 1, 1)."""

    own: torch.Tensor  # sd of the reported cue, deg
    other: torch.Tensor  # sd of the other cue, deg
    alone: torch.Tensor  # slope of the own estimate under two causes
    joint: torch.Tensor  # and under one
    fall: torch.Tensor  # of the log odds with u², 1/deg²
    base: torch.Tensor  # log odds of one cause at y = 0, u = 0
    spread: torch.Tensor  # 2 (p + b): the peak log odds are base + y²/spread
    tilt: torch.Tensor  # (a + p)/p: own measurement that both hypotheses read alike, per y
    mean: torch.Tensor  # of the prior, deg; inside, all places are relative to it


def cues(own, other, prior, p_common, mean=None):
    """`Cues` from standard deviations (deg), the prior probability of one cause and the prior mean; each (n_sets,)."""
    mean = torch.zeros_like(own) if mean is None else mean
    own, other, prior, p_common, mean = (v[:, None, None] for v in (own, other, prior, p_common, mean))
    a, b, p = own**2, other**2, prior**2
    narrow, wide = a + p * b / (p + b), a + p
    return Cues(
        own, other, p / wide, p * b / (p + b) / narrow, p * p / (p + b) / (2 * narrow * wide),
        0.5 * torch.log(wide / narrow) + torch.log(p_common) - torch.log1p(-p_common), 2 * (p + b), wide / p, mean,
    )  # fmt: skip


ROOT_HALF = math.sqrt(0.5)


def normal_cdf(z):
    """Standard normal distribution function."""
    return 0.5 + 0.5 * torch.erf(z * ROOT_HALF)


def normal_density(x, sigma):
    """Density of N(0, σ²) at x."""
    return torch.exp(-0.5 * (x / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))


def average_root(c, height, peak):
    """u at which the averaged estimate has risen by `height` above y, and the slope of the estimate there.

    The root is found without a graph by Newton steps kept between the roots of the two hypotheses; one more
    step, differentiated, makes its gradient exact (implicit function theorem).
    """
    gap = c.alone - c.joint
    with torch.no_grad():
        size = height.abs()
        low, high = size / c.alone, size / c.joint
        flip = torch.sqrt(torch.clamp(peak, min=0.0) / c.fall)  # where both causes are equally probable
        u = torch.maximum(low, torch.minimum(high, flip))
        steep = 2 * gap * c.fall
        for _ in range(ROOT_STEPS):
            square = u * u
            q = torch.sigmoid(peak - c.fall * square)
            rise = c.alone - gap * q
            bend = steep * square * q
            before = u
            u = u - (u * rise - size) / (rise + bend - bend * q)
            u = torch.minimum(torch.maximum(u, low), high)
        slow = (u - before).abs() > STILL_MOVING * c.own
        if slow.any():
            values = (gap, c.alone, c.fall, peak, size, low, high, u)
            u = u.masked_scatter(slow, _bracketed_root(*(v.expand_as(u)[slow] for v in values)))
        u = torch.copysign(u, height)
    q = torch.sigmoid(peak - c.fall * u * u)
    rise = c.alone - gap * q
    slope = (rise + 2 * gap * c.fall * u * u * q * (1 - q)).detach()
    return u - (u * rise - height) / slope, slope


def _bracketed_root(gap, alone, fall, peak, size, low, high, u):
    """Root of u (alone − gap σ(peak − fall u²)) = size between low and high, by Newton or halving; 1-d tensors."""
    for _ in range(BRACKETED_STEPS):
        q = torch.sigmoid(peak - fall * u * u)
        excess = u * (alone - gap * q) - size
        slope = alone - gap * q + 2 * gap * fall * u * u * q * (1 - q)
        low, high = torch.where(excess > 0, low, u), torch.where(excess > 0, u, high)
        new = u - excess / slope
        inside = (new > low) & (new < high)
        new = torch.where(inside, new, 0.5 * (low + high))
        moved, u = ((new - u) / high.clamp(min=1e-300)).abs().max(), new
        if moved < 1e-9:
            break
    return u


def _roots_where_even(c, offset, rate):
    """Other-cue measurements y at which the odds are even on the line u = (offset − y)/rate; NaN if none.

    base + y²/spread − fall (offset − y)²/rate² = 0 is a quadratic in y with a negative leading term.
    """
    base, fall = c.base[..., 0], c.fall[..., 0] / rate[..., 0] ** 2
    bend = 1 / c.spread[..., 0]
    lead = bend - fall
    centre = -fall * offset / lead
    square = (fall * (base + bend * offset**2) - base * bend) / lead**2
    half = _root_or_nan(square)
    return centre - half, centre + half


def _root_or_nan(square):
    """Square root, NaN (with a gradient of 0) where there is none."""
    exists = square > 0
    return torch.where(exists, torch.sqrt(torch.where(exists, square, 1.0)), torch.nan)


def _even_threshold(c):
    """|y| below which no own measurement is judged common; NaN where some always is; (n_sets, 1)."""
    square = -c.base[..., 0] * c.spread[..., 0]
    return torch.sqrt(torch.where(square > 0, square, torch.nan))


def common_half_width(c, y):
    """Half width of the own measurements judged common, given y; its gradient at zero is cut off."""
    square = (c.base + y**2 / c.spread) / c.fall
    inside = square > 1e-18
    return torch.where(inside, torch.sqrt(torch.where(inside, square, 1.0)), 0.0)


def place_ends(c, places, paired):
    """Least and greatest place, shape (n_sets, 1); each bound's own place, (n_sets, n_bounds), where paired."""
    mean = c.mean[..., 0]
    return (places - mean, places - mean) if paired else (places.min() - mean, places.max() - mean)


def contract(c, mass, y, weight, other, paired):
    """Integrate over the other cue: (n_sets, n_bounds, n_own, n_other), or paired (n_sets, n_bounds)."""
    scale = ROOT_HALF / c.other
    y, weight = (y + c.mean) * scale, weight * (scale / math.sqrt(math.pi))
    if paired:
        away = y - other[:, None] * scale
        return (mass[..., 0] * weight * torch.exp(-away * away)).sum(-1)
    away = y[..., None] - other * scale[..., None]
    return mass.transpose(-1, -2) @ (torch.exp(-away * away) * weight[..., None])


def contract_pairs(c, mass, y, weight, other):
    """Integrate `mass` at nodes y (n_sets, n, n_nodes) over the other cue, each with its own place: (n_sets, n)."""
    return contract(c, mass[..., None], y, weight, other, True)


def signed_mass(c, x, own, paired):
    """erf of the distance of measurement x (from the prior mean) to the own places: 2 F − 1; a last axis is added."""
    scale = ROOT_HALF / c.own
    places = own[:, None, None] if paired else own
    return torch.erf(((x + c.mean) * scale)[..., None] - places * scale[..., None])


def below_averaging(c, bounds, own, other, paired=False, rule=STANDARD):
    """Probability that the averaged estimate lies below each bound.

    Parameters
    ----------
    c : Cues
    bounds : tensor, shape (n_sets or 1, n_bounds), deg from the prior mean
    own, other : tensor, shape (n_own,), (n_other,), deg from the prior mean
        Places of the two events; with `paired`, one of each per bound, shape (n_bounds,).
    rule : Quadrature

    Returns
    -------
    below : tensor, shape (n_sets, n_bounds, n_own, n_other), or (n_sets, n_bounds)
    """
    bounds = bounds - c.mean[..., 0]
    y, weight = _smooth(c, bounds, own, other, paired, rule)
    u, _ = average_root(c, bounds[..., None] - y, c.base + y * y / c.spread)
    return 0.5 + 0.5 * contract(c, signed_mass(c, y * c.tilt + u, own, paired), y, weight, other, paired)


def density_averaging(c, bounds, own, other, paired=True, rule=STANDARD):
    """Probability density of the averaged estimate at each bound, 1/deg; arguments as in `below_averaging`."""
    bounds = bounds - c.mean[..., 0]
    y, weight = _smooth(c, bounds, own, other, paired, rule)
    peak = c.base + y * y / c.spread
    u, _ = average_root(c, bounds[..., None] - y, peak)
    q = torch.sigmoid(peak - c.fall * u * u)
    gap = c.alone - c.joint
    slope = c.alone - gap * q + 2 * gap * c.fall * u * u * q * (1 - q)
    mass = normal_density((y * c.tilt + u + c.mean)[..., None] - _places(own, paired), c.own[..., None])
    mass = mass / slope[..., None]
    return contract(c, mass, y, weight, other, paired)


def _places(own, paired):
    return own[:, None, None] if paired else own


def _smooth(c, bounds, own, other, paired, rule, share=1.0):
    """Nodes for the smooth integrands, without a graph: moving a node does not move the integral."""
    with torch.no_grad():
        detached = Cues(*(value.detach() for value in c))
        ends = place_ends(c, own, paired), place_ends(c, other, paired)
        return smooth_nodes(detached, bounds.detach(), *ends, rule, share)


def below_selection(c, bounds, own, other, paired=False, rule=STANDARD):
    """Probability that the selected estimate lies below each bound; arguments as in `below_averaging`.

    Given y it is F(x_two) + F(clip x_one) − F(clip x_two), with x_one and x_two the measurements that the
    two hypotheses read as the bound, clipped to the measurements judged common. The panels are cut
    where a clip begins and where that set opens.
    """
    bounds = bounds - c.mean[..., 0]
    with torch.no_grad():
        d = Cues(*(value.detach() for value in c))
        t = bounds.detach()
        threshold = _even_threshold(d)
        breaks = [threshold, -threshold, *_roots_where_even(d, t, d.joint), *_roots_where_even(d, t, d.alone)]
        breaks = [torch.broadcast_tensors(cut, t)[0] for cut in breaks]
        y, weight = panel_nodes(d, t, place_ends(c, own, paired), place_ends(c, other, paired), breaks, rule)
    half, height = common_half_width(c, y), bounds[..., None] - y
    clipped = [torch.maximum(torch.minimum(height / rate, half), -half) + y * c.tilt for rate in (c.joint, c.alone)]
    inner = 0.5 * (signed_mass(c, clipped[0], own, paired) - signed_mass(c, clipped[1], own, paired))
    return contract(c, inner, y, weight, other, paired) + below_two(c, bounds, own, paired)


def below_matching(c, bounds, own, other, paired=False, rule=STANDARD):
    """Probability that the matched estimate lies below each bound; arguments as in `below_averaging`.

    Given y it is F(x_two) plus the (signed) mass between x_two and x_one, weighed by the posterior of one cause.
    """
    bounds = bounds - c.mean[..., 0]
    y, weight = _smooth(c, bounds, own, other, paired, rule, 0.7)
    height = bounds[..., None] - y
    least, most, n = _own_range(c, own, paired, rule)
    start, stop = (
        torch.maximum(torch.minimum(y * c.tilt + height / rate, most), least) for rate in (c.alone, c.joint)
    )
    u, w = gauss(y.device, n)
    # density of the own measurement, exp(−z²)/(√π σ √2), its constants taken out of the sum over nodes
    scale = ROOT_HALF / c.own
    if paired:
        first = (start + c.mean - own[:, None]) * scale
        inner = _posterior_mass_where_open(c, scale, y, start, stop - start, first, u, w)[..., None]
    else:
        width = stop - start
        posterior = _posterior_along(c, y, start, width, u)  # (n_sets, n_bounds, n_nodes, n)
        at = torch.addcmul(((start + c.mean) * scale)[..., None], (width * scale)[..., None], u)
        each = [at - place * scale[..., None] for place in own]
        inner = torch.stack([(posterior * torch.exp(-z * z)) @ w for z in each], -1) * width[..., None]
    inner = inner * (scale / math.sqrt(math.pi))[..., None]
    return contract(c, inner, y, weight, other, paired) + below_two(c, bounds, own, paired)


def density_matching(c, bounds, own, other, rule=STANDARD):
    """Probability density of the matched estimate at each bound, 1/deg, each with its own pair of places.

    The derivative of `below_matching`: the density of the measurements that the hypotheses read as the bound, weighed
    by their posteriors.

    Parameters
    ----------
    c : Cues
    bounds : tensor, shape (n_sets or 1, n), deg
    own, other : tensor, shape (n,), deg
    rule : Quadrature

    Returns
    -------
    density : tensor, shape (n_sets, n)
    """
    bounds = bounds - c.mean[..., 0]
    y, weight = _smooth(c, bounds, own, other, True, rule, 0.7)
    peak = c.base + y * y / c.spread
    total = 0.0
    for sign, rate in ((1, c.joint), (-1, c.alone)):
        u = (bounds[..., None] - y) / rate
        total = total + sign * torch.sigmoid(peak - c.fall * u * u) * _read_as(c, y, u, own, rate)
    return contract_pairs(c, total, y, weight, other) + _density_two(c, bounds, own)


def density_selection(c, bounds, own, other, rule=STANDARD):
    """Probability density of the selected estimate at each bound, 1/deg; arguments as in `density_matching`."""
    bounds = bounds - c.mean[..., 0]
    edges = [_roots_where_even(c, bounds, rate) for rate in (c.joint, c.alone)]
    return density_of_regions(c, bounds, own, other, edges, rule)


def density_of_regions(c, bounds, own, other, edges, rule):
    """Density of an estimate that is fused where the other measurement lies in an interval.

    Parameters
    ----------
    c : Cues
    bounds : tensor, shape (n_sets, n), deg from the prior mean
    own, other : tensor, shape (n,), deg
    edges : two pairs of tensors, shape (n_sets, n), deg from the prior mean; NaN where there is no such interval
        Ends of the interval of other measurements for which the own one that is read as the bound under one cause,
        and under two, is judged common.
    rule : Quadrature

    Returns
    -------
    density : tensor, shape (n_sets, n)
    """
    with torch.no_grad():
        d = Cues(*(value.detach() for value in c))
        t = bounds.detach()
        breaks = [torch.broadcast_tensors(edge.detach(), t)[0] for pair in edges for edge in pair]
        y, weight = panel_nodes(d, t, place_ends(c, own, True), place_ends(c, other, True), breaks, rule)
    total, moved = 0.0, 0.0
    for sign, rate, ends in ((1, c.joint, edges[0]), (-1, c.alone, edges[1])):
        low, high = (end[..., None].detach() for end in ends)
        inside = (y > low) & (y < high)
        mass = _read_as(c, y, (bounds[..., None] - y) / rate, own, rate)
        total = total + sign * torch.where(inside, mass, 0.0)
        for side, end in ((-1, ends[0]), (1, ends[1])):  # the ends move with the parameters: for the gradient
            at = torch.nan_to_num(end)[..., None].detach()
            there = _read_as(c, at, (bounds[..., None] - at) / rate, own, rate)
            density = there * normal_density(at + c.mean - other[:, None], c.other)
            shift = torch.where(torch.isnan(end), 0.0, torch.nan_to_num(end) - at[..., 0])
            moved = moved + sign * side * shift * density[..., 0].detach()
    return contract_pairs(c, total, y, weight, other) + moved + _density_two(c, bounds, own)


def _read_as(c, y, u, own, rate):
    """Density of the own measurement y tilt + u per degree of an estimate that rises with it at `rate`."""
    return normal_density(y * c.tilt + u + c.mean - own[:, None], c.own) / rate


def _density_two(c, bounds, own):
    """Density of the segregated estimate at each bound."""
    slope = c.alone[..., 0]
    return normal_density(bounds / slope + c.mean[..., 0] - own, c.own[..., 0]) / slope


def _posterior_mass(c, scale, y, start, width, first, u, w):
    """Integral of the posterior times exp(−z²) from `start` over `width`, where z begins at `first`."""
    z = torch.addcmul(first[..., None], (width * scale)[..., None], u)
    return ((_posterior_along(c, y, start, width, u) * torch.exp(-z * z)) @ w) * width


def _posterior_mass_where_open(c, scale, y, start, width, first, u, w):
    """`_posterior_mass` of the intervals that are not empty: many are, where the hypotheses differ out of reach."""
    is_open = width.detach() != 0
    if is_open.all():
        return _posterior_mass(c, scale, y, start, width, first, u, w)
    cues = Cues(*(value.expand_as(width)[is_open] for value in c))
    scale, y, start, first = (value.expand_as(width)[is_open] for value in (scale, y, start, first))
    found = _posterior_mass(cues, scale, y, start, width[is_open], first, u, w)
    return torch.zeros_like(width).masked_scatter(is_open, found)


def _posterior_along(c, y, start, width, u):
    """Posterior of one cause at own measurements start + width u, (…, n), given the other one y (…)."""
    offset = torch.addcmul((start - y * c.tilt)[..., None], width[..., None], u)
    peak = (c.base + y * y / c.spread)[..., None]  # log odds of one cause at u = 0
    return torch.sigmoid(torch.addcmul(peak, -c.fall[..., None] * offset, offset))


def _own_range(c, own, paired, rule):
    """Range of own measurements with any mass, and how many Gauss nodes it takes."""
    with torch.no_grad():
        edge = 6 * c.own
        low, high = (own[:, None], own[:, None]) if paired else (own.min(), own.max())
        least, most = low - c.mean - edge, high - c.mean + edge
        return least, most, int(rule.inner * min(32 + 1.4 * ((most - least) / c.own).max(), 160))


def below_two(c, bounds, own, paired):
    """Probability that the segregated estimate lies below each bound."""
    root = bounds / c.alone[..., 0] + c.mean[..., 0]
    if paired:
        return normal_cdf((root - own) / c.own[..., 0])
    return normal_cdf((root[..., None] - own) / c.own)[..., None]


def _density_paired(c, bounds, own, other, rule=STANDARD):
    return density_averaging(c, bounds, own, other, True, rule)


# each value with its own pair of places
DENSITY: dict[str, Callable] = {
    "averaging": _density_paired, "selection": density_selection, "matching": density_matching,
}  # fmt: skip
BELOW: dict[str, Callable] = {"averaging": below_averaging, "selection": below_selection, "matching": below_matching}


def unity_judged(c, own, other, paired=False, rule=STANDARD):
    """Probability that one cause is the more probable one, which averaging and selection report.

    Given y, the own measurements judged common form an interval; panels are cut where its ends pass
    the places of the own cue and where it opens.

    Returns
    -------
    common : tensor, shape (n_sets, n_own, n_other), or (n_sets, n_conditions) with `paired`
    """
    with torch.no_grad():
        d = Cues(*(value.detach() for value in c))
        low, high = (e + torch.zeros_like(d.own[..., 0]) for e in place_ends(c, own, paired))
        breaks = where_judgements_change(d, low, high, rule)
        y, weight = panel_nodes(d, torch.zeros_like(low), None, place_ends(c, other, paired), breaks, rule)
    half = common_half_width(c, y)
    low, high = (signed_mass(c, y * c.tilt + sign * half, own, paired) for sign in (-1, 1))
    mass = 0.5 * (high - low)
    return contract(c, mass, y, weight, other, paired)[:, ... if paired else 0]


def where_judgements_change(c, low, high, rule=STANDARD):
    """Other-cue measurements at which the interval judged common opens, or passes places from low to high ± 6 SD.

    Parameters
    ----------
    c : Cues
    low, high : tensor, shape (n_sets, n), deg from the prior mean
        Least and greatest own place.
    rule : Quadrature

    Returns
    -------
    breaks : list of tensors, shape (n_sets, n)
        NaN where it does not.
    """
    least, most = low - 6 * c.own[..., 0], high + 6 * c.own[..., 0]
    n = int(torch.ceil(((most - least) / c.own[..., 0]).max() / rule.panel)) + 1
    threshold = _even_threshold(c) + torch.zeros_like(least)
    breaks = [threshold, -threshold]
    for part in torch.linspace(0, 1, n, dtype=torch.float64):
        breaks += _where_ends_pass(c, least + part * (most - least))
    return breaks


def _where_ends_pass(c, place):
    """y at which an end of the interval judged common is at `place`: (place − tilt y)² fall = base + y²/spread."""
    tilt, fall, base, spread = (v[..., 0] for v in (c.tilt, c.fall, c.base, c.spread))
    bend = 1 / spread
    lead = tilt**2 * fall - bend
    centre = place * tilt * fall / lead
    square = (fall * (bend * place**2 + base * tilt**2) - base * bend) / lead**2
    half = torch.sqrt(torch.where(square > 0, square, torch.nan))
    return centre - half, centre + half


def unity_matched(c, own, other, paired=False, rule=STANDARD):
    """Mean posterior probability of one cause, with which matching reports it; shapes as in `unity_judged`."""
    with torch.no_grad():
        zero = torch.zeros(1, len(own) if paired else 1, dtype=torch.float64, device=own.device)
        detached = Cues(*(value.detach() for value in c))
        y, weight = smooth_nodes(detached, zero, None, place_ends(c, other, paired), rule, 0.5)
    least, most, n = _own_range(c, own, paired, rule)
    u, w = gauss(y.device, n)
    start, width = least + torch.zeros_like(y[..., :1]), (most - least) + torch.zeros_like(y[..., :1])
    posterior = _posterior_along(c, y, start, width, u)  # (n_sets, n_bounds, n_nodes, n)
    scale = ROOT_HALF / c.own
    z = (start + width * u + c.mean) * scale  # (n_sets, n_bounds, n)
    z = (z - own[:, None] * scale)[..., None] if paired else z[..., None] - own * scale[..., None]
    density = torch.exp(-z * z) * (w[:, None] * (width * scale / math.sqrt(math.pi))[..., None])
    mass = posterior @ density
    return contract(c, mass, y, weight, other, paired)[:, ... if paired else 0]
