"""Fit of choices and reaction times about heading by optimal accumulation to a bound (Drugowitsch et al. 2014)."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit

from neuromm.maths.accumulation import decisions, response_times
from neuromm.maths.angles import wrapped
from neuromm.measures.bias import Z95
from neuromm.measures.checks import SIDES, grouped_rows, need, yes_no
from neuromm.measures.psychometrics import TREND, rising_trend
from neuromm.measures.race import check_reaction_times

STEP = 0.025  # s, grid of reaction times in the likelihood
INTERVAL = "95 % over trials (expected Fisher information)"
PREDICTED = ("modality", "coherence", "heading", "right", "fitted_right", "reaction_time", "fitted_reaction_time", "n",
             "observer")  # fmt: skip
FLOOR = 1e-3  # 1/s, density that any reaction time has, so that one outlier does not decide a fit


@dataclass(frozen=True)
class AccumulationFit:
    """Fitted parameters of each observer, and predicted beside observed accuracy and mean times."""

    estimates: pd.DataFrame  # observer, parameter, value, low, high, interval, flag
    summary: pd.DataFrame  # observer, log_likelihood, n_parameters, bic, n, n_missed, n_dropped, efficiency
    predictions: (
        pd.DataFrame
    )  # observer, modality, coherence, heading, right, fitted_right, reaction_time, fitted_reaction_time, n


def fit_accumulation(trials, *, free_efficiency=True, limits=(100.0, 4000.0), max_iterations=80) -> AccumulationFit:
    """Maximum likelihood of every choice with its reaction time, one observer at a time.

    Free are: visual sensitivity per coherence, vestibular sensitivity, a bound and a bias per modality and
    coherence, a mean non-decision time per modality and its sd, a lapse rate, and, with `free_efficiency`, the
    sensitivity to both senses over its optimum √(k_vis² + k_vest²): at 1, accumulation is optimal.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `visual_heading`, `vestibular_heading` (deg; NaN = absent), `coherence`, `response` (1 right, 0
        left; NaN = missed), `reaction_time` (ms). As `datasets.read_drugowitsch2014` gives it.
    free_efficiency : bool
    limits : (low, high), ms
        Reaction times outside are left out and counted as `n_dropped`.
    max_iterations : int

    Returns
    -------
    AccumulationFit
        `low` and `high` are 95 % over a person's trials, from the expected Fisher information of choices and times.
        Values are NaN, with the reason in `flag`, for people with "one answer", answers that are "flat" or "falling"
        over heading (trend test at 5 %, as in `fit_psychometric`) or "too few trials" (no more than parameters). A
        parameter that ended at its bound keeps its value, without an interval; one that no trial depends on is NaN.

    Raises
    ------
    ValueError
        If a column is missing, a response is neither 0 nor 1, or a row shows two different headings.

    Warns
    -----
    UserWarning
        If a person is flagged, or a parameter ended at the edge of its range.
    """
    headings = ["visual_heading", "vestibular_heading"]
    trials = need(trials, ["observer", *headings, "coherence", "response", "reaction_time"])
    trials = trials.assign(response=yes_no(trials["response"], meaning=SIDES))
    trials = grouped_rows(trials, ["observer"], "fit_accumulation")
    apart = trials["visual_heading"].notna() & trials["vestibular_heading"].notna()
    apart &= np.abs(wrapped(trials["visual_heading"] - trials["vestibular_heading"])) > 1e-9
    if apart.any():
        raise ValueError(f"row {trials.index[apart][0]} shows two headings; the model knows no conflict")
    estimates, summary, predictions = [], [], []
    for observer, own in trials.groupby("observer", sort=False):
        check_reaction_times(own["reaction_time"], f"reaction times of {observer}")
        missed = own["response"].isna() | own["reaction_time"].isna()
        dropped = ~missed & ~own["reaction_time"].between(*limits)
        kept = own[~missed & ~dropped]
        data = _Data(kept, limits[1] / 1000)
        n, n_free = len(kept), len(data.names) - (not free_efficiency)
        flag = _no_choices(kept, n_free)
        if flag:
            warnings.warn(f"{observer}: nothing is estimated ({flag})", UserWarning, stacklevel=2)
            estimates.append(_no_estimates(observer, data, flag))
            summary.append(
                {"observer": observer, "n_parameters": n_free, "n": n, "n_missed": int(missed.sum()),
                 "n_dropped": int(dropped.sum()), "flag": flag}
            )  # fmt: skip
            continue
        x, value = data.fit(free_efficiency, max_iterations)
        named = data.named(x)
        _warn_at_bounds(observer, data, x)
        estimates.append(_estimates(observer, data, x, free_efficiency))
        summary.append(
            {
                "observer": observer,
                "log_likelihood": -value,
                "n_parameters": n_free,
                "bic": 2 * value + n_free * np.log(n),
                "n": n,
                "n_missed": int(missed.sum()),
                "n_dropped": int(dropped.sum()),
                "efficiency": named["efficiency"],
                "flag": "",
            }
        )
        predictions.append(data.predictions(x).assign(observer=observer))
    shown = pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(columns=PREDICTED)
    return AccumulationFit(pd.concat(estimates, ignore_index=True), pd.DataFrame(summary), shown)


def _no_choices(kept, n_free):
    """Why the choices of one person support no fit; empty if they do."""
    if len(kept) <= n_free:
        return "too few trials"
    if kept["response"].nunique() == 1:
        return "one answer"
    heading = kept["visual_heading"].fillna(kept["vestibular_heading"]).round(6)
    counts = kept["response"].groupby(heading).agg(["sum", "count"])
    trend = rising_trend(counts["sum"], counts["count"])
    if trend > TREND:
        return ""
    return "falling" if trend < -TREND else "flat"


def _no_estimates(observer, data, flag):
    table = pd.DataFrame({"observer": observer, "parameter": data.names})
    return table.assign(value=np.nan, low=np.nan, high=np.nan, interval=INTERVAL, flag=flag)


def _estimates(observer, data, x, free_efficiency):
    """Values in their own units with 95 % intervals, which end where the parameter's range does."""
    bounds = np.array(data.bounds, float)
    edge, used = _at_bounds(data, x), np.zeros(len(x), bool)
    for i in range(len(data.conditions)):
        used[data.uses(i)] = True
    free = used & ~edge
    free[-1] &= free_efficiency
    half = np.full(len(x), np.nan)
    information = data.information(x)[np.ix_(free, free)]
    if np.linalg.matrix_rank(information) == len(information):
        half[free] = Z95 * np.sqrt(np.diag(np.linalg.inv(information)))
    ends = [data.named(np.clip(x + sign * half, *bounds.T)) for sign in (-1, 1)]
    return pd.DataFrame(
        {
            "observer": observer,
            "parameter": data.names,
            "value": np.where(used, list(data.named(x).values()), np.nan),
            "low": list(ends[0].values()),
            "high": list(ends[1].values()),
            "interval": INTERVAL,
            "flag": np.select([~used, edge], ["no trials", "at its bound"], ""),
        }
    )


def _at_bounds(data, x):
    """Which parameters ended at the edge of what they may be, shape (n_parameters,)."""
    low, high = np.array(data.bounds, float).T
    return np.minimum(x - low, high - x) < 0.005 * (high - low)


def _warn_at_bounds(observer, data, x):
    """A warning that names the parameters that ended at the edge of what they may be."""
    at_bound = zip(data.names, _at_bounds(data, x), strict=True)
    edge = [name for name, there in at_bound if there and name != "lapse"]
    if edge:
        warnings.warn(f"{observer}: {', '.join(edge)} ended at a bound; read them with care", UserWarning, stacklevel=3)


class _Data:
    """One observer's trials as counts over (condition, heading, choice, time), and the likelihood of them."""

    def __init__(self, table, end):
        self.t = np.arange(STEP / 2, end + STEP, STEP)
        seen, felt = table["visual_heading"].notna(), table["vestibular_heading"].notna()
        modality = np.select([seen & felt, seen], ["both", "visual"], "vestibular")
        level = table["coherence"].where(seen).round(6)
        self.coherences = sorted(level.dropna().unique())
        heading = table["visual_heading"].fillna(table["vestibular_heading"]).to_numpy(float)
        key = pd.Series(list(zip(modality, level.fillna(0.0), strict=True)), table.index)
        self.conditions = [k for m in ("visual", "vestibular", "both") for k in sorted(set(key)) if k[0] == m]
        times, right = table["reaction_time"].to_numpy(float) / 1000, table["response"].to_numpy(float)
        self.cells = []
        for condition in self.conditions:
            rows = (key == condition).to_numpy()
            headings, of = np.unique(heading[rows], return_inverse=True)
            counts = np.zeros((len(headings), 2, len(self.t)))
            bins = np.clip((times[rows] / STEP).astype(int), 0, len(self.t) - 1)
            np.add.at(counts, (of, right[rows].astype(int), bins), 1)
            sums = np.array([times[rows][of == i].sum() for i in range(len(headings))])
            self.cells.append((headings, counts, sums))
        n_c, n = len(self.coherences), len(self.conditions)
        self.names = [
            *[f"k_visual[{c:g}]" for c in self.coherences],
            "k_vestibular",
            *[f"bound_{_label(*k)}" for k in self.conditions],
            *[f"bias_{_label(*k)}" for k in self.conditions],
            *[f"other_time_{m}" for m in ("visual", "vestibular", "both")],
            "sd_other_time",
            "lapse",
            "efficiency",
        ]
        self.start = np.array(
            [
                *np.log(np.linspace(25, 70, n_c)),
                np.log(15.0),
                *[np.log(0.2)] * n,
                *[0.0] * n,
                0.35,
                0.35,
                0.35,
                np.log(0.08),
                logit(0.02),
                0.0,
            ]
        )
        self.bounds = (
            [(np.log(2), np.log(2000))] * (n_c + 1)
            + [(np.log(0.03), np.log(2.0))] * n
            + [(-5, 5)] * n
            + [(0.05, 1.2)] * 3
        )
        self.bounds += [(np.log(0.02), np.log(0.4)), (logit(1e-3), logit(0.2)), (-1.0, 1.0)]

    def named(self, x):
        """Parameters in their own units: k per √s and unit of motion, bounds, bias in deg, times in s."""
        values = dict(zip(self.names, x, strict=True))
        for name in self.names:
            if name.startswith(("k_", "bound_", "sd_", "efficiency")):
                values[name] = float(np.exp(values[name]))
        return values | {"lapse": float(expit(values["lapse"]))}

    def uses(self, i):
        """Positions in x of what condition i depends on."""
        modality, level = self.conditions[i]
        label = _label(modality, level)
        names = [f"bound_{label}", f"bias_{label}", f"other_time_{modality}", "sd_other_time", "lapse"]
        names += [f"k_visual[{level:g}]"] if modality != "vestibular" else []
        names += ["k_vestibular"] if modality != "visual" else []
        names += ["efficiency"] if modality == "both" else []
        return [self.names.index(n) for n in names]

    def densities(self, x, i):
        """Joint density of (left, right) and time of condition i, (n_headings, 2, n_t), 1/s."""
        modality, level = self.conditions[i]
        p = self.named(x)
        scale = p["efficiency"] if modality == "both" else 1.0
        k_visual = scale * p[f"k_visual[{level:g}]"] if modality != "vestibular" else 0.0
        k_vestibular = scale * p["k_vestibular"] if modality != "visual" else 0.0
        label = _label(modality, level)
        t, density, right, rest, rest_right = decisions(
            self.cells[i][0], k_visual, k_vestibular, p[f"bound_{label}"], p[f"bias_{label}"]
        )
        other, sd = p[f"other_time_{modality}"], p["sd_other_time"]
        decided = response_times(t, density, np.zeros(len(rest)), other, sd, self.t)
        late = response_times(t, np.zeros_like(density), np.ones(len(rest)), other, sd, self.t)
        says_right = right[:, None] * decided + rest_right[:, None] * late
        says_left = (1 - right)[:, None] * decided + (rest - rest_right)[:, None] * late
        both = says_left + says_right
        joint = np.stack([says_left, says_right], 1)
        return (1 - p["lapse"]) * joint + p["lapse"] / 2 * both[:, None]

    def cost_of(self, x, i):
        return -(self.cells[i][1] * np.log(self.densities(x, i) + FLOOR)).sum()

    def fit(self, free_efficiency, max_iterations):
        """Least negative log likelihood by L-BFGS-B; differences are taken over what a condition depends on."""

        def cost(x):
            value, gradient = 0.0, np.zeros(len(x))
            for i in range(len(self.conditions)):
                base = self.cost_of(x, i)
                value += base
                for j in self.uses(i):
                    moved = x.copy()
                    step = 1e-4 if x[j] + 1e-4 <= self.bounds[j][1] else -1e-4
                    moved[j] += step
                    gradient[j] += (self.cost_of(moved, i) - base) / step
            return value, gradient

        bounds = [*self.bounds[:-1], self.bounds[-1] if free_efficiency else (0.0, 0.0)]
        found = minimize(
            cost, self.start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": max_iterations}
        )
        return found.x, float(found.fun)

    def information(self, x):
        """Expected Fisher information of the free values x, Σ n Σ ∂p ∂pᵀ / p over choices and times; symmetric."""
        total = np.zeros((len(x), len(x)))
        for i in range(len(self.conditions)):
            used = self.uses(i)
            base = self.densities(x, i) + FLOOR
            slopes = []
            for j in used:
                moved = x.copy()
                step = 1e-4 if x[j] + 1e-4 <= self.bounds[j][1] else -1e-4
                moved[j] += step
                slopes.append((self.densities(moved, i) + FLOOR - base) / step)
            slopes = np.array(slopes)
            n = self.cells[i][1].sum((1, 2))
            total[np.ix_(used, used)] += STEP * np.einsum("ahct,bhct,hct,h->ab", slopes, slopes, 1 / base, n)
        return total

    def predictions(self, x):
        rows = []
        for i, (modality, level) in enumerate(self.conditions):
            headings, counts, sums = self.cells[i]
            joint = self.densities(x, i) * STEP
            mass = joint.sum((1, 2))
            n = counts.sum((1, 2))
            rows.append(
                pd.DataFrame(
                    {
                        "modality": modality,
                        "coherence": level or np.nan,
                        "heading": headings,
                        "right": counts[:, 1].sum(1) / n,
                        "fitted_right": joint[:, 1].sum(1) / mass,
                        "reaction_time": 1000 * sums / n,
                        "fitted_reaction_time": 1000 * (joint.sum(1) * self.t).sum(1) / mass,
                        "n": n.astype(int),
                    }
                )
            )
        return pd.concat(rows, ignore_index=True)


def _label(modality, level):
    """How a condition is called in the names of parameters: `visual[0.25]`, `vestibular`."""
    return f"{modality}[{level:g}]" if level else modality
