"""How a syllable is written: " Da", "DA" and "da" are one syllable, trimmed and in lower case."""

import numpy as np
import pandas as pd

from neuromm.stimuli.alternatives import words_of

FUSIONS = {("ba", "ga"): "da", ("pa", "ka"): "ta"}  # (heard, seen) → fused: McGurk & MacDonald 1976


def syllable(value):
    """A syllable trimmed and case-folded; None and empty text are None, and what is no text stays as it is.

    Examples
    --------
    >>> syllable(" Da")
    'da'
    """
    if isinstance(value, str):
        return value.strip().casefold() or None
    return None if value is None or value is pd.NA or value != value else value


def syllables(values) -> pd.Series:
    """A column of syllables as `syllable` writes them, missing ones NaN; the index is kept."""
    column = pd.Series(values, dtype=object)
    written = {value: syllable(value) for value in column.dropna().unique()}
    column = column.map(written, na_action="ignore")
    return column.where(column.notna(), np.nan)


def offered(cell: object) -> list[str]:
    """The syllables in a cell of `alternatives`, such as "ba|Da| ga"; an empty cell offers none."""
    words = [syllable(word) for word in words_of(cell)]
    return [word for word in words if word]


def words_as_labels(trials: pd.DataFrame, report: pd.Series | None = None) -> pd.DataFrame:
    """The table with answers in words moved from `response` to `response_label`, where a syllable is asked for.

    Parameters
    ----------
    trials : DataFrame
        Of numbers or text. A table that has `response_label` is returned as it is.
    report : Series of text, optional
        What each row asks; by default the column `report`, and in a table without one every row asks for a syllable
        if syllables are shown.

    Examples
    --------
    >>> words_as_labels(pd.DataFrame({"report": ["syllable"], "response": ["da"]})).columns.tolist()
    ['report', 'response_label']
    """
    if "response" not in trials or "response_label" in trials:
        return trials
    if report is None and "report" in trials:
        report = trials["report"]
    if report is None:
        shown = {"auditory_syllable", "visual_syllable"} & set(trials)
        report = pd.Series("syllable" if shown else "", trials.index)
    asked = report == "syllable"
    words = trials.loc[asked, "response"].dropna()
    words = words[words.map(lambda word: isinstance(word, str) and word.strip() not in ("", "n/a"))]
    if pd.to_numeric(words, errors="coerce").notna().all():
        return trials  # codes, or no answer
    trials = trials.assign(response_label=trials["response"].where(asked))
    trials["response"] = trials["response"].mask(asked)
    return trials if trials["response"].notna().any() else trials.drop(columns="response")


def with_syllables(trials, columns=("auditory_syllable", "visual_syllable", "response_label")) -> pd.DataFrame:
    """A copy of the table with its syllables trimmed and case-folded; labels of other reports stay as they are."""
    written = {}
    for name in columns:
        if name in trials:
            written[name] = syllables(trials[name])
    if "response_label" in written and "report" in trials:
        asked = trials["report"] == "syllable"
        written["response_label"] = written["response_label"].where(asked, trials["response_label"])
    return trials.assign(**written)
