"""The likelihood plan of audiovisual place: which exact probability answers which kind of row.

Rows are grouped by question, modalities, reliabilities and keys; within a group only the places differ, and
one call of `neuromm.maths.report_probability` serves them all. One event, fusion and segregation are normal.
"""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from neuromm.maths import motor_noise
from neuromm.maths import report_probability as exact
from neuromm.observers.bayes import small_noise
from neuromm.observers.choices import LAPSE_RANGE
from neuromm.stimuli.alternatives import number_offers

LEAST_SIGMA = 1e-6  # deg: an SD below counts as this one, where densities are exact to 1e-4
LEAST = 1e-12  # least probability or density of an answer: quadrature errors are of this order or above


def plan(observer, cells, device, kind=None):
    """`evaluate(parameters, rule)` gives log probabilities (n_sets, n_cells) of distinct rows; and its size per set.

    `parameters` maps every numeric field of the observer to a tensor of shape (n_sets,). `kind` is the class of
    groups, for observers that follow another rule.
    """
    read_out, prior = observer.read_out, getattr(observer, "p_common", None)
    prior = observer.prior_common if prior is None else None  # None: a parameter; 0 or 1: segregation, fusion
    groups, positions, effort = [], [], 1
    for rows, group in _groups(observer, cells, kind or Group):
        group.prepare(read_out, prior, device)
        groups.append(group)
        positions.append(rows)
        effort = max(effort, group.effort)
    order = torch.as_tensor(np.argsort(np.concatenate(positions)), device=device)
    for group in groups:
        group.n_groups = len(groups)

    def evaluate(parameters, rule=exact.STANDARD):
        rule = replace(rule, memory=rule.memory / len(groups))  # what they hold for the gradient adds up
        parameters = {"sigma_motor": 0.0 * parameters["lapse"], **parameters}  # counts have no motor noise
        return torch.cat([group.log_probability(parameters, rule) for group in groups], -1)[:, order]

    return evaluate, effort


def _groups(observer, cells, kind):
    """(row numbers, Group) for rows that share question, cues, reliabilities and alternatives."""
    observer.check_trials(cells)
    first, second = observer.cues
    place = {cue: cue.values(cells) for cue in observer.cues}
    reliability = {cue: cue.sigmas(cells, 1.0) ** -2 for cue in observer.cues}
    report = cells["report"].to_numpy(object)
    table = pd.DataFrame({
        "report": report, "offer": 0,
        "a": np.isnan(place[first]), "v": np.isnan(place[second]),
        "ra": np.where(np.isnan(place[first]), 1.0, reliability[first]),
        "rv": np.where(np.isnan(place[second]), 1.0, reliability[second]),
    })  # fmt: skip
    response = cells["response"].to_numpy(float).copy()
    numbers_of = [None]
    offering = observer.with_alternatives(cells)
    for numbers, offer in number_offers(offering, observer.name, report != "common"):
        table.loc[offer.rows, "offer"] = len(numbers_of)
        numbers_of.append(numbers)
        if offer.is_sides:  # right is 1 and left 0 in the table, 1 and -1 on the line
            response[offer.rows] = 2 * response[offer.rows] - 1
    for (asked, number, *_), rows in table.groupby(list(table.columns), sort=False).indices.items():
        own, other = observer.own_and_other(asked)
        both = not (np.isnan(place[own][rows[0]]) or np.isnan(place[other][rows[0]]))
        if asked == "common" and not both:
            raise ValueError(
                f"{observer.name}: 'response' answers 'common' where one event is shown; drop those rows"
            )
        yield rows, kind(
            asked, numbers_of[number], own, other, both, reliability[own][rows[0]], reliability[other][rows[0]],
            place[own][rows], place[other][rows], response[rows],
        )  # fmt: skip


class Group:
    """Rows that differ in place and answer only; `own` is the cue that is asked about."""

    def __init__(self, report, keys, own, other, both, own_reliability, other_reliability, own_at, other_at, response):
        self.report, self.keys, self.own, self.other, self.both = report, keys, own, other, both
        self.scale = 1 / math.sqrt(own_reliability), 1 / math.sqrt(other_reliability)
        self.own_at, self.other_at, self.response = own_at, other_at, response

    def prepare(self, read_out, prior, device):
        """Index the distinct places, and choose between all pairs of places and the pairs that occur."""
        self.read_out, self.prior = read_out, prior

        def tensor(x):
            return torch.as_tensor(np.asarray(x), device=device)

        own, i = np.unique(self.own_at, return_inverse=True)
        other, j = np.unique(np.where(self.both, self.other_at, 0.0), return_inverse=True)
        pairs, pair = np.unique(np.stack([i, j]), axis=1, return_inverse=True)
        self.paired = pairs.shape[1] < 0.3 * len(own) * len(other) and pairs.shape[1] > 4
        self.pair = tensor(pair.ravel())
        self.n_pairs = pairs.shape[1]
        self.pair_own, self.pair_other = tensor(own[pairs[0]]), tensor(other[pairs[1]])
        self.grid_own, self.grid_other = tensor(own), tensor(other)
        self.in_grid = tensor(pairs[0] * len(other) + pairs[1])
        self.answer = tensor(self.response)
        n_bounds = 1
        if self.keys is not None:
            key = np.searchsorted(self.keys, self.response)
            self.key = tensor(key)
            self.bounds = tensor((self.keys[1:] + self.keys[:-1]) / 2)
            n_bounds = len(self.bounds)
        elif self.report != "common":
            n_bounds = 60
        places = self.n_pairs if self.paired else len(own)
        self.effort = 100 * n_bounds * places * (8 if read_out == "matching" else 1)

    def log_probability(self, parameters, rule=exact.STANDARD):
        """Log probability (density if continuous) of each row, shape (n_sets, n_rows)."""
        lapse = parameters["lapse"][:, None]
        if self.report == "common":
            p = self._unity(parameters, rule)[:, self.pair]
            p = torch.where(self.answer > 0.5, p, 1 - p)
            return torch.log((1 - lapse) * p.clamp(min=LEAST) + lapse / 2)
        if self.keys is not None:
            below = self._below_keys(parameters, rule)  # (n_sets, n_bounds, n_pairs)
            edge = torch.zeros_like(below[:, :1])
            p = torch.cat([edge, below, 1 + edge], 1).diff(dim=1)[:, self.key, self.pair]
            return torch.log((1 - lapse) * p.clamp(min=LEAST) + lapse / len(self.keys))
        density = self._density(parameters, rule).clamp(min=LEAST)
        inside = (self.answer.abs() <= LAPSE_RANGE) / (2 * LAPSE_RANGE)
        return torch.log((1 - lapse) * density + lapse * inside)

    # -- the three kinds of answer ------------------------------------------------------------------------

    def _sigmas(self, parameters):
        own = (parameters[self.own.sigma_field] * self.scale[0]).clamp(min=LEAST_SIGMA)
        if not self.both:
            return own, None
        return own, (parameters[self.other.sigma_field] * self.scale[1]).clamp(min=LEAST_SIGMA)

    def _normal(self, parameters, prior_common=None):
        """Mean and sd of the estimate where it is linear in the cues, (n_sets, n_pairs) and (n_sets, 1); else None.

        `prior_common`: 1 for fusion, 0 for segregation; the observer's own by default.
        """
        if prior_common is None:
            prior_common = self.prior
        if self.both and prior_common is None:
            return None
        own, other = self._sigmas(parameters)
        mu, prior = parameters["mu_prior"][:, None], parameters["sigma_prior"][:, None] ** -2
        own = own[:, None]
        fused = self.both and prior_common == 1.0
        precision = own**-2 + prior + (other[:, None] ** -2 if fused else 0.0)
        mean = mu + own**-2 / precision * (self.pair_own - mu)
        variance = (own**-1 / precision) ** 2
        if fused:
            mean = mean + other[:, None] ** -2 / precision * (self.pair_other - mu)
            variance = variance + (other[:, None] ** -1 / precision) ** 2
        return mean, torch.sqrt(variance + parameters["sigma_motor"][:, None] ** 2)

    def _unbiased(self, values, parameters):
        """Bounds or answers before the bias of the response: (n_sets, n), or (1, n) where no set has one."""
        bias = parameters.get("response_bias")
        if bias is None or not (bias.requires_grad or (bias != 0).any()):
            return values[None]
        return values - bias[:, None]

    def _cues(self, parameters):
        own, other = self._sigmas(parameters)
        prior = parameters["p_common"].clamp(1e-12, 1 - 1e-12)
        return exact.cues(own, other, parameters["sigma_prior"], prior, parameters["mu_prior"])

    def _unity(self, parameters, rule):
        if self.prior is not None:
            return torch.full_like(parameters["lapse"], self.prior)[:, None].expand(-1, self.n_pairs)
        function = exact.unity_matched if self.read_out == "matching" else exact.unity_judged

        def evaluate(parameters, method):
            if method != small_noise.SHARED:
                return small_noise.unity(self, parameters, rule)
            return self._of_pairs(partial(function, rule=rule), self._cues(parameters), rule)

        return small_noise.by_method(self, parameters, evaluate)

    def _of_pairs(self, function, cues, rule, *bounds):
        """Call for the pairs of places that occur; the last axis is the pair: (n_sets, n_bounds, n_pairs)."""
        if not self.paired:

            def product(*bounds):
                return function(cues, *bounds, self.grid_own, self.grid_other).flatten(-2)[..., self.in_grid]

            if not bounds:
                return product()
            span = self.grid_own.max() - self.grid_own.min(), self.grid_other.max() - self.grid_other.min()
            each = small_noise.n_nodes(self, cues, rule, max(span)) * len(self.grid_own)
            return small_noise.in_parts(product, bounds, each, rule, axis=1)
        each = small_noise.n_nodes(self, cues, rule)
        if not bounds:
            places = self.pair_own, self.pair_other
            return small_noise.in_parts(partial(function, cues, paired=True), places, each, rule)
        n = bounds[0].shape[-1]
        inputs = bounds[0].repeat_interleave(self.n_pairs, -1), self.pair_own.repeat(n), self.pair_other.repeat(n)
        return small_noise.in_parts(partial(function, cues, paired=True), inputs, each, rule).unflatten(-1, (n, -1))

    def _below(self, parameters, rule):
        """Function (cues, bounds, own, other, paired) → probability that the estimate is below each bound."""
        return partial(exact.BELOW[self.read_out], rule=rule)

    def _below_keys(self, parameters, rule):
        """Probability that the report, motor noise included, lies below each bound between keys."""
        normal, bounds = self._normal(parameters), self._unbiased(self.bounds, parameters)
        if normal is not None:
            mean, sd = normal
            return exact.normal_cdf((bounds[..., None] - mean[:, None]) / sd[:, None])

        def evaluate(parameters, method):
            if method != small_noise.SHARED:
                return small_noise.below_keys(self, parameters, method, rule)
            return self._shared_below_keys(parameters, rule)

        return small_noise.by_method(self, parameters, evaluate)

    def _shared_below_keys(self, parameters, rule):
        """`_below_keys` from nodes that all conditions share."""
        bounds = self._unbiased(self.bounds, parameters)
        below, cues = self._below(parameters, rule), self._cues(parameters)
        motor = parameters["sigma_motor"]
        if not (motor > 0).any():
            return self._of_pairs(below, cues, rule, bounds)
        grid, step, local = self._motor_grid(parameters, cues, bounds)
        inner = self._of_pairs(below, cues, rule, grid)  # (n_sets, n_grid, n_pairs)
        motor = motor.clamp(min=1e-6)
        if local:
            away = grid.unflatten(-1, (bounds.shape[-1], -1)) - bounds[..., None]
            kernel = exact.normal_density(away, motor[:, None, None])
            return (inner.unflatten(1, kernel.shape[1:]) * (kernel * step[:, None, None])[..., None]).sum(2)
        kernel = exact.normal_density(bounds[..., None] - grid[:, None], motor[:, None, None]) * step[:, None, None]
        beyond = exact.normal_cdf((bounds - grid[:, -1:] - step[:, None] / 2) / motor[:, None])
        return kernel @ inner + beyond[..., None]

    def _fine(self, parameters, cues):
        """Scale over which the distribution of the estimate varies, deg: that of the sharper hypothesis; (n_sets,)."""
        own, other = self._sigmas(parameters)
        prior = parameters["sigma_prior"] ** -2
        precision = own**-2 + other**-2 + prior
        fused = torch.sqrt(own**-2 + other**-2) / precision
        return torch.minimum(fused, own * cues.alone[:, 0, 0])

    def n_motor_nodes(self, motor, fine):
        """How many values of the estimate the motor noise of all answers asks for, shape (n_sets,)."""
        at = self.answer if self.keys is None else self.bounds
        step = torch.minimum(motor.clamp(min=1e-6), 0.75 * fine)
        n_shared = (at.max() - at.min() + 11 * motor) / step
        if self.keys is None:
            return n_shared
        return torch.minimum(n_shared, 11 * motor / step * len(at))

    def _motor_grid(self, parameters, cues, bounds):
        """Values of the estimate at which motor noise is folded in: around each bound, or one grid for all."""
        with torch.no_grad():
            motor, fine = parameters["sigma_motor"].clamp(min=1e-6), self._fine(parameters, cues)
            step = torch.minimum(motor, 0.75 * fine)
            half = 5.5 * motor
            span = bounds[:, -1] - bounds[:, 0] + 2 * half
            n_local = int(torch.ceil((2 * half / step).max())) + 1
            n_shared = int(torch.ceil((span / step).max())) + 1
            if n_local * bounds.shape[-1] < n_shared:
                unit = torch.linspace(-1, 1, n_local, dtype=torch.float64, device=half.device)
                grid = bounds[..., None] + half[:, None, None] * unit
                return grid.flatten(1), 2 * half / (n_local - 1), True
            unit = torch.linspace(0, 1, n_shared, dtype=torch.float64, device=half.device)
            grid = bounds[:, :1] - half[:, None] + span[:, None] * unit
            return grid, span / (n_shared - 1), False

    def _density(self, parameters, rule):
        """Density of each continuous report, motor noise included, (n_sets, n_rows), 1/deg."""
        normal, answer = self._normal(parameters), self._unbiased(self.answer, parameters)
        if normal is not None:
            mean, sd = normal
            return exact.normal_density(answer - mean[:, self.pair], sd)

        def evaluate(parameters, method):
            if method != small_noise.SHARED:
                return small_noise.density(self, parameters, method, rule)
            return self._shared_density(parameters, rule)

        return small_noise.by_method(self, parameters, evaluate)

    def _shared_density(self, parameters, rule):
        """`_density` from nodes that all conditions share."""
        answer = self._unbiased(self.answer, parameters)
        cues, motor = self._cues(parameters), parameters["sigma_motor"]
        if not (motor > 0).any():
            return self._noiseless_density(parameters, rule)
        low, high = answer.amin(1), answer.amax(1)
        with torch.no_grad():
            some = motor.clamp(min=1e-6)
            step = torch.minimum(some, 0.75 * self._fine(parameters, cues))
            span = high - low + 11 * some
            n = int(torch.ceil((span / step).max())) + 1
            unit = torch.linspace(0, 1, n, dtype=torch.float64, device=motor.device)
            grid = low[:, None] - 5.5 * some[:, None] + span[:, None] * unit
            step = span / (n - 1)
        below = self._of_pairs(self._below(parameters, rule), cues, rule, grid)  # (n_sets, n_grid, n_pairs)
        motor = motor.clamp(min=1e-6)[:, None, None]
        away = grid[:, None] - answer[..., None]  # by parts: ∫ F(t) (t − answer)/σ² N(t − answer; σ) dt
        kernel = away / motor**2 * exact.normal_density(away, motor) * step[:, None, None]
        return (kernel.transpose(1, 2) * below[..., self.pair]).sum(1)

    def _noiseless_density(self, parameters, rule):
        return small_noise.density(self, parameters, small_noise.NOISELESS, rule)

    # -- each value of the estimate with its own pair of places: what `small_noise` asks for ---------------

    def methods(self, parameters):
        """How each parameter set is evaluated: see `small_noise`."""
        return small_noise.methods(self, parameters)

    def elements(self, parameters, rule):
        """Elements of an integrand per value of the estimate, parameter sets included."""
        return small_noise.n_nodes(self, self._cues(parameters), rule)

    def estimate_below(self, parameters, rule):
        """Function (values (n_sets, n), pairs (n,)) → probability that the estimate is below, (n_sets, n)."""
        below, cues = self._below(parameters, rule), self._cues(parameters)

        def of_pairs(at, pair):
            return below(cues, at, self.pair_own[pair], self.pair_other[pair], True)

        return of_pairs

    def estimate_density(self, parameters, fine, rule):
        """As `estimate_below`, its density, 1/deg."""
        density, cues = exact.DENSITY[self.read_out], self._cues(parameters)

        def of_pairs(at, pair):
            return density(cues, at, self.pair_own[pair], self.pair_other[pair], rule)

        return of_pairs

    def report_with_noise(self, parameters, is_density, rule):
        """As `estimate_below` or `estimate_density`, of estimate and motor noise."""
        cues, motor = self._cues(parameters), parameters["sigma_motor"]

        def of_pairs(at, pair):
            own, other = self.pair_own[pair], self.pair_other[pair]
            criterion = parameters.get("criterion")
            return motor_noise.below_with_noise(
                self.read_out, cues, motor, at, own, other, is_density, rule, criterion
            )

        return of_pairs
