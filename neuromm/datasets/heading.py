"""People who judge their heading by sight and by inertia: three public single-trial tables."""

from pathlib import Path

import numpy as np

from neuromm.datasets.formats import read_columns
from neuromm.maths.angles import wrapped
from neuromm.stimuli.table import label_conditions


def _file(path, name):
    path = Path(path)
    return path / name if path.is_dir() else path


def read_acerbi2018(path):
    """Visuo-vestibular heading with conflict: left/right and unity judgements (Acerbi et al. 2018).

    PLoS Comput Biol 14:e1006110. `report` "vestibular" is asked left or right (`alternatives` "left|right"; response 1
    is right), "common" whether there was one cause (1 is one). `visual_level` low, medium, high is visual *noise*.

    Parameters
    ----------
    path : path
        `bisensory.csv`, or its folder.

    Returns
    -------
    DataFrame
        vestibular_heading, visual_heading, disparity (vestibular − visual; deg), visual_level, report, response,
        observer.
    """
    columns = {
        "observer": "subject",
        "vestibular_heading": "s_vest",
        "visual_heading": "s_vis",
        "visual_level": "noise",
        "report": "task",
        "code": "response",
    }
    values = {"visual_level": {1: "low", 2: "medium", 3: "high"}, "report": {2: "vestibular", 3: "common"}}
    table = read_columns(_file(path, "bisensory.csv"), columns, values=values, constants={"kind": "human"})
    table["response"] = (table.pop("code") == 1).astype(float)  # 1 is right (−1 left), and 1 is one cause (2 is two)
    table["alternatives"] = np.where(table["report"] == "vestibular", "left|right", "different|same")
    return table.assign(observer="S" + table["observer"].str.zfill(2))


def read_dewinkel2017(path):
    """Visual–inertial heading, continuous answers all around (de Winkel et al. 2017, PLoS ONE 12:e0169676).

    Angles in deg on the circle (−180, 180]; an absent modality is NaN. `report` is "heading".

    Parameters
    ----------
    path : path
        `heading.csv`, or its folder.
    """
    degrees = 180 / np.pi
    columns = {
        "observer": "subject",
        "experiment": "experiment",
        "modality": "modality",
        "motion_profile": "stim_type",
        "visual_heading": ("vis_theta", degrees),
        "vestibular_heading": ("ine_theta", degrees),
        "response": ("response", degrees),
    }
    table = read_columns(_file(path, "heading.csv"), columns, constants={"report": "heading"})
    for name in ("visual_heading", "vestibular_heading", "response"):
        table[name] = wrapped(table[name])
    table.loc[table["modality"] == 1, "vestibular_heading"] = np.nan
    table.loc[table["modality"] == 2, "visual_heading"] = np.nan
    table["disparity"] = wrapped(table["vestibular_heading"] - table["visual_heading"])

    table["condition"] = label_conditions(table.drop(columns=["experiment", "modality", "motion_profile"]))
    return table.assign(observer="S" + table["observer"].str.zfill(2))


def read_drugowitsch2014(path):
    """Heading left or right with reaction times, visual, vestibular or both (Drugowitsch et al. 2014, eLife 3:e03005).

    `report` is "heading" (`alternatives` "left|right"; 1 is right), `coherence` the coherence of visual motion (NaN if
    no sight), `reaction_time` in ms.

    Parameters
    ----------
    path : path
        `heading_2afc.csv`, or its folder.
    """
    columns = {
        "observer": "subject",
        "modality": "modality",
        "coherence": "coherence",
        "visual_heading": "heading",
        "vestibular_heading": "heading",
        "response": "choice",
        "reaction_time": ("rt", 1000),
    }
    constants = {"report": "heading", "alternatives": "left|right"}
    table = read_columns(_file(path, "heading_2afc.csv"), columns, constants=constants)
    table.loc[table["modality"] == 1, "vestibular_heading"] = np.nan
    table.loc[table["modality"] == 2, ["visual_heading", "coherence"]] = np.nan
    table["disparity"] = wrapped(table["vestibular_heading"] - table["visual_heading"])
    table["visual_level"] = table["coherence"].map(lambda c: np.nan if np.isnan(c) else f"{c:g}").astype(object)

    return table.assign(condition=label_conditions(table)).drop(columns="modality")
