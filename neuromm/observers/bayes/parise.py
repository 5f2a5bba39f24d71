"""The correlation detectors of Parise & Ernst: low-pass front ends (2016), and transient ones (2025)."""

from dataclasses import dataclass
from typing import ClassVar

from neuromm.core.parameters import number, positive
from neuromm.observers.bayes.correlation_detector import CorrelationDetector


@dataclass(frozen=True)
class Parise2016(CorrelationDetector):
    """Judges synchrony and order from the correlation and lag of low-passed light and sound.

    f(t) = (t/τ) e^{−t/τ}; v = S_V ∗ f_V, a = S_A ∗ f_A; u₁ = v·(a ∗ f_AV), u₂ = a·(v ∗ f_AV); correlation √(u₁u₂), lag
    u₂ − u₁, over time. P(yes) = Φ(bias + gain · output), the output relative to the largest that a pair of standard
    events gives within ±500 ms. Time constants are the published fit; biases and gains are chosen, and fitted to data
    in use. The name of the correlation follows 2025 (a square root of the product; the 2016 text multiplies alone).

    References
    ----------
    Parise & Ernst (2016) Nat Commun 7:11543, doi 10.1038/ncomms11543.
    """

    tau_visual: float = positive(87.3, "ms")
    tau_auditory: float = positive(68.4, "ms")
    tau_binding: float = positive(785.9, "ms")
    bias_synchrony: float = number(-4.0, "probits", free=(-15, 15))
    gain_synchrony: float = number(6.0, "probits", free=(0, 30))  # per normalised correlation
    bias_order: float = number(0.0, "probits", free=(-5, 5))
    gain_order: float = number(5.0, "probits", free=(0, 30))  # per normalised lag
    duration: float = positive(1.0, "ms")  # of events that the table gives no duration for: an impulse
    dt: float = positive(1.0, "ms")
    name: str = "parise2016"


@dataclass(frozen=True)
class Parise2025(CorrelationDetector):
    """Judges synchrony and order from transients of light and sound: band-pass front ends, squared.

    f(t) = (t/τ) e^{−t/τ} (1 − (t/τ)²/3!); v = (S_V ∗ f_V)², a = (S_A ∗ f_A)²; from there as `Parise2016`. The filter
    ignores sustained intensity, so on- and offsets count alike and a periodic pair is in synchrony twice per period.

    References
    ----------
    Parise & Ernst (2025) eLife 12:RP90841, doi 10.7554/eLife.90841.
    """

    tau_visual: float = positive(70.0, "ms")
    tau_auditory: float = positive(55.0, "ms")
    tau_binding: float = positive(674.0, "ms")
    bias_synchrony: float = number(-4.0, "probits", free=(-15, 15))
    gain_synchrony: float = number(6.0, "probits", free=(0, 30))  # per normalised correlation
    bias_order: float = number(0.0, "probits", free=(-5, 5))
    gain_order: float = number(5.0, "probits", free=(0, 30))  # per normalised lag
    duration: float = positive(20000.0, "ms")  # of events that the table gives no duration for: a step
    dt: float = positive(1.0, "ms")
    name: str = "parise2025"

    transient: ClassVar[bool] = True
