"""What observers of syllables share: which syllables a row shows, labels and their codes."""

import numpy as np
import pandas as pd

from neuromm.maths.parameters import BadData
from neuromm.observers.base import Observer
from neuromm.observers.choices import label_offers
from neuromm.stimuli.alternatives import offers
from neuromm.stimuli.labels import offered
from neuromm.stimuli.labels import syllables as written
from neuromm.stimuli.table import require

OTHER = "other"  # an open answer that is none of the observer's syllables


def shown_syllables(trials, modality, known, name):
    """Position of each row's syllable in `known`; −1 where the modality is absent; shape (n_trials,).

    Raises
    ------
    ValueError
        If a syllable is not one of `known`; the rows are named.
    """
    column = f"{modality}_syllable"
    if column not in trials:
        return np.full(len(trials), -1)
    values = written(trials[column])
    codes = pd.Categorical(values, categories=list(known)).codes.astype(int)
    wrong = (codes < 0) & values.notna().to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{name}: trial {trials.index[row]} has {column} '{values.iloc[row]}', a syllable without a place; "
            f"it knows: {', '.join(known)}"
        )
    return codes


class SyllableObserver(Observer):
    """Answers with a syllable; a subclass has `predict`, a table of `key_…` columns.

    Needs `auditory_syllable` and `visual_syllable` (missing = absent). `alternatives` "ba|da|ga" is a forced
    choice, empty an open one; a response is the position of its label among the observer's answers.
    """

    def known(self, modality: str) -> tuple[str, ...]:
        """The syllables that it can hear or see."""
        return self.syllables

    def positions(self, trials: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Position of the heard and of the seen syllable of each row in `known`; −1 where absent."""
        heard = shown_syllables(trials, "auditory", self.known("auditory"), self.name)
        seen = shown_syllables(trials, "visual", self.known("visual"), self.name)
        return heard, seen

    def check_trials(self, trials: pd.DataFrame) -> None:
        """As every observer; refuses rows without a syllable, and questions of unity about one modality."""
        super().check_trials(trials)
        if "auditory_syllable" not in trials and "visual_syllable" not in trials:
            require(trials, ["auditory_syllable", "visual_syllable"], self.name)
        heard, seen = self.positions(trials)
        silent = (heard < 0) & (seen < 0)
        if silent.any():
            rows = trials.index[silent][:5].tolist()
            raise ValueError(f"{self.name}: trials {rows} show no syllable")
        wrong = ((heard < 0) | (seen < 0)) & (trials["report"] == "common").to_numpy()
        if wrong.any():
            rows = trials.index[wrong][:5].tolist()
            raise ValueError(
                f"{self.name}: trials {rows} ask for a common cause, but one modality is absent"
            )

    def log_likelihood(self, trials: pd.DataFrame) -> np.ndarray:
        """Log probability of each row's `response_label`, nats; NaN where missed; shape (n_trials,)."""
        return log_likelihood_of(trials, self.predict(trials), self.name)


def check_codes(cells, known, name):
    """The responses as positions in `known` (rows that ask for a syllable), integers (n_cells,).

    Raises
    ------
    BadData
        If a response is none of them.
    """
    codes = pd.to_numeric(cells["response"], errors="coerce").to_numpy(float)
    asked = (cells["report"] == "syllable").to_numpy()
    for positions, offer in label_offers(cells, known, name, "syllable"):
        wrong = asked & offer.rows & ~np.isin(codes, positions)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            allowed = ", ".join(f"{position} ({known[position]})" for position in positions)
            where = f" where the alternatives are {offer.text}" if offer.words else ""
            raise BadData(
                f"{name}: column 'response' must be one of {allowed}{where}, "
                f"got {cells['response'].iloc[row]} (trial {cells.index[row]})"
            )
    return codes.astype(int)


def probability_table(trials, probabilities, known):
    """Response probabilities (n_trials, n_known) as columns `key_ba`, `key_da`, …, indexed by trial."""
    return pd.DataFrame(probabilities, trials.index, [f"key_{label}" for label in known])


def log_likelihood_of(trials, table, name):
    """Log probability of each row's `response_label` under a table of `key_…` columns; NaN where missed; (n_trials,).

    Raises
    ------
    ValueError
        If a label is none of the keys, or none of its row's alternatives: it is never dropped silently.
    """
    require(trials, ["response_label"], name)
    labels = written(trials["response_label"])
    keys = [c.removeprefix("key_") for c in table.columns if c.startswith("key_")]
    for offer in offers(trials):
        known = [key for key in offered(offer.text) or keys if key in keys]
        wrong = offer.rows & labels.notna() & ~labels.isin(known)
        if wrong.any():
            raise ValueError(
                f"{name}: response_label '{labels[wrong].iloc[0]}' (trial {trials.index[wrong][0]}) is outside the "
                f"alternatives {', '.join(known)}; recode it, or add it"
            )
    codes = pd.Categorical(labels, categories=keys).codes
    given = table[[f"key_{key}" for key in keys]].to_numpy()[np.arange(len(trials)), np.maximum(codes, 0)]
    return np.where(codes < 0, np.nan, np.log(np.maximum(given, 1e-12)))
