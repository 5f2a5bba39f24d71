"""Near together they enhance, apart they suppress: the spatial rule in three networks (after Meredith & Stein 1986).

J Neurophysiol 56:640–662. The cell sits where the first event is; the second moves away. Normalisation suppresses
sooner at high intensity (Ohshiro et al. 2011); the ring network suppresses by lateral inhibition (Cuppini et al.
2017); the two-route collicular cell has receptive fields and no surround: its enhancement fades to none. Models only.
Two seconds.
"""

import sys

import numpy as np
import pandas as pd

from neuromm.cli import run_main
from neuromm.observers.rate.colliculus import Colliculus
from neuromm.observers.rate.cuppini2017 import Cuppini2017
from neuromm.observers.rate.ohshiro2011 import Ohshiro2011
from neuromm.plots.rate import response_by_offset
from neuromm.plots.style import style
from neuromm.studies.results import Results


def _responses(observer, offsets, read):
    """Response to the pair at each offset of the light, and to the best of both alone, by `read(percept)`."""
    trials = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": [np.nan, *offsets], "report": "auditory"})
    trials.loc[len(trials)] = [np.nan, 0.0, "visual"]
    found = read(observer, trials)
    alone = max(found[0], found[-1])
    return pd.DataFrame({"disparity": offsets, "response": found[1:-1], "alone": alone})


def _rate(observer, trials):
    percept = observer.perceive(trials.assign(report="rate"), rng=np.random.default_rng(0))
    return percept.responses["response"].to_numpy()


def _centre_cell(observer, trials):
    percept = observer.perceive(trials, rng=np.random.default_rng(0), layers=["multisensory"])
    return percept.representations["multisensory"].to_numpy()[:, observer.n_cells // 2]


def normalisation(offsets=(0, 1, 2, 3, 4, 5, 6), intensities=(4.0, 64.0, 1024.0)):
    """The balanced cell at (6, 6); offsets in grid steps (σ is 2), as `disparity`."""
    parts = []
    for c in intensities:
        observer = Ohshiro2011(c, c, centre=(6.0, 6.0), spacing=1.0)
        parts.append(_responses(observer, list(map(float, offsets)), _rate).assign(line=f"intensity {c:g}"))
    return pd.concat(parts, ignore_index=True)


def ring(offsets=(0, 2, 4, 6, 8, 10, 15, 20, 25, 30, 40, 50, 60)):
    """The multisensory cell straight ahead of the Cuppini network; offsets in deg."""
    observer = Cuppini2017(integrator="exponential")
    return _responses(observer, list(map(float, offsets)), _centre_cell).assign(line="Cuppini2017")


def colliculus(offsets=(0, 5, 10, 15, 20, 25, 30, 40, 50, 60)):
    """The two-route cell with receptive fields of 25 (sound) and 15 deg (light)."""
    return _responses(Colliculus(), list(map(float, offsets)), _rate).assign(line="Colliculus")


def main(out: str = "results/figures/spatial_principle"):
    """Response to a pair against the distance of its parts, in three networks."""
    import matplotlib.pyplot as plt

    tables = {"normalisation": normalisation(), "rings": pd.concat([ring(), colliculus()], ignore_index=True)}
    results = Results(
        "Near they enhance, apart they suppress",
        "Response of the cell at the first event, over the response to the best event alone; below 1 is suppression.",
        {"figure": "spatial_principle"},
    )
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
        response_by_offset(tables["normalisation"], axes[0], label="distance of the second event (grid steps, σ = 2)")
        axes[0].set_title("Normalisation (Ohshiro 2011)")
        response_by_offset(tables["rings"], axes[1])
        axes[1].set_title("Lateral inhibition, receptive fields")
    data = pd.concat([t.assign(panel=k) for k, t in tables.items()], ignore_index=True)
    caption = (
        "Enhancement turns to suppression with distance, sooner for strong events; the collicular cell has no surround."
    )
    results.add_figure("spatial_principle", figure, data, caption)
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
