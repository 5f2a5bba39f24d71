"""The fuzzy logical model of perception as an observer of syllables, with the weighted variant."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.maths.fuzzy_logic import integrate_supports
from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.bayes.syllables import (
    answer_syllables,
    check_codes,
    check_pairs,
    choices,
    log_likelihood_of,
    probability_table,
    shown_syllables,
)
from neuromm.observers.protocol import Percept, collect, describe, perceive_sets
from neuromm.stimuli.table import showings

# Degrees of truth of the alternatives ba, da, ga, and of the combination baga, chosen for demonstration
AUDITORY = (("ba", (0.90, 0.06, 0.02, 0.02)), ("da", (0.04, 0.90, 0.05, 0.01)), ("ga", (0.02, 0.05, 0.90, 0.03)))
VISUAL = (("ba", (0.90, 0.01, 0.01, 0.08)), ("da", (0.01, 0.60, 0.38, 0.01)), ("ga", (0.01, 0.55, 0.43, 0.01)))


@dataclass(frozen=True)
class Massaro1998(Likely):
    """Multiplies the supports of voice and lips, and answers by their relative goodness (FLMP).

    P_k = a_k^wa v_k^wv / Σ a_k'^wa v_k'^wv over the alternatives on offer; weights of 1 are Massaro's model, other
    weights per person are Schwartz's. One modality alone answers by its own supports. The default supports are
    chosen; fit them with `measures.fit_flmp`. FLMP tells neither sensory noise from stimulus nor person from
    stimulus.

    References
    ----------
    Massaro (1998) Perceiving Talking Faces, MIT Press. Schwartz (2010) J Acoust Soc Am 127:1584, doi 10.1121/1.3293001.
    """

    alternatives: tuple[str, ...] = ("ba", "da", "ga", "baga")
    auditory_support: tuple = AUDITORY  # (syllable, one degree of truth per alternative), …
    visual_support: tuple = VISUAL
    weight_auditory: float = 1.0  # exponent of the voice's supports
    weight_visual: float = 1.0  # exponent of the lips' supports
    name: str = "massaro1998"

    layers: ClassVar[tuple[str, ...]] = ("auditory_support", "visual_support", "goodness")
    reports: ClassVar[tuple[str, ...]] = ("syllable",)
    likelihood_columns: ClassVar[tuple[str, ...]] = ("auditory_syllable", "visual_syllable")

    def __post_init__(self):
        for field in ("auditory_support", "visual_support"):
            for syllable, support in getattr(self, field):
                if len(support) != len(self.alternatives) or min(support) < 0 or max(support) > 1:
                    raise ValueError(
                        f"{self.name}: {field} of '{syllable}' is {support}; one degree of truth 0…1 for each of "
                        f"{', '.join(self.alternatives)} is wanted"
                    )
        if not (self.weight_auditory >= 0 and self.weight_visual >= 0):
            raise ValueError(
                f"{self.name}: weights are {self.weight_auditory}, {self.weight_visual}; at least 0 is wanted"
            )

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial by drawing from the relative goodness, and record `layers` from the same pass.

        Needs `report` ("syllable") and `auditory_syllable`, `visual_syllable` (missing = absent); `alternatives` may
        offer fewer answers. Layers hold one unit per alternative (1/K where a modality is absent).
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        pressed, supports = self._probabilities(trials)
        first, of_row = showings(trials)
        uniform = rng.random((len(trials), 1))[first][of_row]
        chosen = (uniform > np.cumsum(pressed, axis=1)).sum(1).clip(max=len(self.alternatives) - 1)
        responses = answer_syllables(trials, np.array(self.alternatives, object)[chosen], self.name, self.alternatives)
        recorded = {**supports, "goodness": pressed}
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _probabilities(self, trials):
        """Response probabilities (n_trials, n_alternatives), and the supports of each modality."""
        supports, codes = {}, []
        for modality in ("auditory", "visual"):
            table = getattr(self, f"{modality}_support")
            codes.append(shown_syllables(trials, modality, [s for s, _ in table], self.name))
            values = np.vstack([np.array([support for _, support in table]), np.full(len(self.alternatives), np.nan)])
            supports[f"{modality}_support"] = values[codes[-1]]
        check_pairs(trials, *codes, self.name)
        pressed = integrate_supports(*supports.values(), self.weight_auditory, self.weight_visual)
        for _, keys, rows in choices(trials, self.alternatives, self.name):
            offered = np.zeros((rows.sum(), len(self.alternatives)))
            offered[:, keys] = pressed[rows][:, keys]
            pressed[rows] = offered / offered.sum(1, keepdims=True)
        return pressed, {k: np.where(np.isnan(v), 1 / len(self.alternatives), v) for k, v in supports.items()}

    def predict(self, trials) -> pd.DataFrame:
        """Probability of each alternative in closed form (`key_ba`, …), indexed by trial."""
        return probability_table(trials, self._probabilities(trials)[0], self.alternatives)

    def plan_likelihood(self, cells, device):
        """Log probability of each answer (its code in `alternatives`); the weights may be free, supports are fields."""
        import torch

        _, supports = self._probabilities(cells)
        said = check_codes(cells, self.alternatives, self.name)
        logs = [torch.as_tensor(np.log(np.maximum(s, 1e-12)), device=device) for s in supports.values()]
        offered = np.zeros((len(cells), len(self.alternatives)), bool)
        for _, keys, rows in choices(cells, self.alternatives, self.name):
            offered[np.ix_(rows, keys)] = True
        closed = torch.as_tensor(np.where(offered, 0.0, -np.inf), device=device)
        index = torch.as_tensor(said, device=device)

        def evaluate(parameters, _rule=None):
            heard, seen = (parameters[f"weight_{m}"][:, None, None] for m in ("auditory", "visual"))
            log_chance = torch.log_softmax(heard * logs[0] + seen * logs[1] + closed, -1)  # (sets, cells, alternatives)
            chosen = torch.gather(log_chance, 2, index[None, :, None].expand(len(log_chance), -1, 1))[..., 0]
            return chosen.clamp(min=np.log(1e-12))

        return evaluate, len(cells) * len(self.alternatives)

    def log_likelihood(self, trials) -> np.ndarray:
        """Log probability of each row's `response_label`, nats; NaN where missed; shape (n_trials,)."""
        return log_likelihood_of(trials, self.predict(trials), self.name)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)
