"""Who answers alike, trial by trial: needs one table of trials shown to all, with yoked noise."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon

from neuromm.maths.angles import wrapped
from neuromm.measures.checks import checked_answers, grouped_rows, need


def response_agreement(trials, *, report="auditory"):
    """Agreement of every two observers on the same trials.

    For a place: Pearson correlation of their errors (answer − true place) and the RMS difference of
    their answers; errors, not answers, because answers that merely follow the stimulus correlate anyway.
    For `common`: Cohen's κ (1960), agreement beyond chance, and the proportion of equal answers.

    Parameters
    ----------
    trials : DataFrame
        `session.trials`: several observers on the same `trial`s.
    report : str
        "auditory", "visual" or "common"; only pairs (both modalities there) are used.

    Returns
    -------
    DataFrame, one row per two observers
        `first`, `second`, `agreement` (r of errors, or κ), `difference` (RMS, deg; or 1 − proportion equal), `n`.
        Agreement is NaN where an observer's answers do not vary, and both where no trial has answers of the two.
    """
    trials = need(trials, ["observer", "trial", "report", "response", "auditory_azimuth", "visual_azimuth"])
    asked = trials[(trials["report"] == report) & trials["auditory_azimuth"].notna() & trials["visual_azimuth"].notna()]
    asked = grouped_rows(checked_answers(asked), ["observer", "trial"], "response_agreement")
    answers = asked.pivot(index="trial", columns="observer", values="response")
    answers = answers[[o for o in dict.fromkeys(trials["observer"].dropna()) if o in answers]]
    if answers.shape[1] < 2:
        raise ValueError(
            f"agreement needs two observers that were asked '{report}'; there is {list(answers.columns) or 'none'}"
        )
    truth = 0.0
    if report != "common":
        truth = asked.drop_duplicates("trial").set_index("trial")[f"{report}_azimuth"].reindex(answers.index)
    rows = []
    for first, second in combinations(answers.columns, 2):
        both = answers[[first, second]].dropna()
        x, y = both[first].to_numpy(), both[second].to_numpy()
        if both.empty:
            agreement = difference = np.nan
        elif report == "common":
            agreement, difference = _kappa(x, y), np.mean(x != y)
        else:
            error = truth.reindex(both.index).to_numpy()
            agreement = _correlation(wrapped(x - error), wrapped(y - error))
            difference = np.sqrt(np.mean(wrapped(x - y) ** 2))
        rows.append(
            {"first": first, "second": second, "agreement": agreement, "difference": difference, "n": len(both)}
        )
    measure = "κ" if report == "common" else "r of errors"
    return pd.DataFrame(rows).assign(report=report, measure=measure)


def _kappa(x, y):
    """Cohen's κ of two yes–no series; NaN if chance agreement is perfect."""
    if len(x) == 0:
        return np.nan
    chance = x.mean() * y.mean() + (1 - x.mean()) * (1 - y.mean())
    return np.nan if chance == 1 else (np.mean(x == y) - chance) / (1 - chance)


def _correlation(x, y):
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return np.corrcoef(x, y)[0, 1]


def response_distance(trials, *, reference, report="auditory", n_bins=12):
    """Jensen–Shannon distance of each observer's distribution of answers from a reference's, condition by condition.

    Places are counted in `n_bins` bins with equal shares of the reference's answers to all conditions; the distance
    is the square root of the divergence in bits (Endres & Schindelin 2003): 0 for the same distribution, 1 for
    answers that never agree. Few answers per condition make it larger than it is: compare observers with each other.

    Parameters
    ----------
    trials : DataFrame
        `session.trials`.
    reference : str
        The observer whose distribution the others are held against.
    report : str

    Returns
    -------
    DataFrame : observer, distance (mean over conditions), n_conditions, n (answers).
    """
    trials = need(trials, ["observer", "condition", "report", "response"])
    asked = checked_answers(trials[trials["report"] == report])
    asked = grouped_rows(asked[asked["response"].notna()], ["observer", "condition"], "response_distance")
    if not (asked["observer"] == reference).any():
        others = ", ".join(map(str, asked["observer"].unique()))
        raise ValueError(f"'{reference}' has no '{report}' answers; there are: {others or 'none'}")
    own = asked.loc[asked["observer"] == reference, "response"].to_numpy(float)
    inner = np.unique(np.quantile(own, np.linspace(0, 1, n_bins + 1)[1:-1]))
    cell = np.searchsorted(inner, asked["response"].to_numpy(float))
    counts = asked.assign(cell=cell).groupby(["observer", "condition", "cell"]).size().unstack(fill_value=0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    rows = []
    for observer in dict.fromkeys(asked["observer"]):
        one, other = shares.loc[observer].align(shares.loc[reference], join="inner", axis=0)
        distances = jensenshannon(one.to_numpy(), other.to_numpy(), base=2, axis=1)
        distances = np.nan_to_num(distances)  # rounding below 0 under the root
        n = int((asked["observer"] == observer).sum())
        rows.append({"observer": observer, "distance": distances.mean(), "n_conditions": len(one), "n": n})
    return pd.DataFrame(rows).assign(reference=reference, report=report)
