"""Flashes and beeps: counting under conflict, and fission against the time between beeps."""

import numpy as np
import pandas as pd

from neuromm.paradigms.mcgurk import check_soas
from neuromm.paradigms.synchrony import ask
from neuromm.stimuli.table import cross


def flash_beep(
    n_repeats: int = 10,
    *,
    n_flashes=(1, 2, 3, 4),
    n_beeps=(1, 2, 3, 4),
    soas=None,
    reports=("n_flashes", "n_beeps"),
    seed: int = 1,
):
    """Every number of flashes with every number of beeps (4 × 4 in Rohe, Ehlis & Noppeney 2019).

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    n_flashes, n_beeps : sequence of int
        Counts; 0 = that modality is absent (and is not asked about).
    soas : sequence of float, optional
        Time between two beeps (and two flashes), ms: columns `beep_soa`, `flash_soa`, empty where there is one event
        or none.
    reports : sequence of str
        "n_flashes", "n_beeps", "common".
    seed : int

    Returns
    -------
    trials : DataFrame
        One row per question; `alternatives` offers the counts that are shown.

    Raises
    ------
    ValueError
        If a count is negative or not whole, or an SOA is negative.

    Warns
    -----
    UserWarning
        If all SOAs are below 2: they look like seconds.
    """
    for name, counts in (("n_flashes", n_flashes), ("n_beeps", n_beeps)):
        if any(c < 0 or c != int(c) for c in counts):
            raise ValueError(f"{name} is {tuple(counts)}; whole numbers of at least 0 are wanted")
    shown = cross(n_flashes=[int(c) for c in n_flashes], n_beeps=[int(c) for c in n_beeps])
    shown = shown[(shown["n_flashes"] > 0) | (shown["n_beeps"] > 0)]
    if soas is not None:
        soas = check_soas(soas)
        if min(soas) < 0:
            raise ValueError(f"soas holds {min(soas):g}; the time between beeps is at least 0 ms")
        shown = shown.merge(cross(beep_soa=soas), how="cross")
        shown["flash_soa"] = shown["beep_soa"].where(shown["n_flashes"] > 1)
        shown["beep_soa"] = shown["beep_soa"].where(shown["n_beeps"] > 1)
        shown = shown.drop_duplicates()
    trials = ask(shown.reset_index(drop=True), reports, n_repeats=n_repeats, seed=seed)
    counts = sorted({*map(int, n_flashes), *map(int, n_beeps)} - {0})
    asks_count = trials["report"].isin(["n_flashes", "n_beeps"])
    both = (trials["n_flashes"] > 0) & (trials["n_beeps"] > 0)
    there = np.where(trials["report"] == "common", both, trials["n_flashes"] > 0)
    there = np.where(trials["report"] == "n_beeps", trials["n_beeps"] > 0, there)
    keys = "|".join(map(str, counts))
    trials["alternatives"] = pd.Series([keys if asked else None for asked in asks_count], trials.index, dtype=object)
    trials = trials[there.astype(bool)].reset_index(drop=True)
    trials.index.name = "trial"
    return trials
