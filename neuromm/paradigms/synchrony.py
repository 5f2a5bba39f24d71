"""Sights and sounds against asynchrony: simultaneity, temporal order, and the direction of a moving sound."""

import pandas as pd

from neuromm.paradigms.mcgurk import check_soas
from neuromm.stimuli.table import cross, finish

# ms, sound later positive: the asynchronies of Magnotti, Ma & Beauchamp 2013
SOAS = (-300.0, -267.0, -200.0, -133.0, -100.0, -67.0, 0.0, 67.0, 100.0, 133.0, 200.0, 267.0, 300.0, 400.0, 500.0)


def synchrony(
    n_repeats: int = 20,
    *,
    soas=SOAS,
    durations=None,
    visual_reliability=None,
    reports=("synchronous",),
    seed: int = 1,
):
    """A light and a sound at each asynchrony: "together?" or "light first?" (design of Magnotti et al. 2013).

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    soas : sequence of float
        Onset of the sound minus onset of the light, ms.
    durations : (visual, auditory), optional
        How long the events last, ms; the observer's own standard events when not given.
    visual_reliability : sequence of float, optional
        Relative precisions to cross with the asynchronies.
    reports : sequence of str
        "synchronous" (1 = together), "visual_first" (1 = light before sound), "common".
    seed : int
        Seed of the physical noise.

    Returns
    -------
    trials : DataFrame
        One row per question; rows of one showing share `presentation`.

    Warns
    -----
    UserWarning
        If all |SOA| are below 2: they look like seconds.
    """
    factors = {"soa": check_soas(soas)}
    if visual_reliability is not None:
        factors["visual_reliability"] = list(visual_reliability)
    shown = cross(**factors)
    shown["visual_onset"], shown["auditory_onset"] = 0.0, shown["soa"]
    if durations is not None:
        shown["visual_duration"], shown["auditory_duration"] = (float(d) for d in durations)
    return ask(shown, reports, n_repeats=n_repeats, seed=seed)


def dynamic_capture(
    n_repeats: int = 20,
    *,
    soas=(0.0, 125.0, 250.0, 500.0),
    speed: float = 30.0,
    reports=("auditory_motion",),
    seed: int = 1,
):
    """A moving light and a moving sound, in the same or opposite directions: which way did the sound move?

    The dynamic form of the ventriloquist effect (Soto-Faraco, Spence & Kingstone 2004, J Exp Psychol Hum Percept
    Perform 30:330): sounds in conflict with synchronous lights are heard moving with them, and rarely so at long
    asynchronies.

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    soas : sequence of float
        Onset of the sound after that of the light, ms.
    speed : float
        Of both, deg/s; positive velocity is rightward.
    reports : sequence of str
        "auditory_motion" (1 = right), "common".
    seed : int

    Returns
    -------
    trials : DataFrame
        With `auditory_velocity`, `visual_velocity` (deg/s), `congruence` (1 same, 0 opposite direction); conditions
        name both.
    """
    if not speed > 0:
        raise ValueError(f"speed is {speed}; a positive speed in deg/s is wanted")
    shown = cross(auditory_velocity=[-speed, speed], visual_velocity=[-speed, speed], soa=check_soas(soas))
    shown["congruence"] = (shown["auditory_velocity"] == shown["visual_velocity"]).astype(float)
    trials = ask(shown, reports, n_repeats=n_repeats, seed=seed)
    sign = trials[["auditory_velocity", "visual_velocity", "soa"]]
    trials["condition"] = [f"A{a:+g} V{v:+g} soa{s:g}" for a, v, s in sign.to_numpy()]
    moving = trials["report"] == "auditory_motion"
    trials["alternatives"] = pd.Series("left|right", trials.index, object).where(moving)
    return trials


def ask(shown, reports, *, n_repeats, seed):
    """Every report asked of every showing; rows of one showing share `presentation` and noise."""
    if isinstance(reports, str) or not len(reports):
        raise ValueError(f"reports is {reports!r}; a sequence of questions is wanted, such as ('synchronous',)")
    base = finish(shown.assign(report=reports[0]), seed=seed, n_repeats=n_repeats)
    asked = pd.concat([base.assign(report=r) for r in reports]).sort_values("presentation", kind="stable")
    asked = asked.reset_index(drop=True)
    asked.index.name = "trial"
    return asked
