"""The fuzzy logical model of perception as an observer of syllables, with the weighted variant."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.core.messages import must_be
from neuromm.core.parameters import positive
from neuromm.maths.fuzzy_logic import integrate_supports
from neuromm.observers.base import Labels, Percepts
from neuromm.observers.bayes.likely import Likely
from neuromm.observers.bayes.syllables import SyllableObserver, check_codes, probability_table
from neuromm.observers.choices import label_offers

# Degrees of truth of the alternatives ba, da, ga, and of the combination baga, chosen for demonstration
AUDITORY = (("ba", (0.90, 0.06, 0.02, 0.02)), ("da", (0.04, 0.90, 0.05, 0.01)), ("ga", (0.02, 0.05, 0.90, 0.03)))
VISUAL = (("ba", (0.90, 0.01, 0.01, 0.08)), ("da", (0.01, 0.60, 0.38, 0.01)), ("ga", (0.01, 0.55, 0.43, 0.01)))


@dataclass(frozen=True)
class Massaro1998(SyllableObserver, Likely):
    """Multiplies the supports of voice and lips, and answers by their relative goodness (FLMP).

    P_k = a_k^wa v_k^wv / Σ a_k'^wa v_k'^wv over the alternatives on offer; weights of 1 are Massaro's model, other
    weights per person are Schwartz's. One modality alone answers by its own supports. The default supports are
    chosen; fit them with `measures.fit_flmp`. FLMP tells neither sensory noise from stimulus nor person from
    stimulus. Layers hold one unit per alternative (1/K where a modality is absent).

    References
    ----------
    Massaro (1998) Perceiving Talking Faces, MIT Press. Schwartz (2010) J Acoust Soc Am 127:1584, doi 10.1121/1.3293001.
    """

    layers: ClassVar[tuple[str, ...]] = ("auditory_support", "visual_support", "goodness")
    reports: ClassVar[tuple[str, ...]] = ("syllable",)
    random: ClassVar[tuple[str, ...]] = ()  # `infer` draws its own, uniform between 0 and 1
    likelihood_columns: ClassVar[tuple[str, ...]] = ("auditory_syllable", "visual_syllable")

    alternatives: tuple[str, ...] = ("ba", "da", "ga", "baga")
    auditory_support: tuple = AUDITORY  # (syllable, one degree of truth per alternative), …
    visual_support: tuple = VISUAL
    weight_auditory: float = positive(1.0, zero=True, free=(0, 5))  # exponent of the voice's supports
    weight_visual: float = positive(1.0, zero=True, free=(0, 5))  # exponent of the lips' supports
    name: str = "massaro1998"

    def __post_init__(self):
        super().__post_init__()
        for field in ("auditory_support", "visual_support"):
            for syllable, support in getattr(self, field):
                if len(support) != len(self.alternatives) or min(support) < 0 or max(support) > 1:
                    truths = f"one degree of truth from 0 to 1 for each of {', '.join(self.alternatives)}"
                    raise must_be(self.name, f"{field} of '{syllable}'", truths, support)

    def known(self, modality):
        """The syllables that have supports in this modality."""
        return tuple(syllable for syllable, _ in getattr(self, f"{modality}_support"))

    def infer(self, stimuli, draws):
        """Draw an answer by the relative goodness of what is on offer."""
        chosen, supports = self._probabilities(stimuli.table)
        uniform = draws.generator.random(len(stimuli.trials))[stimuli.first]
        labels = Labels(self.alternatives, scores=chosen, uniform=uniform)
        return Percepts(syllable=labels, layers=supports | {"goodness": chosen})

    def _probabilities(self, trials):
        """Response probabilities (n_trials, n_alternatives), and the supports of each modality."""
        n = len(self.alternatives)
        supports = {}
        for modality, position in zip(("auditory", "visual"), self.positions(trials), strict=True):
            truths = [support for _, support in getattr(self, f"{modality}_support")]
            supports[f"{modality}_support"] = np.vstack([truths, np.full(n, np.nan)])[position]
        chosen = integrate_supports(*supports.values(), self.weight_auditory, self.weight_visual)
        for positions, offer in self._offers(trials):
            among = np.zeros((offer.rows.sum(), n))
            among[:, positions] = chosen[offer.rows][:, positions]
            chosen[offer.rows] = among / among.sum(1, keepdims=True)
        for name, support in supports.items():
            supports[name] = np.where(np.isnan(support), 1 / n, support)
        return chosen, supports

    def _offers(self, trials):
        return label_offers(trials, self.alternatives, self.name, "syllable")

    def predict(self, trials) -> pd.DataFrame:
        """Probability of each alternative in closed form (`key_ba`, …), indexed by trial."""
        self.check_trials(trials)
        return probability_table(trials, self._probabilities(trials)[0], self.alternatives)

    def plan_likelihood(self, cells, device):
        """Log probability of each answer (its code in `alternatives`); the weights may be free, supports are fields."""
        import torch

        self.check_trials(cells)
        _, supports = self._probabilities(cells)
        said = check_codes(cells, self.alternatives, self.name)
        logs = [torch.as_tensor(np.log(np.maximum(s, 1e-12)), device=device) for s in supports.values()]
        offered = np.zeros((len(cells), len(self.alternatives)), bool)
        for positions, offer in self._offers(cells):
            offered[np.ix_(offer.rows, positions)] = True
        closed = torch.as_tensor(np.where(offered, 0.0, -np.inf), device=device)
        index = torch.as_tensor(said, device=device)

        def evaluate(parameters, _rule=None):
            heard, seen = (parameters[f"weight_{m}"][:, None, None] for m in ("auditory", "visual"))
            log_chance = torch.log_softmax(heard * logs[0] + seen * logs[1] + closed, -1)  # (sets, cells, alternatives)
            chosen = torch.gather(log_chance, 2, index[None, :, None].expand(len(log_chance), -1, 1))[..., 0]
            return chosen.clamp(min=np.log(1e-12))

        return evaluate, len(cells) * len(self.alternatives)
