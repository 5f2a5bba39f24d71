"""Evidence for right against left, of a coherence or of places, as observers that decide in time read it."""

from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.observers.base import Observer
from neuromm.observers.cues import Cue, check_asked
from neuromm.stimuli.measurement import coherence_of, reliability_of

EVIDENCE_CUES = (Cue("auditory"), Cue("visual"), Cue("vestibular"))


class EvidenceObserver(Observer):
    """Weighs signed evidence c' = Σ_m w_m c_m, c_m = evidence_per_degree · place · √reliability, right positive.

    A column `coherence` (−1…1, a fraction) is c' itself. The evidence of places saturates at ±1, where all input goes
    to one population. A subclass has the fields `evidence_per_degree` and `weight_…` of each modality.
    """

    reports: ClassVar[tuple[str, ...]] = ("direction", "heading", "auditory", "visual", "vestibular")
    random: ClassVar[tuple[str, ...]] = ()

    def check_trials(self, trials):
        """As every observer; a coherence stands for all modalities."""
        super().check_trials(trials)
        if "coherence" not in trials:
            check_asked(trials, EVIDENCE_CUES, self.name)

    def evidence(self, trials: pd.DataFrame) -> np.ndarray:
        """Signed evidence c' of each row, shape (n_trials,); right is positive.

        Raises
        ------
        ValueError
            If a row has neither `coherence` nor a place, or a coherence outside −1…1.
        """
        total = np.zeros(len(trials))
        present = np.zeros(len(trials), bool)
        for cue in EVIDENCE_CUES:
            place = cue.values(trials)
            strength = self.evidence_per_degree * np.nan_to_num(place) * np.sqrt(reliability_of(trials, cue.modality))
            total += getattr(self, f"weight_{cue.modality}") * strength
            present |= ~np.isnan(place)
        coherence = coherence_of(trials, self.name)
        given = ~np.isnan(coherence)
        silent = ~(present | given)
        if silent.any():
            rows = trials.index[silent][:5].tolist()
            raise ValueError(
                f"{self.name}: trials {rows} give no evidence: a 'coherence', or a place of auditory, visual or "
                "vestibular"
            )
        return np.clip(np.where(given, coherence, total), -1.0, 1.0)
