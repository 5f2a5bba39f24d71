"""Ernst & Banks 2002 (Nature 415:429), figure 3: touch takes over as vision is blurred.

Left: visual weight against visual noise, haptic weight on the right axis; right: thresholds of vision, touch and both.
Weber fractions (haptic .085, visual .04 at 0 % and .20 at 200 %) are recalled, not read: an illustration. Values at 67
and 133 % are not known; the curve between interpolates the visual Weber fraction geometrically and says so. Exact.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.maths import combination
from neuromm.plots.style import COLOURS, style
from neuromm.studies.results import Results

STANDARD = 55.0  # mm


def recalled():
    """The recalled Weber fractions: haptic, and visual at 0 and 200 % noise."""
    table = nm.datasets.published("ernst_banks_2002", measure="weber_fraction")
    haptic = table[table["conditions"].str.contains("haptic")]["number"].iloc[0]
    visual = table[~table["conditions"].str.contains("haptic")]["number"].to_numpy()
    return float(haptic), float(visual.min()), float(visual.max())


def weights(noise=(0.0, 200.0)):
    """Visual weight, PSE shift and thresholds (84 %, two intervals) per level of visual noise (%)."""
    haptic, clear, blurred = recalled()
    rows = []
    for level in noise:
        visual = clear * (blurred / clear) ** (level / 200)
        sigmas = [visual, haptic]
        both = combination.combined_sigma(sigmas)
        mm = {k: STANDARD * v for k, v in (("visual", visual), ("haptic", haptic), ("both", both))}
        rows.append({"noise": level, "weight_visual": combination.weights(sigmas)[0], "weber_both": both,
                     **{f"threshold_{k}": v for k, v in mm.items()}})  # fmt: skip
    return pd.DataFrame(rows)


def draw(curve, known):
    """Weights on the left, thresholds on the right; circles where the single-cue values are recalled."""
    import matplotlib.pyplot as plt

    haptic = "#009E73"
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.7))
        left.plot(curve["noise"], curve["weight_visual"], color=COLOURS["visual"])
        left.plot(known["noise"], known["weight_visual"], "o", color=COLOURS["visual"], ms=5)
        left.axhline(0.5, color=COLOURS["reference"], lw=0.5, ls=":")
        left.set(ylim=(0, 1), xlabel="visual noise (%)", ylabel="predicted visual weight", xticks=[0, 67, 133, 200],
                 title="Touch takes over with visual noise\n(Weber fractions from memory, unverified)")  # fmt: skip
        opposite = left.twinx()
        opposite.set_ylim(1, 0)
        opposite.set_ylabel("haptic weight")
        opposite.spines["right"].set_visible(True)
        parts = (("visual", COLOURS["visual"], "vision"), ("haptic", haptic, "touch"), ("both", COLOURS["audiovisual"],
                 "both, predicted"))  # fmt: skip
        for column, colour, label in parts:
            right.plot(curve["noise"], curve[f"threshold_{column}"], color=colour, label=label)
            right.plot(known["noise"], known[f"threshold_{column}"], "o", color=colour, ms=5)
        right.set(ylim=(0, None), xlabel="visual noise (%)", ylabel="threshold, standard 55 mm (mm)")
        right.set(xticks=[0, 67, 133, 200], title="Both together beat either alone")
        right.legend(fontsize=6.5)
    return figure


def main(out: str = "results/figures/ernst_banks_weights"):
    """Weights and thresholds of vision and touch, predicted from recalled single-cue Weber fractions."""
    curve, known = weights(np.linspace(0, 200, 81)), weights()
    results = Results(
        "Touch takes over as vision is blurred",
        "Prediction from Weber fractions from memory, unverified; an illustration.",
        {"figure": "ernst_banks_weights", "doi": "10.1038/415429a"},
    )
    kinds = [curve.assign(kind="interpolated"), known.assign(kind="recalled single-cue values")]
    data = pd.concat(kinds, ignore_index=True)
    results.add_figure(
        "ernst_banks_weights",
        draw(curve, known),
        data,
        "Ernst & Banks 2002: circles stand at Weber fractions from memory, unverified (haptic .085; visual .04, .20) "
        "of the paper; lines interpolate the visual one. No human weights are drawn.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
