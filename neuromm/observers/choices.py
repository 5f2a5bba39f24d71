"""From percepts to choices: response bias, motor noise, labels, lapses. Written once, for every observer.

A continuous report is moved by `response_bias` and `sigma_motor`; an answer in words is the one with the
largest score among the row's alternatives. A lapse, with probability `lapse`, ignores the stimulus: one of
the row's alternatives, a place within 45 deg of straight ahead, or a coin for yes/no.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuromm.observers.cues import Draws, Stimuli
from neuromm.stimuli.alternatives import Offer, number_offers, offers
from neuromm.stimuli.labels import offered

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
        numeric = [r for r, v in values.items() if r not in YES_NO and v.dtype.kind not in "OUS"]
        place = guesses(trials, uniform, observer.name, numeric)
    for report, value in values.items():
        if value.dtype.kind in "OUS":
            continue  # labels: see `label_of_rows`
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


def guesses(trials: pd.DataFrame, uniform: np.ndarray, who: str, reports: Sequence[str]) -> np.ndarray:
    """The answer of a lapse to `reports`: one of the row's numbers alike, else a place within 45 deg."""
    guess = (2 * uniform - 1) * LAPSE_RANGE
    asks_number = trials["report"].isin(reports).to_numpy()
    for numbers, offer in number_offers(trials, who, asks_number):
        position = (uniform[offer.rows] * len(numbers)).astype(int)
        guess[offer.rows] = numbers[np.minimum(position, len(numbers) - 1)]
    return guess


@dataclass(frozen=True)
class Labels:
    """An answer in words to each presentation: what the observer knows, and what speaks for each word.

    Parameters
    ----------
    known : tuple of str
        Every label that it can give; the response is the position of the label here.
    scores : array, shape (n_presentations, n_scored), optional
        What speaks for the first labels of `known`: the largest of those that a row offers is chosen.
    uniform : array, shape (n_presentations,), optional
        Numbers between 0 and 1; with them `scores` are probabilities, by which a label is drawn.
    open_label : array of object, shape (n_presentations,), optional
        The label where a row offers nothing (None: as elsewhere); without `scores`, that of every row.
    """

    known: Sequence[str]
    scores: np.ndarray | None = None
    uniform: np.ndarray | None = None
    open_label: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_presentations,)."""
        return np.shape(self.open_label if self.scores is None else self.scores)[:1]

    def codes(self, labels) -> np.ndarray:
        """Position in `known` of each label; NaN where there is none; shape of `labels`."""
        codes = pd.Categorical(labels, categories=list(self.known)).codes.astype(float)
        return np.where(codes < 0, np.nan, codes)


def label_of_rows(observer, labels: Labels, report: str, trials: pd.DataFrame, stimuli: Stimuli,
                  draws: Draws) -> np.ndarray:  # fmt: skip
    """The label with which each row answers `report`, lapses included; shape (n_trials,)."""
    open_label = None if labels.open_label is None else stimuli.to_rows(labels.open_label)
    if labels.scores is None:
        return np.asarray(open_label, object)
    scores = stimuli.to_rows(np.asarray(labels.scores))
    uniform = None if labels.uniform is None else stimuli.to_rows(labels.uniform)
    who = observer.name
    chosen = choose_label(scores, labels.known, trials, who, report, uniform=uniform)
    if open_label is not None:
        for offer in offers(trials):
            if not offer.words:
                rows = offer.rows & ~pd.isna(open_label)
                chosen[rows] = open_label[rows]
    if "lapse" in draws:
        guess = draws.uniform_of_rows("guess")
        even = np.ones(scores.shape)
        guessed = choose_label(even, labels.known, trials, who, report, uniform=guess)
        chosen = np.where(draws.uniform_of_rows("lapse") < observer.lapse, guessed, chosen)
    return chosen


def choose_label(scores: np.ndarray, known: Sequence[str], trials: pd.DataFrame, who: str, report: str,
                 *, uniform: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """The label with the largest score among those that a row offers, or one drawn by probability.

    Parameters
    ----------
    scores : array, shape (n_trials, n_scored)
        What speaks for the first labels of `known`.
    known : sequence of str
        Every label that the observer can give.
    trials : DataFrame
    who : str
        The observer's name, for errors.
    report : str
        The question; to rows that ask another one, everything is on offer.
    uniform : array, shape (n_trials,), optional
        Numbers between 0 and 1; with them `scores` are probabilities, by which a label is drawn.

    Returns
    -------
    array of object, shape (n_trials,)

    Raises
    ------
    ValueError
        If a row offers what the observer does not know, or nothing that it scores.
    """
    names = np.array(known, object)
    labels = np.empty(len(trials), object)
    for positions, offer in label_offers(trials, known, who, report):
        scored = positions[positions < scores.shape[1]]
        if uniform is not None:
            scored = np.sort(scored)  # a draw does not depend on the order of the alternatives
        if not len(scored):
            raise ValueError(f"{who}: alternatives '{offer.text}' offer nothing that it perceives by itself")
        among = scores[offer.rows][:, scored]
        best = among.argmax(1)
        if uniform is not None:
            share = among.cumsum(1)
            best = (share <= uniform[offer.rows, None] * share[:, -1:]).sum(1)
            best = np.minimum(best, len(scored) - 1)
        labels[offer.rows] = names[scored[best]]
    return labels


def label_offers(trials: pd.DataFrame, known: Sequence[str], who: str,
                 report: str) -> list[tuple[np.ndarray, Offer]]:  # fmt: skip
    """(positions in `known`, Offer) of each set of labels that rows with this report offer; all if open.

    Rows that ask another question are open.

    Raises
    ------
    ValueError
        If a row offers what the observer does not know.
    """
    position = {label: i for i, label in enumerate(known)}
    if "alternatives" in trials:
        asked = (trials["report"] == report).to_numpy()
        trials = trials.assign(alternatives=trials["alternatives"].where(asked))
    sets = []
    for offer in offers(trials):
        words = offered(offer.text) or list(known)
        unknown = [word for word in words if word not in position]
        if unknown:
            raise ValueError(
                f"{who}: alternatives '{offer.text}' offer {unknown}, which it never perceives; "
                f"it knows: {', '.join(known)}"
            )
        sets.append((np.array([position[word] for word in words]), offer))
    return sets
