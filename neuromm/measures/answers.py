"""Mean answers per condition with intervals: counts, places, and shares of yes."""

import numpy as np

from neuromm.measures.bias import Z95, wilson
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.table import require


def mean_answers(trials, by, *, report=None):
    """Mean answer of each observer in each cell of the factors `by`.

    Parameters
    ----------
    trials : DataFrame
        `session.trials`, or people in the same columns: `report`, `response`; `observer` tells observers apart.
    by : str or list of str
        Columns of the table, such as "disparity" or ["n_beeps", "n_flashes"].
    report : str, optional
        Use only the answers to this question.

    Returns
    -------
    DataFrame, one row per observer × cell
        `mean`; `low`, `high` (95 % over trials: Wilson if all answers are 0 or 1, else normal), `sd`, `n`, `n_missed`;
        `kind` where the trials have it.

    Raises
    ------
    ValueError
        If a column is missing, or nobody was asked.
    """
    by = [by] if isinstance(by, str) else list(by)
    trials = name_people(trials)
    require(trials, ["report", "response", *by], "mean_answers")
    asked = trials if report is None else trials[trials["report"] == report]
    if not len(asked):
        raise ValueError(f"no trial asks '{report}'; reports are: {sorted(set(trials['report']))}")
    who = [c for c in ("observer", "kind") if c in asked]
    cells = asked.groupby([*who, *by], sort=False, dropna=False)["response"]
    table = cells.agg(mean="mean", sd="std", n="count", size="size").reset_index()
    table["n_missed"] = table.pop("size") - table["n"]
    if asked["response"].dropna().isin([0.0, 1.0]).all():
        table["low"], table["high"] = wilson(table["mean"] * table["n"], table["n"])
    else:
        half = Z95 * table["sd"] / np.sqrt(table["n"].clip(lower=1))
        table["low"], table["high"] = table["mean"] - half, table["mean"] + half
    return table.sort_values([*who, *by], kind="stable", ignore_index=True)
