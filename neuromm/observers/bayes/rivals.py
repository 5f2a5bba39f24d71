"""Heuristic rivals of causal inference: a fixed criterion, fusion at random, and fixed weights.

Each shares cues, prior, motor noise and lapses with the ideal observers, so that a comparison of fits isolates
the rule (Acerbi, Dokka, Angelaki & Ma 2018, PLoS Comput Biol 14:e1006110).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import ndtr

from neuromm.core.parameters import number, positive, probability, sd
from neuromm.maths.expectation import expect, report_below
from neuromm.observers.bayes import rival_likelihood
from neuromm.observers.bayes.two_cues import TwoCueObserver


class AlternativeModel(TwoCueObserver):
    """A rule that decides on one cause without weighing evidence; the recorded `p_common` is its chance."""

    rule: ClassVar[str]  # which likelihood: a key of `rival_likelihood.GROUPS`
    prior_common: ClassVar[float] = 0.5  # of the recorded log Bayes factor, which the rule does not use

    def latents(self, stimuli, draws):
        """As causal inference, with the rule's decision and estimate where both cues are shown."""
        latents = super().latents(stimuli, draws)
        both = ~np.isnan(latents["common"])
        chance, common = self._decide(latents["measurements"], draws.uniform("cause"))
        estimate = self._estimate(latents, common)
        latents["estimate"] = np.where(both[:, None], estimate, latents["estimate"])
        latents["common"] = np.where(both, common, np.nan)
        latents["p_common"] = np.where(both, chance, 0.5)[:, None]
        return latents

    def _estimate(self, latents, common):
        return np.where(common[:, None], latents["fused"], latents["segregated"])

    def plan_likelihood(self, cells, device):
        """Log probability of each answer; see `neuromm.observers.bayes.likelihood`."""
        return rival_likelihood.plan(self, cells, device, rival_likelihood.GROUPS[self.rule])


class CriterionRule(AlternativeModel):
    """One cause if the measurements differ by less than `criterion`."""

    rule: ClassVar[str] = "criterion"

    def _decide(self, x, _uniform):
        near = np.abs(x[:, 0] - x[:, 1]) < self.criterion
        return near.astype(float), near

    def _moments(self, arguments):
        both = arguments[6] > 0
        return expect(*arguments[:7], "selection", np.where(both, self.criterion, 1e-9))

    def _below(self, bounds, arguments):
        import torch

        from neuromm.maths.report_probability import cues  # torch
        from neuromm.maths.rival_probability import below_criterion  # torch

        below, n = np.empty((len(arguments[0]), len(bounds))), len(arguments[0])
        rows = np.stack(np.broadcast_arrays(*arguments[:7], np.zeros(n))[:7], -1)
        for i, (own, other, a, b, m, p, both) in enumerate(rows):
            if not both:
                below[i] = report_below(bounds, own, other, a, b, m, p, 0.0, "averaging")[0]
                continue
            one = [torch.tensor([v], dtype=torch.float64) for v in (a, b, p, 0.5, m, self.criterion, own, other)]
            t = torch.as_tensor(bounds)[None]
            below[i] = below_criterion(cues(*one[:5]), one[5], t, one[6], one[7])[0, :, 0, 0].numpy()
        return below


@dataclass(frozen=True)
class FixedCriterion(CriterionRule):
    """One cause if the two measurements lie within a fixed distance, whatever their reliability.

    "Common" and the fused estimate if |x_A − x_V| < criterion, else the segregated ones. Unlike the Bayesian
    window, this one does not widen when a cue becomes unreliable.
    """

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))  # at reliability 1
    sigma_prior: float = sd(12.0, "deg", free=(2, 100))
    mu_prior: float = number(0.0, "deg")
    criterion: float = positive(12.0, "deg", free=(0.5, 60))
    sigma_motor: float = sd(0.0, "deg", zero=True)
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    response_bias: float = number(0.0, "deg")  # added to every place that is reported
    name: str = "fixed_criterion"


class MixtureRule(AlternativeModel):
    """One cause, and the fused estimate, with probability `p_fusion`."""

    rule: ClassVar[str] = "mixture"

    def _decide(self, x, uniform):
        return np.full(len(x), self.p_fusion), uniform < self.p_fusion

    def _chance(self, arguments):
        return np.where(arguments[6] > 0, self.p_fusion, 0.0)

    def _moments(self, arguments):
        one, two = (expect(*arguments[:6], prior, "averaging") for prior in (1.0, 0.0))
        q = self._chance(arguments)
        mean = q * one["mean"] + (1 - q) * two["mean"]
        square = sum(w * (part["sd"] ** 2 + part["mean"] ** 2) for w, part in ((q, one), (1 - q, two)))
        return {"mean": mean, "sd": np.sqrt(square - mean**2), "common": q, "posterior": q}

    def _below(self, bounds, arguments):
        one, two = (report_below(bounds, *arguments[:6], prior, "averaging") for prior in (1.0, 0.0))
        q = self._chance(arguments)[:, None]
        return q * one + (1 - q) * two


@dataclass(frozen=True)
class StochasticFusion(MixtureRule):
    """Fuses, and reports one cause, with a fixed probability on every trial, whatever the conflict."""

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))  # at reliability 1
    sigma_prior: float = sd(12.0, "deg", free=(2, 100))
    mu_prior: float = number(0.0, "deg")
    p_fusion: float = probability(0.5, free=(0.01, 0.99))  # of fusing
    sigma_motor: float = sd(0.0, "deg", zero=True)
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    response_bias: float = number(0.0, "deg")  # added to every place that is reported
    name: str = "stochastic_fusion"


class LinearRule(AlternativeModel):
    """A weighted sum of the measurements, with a weight that never changes."""

    rule: ClassVar[str] = "linear"
    sigma_prior: ClassVar[float] = 1e6  # deg; no prior
    mu_prior: ClassVar[float] = 0.0

    def _decide(self, x, _uniform):
        return np.ones(len(x)), np.ones(len(x), bool)

    def _estimate(self, latents, common):
        x = latents["measurements"]
        return np.repeat(((1 - self.weight_visual) * x[:, 0] + self.weight_visual * x[:, 1])[:, None], 2, 1)

    def _condition(self, table, report):
        arguments, both = super()._condition(table, report)
        visual = self.own_and_other(report)[0].modality == "visual"
        own = self.weight_visual if visual else 1 - self.weight_visual
        return (*arguments[:7], np.where(both, own, 1.0)), both

    def _moments(self, arguments):
        own, other, a, b, *_, both, weight = np.broadcast_arrays(*arguments)
        return {
            "mean": weight * own + (1 - weight) * other, "sd": np.hypot(weight * a, (1 - weight) * b),
            "common": (both > 0) * 1.0, "posterior": (both > 0) * 1.0,
        }  # fmt: skip

    def _below(self, bounds, arguments):
        moments = self._moments(arguments)
        return ndtr((bounds - moments["mean"][:, None]) / moments["sd"][:, None])


@dataclass(frozen=True)
class LinearWeighting(LinearRule):
    """Weighs the two measurements by fixed weights, without a prior and whatever their reliability or conflict.

    Both events are placed at w x_V + (1 − w) x_A, and one cause is always reported; one event alone is placed
    where it was measured. Reliability-blind integration, the control of every cue-combination claim.
    """

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))  # at reliability 1
    weight_visual: float = probability(0.5, free=(0, 1))  # a fraction
    sigma_motor: float = sd(0.0, "deg", zero=True)
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    response_bias: float = number(0.0, "deg")  # added to every place that is reported
    name: str = "linear_weighting"
