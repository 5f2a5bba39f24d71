"""Sound, light and both at rising intensity: the design behind inverse effectiveness and the rules of place and
time."""

import numpy as np
import pandas as pd

from neuromm.paradigms.mcgurk import check_soas
from neuromm.stimuli.table import cross, finish

LEVELS = (0.67, 0.75, 0.83, 0.92, 1.0, 1.17, 1.5, 2.08)  # of a model's own intensity


def inverse_effectiveness(
    n_repeats: int = 1, *, levels=LEVELS, disparities=(0.0,), soas=None, report: str = "rate", seed: int = 1
):
    """A sound alone, a light alone, and both, at each level of intensity (after Meredith & Stein 1983).

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    levels : sequence of float
        Reliability of both events, above 0; rate models take it as a factor on the intensity.
    disparities : sequence of float
        Auditory − visual azimuth of the pairs, deg; the light stays straight ahead.
    soas : sequence of float, optional
        Onset of the sound after the light, ms, of the pairs; without them nothing is said about time.
    report : str
        What is asked: "rate" of a model cell, or "detection".
    seed : int

    Returns
    -------
    trials : DataFrame
        `level` is the intensity; an absent modality is a NaN azimuth.

    Raises
    ------
    ValueError
        If a level is not positive.
    """
    levels = [float(v) for v in levels]
    if not levels or min(levels) <= 0 or not np.isfinite(levels).all():
        raise ValueError(f"levels is {levels}; positive factors are wanted")
    pairs = {"level": levels, "visual_azimuth": [0.0], "disparity": [float(d) for d in disparities]}
    if soas is not None:
        pairs["soa"] = check_soas(soas)
    pairs = cross(**pairs)
    pairs["auditory_azimuth"] = pairs["disparity"]
    heard, seen = cross(level=levels, auditory_azimuth=[0.0]), cross(level=levels, visual_azimuth=[0.0])
    shown = pd.concat([heard, seen, pairs], ignore_index=True)
    for modality in ("auditory", "visual"):
        shown[f"{modality}_reliability"] = shown["level"].where(shown[f"{modality}_azimuth"].notna())
    if soas is not None:
        start = np.maximum(0.0, -min(soas))  # so that no onset is negative
        shown["visual_onset"] = np.where(shown["visual_azimuth"].notna(), start, np.nan)
        shown["auditory_onset"] = np.where(shown["auditory_azimuth"].notna(), start + shown["soa"].fillna(0.0), np.nan)
    columns = ["level", "auditory_azimuth", "visual_azimuth", "auditory_reliability", "visual_reliability", "disparity"]
    more = ["soa", "auditory_onset", "visual_onset"] if soas is not None else []
    return finish(shown[columns + more].assign(report=report), seed=seed, n_repeats=n_repeats)
