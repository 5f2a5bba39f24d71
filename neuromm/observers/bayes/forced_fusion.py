"""Mandatory cue combination, the limit of causal inference at one cause."""

from dataclasses import dataclass

from neuromm.observers.bayes.location import LocationObserver


@dataclass(frozen=True)
class ForcedFusion(LocationObserver):
    """One cause forced: sound and light are always fused.

    Both are placed at the mean of the two measurements and the prior, weighed by their precisions 1/σ²
    (Ernst & Banks 2002, Nature 415:429; Alais & Burr 2004, Curr Biol 14:257), however far apart they are;
    unity is always reported. The limit p_common = 1 of causal inference.
    """

    sigma_auditory: float = 8.0  # deg, at reliability 1
    sigma_visual: float = 2.0  # deg, at reliability 1
    sigma_prior: float = 12.0  # deg, sd of where events are
    mu_prior: float = 0.0  # deg, mean of where events are
    sigma_motor: float = 0.0  # deg, noise of pointing or pressing
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    response_bias: float = 0.0  # deg, added to every place that is reported (the criteria of keys shift by as much)
    name: str = "forced_fusion"

    @property
    def _prior_common(self):
        return 1.0

    @property
    def _read_out(self):
        return "averaging"
