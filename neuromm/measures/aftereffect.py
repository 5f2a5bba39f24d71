"""What exposure leaves behind: build-up of an aftereffect, its immediate and cumulative parts, weights over blur."""

import numpy as np
import pandas as pd

from neuromm.maths.angles import near, wrapped
from neuromm.measures.bias import Z95
from neuromm.measures.checks import grouped_rows, keep_kind, need, numeric


def aftereffect_by_exposure(trials):
    """Shift of sounds alone toward the side of the exposed lights, against the number of exposures.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `block`, `phase` (test, exposure), `exposures`, `auditory_azimuth`, `visual_azimuth`, `response`
        (deg; NaN = missed).

    Returns
    -------
    DataFrame, one row per observer × exposures
        `shift` (deg, error minus the mean error of the tests at 0 exposures of the same block, positive toward the
        lights), `fraction` of the displacement, `low`, `high` (95 % of the shift, over blocks; NaN with one), `n`,
        `n_missed`.

    Raises
    ------
    ValueError
        If there is no exposure, or no test before it.
    """
    trials = need(trials, ["observer", "block", "phase", "exposures", "auditory_azimuth", "visual_azimuth", "response"])
    trials = _places_and_answers(grouped_rows(trials, ["observer", "block"], "aftereffect_by_exposure"))
    exposure = trials[trials["phase"] == "exposure"]
    if exposure.empty or not ((trials["phase"] == "test") & (trials["exposures"] == 0)).any():
        raise ValueError(
            "tests before exposure, and exposures, are both wanted; see paradigms.aftereffect(n_exposures=(0, …))"
        )
    displacement = (
        pd.Series(wrapped(exposure["visual_azimuth"] - exposure["auditory_azimuth"]), exposure.index)
        .groupby([exposure["observer"], exposure["block"]])
        .mean()
    )
    tests = trials[trials["phase"] == "test"].copy()
    tests["error"] = tests["response"] - tests["auditory_azimuth"]
    cell = tests.groupby(["observer", "block", "exposures"])["error"].agg(["mean", "count", "size"]).reset_index()
    before = cell[cell["exposures"] == 0].set_index(["observer", "block"])["mean"]
    key = pd.MultiIndex.from_frame(cell[["observer", "block"]])
    moved = displacement.reindex(key).to_numpy()
    cell["shift"] = (cell["mean"].to_numpy() - before.reindex(key).to_numpy()) * np.sign(moved)
    cell["fraction"] = cell["shift"] / np.abs(moved)
    rows = []
    for (observer, n), group in cell.groupby(["observer", "exposures"], sort=False):
        error = group["shift"].std() / np.sqrt(len(group)) if len(group) > 1 else np.nan
        mean = group["shift"].mean()
        rows.append(
            (
                observer,
                n,
                mean,
                group["fraction"].mean(),
                mean - Z95 * error,
                mean + Z95 * error,
                int(group["count"].sum()),
                int((group["size"] - group["count"]).sum()),
            )
        )
    columns = ["observer", "exposures", "shift", "fraction", "low", "high", "n", "n_missed"]
    table = pd.DataFrame(rows, columns=columns).sort_values(["observer", "exposures"], ignore_index=True)
    return keep_kind(table, trials)


def _places_and_answers(trials):
    """Places and answers as numbers; answers, which are directions, written near the sound's place."""
    columns = {name: numeric(trials[name], name) for name in ("auditory_azimuth", "visual_azimuth", "response")}
    columns["response"] = near(columns["response"], columns["auditory_azimuth"])
    columns["response"] = np.where(columns["auditory_azimuth"].isna(), trials["response"], columns["response"])
    return trials.assign(**columns)


def aftereffect_history(trials):
    """Immediate and cumulative aftereffects: sounds alone regressed on the trial before and on the tone's history.

    The error of each test is explained by a constant, a slope on place (shrinkage), the displacement of the trial
    before (0 if that was no pair) and the mean displacement that the same tone has had so far in its block.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `block`, `phase`, `auditory_azimuth`, `visual_azimuth`, `response`, in the order of time;
        `auditory_frequency` if tones differ.

    Returns
    -------
    DataFrame, one row per observer × part (immediate, cumulative)
        `effect` (fraction of the displacement), `low`, `high` (95 %, least squares), `n`, `n_missed`.
    """
    trials = need(trials, ["observer", "block", "phase", "auditory_azimuth", "visual_azimuth", "response"])
    trials = _places_and_answers(grouped_rows(trials, ["observer", "block"], "aftereffect_history"))
    rows = []
    for observer, own in trials.groupby("observer", sort=False):
        displacement = pd.Series(wrapped(own["visual_azimuth"] - own["auditory_azimuth"]), own.index)
        moved = displacement.where(own["phase"] == "exposure")
        before = moved.groupby(own["block"]).shift(1).fillna(0.0)
        tone = own["auditory_frequency"] if "auditory_frequency" in own else pd.Series(0, own.index)
        past = (
            moved.groupby([own["block"], tone]).transform(lambda s: s.expanding().mean().shift(1).ffill()).fillna(0.0)
        )
        test = (own["phase"] == "test") & own["response"].notna()
        design = np.column_stack([np.ones(test.sum()), own["auditory_azimuth"][test], before[test], past[test]])
        error = (own["response"] - own["auditory_azimuth"])[test].to_numpy()
        if len(design) < 5 or np.linalg.matrix_rank(design) < 4:
            raise ValueError(
                f"{observer}: immediate and cumulative displacements do not vary apart; see "
                "paradigms.two_tone_aftereffect"
            )
        weights, _, _, _ = np.linalg.lstsq(design, error, rcond=None)
        rest = error - design @ weights
        covariance = np.linalg.inv(design.T @ design) * (rest @ rest) / (len(error) - 4)
        missed = int(((own["phase"] == "test") & own["response"].isna()).sum())
        for part, i in (("immediate", 2), ("cumulative", 3)):
            half = Z95 * np.sqrt(covariance[i, i])
            rows.append((observer, part, weights[i], weights[i] - half, weights[i] + half, int(test.sum()), missed))
    return pd.DataFrame(rows, columns=["observer", "part", "effect", "low", "high", "n", "n_missed"])


def weight_over_period(trials, *, n_bins=10):
    """Relative auditory weight over the period of a changing blur, first half beside the flipped second half.

    In each bin answers are regressed on both places; the weight is w_A/(w_A + w_V) (Beierholm et al. 2020, figure 2).
    At equal blur, an observer who remembers weighs audition differently in the two halves.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `phase` (0…1 within the period), `auditory_azimuth`, `visual_azimuth`, `response` (deg; NaN =
        missed).
    n_bins : int
        Over the whole period; even.

    Returns
    -------
    DataFrame, one row per observer × half × bin
        `half` (first, second flipped), `phase` (0…½), `weight_auditory`, `low`, `high` (95 %, delta method; NaN in a
        bin with fewer than four answers, collinear places, or answers that follow neither place), `n`, `n_missed`.
    """
    trials = need(trials, ["observer", "phase", "auditory_azimuth", "visual_azimuth", "response"])
    trials = grouped_rows(trials, ["observer", "phase"], "weight_over_period")
    trials = _places_and_answers(trials.assign(phase=numeric(trials["phase"], "phase")))
    if n_bins % 2:
        raise ValueError(f"n_bins is {n_bins}; an even number is wanted, so that halves can be compared")
    rows = []
    bins = np.minimum((trials["phase"].to_numpy(float) * n_bins).astype(int), n_bins - 1)
    for (observer, b), own in trials.groupby([trials["observer"], bins], sort=True):
        answered = own[own[["response", "auditory_azimuth", "visual_azimuth"]].notna().all(axis=1)]
        weight, half = _auditory_weight(answered)
        second = b >= n_bins // 2
        phase = (n_bins - 1 - b if second else b) + 0.5
        rows.append(
            (
                observer,
                "second, flipped" if second else "first",
                phase / n_bins,
                weight,
                weight - half,
                weight + half,
                len(answered),
                len(own) - len(answered),
            )
        )
    columns = ["observer", "half", "phase", "weight_auditory", "low", "high", "n", "n_missed"]
    return pd.DataFrame(rows, columns=columns).sort_values(["observer", "half", "phase"], ignore_index=True)


def _auditory_weight(answered):
    """w_A/(w_A + w_V) by least squares and its half interval (delta method); NaN where the answers fix neither."""
    response = answered["response"].to_numpy(float)
    design = np.column_stack([np.ones(len(answered)), answered["auditory_azimuth"], answered["visual_azimuth"]])
    if len(design) < 4 or np.linalg.matrix_rank(design) < 3:
        return np.nan, np.nan
    weights, _, _, _ = np.linalg.lstsq(design, response, rcond=None)
    _, a, v = weights
    if abs(a + v) < 1e-9:
        return np.nan, np.nan
    rest = response - design @ weights
    covariance = np.linalg.inv(design.T @ design) * (rest @ rest) / (len(design) - 3)
    slope = np.array([0.0, v, -a]) / (a + v) ** 2
    return a / (a + v), Z95 * np.sqrt(slope @ covariance @ slope)
