"""Causal inference of two cues on a grid of places: any prior, noise that depends on the place; torch, float64.

One parameter set at a time. The grid carries log densities, so nothing underflows; its spacing follows the sharpest
posterior, where the trapezoid rule of smooth densities is exact to rounding. Probabilities of reports integrate one cue
by a rule over its measurement and the other in closed form between the roots of "estimate = bound".
"""

from typing import NamedTuple

import numpy as np
import torch

from neuromm.maths import report_probability as exact
from neuromm.maths.expectation import panels
from neuromm.maths.measurement_nodes import check_memory

LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))
REACH = 6.0  # sd on either side that the rules over measurements cover; the mass beyond is 2e-9
NEWTON = 40  # bracketed steps, stopped when none moves


def plateau(place, ratio, eccentricity):
    """Factor on the sensory sd at a place: 1 straight ahead, `ratio` far out, changing around `eccentricity` (deg).

    1 + (ratio − 1)(1 − exp(−½ (place/eccentricity)²)).
    """
    return 1 + (ratio - 1) * (1 - torch.exp(-0.5 * (place / eccentricity) ** 2))


class Grid(NamedTuple):
    """Places, and what is assumed there."""

    place: torch.Tensor  # (n,) deg
    log_prior: torch.Tensor  # (n,) log of prior density × spacing
    own: torch.Tensor  # (n,) sd of the reported cue's measurement of an event there, deg
    other: torch.Tensor  # (n,) of the other cue's
    log_odds: torch.Tensor  # () log prior odds of one cause


def spacing_and_range(sds, prior_sds, middle, reach):
    """Grid of places that resolves every posterior: tensor (n,), and its spacing.

    Parameters
    ----------
    sds : sequence of float
        Least sd of each cue, deg.
    prior_sds : (narrowest, widest) part of the prior, deg
    middle : float
        Where the prior is, deg.
    reach : (low, high)
        Range of measurements that will be asked about, deg.
    """
    narrow = (sum(s**-2 for s in sds) + prior_sds[0] ** -2) ** -0.5
    wide = min(max(sds), prior_sds[1]) if sds else prior_sds[1]
    low, high = min(reach[0], middle) - 7.5 * wide, max(reach[1], middle) + 7.5 * wide
    n = int(np.ceil((high - low) / (0.75 * narrow))) + 1
    if n > 40_000:
        raise ValueError(f"a grid of {n} places would be needed for a posterior of {narrow:.3g} deg; widen the sigmas")
    return torch.linspace(low, high, n, dtype=torch.float64), (high - low) / (n - 1)


def log_normal(x, place, sd):
    """Log density of measurements (…, 1) given places (n,); shape (…, n)."""
    return -0.5 * ((x - place) / sd) ** 2 - torch.log(sd) - LOG_ROOT_2PI


def alone(grid, x, sd=None):
    """Log evidence and posterior mean of one cue by itself at measurements `x`, and its posterior weights."""
    sd = grid.own if sd is None else sd
    log = grid.log_prior + log_normal(x[..., None], grid.place, sd)
    evidence = torch.logsumexp(log, -1)
    weight = torch.exp(log - evidence[..., None])
    return evidence, (weight * grid.place).sum(-1), weight


def infer(grid, x, y):
    """Everything that follows from measurements x of the own cue and y of the other (same shape).

    Returns
    -------
    dict of tensors, shape of x
        alone, fused : estimates under two causes and one, deg; log_odds : posterior log odds of one cause;
        estimate : averaged; slope, log_odds_slope : their derivatives by x.
    """
    own = log_normal(x[..., None], grid.place, grid.own)
    two = grid.log_prior + own
    one = two + log_normal(y[..., None], grid.place, grid.other)
    evidence_one, evidence_own = torch.logsumexp(one, -1), torch.logsumexp(two, -1)
    evidence_other = alone(grid, y, grid.other)[0]
    push = (grid.place - x[..., None]) / grid.own**2  # derivative of the own log likelihood by x
    found = []
    for log, evidence in ((two, evidence_own), (one, evidence_one)):
        weight = torch.exp(log - evidence[..., None])
        mean, mean_push = (weight * grid.place).sum(-1), (weight * push).sum(-1)
        found.append((mean, mean_push, (weight * grid.place * push).sum(-1) - mean * mean_push))
    (m2, push2, slope2), (m1, push1, slope1) = found
    log_odds = grid.log_odds + evidence_one - evidence_own - evidence_other
    q = torch.sigmoid(log_odds)
    rise = push1 - push2
    return {
        "alone": m2, "fused": m1, "log_odds": log_odds, "log_odds_slope": rise, "estimate": m2 + q * (m1 - m2),
        "slope": (1 - q) * slope2 + q * slope1 + q * (1 - q) * (m1 - m2) * rise,
    }  # fmt: skip


def _lattice(grid, places, sd, fine, width=0.5):
    """Measurements from well below to well above the places, no further apart than `width` × fine; tensor (n,)."""
    margin = REACH * float(sd.max())
    low, high = float(places.min()) - margin, float(places.max()) + margin
    n = int(np.ceil((high - low) / (width * fine))) + 1
    return torch.linspace(low, high, max(n, 16), dtype=torch.float64)


def _fine_other(grid, with_own=True):
    """Scale over which the integrand varies with the other cue's measurement, deg."""
    own, other = float(grid.own.min()), float(grid.other.min())
    return max(min(other, other**2 / own), 0.05 * other) if with_own else other


def _roots(function, x, values, targets):
    """Where `values`, known on the lattice x, cross the targets.

    Parameters
    ----------
    function : callable (x (k,), rows (k,)) → value, slope
    x : tensor, shape (n_x,) or (n_rows, n_x)
    values : tensor, shape (n_rows, n_x)
    targets : tensor, shape (n_targets,)

    Returns
    -------
    root : tensor (k,), differentiable; sign : tensor (k,), +1 where values rise; row, target : tensors of int (k,)
    """
    with torch.no_grad():
        above = values[:, None] > targets[:, None]  # (n_rows, n_targets, n_x)
        row, target, cell = torch.nonzero(above[..., 1:] != above[..., :-1], as_tuple=True)
        sign = torch.where(above[row, target, cell + 1], 1.0, -1.0).to(torch.float64)
        x = x.expand(values.shape)
        low, high, goal = x[row, cell], x[row, cell + 1], targets[target]
        before, after = values[row, cell] - goal, values[row, cell + 1] - goal
        at = low - before * (high - low) / (after - before)
        for _ in range(NEWTON if len(row) else 0):
            value, slope = function(at, row)
            gap = (value - goal) * sign
            low, high = torch.where(gap > 0, low, at), torch.where(gap > 0, at, high)
            step = at - gap * sign / torch.where(slope.abs() > 1e-300, slope, torch.inf)
            new = torch.where((step > low) & (step < high), step, 0.5 * (low + high))
            moved, at = (new - at).abs().max(), new
            if moved < 1e-9:
                break
    value, slope = function(at, row)
    return at - (value - targets[target]) / slope.detach(), sign, row, target


def _measured(grid, at, place, sd_of):
    """Probability that an own measurement of an event at `place` lies below; shape (k, n_places)."""
    return exact.normal_cdf((at[:, None] - place) / sd_of)


def below(grid, bounds, own, own_sd, other, other_sd, rule=exact.STANDARD):
    """Probability that the averaged estimate lies below each bound.

    Parameters
    ----------
    grid : Grid
    bounds : tensor, shape (n_bounds,), deg
    own, other : tensor, shape (n_own,), (n_other,), deg
        Places of the two events; every pair is evaluated. `other` of None: the own event is shown alone.
    own_sd, other_sd : tensor, as the places
        Sd of the measurement of an event there, deg.
    rule : Quadrature

    Returns
    -------
    below : tensor, shape (n_bounds, n_own, n_other); (n_bounds, n_own) if alone
    """
    with torch.no_grad():
        x = _lattice(grid, own, own_sd, float(grid.own.min()))
    if other is None:

        def function(at, _row):
            _, mean, weight = alone(grid, at)
            push = (grid.place - at[:, None]) / grid.own**2
            slope = (weight * grid.place * push).sum(-1) - mean * (weight * push).sum(-1)
            return mean, slope

        values = alone(grid, x)[1][None].detach()
        weight = None
    else:
        with torch.no_grad():
            y = _lattice(grid, other, other_sd, _fine_other(grid), rule.step)
            check_memory(len(x) * len(y) * len(grid.place), rule, "a grid of places and measurements")
            pairs = torch.broadcast_tensors(x[None], y[:, None])
            values = infer(grid, *pairs)["estimate"]

        def function(at, row):
            found = infer(grid, at, y[row])
            return found["estimate"], found["slope"]

        z = (y[:, None] - other) / other_sd
        weight = torch.exp(-0.5 * z**2) / other_sd
        weight = weight / weight.sum(0)
    root, sign, row, target = _roots(function, x, values, bounds)
    mass = sign[:, None] * _measured(grid, root, own, own_sd)  # (k, n_own)
    shape = (values.shape[0] * len(bounds), len(own))
    total = torch.zeros(shape, dtype=torch.float64).index_add(0, row * len(bounds) + target, mass)
    total = total.unflatten(0, (values.shape[0], len(bounds)))
    total = total + (values[:, -1:] <= bounds)[..., None]  # what lies above the last crossing
    return total[0] if weight is None else torch.einsum("ybo,yt->bot", total, weight)


def unity(grid, own, own_sd, other, other_sd, rule=exact.STANDARD):
    """Probability that one cause is the more probable one, shape (n_own, n_other).

    Given the other measurement, the own ones judged common are intervals; the rule over the other cue is cut where an
    interval opens or closes, because the probability begins there with a square root.
    """
    with torch.no_grad():
        x = _lattice(grid, own, own_sd, float(grid.own.min()))
        y = _lattice(grid, other, other_sd, float(grid.other.min()), 0.5)
        check_memory(len(x) * len(y) * len(grid.place), rule, "a grid of places and measurements")
        cuts = torch.cat([y[:1], _openings(grid, x, y), y[-1:]])
        fine = 2.0 * min(_fine_other(grid), float(grid.own.min()))  # an interval's ends move with the other cue
        even = np.arange(float(y[0]), float(y[-1]), fine)
        ends = np.unique(np.concatenate([cuts.numpy(), even]))
        check_memory(len(x) * 12 * len(ends) * len(grid.place), rule, "a grid of places and measurements")
        nodes, weights = (torch.as_tensor(v) for v in panels(ends, 12, soften=True))
        pairs = torch.broadcast_tensors(x[None], nodes[:, None])
        values = infer(grid, *pairs)["log_odds"]
        top = _peak(x, values)[0]  # so that an interval narrower than the lattice is seen
        x, order = torch.sort(torch.cat([pairs[0], top[:, None]], 1), 1)
        values = torch.cat([values, infer(grid, top, nodes)["log_odds"][:, None]], 1).gather(1, order)

    def function(at, row):
        found = infer(grid, at, nodes[row])
        return found["log_odds"], found["log_odds_slope"]

    root, sign, row, _ = _roots(function, x, values, torch.zeros(1, dtype=torch.float64))
    mass = -sign[:, None] * _measured(grid, root, own, own_sd)
    total = torch.zeros((len(nodes), len(own)), dtype=torch.float64).index_add(0, row, mass)
    total = total + (values[:, -1:] > 0)
    z = (nodes[:, None] - other) / other_sd
    density = torch.exp(-0.5 * z**2) / other_sd / np.sqrt(2 * np.pi) * weights[:, None]
    return torch.einsum("yo,yt->ot", total, density)


def _openings(grid, x, y, n_steps=36):
    """Other measurements at which some own measurement begins or ceases to be judged common."""

    def peak(at):
        return _peak(x, infer(grid, *torch.broadcast_tensors(x[None], at[:, None]))["log_odds"])[1]

    positive = peak(y) > 0
    cells = torch.nonzero(positive[1:] != positive[:-1])[:, 0]
    low, high, rises = y[cells].clone(), y[cells + 1].clone(), positive[cells + 1]
    for _ in range(n_steps if len(cells) else 0):
        middle = 0.5 * (low + high)
        beyond = (peak(middle) > 0) == rises
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return 0.5 * (low + high)


def _peak(x, values):
    """Where each row of `values` over the lattice x is greatest, and how great, by a parabola through three values."""
    i = values.argmax(1).clamp(1, len(x) - 2)
    a, b, c = (values.gather(1, (i + k)[:, None])[:, 0] for k in (-1, 0, 1))
    bend = a - 2 * b + c
    shift = torch.where(bend < 0, 0.5 * (a - c) / bend, 0.0).clamp(-1, 1)
    best = torch.where(bend < 0, b - 0.25 * (a - c) * shift, torch.maximum(torch.maximum(a, b), c))
    return x[i] + shift * (x[1] - x[0]), best


def moments(grid, own, own_sd, other, other_sd):
    """Mean, sd of the averaged estimate and mean posterior of one cause, each (n_own, n_other); (n_own,) if alone."""
    with torch.no_grad():
        x = _lattice(grid, own, own_sd, float(grid.own.min()), 0.3)
        own_weight = torch.exp(-0.5 * ((x[:, None] - own) / own_sd) ** 2) / own_sd
        own_weight = own_weight / own_weight.sum(0)
        if other is None:
            estimate = alone(grid, x)[1]
            mean = (estimate[:, None] * own_weight).sum(0)
            square = (estimate[:, None] ** 2 * own_weight).sum(0)
            return mean, torch.sqrt((square - mean**2).clamp(min=0.0)), torch.full_like(mean, torch.nan)
        y = _lattice(grid, other, other_sd, float(grid.other.min()), 0.3)
        found = infer(grid, *torch.broadcast_tensors(x[None], y[:, None]))
        weight = torch.exp(-0.5 * ((y[:, None] - other) / other_sd) ** 2) / other_sd
        weight = weight / weight.sum(0)
        mean, square, posterior = (
            torch.einsum("yx,xo,yt->ot", v, own_weight, weight)
            for v in (found["estimate"], found["estimate"] ** 2, torch.sigmoid(found["log_odds"]))
        )
        return mean, torch.sqrt((square - mean**2).clamp(min=0.0)), posterior
