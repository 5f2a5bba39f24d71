"""Syllables in a trial table: which are shown, which answers are on offer, and how an answer is coded."""

import numpy as np
import pandas as pd

from neuromm.observers.protocol import answer
from neuromm.stimuli.labels import offered as keys_of
from neuromm.stimuli.labels import syllables as written


def codes_of(trials, sense, known, name):
    """Position of each row's syllable in `known`, −1 where absent; (n_trials,).

    Raises
    ------
    ValueError
        If a syllable is not known; the row is named.
    """
    column = f"{sense}_syllable"
    if column not in trials:
        return np.full(len(trials), -1)
    codes = pd.Categorical(written(trials[column]), categories=list(known)).codes.astype(int)
    wrong = np.flatnonzero((codes < 0) & trials[column].notna().to_numpy())
    if len(wrong):
        raise ValueError(
            f"{name}: trial {trials.index[wrong[0]]} has {column} '{trials[column].iloc[wrong[0]]}'; "
            f"it knows: {', '.join(known)}"
        )
    return codes


def choose(trials, activity, known, name):
    """The label of the most active category among those that a row offers; `activity` is (n_trials, n_known).

    Raises
    ------
    ValueError
        If a row offers what the observer never perceives.
    """
    labels = np.full(len(trials), None, object)
    offered = trials["alternatives"].fillna("").astype(str) if "alternatives" in trials else pd.Series("", trials.index)
    offered = offered.where((trials["report"] == "syllable").to_numpy(), "")
    for text in sorted(set(offered)):
        keys = keys_of(text) or list(known)
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise ValueError(f"{name}: alternatives '{text}' offer {unknown}; it knows: {', '.join(known)}")
        rows, places = (offered == text).to_numpy(), [list(known).index(key) for key in keys]
        labels[rows] = np.array(keys, object)[activity[rows][:, places].argmax(1)]
    return labels


def answer_labels(trials, says, known, name, judged_common):
    """`protocol.answer` in which a syllable is coded by its place in `known`, whatever else the batch holds."""
    responses = answer(trials, says, name, judged_common=judged_common)
    rows = (trials["report"] == "syllable").to_numpy()
    responses.loc[rows, "response"] = pd.Categorical(says["syllable"][rows], categories=list(known)).codes.astype(float)
    return responses
