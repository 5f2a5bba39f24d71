"""Independent senses, the limit of causal inference at two causes."""

from dataclasses import dataclass
from typing import ClassVar

from neuromm.core.parameters import number, probability, sd
from neuromm.observers.bayes.two_cues import TwoCueObserver


@dataclass(frozen=True)
class Segregation(TwoCueObserver):
    """Two causes forced: sound and light never influence each other.

    Each is placed at the mean of its own measurement and the prior, weighed by their precisions 1/σ²;
    unity is never reported. The limit p_common = 0 of causal inference (Körding et al. 2007, PLoS ONE 2:e943).
    """

    prior_common: ClassVar[float] = 0.0

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))  # at reliability 1
    sigma_prior: float = sd(12.0, "deg", free=(2, 100))  # of where events are
    mu_prior: float = number(0.0, "deg")  # mean of where events are
    sigma_motor: float = sd(0.0, "deg", zero=True)  # noise of pointing
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    response_bias: float = number(0.0, "deg")  # added to every place that is reported
    name: str = "segregation"
