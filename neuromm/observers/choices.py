"""From percepts to choices: response bias, motor noise, lapses. Written once, for every observer.

A continuous report is moved by `response_bias` and `sigma_motor`; a lapse, with probability `lapse`, ignores
the stimulus: one of the row's alternatives, a place within 45 deg of straight ahead, or a coin for yes/no.
"""

import numpy as np
import pandas as pd

from neuromm.observers.cues import Draws
from neuromm.stimuli.alternatives import number_offers

LAPSE_RANGE = 45.0  # deg; a lapse on a continuous report is uniform within this of straight ahead
YES_NO = ("common", "synchronous", "ownership", "visual_first")  # questions answered with 1 or 0


def choose(observer, trials: pd.DataFrame, values: dict, draws: Draws) -> dict:
    """Answers of each row from what was perceived, before they are put on the alternatives.

    Parameters
    ----------
    observer : with, where it has them, `response_bias`, `sigma_motor`, `lapse`
    trials : DataFrame
    values : dict of report -> array, shape (n_trials,)
    draws : Draws
        "motor", "lapse", "guess" where the observer has the fields.

    Returns
    -------
    dict of report -> array, shape (n_trials,)
    """
    answers = dict(values)
    moved = _movement(observer, draws)
    lapses = "lapse" in draws
    if lapses:
        lapsed = draws.uniform_of_rows("lapse") < observer.lapse
        uniform = draws.uniform_of_rows("guess")
        place = guesses(trials, uniform, observer.name)
    for report, value in values.items():
        if value.dtype.kind in "OUS":
            continue  # labels: the observer chooses among words itself
        if report in YES_NO:
            if lapses:
                answers[report] = np.where(lapsed & ~np.isnan(value), uniform < 0.5, value)
            continue
        answers[report] = value if moved is None else value + moved
        if lapses:
            answers[report] = np.where(lapsed, place, answers[report])
    return answers


def _movement(observer, draws):
    """What response bias and motor noise add to each row, or None."""
    bias = getattr(observer, "response_bias", 0.0)
    if "motor" in draws:
        return bias + getattr(observer, "sigma_motor", 0.0) * draws.of_rows("motor")
    return bias if bias else None


def guesses(trials: pd.DataFrame, uniform: np.ndarray, who: str) -> np.ndarray:
    """The answer of a lapse: one of the row's numbers with equal chance, else a place within 45 deg."""
    guess = (2 * uniform - 1) * LAPSE_RANGE
    asks_number = ~trials["report"].isin(YES_NO).to_numpy()
    for numbers, offer in number_offers(trials, who, asks_number):
        position = (uniform[offer.rows] * len(numbers)).astype(int)
        guess[offer.rows] = numbers[np.minimum(position, len(numbers) - 1)]
    return guess
