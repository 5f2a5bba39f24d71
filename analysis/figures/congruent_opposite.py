"""Congruent cells integrate, opposite cells keep the difference (Zhang et al. 2019, figs 3–5).

eLife 8:e43753. Two modules of congruent and opposite rings; the cues stand `disparity` apart with equal strength. Open
points are a reference simulation of the same equations (noise-free steady state). Models only; about two seconds.
"""

import sys

import numpy as np
import pandas as pd

from neuromm.cli import run_main
from neuromm.observers.rate.zhang2019 import CELLS, Zhang2019, integrate_cues, segregate_cues
from neuromm.plots.style import COLOURS, style
from neuromm.studies.results import Results

REFERENCE = {40.0: (7.11, -5.82, 39.3, 27.7), 90.0: (10.63, -10.63, 31.9, 31.9), 0.0: (0.0, np.nan, 42.1, 26.9)}


def steady(disparities=tuple(range(0, 181, 10))):
    """Angles and peak rates of the vestibular module's two rings, and the directions that theory gives."""
    trials = pd.DataFrame(
        {"vestibular_heading": 0.0, "visual_heading": np.array(disparities, float), "report": "common"}
    )
    network = Zhang2019()
    rings = network.perceive(trials, rng=np.random.default_rng(0), layers=list(CELLS)).representations
    table = pd.DataFrame({"disparity": trials["visual_heading"]})
    for kind in ("congruent", "opposite"):
        rates = rings[f"vestibular_{kind}"].to_numpy().astype(float)
        vector = rates @ np.exp(1j * network.theta)
        table[f"{kind}_angle"] = np.where(np.abs(vector) > 1e-3 * rates.sum(1), np.rad2deg(np.angle(vector)), np.nan)
        table[f"{kind}_peak"] = rates.max(1)
    table["theory_congruent"] = integrate_cues(0.0, table["disparity"], 3.0, 3.0)[0]
    table["theory_opposite"] = segregate_cues(0.0, table["disparity"], 3.0, 3.0)[0]
    return table


def draw(table):
    """Angles of both rings; their peak rates, which cross at 90 deg."""
    import matplotlib.pyplot as plt

    hues = {"congruent": COLOURS["audiovisual"], "opposite": "#009E73"}
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
        for k, (kind, hue) in enumerate(hues.items()):
            axes[0].plot(table["disparity"], table[f"{kind}_angle"], color=hue, label=f"{kind} cells")
            axes[1].plot(table["disparity"], table[f"{kind}_peak"], color=hue, label=f"{kind} cells")
            for place, values in REFERENCE.items():
                axes[0].plot(place, values[k], "o", color=COLOURS["human"], mfc="white", ms=3.5)
                axes[1].plot(place, values[2 + k], "o", color=COLOURS["human"], mfc="white", ms=3.5)
        axes[0].axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
        axes[0].set(xlabel="visual − vestibular heading (deg)", ylabel="angle of the population (deg)",
                    title="Toward the other cue, and away")  # fmt: skip
        axes[1].axvline(90, color=COLOURS["reference"], lw=0.5, zorder=0)
        axes[1].set(xlabel="visual − vestibular heading (deg)", ylabel="peak rate (model units)",
                    title="Who wins says: one cause or two", ylim=(0, None))  # fmt: skip
        axes[1].plot([], [], "o", color=COLOURS["human"], mfc="white", ms=3.5, label="reference simulation")
        axes[1].legend(fontsize=6.5)
    return figure


def main(out: str = "results/figures/congruent_opposite"):
    """Congruent and opposite cells against the disparity of the cues."""
    table = steady()
    results = Results(
        "Congruent cells integrate, opposite cells keep the difference",
        "Zhang et al. 2019, mean field; the theory's directions (equal concentrations) are in the table.",
        {"figure": "congruent_opposite"},
    )
    caption = "Congruent cells shift toward the other cue, opposite cells away; their peak rates cross at 90 deg."
    results.add_figure("congruent_opposite", draw(table), table, caption)
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
