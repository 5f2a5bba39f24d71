"""Learning from conflict: exposure to displaced lights with tests, opposite shifts of two tones, changing blur."""

from typing import Literal

import numpy as np
import pandas as pd

from neuromm.maths.angles import wrapped
from neuromm.stimuli.table import finish


def aftereffect(
    n_repeats: int = 4,
    *,
    displacement: float = 8.0,
    n_exposures=(0, 1, 3, 6, 12, 24, 60, 120, 180),
    positions=(-10.0, 0.0, 10.0),
    seed: int = 1,
):
    """Sounds alone, located before and after exposure to displaced lights (Recanzone 1998; Frissen et al. 2012).

    Each repeat is a `block` of its own: a test of sounds alone, then exposures up to each count of `n_exposures`, each
    followed by a test. Rows are in the order of time.

    Parameters
    ----------
    n_repeats : int
        Blocks, each starting unadapted.
    displacement : float
        Light minus sound, deg (so `disparity` is its negative).
    n_exposures : sequence of int
        Exposures before each test; 0 is the test before.
    positions : sequence of float
        Of sounds, deg; drawn at random during exposure.
    seed : int

    Returns
    -------
    trials : DataFrame
        `report` "auditory", `phase` (test, exposure), `exposures` (how many came before), `block`.
    """
    counts = sorted({int(n) for n in n_exposures})
    if counts[0] < 0:
        raise ValueError(f"n_exposures holds {counts[0]}; counts of at least 0 are wanted")
    rng = np.random.default_rng([int(seed), 0xAF7E])
    rows = []
    for block in range(int(n_repeats)):
        done = 0
        for count in counts:
            for _ in range(count - done):
                place = float(rng.choice(positions))
                rows.append((place, place + displacement, "exposure", done, block))
                done += 1
            rows += [(float(p), np.nan, "test", done, block) for p in rng.permutation(positions)]
    shown = pd.DataFrame(rows, columns=["auditory_azimuth", "visual_azimuth", "phase", "exposures", "block"])
    shown["disparity"] = wrapped(shown["auditory_azimuth"] - shown["visual_azimuth"])
    return finish(shown.assign(report="auditory"), seed=seed)


def two_tone_aftereffect(
    n_repeats: int = 1,
    *,
    displacement: float = 13.5,
    n_trials: int = 400,
    frequencies=(750.0, 3000.0),
    positions=(-13.5, 0.0, 13.5),
    seed: int = 1,
):
    """Two tones paired with lights displaced to opposite sides, sounds alone in between (after Bruns & Röder 2015).

    What the previous trial does (immediate) and what the tone's history does (cumulative) can be told apart, because
    the previous trial had either tone. Half of the trials, at random, are pairs.

    Returns
    -------
    trials : DataFrame
        `report` "auditory", `auditory_frequency` (Hz), `phase`, `block`; in the order of time.
    """
    rng = np.random.default_rng([int(seed), 0x270E])
    parts = []
    for block in range(int(n_repeats)):
        pair, tone = rng.random(n_trials) < 0.5, rng.integers(2, size=n_trials)
        place = rng.choice(np.asarray(positions, float), n_trials)
        sign = np.where(tone == 1, 1.0, -1.0)
        parts.append(
            pd.DataFrame(
                {
                    "auditory_azimuth": place,
                    "visual_azimuth": np.where(pair, place + sign * displacement, np.nan),
                    "auditory_frequency": np.asarray(frequencies, float)[tone],
                    "phase": np.where(pair, "exposure", "test"),
                    "block": block,
                }
            )
        )
    shown = pd.concat(parts, ignore_index=True)
    shown["disparity"] = wrapped(shown["auditory_azimuth"] - shown["visual_azimuth"])
    return finish(shown.assign(report="auditory"), seed=seed)


def changing_reliability(
    n_repeats: int = 4,
    *,
    sequence: Literal["sinusoid", "random_walk", "jumps"] = "sinusoid",
    period: int = 20,
    n_periods: int = 10,
    spread=(2.0, 18.0),
    offset: float = 5.0,
    positions=(-10.0, -5.0, 0.0, 5.0, 10.0),
    dots: int | None = None,
    keys: bool = False,
    seed: int = 1,
):
    """Sounds with clouds of dots whose spread changes over time (design of Beierholm et al. 2020).

    Parameters
    ----------
    n_repeats : int
        Blocks, each with its own noise.
    sequence : "sinusoid", "random_walk" or "jumps"
        How the spread moves; the walk and the jumps are mirrored in time, so that the second half of a period is the
        flipped first half.
    period, n_periods : int
        Trials per period, periods per block.
    spread : (low, high)
        Standard deviation of the dots, deg.
    offset : float
        |auditory − visual|, deg, to either side.
    positions : sequence of float
        Of the cloud's centre, deg.
    dots : int, optional
        So many dots are drawn here, the same for every observer: `visual_measurement` (their mean, deg) and
        `visual_sample_spread` (their sd, deg).
    keys : bool
        Answer on one key per position.
    seed : int

    Returns
    -------
    trials : DataFrame
        `report` "auditory", `visual_spread` (deg), `phase` (0…1 within the period), `block`; in the order of time.
    """
    rng = np.random.default_rng([int(seed), 0xBE20])
    half = period // 2
    if half < 2 or half * 2 != period:
        raise ValueError(f"period is {period}; an even number of at least 4 trials is wanted")
    low, high = spread
    parts = []
    for block in range(int(n_repeats)):
        rising = _rising(sequence, half, rng)
        level = np.tile(np.concatenate([rising, rising[::-1]]), n_periods)
        n = len(level)
        seen = rng.choice(np.asarray(positions, float), n)
        heard = seen + rng.choice([-offset, offset], n)
        parts.append(
            pd.DataFrame(
                {
                    "auditory_azimuth": heard,
                    "visual_azimuth": seen,
                    "visual_spread": low + (high - low) * level,
                    "phase": np.tile((np.arange(period) + 0.5) / period, n_periods),
                    "block": block,
                }
            )
        )
    shown = pd.concat(parts, ignore_index=True)
    shown["disparity"] = wrapped(shown["auditory_azimuth"] - shown["visual_azimuth"])
    if dots is not None:
        if not dots >= 2:
            raise ValueError(f"dots is {dots}; at least 2 dots have a spread")
        places = shown["visual_azimuth"].to_numpy()[:, None]
        cloud = places + shown["visual_spread"].to_numpy()[:, None] * rng.standard_normal((len(shown), int(dots)))
        shown["visual_measurement"], shown["visual_sample_spread"] = cloud.mean(1), cloud.std(1, ddof=1)
    trials = finish(shown.assign(report="auditory"), seed=seed)
    return trials.assign(alternatives="|".join(f"{p:g}" for p in positions)) if keys else trials


def _rising(sequence, half, rng):
    """Level 0…1 over the first half of a period."""
    if sequence == "sinusoid":
        return 0.5 - 0.5 * np.cos(np.pi * (np.arange(half) + 0.5) / half)
    if sequence == "random_walk":
        walk = np.cumsum(rng.standard_normal(half))
        return (walk - walk.min()) / max(np.ptp(walk), 1e-9)
    if sequence == "jumps":
        return np.repeat(rng.permutation(np.linspace(0, 1, 4)), -(-half // 4))[:half]
    raise ValueError(f"sequence is '{sequence}'; sinusoid, random_walk or jumps is wanted")
