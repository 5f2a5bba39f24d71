"""Congruent and opposite units: do a unit's two unimodal tuning curves rise together or against each other?"""

import numpy as np
import pandas as pd


def tuning_congruency(first, second, *, threshold=0.5, least=1e-3):
    """Correlation of each unit's tuning to one modality with its tuning to the other.

    Congruent cells (r near 1) and opposite cells (r near −1) of areas MSTd and VIP (Gu, Angelaki & DeAngelis 2008, Nat
    Neurosci 11:1201; Chen, DeAngelis & Angelaki 2013, J Neurosci 33:3567).

    Parameters
    ----------
    first, second : arrays, shape (n_places, n_units)
        Mean response to each place, shown to one modality and to the other alone; the same places.
    threshold : float
        |r| above it is congruent or opposite.
    least : float
        Units whose tuning to either modality has a smaller sd than this share of the largest are untuned (NaN).

    Returns
    -------
    DataFrame, one row per unit
        `congruency` (r), `kind` (congruent, opposite, intermediate, untuned), `depth_first`, `depth_second` (sd over
        places).

    Raises
    ------
    ValueError
        If shapes differ, or there are fewer than three places.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"tuning has shapes {first.shape} and {second.shape}; (n_places, n_units) twice is wanted")
    if len(first) < 3:
        raise ValueError(f"tuning over {len(first)} places; at least three are wanted for a correlation")
    depth = np.stack([first.std(0), second.std(0)])
    tuned = (depth > least * depth.max()).all(0)
    a, b = first - first.mean(0), second - second.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(tuned, (a * b).mean(0) / (depth[0] * depth[1]), np.nan)
    kind = np.select([~tuned, r > threshold, r < -threshold], ["untuned", "congruent", "opposite"], "intermediate")
    return pd.DataFrame({"congruency": r, "kind": kind, "depth_first": depth[0], "depth_second": depth[1]})

