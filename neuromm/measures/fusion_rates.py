"""Who fuses which McGurk stimulus: people × stimuli fusion rates, and their fit by noisy encoding of disparity."""

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neuromm.maths.encoding_disparity import (
    DISPARITY_BOUNDS,
    SIGMA_BOUNDS,
    fit_encoding_disparity,
    fusion_probability,
    person_errors,
)
from neuromm.measures.bias import Z95
from neuromm.measures.checks import grouped_rows, need, numeric
from neuromm.stimuli.labels import FUSIONS, syllable, syllables


def fusion_rates(trials, *, stimulus="stimulus", fusions=None):
    """Fusion rate of each person (row) for each McGurk stimulus (column); a cell without answers is NaN.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `response_label`, the syllables, and the column `stimulus` (by default the pair is the stimulus);
        or a column `fused` (1, 0, NaN) as `datasets.read_gau2016` makes it. Syllables and labels are trimmed and
        case-folded: " Da", "DA" and "da" are one answer.
    stimulus : str
    fusions : dict of (heard, seen) → fused label, optional

    Returns
    -------
    DataFrame
        Rates 0…1; `.attrs["n"]` holds the trials per cell and `.attrs["n_missed"]` the answers missed.
    """
    trials = need(trials, ["observer", "auditory_syllable", "visual_syllable"])
    if "fused" not in trials:
        need(trials, ["response_label"])
    trials = grouped_rows(trials, ["observer"], "fusion_rates")
    written = {name: syllables(trials[name]) for name in ("auditory_syllable", "visual_syllable")}
    if "response_label" in trials:
        written["response_label"] = syllables(trials["response_label"])
    trials = trials.assign(**written)
    fusions = {tuple(map(syllable, pair)): syllable(label) for pair, label in (fusions or FUSIONS).items()}
    fused = numeric(trials["fused"], "fused").to_numpy() if "fused" in trials else _fused(trials, fusions)
    label = trials[stimulus] if stimulus in trials else _pair_names(trials)
    table = pd.DataFrame({"observer": trials["observer"].to_numpy(), "stimulus": label.to_numpy(), "fused": fused})
    pairs = _is_mcgurk(trials, fusions) if "fused" not in trials else table["fused"].notna().to_numpy()
    table = table[pairs]
    if table.empty:
        raise ValueError("no row shows a McGurk pair; give fusions={(heard, seen): fused} for yours")
    cells = table.groupby(["observer", "stimulus"], sort=False)["fused"]
    rates, n = cells.mean().unstack(), cells.count().unstack()
    rates.attrs["n"], rates.attrs["n_missed"] = n.fillna(0).to_dict("split"), int(table["fused"].isna().sum())
    return rates


def _pair_names(trials):
    return trials["auditory_syllable"].astype(str) + "|" + trials["visual_syllable"].astype(str)


def _is_mcgurk(trials, fusions):
    return np.array(
        [pair in fusions for pair in zip(trials["auditory_syllable"], trials["visual_syllable"], strict=True)]
    )


def _fused(trials, fusions):
    expected = [fusions.get(pair) for pair in zip(trials["auditory_syllable"], trials["visual_syllable"], strict=True)]
    given = trials["response_label"]
    return np.array(
        [np.nan if e is None or pd.isna(g) else float(g == e) for e, g in zip(expected, given, strict=True)]
    )


@dataclass(frozen=True)
class NedFit:
    """Fitted disparity per stimulus, threshold and noise per person, and how well they reproduce the rates.

    `threshold` and `sigma` are NaN where `people` has a flag that says why.
    """

    disparity: pd.Series  # per stimulus
    threshold: pd.Series  # per person
    sigma: pd.Series  # per person
    rates: pd.DataFrame  # what was fitted
    errors: np.ndarray  # summed squared error of each start
    n_missing: int  # cells without data
    people: pd.DataFrame  # per person: threshold and sigma with _low and _high, interval, flag
    _fitted: np.ndarray = field(repr=False)  # people × stimuli

    def predict(self) -> pd.DataFrame:
        """Fitted fusion probabilities, people × stimuli; of people with a flag too."""
        return pd.DataFrame(self._fitted, self.threshold.index, self.disparity.index)

    @property
    def summary(self) -> pd.DataFrame:
        """RMSE of the means over stimuli, over people, and of single cells (fractions)."""
        predicted = self.predict().where(self.rates.notna())
        rows = {
            "stimuli": predicted.mean() - self.rates.mean(),
            "people": predicted.mean(axis=1) - self.rates.mean(axis=1),
        }
        table = [{"over": k, "rmse": float(np.sqrt(np.mean(v**2))), "n": len(v)} for k, v in rows.items()]
        cells = (predicted - self.rates).to_numpy().ravel()
        cells = cells[np.isfinite(cells)]
        return pd.DataFrame([*table, {"over": "cells", "rmse": float(np.sqrt(np.mean(cells**2))), "n": len(cells)}])


def fit_ned(rates, *, n_starts=48, n_polished=3, seed=1) -> NedFit:
    """Fit a people × stimuli table of fusion rates by noisy encoding of disparity (Magnotti & Beauchamp 2015).

    Parameters
    ----------
    rates : DataFrame, people × stimuli
        Fractions; NaN = missing cell. From `fusion_rates`, or a table of one's own.
    n_starts : int
        Restarts.
    n_polished : int
        Best starts that end with a joint least-squares fit.
    seed : int

    Returns
    -------
    NedFit
        `people` has 95 % intervals of threshold and σ over a person's answers, given the fitted disparities: the
        least-squares estimates' delta method with binomial variance where `rates.attrs["n"]` gives the trials of a
        cell (as `fusion_rates` writes it), else with the variance of all residuals. Estimates are NaN, with the
        reason in `flag`, for who "never fuses" or "always fuses", has "one stimulus", "one rate" for all stimuli, or
        whose threshold or σ ended at its upper bound; for who is between the two at 0 and 1 alone, σ is
        ("step: sigma at its bound").

    Raises
    ------
    ValueError
        If a rate is outside 0…1, or a row or column is empty.

    Warns
    -----
    UserWarning
        If a person is flagged.

    Notes
    -----
    D, T and σ share an arbitrary unit and origin, fixed only by the bounds (D, T in 0…2, σ in .001…1): compare ranks,
    or fits with one D.
    """
    rates = rates if isinstance(rates, pd.DataFrame) else pd.DataFrame(np.asarray(rates, float))
    d, t, s, errors = fit_encoding_disparity(rates.to_numpy(float), rng=np.random.default_rng(seed), n_starts=n_starts,
                                             n_polished=n_polished)  # fmt: skip
    people = _people_table(rates, d, t, s)
    return NedFit(
        pd.Series(d, rates.columns, name="disparity"),
        people["threshold"],
        people["sigma"],
        rates,
        errors,
        int(rates.isna().sum().sum()),
        people,
        fusion_probability(d, t[:, None], s[:, None]),
    )


def _people_table(rates, disparity, threshold, sigma):
    """Threshold and σ of each person with intervals, or NaN and the reason in `flag`."""
    counts = _counts_of(rates)
    of_threshold, of_log_sigma = person_errors(rates.to_numpy(float), disparity, threshold, sigma, counts)
    table = pd.DataFrame(
        {
            "threshold": threshold,
            "threshold_low": threshold - Z95 * of_threshold,
            "threshold_high": threshold + Z95 * of_threshold,
            "sigma": sigma,
            "sigma_low": sigma * np.exp(-Z95 * of_log_sigma),
            "sigma_high": sigma * np.exp(Z95 * of_log_sigma),
            "interval": "95 % over answers, given the disparities",
        },
        rates.index,
    )
    cells = rates.to_numpy(float)
    table["flag"] = [_no_threshold(*one) for one in zip(cells, threshold, sigma, strict=True)]
    step = table["flag"].str.startswith("step")
    of_sigma = ["sigma", "sigma_low", "sigma_high"]
    table.loc[table["flag"] != "", of_sigma] = np.nan
    table.loc[(table["flag"] != "") & ~step, ["threshold", "threshold_low", "threshold_high"]] = np.nan
    flagged = table.loc[table["flag"] != "", "flag"]
    if len(flagged):
        each = [f"{flag}: {n}" for flag, n in flagged.value_counts().items()]
        message = f"fit_ned: {len(flagged)} of {len(table)} people fix no threshold or noise ({'; '.join(each)})"
        warnings.warn(message, UserWarning, stacklevel=3)
    return table


def _counts_of(rates):
    """Trials of each cell, people × stimuli, where the table knows them; else None."""
    known = rates.attrs.get("n")
    if known is None:
        return None
    counts = pd.DataFrame(known["data"], known["index"], known["columns"])
    return counts.reindex(index=rates.index, columns=rates.columns).to_numpy(float)


def _no_threshold(rates, threshold, sigma):
    """Why one person's rates fix no threshold or noise; empty if they do."""
    rates = rates[np.isfinite(rates)]
    if len(rates) < 2:
        return "one stimulus"
    if rates.max() == rates.min():
        return {0.0: "never fuses", 1.0: "always fuses"}.get(rates[0], "one rate")
    low, high = DISPARITY_BOUNDS
    near = 1e-3 * (high - low)
    if not low + near < threshold < high - near:
        return "threshold at its bound"
    if sigma > 0.999 * SIGMA_BOUNDS[1]:
        return "sigma at its upper bound"
    if np.isin(rates, [0.0, 1.0]).all() or sigma < 1.01 * SIGMA_BOUNDS[0]:
        return "step: sigma at its bound"
    return ""


def held_out_ned(rates, *, n_folds=5, n_starts=8, seed=1) -> pd.DataFrame:
    """Predict each cell from a fit that did not see it: R² and RMSE over all held-out cells, and for each fold.

    Cells are dealt to folds at random, evenly within each person; R² is relative to the mean of all rates.
    """
    rates = rates if isinstance(rates, pd.DataFrame) else pd.DataFrame(np.asarray(rates, float))
    rng = np.random.default_rng(seed)
    fold = np.argsort(rng.random(rates.shape), axis=1) % n_folds
    values, predicted = rates.to_numpy(float), np.full(rates.shape, np.nan)
    for k in range(n_folds):
        seen = rates.mask(fold == k)
        if seen.isna().all().any() or seen.isna().all(axis=1).any():
            raise ValueError(f"{n_folds} folds leave a person or stimulus without data; use fewer")
        predicted[fold == k] = fit_ned(seen, n_starts=n_starts, n_polished=1, seed=seed).predict().to_numpy()[fold == k]
    rows = []
    for k in ["all", *range(n_folds)]:
        rows_of = np.isfinite(values) & ((fold == k) if k != "all" else True)
        error, spread = values[rows_of] - predicted[rows_of], values[rows_of] - np.nanmean(values)
        rows.append(
            {
                "fold": k,
                "r2": 1 - (error**2).sum() / (spread**2).sum(),
                "rmse": np.sqrt(np.mean(error**2)),
                "n": int(rows_of.sum()),
            }
        )
    return pd.DataFrame(rows)


def rank_consistency(rates) -> float:
    """Mean Spearman correlation of people's rates between every two stimuli: how stable their order is."""
    table = pd.DataFrame(rates).corr("spearman", min_periods=3).to_numpy()
    pairs = table[np.triu_indices(len(table), 1)]
    return float(np.nanmean(pairs)) if np.isfinite(pairs).any() else float("nan")


def extreme_share(rates, low=0.1, high=0.9) -> pd.DataFrame:
    """Per stimulus: mean and sd of people's rates, and the share of people at or beyond `low` and `high` (U shape)."""
    table = pd.DataFrame(rates)
    n = table.notna().sum()
    return pd.DataFrame(
        {
            "stimulus": table.columns,
            "mean": table.mean().to_numpy(),
            "sd": table.std().to_numpy(),
            "extreme": (((table <= low + 1e-9) | (table >= high - 1e-9)).sum() / n).to_numpy(),
            "n": n.to_numpy(),
        }
    )
