"""Judgements against asynchrony: synchrony curves and their windows, temporal order."""

import warnings
from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize
from scipy.special import ndtr, ndtri

from neuromm.measures.bias import _keep_kind, _need, rate_with_interval


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
        If all |SOA| are below 2: they look like seconds.
    """
    _need(trials, ["observer", "report", "soa", "response"])
    asked = trials[trials["report"] == report]
    if asked.empty:
        raise ValueError(f"no row asks for '{report}'; there is: {', '.join(map(str, trials['report'].unique()))}")
    warn_seconds(asked["soa"])
    wrong = asked["response"].notna() & ~asked["response"].isin([0, 1])
    if wrong.any():
        raise ValueError(
            f"row {asked.index[wrong][0]}: response {asked['response'][wrong].iloc[0]!r} to '{report}'; 1 "
            "(yes) or 0 (no) is wanted"
        )
    rows = []
    for key, group in asked.groupby(["observer", *by, "soa"], sort=False):
        answers = group["response"].dropna()
        rows.append((*key, *rate_with_interval(answers.sum(), len(answers)), len(answers), len(group) - len(answers)))
    table = pd.DataFrame(rows, columns=["observer", *by, "soa", "rate", "low", "high", "n", "n_missed"])
    return _keep_kind(table.sort_values(["observer", *by, "soa"], ignore_index=True), trials)


def warn_seconds(soas):
    """Warn if asynchronies look like seconds: all |SOA| below 2, and not all 0."""
    values = np.abs(pd.to_numeric(soas).dropna().to_numpy(float))
    if len(values) and 0 < values.max() < 2:
        warnings.warn(
            f"every |SOA| is below 2 (largest {values.max():g}): these look like seconds; milliseconds are wanted",
            UserWarning,
            stacklevel=3,
        )


def _sigmoids(x, p):
    """Amplitude × a rising and a falling cumulative Gaussian: mid-points and spreads of the two flanks."""
    amplitude, left, spread_left, width, spread_right = p
    return amplitude * ndtr((x - left) / spread_left) * ndtr((left + width - x) / spread_right)


def _gaussian(x, p):
    amplitude, centre, sigma = p
    return amplitude * np.exp(-0.5 * ((x - centre) / sigma) ** 2)


def _causal_inference(x, p):
    """|measured asynchrony − c| < h with noise σ, and lapses: the form of causal inference for one noise level."""
    amplitude, centre, half, sigma = p
    return amplitude * (ndtr((centre + half - x) / sigma) - ndtr((centre - half - x) / sigma))


# name: (curve, names of parameters, bounds, starts)
MODELS = {
    "sigmoids": (_sigmoids, ("amplitude", "left", "spread_left", "width", "spread_right"),
                 ((0.05, 1.0), (-1000, 1000), (5, 600), (5, 2000), (5, 600)),
                 ((0.95, -150, 60, 400, 60), (0.9, -80, 30, 250, 100), (0.8, -300, 100, 600, 100))),
    "gaussian": (_gaussian, ("amplitude", "centre", "sigma"), ((0.05, 1.0), (-500, 500), (10, 1500)),
                 ((0.95, 50, 150), (0.9, 0, 300), (0.8, 100, 80))),
    "causal_inference": (_causal_inference, ("amplitude", "centre", "half_width", "sigma"),
                         ((0.05, 1.0), (-500, 500), (1, 1500), (5, 600)),
                         ((0.97, 50, 200, 100), (0.95, 30, 120, 60), (0.9, 100, 300, 150))),
}  # fmt: skip


def fit_window(
    trials,
    *,
    model: Literal["sigmoids", "gaussian", "causal_inference"] = "sigmoids",
    level=0.75,
    report="synchronous",
    by=(),
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

    Returns
    -------
    DataFrame, one row per observer
        `pss` (ms, where the curve is highest), `low`, `high`, `binding_window` = high − low (ms; NaN where the curve
        does not cross), the parameters, `log_likelihood` (nats), `bic`, `n`, `n_missed`.

    Raises
    ------
    ValueError
        If there are fewer asynchronies than parameters, or the model is unknown.

    Warns
    -----
    UserWarning
        If a curve does not cross the level within twice the range of asynchronies.
    """
    if model not in MODELS:
        raise ValueError(f"model is '{model}'; one of {', '.join(MODELS)} is wanted")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; a share of the maximum between 0 and 1 is wanted")
    curves = trials if "rate" in trials else rate_by_soa(trials, report=report, by=by)
    rows = []
    for key, curve in curves.groupby(["observer", *by], sort=False):
        rows.append(
            {
                **dict(zip(["observer", *by], key, strict=True)),
                "model": model,
                **_fit_curve(curve, model, level, key[0]),
            }
        )
    return pd.DataFrame(rows)


def _fit_curve(curve, model, level, who):
    shape, names, bounds, starts = MODELS[model]
    x, n = curve["soa"].to_numpy(float), curve["n"].to_numpy(float)
    yes = np.nan_to_num(curve["rate"].to_numpy(float)) * n
    if (n > 0).sum() < len(names):
        raise ValueError(
            f"{who}: {int((n > 0).sum())} asynchronies with answers, but '{model}' has {len(names)} parameters"
        )

    def cost(p):
        chance = np.clip(shape(x, p), 1e-6, 1 - 1e-6)
        return -(yes * np.log(chance) + (n - yes) * np.log1p(-chance)).sum()

    found = [minimize(cost, s, bounds=bounds, method="L-BFGS-B", options={"maxiter": 500}) for s in starts]
    found += [minimize(cost, f.x, bounds=bounds, method="Nelder-Mead", options={"maxiter": 2000}) for f in found[:1]]
    best = min(found, key=lambda f: f.fun)
    pss, low, high = _window(lambda t: shape(np.asarray(t, float), best.x), x, level)
    if np.isnan(low) or np.isnan(high):
        warnings.warn(
            f"{who}: the fitted curve does not fall to {level:g} of its maximum on both sides",
            UserWarning,
            stacklevel=4,
        )
    total = n.sum()
    return {"pss": pss, "low": low, "high": high, "binding_window": high - low, **dict(zip(names, best.x, strict=True)),
            "log_likelihood": -best.fun, "bic": 2 * best.fun + len(names) * np.log(total), "n": int(total),
            "n_missed": int(curve["n_missed"].sum()) if "n_missed" in curve else 0}  # fmt: skip


def _window(shape, x, level):
    """Peak of a curve, and where it crosses `level` of its peak on either side (NaN: nowhere near)."""
    reach = max(np.ptp(x), 1.0)
    grid = np.linspace(x.min() - reach / 2, x.max() + reach / 2, 4001)
    values = shape(grid)
    top = int(values.argmax())
    wanted = level * values[top]
    below = np.flatnonzero(values < wanted)
    left, right = below[below < top], below[below > top]
    low = brentq(lambda t: shape(t) - wanted, grid[left[-1]], grid[left[-1] + 1]) if len(left) else np.nan
    high = brentq(lambda t: shape(t) - wanted, grid[right[0] - 1], grid[right[0]]) if len(right) else np.nan
    return float(grid[top]), low, high


def window_curve(fits, soas):
    """The fitted curves of `fit_window` at asynchronies `soas` (ms): one row per observer × SOA, `rate`."""
    soas = np.asarray(soas, float)
    curves = []
    for row in fits.to_dict("records"):
        shape, names, _, _ = MODELS[row["model"]]
        rate = shape(soas, [row[name] for name in names])
        curves.append(pd.DataFrame({"observer": row["observer"], "soa": soas, "rate": rate}))
    return pd.concat(curves, ignore_index=True)


def order_curve(fits, soas):
    """The fitted curves of `fit_order` at asynchronies `soas` (ms): one row per observer × SOA, `rate`."""
    soas = np.asarray(soas, float)
    curves = []
    for row in fits.to_dict("records"):
        sigma = row["jnd"] / ndtri(0.75)
        rate = row["lapse"] / 2 + (1 - row["lapse"]) * ndtr((soas - row["pss"]) / sigma)
        curves.append(pd.DataFrame({"observer": row["observer"], "soa": soas, "rate": rate}))
    return pd.concat(curves, ignore_index=True)


def fit_order(trials, *, by=()):
    """Cumulative Gaussian of "light first" against asynchrony: `pss` (50 %, ms), `jnd` (50 to 75 %, ms), `lapse`.

    Parameters
    ----------
    trials : DataFrame
        As for `rate_by_soa`, with `report` "visual_first" (1 = light before sound).

    Returns
    -------
    DataFrame, one row per observer, with `log_likelihood` (nats), `n`, `n_missed`.
    """
    rows = []
    for key, curve in rate_by_soa(trials, report="visual_first", by=by).groupby(["observer", *by], sort=False):
        x, n = curve["soa"].to_numpy(float), curve["n"].to_numpy(float)
        yes = np.nan_to_num(curve["rate"].to_numpy(float)) * n

        def cost(p, x=x, n=n, yes=yes):
            chance = np.clip(p[2] / 2 + (1 - p[2]) * ndtr((x - p[0]) / np.exp(p[1])), 1e-6, 1 - 1e-6)
            return -(yes * np.log(chance) + (n - yes) * np.log1p(-chance)).sum()

        bounds = [(x.min(), x.max()), (np.log(2), np.log(2000)), (0.0, 0.2)]
        starts = [(0.0, np.log(s), 0.02) for s in (40, 120)]
        best = min((minimize(cost, s, bounds=bounds, method="L-BFGS-B") for s in starts), key=lambda f: f.fun)
        rows.append(
            {
                **dict(zip(["observer", *by], key, strict=True)),
                "pss": best.x[0],
                "jnd": ndtri(0.75) * np.exp(best.x[1]),
                "lapse": best.x[2],
                "log_likelihood": -best.fun,
                "n": int(n.sum()),
                "n_missed": int(curve["n_missed"].sum()),
            }
        )
    return pd.DataFrame(rows)
