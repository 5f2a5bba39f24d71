"""Random-dot motion: left or right, against coherence; and left or right of a sound, a light and both."""

import numpy as np
import pandas as pd

from neuromm.stimuli.table import cross, finish

COHERENCES = (0.0, 0.032, 0.064, 0.128, 0.256, 0.512)  # of Roitman & Shadlen 2002, Wang 2002


def check_coherences(coherences):
    """Refuse a strength of motion that is no fraction."""
    wrong = [c for c in coherences if not 0 <= c <= 1]
    if wrong:
        raise ValueError(f"coherences holds {wrong[0]:g}; fractions from 0 to 1 are wanted: 0.128 for 12.8 %")


def direction(n_repeats: int = 100, *, coherences=COHERENCES, both_directions: bool = True, seed: int = 1):
    """Which way do the dots move? Right or left, at several motion coherences (Roitman & Shadlen 2002).

    Parameters
    ----------
    n_repeats : int
        Showings of each direction and coherence.
    coherences : sequence of float
        Strength of motion, 0 to 1.
    both_directions : bool
        Whether each is shown rightward and leftward; otherwise rightward alone. Coherence 0 has no direction: it is
        shown twice as often, with both.
    seed : int

    Returns
    -------
    trials : DataFrame
        `report` "direction", `coherence` signed (right positive).

    Raises
    ------
    ValueError
        If a coherence is outside 0 to 1.
    """
    check_coherences(coherences)
    signs = (1.0, -1.0) if both_directions else (1.0,)
    shown = pd.DataFrame({"coherence": [sign * float(c) + 0.0 for c in coherences for sign in signs]})
    return finish(shown.assign(report="direction"), seed=seed, n_repeats=n_repeats)


def left_or_right(
    n_repeats: int = 50, *, places=(2.0, 4.0, 8.0), modalities=("auditory", "visual", "both"), seed: int = 1
):
    """Is it to the right or to the left? A sound, a light, or both at one place.

    Parameters
    ----------
    n_repeats : int
        Showings of each place, side and modality.
    places : sequence of float
        Distances from straight ahead, deg, above 0.
    modalities : sequence of "auditory", "visual", "both"
    seed : int

    Returns
    -------
    trials : DataFrame
        `report` "direction", `alternatives` "left|right"; an absent modality is a NaN azimuth.
    """
    unknown = sorted(set(modalities) - {"auditory", "visual", "both"})
    if unknown:
        raise ValueError(f"modalities names {unknown}; auditory, visual and both are wanted")
    if min(places) <= 0:
        raise ValueError(f"places holds {min(places):g}; distances above 0 deg are wanted, both sides are shown")
    parts = []
    for modality in modalities:
        part = cross(place=[s * float(p) for p in places for s in (1, -1)])
        part["auditory_azimuth"] = part["place"] if modality != "visual" else np.nan
        part["visual_azimuth"] = part["place"] if modality != "auditory" else np.nan
        parts.append(part.drop(columns="place"))
    shown = pd.concat(parts, ignore_index=True).assign(report="direction", alternatives="left|right")
    return finish(shown, seed=seed, n_repeats=n_repeats)
