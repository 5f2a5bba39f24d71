"""Causal inference of audiovisual synchrony."""

from dataclasses import dataclass
from typing import ClassVar

from neuromm.core.parameters import number, probability, sd
from neuromm.observers.bayes.window import WindowObserver, even_window, gaussian_log_odds


@dataclass(frozen=True)
class Magnotti2013(WindowObserver):
    """Judges sound and light synchronous when one cause is the more probable one.

    The asynchrony Δ (sound later is positive) is measured as x ~ N(Δ, σ²). One cause makes asynchronies
    N(0, σ₁²), two causes N(μ₂, σ₂²). The report is "synchronous" if the posterior odds of one cause exceed 1:
    |x − c| < h with c = −μ₂ (σ² + σ₁²)/(σ₂² − σ₁²), so P(synchronous | Δ) is a difference of two normal
    distribution functions. The printed form of c has σ² + σ₂², which does not satisfy the rule.

    References
    ----------
    Magnotti, Ma & Beauchamp (2013) Front Psychol 4:798; parameters of the text, σ between people 70–300 ms.
    """

    report: ClassVar[str] = "synchronous"

    sigma: float = sd(100.0, "ms", free=(10, 600))  # sensory noise of the asynchrony
    sigma_common: float = sd(65.0, "ms")  # spread of asynchronies of one cause
    sigma_separate: float = sd(126.0, "ms")  # of two causes
    mu_separate: float = number(-48.0, "ms")  # their mean: sound first
    p_common: float = probability(0.58, free=(0.01, 0.99))  # prior of one cause
    lapse: float = probability(0.0, free=(0, 0.4))  # of an answer that ignores the stimulus
    name: str = "magnotti2013"

    def _window(self, p):
        import torch

        odds = torch.log(p["p_common"]) - torch.log1p(-p["p_common"])
        return even_window(p["sigma"], p["sigma_common"], p["sigma_separate"], p["mu_separate"], odds)

    def log_odds(self, x):
        """Log posterior odds of one cause at measurement `x`, ms."""
        return gaussian_log_odds(
            x, self.sigma, self.sigma_common, self.sigma_separate, self.mu_separate, self.p_common
        )
