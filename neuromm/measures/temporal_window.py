"""Judgements of synchrony against asynchrony: rates, fitted curves and their windows."""

import warnings
from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression, minimize
from scipy.stats import chi2

from neuromm.measures.bias import rate_with_interval
from neuromm.measures.checks import as_list, grouped_rows, keep_kind, need, numeric, yes_no
from neuromm.measures.intervals import interval_around
from neuromm.measures.window_curves import MODELS, log_likelihood, window_draws, window_of

INTERVAL = "95 % over trials (parametric bootstrap)"
ONE_PEAK = 0.95  # a curve has a peak where it falls below this share of it on both sides


def rate_by_soa(trials, *, report="synchronous", by=()):
    """How often the answer is 1, per observer and asynchrony.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `report`, `soa` (ms, sound later positive), `response` (1 or 0; NaN = missed).
    report : str
        "synchronous", "visual_first" or "common".
    by : sequence of str
        Further factors.

    Returns
    -------
    DataFrame
        `observer`, factors, `soa`, `rate`, `low`, `high` (95 %, Wilson, over trials), `n` answered, `n_missed`.

    Raises
    ------
    ValueError
        If a column is missing, a response is neither 0 nor 1, or nothing asks for `report`.

    Warns
    -----
    UserWarning
        If all |SOA| are below 2: they look like seconds; if rows without observer, factor or SOA are left out.
    """
    by = as_list(by)
    trials = need(trials, ["observer", "report", "soa", "response", *by])
    asked = trials[trials["report"] == report]
    if asked.empty:
        raise ValueError(f"no row asks for '{report}'; there is: {', '.join(map(str, trials['report'].unique()))}")
    asked = asked.assign(soa=numeric(asked["soa"], "soa"), response=yes_no(asked["response"]))
    asked = grouped_rows(asked, ["observer", *by, "soa"], "rate_by_soa")
    warn_seconds(asked["soa"])
    rows = []
    for key, group in asked.groupby(["observer", *by, "soa"], sort=False):
        answers = group["response"].dropna()
        rows.append((*key, *rate_with_interval(answers.sum(), len(answers)), len(answers), len(group) - len(answers)))
    table = pd.DataFrame(rows, columns=["observer", *by, "soa", "rate", "low", "high", "n", "n_missed"])
    return keep_kind(table.sort_values(["observer", *by, "soa"], ignore_index=True), trials)


def warn_seconds(soas):
    """Warn if asynchronies look like seconds: all |SOA| below 2, and not all 0."""
    values = np.abs(pd.to_numeric(soas).dropna().to_numpy(float))
    if len(values) and 0 < values.max() < 2:
        warnings.warn(
            f"every |SOA| is below 2 (largest {values.max():g}): these look like seconds; milliseconds are wanted",
            UserWarning,
            stacklevel=3,
        )


def fit_window(
    trials,
    *,
    model: Literal["sigmoids", "gaussian", "causal_inference"] = "sigmoids",
    level=0.75,
    report="synchronous",
    by=(),
    n_bootstrap=200,
    rng=None,
):
    """Fit each observer's synchrony curve by maximum likelihood, and read off its window.

    *sigmoids* multiplies a rising and a falling cumulative Gaussian, so that flanks may differ; *gaussian* is the
    common symmetric curve; *causal_inference* is P(|x − c| < h), the curve of an observer who compares causes
    (Magnotti, Ma & Beauchamp 2013): c and h are its window, σ its noise.

    Parameters
    ----------
    trials : DataFrame
        As for `rate_by_soa`, or its result.
    model : str
    level : float
        The window ends where the fitted curve crosses this share of its maximum.
    report : str
    by : sequence of str
    n_bootstrap : int
        Simulated data sets from each fitted curve, for the intervals; 0 for none.
    rng : numpy Generator, optional
        Of the simulated data.

    Returns
    -------
    DataFrame, one row per observer
        `pss` (ms, where the curve is highest), `low`, `high`, `binding_window` = high − low (ms; NaN where the curve
        does not cross), the parameters, `log_likelihood` (nats), `bic`, `n`, `n_missed`; `pss_low`, `pss_high`,
        `window_low`, `window_high`, 95 % intervals of `pss` and `binding_window` over trials (parametric bootstrap);
        `flag`, empty or why there is no window: "one answer", "flat" (no better than a constant rate, likelihood ratio
        at 5 %) or "no peak" (the curve does not fall on both sides within the asynchronies shown; reversed answers are
        such). All estimates are NaN then. "edge outside" marks a window that ends beyond the asynchronies shown.

    Raises
    ------
    ValueError
        If there are fewer asynchronies than parameters, or the model is unknown.

    Warns
    -----
    UserWarning
        If an observer is flagged, or the curve does not cross the level within twice the range of asynchronies.
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}; got '{model}'")
    if not 0 < level < 1:
        raise ValueError(f"level must be a share of the maximum between 0 and 1, got {level}")
    rng = np.random.default_rng(0) if rng is None else rng
    by = as_list(by)
    curves = trials if "rate" in trials else rate_by_soa(trials, report=report, by=by)
    rows = []
    for key, curve in curves.groupby(["observer", *by], sort=False):
        fitted = _fit_curve(curve, model, level, key[0], n_bootstrap, rng)
        rows.append({**dict(zip(["observer", *by], key, strict=True)), "model": model, **fitted})
    return pd.DataFrame(rows)


def _fit_curve(curve, model, level, who, n_bootstrap, rng):
    shape, names, bounds, starts = MODELS[model]
    x, n = curve["soa"].to_numpy(float), curve["n"].to_numpy(float)
    yes = np.nan_to_num(curve["rate"].to_numpy(float)) * n
    if (n > 0).sum() < len(names):
        raise ValueError(
            f"{who}: {int((n > 0).sum())} asynchronies with answers, but '{model}' has {len(names)} parameters"
        )

    def cost(p):
        return -log_likelihood(shape(x, p), yes, n)

    found = [minimize(cost, s, bounds=bounds, method="L-BFGS-B", options={"maxiter": 500}) for s in starts]
    found += [minimize(cost, f.x, bounds=bounds, method="Nelder-Mead", options={"maxiter": 2000}) for f in found[:1]]
    best = min(found, key=lambda f: f.fun)
    constant = log_likelihood(np.full(len(x), yes.sum() / n.sum()), yes, n)
    order = np.argsort(x)
    flag = _no_window(shape(x[order], best.x), -best.fun - constant, len(names), yes[order], n[order])
    pss, low, high = window_of(lambda t: shape(np.asarray(t, float), best.x), x, level)
    if not flag and not x.min() <= pss <= x.max():
        flag = "no peak"
    values = dict(zip(names, best.x, strict=True))
    intervals = dict.fromkeys(("pss_low", "pss_high", "window_low", "window_high"), np.nan)
    if flag:
        warnings.warn(f"{who}: no window can be estimated ({flag}: {REASONS[flag]})", UserWarning, stacklevel=4)
        pss, low, high, values = np.nan, np.nan, np.nan, dict.fromkeys(names, np.nan)
    else:
        flag = "edge outside" if not (low >= x.min() and high <= x.max()) else ""
        if np.isnan(high - low):
            message = f"{who}: the fitted curve does not fall to {level:g} of its maximum on both sides"
            warnings.warn(message, UserWarning, stacklevel=4)
        if n_bootstrap:
            draws = window_draws(model, best.x, x, n, level, n_bootstrap, rng)
            ends = interval_around([pss, high - low], draws)
            intervals = dict(zip(intervals, np.stack(ends, -1).ravel(), strict=True))
    return {"pss": pss, "low": low, "high": high, "binding_window": high - low, **values,
            "log_likelihood": -best.fun, "bic": 2 * best.fun + len(names) * np.log(n.sum()), "n": int(n.sum()),
            "n_missed": int(curve["n_missed"].sum()) if "n_missed" in curve else 0, **intervals,
            "interval": INTERVAL, "flag": flag}  # fmt: skip


REASONS = {
    "one answer": "every answer is the same",
    "flat": "the answers are as well described by one rate at all asynchronies",
    "no peak": "the answers do not rise and fall within the asynchronies shown; are they reversed?",
}


def _no_window(fitted, gain, n_parameters, yes, n):
    """Why the counts show no peak; all in order of asynchrony, `gain` is nats of the curve above a constant rate."""
    if yes.sum() in (0.0, n.sum()):
        return "one answer"
    if 2 * gain < chi2.ppf(0.95, n_parameters - 1):
        return "flat"
    if max(fitted[0], fitted[-1]) > ONE_PEAK * fitted.max():
        return "no peak"
    # one flank alone, whatever its shape, may describe the answers as well
    rate = np.divide(yes, n, out=np.zeros(len(n)), where=n > 0)
    flanks = [isotonic_regression(rate, weights=n + 1e-9, increasing=up).x for up in (True, False)]
    best_flank = max(log_likelihood(flank, yes, n) for flank in flanks)
    return "no peak" if best_flank >= log_likelihood(fitted, yes, n) else ""


def window_curve(fits, soas):
    """The fitted curves of `fit_window` at asynchronies `soas` (ms): one row per row of `fits` × SOA, `rate`."""
    return curves_of(fits, soas, "model", _window_rate)


def curves_of(fits, soas, first_value, rate_of):
    """Rates of every fit; the columns before `first_value` tell fits apart. NaN where a fit is flagged."""
    need(fits, ["observer", first_value])
    soas = np.asarray(soas, float)
    keys = list(fits.columns[: fits.columns.get_loc(first_value)])
    curves = []
    for row in fits.to_dict("records"):
        curves.append(pd.DataFrame({**{key: row[key] for key in keys}, "soa": soas, "rate": rate_of(row, soas)}))
    return pd.concat(curves, ignore_index=True)


def _window_rate(row, soas):
    shape, names, _, _ = MODELS[row["model"]]
    return shape(soas, [row[name] for name in names])
