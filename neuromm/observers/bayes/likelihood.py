"""Exact log likelihoods of responses, for many parameter sets and subjects in one call, with gradients.

A trial table is reduced once to its distinct cells (stimulus, question, answer) with their counts; an
observer's *plan* turns parameter values into the log probability of each cell. Torch stays inside.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from neuromm.core.messages import must_be
from neuromm.core.parameters import is_allowed, numbers_of, parameters_of
from neuromm.maths.device import check_device
from neuromm.maths.parameters import BadData, Space, as_free
from neuromm.maths.report_probability import STANDARD
from neuromm.observers.bayes.possible_answers import check_answers
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.table import distinct, require


class Likelihood:
    """Log likelihood of each subject's responses as a function of free parameters.

    Parameters
    ----------
    observer : observer with `plan_likelihood`, `likelihood_columns`
        Its fields are the values of what is not free.
    trials : DataFrame
        Needs `report` and `response`; `by` tells subjects apart. Missed responses (NaN) are left out.
    free : dict of parameter → (low, high) or Free
    device : str
        Where torch computes, always in float64.
    max_memory : float
        GB that an evaluation may take: it is computed in parts, or refused before memory is asked for.

    Attributes
    ----------
    names : tuple of str
        Free values, such as p_common, sigma_visual[high]; the columns of `theta`.
    subjects : list
    n_trials : array, shape (n_subjects,)
        Responses that count.
    """

    def __init__(self, observer, trials, free, *, by="observer", device="cpu", max_memory=2.0, max_elements=80_000):
        check_device(device)
        if not max_memory > 0:
            raise must_be("likelihood", "max_memory", "a positive number of GB", max_memory)
        require(trials, ["report", "response"], observer.name)
        self.observer, self.device = observer, device
        self.max_memory, self.max_elements = max_memory, max_elements
        self.space = Space.of_free(free, trials, list(numbers_of(observer)))
        self.names = self.space.names
        self._check_bounds(free)
        trials = trials[trials["response"].notna()]
        if not len(trials):
            raise BadData("trials has no response: column 'response' is empty")
        trials = name_people(trials, by=by)
        who = trials[by].to_numpy() if by in trials else np.full(len(trials), observer.name, object)
        self.subjects = list(dict.fromkeys(who))
        subject = pd.Categorical(who, categories=self.subjects).codes
        self.n_trials = np.bincount(subject, minlength=len(self.subjects))
        self._groups = self._reduce(trials, subject)

    def _check_bounds(self, free):
        """Refuse bounds at which the observer itself could not be made."""
        declared = parameters_of(self.observer)
        for name, bounds in free.items():
            if name not in declared:
                continue
            one = as_free(name, bounds)
            for end, words in ((one.low, "start"), (one.high, "end")):
                if not is_allowed(end, declared[name]):
                    wanted = declared[name].wanted
                    raise must_be(self.observer.name, f"free['{name}']", f"bounds that {words} at {wanted}", end)

    def _reduce(self, trials, subject):
        """Subjects that share cells are evaluated together: (plans, counts per subject)."""
        per = sorted(set(self.space.per.values()))
        columns = [*self.observer.likelihood_columns, "report", "alternatives", "response", *per]
        first, cell = distinct(trials, columns)
        check_answers(trials.iloc[first], self.observer)
        counts = np.zeros((len(self.subjects), len(first)))
        np.add.at(counts, (subject, cell), 1.0)
        used = counts > 0
        if len(first) <= 3 * used.sum(1).max() + 50:
            return {s: self._plan(trials.iloc[first], counts) for s in [None]}
        groups = {}
        for s in range(len(self.subjects)):
            groups[s] = self._plan(trials.iloc[first[used[s]]], counts[s, used[s]][None])
        return groups

    def _plan(self, cells, counts):
        """One plan per combination of levels, each with the axes of theta it reads and the counts of its cells."""
        per = self.space.per
        columns = sorted(set(per.values()))
        keys = [()] * len(cells)
        if columns:  # a row without a level has None there
            keys = list(zip(*(cells[c].astype(object).where(cells[c].notna(), None) for c in columns), strict=True))
        codes, levels = pd.factorize(pd.Series(keys, dtype=object))
        parts = []
        for code, level in enumerate(levels):
            rows = np.flatnonzero(codes == code)
            at = dict(zip(columns, level, strict=True))
            axis, without = {}, []
            for name, where in self.space.of.items():
                if name not in per:
                    axis[name] = where
                elif at[per[name]] is None:
                    without.append(name)
                else:
                    axis[name] = where[at[per[name]]]
            evaluate, effort = self.observer.plan_likelihood(cells.iloc[rows], self.device)
            for name in without:
                self._refuse_dependence(evaluate, name, cells.iloc[rows])
            parts.append((evaluate, axis, torch.as_tensor(counts[:, rows], device=self.device), effort))
        return parts

    def _refuse_dependence(self, evaluate, name, cells):
        """Refuse rows without a level of a `per` column whose answers depend on the parameter that varies with it."""
        default = float(getattr(self.observer, name))
        moved = {name: torch.tensor([default, 0.7 * default + 0.01, 0.4 * default + 0.02], dtype=torch.float64)}
        if name in ("correlation", "lapse") or name.startswith("p_"):
            moved = {name: torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64)}
        with torch.no_grad():
            like = torch.zeros(3, 1, dtype=torch.float64, device=self.device)
            found = evaluate(self._parameters(like, {}) | {name: moved[name].to(self.device)})
        depends = (found - found[:1]).abs().amax(0).cpu().numpy() > 1e-5
        if depends.any():
            column = self.space.per[name]
            raise BadData(
                f"{self.observer.name}: column '{column}' is empty in trial {cells.index[depends][0]}, whose answer "
                f"depends on {name}, free per '{column}'; fill in the level, or drop such rows"
            )

    def __call__(self, theta, subject=None, *, gradient=False, precision=1.0):
        """Log likelihood of each parameter set for its subject, nats.

        Parameters
        ----------
        theta : array, shape (n_sets, n_free)
            Values of `names`.
        subject : array of int, shape (n_sets,), optional
            Number of the subject in `subjects`; the only one by default.
        gradient : bool
            Whether to return the derivative by theta too.
        precision : float
            Factor on the fineness of every quadrature: 1 leaves 1e-7 in probability, 0.5 suits a first look.

        Returns
        -------
        log_likelihood : array, shape (n_sets,)
        gradient : array, shape (n_sets, n_free)
        """
        theta = np.atleast_2d(np.asarray(theta, float))
        if theta.shape[1] != len(self.names):
            wanted = f"{len(self.names)} are wanted: {', '.join(self.names)}"
            raise ValueError(f"theta has {theta.shape[1]} columns; {wanted}")
        subject = np.zeros(len(theta), int) if subject is None else np.broadcast_to(subject, (len(theta),))
        rule = STANDARD if precision == 1 else STANDARD.refined(precision)
        rule = replace(rule, memory=self.max_memory)
        value, slope = self._all(theta, subject, gradient, rule)
        return (value, slope) if gradient else value

    def _all(self, theta, subject, gradient, rule):
        value, slope = np.zeros(len(theta)), np.zeros_like(theta)
        for member, parts in self._groups.items():
            sets = np.arange(len(theta)) if member is None else np.flatnonzero(subject == member)
            size = max(1, int(self.max_elements / max(effort for *_, effort in parts)))
            order = sets[np.argsort(self._hardness(theta[sets]), kind="stable")]  # like beside like: less padding
            for start in range(0, len(order), size):
                some = order[start : start + size]
                row = subject[some] if member is None else np.zeros(len(some), int)
                self._evaluate(parts, theta, some, row, gradient, rule, value, slope)
        return value, slope

    def _hardness(self, theta):
        """Rough cost of a set: how small its smallest free sigma is."""
        sigmas = [i for i, name in enumerate(self.names) if name.startswith("sigma") and "motor" not in name]
        return -theta[:, sigmas].min(1) if sigmas else np.zeros(len(theta))

    def _evaluate(self, parts, theta, some, row, gradient, rule, value, slope):
        with torch.set_grad_enabled(gradient):
            values = torch.tensor(theta[some], dtype=torch.float64, device=self.device, requires_grad=gradient)
            for evaluate, axis, counts, _ in parts:
                one = (evaluate(self._parameters(values, axis), rule) * counts[row]).sum(-1)
                if gradient:  # part by part: what the last one held is free again
                    (grad,) = torch.autograd.grad(one.sum(), values)
                    slope[some] += grad.cpu().numpy()
                value[some] += one.detach().cpu().numpy()

    def _parameters(self, values, axis):
        """Every numeric field of the observer as a tensor of shape (n_sets,)."""
        parameters = {}
        for name, default in numbers_of(self.observer).items():
            if name in axis:
                parameters[name] = values[:, axis[name]]
            else:
                parameters[name] = torch.full_like(values[:, 0], default)
        return parameters

    def quadrature_error(self, theta, subject=None):
        """Change of the log likelihood when every quadrature is refined, nats; shape (n_sets,)."""
        return np.abs(self(theta, subject) - self(theta, subject, precision=2.0))


def log_likelihood(observer, trials: pd.DataFrame) -> np.ndarray:
    """Log probability of each response at the observer's own values; see `Likely.log_likelihood`."""
    require(trials, ["report", "response"], observer.name)
    out = np.full(len(trials), np.nan)
    given = np.flatnonzero(trials["response"].notna())
    if not len(given):
        return out
    some = trials.iloc[given]
    first, cell = distinct(some, [*observer.likelihood_columns, "report", "alternatives", "response"])
    check_answers(some.iloc[first], observer)
    evaluate, _ = observer.plan_likelihood(some.iloc[first], "cpu")
    numbers = numbers_of(observer)
    with torch.no_grad():
        values = {name: torch.tensor([v], dtype=torch.float64) for name, v in numbers.items()}
        out[given] = evaluate(values)[0].numpy()[cell]
    return out
