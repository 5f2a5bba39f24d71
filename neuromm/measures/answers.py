"""Mean answers per condition with intervals: counts, places, and shares of yes."""

import numpy as np
import pandas as pd

from neuromm.maths.angles import mean_direction, near, wrapped
from neuromm.measures.bias import Z95, wilson
from neuromm.measures.checks import YES_NO, as_list, checked_answers, grouped_rows, need
from neuromm.stimuli.table import PLACES


def mean_answers(trials, by, *, report=None):
    """Mean answer of each observer in each cell of the factors `by`.

    Parameters
    ----------
    trials : DataFrame
        `session.trials`, or people in the same columns: `report`, `response`; `observer` tells observers apart. Places
        in azimuth and headings are directions: 175 and −175 have the mean 180.
    by : str or list of str
        Columns of the table, such as "disparity" or ["n_beeps", "n_flashes"].
    report : str, optional
        Use only the answers to this question.

    Returns
    -------
    DataFrame, one row per observer × cell
        `mean`; `low`, `high` (95 % over trials: Wilson if all answers are 0 or 1, else normal), `sd`, `n`, `n_missed`;
        `kind` where the trials have it. A cell where a factor is missing (an absent modality's place) is a row too.

    Raises
    ------
    ValueError
        If a column is missing, nobody was asked, or an answer is no number or outside of what its row allows.

    Warns
    -----
    UserWarning
        If rows have no `observer`; they are left out.
    """
    by = as_list(by)
    trials = need(trials, ["report", "response", *by])
    asked = trials if report is None else trials[trials["report"] == report]
    if not len(asked):
        raise ValueError(f"no trial asks '{report}'; reports are: {sorted(set(trials['report'].dropna()))}")
    asked = grouped_rows(checked_answers(asked), ["observer"] if "observer" in asked else ["report"], "mean_answers")
    who = [c for c in ("observer", "kind") if c in asked]
    keys = [*who, *by]
    asked = asked.assign(response=_along(asked, keys))
    cells = asked.groupby(keys, sort=False, dropna=False)["response"]
    table = cells.agg(mean="mean", sd="std", n="count", size="size").reset_index()
    table["n_missed"] = table.pop("size") - table["n"]
    if asked["response"].dropna().isin([0.0, 1.0]).all():
        table["low"], table["high"] = wilson(table["mean"] * table["n"], table["n"])
    else:
        half = Z95 * table["sd"] / np.sqrt(table["n"].clip(lower=1))
        table["low"], table["high"] = table["mean"] - half, table["mean"] + half
    directions = _is_direction(asked).to_numpy()
    if directions.all():
        table["mean"] = wrapped(table["mean"])
    return table.sort_values(keys, kind="stable", ignore_index=True, key=_by_text_if_mixed)


def _is_direction(asked):
    """Which rows are answered with a direction: a continuous place in azimuth, or a heading."""
    angle = asked["report"] == "heading"
    for report in asked["report"].dropna().unique():
        shown = [place for place in PLACES if f"{report}_{place}" in asked]
        if shown and "height" not in shown:
            angle |= asked["report"] == report
    keys = asked["alternatives"].notna() if "alternatives" in asked else pd.Series(False, asked.index)
    return angle & ~asked["report"].isin(list(YES_NO)) & ~keys


def _along(asked, keys):
    """The responses; directions of a cell that straddles ±180 deg are written near their mean direction."""
    response, angle = asked["response"].copy(), _is_direction(asked)
    if not angle.any():
        return response
    for _, cell in response[angle].groupby([asked.loc[angle, key] for key in keys], dropna=False):
        if cell.max() - cell.min() > 180.0:
            response[cell.index] = near(cell, mean_direction(cell))
    return response


def _by_text_if_mixed(column):
    """A sort key: text where a column mixes text and numbers."""
    kinds = {isinstance(value, str) for value in column.dropna()}
    return column.astype(str) if len(kinds) > 1 else column
