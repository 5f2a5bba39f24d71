"""A baseline with nothing to combine: an observer that gets one sense of every trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neuromm.observers.protocol import Percept
from neuromm.stimuli.table import PLACES

OTHER = {"auditory": "visual", "visual": "auditory"}


@dataclass(frozen=True)
class OneSense:
    """Another observer, unchanged, to whom the light (or the sound) of every trial is not shown.

    Asked where either event was, it answers where the one that it got was: it has nothing else to say. What it seems to
    combine, it got from how places and samples are laid out in the design.
    """

    observer: object
    sense: Literal["auditory", "visual"] = "auditory"  # the one it gets
    name: str = "one_sense"

    reports = ("auditory", "visual")

    @property
    def layers(self):
        """Those of the observer."""
        return self.observer.layers

    def perceive(self, trials, *, rng, layers=()) -> Percept:
        """The observer's percept of the same rows with the other sense absent.

        Parameters
        ----------
        trials : DataFrame
            Every row must show the sense.
        rng : numpy.random.Generator
        layers : names, patterns or Records
            Of the observer.

        Raises
        ------
        ValueError
            If a row does not show the sense.
        """
        hidden = [f"{OTHER[self.sense]}_{c}" for c in (*PLACES, "measurement")]
        alone = trials.assign(report=self.sense, **{c: np.nan for c in hidden if c in trials})
        return self.observer.perceive(alone, rng=rng, layers=layers)

    def provenance(self) -> dict:
        """That of the observer, and which sense it got."""
        return {**self.observer.provenance(), "one_sense": self.sense}
