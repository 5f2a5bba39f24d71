"""The likelihood plan of three modalities: rows that share question, modalities, reliabilities, keys are one batch."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from neuromm.maths import partition_probability as exact
from neuromm.maths.measurement_nodes import STANDARD, check_memory
from neuromm.observers.bayes.small_noise import in_parts
from neuromm.observers.choices import LAPSE_RANGE
from neuromm.stimuli.alternatives import number_offers

LEAST = 1e-12  # least probability or density of an answer


def plan(observer, cells, device):
    """`evaluate(parameters, rule) → log probability (n_sets, n_cells)` for distinct rows, and its size per set."""
    groups = list(_groups(observer, cells, device))
    for _, group in groups:
        group.n_groups = len(groups)
    order = torch.as_tensor(np.argsort(np.concatenate([rows for rows, _ in groups])), device=device)

    def evaluate(parameters, rule=STANDARD):
        rule = replace(rule, memory=rule.memory / len(groups))  # what they hold for the gradient adds up
        return torch.cat([group.log_probability(parameters, rule) for _, group in groups], -1)[:, order]

    return evaluate, 40_000


def _groups(observer, cells, device):
    cues = observer.cues
    places = np.stack([cue.values(cells) for cue in cues], -1)
    reliability = np.stack([cue.sigmas(cells, 1.0) ** -2 for cue in cues], -1)
    table = pd.DataFrame(np.where(np.isnan(places), -1.0, reliability))
    table["report"] = cells["report"].to_numpy(object)
    number_of_offer = np.full(len(cells), -1)
    sets = number_offers(cells, observer.name)
    for i, (_, offer) in enumerate(sets):
        number_of_offer[offer.rows] = i
    table["offer"] = number_of_offer
    for (*_, report, i), rows in table.groupby(list(table.columns), sort=False).indices.items():
        keys = None if i < 0 else sets[i][0]
        yield rows, Group(observer, report, keys, places[rows], reliability[rows[0]], cells.iloc[rows], device)


class Group:
    """Rows that differ in places and answers only."""

    def __init__(self, observer, report, keys, places, reliability, cells, device):
        self.observer = observer
        own = [cue.asked_as for cue in observer.cues].index(report)
        absent = tuple(int(i) for i in np.flatnonzero(np.isnan(places[0])))
        self.blocks, self.gather, others = exact.blocks_without(own, absent)
        self.cues = [own, *others]
        self.scale = 1 / np.sqrt(reliability)

        def tensor(x):
            return torch.tensor(np.asarray(x), device=device)

        levels = [np.unique(places[:, c], return_inverse=True) for c in self.cues]
        self.places = [tensor(values) for values, _ in levels]
        self.at = [tensor(index) for _, index in levels]
        self.keys, self.answer = keys, tensor(0.0)
        if "response" in cells:
            response = cells["response"].to_numpy(float)
            if keys is not None:
                self.key = tensor(np.abs(response[:, None] - keys).argmin(1))
                self.bounds = tensor((keys[1:] + keys[:-1]) / 2)
            else:
                values, index = np.unique(response, return_inverse=True)
                self.answer, self.bounds, self.key = tensor(response), tensor(values), tensor(index)

    def averaged(self, p):
        """The averaged estimate of the asked cue for each parameter set."""
        prior = torch.stack(self.observer.partition_prior(p), -1)
        prior = torch.stack([prior[:, some].sum(-1) for some in self.gather], -1)
        sds = [p[self.observer.cues[c].sigma_field] * self.scale[c] for c in self.cues]
        return exact.Averaged(sds[0], sds[1:], self.blocks, prior, p["sigma_prior"])

    def _each(self, p, function):
        """Call per parameter set, with places from its prior mean (which moves them)."""
        return torch.cat([function({k: v[i : i + 1] for k, v in p.items()}) for i in range(len(p["lapse"]))])

    def log_probability(self, p, rule):
        """Log probability (density if continuous) of each row, (n_sets, n_rows)."""
        lapse = p["lapse"][:, None]
        value = self._each(p, partial(self._probability, rule=rule))
        if self.keys is not None:
            return torch.log((1 - lapse) * value.clamp(min=LEAST) + lapse / len(self.keys))
        inside = (self.answer.abs() <= LAPSE_RANGE) / (2 * LAPSE_RANGE)
        return torch.log((1 - lapse) * value.clamp(min=LEAST) + lapse * inside)

    def _probability(self, p, rule):
        mu = p["mu_prior"]
        own, *others = (places - mu for places in self.places)
        averaged = self.averaged(p)
        each = exact.n_elements(averaged, own, others, rule)
        whole = replace(rule, memory=rule.memory * self.n_groups)
        check_memory(each, whole, f"{self.observer.name}: the integral over three measurements")

        def of_bounds(bounds):
            return exact.below(averaged, bounds, own, others, density=self.keys is None, rule=rule)

        found = in_parts(of_bounds, (self.bounds - mu,), each, rule, axis=1)
        if self.keys is not None:
            edge = torch.zeros_like(found[:, :1])
            found = torch.cat([edge, found, 1 + edge], 1).diff(dim=1)
        return found[(slice(None), self.key, *self.at)]


def moments(observer, cells, values):
    """Mean and variance of the averaged estimate of each row, (n,) each (numpy)."""
    mean, variance = np.empty(len(cells)), np.empty(len(cells))
    for rows, group in _groups(observer, cells, "cpu"):
        mu = values["mu_prior"]
        own, *others = (places - mu for places in group.places)
        found = exact.moments(group.averaged(values), own, others)
        at = (0, *group.at)
        mean[rows], variance[rows] = (found[0][at] + mu).numpy(), found[1][at].numpy()
    return mean, variance
