"""Where the quadratures of audiovisual observers place their nodes: over the other cue's measurement.

The number of nodes grows with the logarithm of the ratio of the two SDs and, for conditions that come in pairs, with
nothing else: a noise may go to 0.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

N_GAUSS = 12  # Gauss nodes per panel, where the integrand has kinks
MOST_TANH = 50.0  # greatest ratio of far to near scale that `Warp` serves; beyond, `LogWarp`
BYTES = 240  # held per element of an integrand, with its gradient
SHARED = 20  # ranges of a bound that the lattice of all bounds may span
MOST_AWAY = 1e4  # SDs from the places at which the centre of a warp may lie: beyond, nothing is steep


@dataclass(frozen=True)
class Quadrature:
    """How fine the rules over measurements are; handed down to whatever integrates.

    The defaults leave errors of about 1e-7 in probability.
    """

    step: float = 0.38  # spacing of the smooth rule in units of the local scale; see tests for the error it leaves
    panel: float = 2.8  # greatest width of a panel in units of the local scale
    reach: float = 5.3  # sd of the other cue on either side that the rule covers; the mass beyond is 6e-8
    memory: float = 2.0  # GB that the integrals of one call may take
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


class TooLarge(ValueError):
    """An integrand that would take more memory than allowed."""


def check_memory(n_elements, rule, what):
    """Refuse an integrand of `n_elements` that would take more than `rule.memory`, before it is made.

    Raises
    ------
    TooLarge
        Naming `what` is integrated.
    """
    needed = n_elements * BYTES / 1e9
    if needed > rule.memory:
        raise TooLarge(
            f"{what} would take {needed:.3g} GB, max_memory is {rule.memory:g}; raise the smallest SD or max_memory"
        )


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


class LogWarp(NamedTuple):
    """A `Warp` for cues of very different SDs: the spacing of the nodes grows in proportion to their distance.

    dx/ds = far cosh t/(cosh t + far/near) with t = s/core: `near` around the centre, `far` beyond, and as many nodes
    between as the logarithm of far/near asks for.
    """

    centre: torch.Tensor  # (n_sets, n_bounds), deg
    far: torch.Tensor  # (n_sets, 1), deg
    near: torch.Tensor  # (n_sets, 1), deg
    core: torch.Tensor  # how many times `near` the steep part reaches

    def _ratio(self):
        return (self.far / self.near).clamp(min=1.001)

    def _offset(self, s):
        t, ratio = s / self.core, self._ratio()
        root = torch.sqrt((ratio - 1) / (ratio + 1))
        turn = 2 * ratio / torch.sqrt(ratio**2 - 1) * torch.atanh(root * torch.tanh(t / 2))
        return self.far * self.core * (t - turn)

    def stretch(self, s):
        """x − centre, and its slope, at s of shape (n_sets, k)."""
        rise = torch.cosh((s / self.core).clamp(-300, 300))
        return self._offset(s), self.far * rise / (rise + self._ratio())

    def ends(self, low, high):
        """s that begin before x = low and end after x = high, by bisection."""
        ratio = self._ratio()
        root = torch.sqrt((ratio - 1) / (ratio + 1))
        shift = 2 * ratio / torch.sqrt(ratio**2 - 1) * torch.atanh(root) * self.core
        found = []
        for end, sign in ((low - self.centre, -1), (high - self.centre, 1)):
            before = torch.zeros_like(end)
            after = torch.copysign(end.abs() / self.far + shift, end)  # |x| there is at least |end|
            for _ in range(30):
                middle = (before + after) / 2
                short = self._offset(middle).abs() < end.abs()
                before = torch.where(short, middle, before)
                after = torch.where(short, after, middle)
            outward = torch.sign(end) == sign
            found.append(torch.where(outward, after, before))
        return found


def _warp(c, bounds, own_ends, other_ends):
    """Where one cause is certain, the own measurement that is read as the bound moves by −a/b per degree of the
    other cue. Its distribution function is crossed around `centre` within own·b/a, which is narrow if the
    other cue is the sharper one. Without `own_ends` nothing is steep.
    """
    own, other = c.own[..., 0], c.other[..., 0]
    if own_ends is None:
        return Warp(torch.zeros_like(other + bounds), other, other, torch.ones_like(other))
    steep = (other / own) ** 2
    near = torch.minimum(own * steep, other)
    # x_one = bound/joint − y (1/joint − tilt) equals the middle of the own places; 1/joint − tilt = (own/other)²
    centre = (bounds / c.joint[..., 0] - (own_ends[0] + own_ends[1]) / 2) * steep
    away = MOST_AWAY * other
    centre = torch.minimum(torch.maximum(centre, other_ends[0] - away), other_ends[1] + away)
    half = (own_ends[1] - own_ends[0])[..., :1] / 2  # the same for all bounds: 0 where each has its own place
    if (other / near).max() > MOST_TANH:
        return LogWarp(centre, other, near, 6 + half / own)
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
    warp = _warp(c, bounds, own_ends, other_ends)
    start, stop = warp.ends(other_ends[0] - rule.reach * warp.far, other_ends[1] + rule.reach * warp.far)
    first, last = torch.floor(start / step), torch.ceil(stop / step)
    n, least = max(int((last - first).max()), 8) + 1, first.min()
    if first.max() - least > SHARED * n:  # places of their own, many SDs apart
        first = torch.broadcast_tensors(first, warp.centre)[0]
        lattice = step * (first[..., None] + torch.arange(n, dtype=torch.float64, device=bounds.device))
        x, slope = (v.unflatten(1, (-1, n)) for v in warp.stretch(lattice.flatten(1)))
        return warp.centre[..., None] + x, slope * step
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
    warp = _warp(c, bounds, own_ends, other_ends)
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
    x, w = np.polynomial.legendre.leggauss(n)
    return torch.as_tensor((x + 1) / 2, device=device), torch.as_tensor(w / 2, device=device)
