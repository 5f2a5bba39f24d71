"""Flashes, beeps and taps: counting under conflict of three modalities."""

import numpy as np

from neuromm.paradigms.synchrony import ask
from neuromm.stimuli.table import cross

COUNTS = ("n_flashes", "n_beeps", "n_taps")


def flash_beep_tap(
    n_repeats: int = 10, *, n_flashes=(0, 1, 2), n_beeps=(0, 1, 2), n_taps=(0, 1, 2), reports=COUNTS, seed: int = 1
):
    """Every number of flashes with every number of beeps and taps (after Wozny, Beierholm & Shams 2008).

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    n_flashes, n_beeps, n_taps : sequence of int
        Counts; 0 = that modality is absent (and is not asked about).
    reports : sequence of str
        Of "n_flashes", "n_beeps", "n_taps".
    seed : int

    Returns
    -------
    trials : DataFrame
        One row per question; `alternatives` offers the counts that are shown.

    Raises
    ------
    ValueError
        If a count is negative or not whole.
    """
    counts = dict(zip(COUNTS, (n_flashes, n_beeps, n_taps), strict=True))
    for name, values in counts.items():
        if any(c < 0 or c != int(c) for c in values):
            raise ValueError(f"{name} is {tuple(values)}; whole numbers of at least 0 are wanted")
    shown = cross(**{name: [int(c) for c in values] for name, values in counts.items()})
    shown = shown[shown.sum(axis=1) > 0].reset_index(drop=True)
    trials = ask(shown, reports, n_repeats=n_repeats, seed=seed)
    trials["alternatives"] = "|".join(map(str, sorted({c for v in counts.values() for c in map(int, v)} - {0})))
    trials["alternatives"] = trials["alternatives"].astype(object)
    asked = np.select([trials["report"] == name for name in counts], [trials[name] for name in counts], default=1)
    trials = trials[asked > 0].reset_index(drop=True)
    trials.index.name = "trial"
    return trials
