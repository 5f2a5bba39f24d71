"""Heading from body motion and vision: left/right judgements of the body's motion, and unity."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.core.parameters import number, positive, probability, sd
from neuromm.observers.base import Cue
from neuromm.observers.bayes.rivals import CriterionRule, MixtureRule
from neuromm.observers.bayes.two_cues import TwoCueObserver
from neuromm.stimuli.alternatives import asks_side


class HeadingCues:
    """Felt and seen heading; `alternatives` "left|right" asks for the side: 1 is right, 0 is left."""

    cues: ClassVar = (Cue("vestibular", "heading"), Cue("visual", "heading"))
    reports: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "common")

    def respond(self, percepts, stimuli, draws):
        """As every observer; a side is also answered in words."""
        responses = super().respond(percepts, stimuli, draws)
        side = asks_side(stimuli.trials) & (stimuli.trials["report"] != "common").to_numpy()
        right = responses["response"] > 0
        responses.loc[side, "response_label"] = np.where(right[side], "right", "left")
        return responses


@dataclass(frozen=True)
class Acerbi2018(HeadingCues, TwoCueObserver):
    """Infers whether felt and seen motion had one cause; the side is that of the averaged heading.

    The equations are those of `CausalInference`. The paper judges the side by the probability of "right"
    averaged over causes; here it is the side of the averaged estimate, which differs only where the two
    hypotheses disagree about the side.

    References
    ----------
    Acerbi, Dokka, Angelaki & Ma (2018) PLoS Comput Biol 14:e1006110. The paper prints no parameter values:
    the defaults are in the middle of what fits to its published data give.
    """

    sigma_vestibular: float = sd(8.0, "deg", free=(0.5, 80))
    sigma_visual: float = sd(6.0, "deg", free=(0.5, 80))  # at reliability 1
    sigma_prior: float = sd(20.0, "deg", free=(1, 120))
    mu_prior: float = number(0.0, "deg")
    p_common: float = probability(0.5, free=(0.01, 0.99))  # prior of one cause
    lapse: float = probability(0.02, free=(0, 0.3))  # of an answer that ignores the stimulus
    name: str = "acerbi2018"


@dataclass(frozen=True)
class Acerbi2018Fixed(HeadingCues, CriterionRule):
    """One cause if felt and seen heading differ by less than a criterion (same reference)."""

    sigma_vestibular: float = sd(8.0, "deg", free=(0.5, 80))
    sigma_visual: float = sd(6.0, "deg", free=(0.5, 80))  # at reliability 1
    sigma_prior: float = sd(20.0, "deg", free=(1, 120))
    mu_prior: float = number(0.0, "deg")
    criterion: float = positive(20.0, "deg", free=(0.5, 120))
    lapse: float = probability(0.02, free=(0, 0.3))  # of an answer that ignores the stimulus
    name: str = "acerbi2018_fixed"


@dataclass(frozen=True)
class Acerbi2018Stochastic(HeadingCues, MixtureRule):
    """Fuses with a fixed probability (one per reliability when fitted `per` level), whatever the conflict (same)."""

    sigma_vestibular: float = sd(8.0, "deg", free=(0.5, 80))
    sigma_visual: float = sd(6.0, "deg", free=(0.5, 80))  # at reliability 1
    sigma_prior: float = sd(20.0, "deg", free=(1, 120))
    mu_prior: float = number(0.0, "deg")
    p_fusion: float = probability(0.5, free=(0.01, 0.99))  # of fusing
    lapse: float = probability(0.02, free=(0, 0.3))  # of an answer that ignores the stimulus
    name: str = "acerbi2018_stochastic"
