"""Syllables heard and seen, congruent or not: the McGurk designs."""

import warnings
from typing import Literal

import numpy as np
import pandas as pd

from neuromm.stimuli.labels import FUSIONS, syllable
from neuromm.stimuli.table import cross, finish


def mcgurk(
    n_repeats: int = 10,
    *,
    syllables=("ba", "da", "ga"),
    pairs=None,
    snr_db=None,
    soas=None,
    choice: Literal["forced", "open"] = "forced",
    alternatives=None,
    unimodal: bool = False,
    reports=("syllable",),
    seed: int = 1,
):
    """Every pair of a heard and a seen syllable (3 × 3, 10 repeats, three choices in Magnotti & Beauchamp 2017).

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    syllables : sequence of str
        Heard and seen in every pair, and on offer; trimmed and case-folded, as everywhere.
    pairs : sequence of (heard, seen), optional
        These pairs only, such as `[("ba", "ga")]`.
    snr_db : sequence of float, optional
        Signal-to-noise ratios of the sound, dB. `auditory_snr` holds them, and `auditory_reliability` is the share of
        signal power 1/(1 + 10^(−snr/10)): 1 without noise, ½ at 0 dB.
    soas : sequence of float, optional
        Onset of the sound after that of the lips, ms.
    choice : "forced" or "open"
        Forced: `alternatives`. Open: anything may be answered.
    alternatives : sequence of str, optional
        Answers on offer in a forced choice; by default `syllables` and whatever else is shown, with the fusions of
        `pairs` (da for ba + ga, ta for pa + ka), so that a pair alone can be fused.
    unimodal : bool
        Whether each syllable is also only heard and only seen.
    reports : sequence of str
        "syllable", and "common" for whether one talker is perceived (asked of pairs only).
    seed : int
        Seed of the physical noise.

    Returns
    -------
    trials : DataFrame
        One row per question; rows of one showing share `presentation`.

    Raises
    ------
    ValueError
        If a choice is neither forced nor open, pairs are not pairs, or an SOA is not finite.

    Warns
    -----
    UserWarning
        If all |SOA| are below 2: they look like seconds.
    """
    if choice not in ("forced", "open"):
        raise ValueError(f"choice is '{choice}'; 'forced' or 'open' is wanted")
    syllables = list(dict.fromkeys(map(syllable, syllables)))
    if pairs is not None and any(isinstance(p, str) or len(p) != 2 for p in pairs):
        raise ValueError(f"pairs must be (heard, seen) pairs such as ('ba', 'ga'), got {pairs!r}")
    choices = list(syllables)
    if pairs is None:
        pairs = [(a, v) for a in syllables for v in syllables]
    else:
        pairs = [(syllable(a), syllable(v)) for a, v in pairs]
        choices += [FUSIONS[pair] for pair in pairs if pair in FUSIONS]
    shown = pd.DataFrame(list(pairs), columns=["auditory_syllable", "visual_syllable"], dtype=object)
    if unimodal:
        heard, seen = (list(dict.fromkeys(shown[c])) for c in shown)
        alone = [
            pd.DataFrame({"auditory_syllable": heard, "visual_syllable": None}),
            pd.DataFrame({"auditory_syllable": None, "visual_syllable": seen}),
        ]
        shown = pd.concat([shown, *alone], ignore_index=True).astype(object)
        shown = shown.where(shown.notna(), np.nan)
    seen_or_heard = pd.concat([shown["auditory_syllable"], shown["visual_syllable"]]).dropna()
    choices = [*choices, *seen_or_heard] if alternatives is None else [syllable(a) for a in alternatives]
    offered = list(dict.fromkeys(choices))
    factors = {}
    if snr_db is not None:
        factors["auditory_snr"] = list(snr_db)
    if soas is not None:
        factors["soa"] = check_soas(soas)
    if factors:
        shown = shown.merge(cross(**factors), how="cross")
    if snr_db is not None:
        shown["auditory_reliability"] = 1 / (1 + 10 ** (-shown["auditory_snr"].to_numpy(float) / 10))
        shown.loc[shown["auditory_syllable"].isna(), ["auditory_snr", "auditory_reliability"]] = np.nan
    if soas is not None:
        shown.loc[shown[["auditory_syllable", "visual_syllable"]].isna().any(axis=1), "soa"] = np.nan
    shown = shown.drop_duplicates(ignore_index=True)
    return _ask(shown, reports, n_repeats, seed, "|".join(offered) if choice == "forced" else None)


def _ask(shown, reports, n_repeats, seed, alternatives):
    """The trial table: each report asked of each showing that allows it."""
    base = finish(shown.assign(report="syllable"), seed=seed, n_repeats=n_repeats)
    pair = base["auditory_syllable"].notna() & base["visual_syllable"].notna()
    asked = [base.assign(report=r)[pair if r == "common" else base["report"].notna()] for r in reports]
    trials = pd.concat(asked).sort_values("presentation", kind="stable").reset_index(drop=True)
    trials.index.name = "trial"
    if alternatives is not None:
        trials["alternatives"] = pd.Series(alternatives, trials.index, object).where(trials["report"] == "syllable")
    return trials


def check_soas(soas, name="soas"):
    """The asynchronies as floats; a warning if they look like seconds (all |SOA| < 2).

    Raises
    ------
    ValueError
        If one is not finite.
    """
    values = [float(soa) for soa in soas]
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds {values}; finite asynchronies in ms are wanted")
    if any(values) and max(abs(v) for v in values) < 2:
        warnings.warn(
            f"every |SOA| in {name} is below 2: these look like seconds; milliseconds are wanted",
            UserWarning,
            stacklevel=3,
        )
    return values
