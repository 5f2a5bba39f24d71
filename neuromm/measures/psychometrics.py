"""Psychometric functions: how often an answer is given against a stimulus value, with intervals and goodness of fit.

p(x) = guess + (1 − guess − lapse) F(x). Every shape is written by its median (`pse`) and by the distance from
its median to its 75 % point (`jnd`), so that numbers compare across shapes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neuromm.measures.checks import grouped_rows, numeric, warn_pooled, yes_no
from neuromm.measures.psychometric_curve import PARAMETERS, SHAPES, Curve, Shape, quantile, standardise
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.table import require

TREND = 1.6448536269514722  # normal score of a one-sided test at 5 %


@dataclass(frozen=True)
class Psychometric:
    """A fitted psychometric function, one curve per condition.

    `estimates`: one row per condition and parameter: estimate (maximum likelihood), low, high (95 % of the posterior,
    central unless the estimate is at an edge, where the interval begins or ends; NaN where fixed), and `flag`: empty,
    or why the data do not support the value (see `fit_psychometric`). `goodness`: log_likelihood, deviance, its degrees
    of freedom and the parametric-bootstrap p (small: the curve does not describe the data), of the conditions without
    a flag.
    """

    estimates: pd.DataFrame
    goodness: pd.Series
    shape: Shape
    data: pd.DataFrame  # condition, x, n_yes, n
    samples: pd.DataFrame = field(repr=False, default=None)  # posterior samples of the free values

    def _values(self, condition):
        table = self.estimates
        if condition is None and table["condition"].nunique() == 1:
            condition = table["condition"].iloc[0]
        rows = table[table["condition"] == condition]
        if not len(rows):
            raise ValueError(f"no condition {condition!r}; there are: {list(table['condition'].unique())}")
        return rows.set_index("parameter")["estimate"]

    def predict(self, x, condition=None) -> np.ndarray:
        """Probability of the answer at stimulus values `x`; same shape."""
        values = self._values(condition)
        z = standardise(np.asarray(x, float), values["pse"], values["jnd"], self.shape)
        return values["guess"] + (1 - values["guess"] - values["lapse"]) * SHAPES[self.shape](z)

    def pse(self, condition=None) -> float:
        """Point of subjective equality: the median of F, in the units of x."""
        return float(self._values(condition)["pse"])

    def jnd(self, condition=None, level=0.75) -> float:
        """Distance from the median of F to its `level` point, guesses and lapses set aside."""
        values = self._values(condition)
        at = quantile(level, self.shape)
        if self.shape == "weibull":
            return float(values["pse"] * (np.exp(at * values["jnd"]) - 1))
        return float(at * values["jnd"])

    def threshold(self, p, condition=None) -> float:
        """Stimulus at which the answer is given with probability `p`, guesses and lapses included."""
        values = self._values(condition)
        if values.isna().any():
            return float("nan")
        share = (p - values["guess"]) / (1 - values["guess"] - values["lapse"])
        if not 0 < share < 1:
            low, high = values["guess"], 1 - values["lapse"]
            raise ValueError(f"the curve runs from {low:.3g} to {high:.3g}; it never is at {p}")
        z = quantile(share, self.shape) * values["jnd"]
        return float(values["pse"] * np.exp(z) if self.shape == "weibull" else values["pse"] + z)


def fit_psychometric(
    trials, x, *, y="response", by=None, shape: Shape = "normal", guess=0.0, lapse="free", overdispersion=False,
    share=("guess", "lapse", "overdispersion"), max_lapse=0.1, n_bootstrap=400, n_samples=1000, rng=None,
) -> Psychometric:  # fmt: skip
    """Fit a psychometric function to yes/no or n-AFC answers.

    Maximum likelihood from many starts, with central posterior intervals by slice sampling under priors that
    are flat in pse, log jnd, guess, lapse and overdispersion within their bounds (after Schütt et al. 2016,
    Vision Res 122:105, whose beta-binomial overdispersion η is used: η = 0 is binomial).

    Parameters
    ----------
    trials : DataFrame
        One row per answer.
    x, y : str
        Columns of the stimulus value and of the answer (1 or 0; NaN = missed, left out).
    by : str, optional
        Column of conditions, one curve each.
    shape : str
        "normal", "logistic", "gumbel", or "weibull" (over x > 0; its jnd is in log units of x).
    guess : float, "free" or "lapse"
        Lower asymptote: 0 for yes/no, 1/n for n-AFC; "lapse" makes both asymptotes equally far.
    lapse : float or "free"
        1 − upper asymptote; when free, at most `max_lapse`.
    overdispersion : bool
        Whether answers may vary more than independent ones.
    share : sequence of str
        Parameters with one value for all conditions.
    n_bootstrap : int
        Simulated data sets for the p of the deviance; 0 for none.
    n_samples : int
        Posterior samples for the intervals; 0 for none.

    Returns
    -------
    Psychometric
        The estimates of a condition are NaN, with the reason in `flag`, where answers are all the same ("one answer"),
        x has one value ("one level"), or answers do not rise with x: a one-sided trend test over the order of the
        levels at 5 % (Armitage 1955) tells "flat" (not significant either way) from "falling". A pse or jnd that ended
        at the edge of the search, and a pse outside of the levels shown, are flagged too; at an upper edge they are
        NaN. Conditions without estimates have no part in values that conditions share.

    Raises
    ------
    ValueError
        If a column is missing, answers are not 0 or 1, or every condition has one stimulus value only.

    Warns
    -----
    UserWarning
        If a condition is flagged, or rows without a condition are left out.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    if shape not in SHAPES:
        raise ValueError(f"shape is '{shape}'; one of {', '.join(SHAPES)} is wanted")
    data, conditions = _count(trials, x, y, by, shape)
    flags = [_unsupported(rows) for _, rows in data.groupby("condition")]
    if all(flag == "one level" for flag in flags):
        raise ValueError(f"condition {conditions[0]!r} has one value of '{x}'; a curve must have two or more")
    kept = [c for c, flag in enumerate(flags) if not flag]
    fitted = kept or [c for c, flag in enumerate(flags) if flag != "one level"]  # goodness needs a curve
    rows = data[data["condition"].isin(fitted)]
    rows = rows.assign(condition=rows["condition"].map({c: i for i, c in enumerate(fitted)}))
    curve = Curve(rows, len(fitted), shape, guess, lapse, overdispersion, share, max_lapse)
    unit, log_likelihood = curve.maximise(rng)
    values, draws = curve.values(unit[None])[0], None
    low, high = np.full_like(values, np.nan), np.full_like(values, np.nan)
    if n_samples and kept:
        draws, low, high = curve.intervals(unit, n_samples, rng)
    table = []
    for c, condition in enumerate(conditions):
        for i, name in enumerate(PARAMETERS):
            if flags[c]:
                table.append((condition, name, np.nan, np.nan, np.nan, flags[c]))
                continue
            k = fitted.index(c)
            flag = curve.edge(unit, name, k)
            cell = (np.nan,) * 3 if flag.endswith("at its bound") else (values[i, k], low[i, k], high[i, k])
            table.append((condition, name, *cell, flag))
    estimates = pd.DataFrame(table, columns=["condition", "parameter", "estimate", "low", "high", "flag"])
    _warn_flagged(estimates)
    goodness = curve.goodness(unit, log_likelihood, n_bootstrap, rng)
    shown = data.assign(condition=np.array(conditions, object)[data["condition"]])
    return Psychometric(estimates, goodness, shape, shown, draws)


def _warn_flagged(estimates):
    """One warning that names the conditions whose data do not support their values."""
    found = estimates[estimates["flag"] != ""].drop_duplicates(["condition", "flag"])
    if len(found):
        each = [f"{row.condition!r}: {row.flag}" for row in found.itertuples()]
        words = "; ".join(each[:5]) + (f"; and {len(each) - 5} more" if len(each) > 5 else "")
        warnings.warn(f"fit_psychometric: the answers do not support a curve ({words})", UserWarning, stacklevel=3)


def rising_trend(n_yes, n):
    """Normal score of a linear trend of proportions over the order of their levels (Armitage 1955); 0 if constant.

    Parameters
    ----------
    n_yes, n : array, shape (n_levels,)
        In ascending order of the stimulus.
    """
    n_yes, n = np.asarray(n_yes, float), np.asarray(n, float)
    share = n_yes.sum() / n.sum()
    level = np.arange(len(n)) - (np.arange(len(n)) * n).sum() / n.sum()
    variance = share * (1 - share) * (n * level**2).sum()
    return float((level * n_yes).sum() / np.sqrt(variance)) if variance > 0 else 0.0


def _unsupported(counts):
    """Why the counts of one condition, in ascending order of x, support no rising curve; empty if they do."""
    n_yes, n = counts["n_yes"].to_numpy(float), counts["n"].to_numpy(float)
    if len(counts) < 2:
        return "one level"
    if n_yes.sum() in (0.0, n.sum()):
        return "one answer"
    trend = rising_trend(n_yes, n)
    if trend < -TREND:
        return "falling"
    return "" if trend > TREND else "flat"


def _count(trials, x, y, by, shape):
    """Answers counted per condition and stimulus value; condition as a number."""
    if by == "observer":
        trials = name_people(trials)
    require(trials, [x, y, *([by] if by else [])], "fit_psychometric")
    trials = trials[trials[y].notna() & trials[x].notna()]
    if not len(trials):
        raise ValueError(f"no row has both '{x}' and '{y}'")
    trials = trials.assign(**{x: numeric(trials[x], x), y: yes_no(trials[y], y)})
    if shape == "weibull" and (trials[x] <= 0).any():
        raise ValueError(f"column '{x}' has values of 0 or below; x of a Weibull function must be positive")
    codes, conditions = np.zeros(len(trials), int), ["all"]
    if by is None:
        warn_pooled(trials, "fit_psychometric")
    else:
        trials = grouped_rows(trials, [by], "fit_psychometric")
        conditions = sorted_values(trials[by].unique())
        codes = trials[by].map({condition: i for i, condition in enumerate(conditions)}).to_numpy(int)
    counted = pd.DataFrame({"condition": codes, "x": trials[x].to_numpy(float), "yes": trials[y].to_numpy(float)})
    data = counted.groupby(["condition", "x"], as_index=False)["yes"].agg(n_yes="sum", n="count")
    return data, conditions


def sorted_values(values):
    """Ascending; text and numbers together by how they are written."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)
