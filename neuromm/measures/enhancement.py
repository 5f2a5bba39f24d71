"""Multisensory enhancement: is a pair more than its parts? Criteria, indices, and what chance alone would give.

Enhancement 100 (AV − max(A, V))/max(A, V) % (Meredith & Stein 1983, Science 221:389), additivity AV/(A + V), the three
criteria of Beauchamp 2005 (Neuroinformatics 3:93), and two nulls without any interaction: the larger of two independent
responses, and probability summation.
"""

import numpy as np
import pandas as pd

from neuromm.maths.angles import wrapped
from neuromm.measures.checks import grouped_rows, need, numeric


def enhancement_index(auditory, visual, audiovisual):
    """Enhancement over the best single modality, %; NaN where that is 0. Arrays broadcast."""
    best = np.maximum(auditory, visual)
    return _ratio(100 * (np.asarray(audiovisual, float) - best), best)


def additivity_index(auditory, visual, audiovisual):
    """AV/(A + V): above 1 super-additive; NaN where the sum is 0. Arrays broadcast."""
    return _ratio(audiovisual, np.add(auditory, visual))


def population_axes(auditory, visual, audiovisual):
    """Enhancement and additivity as contrasts, 100 (AV − R)/(AV + R) with R = max(A, V) and R = A + V (Ohshiro 2011),
    %."""
    pair = np.asarray(audiovisual, float)
    return tuple(_ratio(100 * (pair - r), pair + r) for r in (np.maximum(auditory, visual), np.add(auditory, visual)))


def probability_summation(auditory, visual):
    """Probability that either of two independent detections succeeds, p_A + p_V − p_A p_V.

    Raises
    ------
    ValueError
        If a value is no probability.
    """
    auditory, visual = np.asarray(auditory, float), np.asarray(visual, float)
    for name, p in (("auditory", auditory), ("visual", visual)):
        if ((p < 0) | (p > 1)).any():
            raise ValueError(f"{name} holds {p[(p < 0) | (p > 1)].flat[0]:g}; probabilities from 0 to 1 are wanted")
    return auditory + visual - auditory * visual


def max_rule(auditory, visual):
    """Mean of the larger of two independent responses, over all pairs of single trials.

    It exceeds the larger mean by chance alone, the more the noisier the trials: the null for enhancement of single
    cells.

    Parameters
    ----------
    auditory, visual : array, shape (n_trials, ...)
        Single-trial responses; numbers of trials may differ.

    Returns
    -------
    array, shape (...)
    """
    auditory, visual = np.asarray(auditory, float), np.asarray(visual, float)
    if auditory.shape[1:] != visual.shape[1:] or not len(auditory) or not len(visual):
        raise ValueError(f"auditory {auditory.shape} and visual {visual.shape}: trials of the same cells are wanted")
    a, v = auditory.reshape(len(auditory), -1), visual.reshape(len(visual), -1)
    means = [_mean_of_larger(a[:, k], v[:, k]) for k in range(a.shape[1])]
    return np.array(means).reshape(auditory.shape[1:])


def _mean_of_larger(a, v):
    a, v = np.sort(a), np.sort(v)
    below, sums = np.searchsorted(a, v, "right"), np.concatenate([[0.0], np.cumsum(a)])
    return (below * v + sums[-1] - sums[below]).sum() / (len(a) * len(v))


def meets_criteria(auditory, visual, audiovisual):
    """The three criteria of a multisensory response (Beauchamp 2005), the strictest first.

    Parameters
    ----------
    auditory, visual, audiovisual : array, shape (n,), broadcast
        Mean responses above rest.

    Returns
    -------
    DataFrame
        `super_additive` AV > A + V; `max` AV > max(A, V); `mean` AV > (A + V)/2 with A > 0 and V > 0. For positive
        responses each implies the next.
    """
    a, v, pair = (np.atleast_1d(x) for x in np.broadcast_arrays(*map(np.asarray, (auditory, visual, audiovisual))))
    return pd.DataFrame(
        {
            "super_additive": pair > (a + v) + 1e-9 * np.abs(a + v),  # a sum of parts is no more than their sum
            "max": pair > np.maximum(a, v),
            "mean": (pair > (a + v) / 2) & (a > 0) & (v > 0),
        }
    )


def enhancement(trials, *, value="response", by=("observer", "level"), threshold=None):
    """Enhancement of a response, from trials of sound, light and both, at each level of the stimuli.

    Parameters
    ----------
    trials : DataFrame
        `auditory_azimuth`, `visual_azimuth` (NaN = absent) and `value`; rows without either are left out.
    value : str
        Response, such as a rate.
    by : sequence of str
        Columns that tell rows apart; those that are missing are left out.
    threshold : float, optional
        A response above it counts as a detection; adds the columns of probability summation.

    Returns
    -------
    DataFrame, one row per combination (and |disparity| of the pair)
        `auditory`, `visual`, `audiovisual` (means), `enhancement` (%), `additivity`, the criteria, and `null_max`, the
        enhancement (%) of the larger of independent single trials. With `threshold`: `detected` (fraction of pairs) and
        `null_detected`, by probability summation.

    Raises
    ------
    ValueError
        If a column is missing, or a combination lacks one of the three.
    """
    trials = need(trials, ["auditory_azimuth", "visual_azimuth", value])
    by = [c for c in by if c in trials]
    heard, seen = trials["auditory_azimuth"].notna(), trials["visual_azimuth"].notna()
    kind = np.select([heard & seen, heard, seen], ["audiovisual", "auditory", "visual"], "none")
    distance = np.abs(wrapped(trials["auditory_azimuth"] - trials["visual_azimuth"]))
    table = trials.assign(_kind=kind, _distance=distance, _all="all", **{value: numeric(trials[value], value)})
    table = grouped_rows(table, by or ["_all"], "enhancement")
    rows = []
    for key, group in table.groupby(by or ["_all"], sort=False):
        parts = {
            k: group.loc[group["_kind"] == k, value].to_numpy(float) for k in ("auditory", "visual", "audiovisual")
        }
        lacking = [k for k, v in parts.items() if not len(v)]
        if lacking:
            raise ValueError(f"{dict(zip(by, key, strict=False))}: no {' and no '.join(lacking)} trials to compare")
        for disparity, pair in group[group["_kind"] == "audiovisual"].groupby("_distance"):
            parts["audiovisual"] = pair[value].to_numpy(float)
            rows.append((*(key if by else ()), disparity, *_compare(parts, threshold)))
    columns = ["auditory", "visual", "audiovisual", "enhancement", "additivity", "null_max"]
    columns += ["detected", "null_detected"] if threshold is not None else []
    found = pd.DataFrame(rows, columns=[*by, "disparity", *columns])
    return pd.concat([found, meets_criteria(found["auditory"], found["visual"], found["audiovisual"])], axis=1)


def _compare(parts, threshold):
    a, v, pair = (values.mean() for values in parts.values())
    null = max_rule(parts["auditory"], parts["visual"])
    row = (a, v, pair, *(float(f(a, v, p)) for f, p in ((enhancement_index, pair), (additivity_index, pair))))
    row += (float(enhancement_index(a, v, null)),)
    if threshold is None:
        return row
    heard, seen, both = ((values > threshold).mean() for values in parts.values())
    return (*row, both, float(probability_summation(heard, seen)))


def linear_weights(combined, first, second):
    """Weights of R_comb = a₁ R₁ + a₂ R₂ + C per cell, by least squares (Morgan et al. 2008; Fetsch et al. 2012).

    Parameters
    ----------
    combined : array, shape (n_first, n_second, n_cells)
        Response to each pair of stimuli.
    first, second : array, shape (n_first, n_cells), (n_second, n_cells)
        Response to each alone.

    Returns
    -------
    DataFrame, one row per cell
        `first`, `second`, `constant`, `r2` (fraction of variance over pairs; NaN of a constant response).
    """
    combined, first, second = (np.asarray(x, float) for x in (combined, first, second))
    if combined.shape != (len(first), len(second), first.shape[1]) or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"combined {combined.shape}, first {first.shape}, second {second.shape}: (n_first, n_second, n_cells), "
            "(n_first, n_cells) and (n_second, n_cells) are wanted"
        )
    rows = []
    for cell in range(combined.shape[-1]):
        one, two = np.meshgrid(first[:, cell], second[:, cell], indexing="ij")
        design, target = np.column_stack([one.ravel(), two.ravel(), np.ones(one.size)]), combined[..., cell].ravel()
        weights = np.linalg.lstsq(design, target, rcond=None)[0]
        variance = target.var()
        rows.append((*weights, 1 - (target - design @ weights).var() / variance if variance > 0 else np.nan))
    return pd.DataFrame(rows, columns=["first", "second", "constant", "r2"])


def optimal_weight_ratio(slope_first, slope_second, rate_first, rate_second):
    """Ratio a₂/a₁ of the weights that a cell needs for optimal decoding, [f₂'/f₁']·[f₁/f₂] at the reference (Poisson).

    Fetsch, Pouget, DeAngelis & Angelaki 2012, Nat Neurosci 15:146: slopes and rates of the two tuning curves straight
    ahead. NaN where a curve is flat or silent.
    """
    return _ratio(np.multiply(slope_second, rate_first), np.multiply(slope_first, rate_second))


def _ratio(above, below):
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
