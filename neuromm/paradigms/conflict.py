"""Judging causes: unity of sound and light, and heading with conflict of body and sight."""

from neuromm.maths.angles import wrapped
from neuromm.stimuli.table import cross, finish


def unity_judgement(
    n_repeats: int = 40,
    *,
    disparities=(-25.0, -20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
    sound: float = 0.0,
    visual_reliability=(1.0, 0.0625),
    reports=("common", "auditory"),
    seed: int = 1,
):
    """A sound at one place, a light around it: one cause? and where was the sound? (after Wallace et al. 2004)

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    disparities : sequence of float
        auditory − visual, deg.
    sound : float
        Place of the sound, deg.
    visual_reliability : sequence of float
        Relative precision; variance is σ²/reliability.
    reports : sequence of str
        Asked of one showing.
    seed : int

    Returns
    -------
    trials : DataFrame
    """
    shown = cross(auditory_azimuth=sound, disparity=disparities, visual_reliability=visual_reliability)
    shown["visual_azimuth"] = wrapped(shown["auditory_azimuth"] - shown["disparity"])
    return finish(shown, seed=seed, n_repeats=n_repeats, reports=reports)


def heading(
    n_repeats: int = 20,
    *,
    disparities=(-40.0, -20.0, -10.0, -5.0, 0.0, 5.0, 10.0, 20.0, 40.0),
    directions=(-25.0, -15.0, -5.0, 0.0, 5.0, 15.0, 25.0),
    visual_reliability=(1.0, 0.25, 0.1),
    reports=("common", "vestibular"),
    seed: int = 1,
):
    """Self-motion felt and seen in different directions: one cause? did the body move to the right? (Acerbi 2018)

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    disparities : sequence of float
        vestibular − visual heading, deg.
    directions : sequence of float
        Mean of the two, deg.
    visual_reliability : sequence of float
        Relative precision of sight (three coherences in the paper).
    reports : sequence of str
        "common", "vestibular" or "visual" (left or right: 1 is right).
    seed : int

    Returns
    -------
    trials : DataFrame
        `alternatives` is "left|right" where a side is asked.
    """
    shown = cross(direction=directions, disparity=disparities, visual_reliability=visual_reliability)
    shown["vestibular_heading"] = wrapped(shown["direction"] + shown["disparity"] / 2)
    shown["visual_heading"] = wrapped(shown["direction"] - shown["disparity"] / 2)
    trials = finish(shown.drop(columns="direction"), seed=seed, n_repeats=n_repeats, reports=reports)
    side = trials["report"] != "common"
    trials["alternatives"] = side.map({True: "left|right", False: None}).astype(object)
    return trials
