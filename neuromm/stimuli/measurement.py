"""Noisy samples of where events are: the sensory sd of each row, drawn or yoked measurements."""

import numpy as np
import pandas as pd

from neuromm.maths.noise import normal_from_seeds
from neuromm.stimuli.table import PLACES, require

STREAM = {"visual": 1, "auditory": 2, "tactile": 3, "haptic": 4, "proprioceptive": 5, "vestibular": 6}


def numbers_of(trials: pd.DataFrame, column: str, default: float) -> np.ndarray:
    """A column of numbers, `default` in empty cells and without the column; shape (n_trials,)."""
    if column not in trials:
        return np.full(len(trials), float(default))
    return trials[column].fillna(default).to_numpy(float)


def reliability_of(trials: pd.DataFrame, modality: str) -> np.ndarray:
    """Reliability of each row's cue; 1 (the clearest) where the table has none; shape (n_trials,)."""
    return numbers_of(trials, f"{modality}_reliability", 1.0)


def attended(trials: pd.DataFrame, modality: str) -> np.ndarray:
    """Whether each row asks to attend to the modality (column `attended`); shape (n_trials,)."""
    if "attended" not in trials:
        return np.zeros(len(trials), bool)
    return (trials["attended"] == modality).to_numpy()


def sigma_of(trials, modality, sigma):
    """Sensory SD of each row, deg: σ/√reliability, with `sigma` the SD at reliability 1; shape (n_trials,)."""
    return float(sigma) / np.sqrt(reliability_of(trials, modality))


def with_noise_seeds(trials, rng):
    """The table, with seeds of physical noise drawn by `rng` where it has none."""
    if "noise_seed" in trials and trials["noise_seed"].notna().all():
        return trials
    return trials.assign(noise_seed=rng.integers(2**53, size=len(trials)))


def place_of(trials, modality):
    """Where the modality's event is, in the first place column the table has; NaN where absent; (n_trials,)."""
    for place in PLACES:
        if f"{modality}_{place}" in trials:
            return trials[f"{modality}_{place}"].to_numpy(float)
    return np.full(len(trials), np.nan)


def measured_place(trials: pd.DataFrame, modality: str) -> np.ndarray:
    """The table's own measurement (shared sensory noise) where it has one, else the place; NaN where absent."""
    place = place_of(trials, modality)
    given = numbers_of(trials, f"{modality}_measurement", np.nan)
    return np.where(np.isnan(given) | np.isnan(place), place, given)


def has_measurement(trials: pd.DataFrame, modality: str) -> np.ndarray:
    """Whether the table gives the row's measurement, so that an observer adds no noise; shape (n_trials,)."""
    return ~np.isnan(numbers_of(trials, f"{modality}_measurement", np.nan))


def coherence_of(trials, who, low=-1.0, high=1.0, remedy="a fraction is meant: 0.7 for 70 %"):
    """The column `coherence`, a fraction of the dots that move together (with a sign: right is +); NaN where none.

    Parameters
    ----------
    trials : DataFrame
    who : str
        Name of the observer or measure, for the error.
    low, high : float
        Range that is allowed.
    remedy : str
        End of the error: what to try.

    Returns
    -------
    coherence : array, shape (n_trials,)

    Raises
    ------
    ValueError
        If a value lies outside the range; the column, the value and the trials are named.

    Examples
    --------
    >>> import pandas as pd
    >>> coherence_of(pd.DataFrame({"coherence": [0.25, -0.7]}), "me")
    array([ 0.25, -0.7 ])
    """
    if "coherence" not in trials:
        return np.full(len(trials), np.nan)
    given = trials["coherence"].to_numpy(float)
    slack = 1e-6  # single precision is not outside
    outside = (given < low - slack) | (given > high + slack)
    if outside.any():
        rows = trials.index[outside][:5].tolist()
        raise ValueError(
            f"{who}: column 'coherence' must be from {low:g} to {high:g}, got {given[outside][0]:g} in trials {rows}; "
            f"{remedy}"
        )
    return np.clip(given, low, high)


def measure(trials, modality, sigma, standard_normal):
    """The noisy sample that an observer gets: the yoked one where the table has it, else place + σ z.

    Parameters
    ----------
    trials : DataFrame
    modality : str
    sigma : float
        Sensory sd at reliability 1, deg.
    standard_normal : array, shape (n_trials,)
        The observer's own noise, used where no measurement is given.

    Returns
    -------
    measurement : array, shape (n_trials,)
        deg; NaN where the modality is absent.
    """
    place = place_of(trials, modality)
    own = place + sigma_of(trials, modality, sigma) * standard_normal
    column = f"{modality}_measurement"
    if column not in trials:
        return own
    yoked = trials[column].to_numpy(float)
    return np.where(np.isnan(yoked) | np.isnan(place), own, yoked)


def yoke(trials, **sigmas):
    """Draw each row's measurement once, from its `noise_seed`, so that every observer gets the same sample.

    `sigmas` names the sd at reliability 1 per modality: `yoke(trials, auditory=4, visual=2)`. Returns a
    copy with `auditory_measurement`, `visual_measurement`, ...
    """
    require(trials, ["noise_seed"], "yoke")
    columns = {}
    for modality, sigma in sigmas.items():
        z = normal_from_seeds(trials["noise_seed"], 1, STREAM[modality])[:, 0]
        columns[f"{modality}_measurement"] = place_of(trials, modality) + sigma_of(trials, modality, sigma) * z
    return trials.assign(**columns)
