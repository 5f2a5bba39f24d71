"""Audiovisual localisation with conflict: the ventriloquist designs."""

import pandas as pd

from neuromm.maths.angles import wrapped
from neuromm.stimuli.measurement import yoke
from neuromm.stimuli.table import cross, finish

KORDING_POSITIONS = (-10.0, -5.0, 0.0, 5.0, 10.0)
# 4 x 4 places, as in Aller & Noppeney 2019; reliabilities that give sd 2 and 8 (V), 4 and 10 (A) deg
RELIABILITY_POSITIONS = (-10.0, -3.3, 3.3, 10.0)
SIGMA_VISUAL, SIGMA_AUDITORY = 2.0, 4.0  # deg at reliability 1, of the reliability design


def ventriloquism(
    n_repeats: int = 20,
    *,
    positions=KORDING_POSITIONS,
    unimodal: bool = True,
    reports=("auditory", "visual", "common"),
    keys: bool = False,
    auditory_reliability=None,
    visual_reliability=None,
    seed: int = 1,
):
    """Every pair of auditory and visual places, and each place alone (Körding et al. 2007).

    Their experiment has five places from −10° to 10°, 25 pairs, five sounds and five lights alone, and
    both places reported on five keys.

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    positions : sequence of float
        Azimuths, deg.
    unimodal : bool
        Whether each place is also shown to one modality alone.
    reports : sequence of str
        What is asked of each showing; a location is asked only of a modality that is there.
    keys : bool
        Answers on one key per position, as in the paper; otherwise continuous.
    auditory_reliability, visual_reliability : sequence of float, optional
        Relative precisions to cross with the places; 1 when not given.
    seed : int
        Seed of the physical noise.

    Returns
    -------
    trials : DataFrame
        One row per question; rows of one showing share `presentation`.
    """
    factors = {}
    if auditory_reliability is not None:
        factors["auditory_reliability"] = auditory_reliability
    if visual_reliability is not None:
        factors["visual_reliability"] = visual_reliability
    shown = _places(positions, factors, unimodal)
    trials = finish(shown, seed=seed, n_repeats=n_repeats, reports=reports)
    if keys:
        location = trials["report"].isin(["auditory", "visual"])
        trials["alternatives"] = pd.Series("|".join(f"{p:g}" for p in positions), trials.index, object).where(location)
    return trials


def ventriloquism_by_reliability(
    n_folds: int = 4,
    n_repeats: int = 4,
    *,
    positions=RELIABILITY_POSITIONS,
    auditory_reliability=(1.0, 0.16),
    visual_reliability=(1.0, 0.0625),
    sigma_auditory: float = SIGMA_AUDITORY,
    sigma_visual: float = SIGMA_VISUAL,
    reports=("auditory", "visual", "common"),
    seed: int = 1,
):
    """Places × reliabilities with yoked noise: 64 pairs and 16 unimodal conditions, in noise folds.

    A factor of reliability is what lets representations tell segregation, fusion and causal inference
    apart; on the 25 pairs of `ventriloquism` they correlate at .98. Every row carries the noisy
    sample itself, so all observers perceive the same one and can be compared trial by trial.

    Parameters
    ----------
    n_folds, n_repeats : int
        Independent noise folds, and showings of each condition per fold (column `fold`).
    positions, auditory_reliability, visual_reliability : sequences of float
        deg; relative precision (variance is σ²/reliability).
    sigma_auditory, sigma_visual : float
        Sensory sd at reliability 1 of the yoked noise, deg; give observers the same.
    reports : sequence of str
    seed : int
    """
    shown = _places(
        positions, {"auditory_reliability": auditory_reliability, "visual_reliability": visual_reliability}, True
    )
    folds = [
        finish(shown, seed=seed * 1000 + fold, n_repeats=n_repeats, reports=reports).assign(fold=fold)
        for fold in range(n_folds)
    ]
    showings_per_fold = len(shown) * n_repeats
    for fold, part in enumerate(folds):
        part["presentation"] += fold * showings_per_fold
    trials = pd.concat(folds, ignore_index=True)
    trials.index.name = "trial"
    return yoke(trials, auditory=sigma_auditory, visual=sigma_visual)


def _places(positions, factors, unimodal):
    pairs = cross(auditory_azimuth=positions, visual_azimuth=positions, **factors)
    pairs["disparity"] = wrapped(pairs["auditory_azimuth"] - pairs["visual_azimuth"])
    if not unimodal:
        return pairs
    alone = []
    for modality, other in (("auditory", "visual"), ("visual", "auditory")):
        own = {k: v for k, v in factors.items() if not k.startswith(other)}
        alone.append(cross(**{f"{modality}_azimuth": positions}, **own))
    return pd.concat([pairs, *alone], ignore_index=True)
