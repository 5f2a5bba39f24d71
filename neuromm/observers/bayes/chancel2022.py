"""Causal inference of body ownership from visuotactile asynchrony, and an alternative model with a fixed criterion."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.core.parameters import positive, probability, sd
from neuromm.observers.bayes.window import WindowObserver, even_window, gaussian_log_odds


@dataclass(frozen=True)
class Chancel2022(WindowObserver):
    """Feels a rubber hand as its own when seen and felt touch probably had one cause.

    The asynchrony s (touch later is positive) is measured as x ~ N(s, σ²). One cause makes s = 0, two causes
    N(0, σ_S²). "Yes" if |x| < k, k² = σ²(σ² + σ_S²)/σ_S² [2 log(p/(1−p)) + log((σ² + σ_S²)/σ²)], with lapses.
    Noise of vision raises σ: ownership widens with it. σ_S is the sd of the seven asynchronies shown (n − 1).

    References
    ----------
    Chancel, Ehrsson & Ma (2022) eLife 11:e77221.
    """

    report: ClassVar[str] = "ownership"

    sigma: float = sd(116.0, "ms", free=(10, 600))  # sensory noise without visual noise (178 with 50 %)
    sigma_separate: float = sd(348.0, "ms")  # spread of asynchronies of two causes
    p_common: float = probability(0.8, free=(0.01, 0.99))  # prior of one cause
    lapse: float = probability(0.08, free=(0, 0.4))  # of an answer that ignores the stimulus
    name: str = "chancel2022"

    def _window(self, p):
        import torch

        odds = torch.log(p["p_common"]) - torch.log1p(-p["p_common"])
        nothing = torch.zeros_like(p["sigma"])
        return even_window(p["sigma"], nothing, p["sigma_separate"], nothing, odds)

    def log_odds(self, x):
        """Log posterior odds of one cause at measurement `x`, ms."""
        return gaussian_log_odds(x, self.sigma, 0.0, self.sigma_separate, 0.0, self.p_common)


@dataclass(frozen=True)
class Chancel2022Fixed(WindowObserver):
    """The alternative to `Chancel2022`: "yes" if |x| is below one criterion, whatever the noise (same reference)."""

    report: ClassVar[str] = "ownership"

    sigma: float = sd(116.0, "ms", free=(10, 600))
    criterion: float = positive(275.0, "ms", free=(20, 1000))
    lapse: float = probability(0.08, free=(0, 0.4))
    name: str = "chancel2022_fixed"

    def _window(self, p):
        return 0.0 * p["criterion"], p["criterion"]

    def log_odds(self, x):
        """Distance inside the criterion in units of σ: this rule has no odds, only a sign."""
        return (self.criterion - np.abs(x)) / self.sigma
