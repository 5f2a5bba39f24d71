"""Independent senses, the limit of causal inference at two causes."""

from dataclasses import dataclass

from neuromm.observers.bayes.location import LocationObserver


@dataclass(frozen=True)
class Segregation(LocationObserver):
    """Two causes forced: sound and light never influence each other.

    Each is placed at the mean of its own measurement and the prior, weighed by their precisions 1/σ²;
    unity is never reported. The limit p_common = 0 of causal inference (Körding et al. 2007, PLoS ONE 2:e943).
    """

    sigma_auditory: float = 8.0  # deg, at reliability 1
    sigma_visual: float = 2.0  # deg, at reliability 1
    sigma_prior: float = 12.0  # deg, sd of where events are
    mu_prior: float = 0.0  # deg, mean of where events are
    sigma_motor: float = 0.0  # deg, noise of pointing or pressing
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    response_bias: float = 0.0  # deg, added to every place that is reported (the criteria of keys shift by as much)
    name: str = "segregation"

    @property
    def _prior_common(self):
        return 0.0

    @property
    def _read_out(self):
        return "averaging"
