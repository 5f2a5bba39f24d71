"""People who look where they saw and heard: audiovisual saccades of Mohl, Pearson & Groh 2020."""

from pathlib import Path

import numpy as np
import pandas as pd

from neuromm.maths.angles import wrapped
from neuromm.stimuli.delimited import read_delimited
from neuromm.stimuli.table import check_trials, label_conditions, require

FILE = "saccades.csv"


def read_mohl2020(path) -> pd.DataFrame:
    """The single trials of Mohl et al. 2020 (J Neurophysiol, doi 10.1152/jn.00046.2020) in our columns.

    One saccade is a report of one source, and its endpoint the answer to both places; with two, the
    endpoints that the authors assigned to the sound and to the light are the two answers. Trials that the
    authors marked invalid are kept with a NaN answer, so that they are excluded and counted.

    Parameters
    ----------
    path : path
        `saccades.csv`, or the folder that holds it.

    Returns
    -------
    DataFrame, one row per question
        `observer` (subject), `kind` = "human", `trial`, places (deg), `report`, `response` (deg; 1 = one source).

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is not there or lacks a column.
    """
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    raw = read_delimited(path).typed().reset_index(drop=True)
    require(
        raw,
        ["subject", "trial_type", "A_target", "V_target", "valid", "n_saccades", "first_x", "A_x", "V_x"],
        path.name,
    )
    raw = raw.assign(presentation=np.arange(len(raw)))
    valid, one = raw["valid"] == 1, raw["n_saccades"] == 1
    alone = raw["trial_type"] != "AV"
    auditory = raw["first_x"].where(one | alone, raw["A_x"]).where(valid)
    visual = raw["first_x"].where(one | alone, raw["V_x"]).where(valid)
    common = one.astype(float).where(valid)
    shown = pd.DataFrame(
        {
            "observer": raw["subject"],
            "kind": "human",
            "presentation": raw["presentation"],
            "auditory_azimuth": raw["A_target"].astype(float),
            "visual_azimuth": raw["V_target"].astype(float),
        }
    )
    shown["disparity"] = wrapped(shown["auditory_azimuth"] - shown["visual_azimuth"])
    shown["condition"] = label_conditions(shown)
    asked = [
        shown.assign(report="auditory", response=auditory)[shown["auditory_azimuth"].notna()],
        shown.assign(report="visual", response=visual)[shown["visual_azimuth"].notna()],
        shown.assign(report="common", response=common)[~alone],
    ]
    trials = pd.concat(asked).sort_values(["presentation", "report"], kind="stable").reset_index(drop=True)
    return check_trials(trials, source=path.name).reset_index()
