"""Heading from body motion and vision: left/right judgements of the body's motion, and unity."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.bayes.rivals import FixedCriterion, StochasticFusion
from neuromm.observers.protocol import Percept, answer, describe, perceive_sets
from neuromm.stimuli.table import require

LEFT_RIGHT, SIDES = "left|right", "-1|1"  # asked for the side: the nearest of two places, in deg, is it


class HeadingObserver(Likely):
    """Meets a table of headings as the observer of places that computes the same.

    `alternatives` "left|right" asks for the side of a heading: 1 is right, 0 is left.
    """

    layers: ClassVar[tuple[str, ...]] = CausalInference.layers
    reports: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "common")
    likelihood_columns: ClassVar[tuple[str, ...]] = (
        "vestibular_heading", "visual_heading", "vestibular_reliability", "visual_reliability"
    )  # fmt: skip

    def __post_init__(self):
        self._twin()  # refuses impossible parameters

    def _shared(self):
        return {
            "sigma_auditory": self.sigma_vestibular, "sigma_visual": self.sigma_visual, "sigma_prior": self.sigma_prior,
            "mu_prior": self.mu_prior, "lapse": self.lapse, "name": self.name,
        }  # fmt: skip

    def _as_places(self, trials):
        require(trials, ["report", "vestibular_heading", "visual_heading"], self.name)
        answer(trials, dict.fromkeys(self.reports, 0.0), self.name)  # refuses reports that it cannot give
        keep = ["presentation", "condition", "fold", "alternatives", "visual_reliability", "response"]
        table = trials[[c for c in keep if c in trials]].assign(
            auditory_azimuth=trials["vestibular_heading"], visual_azimuth=trials["visual_heading"],
            report=trials["report"].replace("vestibular", "auditory"),
        )  # fmt: skip
        if "vestibular_reliability" in trials:
            table["auditory_reliability"] = trials["vestibular_reliability"]
        side = _asks_side(trials)
        if "alternatives" in table:
            table["alternatives"] = table["alternatives"].where(~side, SIDES)
        if "response" in table:
            table["response"] = table["response"].where(~side, 2 * table["response"] - 1)
        return table

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`; see `CausalInference.perceive` (first unit: vestibular).

        Raises
        ------
        ValueError
            If a column is missing, or a row asks what cannot be answered.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        percept = self._twin().perceive(self._as_places(trials), rng=rng, layers=layers)
        side = _asks_side(trials)
        right = percept.responses["response"] > 0
        percept.responses.loc[side, "response"] = right[side].astype(float)
        percept.responses.loc[side, "response_label"] = np.where(right[side], "right", "left")
        return percept

    def predict(self, trials) -> pd.DataFrame:
        """Exact expectations of each row; columns as `CausalInference.predict`. Of a side: the probability of right."""
        predicted = self._twin().predict(self._as_places(trials))
        side = _asks_side(trials)
        if side.any():
            right = predicted.loc[side, "key_1"]
            predicted.loc[side, ["expected", "sd"]] = np.stack([right, np.sqrt(right * (1 - right))], -1)
        return predicted

    def plan_likelihood(self, cells, device):
        """Log probability of each answer; see `neuromm.observers.bayes.likelihood`."""
        evaluate, effort = self._twin().plan_likelihood(self._as_places(cells), device)

        def renamed(parameters, *rule):
            values = {("sigma_auditory" if k == "sigma_vestibular" else k): v for k, v in parameters.items()}
            return evaluate(values | {"sigma_motor": 0.0 * parameters["lapse"]}, *rule)

        return renamed, effort

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def _asks_side(trials):
    """Rows that ask whether a heading is left or right."""
    if "alternatives" not in trials:
        return pd.Series(False, trials.index)
    return (trials["alternatives"] == LEFT_RIGHT) & (trials["report"] != "common")


@dataclass(frozen=True)
class Acerbi2018(HeadingObserver):
    """Infers whether felt and seen motion had one cause; the side is that of the averaged heading.

    The equations are those of `CausalInference`. The paper judges the side by the probability of "right"
    averaged over causes; here it is the side of the averaged estimate, which differs only where the two
    hypotheses disagree about the side.

    References
    ----------
    Acerbi, Dokka, Angelaki & Ma (2018) PLoS Comput Biol 14:e1006110. The paper prints no parameter values:
    the defaults are in the middle of what fits to its published data give.
    """

    sigma_vestibular: float = 8.0  # deg
    sigma_visual: float = 6.0  # deg, at reliability 1
    sigma_prior: float = 20.0  # deg
    mu_prior: float = 0.0  # deg
    p_common: float = 0.5  # prior probability of one cause
    lapse: float = 0.02  # probability of an answer that ignores the stimulus
    name: str = "acerbi2018"

    def _twin(self):
        return CausalInference(p_common=self.p_common, **self._shared())


@dataclass(frozen=True)
class Acerbi2018Fixed(HeadingObserver):
    """One cause if felt and seen heading differ by less than a criterion (same reference)."""

    sigma_vestibular: float = 8.0  # deg
    sigma_visual: float = 6.0  # deg, at reliability 1
    sigma_prior: float = 20.0  # deg
    mu_prior: float = 0.0  # deg
    criterion: float = 20.0  # deg
    lapse: float = 0.02  # probability of an answer that ignores the stimulus
    name: str = "acerbi2018_fixed"

    def _twin(self):
        return FixedCriterion(criterion=self.criterion, **self._shared())


@dataclass(frozen=True)
class Acerbi2018Stochastic(HeadingObserver):
    """Fuses with a fixed probability (one per reliability when fitted `per` level), whatever the conflict (same)."""

    sigma_vestibular: float = 8.0  # deg
    sigma_visual: float = 6.0  # deg, at reliability 1
    sigma_prior: float = 20.0  # deg
    mu_prior: float = 0.0  # deg
    p_fusion: float = 0.5  # probability of fusing
    lapse: float = 0.02  # probability of an answer that ignores the stimulus
    name: str = "acerbi2018_stochastic"

    def _twin(self):
        return StochasticFusion(p_fusion=self.p_fusion, **self._shared())
