"""Exact, differentiable probabilities of an audiovisual observer's reports, for a batch of parameter sets at once.

Everything is torch, float64. Given the other cue's measurement y, the estimate of the own cue depends on
u = x − y (a + p)/p alone (prior mean at 0): it is y + u [alone − (alone − joint) σ(L(y) − fall u²)]. So the
inner integral is a closed form at the root u of "estimate = bound"; the outer one, over y, is a quadrature
whose nodes serve every condition, because neither root nor nodes depend on where the events were.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

N_GAUSS = 12  # Gauss nodes per panel, where the integrand has kinks
ROOT_STEPS = 7  # Newton steps; one more is differentiated. They leave at most 3e-6 of an sd, in one set of 3000


@dataclass(frozen=True)
class Quadrature:
    """How fine the rules over measurements are; handed down to whatever integrates.

    The defaults leave errors of about 1e-7 in probability.
    """

    step: float = 0.38  # spacing of the smooth rule in units of the local scale; see tests for the error it leaves
    panel: float = 2.8  # greatest width of a panel in units of the local scale
    reach: float = 5.3  # sd of the other cue on either side that the rule covers; the mass beyond is 6e-8
    inner: float = 1.0  # factor on the Gauss nodes of the inner integral of matching

    def refined(self, factor: float = 2.0) -> "Quadrature":
        """Every rule finer by `factor`: to measure its error, or (below 1) for a first look.

        Raises
        ------
        ValueError
            If `factor` is not positive and finite.
        """
        if not (math.isfinite(factor) and factor > 0):
            raise ValueError(f"precision must be positive and finite, got {factor}; 1 is the default rule")
        reach = self.reach + 1 if factor > 1 else self.reach
        return replace(self, step=self.step / factor, panel=self.panel / factor, reach=reach, inner=self.inner * factor)


STANDARD = Quadrature()


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


class Warp(NamedTuple):
    """A map of the other cue's measurement to a coordinate v of even difficulty: x − centre = stretch(v)."""

    centre: torch.Tensor  # where the integrand is steep, (n_sets, n_bounds), deg
    far: torch.Tensor  # its scale far from there, (n_sets, 1), deg
    near: torch.Tensor  # and there
    width: torch.Tensor  # how far "there" reaches, in v

    def stretch(self, v):
        """x − centre, and its slope, at v of shape (n_sets, k): far v less a tanh that is steep at 0."""
        t = torch.tanh(v / self.width)
        return self.far * v - (self.far - self.near) * self.width * t, self.near + (self.far - self.near) * t * t

    def ends(self, low, high):
        """v that begin before x = low and end after x = high."""
        low, high = (low - self.centre) / self.far, (high - self.centre) / self.far
        shift = (1 - self.near / self.far) * self.width
        inner_low, inner_high = low, high
        for _ in range(3):  # a fixed point approached from below: never past the end when that lies beyond the centre
            inner_low = low + shift * torch.tanh(inner_low / self.width)
            inner_high = high + shift * torch.tanh(inner_high / self.width)
        return torch.where(low < 0, low - shift, inner_low), torch.where(high > 0, high + shift, inner_high)


def _warp(c, bounds, own_ends):
    """Where one cause is certain, the own measurement that is read as the bound moves by −a/b per degree of the
    other cue. Its distribution function is crossed around `centre` within own·b/a, which is narrow if the
    other cue is the sharper one. Without `own_ends` nothing is steep.
    """
    own, other = c.own[..., 0], c.other[..., 0]
    if own_ends is None:
        return Warp(torch.zeros_like(other + bounds), other, other, torch.ones_like(other))
    steep = (other / own) ** 2
    near = torch.minimum(own * steep, other)
    # x_one = bound/joint − y (1/joint − tilt) equals the middle of the own places
    per_y = 1 / c.joint[..., 0] - c.tilt[..., 0]
    centre = (bounds / c.joint[..., 0] - (own_ends[0] + own_ends[1]) / 2) / per_y
    half = (own_ends[1] - own_ends[0])[..., :1] / 2  # the same for all bounds: 0 where each has its own place
    reach = (half + 6 * own) * steep
    # the slope has doubled where x = reach
    width = 0.75 * reach / near * torch.sqrt(((other - near) / near).clamp(min=0.0))
    return Warp(centre, other, near, width.clamp(min=3.0))


def smooth_nodes(c, bounds, own_ends, other_ends, rule=STANDARD, share=1.0):
    """Trapezoid nodes for the other cue's measurement, gathered where the integrand is steep.

    Parameters
    ----------
    c : Cues
    bounds : tensor, shape (n_sets or 1, n_bounds), deg
        Bounds on the estimate.
    own_ends, other_ends : pairs of tensors, shape (1, 1) or (1, n_bounds), deg
        Ranges of the places of either cue.
    rule : Quadrature
    share : float
        Factor on its spacing.

    Returns
    -------
    nodes, weights : tensor, shape (n_sets, n_bounds, n_nodes)
    """
    step = share * rule.step
    warp = _warp(c, bounds, own_ends)
    start, stop = warp.ends(other_ends[0] - rule.reach * warp.far, other_ends[1] + rule.reach * warp.far)
    first, last = torch.floor(start / step), torch.ceil(stop / step)
    n, least = max(int((last - first).max()), 8) + 1, first.min()
    # one lattice serves all bounds of a set: each takes the stretch that covers its range
    lattice = step * (least + torch.arange(int(first.max() - least) + n, dtype=torch.float64, device=bounds.device))
    x, slope = warp.stretch(lattice)
    at = (first - least).long()[..., None] + torch.arange(n, device=bounds.device)
    at = at.expand(len(x), -1, -1).flatten(1)
    x, slope = (v.gather(1, at).unflatten(1, (-1, n)) for v in (x, slope))
    return warp.centre[..., None] + x, slope * step


def panel_nodes(c, bounds, own_ends, other_ends, breaks, rule=STANDARD):
    """Gauss–Legendre nodes on panels cut at `breaks` (tensors of shape (n_sets, n_bounds), NaN = none).

    Nodes gather at both ends of a panel (x = 3u² − 2u³), which integrates square roots there.
    """
    warp = _warp(c, bounds, own_ends)
    ends = other_ends[0] - rule.reach * warp.far, other_ends[1] + rule.reach * warp.far
    low, high = (torch.broadcast_tensors(end, warp.centre)[0] for end in ends)
    start, stop = warp.ends(low, high)
    n = max(int(torch.ceil((stop - start).max() / rule.panel)), 1) + 1
    grid = torch.linspace(0, 1, n, dtype=torch.float64, device=bounds.device)
    even, _ = warp.stretch((start[..., None] + (stop - start)[..., None] * grid).flatten(1))
    even = warp.centre[..., None] + even.unflatten(1, (-1, n))
    even = torch.minimum(torch.maximum(even, low[..., None]), high[..., None])
    cuts = [torch.where(torch.isnan(cut), low, torch.minimum(torch.maximum(cut, low), high)) for cut in breaks]
    cuts = torch.sort(torch.cat([even, *(cut[..., None] for cut in cuts)], -1), -1).values
    u, w = gauss(bounds.device)
    width = cuts.diff(dim=-1)[..., None]
    x = cuts[..., :-1, None] + width * (u**2 * (3 - 2 * u))
    return x.flatten(-2), (width * (w * 6 * u * (1 - u))).flatten(-2)


def gauss(device, n=N_GAUSS):
    """Gauss–Legendre nodes and weights on [0, 1]."""
    import numpy as np

    x, w = np.polynomial.legendre.leggauss(n)
    return torch.as_tensor((x + 1) / 2, device=device), torch.as_tensor(w / 2, device=device)


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
            u = u - (u * rise - size) / (rise + bend - bend * q)
            u = torch.minimum(torch.maximum(u, low), high)
        u = torch.copysign(u, height)
    q = torch.sigmoid(peak - c.fall * u * u)
    rise = c.alone - gap * q
    slope = (rise + 2 * gap * c.fall * u * u * q * (1 - q)).detach()
    return u - (u * rise - height) / slope, slope


def _roots_where_even(c, offset, rate):
    """Other-cue measurements y at which the odds are even on the line u = (offset − y)/rate; NaN if none.

    base + y²/spread − fall (offset − y)²/rate² = 0 is a quadratic in y with a negative leading term.
    """
    base, fall = c.base[..., 0], c.fall[..., 0] / rate[..., 0] ** 2
    lead = 1 / c.spread[..., 0] - fall
    centre = -fall * offset / lead
    square = centre**2 - (base - fall * offset**2) / lead
    half = torch.sqrt(torch.where(square > 0, square, torch.nan))
    return centre - half, centre + half


def _even_threshold(c):
    """|y| below which no own measurement is judged common; NaN where some always is; (n_sets, 1)."""
    square = -c.base[..., 0] * c.spread[..., 0]
    return torch.sqrt(torch.where(square > 0, square, torch.nan))


def _common_half_width(c, y):
    """Half width of the own measurements judged common, given y; its gradient at zero is cut off."""
    square = (c.base + y**2 / c.spread) / c.fall
    inside = square > 1e-18
    return torch.where(inside, torch.sqrt(torch.where(inside, square, 1.0)), 0.0)


def _ends(c, places, paired):
    """Least and greatest place, shape (n_sets, 1); each bound's own place, (n_sets, n_bounds), where paired."""
    mean = c.mean[..., 0]
    return (places - mean, places - mean) if paired else (places.min() - mean, places.max() - mean)


def _contract(c, mass, y, weight, other, paired):
    """Integrate over the other cue: (n_sets, n_bounds, n_own, n_other), or paired (n_sets, n_bounds)."""
    scale = ROOT_HALF / c.other
    y, weight = (y + c.mean) * scale, weight * (scale / math.sqrt(math.pi))
    if paired:
        away = y - other[:, None] * scale
        return (mass[..., 0] * weight * torch.exp(-away * away)).sum(-1)
    away = y[..., None] - other * scale[..., None]
    return mass.transpose(-1, -2) @ (torch.exp(-away * away) * weight[..., None])


def _signed_mass(c, x, own, paired):
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
    return 0.5 + 0.5 * _contract(c, _signed_mass(c, y * c.tilt + u, own, paired), y, weight, other, paired)


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
    return _contract(c, mass, y, weight, other, paired)


def _places(own, paired):
    return own[:, None, None] if paired else own


def _smooth(c, bounds, own, other, paired, rule, share=1.0):
    """Nodes for the smooth integrands, without a graph: moving a node does not move the integral."""
    with torch.no_grad():
        detached = Cues(*(value.detach() for value in c))
        ends = _ends(c, own, paired), _ends(c, other, paired)
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
        y, weight = panel_nodes(d, t, _ends(c, own, paired), _ends(c, other, paired), breaks, rule)
    half, height = _common_half_width(c, y), bounds[..., None] - y
    clipped = [torch.maximum(torch.minimum(height / rate, half), -half) + y * c.tilt for rate in (c.joint, c.alone)]
    inner = 0.5 * (_signed_mass(c, clipped[0], own, paired) - _signed_mass(c, clipped[1], own, paired))
    return _contract(c, inner, y, weight, other, paired) + _below_two(c, bounds, own, paired)


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
    return _contract(c, inner, y, weight, other, paired) + _below_two(c, bounds, own, paired)


def _posterior_mass(c, scale, y, start, width, first, u, w):
    """Integral of the posterior times exp(−z²) from `start` over `width`, where z begins at `first`."""
    z = torch.addcmul(first[..., None], (width * scale)[..., None], u)
    return ((_posterior_along(c, y, start, width, u) * torch.exp(-z * z)) @ w) * width


def _posterior_mass_where_open(c, scale, y, start, width, first, u, w):
    """`_posterior_mass` of the intervals that are not empty: many are, where the hypotheses differ out of reach."""
    is_open = width.detach() != 0
    if is_open.all():
        return _posterior_mass(c, scale, y, start, width, first, u, w)
    one_each = [value.expand_as(width)[is_open] for value in (*c, scale, y, start, width, first)]
    found = _posterior_mass(Cues(*one_each[: len(c)]), *one_each[len(c) :], u, w)
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


def _below_two(c, bounds, own, paired):
    """Probability that the segregated estimate lies below each bound."""
    root = bounds / c.alone[..., 0] + c.mean[..., 0]
    if paired:
        return normal_cdf((root - own) / c.own[..., 0])
    return normal_cdf((root[..., None] - own) / c.own)[..., None]


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
        own_ends = [e + torch.zeros_like(d.own[..., 0]) for e in _ends(c, own, paired)]
        least, most = own_ends[0] - 6 * d.own[..., 0], own_ends[1] + 6 * d.own[..., 0]
        n = int(torch.ceil(((most - least) / d.own[..., 0]).max() / rule.panel)) + 1
        threshold = _even_threshold(d) + torch.zeros_like(least)
        breaks = [threshold, -threshold]
        for part in torch.linspace(0, 1, n, dtype=torch.float64):
            breaks += _where_ends_pass(d, least + part * (most - least))
        y, weight = panel_nodes(d, torch.zeros_like(least), None, _ends(c, other, paired), breaks, rule)
    half = _common_half_width(c, y)
    low, high = (_signed_mass(c, y * c.tilt + sign * half, own, paired) for sign in (-1, 1))
    mass = 0.5 * (high - low)
    return _contract(c, mass, y, weight, other, paired)[:, ... if paired else 0]


def _where_ends_pass(c, place):
    """y at which an end of the interval judged common is at `place`: (place − tilt y)² fall = base + y²/spread."""
    tilt, fall, base, spread = (v[..., 0] for v in (c.tilt, c.fall, c.base, c.spread))
    lead = tilt**2 * fall - 1 / spread
    centre = place * tilt * fall / lead
    square = centre**2 - (place**2 * fall - base) / lead
    half = torch.sqrt(torch.where(square > 0, square, torch.nan))
    return centre - half, centre + half


def unity_matched(c, own, other, paired=False, rule=STANDARD):
    """Mean posterior probability of one cause, with which matching reports it; shapes as in `unity_judged`."""
    with torch.no_grad():
        zero = torch.zeros(1, len(own) if paired else 1, dtype=torch.float64, device=own.device)
        detached = Cues(*(value.detach() for value in c))
        y, weight = smooth_nodes(detached, zero, None, _ends(c, other, paired), rule, 0.5)
    least, most, n = _own_range(c, own, paired, rule)
    u, w = gauss(y.device, n)
    start, width = least + torch.zeros_like(y[..., :1]), (most - least) + torch.zeros_like(y[..., :1])
    posterior = _posterior_along(c, y, start, width, u)  # (n_sets, n_bounds, n_nodes, n)
    scale = ROOT_HALF / c.own
    z = (start + width * u + c.mean) * scale  # (n_sets, n_bounds, n)
    z = (z - own[:, None] * scale)[..., None] if paired else z[..., None] - own * scale[..., None]
    density = torch.exp(-z * z) * (w[:, None] * (width * scale / math.sqrt(math.pi))[..., None])
    mass = posterior @ density
    return _contract(c, mass, y, weight, other, paired)[:, ... if paired else 0]
