"""What observers of syllables share: which syllables a row shows, what may be answered, labels and their codes."""

import numpy as np
import pandas as pd

from neuromm.observers.protocol import answer
from neuromm.stimuli.labels import offered as keys_of
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


def check_pairs(trials, auditory, visual, name):
    """Refuse rows that show nothing, and a question about common cause where one modality is absent."""
    require(trials, ["report"], name)
    if "auditory_syllable" not in trials and "visual_syllable" not in trials:
        require(trials, ["auditory_syllable", "visual_syllable"], name)
    nothing = (auditory < 0) & (visual < 0)
    if nothing.any():
        raise ValueError(f"{name}: trials {trials.index[nothing][:5].tolist()} show no syllable")
    wrong = ((auditory < 0) | (visual < 0)) & (trials["report"] == "common").to_numpy()
    if wrong.any():
        raise ValueError(
            f"{name}: trials {trials.index[wrong][:5].tolist()} ask for a common cause, but one modality is absent"
        )


def choices(trials, known, name):
    """(text of `alternatives`, positions in `known`, rows) for each set of answers that is offered; empty text is open.

    Raises
    ------
    ValueError
        If an alternative is none of the answers that the observer can give.
    """
    if "alternatives" not in trials:
        return [("", np.arange(len(known)), np.ones(len(trials), bool))]
    offered = trials["alternatives"].fillna("").astype(str).str.strip()
    offered = offered.where((trials["report"] == "syllable").to_numpy(), "")
    found = []
    for text in sorted(set(offered)):
        keys = keys_of(text) or list(known)
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise ValueError(
                f"{name}: alternatives '{text}' offer {unknown}, which it never perceives; it knows: {', '.join(known)}"
            )
        found.append((text, np.array([list(known).index(key) for key in keys]), (offered == text).to_numpy()))
    return found


def answer_syllables(trials, labels, name, known, **more):
    """`protocol.answer` for a `syllable` report, coded by the place of the label in `known`, whatever the batch holds.

    `more` are further reports (arrays), and `judged_common` or `reaction_time`.
    """
    options = {key: more.pop(key) for key in ("judged_common", "reaction_time") if key in more}
    responses = answer(trials, {"syllable": np.asarray(labels, object), **more}, name, **options)
    rows = (trials["report"] == "syllable").to_numpy()
    codes = pd.Categorical(responses["response_label"][rows], categories=list(known)).codes.astype(float)
    responses.loc[rows, "response"] = np.where(codes < 0, np.nan, codes)
    return responses


def check_codes(cells, known, name):
    """The responses as positions in `known` (rows that ask for a syllable), integers (n_cells,).

    Raises
    ------
    BadData
        If a response is none of them.
    """
    from neuromm.maths.parameters import BadData

    codes = pd.to_numeric(cells["response"], errors="coerce").to_numpy(float)
    asked = (cells["report"] == "syllable").to_numpy()
    for text, keys, rows in choices(cells, known, name):
        wrong = asked & rows & ~np.isin(codes, keys)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            offered = ", ".join(f"{key} ({known[key]})" for key in keys)
            where = f" where the alternatives are {text}" if text else ""
            raise BadData(
                f"{name}: column 'response' must be one of {offered}{where}, "
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
    text = pd.Series("", trials.index, dtype=object)
    if "alternatives" in trials:
        text = trials["alternatives"].fillna("").astype(str).str.strip()
    for alternatives in text.unique():
        offered = [key.strip() for key in alternatives.split("|")] if alternatives else keys
        known = [key for key in offered if key in keys]
        wrong = (text == alternatives) & labels.notna() & ~labels.isin(known)
        if wrong.any():
            raise ValueError(
                f"{name}: response_label '{labels[wrong].iloc[0]}' (trial {trials.index[wrong][0]}) is outside the "
                f"alternatives {', '.join(known)}; recode it, or add it"
            )
    codes = pd.Categorical(labels, categories=keys).codes
    given = table[[f"key_{key}" for key in keys]].to_numpy()[np.arange(len(trials)), np.maximum(codes, 0)]
    return np.where(codes < 0, np.nan, np.log(np.maximum(given, 1e-12)))
