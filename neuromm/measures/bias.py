"""How far the other modality pulls an answer: crossmodal bias against disparity, and unity judgements."""

from typing import Literal

import numpy as np
import pandas as pd

from neuromm.maths.angles import near, wrapped
from neuromm.measures.checks import checked_answers, grouped_rows, keep_kind, need, numeric

OTHER = {"auditory": "visual", "visual": "auditory"}
RELIABILITIES = ["auditory_reliability", "visual_reliability"]
Z95 = 1.959963984540054


def crossmodal_bias(
    trials,
    *,
    report: Literal["auditory", "visual"] = "auditory",
    baseline: Literal["stimulus", "aligned", "unisensory"] = "stimulus",
    tolerance: float = 0.25,
):
    """Bias of a location report toward the other modality, as a fraction of disparity.

    Per condition (mean response − baseline) / (other − own place); then the mean over the conditions of
    one |disparity| (Körding et al. 2007, figure 2e). Positive is toward the other modality.

    Parameters
    ----------
    trials : DataFrame
        Stimuli joined with responses (`session.trials`, or a table of people): `observer`, `report`,
        `response` (deg), `auditory_azimuth`, `visual_azimuth` (deg), and reliabilities where they vary.
    report : str
        Whose place is reported. Azimuths are directions: differences go the shorter way round, so that 175 and −175
        are 10 deg apart.
    baseline : str
        What counts as no bias: "stimulus" the true place, so that shrinkage to the prior counts (pure
        segregation gives .179 at Körding's values); "aligned" the mean answer when both are there;
        "unisensory" the mean answer to that place alone.
    tolerance : float
        |disparities| closer than this (deg) are one level, at their mean.

    Returns
    -------
    DataFrame, one row per observer × reliabilities × |disparity|
        `disparity` (deg, ≥ 0), `bias` (fraction), `low`, `high` (95 % over trials, normal; NaN where a condition has
        one trial), `shift` (deg toward the other), `n` answers, `n_missed` (NaN answers, excluded), `n_conditions`,
        `baseline`.

    Raises
    ------
    ValueError
        If a column is missing, no row asks for that report with both modalities there, the baseline was not shown, or
        an answer is no number or none of the row's `alternatives`.

    Warns
    -----
    UserWarning
        If rows have no `observer`; they are left out.
    """
    trials = need(trials, ["observer", "report", "response", "auditory_azimuth", "visual_azimuth"])
    if report not in OTHER:
        raise ValueError(f"report must be 'auditory' or 'visual', got '{report}'")
    if baseline not in ("stimulus", "aligned", "unisensory"):
        raise ValueError(f"baseline must be 'stimulus', 'aligned' or 'unisensory', got '{baseline}'")
    own, other = f"{report}_azimuth", f"{OTHER[report]}_azimuth"
    asked = trials[(trials["report"] == report) & trials[own].notna()]
    asked = grouped_rows(checked_answers(asked), ["observer"], "crossmodal_bias")
    asked = asked.assign(**{own: numeric(asked[own], own), other: numeric(asked[other], other)})
    asked["response"] = near(asked["response"], asked[own])  # a place near ±180 is answered on both sides of it
    pairs = asked[asked[other].notna()]
    if pairs.empty:
        raise ValueError(
            f"no trial asks for the {report} place of a pair; its reports are: {sorted(set(trials['report'].dropna()))}"
        )
    factors = varying_factors(trials)
    cells = _cells(pairs, ["observer", *factors, own, other])
    cells["reference"], cells["reference_var"] = _baseline(cells, asked, baseline, own, other, factors, report)
    gap = pd.Series(wrapped(cells[other] - cells[own]), cells.index)
    cells = cells[gap.abs() > 1e-9].assign(gap=gap, disparity=_levels(gap.abs(), tolerance))
    cells["bias"] = (cells["mean"] - cells["reference"]) / cells["gap"]
    cells["variance"] = (cells["var"] / cells["n"].clip(lower=1) + cells["reference_var"]) / cells["gap"] ** 2
    rows = []
    for key, cell in cells.groupby(["observer", *factors, "disparity"], sort=False, dropna=False):
        cell_bias, half = cell["bias"].mean(), Z95 * np.sqrt(cell["variance"].sum(skipna=False)) / len(cell)
        rows.append(
            dict(
                zip(["observer", *factors, "disparity"], key, strict=True),
                bias=cell_bias,
                low=cell_bias - half,
                high=cell_bias + half,
                shift=cell_bias * key[-1],
                n=int(cell["n"].sum()),
                n_missed=int(cell["n_missed"].sum()),
                n_conditions=len(cell),
            )
        )
    if not rows:
        raise ValueError("every pair is aligned: a bias needs trials with disparity")
    table = pd.DataFrame(rows)
    order = {name: i for i, name in enumerate(dict.fromkeys(trials["observer"].dropna()))}
    table = table.sort_values(
        ["observer", *factors, "disparity"], key=lambda c: c.map(order) if c.name == "observer" else c
    )
    return keep_kind(table.assign(report=report, baseline=baseline, interval="95 % over trials"), trials)


def unity_rate(trials, *, tolerance: float = 0.25):
    """How often one cause is reported, against disparity.

    Parameters
    ----------
    trials : DataFrame
        Rows with `report` = "common" are used: `response` 1 is one cause, 0 two, NaN missed.
    tolerance : float
        |disparities| closer than this (deg) are one level, at their mean.

    Returns
    -------
    DataFrame, one row per observer × reliabilities × |disparity|
        `disparity` (deg, ≥ 0, the shorter way round), `unity` (probability), `low`, `high` (95 %, Wilson over trials),
        `n`, `n_missed`.

    Raises
    ------
    ValueError
        If a column is missing, no row asks `common` of a pair, or a response is neither 1 nor 0 (such as 1 for one
        cause and 2 for two), naming its row.
    """
    trials = need(trials, ["observer", "report", "response", "auditory_azimuth", "visual_azimuth"])
    asked = trials[
        (trials["report"] == "common") & trials["auditory_azimuth"].notna() & trials["visual_azimuth"].notna()
    ]
    if asked.empty:
        raise ValueError(f"no trial asks 'common' of a pair; its reports are: {sorted(set(trials['report'].dropna()))}")
    asked = grouped_rows(checked_answers(asked), ["observer"], "unity_rate")
    factors = varying_factors(trials)
    places = [numeric(asked[name], name) for name in ("auditory_azimuth", "visual_azimuth")]
    apart = pd.Series(np.abs(wrapped(places[0] - places[1])), asked.index)
    disparity = _levels(apart, tolerance)
    cells = _cells(asked.assign(disparity=disparity), ["observer", *factors, "disparity"])
    low, high = wilson(cells["mean"] * cells["n"], cells["n"])
    table = cells.assign(unity=cells["mean"], low=low, high=high, interval="95 % over trials (Wilson)")
    return keep_kind(table.drop(columns=["mean", "var"]), trials)


def wilson(successes, n):
    """Wilson's 95 % interval of a proportion; NaN where there is no trial."""
    successes, n = np.asarray(successes, float), np.asarray(n, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = successes / n
        centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return np.clip(centre - half, 0, p), np.clip(centre + half, p, 1)  # rounding must not step over the proportion


def rate_with_interval(successes, n):
    """A proportion and its Wilson interval, three floats; NaN without trials."""
    low, high = wilson(successes, n)
    return (float(successes / n) if n else np.nan), float(low), float(high)


def _levels(disparity, tolerance):
    """Each value's level: sorted values less than `tolerance` apart are one level, at their mean."""
    values = np.unique(disparity.to_numpy(float).round(6))
    level = np.cumsum(np.diff(values, prepend=values[:1] if len(values) else 0.0) > tolerance)
    means = np.bincount(level, values) / np.bincount(level) if len(values) else values
    return pd.Series(means[level[np.searchsorted(values, disparity.round(6))]], disparity.index).round(6)


def _cells(table, keys):
    grouped = table.groupby(keys, sort=True, dropna=False)["response"]
    cells = grouped.agg(["mean", "var", "count", "size"]).reset_index()
    cells["n_missed"] = cells.pop("size") - cells["count"]
    return cells.rename(columns={"count": "n"})


def _baseline(cells, asked, baseline, own, other, factors, report):
    if baseline == "stimulus":
        return cells[own], 0.0
    if baseline == "aligned":
        rows, keys = asked[np.abs(wrapped(asked[own] - asked[other])) < 1e-9], ["observer", *factors, own]
    else:
        rows = asked[asked[other].isna()]
        keys = ["observer", *[f for f in factors if not f.startswith(OTHER[report])], own]
    if rows.empty:
        raise ValueError(f"baseline '{baseline}' needs trials that show it; this table has none")
    reference = _cells(rows, keys)
    joined = cells[keys].merge(reference, on=keys, how="left")
    if joined["mean"].isna().any():
        place = joined.loc[joined["mean"].isna(), own].iloc[0]
        raise ValueError(f"baseline '{baseline}' was not shown at {own} {place:g} with these reliabilities")
    return joined["mean"].to_numpy(), (joined["var"] / joined["n"].clip(lower=1)).to_numpy()


def varying_factors(trials):
    return [f for f in RELIABILITIES if f in trials and trials[f].nunique() > 1]
