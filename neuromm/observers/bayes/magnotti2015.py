"""Noisy encoding of disparity (NED): who fuses which McGurk stimulus, and how reliably; and populations of people."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive
from neuromm.maths.encoding_disparity import fusion_probability
from neuromm.observers.base import Labels, Percepts
from neuromm.observers.bayes.likely import Likely
from neuromm.observers.bayes.syllables import OTHER, SyllableObserver, check_codes, probability_table

COLUMN = "syllable_disparity"  # disparity of each McGurk stimulus, the observer's `disparity` where missing


@dataclass(frozen=True)
class Magnotti2015(SyllableObserver, Likely):
    """Fuses a McGurk stimulus when its noisily encoded disparity stays below a personal threshold (NED).

    X ~ N(D_i, σ²); fused if X < T: P(fusion) = Φ((T − D_i)/σ). D_i belongs to the stimulus (column
    `syllable_disparity`), T and σ to the person. A pair that fuses is named in `fusions` (heard, seen, fused); without
    fusion the voice is heard. Congruent pairs are heard as they are. "common" is 1 where disparity is encoded below
    threshold. The defaults are the means of T and D and the median σ of 165 people and 14 stimuli.

    References
    ----------
    Magnotti & Beauchamp (2015) Psychon Bull Rev 22:701–709, doi 10.3758/s13423-014-0722-2.
    """

    layers: ClassVar[tuple[str, ...]] = ("encoded_disparity", "p_fusion")
    reports: ClassVar[tuple[str, ...]] = ("syllable", "common")
    random: ClassVar[tuple[str, ...]] = ("disparity",)
    likelihood_columns: ClassVar[tuple[str, ...]] = ("auditory_syllable", "visual_syllable", COLUMN)

    threshold: float = number(0.72, free=(0, 2))  # person's T, arbitrary unit of disparity
    sigma: float = positive(0.12, free=(0.005, 1))  # person's sensory noise, same unit
    disparity: float = number(0.81)  # D of a stimulus that the table gives none for
    fusions: tuple[tuple[str, str, str], ...] = (("ba", "ga", "da"), ("pa", "ka", "ta"))  # heard, seen, fused
    syllables: tuple[str, ...] = ("ba", "da", "ga", "pa", "ta", "ka")
    name: str = "magnotti2015"

    def __post_init__(self):
        super().__post_init__()
        unknown = {syllable for triple in self.fusions for syllable in triple} - set(self.syllables)
        if unknown:
            wanted = f"triples of its syllables ({', '.join(self.syllables)})"
            raise must_be(self.name, "fusions", wanted, sorted(unknown))

    @property
    def answers(self) -> tuple[str, ...]:
        """Every label that a response may have; a response is its position here."""
        return (*self.syllables, OTHER)

    def infer(self, stimuli, draws):
        """Encode the disparity with noise, and fuse where it stays below threshold."""
        heard, seen, fused, disparity = self._stimuli(stimuli.table)
        encoded = disparity + self.sigma * draws["disparity"]
        below = encoded < self.threshold
        both = (heard >= 0) & (seen >= 0)
        names = np.array(self.syllables, object)
        single = names[np.where(heard >= 0, heard, seen)]
        labels = np.where(below & (fused >= 0), names[fused], single)
        common = np.where(both, below.astype(float), np.nan)
        chance = fusion_probability(disparity, self.threshold, self.sigma)
        return Percepts(
            syllable=Labels(self.answers, open_label=labels),
            common=common,
            judged_common=common,
            layers={"encoded_disparity": encoded[:, None], "p_fusion": chance[:, None]},
        )

    def _stimuli(self, trials):
        """Positions of heard, seen and fused syllable (−1: none), and disparity (0 where congruent or alone)."""
        heard, seen = self.positions(trials)
        position = self.syllables.index
        fused = np.full(len(trials), -1)
        for a, v, result in self.fusions:
            fused[(heard == position(a)) & (seen == position(v))] = position(result)
        given = trials[COLUMN].to_numpy(float) if COLUMN in trials else np.full(len(trials), np.nan)
        given = np.where(np.isnan(given), self.disparity, given)
        return heard, seen, fused, np.where((heard == seen) | (heard < 0) | (seen < 0), 0.0, given)

    def predict(self, trials) -> pd.DataFrame:
        """Probability of each syllable in closed form (`key_ba`, …), indexed by trial; `p_fusion` beside it."""
        self.check_trials(trials)
        heard, seen, fused, disparity = self._stimuli(trials)
        chance = np.where(fused >= 0, fusion_probability(disparity, self.threshold, self.sigma), 0.0)
        pressed = np.zeros((len(trials), len(self.syllables)))
        rows = np.arange(len(trials))
        pressed[rows, np.where(heard >= 0, heard, seen)] = 1 - chance
        pressed[rows, np.maximum(fused, 0)] += chance
        return probability_table(trials, pressed, self.syllables).assign(p_fusion=chance)

    def plan_likelihood(self, cells, device):
        """Log probability of each answer (its code in `syllables`, or 1/0 for "common") in closed form."""
        import torch

        from neuromm.maths.report_probability import normal_cdf  # torch

        self.check_trials(cells)
        heard, seen, fused, _ = self._stimuli(cells)
        said = check_codes(cells, self.answers, self.name)
        given = cells[COLUMN].to_numpy(float) if COLUMN in cells else np.full(len(cells), np.nan)
        given = np.where((heard == seen) | (heard < 0) | (seen < 0), 0.0, given)
        tensor = {name: torch.as_tensor(np.array(value), device=device) for name, value in {
            "given": np.nan_to_num(given), "unknown": np.isnan(given), "fusible": fused >= 0, "as_fused": said == fused,
            "as_single": said == np.where(heard >= 0, heard, seen), "common": (cells["report"] == "common").to_numpy(),
            "yes": said == 1,
        }.items()}  # fmt: skip

        def evaluate(parameters, _rule=None):
            p = {name: value[:, None] for name, value in parameters.items()}
            disparity = torch.where(tensor["unknown"], p["disparity"], tensor["given"])
            below = normal_cdf((p["threshold"] - disparity) / p["sigma"])
            fusing = torch.where(tensor["fusible"], below, torch.zeros_like(below))
            chance = tensor["as_fused"] * fusing + tensor["as_single"] * (1 - fusing)
            chance = torch.where(tensor["common"], torch.where(tensor["yes"], below, 1 - below), chance)
            return torch.log(chance.clamp(min=1e-12))

        return evaluate, len(cells)


def draw_population(
    n=165, *, rng, mean_threshold=0.72, sd_threshold=0.35, median_sigma=0.12, log_sd_sigma=1.1
) -> list[Magnotti2015]:
    """People with thresholds T ~ N(mean, sd) in 0…2 and noise σ log-normal in 0.001…1, named person_001, …

    The defaults give the spread of the published fit (mean T .72, median σ .12, mean .23, right-skewed).
    """
    if n < 1:
        raise ValueError(f"n must be at least 1 person, got {n}")
    thresholds = np.clip(rng.normal(mean_threshold, sd_threshold, n), 0, 2)
    sigmas = np.clip(median_sigma * np.exp(log_sd_sigma * rng.standard_normal(n)), 0.001, 1.0)
    return [
        Magnotti2015(threshold=float(t), sigma=float(s), name=f"person_{i + 1:03d}")
        for i, (t, s) in enumerate(zip(thresholds, sigmas, strict=True))
    ]
