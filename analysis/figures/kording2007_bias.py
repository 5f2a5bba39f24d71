"""Körding et al. 2007 (PLoS ONE 2:e943), figure 2b and 2e, from their published parameters; model only.

Left: how often each of the five keys is pressed for a sound straight ahead, one line per place of the light (2b).
Right: auditory bias against disparity of causal inference, forced fusion and segregation (2e). Exact expectations, not
samples. The paper draws human data as solid lines but prints no values of them, so none are drawn here. The values
behind its pooled fit are not printed either; the means over subjects stand in. About a second.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, style
from neuromm.studies.published_curves import KORDING, KORDING_P_COMMON, kording_bias
from neuromm.studies.results import Results


def key_histograms():
    """P(key) of the auditory report for a sound at 0°, by place of the light; one row per light × key."""
    trials = nm.paradigms.ventriloquism(1, reports=("auditory",), keys=True)
    ahead = trials[trials["auditory_azimuth"] == 0]
    observer = nm.observers.CausalInference(**KORDING, p_common=KORDING_P_COMMON)
    keys = observer.predict(ahead).filter(like="key_")
    table = keys.assign(visual_azimuth=ahead["visual_azimuth"]).melt(
        "visual_azimuth", var_name="key", value_name="probability"
    )
    return table.assign(key=table["key"].str.removeprefix("key_").astype(float))


def draw(histograms, bias):
    """Both panels; published parameters in the title line, nothing human."""
    import matplotlib.pyplot as plt

    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.7))
        ramp = plt.get_cmap("coolwarm")
        for place, rows in histograms.groupby("visual_azimuth", dropna=False):
            rows = rows.sort_values("key")
            alone = np.isnan(place)
            colour = COLOURS["reference"] if alone else ramp(0.5 - place / 22)
            left.plot(
                rows["key"],
                rows["probability"],
                "--" if alone else "-",
                color=colour,
                marker="o",
                ms=2.5,
                label="no light" if alone else f"light at {place:+.0f}°",
            )
        left.set(
            xticks=[-10, -5, 0, 5, 10],
            xlabel="key pressed for the sound (deg)",
            ylabel="probability",
            title="Sound at 0°: the light draws the answers",
        )
        left.legend(fontsize=6)
    nm.plots.bias_by_disparity(bias, right, legend=False)
    right.set_xticks([5, 10, 15, 20])
    right.set_title("Bias falls with disparity", fontsize=8.5, fontweight="bold", loc="left")
    right.legend(fontsize=6, loc="center right")
    return figure


def main(out: str = "results/figures/kording2007_bias"):
    """Figure 2b,e of Körding et al. 2007 from their published parameters."""
    histograms, bias = key_histograms(), kording_bias()
    results = Results(
        "Körding et al. 2007: keys and bias at the published parameters",
        "Model only; exact expectations.",
        {"figure": "kording2007_bias", **KORDING, "p_common": KORDING_P_COMMON},
    )
    data = pd.concat([histograms.assign(panel="keys"), bias.assign(panel="bias")], ignore_index=True)
    results.add_figure(
        "kording2007_bias",
        draw(histograms, bias),
        data,
        "Causal inference at σ_V 2.14, σ_A 9.2, σ_P 12.3°, p_common .28 (means over "
        "19 people; doi 10.1371/journal.pone.0000943). Bias from the stimulus place, mean over the 25 pairs.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
