"""What observers who count flashes and beeps share: their cues, and what they can be asked."""

from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.observers.ann.network import NetworkObserver
from neuromm.observers.base import Cue
from neuromm.stimuli.table import require


class CountSubject(NetworkObserver):
    """Answers how many flashes and beeps there were, and whether they had one cause.

    A count of 0, or an azimuth that is NaN, is an absent event.
    """

    cues: ClassVar = (Cue("visual", "count", "counts"), Cue("auditory", "count", "counts"))
    reports: ClassVar[tuple[str, ...]] = ("n_flashes", "n_beeps", "common")

    def check_trials(self, trials: pd.DataFrame) -> None:
        """Also refuse a question about events of a sense whose azimuth says that it is absent."""
        require(trials, ["report", "n_flashes", "n_beeps"], self.name)
        super().check_trials(trials)
        for cue in self.cues:
            azimuth = f"{cue.modality}_azimuth"
            if azimuth not in trials:
                continue
            wrong = (trials["report"] == cue.asked_as).to_numpy() & np.isnan(trials[azimuth].to_numpy(float))
            if wrong.any():
                rows = trials.index[wrong][:5].tolist()
                raise ValueError(
                    f"{self.name}: trials {rows} ask for the {cue.asked_as} count, "
                    f"but their {cue.modality} event is absent ({azimuth})"
                )
