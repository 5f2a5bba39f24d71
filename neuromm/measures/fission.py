"""Against the time between events: fission of a flash with d′ and criterion, capture of a moving sound."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from neuromm.measures.bias import rate_with_interval
from neuromm.measures.checks import as_list, checked_answers, grouped_rows, keep_kind, need, numeric, yes_no
from neuromm.measures.temporal_window import warn_seconds


def fission_by_soa(trials, *, by=()):
    """Fission of one flash by two beeps against the time between them, with sensitivity and criterion beside the rate.

    A hit is "two or more" to two flashes with two beeps, a false alarm is the same answer to one flash with two beeps.
    d′ = z(hit) − z(false alarm), criterion = −½ [z(hit) + z(false alarm)], with the log-linear correction (Hautus
    1995). A rate may rise because sensitivity falls or because criterion does; only the pair tells.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `report` "n_flashes", `n_flashes`, `n_beeps`, `beep_soa` (ms), `response` (count; NaN = missed).

    Returns
    -------
    DataFrame, one row per observer × SOA
        `fission_rate`, `low`, `high` (95 %, Wilson, over trials), `baseline` (the same answer to one flash with at
        most one beep; NaN if not shown), `illusion` = rate − baseline, `hit_rate`, `d_prime`, `criterion` (NaN
        without two-flash trials), `n`, `n_missed`.

    Raises
    ------
    ValueError
        If no row shows one flash with two beeps.
    """
    by = as_list(by)
    trials = need(trials, ["observer", "report", "n_flashes", "n_beeps", "beep_soa", "response", *by])
    asked = checked_answers(trials[trials["report"] == "n_flashes"])
    asked = grouped_rows(asked, ["observer", *by], "fission_by_soa")
    _refuse_negative(asked["response"])
    split = asked[(asked["n_flashes"] == 1) & (asked["n_beeps"] == 2)]
    if split.empty:
        raise ValueError("no row shows one flash with two beeps; see paradigms.flash_beep(soas=…)")
    split = grouped_rows(split, ["beep_soa"], "fission_by_soa")
    warn_seconds(split["beep_soa"])
    rows = []
    for key, group in split.groupby(["observer", *by, "beep_soa"], sort=False):
        own = asked
        for name, level in zip(["observer", *by], key, strict=False):
            own = own[own[name] == level]
        said, n = _twos(group)
        pair, m = _twos(own[(own["n_flashes"] == 2) & (own["n_beeps"] == 2) & (own["beep_soa"] == key[-1])])
        single, k = _twos(own[(own["n_flashes"] == 1) & (own["n_beeps"] <= 1)])
        rate, low, high = rate_with_interval(said, n)
        hit, false = ndtri((pair + 0.5) / (m + 1)), ndtri((said + 0.5) / (n + 1))
        baseline = single / k if k else np.nan
        rows.append(
            (
                *key,
                rate,
                low,
                high,
                baseline,
                rate - baseline,
                pair / m if m else np.nan,
                hit - false if m else np.nan,
                -(hit + false) / 2 if m else np.nan,
                n,
                len(group) - n,
            )
        )
    columns = [
        "observer",
        *by,
        "soa",
        "fission_rate",
        "low",
        "high",
        "baseline",
        "illusion",
        "hit_rate",
        "d_prime",
        "criterion",
        "n",
        "n_missed",
    ]
    table = pd.DataFrame(rows, columns=columns).sort_values(["observer", *by, "soa"], ignore_index=True)
    return keep_kind(table, trials)


def _refuse_negative(counts):
    wrong = counts < 0
    if wrong.any():
        row = counts.index[wrong][0]
        raise ValueError(f"row {row}, column 'response': must be a count of at least 0, got {counts[row]:g}")


def _twos(rows):
    """How many answers say two or more, and how many answers there are."""
    answers = rows["response"].dropna()
    return int((answers >= 2).sum()), len(answers)


def capture_by_soa(trials):
    """How often the direction of a moving sound is heard rightly, with a light moving along and against it.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `report` "auditory_motion", `response` (1 = right, 0 = left; NaN = missed), `auditory_velocity`,
        `congruence`, `soa` (ms).

    Returns
    -------
    DataFrame, one row per observer × SOA × congruence
        `correct`, `low`, `high` (95 %, Wilson), `n`, `n_missed`; `capture` is correct when congruent minus correct
        when not.
    """
    trials = need(trials, ["observer", "report", "response", "auditory_velocity", "congruence", "soa"])
    asked = trials[trials["report"] == "auditory_motion"]
    if asked.empty:
        raise ValueError("no row asks for 'auditory_motion'; see paradigms.dynamic_capture")
    asked = asked.assign(
        soa=numeric(asked["soa"], "soa"), response=yes_no(asked["response"], meaning=("right", "left"))
    )
    asked = grouped_rows(asked, ["observer", "soa", "congruence", "auditory_velocity"], "capture_by_soa")
    warn_seconds(asked["soa"])
    right = (asked["response"] == (asked["auditory_velocity"] > 0)).where(asked["response"].notna())
    rows = []
    for key, group in asked.assign(_right=right).groupby(["observer", "soa", "congruence"], sort=True):
        answers = group["_right"].dropna().astype(float)
        rows.append((*key, *rate_with_interval(answers.sum(), len(answers)), len(answers), len(group) - len(answers)))
    table = pd.DataFrame(rows, columns=["observer", "soa", "congruence", "correct", "low", "high", "n", "n_missed"])
    wide = table.pivot(index=["observer", "soa"], columns="congruence", values="correct")
    capture = (wide[1.0] - wide[0.0]).rename("capture").reset_index() if {0.0, 1.0} <= set(wide) else None
    return table if capture is None else table.merge(capture, on=["observer", "soa"])
