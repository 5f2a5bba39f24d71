"""People who differ in the link between voice and lips: gain of the superior temporal sulcus, its response, and fusion.

Nath & Beauchamp (2012) NeuroImage 59:781 found the response of left STS to go with McGurk fusion over people; a
stimulated STS fuses less (Beauchamp, Nath & Pasalar 2010 J Neurosci 30:2414).
"""

import numpy as np
import pandas as pd

from neuromm.observers.bayes.magnotti2017 import Magnotti2017


def draw_sts_people(n=14, *, rng, median_gain=1.0, log_sd_gain=0.5, sd_log_odds=0.6) -> list[Magnotti2017]:
    """People with gains log-normal around `median_gain`, and priors of one talker that scatter on their own.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
    median_gain, log_sd_gain : float
        Of the gain of the link.
    sd_log_odds : float
        Of the log prior odds of one talker, around even: what differs between people besides the link.

    Returns
    -------
    list of Magnotti2017, named person_001, …
    """
    if n < 1:
        raise ValueError(f"n is {n}; at least one person is wanted")
    gains = median_gain * np.exp(log_sd_gain * rng.standard_normal(n))
    priors = 1 / (1 + np.exp(-sd_log_odds * rng.standard_normal(n)))
    return [
        Magnotti2017(sts_gain=float(g), p_common=float(p), name=f"person_{i + 1:03d}")
        for i, (g, p) in enumerate(zip(gains, priors, strict=True))
    ]


def fusion_and_sts(people, *, n_trials=40, noise=0.2, seed=1) -> pd.DataFrame:
    """Fusion of A ba + V ga and mean STS response (gain × posterior of one talker, with noise) of each person.

    Parameters
    ----------
    people : list of Magnotti2017
    n_trials : int
        Answers of each person.
    noise : float
        Sd of the measured STS response between people, a.u.
    seed : int

    Returns
    -------
    DataFrame
        `observer`, `sts_gain`, `sts` (a.u.), `fusion` (fraction).
    """
    pairs = pd.DataFrame({"auditory_syllable": ["ba"], "visual_syllable": ["ga"]})
    trials = pd.concat([pairs] * int(n_trials), ignore_index=True).assign(report="syllable", alternatives="ba|da|ga")
    rows = []
    for i, person in enumerate(people):
        rng = np.random.default_rng([int(seed), i])
        percept = person.perceive(trials, rng=rng, layers=["sts"])
        response = float(percept.representations["sts"].mean()) + noise * rng.standard_normal()
        rows.append((person.name, person.sts_gain, response, (percept.responses["response_label"] == "da").mean()))
    return pd.DataFrame(rows, columns=["observer", "sts_gain", "sts", "fusion"])
