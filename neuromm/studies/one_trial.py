"""One trial row, rendered as each kind of observer gets it: number, bump, frame, two ears, noised pair."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm.maths.angles import wrapped
from neuromm.maths.ring import bump
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.measurement import sigma_of
from neuromm.stimuli.sound import Sound
from neuromm.studies.line_up import SIGMA_AUDITORY, SIGMA_PRIOR, SIGMA_VISUAL

SIGMAS = {"auditory": SIGMA_AUDITORY, "visual": SIGMA_VISUAL}
BUMPS = {"auditory": (28.0, 32.0), "visual": (27.0, 4.0)}  # strength, sd (deg) at reliability 1 of Cuppini et al. 2017


def choose_row(trials):
    """Position of a telling pair: clear disparity, sharpest light, visible noise in the sound; None without pairs."""
    pairs = trials[["auditory_azimuth", "visual_azimuth"]].notna().all(axis=1).to_numpy()
    if not pairs.any():
        return None
    disparity = np.nan_to_num(np.abs(wrapped(trials["auditory_azimuth"] - trials["visual_azimuth"])), nan=-1)
    moved = (trials["auditory_measurement"] - trials["auditory_azimuth"]).abs().clip(upper=9).fillna(0).to_numpy()
    score = np.where(pairs, moved - np.abs(disparity - 13) - 10 * sigma_of(trials, "visual", 1.0), -np.inf)
    return int(score.argmax())


def render_row(trials, position):
    """What `plots.flagship.one_trial` draws, from one row with yoked measurements."""
    row = trials.iloc[[position]]
    sigmas = {m: float(sigma_of(row, m, s)[0]) for m, s in SIGMAS.items()}
    x = {m: float(row[f"{m}_measurement"].iloc[0]) for m in SIGMAS}
    places = {m: float(row[f"{m}_azimuth"].iloc[0]) for m in SIGMAS}
    frames, sound = Frames(sigma=SIGMA_VISUAL), Sound(sigma=SIGMA_AUDITORY)
    widths = {m: width * sigmas[m] / SIGMAS[m] for m, (_, width) in BUMPS.items()}
    waveform = sound.render(row)[0]
    return {
        "places": places,
        "measurements": x,
        "sigmas": sigmas,
        "positions": np.arange(180) - 90.0,
        "bumps": {m: np.ravel(bump(180, np.array([x[m] + 90]), widths[m], BUMPS[m][0])) for m in SIGMAS},
        "columns": frames.columns(),
        "frame": frames.render(row)[0, 0],
        "time": np.arange(waveform.shape[-1]) / sound.sample_rate * 1000,
        "waveform": waveform,
        "clean": (places["visual"] / SIGMA_PRIOR, places["auditory"] / SIGMA_PRIOR),
        "pair": (x["visual"] / SIGMA_PRIOR, x["auditory"] / SIGMA_PRIOR),
    }


def as_table(shown) -> pd.DataFrame:
    """The drawn numbers as one tidy table: panel, modality or ear, x, y."""
    parts = [
        pd.DataFrame(
            {
                "panel": "number",
                "of": m,
                "x": [shown["places"][m], shown["measurements"][m]],
                "y": ["place", "measurement"],
            }
        )
        for m in SIGMAS
    ]
    parts += [pd.DataFrame({"panel": "bump", "of": m, "x": shown["positions"], "y": shown["bumps"][m]}) for m in SIGMAS]
    middle = shown["frame"][len(shown["frame"]) // 2]
    parts += [pd.DataFrame({"panel": "frame (middle row)", "of": "visual", "x": shown["columns"], "y": middle})]
    parts += [
        pd.DataFrame({"panel": "waveform", "of": ear, "x": shown["time"], "y": shown["waveform"][i]})
        for i, ear in enumerate(("left", "right"))
    ]
    parts += [
        pd.DataFrame({"panel": "noised pair", "of": k, "x": [shown[k][0]], "y": [shown[k][1]]})
        for k in ("clean", "pair")
    ]
    return pd.concat(parts, ignore_index=True)
