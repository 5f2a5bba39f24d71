"""Judgements of temporal order against asynchrony: a cumulative Gaussian of "light first" with lapses."""

import warnings

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from neuromm.maths.batched_optimise import minimise_by_differences
from neuromm.measures.checks import as_list
from neuromm.measures.intervals import interval_around
from neuromm.measures.psychometric_curve import EDGE
from neuromm.measures.psychometrics import TREND, rising_trend
from neuromm.measures.temporal_window import INTERVAL, curves_of, rate_by_soa
from neuromm.measures.window_curves import log_likelihood

REASONS = {
    "one answer": "every answer is the same",
    "flat": "the answers do not rise with asynchrony",
    "falling": "the answers fall with asynchrony; are they reversed?",
    "one level": "there is one asynchrony only",
    "pss at its bound": "the answers turn at or beyond the asynchronies shown",
    "jnd at its bound": "the answers hardly change over the asynchronies shown",
    "jnd at its lower bound": "the answers change between two neighbouring asynchronies",
}


def order_curve(fits, soas):
    """The fitted curves of `fit_order` at asynchronies `soas` (ms): one row per row of `fits` × SOA, `rate`."""
    return curves_of(fits, soas, "pss", _order_rate)


def _order_rate(row, soas):
    log_sigma = np.log(row["jnd"] / ndtri(0.75))
    return _order_chance(soas, (row["pss"], log_sigma, row["lapse"]))


def _order_chance(x, p):
    """Rate of "light first": a cumulative Gaussian with lapses to either side; p is pss, log σ, lapse."""
    pss, log_sigma, lapse = p
    return lapse / 2 + (1 - lapse) * ndtr((x - pss) / np.exp(log_sigma))


def fit_order(trials, *, by=(), n_bootstrap=200, rng=None):
    """Cumulative Gaussian of "light first" against asynchrony: `pss` (50 %, ms), `jnd` (50 to 75 %, ms), `lapse`.

    Parameters
    ----------
    trials : DataFrame
        As for `rate_by_soa`, with `report` "visual_first" (1 = light before sound).
    by : sequence of str
        Further factors, one curve each.
    n_bootstrap : int
        Simulated data sets from each fitted curve, for the intervals; 0 for none.
    rng : numpy Generator, optional

    Returns
    -------
    DataFrame, one row per observer
        `pss`, `jnd`, `lapse`, `log_likelihood` (nats), `n`, `n_missed`; `pss_low` … `jnd_high`, 95 % intervals over
        trials (parametric bootstrap); `flag`, empty or why there is no estimate (NaN then): "one level", "one answer",
        "falling", "flat" (a one-sided trend test at 5 %, as in `fit_psychometric`), or a value at its bound.

    Warns
    -----
    UserWarning
        If an observer is flagged.
    """
    rng, by = np.random.default_rng(0) if rng is None else rng, as_list(by)
    rows = []
    for key, curve in rate_by_soa(trials, report="visual_first", by=by).groupby(
        ["observer", *by], sort=False
    ):
        rows.append(
            {
                **dict(zip(["observer", *by], key, strict=True)),
                **_fit_order(curve, key[0], n_bootstrap, rng),
            }
        )
    return pd.DataFrame(rows)


def _fit_order(curve, who, n_bootstrap, rng):
    x, n = curve["soa"].to_numpy(float), curve["n"].to_numpy(float)
    yes = np.nan_to_num(curve["rate"].to_numpy(float)) * n

    def cost(p):
        return -log_likelihood(_order_chance(x, p), yes, n)

    flag = _no_order(x[n > 0], yes[n > 0], n[n > 0])
    values = dict.fromkeys(("pss", "jnd", "lapse", "log_likelihood"), np.nan)
    intervals = dict.fromkeys(("pss_low", "pss_high", "jnd_low", "jnd_high"), np.nan)
    if not flag:
        bounds = np.array([(x.min(), x.max()), (np.log(2), np.log(2000)), (0.0, 0.2)])
        starts = [(0.0, np.log(s), 0.02) for s in (40, 120)]
        best = min(
            (minimize(cost, s, bounds=bounds, method="L-BFGS-B") for s in starts),
            key=lambda f: f.fun,
        )
        unit = (best.x - bounds[:, 0]) / np.ptp(bounds, axis=1)
        flag = _order_edge(unit)
        if not flag or flag == "jnd at its lower bound":
            values = {"pss": best.x[0], "jnd": ndtri(0.75) * np.exp(best.x[1]), "lapse": best.x[2]}
            values["log_likelihood"] = -best.fun
            if n_bootstrap:
                draws = _order_draws(unit, bounds, x, n, n_bootstrap, rng)
                ends = interval_around([values["pss"], values["jnd"]], draws)
                intervals = dict(zip(intervals, np.stack(ends, -1).ravel(), strict=True))
    if flag:
        warnings.warn(
            f"{who}: order is not estimated ({flag}: {REASONS[flag]})", UserWarning, stacklevel=3
        )
    return {**values, "n": int(n.sum()), "n_missed": int(curve["n_missed"].sum()), **intervals, "interval": INTERVAL,
            "flag": flag}  # fmt: skip


def _no_order(x, yes, n):
    """Why the counts, in ascending order of asynchrony, have no rising curve; empty if they do."""
    if len(x) < 2:
        return "one level"
    if yes.sum() in (0.0, n.sum()):
        return "one answer"
    trend = rising_trend(yes, n)
    if trend > TREND:
        return ""
    return "falling" if trend < -TREND else "flat"


def _order_edge(unit):
    """Which value ended at the edge of its range (the unit interval); empty if none."""
    if unit[0] < EDGE or unit[0] > 1 - EDGE:
        return "pss at its bound"
    if unit[1] > 1 - EDGE:
        return "jnd at its bound"
    return "jnd at its lower bound" if unit[1] < EDGE else ""


def _order_draws(unit, bounds, x, n, n_bootstrap, rng):
    """pss and jnd of data simulated from the fitted curve, each refitted from it; (n_bootstrap, 2), ms."""
    low, width = bounds[:, 0], np.ptp(bounds, axis=1)
    yes = rng.binomial(
        n.astype(int), _order_chance(x, low + width * unit), size=(n_bootstrap, len(n))
    )

    def cost(points, problem):
        p = (low + width * points).T[..., None]
        return -log_likelihood(_order_chance(x, p), yes[problem], n)

    found = minimise_by_differences(cost, np.tile(unit, (n_bootstrap, 1)), tolerance=1e-2).point
    p = low + width * found
    return np.column_stack([p[:, 0], ndtri(0.75) * np.exp(p[:, 1])])
