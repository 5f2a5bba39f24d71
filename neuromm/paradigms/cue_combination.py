"""Cue combination: two cues to one place, in small conflict, at several reliabilities."""

import pandas as pd

from neuromm.maths.angles import wrapped
from neuromm.stimuli.table import cross, finish


def cue_combination(
    n_repeats: int = 50,
    *,
    positions=(-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0),
    conflicts=(-4.0, 0.0, 4.0),
    visual_reliability=(1.0, 0.25, 0.0625),
    auditory_reliability=(1.0,),
    reports=("auditory", "visual"),
    seed: int = 1,
):
    """A sound and a light around each place, at small conflicts and several visual reliabilities.

    After Alais & Burr 2004: conflicts small enough to be fused, a light blurred in steps, each cue
    also alone.

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    positions : sequence of float
        Mean place of the pair, deg.
    conflicts : sequence of float
        auditory − visual, deg; the pair stands at position ± conflict/2.
    visual_reliability, auditory_reliability : sequence of float
        Relative precision; variance is σ²/reliability.
    reports : sequence of str
    seed : int

    Returns
    -------
    trials : DataFrame
    """
    pairs = cross(
        place=positions,
        disparity=conflicts,
        auditory_reliability=auditory_reliability,
        visual_reliability=visual_reliability,
    )
    pairs["auditory_azimuth"] = wrapped(pairs["place"] + pairs["disparity"] / 2)
    pairs["visual_azimuth"] = wrapped(pairs["place"] - pairs["disparity"] / 2)
    alone = [
        cross(auditory_azimuth=positions, auditory_reliability=auditory_reliability),
        cross(visual_azimuth=positions, visual_reliability=visual_reliability),
    ]
    shown = pd.concat([pairs.drop(columns="place"), *alone], ignore_index=True)
    return finish(shown, seed=seed, n_repeats=n_repeats, reports=reports)
