"""What a trial table says to a ring network: which cell an event stimulates, how widely, and when."""

import numpy as np
import pandas as pd

from neuromm.stimuli.measurement import has_measurement, measured_place, numbers_of, place_of, reliability_of
from neuromm.stimuli.table import PLACES


def cells_of(trials: pd.DataFrame, modality: str, n_cells: int, name: str) -> np.ndarray:
    """The ring position that each row's event stimulates: azimuth + n_cells/2, or the table's own measurement.

    Returns
    -------
    position : array, shape (n_trials,)
        Cells, fractional allowed; NaN where the modality is absent.

    Raises
    ------
    ValueError
        If a place lies outside the ring; the column and the rows are named.
    """
    _refuse_outside(place_of(trials, modality), trials, f"{modality}_azimuth", n_cells, name)
    place = measured_place(trials, modality)
    if has_measurement(trials, modality).any():
        _refuse_outside(place, trials, f"{modality}_measurement", n_cells, name)
    return place + n_cells / 2


def _refuse_outside(place, trials, column, n_cells, name):
    half = n_cells / 2
    outside = (place < -half) | (place >= half)
    if outside.any():
        rows = trials.index[outside][:5].tolist()
        raise ValueError(
            f"{name}: column '{column}' is {place[outside][0]:g} deg in trials {rows}; its ring of {n_cells} cells, "
            f"1 deg apart, holds {-half:g} to below {half:g}. Move or clip these, or raise n_cells"
        )


def width_factor(trials: pd.DataFrame, modality: str) -> np.ndarray:
    """What the width of a bump is multiplied by, 1/√reliability; shape (n_trials,)."""
    return 1.0 / np.sqrt(reliability_of(trials, modality))


def gate_of(trials: pd.DataFrame, modality: str, run: float, name: str) -> np.ndarray:
    """Onset and duration of each row's event, ms: columns (n_trials, 2); without columns, the whole run.

    Raises
    ------
    ValueError
        If an event starts before or after the run of `run` ms.
    """
    onset = numbers_of(trials, f"{modality}_onset", 0.0)
    length = numbers_of(trials, f"{modality}_duration", np.inf)
    present = ~np.isnan(place_of(trials, modality))
    wrong = present & ((onset < 0) | (onset >= run))
    if wrong.any():
        raise ValueError(
            f"{name}: '{modality}_onset' is {onset[wrong][0]:g} ms in trials {trials.index[wrong][:5].tolist()}; "
            f"the run lasts from 0 to {run:g} ms. Shift both onsets by the same time, or raise duration"
        )
    onset = np.where(present, onset, 0.0)
    return np.column_stack([onset, np.where(present, np.minimum(length, run), run)])


def trains_of(trials: pd.DataFrame, modality: str, defaults: tuple[float, float], run: float,
              name: str) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The pulses of each row's events in time, as the flash–beep columns say.

    Counts are `n_beeps` or `n_flashes` (1 without the column, 0 where the place is NaN), their
    spacing `beep_soa` or `flash_soa`. Without `*_onset`, events start at the default onset, and `soa` moves the
    later modality.

    Parameters
    ----------
    defaults : tuple
        Onset and duration, ms.
    run : float
        ms.

    Returns
    -------
    onsets : array, shape (n_trials, n_pulses)
        ms; infinite where a row has fewer pulses.
    lengths : array, shape (n_trials,)
        ms.

    Raises
    ------
    ValueError
        If there are several pulses and no spacing, or a train does not fit into the run.
    """
    event = {"auditory": "beep", "visual": "flash"}[modality]
    count = _counts(trials, modality, {"beep": "n_beeps", "flash": "n_flashes"}[event])
    spacing = numbers_of(trials, f"{event}_soa", np.nan)
    lacking = (count > 1) & np.isnan(spacing)
    if lacking.any():
        rows = trials.index[lacking][:5].tolist()
        raise ValueError(
            f"{name}: trials {rows} have several {modality} pulses; give their spacing in '{event}_soa' (ms)"
        )
    onset = numbers_of(trials, f"{modality}_onset", defaults[0])
    if f"{modality}_onset" not in trials:
        lag = numbers_of(trials, "soa", 0.0)
        onset = onset + np.maximum(lag if modality == "auditory" else -lag, 0.0)
    lengths = numbers_of(trials, f"{modality}_duration", defaults[1])
    spacing = np.where(count > 1, spacing, 0.0)
    end = onset + (count - 1) * spacing + lengths
    wrong = (count > 0) & ((onset < 0) | (end > run))
    if wrong.any():
        rows = trials.index[wrong][:5].tolist()
        raise ValueError(
            f"{name}: the {modality} pulses of trials {rows} last from {onset[wrong][0]:g} to {end[wrong][0]:g} ms, "
            f"outside the run of 0 to {run:g} ms; shorten '{event}_soa' or raise duration"
        )
    number = np.arange(max(1, int(count.max(initial=0))))
    return np.where(number < count[:, None], onset[:, None] + number * spacing[:, None], np.inf), lengths


def _counts(trials, modality, column):
    placed = any(f"{modality}_{place}" in trials for place in PLACES)
    present = ~np.isnan(place_of(trials, modality)) if placed else np.full(len(trials), column in trials)
    return np.where(present, numbers_of(trials, column, 1.0 if placed else 0.0), 0.0)
