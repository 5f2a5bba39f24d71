"""The likelihood plan, the predictions and the percepts of the grid observer: its fields made into a `Grid`."""

from dataclasses import fields, replace
from functools import partial

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from neuromm.maths import grid_inference as exact
from neuromm.maths.grid_inference import Grid
from neuromm.maths.measurement_nodes import TooLarge
from neuromm.maths.motor_noise import SMALL
from neuromm.observers.bayes import small_noise
from neuromm.observers.bayes.location_likelihood import Group


def numbers(observer):
    """The numeric fields as tensors of one parameter set, shape ()."""
    values = {f.name: getattr(observer, f.name) for f in fields(observer)}
    return {k: torch.tensor(float(v), dtype=torch.float64) for k, v in values.items() if isinstance(v, int | float)}


def make_grid(observer, p, own, other, scale, both, reach):
    """`Grid` of one parameter set.

    Parameters
    ----------
    observer : GridCausalInference
    p : dict of tensors, shape ()
    own, other : "auditory" or "visual"
    scale : (own, other)
        1/√reliability.
    both : bool
        Whether both events are shown.
    reach : (low, high)
        Least and greatest place asked about, deg.
    """
    with torch.no_grad():
        company = float(p["bisensory"]) if both else 1.0
        ratio = {c: (min(1.0, float(p[f"periphery_{c}"])), max(1.0, float(p[f"periphery_{c}"]))) for c in (own, other)}
        sds = [float(p[f"sigma_{c}"]) * k * company for c, k in zip((own, other), scale, strict=True)]
        shown = [own, other] if both else [own]
        least = [s * ratio[c][0] for s, c in zip(sds, shown, strict=False)]
        greatest = [s * ratio[c][1] for s, c in zip(sds, shown, strict=False)]
        narrow, wide, middle = _prior_extent(observer, p)
        margin = exact.REACH * max(greatest)
        place, step = exact.spacing_and_range(
            least, (narrow, max(wide, max(greatest))), middle, (reach[0] - margin, reach[1] + margin)
        )
        if observer.prior == "table":  # no mass outside the knots, and knots between nodes: a fine grid of its own
            knots = np.array(observer.knots)[:, 0]
            n = max(int((knots[-1] - knots[0]) / (0.1 * min(least))), 200) + 1
            place = torch.linspace(knots[0], knots[-1], n, dtype=torch.float64)
            step = float(place[1] - place[0])
    growth = {c: exact.plateau(place, p[f"periphery_{c}"], p["eccentricity"]) for c in (own, other)}
    company = p["bisensory"] if both else 1.0
    own_sd, other_sd = (p[f"sigma_{c}"] * k * company * growth[c] for c, k in zip((own, other), scale, strict=True))
    odds = p["p_common"].clamp(1e-12, 1 - 1e-12)
    log_odds = torch.log(odds) - torch.log1p(-odds)
    return Grid(place, _log_prior(observer, p, place) + np.log(step), own_sd, other_sd, log_odds)


def _prior_extent(observer, p):
    if observer.prior == "table":
        places = np.array(observer.knots)[:, 0]
        return float(np.ptp(places)), float(np.ptp(places)), float(places.mean())
    wide, middle = float(p["sigma_prior"]), float(p["mu_prior"])
    narrow = min(wide, float(p["sigma_peak"])) if observer.prior == "peaked" else wide
    return narrow, wide, middle


def _log_prior(observer, p, place):
    """Log density of the prior at the places of the grid, normalised."""
    tails = exact.log_normal(place[:, None], p["mu_prior"][None], p["sigma_prior"])[:, 0]
    if observer.prior == "gaussian":
        return tails
    if observer.prior == "peaked":
        peak = exact.log_normal(place[:, None], p["mu_prior"][None], p["sigma_peak"])[:, 0]
        share = p["peak"].clamp(1e-12, 1 - 1e-12)
        return torch.logaddexp(torch.log(share) + peak, torch.log1p(-share) + tails)
    at, density = np.array(observer.knots, float).T
    values = np.interp(place.numpy(), at, density)
    values[[0, -1]] *= 0.5  # ends of the trapezoid rule
    step = float(place[1] - place[0])
    return torch.log(torch.as_tensor(values / (values.sum() * step)).clamp(min=1e-300))


def event_sd(p, cue, scale, both, place):
    """Sd of the measurement of events at `place` (tensor), deg."""
    factor = p["bisensory"] if both else 1.0
    return p[f"sigma_{cue}"] * scale * factor * exact.plateau(place, p[f"periphery_{cue}"], p["eccentricity"])


def at_measurements(observer, x, scale):
    """Estimates and odds of presentations from their measurements (numpy).

    Parameters
    ----------
    x : array, shape (n, 2), deg
        Auditory and visual measurement; NaN = absent.
    scale : array, shape (n, 2)
        1/√reliability.

    Returns
    -------
    dict: segregated (n, 2), fused (n,), log_odds (n,), log_bayes_factor (n,), estimate (n, 2)
    """
    p, n = numbers(observer), len(x)
    prior = float(
        torch.log(p["p_common"].clamp(1e-12, 1 - 1e-12)) - torch.log1p(-p["p_common"].clamp(1e-12, 1 - 1e-12))
    )
    out = {k: np.full((n, 2) if k in ("segregated", "estimate") else n, observer.mu_prior, float)
           for k in ("segregated", "estimate", "fused")}  # fmt: skip
    out["log_odds"], out["log_bayes_factor"] = np.full(n, prior), np.zeros(n)
    absent = np.isnan(x)
    kinds, of = np.unique(np.column_stack([absent, np.where(absent, 1.0, scale)]), axis=0, return_inverse=True)
    for i, (no_a, no_v, scale_a, scale_v) in enumerate(kinds):
        rows = np.flatnonzero(of.ravel() == i)
        if no_a and no_v:
            continue
        both = not (no_a or no_v)
        for k, (own, other) in enumerate((("auditory", "visual"), ("visual", "auditory"))):
            if absent[rows[0], k]:
                continue
            scales = (scale_a, scale_v)[:: 1 if k == 0 else -1]
            reach = np.nanmin(x[rows]), np.nanmax(x[rows])
            grid = make_grid(observer, p, own, other, scales, both, reach)
            for some in np.array_split(rows, max(1, len(rows) * len(grid.place) // 2_000_000)):
                with torch.no_grad():
                    own_x = torch.as_tensor(x[some, k])
                    if not both:
                        out["segregated"][some, k] = out["estimate"][some, k] = exact.alone(grid, own_x)[1].numpy()
                        out["fused"][some] = out["estimate"][some, k]
                        continue
                    found = exact.infer(grid, own_x, torch.as_tensor(x[some, 1 - k]))
                out["segregated"][some, k], out["estimate"][some, k] = found["alone"], found["estimate"]
                out["fused"][some], out["log_odds"][some] = found["fused"], found["log_odds"]
                out["log_bayes_factor"][some] = found["log_odds"].numpy() - prior
    return out


def _distinct(observer, arguments):
    """(rows, places, sds, grid) for rows of `arguments` that share modalities and reliabilities."""
    own, other, own_sigma, other_sigma, *_, name, second, both = arguments
    n = len(own)
    table = np.column_stack(np.broadcast_arrays(own_sigma, other_sigma, both, np.zeros(n))[:3])
    p = numbers(observer)
    for kind in np.unique(table, axis=0):
        rows = np.flatnonzero((table == kind).all(1))
        pair = bool(kind[2])
        scale = (kind[0] / getattr(observer, f"sigma_{name}"), kind[1] / getattr(observer, f"sigma_{second}"))
        places = own[rows], other[rows]
        ends = np.concatenate(places) if pair else places[0]
        grid = make_grid(observer, p, name, second, scale, pair, (ends.min(), ends.max()))
        unique = [np.unique(v, return_inverse=True) for v in places]
        at = [torch.as_tensor(v) for v, _ in unique]
        sds = [event_sd(p, c, k, pair, v) for c, k, v in zip((name, second), scale, at, strict=True)]
        yield rows, grid, at, sds, [index for _, index in unique], pair


def moments(observer, arguments):
    """What `neuromm.maths.expectation.expect` gives, for the grid: mean, sd, common, posterior of each row."""
    n = len(arguments[0])
    out = {k: np.full(n, np.nan) for k in ("mean", "sd", "common", "posterior")}
    for rows, grid, at, sds, (i, j), pair in _distinct(observer, arguments):
        second = (at[1], sds[1]) if pair else (None, None)
        found = [v.numpy() for v in exact.moments(grid, at[0], sds[0], *second)]
        for name, value in zip(("mean", "sd", "posterior"), found, strict=True):
            out[name][rows] = value[i, j] if pair else value[i]
        if pair:
            with torch.no_grad():
                out["common"][rows] = exact.unity(grid, at[0], sds[0], at[1], sds[1]).numpy()[i, j]
    return out


def below(observer, bounds, arguments):
    """Probability that the estimate of each row lies below each bound, (n, n_bounds)."""
    out = np.empty((len(arguments[0]), len(bounds)))
    bounds = torch.as_tensor(np.asarray(bounds, float))
    for rows, grid, at, sds, (i, j), pair in _distinct(observer, arguments):
        second = (at[1], sds[1]) if pair else (None, None)
        with torch.no_grad():
            found = exact.below(grid, bounds, at[0], sds[0], *second).numpy()
        out[rows] = (found[:, i, j] if pair else found[:, i]).T
    return out


class GridGroup(Group):
    """Rows that differ in place and answer only; one grid per parameter set."""

    def __init__(self, observer, *arguments):
        super().__init__(*arguments)
        self.observer = observer

    def prepare(self, read_out, prior, device):
        """As `Group.prepare`; all pairs of places are evaluated, the parameter sets one after the other."""
        super().prepare(read_out, prior, device)
        self.paired = False
        self.effort = 40_000

    def _normal(self, parameters, prior_common=None):
        return None

    def _cues(self, parameters):
        return parameters

    def _fine(self, parameters, cues):
        own, other = self._sigmas(parameters)
        precision = own**-2 + parameters["sigma_prior"] ** -2 + (0.0 if other is None else other**-2)
        return torch.minimum(own**-1 / precision, own * 0 + precision**-0.5)

    def _setting(self, parameters, i):
        """One parameter set: its grid, and the sds of the events that are shown."""
        p = {k: v[i] for k, v in parameters.items()}
        ends = torch.cat([self.grid_own, self.grid_other]) if self.both else self.grid_own
        reach = float(ends.min()), float(ends.max())
        grid = make_grid(self.observer, p, self.own.modality, self.other.modality, self.scale, self.both, reach)
        own_sd = event_sd(p, self.own.modality, self.scale[0], self.both, self.grid_own)
        other_sd = event_sd(p, self.other.modality, self.scale[1], self.both, self.grid_other) if self.both else None
        return grid, self.grid_own, own_sd, self.grid_other if self.both else None, other_sd

    def _unity(self, parameters, rule):
        found = []
        for i in range(len(parameters["lapse"])):
            setting = self._setting(parameters, i)
            found.append(self._alone_if_large(partial(exact.unity, *setting), rule))
        return torch.stack(found).flatten(-2)[:, self.in_grid]

    def _below(self, parameters, rule):
        return partial(exact.below, rule=rule)

    def _of_pairs(self, function, cues, rule, *bounds):
        """Probabilities of the pairs of places that occur: (n_sets, n_bounds, n_pairs)."""
        return small_noise.in_parts(partial(self._product, function, cues), bounds, self.elements(cues, rule), rule, 1)

    def _product(self, function, cues, bounds):
        found = []
        for i in range(len(cues["lapse"])):
            grid, *rest = self._setting(cues, i)
            one = partial(self._below_one, grid, bounds[min(i, len(bounds) - 1)], *rest)
            value = self._alone_if_large(one, function.keywords["rule"])
            found.append(value if self.both else value[..., None])
        return torch.stack(found).flatten(-2)[..., self.in_grid]

    def _below_one(self, *arguments, rule):
        return exact.below(*arguments, rule=rule)

    def _alone_if_large(self, function, rule):
        """`function(rule=rule)`; if its share of the memory is too small, computed again for the gradient."""
        try:
            return function(rule=rule)
        except TooLarge:
            whole = replace(rule, memory=rule.memory * self.n_groups)
            if torch.is_grad_enabled():
                return checkpoint(function, rule=whole, use_reentrant=False, preserve_rng_state=False)
            return function(rule=whole)

    def methods(self, parameters):
        """How each parameter set is evaluated: see `small_noise`."""
        motor = parameters["sigma_motor"].detach()
        fine = self._fine(parameters, None).detach()
        if self.report == "common" or not (motor > 0).any():
            return torch.full_like(motor, small_noise.SHARED, dtype=torch.long)
        crowded = self.n_motor_nodes(motor, fine) > small_noise.MOST_SHARED
        found = torch.where(crowded & (motor <= SMALL * fine), small_noise.SHIFTED, small_noise.SHARED)
        return torch.where(motor > small_noise.NEGLIGIBLE * fine, found, small_noise.NOISELESS)

    def elements(self, parameters, rule):
        """Elements of an integrand per value of the estimate, parameter sets included."""
        return 80_000 * len(parameters["lapse"])

    def estimate_below(self, parameters, rule):
        """Function (values (n_sets, n), pairs (n,)) → probability that the estimate is below, (n_sets, n)."""

        def of_pairs(at, pair):
            found = self._product(self._below(parameters, rule), parameters, at)  # (n_sets, n, n_pairs)
            return found[:, torch.arange(len(pair)), pair]

        return of_pairs

    def estimate_density(self, parameters, fine, rule):
        """As `estimate_below`, its density from the slope of the distribution function, 1/deg."""
        below, step = self.estimate_below(parameters, rule), 0.05 * fine[:, None]

        def of_pairs(at, pair):
            rise = [below(at + k * step, pair) - below(at - k * step, pair) for k in (1, 2)]
            return (8 * rise[0] - rise[1]) / (12 * step)

        return of_pairs
