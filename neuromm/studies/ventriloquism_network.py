"""A light captures a sound in two ring networks: shift, causes, lesion, and the aftereffect of exposure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import plots
from neuromm.maths.ring import find_peaks
from neuromm.observers.rate.cuppini2017 import Cuppini2017
from neuromm.observers.rate.magosso2012 import Magosso2012
from neuromm.studies.results import Results, say

DISPARITIES = (0.0, 3.0, 5.0, 6.0, 9.0, 10.0, 12.0, 15.0, 18.0, 20.0, 21.0, 24.0, 30.0, 40.0, 50.0, 60.0)  # deg
FAST = {"integrator": "exponential"}


def networks():
    """Name → network: both, and both with their crossmodal connections cut."""
    return {
        "Magosso2012": Magosso2012(),
        "Magosso2012, connections cut": Magosso2012(weight_crossmodal=0.0),
        "Cuppini2017": Cuppini2017(**FAST),
        "Cuppini2017, connections cut": Cuppini2017(**FAST, weight_crossmodal=0.0),
    }


def shifts(disparities=DISPARITIES):
    """Shift of the sound toward the light and of the light toward the sound, deg, against disparity (light − sound)."""
    distance, rows = np.asarray(disparities, float), []
    for name, network in networks().items():
        for report, sign in (("auditory", 1.0), ("visual", -1.0)):
            trials = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": distance, "report": report})
            given = network.perceive(trials, rng=np.random.default_rng(0)).responses["response"].to_numpy()
            own = trials.assign(**{"visual_azimuth" if report == "auditory" else "auditory_azimuth": np.nan})
            alone = network.perceive(own, rng=np.random.default_rng(0)).responses["response"].to_numpy()
            shift = sign * (given - alone)
            rows.append(pd.DataFrame({"line": name, "report": report, "disparity": distance, "shift": shift}))
    return pd.concat(rows, ignore_index=True)


def causes(disparities=DISPARITIES):
    """Peaks of the multisensory ring (Cuppini 2017): their number and heights against disparity."""
    network = Cuppini2017(**FAST)
    trials = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": np.array(disparities), "report": "common"})
    percept = network.perceive(trials, rng=np.random.default_rng(0), layers=["multisensory"])
    ring = percept.representations["multisensory"].to_numpy()
    count, cells, heights = find_peaks(ring, network.causes_height, wrap=True)
    rows = [(d, n, *sorted([*h, np.nan, np.nan][:2])) for d, n, h in zip(disparities, count, heights, strict=True)]
    return pd.DataFrame(rows, columns=["disparity", "n_causes", "height_1", "height_2"])


def aftereffect(visual=(-20.0, -10.0, -5.0, 0.0, 5.0, 10.0, 20.0), n_exposures=8):
    """Shift of a sound heard alone after exposures to a light at `visual` deg and a sound straight ahead."""
    trials = pd.DataFrame({"auditory_azimuth": [0.0], "visual_azimuth": np.nan, "report": "auditory"})

    def heard(place, n):
        network = Magosso2012(duration=60.0, n_adaptation=n, adaptation_visual=place)
        return network.perceive(trials, rng=np.random.default_rng(0)).responses["response"].iloc[0]

    before = heard(0.0, 0)
    return pd.DataFrame({"adaptor": visual, "shift": [heard(v, n_exposures) - before for v in visual]})


def main(n_exposures: int = 8, distances: list[float] | None = None, out: str = "results/ventriloquism_network"):
    """Ventriloquism in ring networks: shift of sound and light, number of causes, lesion, aftereffect.

    Parameters
    ----------
    n_exposures : int
        Exposures to the pair before the aftereffect is measured.
    distances : list of float
        Between sound and light, deg. Default: 0 to 60.
    out : str
        Result folder.
    """
    shown = distances or DISPARITIES
    table, peaks, after = shifts(shown), causes(shown), aftereffect(n_exposures=n_exposures)
    results = Results(
        "Rings that let a light capture a sound",
        "Magosso, Cuppini & Ursino 2012 (centre of mass of the ring) and Cuppini et al. 2017 (most active cell); "
        "shifts are from the place given to either event alone. Models only.",
        {"name": "ventriloquism_network", "n_exposures": n_exposures},
        tables={"shifts": table, "causes": peaks, "aftereffect": after},
    )
    figure = plots.shift_by_disparity(table)[0].figure
    results.add_figure("shifts", figure, table, "The sound moves, the light hardly; without connections neither does.")
    figure = plots.aftereffect_by_adaptor(after).figure
    results.add_figure("aftereffect", figure, after, "After exposure a sound alone is heard toward the light.")
    page = results.write(out)
    say(f"wrote {page}")
    return page
