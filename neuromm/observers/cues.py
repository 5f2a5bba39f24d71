"""What an observer is shown: its cues as data, each presentation once, and its named random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.stimuli.measurement import place_of, sigma_of, with_noise_seeds
from neuromm.stimuli.table import PLACES, require, showings

COUNTS = {"auditory": "n_beeps", "visual": "n_flashes", "tactile": "n_taps"}


@dataclass(frozen=True)
class Cue:
    """One source of information: which sense, and what it tells of.

    `quantity` is "azimuth", "heading", "height" or "velocity" (one column `MODALITY_QUANTITY`), "place"
    (whichever of the first three the table has), "count" (`n_beeps`, `n_flashes`, `n_taps`; 0 is an absent
    event), or a quantity in words, such as "syllable": its values are positions in `levels`.
    """

    modality: str
    quantity: str = "place"
    unit: str = "deg"
    sigma: str = ""  # field with the sensory SD at reliability 1; "" is sigma_MODALITY
    report: str = ""  # question about this cue; "" is the modality, or the column of a count
    levels: tuple[str, ...] = ()  # the words of a cue in words
    optional: bool = False  # whether a table may lack it wholly: counts of events then stand straight ahead

    @property
    def column(self) -> str:
        """Column of the trial table that holds the cue."""
        if self.quantity == "count":
            return COUNTS[self.modality]
        return f"{self.modality}_{'azimuth' if self.quantity == 'place' else self.quantity}"

    @property
    def sigma_field(self) -> str:
        """Name of the observer's field with the sensory SD."""
        return self.sigma or f"sigma_{self.modality}"

    def sigma_of(self, observer) -> float:
        """The observer's sensory SD of this cue at reliability 1.

        Raises
        ------
        AttributeError
            Naming the class and the field that it lacks.
        """
        if not hasattr(observer, self.sigma_field):
            raise AttributeError(
                f"{type(observer).__name__} has no field '{self.sigma_field}', "
                f"the sensory SD of its {self.modality} cue"
            )
        return getattr(observer, self.sigma_field)

    @property
    def asked_as(self) -> str:
        """The `report` that asks about this cue."""
        if self.report or self.levels:
            return self.report
        return self.column if self.quantity == "count" else self.modality

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the table that the cue reads."""
        if self.quantity == "place":
            places = tuple(f"{self.modality}_{place}" for place in PLACES)
        else:
            places = (self.column,)
        return (*places, f"{self.modality}_reliability")

    def values(self, trials: pd.DataFrame) -> np.ndarray:
        """Where the cue is in each row, in its unit; NaN where it is absent; shape (n_trials,)."""
        if self.quantity == "place":
            return place_of(trials, self.modality)
        if self.column not in trials:
            return np.full(len(trials), np.nan)
        if self.levels:
            return self._positions(trials[self.column])
        values = trials[self.column].to_numpy(float)
        return np.where(values == 0, np.nan, values) if self.quantity == "count" else values

    def _positions(self, words):
        """Position of each word in `levels`; NaN where it is missing."""
        positions = pd.Categorical(words, categories=list(self.levels)).codes.astype(float)
        unknown = (positions < 0) & words.notna().to_numpy()
        if unknown.any():
            row = int(np.flatnonzero(unknown)[0])
            raise ValueError(
                f"column '{self.column}' must be one of {', '.join(self.levels)}, "
                f"got '{words.iloc[row]}' (trial {words.index[row]})"
            )
        return np.where(positions < 0, np.nan, positions)

    def sigmas(self, trials: pd.DataFrame, sigma: float) -> np.ndarray:
        """Sensory SD of each row, sigma/sqrt(reliability); shape (n_trials,)."""
        return sigma_of(trials, self.modality, sigma)

    def measure(self, trials: pd.DataFrame, sigma: float, z: np.ndarray) -> np.ndarray:
        """The noisy sample of each row: the table's own (shared sensory noise), or value + sigma z."""
        values = self.values(trials)
        sample = values + self.sigmas(trials, sigma) * z
        column = f"{self.modality}_measurement"
        if self.quantity not in (*PLACES, "place") or column not in trials:
            return sample  # measurements of a table are places
        given = trials[column].to_numpy(float)
        return np.where(np.isnan(given) | np.isnan(values), sample, given)


class Stimuli:
    """Each presentation once, as an observer's cues read it.

    Attributes
    ----------
    trials : DataFrame
        The rows; several may ask about one presentation.
    table : DataFrame
        The first row of each presentation.
    row_to_presentation : array of int, shape (n_trials,)
    records : tuple of Record
        What will be recorded.
    values : array, shape (n_presentations, n_cues)
        Where each cue is; NaN where it is absent.
    """

    def __init__(self, trials, cues, who, records=()):
        self.trials, self.cues, self.who = trials, tuple(cues), who
        self.records = tuple(records)
        self.first, self.row_to_presentation = showings(trials)
        self.table = trials.iloc[self.first]
        self.values = _columns([cue.values(self.table) for cue in self.cues], len(self.table))

    def __len__(self) -> int:
        return len(self.table)

    def seed_noise(self, rng: np.random.Generator) -> None:
        """Give `table` a `noise_seed` from `rng`, one drawn per row, unless every row has its own."""
        self.table = with_noise_seeds(self.trials, rng).iloc[self.first]

    @property
    def present(self) -> np.ndarray:
        """Whether each cue is there, shape (n_presentations, n_cues)."""
        return ~np.isnan(self.values)

    @property
    def asked(self) -> set[str]:
        """Every question of the table."""
        return set(self.trials["report"])

    def sigmas(self, observer) -> np.ndarray:
        """Sensory SD of each cue, in its unit; shape (n_presentations, n_cues)."""
        columns = [cue.sigmas(self.table, cue.sigma_of(observer)) for cue in self.cues]
        return _columns(columns, len(self))

    def measure(self, observer, draws: Draws) -> np.ndarray:
        """Noisy samples of each cue, in its unit; NaN where absent; shape (n_presentations, n_cues).

        The table's own measurements (shared sensory noise) take the place of the observer's noise.
        """
        columns = []
        for cue in self.cues:
            columns.append(cue.measure(self.table, cue.sigma_of(observer), draws[cue.modality]))
        return _columns(columns, len(self))

    def to_rows(self, values):
        """Values of the presentations, repeated for each row that asks about them."""
        return values[self.row_to_presentation]


class Draws:
    """Standard normal numbers by name, drawn row by row, so that a table's length changes none of them.

    `draws["auditory"]` gives one number per presentation, `draws.of_rows("lapse")` one per row;
    `uniform` and `uniform_of_rows` are the same numbers between 0 and 1. `generator` is for a model that
    draws its own noise.
    """

    def __init__(self, names, generator, n_rows, first, normals=None):
        self.names, self.generator, self.first = tuple(names), generator, first
        if normals is None and self.names:
            normals = generator.standard_normal((n_rows, len(self.names)))
        self._normals = normals

    def of_rows(self, name: str) -> np.ndarray:
        """Standard normal numbers, shape (n_trials,)."""
        if name not in self.names:
            raise KeyError(f"no random number is called '{name}'; there are: {', '.join(self.names)}")
        return self._normals[:, self.names.index(name)]

    def uniform_of_rows(self, name: str) -> np.ndarray:
        """Numbers between 0 and 1, shape (n_trials,)."""
        return ndtr(self.of_rows(name))

    def __getitem__(self, name: str) -> np.ndarray:
        """Standard normal numbers, shape (n_presentations,)."""
        return self.of_rows(name)[self.first]

    def uniform(self, name: str) -> np.ndarray:
        """Numbers between 0 and 1, shape (n_presentations,)."""
        return ndtr(self[name])

    def __contains__(self, name: str) -> bool:
        return name in self.names


def check_cues(trials: pd.DataFrame, cues, who: str) -> None:
    """Refuse a table that has none of the cues, and a question about a cue that a row does not show."""
    needed = [cue.column for cue in cues if not cue.optional]
    if needed and not any(column in trials for cue in cues for column in cue.columns[:-1]):
        require(trials, needed, who)
    check_asked(trials, cues, who)


def check_asked(trials: pd.DataFrame, cues, who: str) -> None:
    """Refuse a question about a cue that a row does not show."""
    for cue in cues:
        absent = (trials["report"] == cue.asked_as).to_numpy() & np.isnan(cue.values(trials))
        if absent.any():
            rows = trials.index[absent][:5].tolist()
            raise ValueError(
                f"{who}: trials {rows} ask for the {cue.asked_as} {_noun(cue)}, "
                f"but their {cue.modality} event is absent ({cue.column})"
            )


def _noun(cue):
    return "count" if cue.quantity == "count" else "place"


def _columns(columns, n):
    return np.stack(columns, -1) if columns else np.empty((n, 0))
