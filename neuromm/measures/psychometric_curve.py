"""Psychometric curves of a shape: probability, likelihood of counts over the unit cube of the free values, intervals.

Every shape is written by its median (`pse`) and by the distance from its median to its 75 % point (`jnd`).
"""

from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import betaln, expit, gammaln, ndtr, ndtri

from neuromm.maths.batched_optimise import minimise_by_differences
from neuromm.maths.slice_sampler import sample
from neuromm.measures.intervals import interval_around

LOG2 = np.log(2.0)
SHAPES = {  # F by z, the distance from the median in jnds; F(0) = ½, F(1) = ¾
    "normal": lambda z: ndtr(0.6744897501960817 * z),
    "logistic": lambda z: expit(np.log(3.0) * z),
    "gumbel": lambda z: -np.expm1(-LOG2 * np.exp(np.minimum(LOG2 * z, 50.0))),
    "weibull": lambda z: -np.expm1(-LOG2 * np.exp(np.minimum(LOG2 * z, 50.0))),  # over log x
}
Shape = Literal["normal", "logistic", "weibull", "gumbel"]
PARAMETERS = ("pse", "jnd", "guess", "lapse", "overdispersion")
EDGE = 1e-3  # of the search's range: nearer is at the bound


def standardise(x, pse, jnd, shape):
    return np.log(x / pse) / jnd if shape == "weibull" else (x - pse) / jnd


def quantile(p, shape):
    """Distance from the median to the `p` point of F, in jnds."""
    if shape == "normal":
        return ndtri(p) / 0.6744897501960817
    if shape == "logistic":
        return np.log(p / (1 - p)) / np.log(3.0)
    return np.log(-np.log1p(-p) / LOG2) / LOG2


class Curve:
    """The likelihood of counts over the unit cube of the free values."""

    def __init__(self, data, n_conditions, shape, guess, lapse, overdispersion, share, max_lapse):
        self.x, self.k, self.n = (data[c].to_numpy(float) for c in ("x", "n_yes", "n"))
        self.condition, self.n_conditions, self.shape = data["condition"].to_numpy(), n_conditions, shape
        levels = np.unique(np.log(self.x) if shape == "weibull" else self.x)
        span, step = levels[-1] - levels[0], np.diff(levels).min()
        self.bounds = {
            "pse": (levels[0] - span, levels[-1] + span), "jnd": (np.log(step / 20), np.log(5 * span)),
            "guess": (0.0, 0.5 if guess == "free" else max_lapse), "lapse": (0.0, max_lapse),
            "overdispersion": (0.0, 0.9),
        }  # fmt: skip
        self.symmetric = guess == "lapse"
        self.fixed = {} if isinstance(guess, str) else {"guess": float(guess)}
        self.fixed |= {} if lapse == "free" else {"lapse": float(lapse)}
        self.fixed |= {} if overdispersion else {"overdispersion": 0.0}
        self.axis, self.names = {}, []
        for name in PARAMETERS:
            if name in self.fixed or (name == "guess" and self.symmetric):
                continue
            n = 1 if name in share else n_conditions
            self.axis[name] = np.broadcast_to(np.arange(len(self.names), len(self.names) + n), (n_conditions,))
            self.names += [name] * n

    def values(self, unit):
        """Parameter values, shape (n_sets, 5, n_conditions), of points of the unit cube (n_sets, n_free)."""
        out = np.empty((len(unit), len(PARAMETERS), self.n_conditions))
        for i, name in enumerate(PARAMETERS):
            if name in self.fixed:
                out[:, i] = self.fixed[name]
            elif name in self.axis:
                low, high = self.bounds[name]
                out[:, i] = low + (high - low) * unit[:, self.axis[name]]
        out[:, 1] = np.exp(out[:, 1])
        if self.shape == "weibull":
            out[:, 0] = np.exp(out[:, 0])
        if self.symmetric:
            out[:, 2] = out[:, 3]
        return out

    def edge(self, unit, name, condition):
        """Whether a pse or jnd ended at the edge of the search, or beyond the levels of its condition; else empty."""
        if name not in ("pse", "jnd"):
            return ""
        place = unit[self.axis[name][condition]]
        if name == "jnd" and place < EDGE:
            return "jnd at its lower bound: answers change between two neighbouring levels"
        if place < EDGE or place > 1 - EDGE:
            return f"{name} at its bound"
        x, pse = self.x[self.condition == condition], self.values(unit[None])[0, 0, condition]
        return "pse outside of the levels shown" if name == "pse" and not x.min() <= pse <= x.max() else ""

    def probability(self, values):
        """Probability of "yes" per count, shape (n_sets, n_counts)."""
        pse, jnd, guess, lapse, _ = (values[:, i, self.condition] for i in range(5))
        p = guess + (1 - guess - lapse) * SHAPES[self.shape](standardise(self.x, pse, jnd, self.shape))
        return np.clip(p, 1e-9, 1 - 1e-9)

    def log_likelihood(self, unit, k=None):
        """Log likelihood of the counts (binomial coefficients left out), shape (n_sets,)."""
        values, k = self.values(np.clip(unit, 0, 1)), self.k if k is None else k
        p, eta = self.probability(values), values[:, 4, self.condition]
        binomial = k * np.log(p) + (self.n - k) * np.log1p(-p)
        if "overdispersion" in self.fixed and self.fixed["overdispersion"] == 0:
            return binomial.sum(-1)
        nu = np.maximum(eta, 1e-6) ** -2 - 1  # Schütt et al. 2016, eq. 6
        beta = betaln(k + nu * p, self.n - k + nu * (1 - p)) - betaln(nu * p, nu * (1 - p))
        return np.where(eta < 1e-3, binomial, beta).sum(-1)

    def maximise(self, rng, n_starts=12):
        """Most likely point of the unit cube, and its log likelihood."""
        many = rng.random((40 * n_starts, len(self.names)))
        start = many[np.argsort(-self.log_likelihood(many))[:n_starts]]
        found = self._minimise(start, np.broadcast_to(self.k, (n_starts, len(self.k))))
        best = found.value.argmin()
        return found.point[best], -found.value[best]

    def _minimise(self, start, k):
        """Most likely points for several sets of counts `k`, shape (n_problems, n_counts), all at once."""

        def cost(unit, problem):
            return -self.log_likelihood(unit, k[problem])

        return minimise_by_differences(cost, start, tolerance=1e-4)

    def intervals(self, unit, n_samples, rng, n_chains=8):
        """Posterior samples of every value, and 95 % limits around the estimate, shape (5, n_conditions)."""
        start = np.clip(unit + 0.01 * rng.standard_normal((n_chains, len(unit))), 1e-3, 1 - 1e-3)
        chains, _ = sample(
            lambda u, _: self.log_likelihood(u), start, -(-n_samples // n_chains), rng=rng, n_warmup=60, width=0.1
        )
        values = self.values(chains.reshape(-1, len(unit)))
        low, high = interval_around(self.values(unit[None])[0], values)
        free = np.array([name in self.axis or (name == "guess" and self.symmetric) for name in PARAMETERS])
        low[~free], high[~free] = np.nan, np.nan
        names = [f"{name}[{c}]" for name in PARAMETERS for c in range(self.n_conditions)]
        return pd.DataFrame(values.reshape(len(values), -1), columns=names), low, high

    def goodness(self, unit, log_likelihood, n_bootstrap, rng):
        """Deviance from the saturated model and its p by refitting simulated answers."""
        p = self.probability(self.values(unit[None]))[0]
        deviance = float(_deviance(self.k, self.n, p))
        p_value = np.nan
        if n_bootstrap:
            k = rng.binomial(self.n.astype(int), p, size=(n_bootstrap, len(self.n))).astype(float)
            again = self._minimise(np.tile(unit, (n_bootstrap, 1)), k).point
            p_value = np.mean(_deviance(k, self.n, self.probability(self.values(again))) >= deviance)
        log_choose = (gammaln(self.n + 1) - gammaln(self.k + 1) - gammaln(self.n - self.k + 1)).sum()
        return pd.Series(
            {
                "log_likelihood": log_likelihood + log_choose, "deviance": deviance,
                "degrees": len(self.k) - len(self.names), "p": p_value,
                "n_trials": self.n.sum(),
            }
        )  # fmt: skip


def _deviance(k, n, p):
    """2 × log likelihood ratio of the observed proportions to `p`, over the last axis (Wichmann & Hill 2001)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(k > 0, k * np.log(k / (n * p)), 0.0)
        no = np.where(k < n, (n - k) * np.log((n - k) / (n * (1 - p))), 0.0)
    return 2 * (yes + no).sum(-1)
