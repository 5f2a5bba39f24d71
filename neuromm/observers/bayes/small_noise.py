"""Likelihood where a noise is small beside the span of places and answers, or many answers meet motor noise.

The rules of `location_likelihood` share nodes between conditions, which pays while every noise is of the order of the
distances between places. Here each condition has nodes of its own, whose number does not grow as a noise goes to 0.
"""

from dataclasses import replace
from functools import partial

import torch
from torch.utils.checkpoint import checkpoint

from neuromm.maths import motor_noise
from neuromm.maths import report_probability as exact
from neuromm.maths.measurement_nodes import BYTES, MOST_TANH, N_GAUSS

MOST_SPAN = 60.0  # span of places in units of the smaller SD, up to which conditions share nodes
MOST_SHARED = 400  # values of the estimate at which the motor noise of all answers is folded in
REACH = 6.0  # SDs of the other cue on either side; the mass beyond is 2e-9
NEGLIGIBLE = 1e-6  # motor noise over the estimate's scale, below which it is none
PER_NOISY = {"averaging": 8_000, "selection": 50_000, "matching": 10_000}  # elements per value
SHARED, NOISELESS, SHIFTED, INTEGRATED = range(4)  # how a parameter set is evaluated


def methods(group, parameters):
    """How each parameter set is evaluated: tensor of int, shape (n_sets,)."""
    with torch.no_grad():
        cues = group._cues(parameters)
        own, other = cues.own[:, 0, 0], cues.other[:, 0, 0]
        ends = torch.stack([*group.grid_own.aminmax(), *group.grid_other.aminmax()])
        span = torch.maximum(ends[1] - ends[0], ends[3] - ends[2])
        sharp = (span > MOST_SPAN * torch.minimum(own, other)) | (own > MOST_TANH * other)
        found = torch.where(sharp, NOISELESS, SHARED)
        motor = parameters["sigma_motor"]
        if group.report == "common" or not (motor > 0).any():
            return found
        fine = group._fine(parameters, cues)
        kind = torch.where(motor > motor_noise.SMALL * fine, INTEGRATED, SHIFTED)
        crowded = group.n_motor_nodes(motor, fine) > MOST_SHARED
        found = torch.where(sharp | crowded, kind, SHARED)
        return torch.where(motor > NEGLIGIBLE * fine, found, NOISELESS)


def by_method(group, parameters, evaluate):
    """`evaluate(parameters, method)` (n_some, …) for the sets of each method, in the order of the sets."""
    method = group.methods(parameters)
    kinds = method.unique().tolist()
    if len(kinds) == 1:
        return evaluate(parameters, kinds[0])
    places, found = [], []
    for kind in kinds:
        at = torch.nonzero(method == kind)[:, 0]
        places.append(at)
        found.append(evaluate({name: value[at] for name, value in parameters.items()}, kind))
    return torch.cat(found)[torch.argsort(torch.cat(places))]


def in_parts(function, inputs, per_value, rule, axis=-1):
    """`function(*inputs)` in parts of the inputs' last axis, joined along `axis`, that fit in `rule.memory`.

    Parts are computed again for the gradient, so that one at a time is held.

    Parameters
    ----------
    function : callable
    inputs : tuple of tensors, shape (…, n)
    per_value : float
        Elements of the integrand per value of the last axis, parameter sets included.
    rule : Quadrature
    """
    n = inputs[0].shape[-1]
    size = max(1, int(rule.memory * 1e9 / BYTES / per_value))
    if size >= n:
        return function(*inputs)
    parts = []
    for start in range(0, n, size):
        some = [values[..., start : start + size] for values in inputs]
        if torch.is_grad_enabled():
            part = checkpoint(function, *some, use_reentrant=False, preserve_rng_state=False)
        else:
            part = function(*some)
        parts.append(part)
    return torch.cat(parts, axis)


def n_nodes(group, cues, rule, span=0.0):
    """Elements of an integrand per value of the estimate, at most; `span` of the places that share nodes, deg."""
    with torch.no_grad():
        own, other = cues.own[:, 0, 0], cues.other[:, 0, 0]
        ratio = (own / other).clamp(min=1.0)
        core = 6 + 0.5 * span / own
        tanh = 0.75 * core * torch.sqrt(ratio - 1)
        shift = torch.where(ratio > MOST_TANH, core * torch.log(2 * ratio), tanh).max()
        width = float((span / other).max() + 2 * (rule.reach + shift))
    inner = 1
    if group.read_out == "selection":
        nodes = (width / rule.panel + 20) * N_GAUSS
    else:
        nodes = width / rule.step
    if group.read_out == "matching":
        nodes = nodes / 0.7
        with torch.no_grad():
            range_of_own = 12 + float((span / own).max())
        inner = rule.inner * min(32 + 1.4 * range_of_own, 160)
    return max(1, int(len(own) * nodes * inner))


def unity(group, parameters, rule):
    """Probability of "one cause" of each pair of places, (n_sets, n_pairs)."""
    function = exact.unity_matched if group.read_out == "matching" else exact.unity_judged
    cues, rule = group._cues(parameters), wide(rule)
    judged = partial(function, cues, paired=True, rule=rule)
    places = group.pair_own, group.pair_other
    return in_parts(judged, places, n_nodes(group, cues, rule), rule)


def below_keys(group, parameters, method, rule):
    """Probability that the report lies below each bound between keys, (n_sets, n_bounds, n_pairs)."""
    bounds = group._unbiased(group.bounds, parameters)
    n = bounds.shape[-1]
    pair = torch.arange(group.n_pairs, device=bounds.device).repeat(n)
    at = bounds.repeat_interleave(group.n_pairs, -1)
    return _report(group, parameters, at, pair, method, rule, False).unflatten(-1, (n, -1))


def density(group, parameters, method, rule):
    """Density of each continuous report, (n_sets, n_rows), 1/deg."""
    answer = group._unbiased(group.answer, parameters)
    return _report(group, parameters, answer, group.pair, method, rule, True)


def _report(group, parameters, at, pair, method, rule, is_density):
    """Distribution function or density of reports at values (n_sets or 1, n), each with its pair of places (n,)."""
    rule = wide(rule)
    motor = parameters["sigma_motor"]
    if method == INTEGRATED:
        noisy = group.report_with_noise(parameters, is_density, rule)
        return in_parts(noisy, (at, pair), len(motor) * PER_NOISY[group.read_out], rule)
    estimate = group.estimate_below(parameters, rule)
    per_value = group.elements(parameters, rule)
    if is_density:
        fine = group._fine(parameters, group._cues(parameters)).detach()
        estimate = group.estimate_density(parameters, fine, rule)
    if method == NOISELESS:
        return in_parts(estimate, (at, pair), per_value, rule)

    def shifted(at, pair):
        nodes, weight = motor_noise.hermite_nodes(at, motor)
        k = nodes.shape[-1]
        return estimate(nodes.flatten(1), pair.repeat_interleave(k)).unflatten(-1, (-1, k)) @ weight

    return in_parts(shifted, (at, pair), motor_noise.HERMITE * per_value, rule)


def wide(rule):
    """The rule with a reach that conditions need which do not share nodes."""
    return replace(rule, reach=max(rule.reach, REACH))
