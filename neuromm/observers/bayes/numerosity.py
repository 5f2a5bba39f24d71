"""Causal inference over numbers of flashes and beeps: the sound-induced flash illusion."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.bayes.possible_answers import choices_of
from neuromm.observers.protocol import Percept, answer, describe, perceive_sets
from neuromm.stimuli.table import require

PLACE = {"n_beeps": "auditory", "n_flashes": "visual", "common": "common"}
TWIN = {"sigma_beeps": "sigma_auditory", "sigma_flashes": "sigma_visual"}


@dataclass(frozen=True)
class Numerosity(Likely):
    """Counts flashes and beeps as if numbers were places on a line: causal inference over counts.

    The equations are those of `CausalInference` with counts in place of azimuths; the answer is the nearest of
    1 … `largest` (or of the row's `alternatives`). A count of 0 is an absent modality. Visual noise alone
    already makes "two" out of one flash: report fission as a difference from the unisensory condition.

    References
    ----------
    Rohe, Ehlis & Noppeney (2019) Nat Commun 10:1907, table 2 (the defaults).
    Shams, Ma & Beierholm (2005) NeuroReport 16:1923.
    """

    layers: ClassVar[tuple[str, ...]] = CausalInference.layers
    reports: ClassVar[tuple[str, ...]] = ("n_beeps", "n_flashes", "common")
    likelihood_columns: ClassVar[tuple[str, ...]] = (
        "n_beeps", "n_flashes", "auditory_reliability", "visual_reliability"
    )  # fmt: skip

    sigma_beeps: float = 0.53  # counts
    sigma_flashes: float = 1.11  # counts
    sigma_prior: float = 2.34  # counts
    mu_prior: float = 2.26  # counts
    p_common: float = 0.42  # prior probability of one cause
    strategy: Literal["averaging", "selection", "matching"] = "averaging"
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    largest: int = 4  # answers are 1 … largest where a row has no alternatives
    name: str = "numerosity"

    def __post_init__(self):
        if self.largest < 2:
            raise ValueError(f"{self.name}: largest is {self.largest}; at least 2 answers are wanted")
        self._twin()  # refuses impossible parameters

    def _twin(self):
        """The observer of places that computes the same."""
        return CausalInference(
            self.sigma_beeps, self.sigma_flashes, self.sigma_prior, self.mu_prior, self.p_common, self.strategy,
            lapse=self.lapse, name=self.name,
        )  # fmt: skip

    def _as_places(self, trials):
        """The same trials with counts as azimuths, and the keys written out."""
        require(trials, ["report"], self.name)
        if not {"n_beeps", "n_flashes"} & set(trials.columns):
            require(trials, ["n_flashes"], self.name)
        answer(trials, dict.fromkeys(self.reports, 0.0), self.name)  # refuses reports that it cannot give
        counts = {
            count: trials[count].to_numpy(float) if count in trials else np.full(len(trials), np.nan)
            for count in ("n_beeps", "n_flashes")
        }
        counts = {count: np.where(values == 0, np.nan, values) for count, values in counts.items()}
        keys = pd.Series("|".join(map(str, range(1, self.largest + 1))), trials.index, dtype=object)
        if "alternatives" in trials:
            keys = trials["alternatives"].where(trials["alternatives"].notna(), keys)
        keep = ["presentation", "condition", "fold", "auditory_reliability", "visual_reliability", "response"]
        return trials[[c for c in keep if c in trials]].assign(
            auditory_azimuth=counts["n_beeps"], visual_azimuth=counts["n_flashes"],
            report=trials["report"].map(PLACE), alternatives=keys.where(trials["report"] != "common"),
        )  # fmt: skip

    def answer_choices(self, report: str, alternatives: str) -> tuple | object | None:
        """1 … `largest` where a count is asked without alternatives; else as any observer."""
        if report != "common" and not alternatives:
            return tuple(float(count) for count in range(1, self.largest + 1))
        return choices_of(report, alternatives)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`; see `CausalInference.perceive` (units: counts).

        Raises
        ------
        ValueError
            If `n_flashes` and `n_beeps` are missing, or a row asks for a count of what was absent.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        return self._twin().perceive(self._as_places(trials), rng=rng, layers=layers)

    def predict(self, trials) -> pd.DataFrame:
        """Exact expectations of each row; columns as `CausalInference.predict` (key_1, key_2, …)."""
        return self._twin().predict(self._as_places(trials))

    def plan_likelihood(self, cells, device):
        """Log probability of each answer; see `neuromm.observers.bayes.likelihood`."""
        evaluate, effort = self._twin().plan_likelihood(self._as_places(cells), device)

        def renamed(parameters, *rule):
            values = {TWIN.get(name, name): value for name, value in parameters.items()}
            return evaluate(values | {"sigma_motor": 0.0 * parameters["lapse"]}, *rule)

        return renamed, effort

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


