"""Bayesian causal inference over auditory and visual place."""

from dataclasses import dataclass
from typing import Literal

from neuromm.core.parameters import number, probability, sd
from neuromm.observers.bayes.two_cues import TwoCueObserver


@dataclass(frozen=True)
class CausalInference(TwoCueObserver):
    r"""Infers whether sound and light had one cause, and places each accordingly.

    Measurements x_A ~ N(s_A, σ_A²), x_V ~ N(s_V, σ_V²); places come from N(μ_P, σ_P²), one for both with
    probability p_common, otherwise one each. Then

    - p(C = 1 | x_A, x_V) = p_common L₁ / (p_common L₁ + (1 − p_common) L₂), with L₁ and L₂ the evidence
      of one and of two causes;
    - under one cause both are at the precision-weighted mean of x_A, x_V and μ_P; under two, each is at
      that of its own measurement and μ_P.

    `strategy` says how the two estimates are read out: *averaging* weighs them by the posterior,
    *selection* takes that of the more probable hypothesis, *matching* draws a hypothesis with its
    probability (and then reports that cause). Unity is reported when p(C = 1 | x) > ½.

    The defaults are a demonstration set. The parameters fitted by Körding et al. are σ_A 9.2, σ_V 2.14,
    σ_P 12.3, p_common .28; with those, unity is hardly ever reported, so they suit no figure of unity.

    References
    ----------
    Körding, Beierholm, Ma, Quartz, Tenenbaum & Shams (2007) PLoS ONE 2:e943.
    Wozny, Beierholm & Shams (2010) PLoS Comput Biol 6:e1000871 (strategies).
    """

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))  # at reliability 1
    sigma_prior: float = sd(12.0, "deg", free=(2, 100))  # of where events are
    mu_prior: float = number(0.0, "deg")  # mean of where events are
    p_common: float = probability(0.5, free=(0.01, 0.99))  # prior of one cause
    strategy: Literal["averaging", "selection", "matching"] = "averaging"
    sigma_motor: float = sd(0.0, "deg", zero=True)  # noise of pointing
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    response_bias: float = number(0.0, "deg")  # added to every place that is reported
    name: str = "causal_inference"
