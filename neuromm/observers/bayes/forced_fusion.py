"""Mandatory cue combination, the limit of causal inference at one cause."""

from dataclasses import dataclass
from typing import ClassVar

from neuromm.core.parameters import number, probability, sd
from neuromm.observers.bayes.two_cues import TwoCueObserver


@dataclass(frozen=True)
class ForcedFusion(TwoCueObserver):
    """One cause forced: sound and light are always fused.

    Both are placed at the mean of the two measurements and the prior, weighed by their precisions 1/σ²
    (Ernst & Banks 2002, Nature 415:429; Alais & Burr 2004, Curr Biol 14:257), however far apart they are;
    unity is always reported. The limit p_common = 1 of causal inference.
    """

    prior_common: ClassVar[float] = 1.0

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))  # at reliability 1
    sigma_prior: float = sd(12.0, "deg", free=(2, 100))  # of where events are
    mu_prior: float = number(0.0, "deg")  # mean of where events are
    sigma_motor: float = sd(0.0, "deg", zero=True)  # noise of pointing
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    response_bias: float = number(0.0, "deg")  # added to every place that is reported
    name: str = "forced_fusion"
