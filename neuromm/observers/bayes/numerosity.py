"""Causal inference over numbers of flashes and beeps: the sound-induced flash illusion."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from neuromm.core.parameters import count, number, probability, sd
from neuromm.observers.base import Cue
from neuromm.observers.bayes.two_cues import TwoCueObserver
from neuromm.stimuli.alternatives import offer_counts


@dataclass(frozen=True)
class Numerosity(TwoCueObserver):
    """Counts flashes and beeps as if numbers were places on a line: causal inference over counts.

    The equations are those of `CausalInference` with counts in place of azimuths; the answer is the nearest of
    1 … `largest` (or of the row's `alternatives`). A count of 0 is an absent modality. Visual noise alone
    already makes "two" out of one flash: report fission as a difference from the unisensory condition.

    References
    ----------
    Rohe, Ehlis & Noppeney (2019) Nat Commun 10:1907, table 2 (the defaults).
    Shams, Ma & Beierholm (2005) NeuroReport 16:1923.
    """

    cues: ClassVar = (
        Cue("auditory", "count", "counts", sigma="sigma_beeps"),
        Cue("visual", "count", "counts", sigma="sigma_flashes"),
    )
    reports: ClassVar[tuple[str, ...]] = ("n_beeps", "n_flashes", "common")

    sigma_beeps: float = sd(0.53, "counts", free=(0.05, 3))
    sigma_flashes: float = sd(1.11, "counts", free=(0.05, 3))
    sigma_prior: float = sd(2.34, "counts", free=(0.2, 20))
    mu_prior: float = number(2.26, "counts", free=(0, 6))
    p_common: float = probability(0.42, free=(0.01, 0.99))  # prior of one cause
    strategy: Literal["averaging", "selection", "matching"] = "averaging"
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    largest: int = count(4, least=2)  # answers are 1 … largest where a row has no alternatives
    name: str = "numerosity"

    def with_alternatives(self, trials):
        """The counts 1 … `largest` where a row that asks for a count offers nothing."""
        return offer_counts(trials, self.largest, self._asks_cue(trials))
