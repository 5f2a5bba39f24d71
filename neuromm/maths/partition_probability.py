"""Exact, differentiable probabilities of reports averaged over partitions of three cues; torch, float64, batched.

The averaged estimate is a posterior mean, so it rises strictly with its own measurement (its slope is the posterior
variance over σ²): "estimate < bound" is a closed form at one root, and the two other measurements are integrated by a
trapezoid rule on their plane, whose nodes serve all conditions. The error is below 1e-6 in probability, and up to 2e-5
where cues many σ apart meet a prior wider than 10 σ; `Quadrature.refined` measures it.
"""

import math

import torch

from neuromm.maths import report_probability as exact
from neuromm.maths.partitions import partitions

REACH = 5.6  # sd on either side that the rules cover; the mass beyond is 2e-8
ROOT_STEPS = 40  # bracketed Newton steps, stopped when none moves


class Averaged:
    """The averaged estimate of one cue given the others, as a function of its own measurement.

    Parameters
    ----------
    own : tensor, shape (n_sets,), deg
        Sd of the reported cue.
    others : list of tensors, shape (n_sets,), deg
        Sds of the other cues that are there, in the order of the partitions.
    blocks : list of tuples of blocks
        Partitions with cue 0 the reported one.
    prior : tensor, shape (n_sets, n_partitions)
        Their prior probabilities.
    sigma_prior : tensor, shape (n_sets,), deg
    """

    def __init__(self, own, others, blocks, prior, sigma_prior):
        self.own, self.others, self.blocks = own, others, blocks
        precision = [own**-2, *(s**-2 for s in others)]
        flat = sigma_prior**-2
        self.log_prior = torch.log(prior.clamp(min=1e-300))
        self.total = [[sum(precision[i] for i in block) + flat for block in parts] for parts in blocks]
        self.precision = precision
        # each block's share of the evidence that does not depend on the cues: −½ log(r + 1/p) + ½ log(1/p)
        self.base = torch.stack(
            [lp + sum(-0.5 * torch.log(t / flat) for t in parts)
             for lp, parts in zip(self.log_prior.unbind(-1), self.total, strict=True)], -1,
        )  # fmt: skip

    def given(self, *others):
        """Per partition: precision and offset of the own estimate, and log odds without the own block.

        `others`: measurements, tensors that broadcast to (n_sets, …); the result has a last axis of partitions.
        """
        rest = (None, *others)
        slope, offset, log = [], [], []
        for k, parts in enumerate(self.blocks):
            value = _up(self.base[:, k], others[0].ndim if others else 1)
            for block, total in zip(parts, self.total[k], strict=True):
                total = _up(total, value.ndim)
                sum_ = sum((_up(self.precision[i], value.ndim) * rest[i] for i in block if i), 0.0 * value)
                if 0 in block:
                    slope.append(total)
                    offset.append(sum_)
                else:
                    value = value + 0.5 * sum_**2 / total
            log.append(value)
        stack = [torch.stack(torch.broadcast_tensors(*v), -1) for v in (slope, offset, log)]
        return torch.broadcast_tensors(*stack)

    def at(self, x, given):
        """Averaged estimate and its slope at own measurement `x`, shape as the others' without partitions."""
        total, offset, log = given
        weight = _up(self.precision[0], x.ndim)
        height = weight[..., None] * x[..., None] + offset
        chance = torch.softmax(log + 0.5 * height**2 / total, -1)
        mean = height / total
        estimate = (chance * mean).sum(-1)
        variance = (chance * (1 / total + mean**2)).sum(-1) - estimate**2
        return estimate, variance * weight

    def root(self, bound, given):
        """Own measurement read as `bound`; one differentiated Newton step makes its gradient exact."""
        total, offset, _ = given
        with torch.no_grad():
            each = (bound[..., None] * total - offset) / _up(self.precision[0], total.ndim)
            low, high = each.min(-1).values, each.max(-1).values
            x = 0.5 * (low + high)
            for _ in range(ROOT_STEPS):
                estimate, slope = self.at(x, given)
                gap = estimate - bound
                high, low = torch.where(gap > 0, x, high), torch.where(gap > 0, low, x)
                step = x - gap / slope.clamp(min=1e-300)
                new = torch.where((step > low) & (step < high), step, 0.5 * (low + high))
                moved = (new - x).abs().max()
                x = new
                if moved < 1e-10:
                    break
        estimate, slope = self.at(x, given)
        return x - (estimate - bound) / slope.detach(), slope


def _up(values, ndim):
    """A (n_sets,) tensor with trailing axes, to broadcast against `ndim` dimensions."""
    return values.reshape(-1, *[1] * (ndim - 1))


def blocks_without(own, absent=()):
    """Distinct partitions of the cues that are there, cue `own` first, and which of `partitions(3)` each gathers.

    Returns
    -------
    blocks : list of partitions of the cues (own, others …), numbered in that order
    gather : list of lists of int
        Numbers in `partitions(3)` whose prior probabilities add up to each.
    others : list of int
        The other cues that are there.
    """
    others = [i for i in range(3) if i != own and i not in absent]
    number = {cue: i for i, cue in enumerate([own, *others])}
    found = {}
    for k, parts in enumerate(partitions(3)):
        kept = [tuple(sorted(number[i] for i in block if i in number)) for block in parts]
        found.setdefault(tuple(sorted(b for b in kept if b)), []).append(k)
    return list(found), list(found.values()), others


def nodes(sigma, own, places, rule=exact.STANDARD):
    """Trapezoid nodes for another cue's measurement, (n_sets, n), and their spacing, (n_sets, 1).

    Where cues are fused the root moves by σ_own²/σ² per unit of the other cue: the spacing follows that scale too.
    """
    with torch.no_grad():
        low, high, n = _n_nodes(sigma, own, places, rule)
        unit = torch.linspace(0, 1, n, dtype=torch.float64, device=sigma.device)
        step = (high - low) / (n - 1)
        return low[:, None] + (high - low)[:, None] * unit, step[:, None]


def _n_nodes(sigma, own, places, rule):
    """Ends of the nodes, (n_sets,), and how many there are."""
    fine = sigma
    if own is not None:
        fine = torch.minimum(sigma, sigma**2 / own).clamp(min=0.05 * sigma)
    step = 0.85 * rule.step * fine
    low, high = places.min() - REACH * sigma, places.max() + REACH * sigma
    return low, high, int(torch.ceil(((high - low) / step).max())) + 1


def n_elements(averaged, own, others, rule):
    """Elements that the integrand of `below` has per bound."""
    with torch.no_grad():
        sizes = [_n_nodes(s, averaged.own, p, rule)[2] for s, p in zip(averaged.others, others, strict=True)]
    per_node = max(len(averaged.blocks), len(own))
    return len(averaged.own) * per_node * math.prod(sizes)


def below(averaged, bounds, own, others, density=False, rule=exact.STANDARD):
    """Probability that the averaged estimate lies below each bound, or its density there.

    Parameters
    ----------
    averaged : Averaged
    bounds : tensor, shape (n_bounds,), deg from the prior mean
    own : tensor, shape (n_own,), deg from the prior mean
    others : list of tensors, one per other cue that is there, deg from the prior mean
        Places; every combination is evaluated.
    density : bool
    rule : Quadrature

    Returns
    -------
    below : tensor, shape (n_sets, n_bounds, n_own, *n_others)
    """
    lattice = [nodes(s, averaged.own, p, rule) for s, p in zip(averaged.others, others, strict=True)]
    axes = len(lattice)
    x = [at.reshape(len(at), 1, *[-1 if j == i else 1 for j in range(axes)]) for i, (at, _) in enumerate(lattice)]
    x = list(torch.broadcast_tensors(*x)) if x else []
    given = averaged.given(*x) if x else averaged.given(averaged.own[:, None] * 0.0)
    bound = bounds.reshape(1, -1, *[1] * axes)
    bound = bound + 0.0 * given[2][..., 0]
    given = [v.expand(*bound.shape, v.shape[-1]) for v in given]
    root, slope = averaged.root(bound, given)
    sigma = _up(averaged.own, root.ndim + 1)
    away = root[..., None] - own
    mass = exact.normal_density(away, sigma) / slope[..., None] if density else exact.normal_cdf(away / sigma)
    mass = mass.movedim(-1, 2)  # (n_sets, n_bounds, n_own, *nodes)
    for (at, step), places, sigma in zip(reversed(lattice), reversed(others), reversed(averaged.others), strict=True):
        z = (at[..., None] - places) / sigma[:, None, None]
        weight = torch.exp(-0.5 * z**2) * (step / sigma[:, None])[..., None] / math.sqrt(2 * math.pi)
        weight = weight / weight.sum(1, keepdim=True)
        # contract the last node axis; the place axis that replaces it moves before those contracted already
        mass = torch.einsum("s...n,snp->s...p", mass, weight)
        mass = mass.movedim(-1, 3)
    return mass


def moments(averaged, own, others):
    """Mean and variance of the averaged estimate over all measurements, shape (n_sets, n_own, *n_others)."""
    sds = [averaged.own, *averaged.others]
    grids = [nodes(s, None, p) for s, p in zip(sds, [own, *others], strict=True)]
    k = len(grids)
    x = torch.broadcast_tensors(
        *[at.reshape(len(at), *[-1 if j == i else 1 for j in range(k)]) for i, (at, _) in enumerate(grids)]
    )
    given = averaged.given(*x[1:]) if k > 1 else averaged.given(x[0] * 0.0)
    estimate, _ = averaged.at(x[0], given)
    found = []
    for value in (estimate, estimate**2):
        for (at, step), places, sigma in zip(grids, [own, *others], sds, strict=True):
            z = (at[..., None] - places) / sigma[:, None, None]
            weight = torch.exp(-0.5 * z**2) * (step / sigma[:, None])[..., None] / math.sqrt(2 * math.pi)
            value = torch.einsum("sn...,snp->s...p", value, weight / weight.sum(1, keepdim=True))
        found.append(value)
    return found[0], found[1] - found[0] ** 2
