"""How well and how fast: accuracy and reaction time against the strength of the evidence."""

import numpy as np
import pandas as pd

from neuromm.measures.bias import Z95, rate_with_interval
from neuromm.measures.checks import SIDES, as_list, grouped_rows, need, numeric, yes_no


def accuracy_and_time(trials, *, strength="coherence", by=()):
    """Accuracy and mean reaction time at each strength of signed evidence.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `response` (1 right, 0 left; NaN = missed), `reaction_time` (ms; NaN = none), and `strength`,
        signed: right is positive.
    strength : str
        Column of the evidence; its absolute value is the strength. At 0 there is no right answer: accuracy is NaN.
    by : sequence of str
        Further factors.

    Returns
    -------
    DataFrame, one row per observer × factors × strength
        `accuracy`, `accuracy_low`, `accuracy_high` (95 %, Wilson, over trials), `time`, `time_low`, `time_high` (ms;
        95 %, normal, over trials with a reaction time), `right` (fraction that answered right), `n`, `n_missed`,
        `n_untimed`.

    Raises
    ------
    ValueError
        If a column is missing or a response is neither 0 nor 1.
    """
    by = as_list(by)
    trials = need(trials, ["observer", "response", "reaction_time", strength, *by])
    table = trials.assign(
        response=yes_no(trials["response"], meaning=SIDES),
        reaction_time=numeric(trials["reaction_time"], "reaction_time"),
        **{strength: numeric(trials[strength], strength)},
    )
    table = grouped_rows(table.assign(_strength=table[strength].abs()), ["observer", strength], "accuracy_and_time")
    table["_right"] = np.where(table[strength] == 0, np.nan, (table[strength] > 0) == (table["response"] == 1))
    rows = []
    for key, group in table.groupby(["observer", *by, "_strength"], sort=False, dropna=False):
        given = group[group["response"].notna()]
        correct, times = given["_right"].dropna(), given["reaction_time"].dropna()
        half = Z95 * times.std(ddof=1) / np.sqrt(len(times)) if len(times) > 1 else np.nan
        mean = times.mean()
        rows.append(
            (
                *key,
                *rate_with_interval(correct.sum(), len(correct)),
                mean,
                mean - half,
                mean + half,
                given["response"].mean(),
                len(given),
                len(group) - len(given),
                len(given) - len(times),
            )
        )
    columns = ["accuracy", "accuracy_low", "accuracy_high", "time", "time_low", "time_high", "right"]
    columns = ["observer", *by, "strength", *columns, "n", "n_missed", "n_untimed"]
    return pd.DataFrame(rows, columns=columns).sort_values(["observer", *by, "strength"], ignore_index=True)
