"""Bayesian causal inference over auditory and visual place."""

from dataclasses import dataclass
from typing import Literal

from neuromm.observers.bayes.location import LocationObserver


@dataclass(frozen=True)
class CausalInference(LocationObserver):
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

    sigma_auditory: float = 8.0  # deg, at reliability 1
    sigma_visual: float = 2.0  # deg, at reliability 1
    sigma_prior: float = 12.0  # deg, sd of where events are
    mu_prior: float = 0.0  # deg, mean of where events are
    p_common: float = 0.5  # prior probability of one cause
    strategy: Literal["averaging", "selection", "matching"] = "averaging"
    sigma_motor: float = 0.0  # deg, noise of pointing or pressing
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    response_bias: float = 0.0  # deg, added to every place that is reported (the criteria of keys shift by as much)
    name: str = "causal_inference"

    @property
    def _prior_common(self):
        return self.p_common

    @property
    def _read_out(self):
        return self.strategy
