"""Reaction-time designs: redundant signals, focused attention against SOA, and heading judged in one's own time."""

import numpy as np
import pandas as pd

from neuromm.paradigms.direction import check_coherences
from neuromm.paradigms.mcgurk import check_soas
from neuromm.stimuli.table import cross, finish

HEADINGS = (-16.0, -5.6, -1.96, -0.686, 0.686, 1.96, 5.6, 16.0)  # deg, of Drugowitsch et al. 2014
COHERENCES = (0.25, 0.37, 0.70)


def redundant_target(
    n_repeats: int = 100,
    *,
    soas=(0.0,),
    unimodal: bool = True,
    catch: bool = False,
    seed: int = 1,
):
    """Press as soon as anything appears: a light, a sound, or both (Miller 1982).

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    soas : sequence of float
        Onset of the sound after the light, ms, of the pairs.
    unimodal : bool
        Whether light and sound are also shown alone, as the race-model test needs.
    catch : bool
        Whether a trial without a stimulus is shown for every repeat.
    seed : int

    Returns
    -------
    trials : DataFrame
        `report` "detection"; an absent modality is a NaN azimuth. Reaction times count from the first onset.
    """
    pairs = cross(auditory_azimuth=[0.0], visual_azimuth=[0.0], soa=check_soas(soas))
    parts = [pairs]
    if unimodal:
        parts.append(pd.DataFrame({"auditory_azimuth": [0.0, np.nan], "visual_azimuth": [np.nan, 0.0]}))
    if catch:
        parts.append(pd.DataFrame({"auditory_azimuth": [np.nan], "visual_azimuth": [np.nan]}))
    shown = pd.concat(parts, ignore_index=True).astype(float)
    return finish(shown.assign(report="detection"), seed=seed, n_repeats=n_repeats)


def focused_attention(
    n_repeats: int = 100,
    *,
    soas=(-200.0, -150.0, -100.0, -50.0, 0.0, 50.0, 100.0),
    disparities=(0.0,),
    alone: bool = True,
    seed: int = 1,
):
    """Look at the light as fast as you can, whatever is heard: saccadic reaction times against SOA.

    Parameters
    ----------
    n_repeats : int
    soas : sequence of float
        Onset of the sound (the non-target) after the light (the target), ms; negative = sound earlier.
    disparities : sequence of float
        Auditory − visual azimuth, deg: 0 is aligned.
    alone : bool
        Whether the light is also shown alone.
    seed : int

    Returns
    -------
    trials : DataFrame
        `report` "visual_detection", `attended` "visual".
    """
    shown = cross(visual_azimuth=[0.0], disparity=[float(d) for d in disparities], soa=check_soas(soas))
    shown["auditory_azimuth"] = shown["disparity"]
    if alone:
        shown = pd.concat([shown, pd.DataFrame({"visual_azimuth": [0.0]})], ignore_index=True)
    return finish(shown.assign(report="visual_detection", attended="visual"), seed=seed, n_repeats=n_repeats)


def heading_in_time(
    n_repeats: int = 20,
    *,
    headings=HEADINGS,
    coherences=COHERENCES,
    modalities=("visual", "vestibular", "both"),
    seed: int = 1,
):
    """Left or right of straight ahead, answered when ready, by sight, inertia or both (Drugowitsch et al. 2014).

    Parameters
    ----------
    n_repeats : int
    headings : sequence of float
        deg, rightward positive.
    coherences : sequence of float
        Of visual motion, fractions from 0 to 1.
    modalities : sequence of "visual", "vestibular", "both"
    seed : int

    Returns
    -------
    trials : DataFrame
        `report` "heading", `alternatives` "left|right", `coherence` (NaN without sight), `visual_level` its name.
    """
    unknown = sorted(set(modalities) - {"visual", "vestibular", "both"})
    if unknown:
        raise ValueError(f"modalities names {unknown}; visual, vestibular and both are wanted")
    check_coherences(coherences)
    parts = []
    for modality in modalities:
        seen = modality != "vestibular"
        part = cross(heading=[float(h) for h in headings], coherence=list(coherences) if seen else [np.nan])
        part["visual_heading"] = part["heading"] if seen else np.nan
        part["vestibular_heading"] = part["heading"] if modality != "visual" else np.nan
        parts.append(part.drop(columns="heading"))
    shown = pd.concat(parts, ignore_index=True)
    levels = shown["coherence"].map(lambda c: np.nan if np.isnan(c) else f"{c:g}").astype(object)
    shown = shown.assign(visual_level=levels, report="heading", alternatives="left|right")
    return finish(shown, seed=seed, n_repeats=n_repeats)
