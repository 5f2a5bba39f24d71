"""Averaging, selection and matching tell apart by their spread, not their mean (after Wozny, Beierholm & Shams 2010).

PLoS Comput Biol 6:e1000871 found most of over 100 people best described by matching; the exact shares and all response
distributions are not printed, so this is the model at a chosen demonstration set (σ_V 2, σ_A 8, σ_P 15°, p_common .5),
sound straight ahead; exact expectations. About a second.
"""

import sys

import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, LINES, style
from neuromm.stimuli.table import cross, finish
from neuromm.studies.published_curves import DEMONSTRATION
from neuromm.studies.results import Results

STRATEGIES = ("averaging", "selection", "matching")


def moments(disparities=(0.0, 5.0, 10.0, 15.0, 20.0, 30.0)):
    """Mean and sd of the auditory report and P(one cause), per strategy and disparity, exactly."""
    trials = finish(cross(auditory_azimuth=0.0, visual_azimuth=list(disparities)), seed=0, reports=("auditory",))
    found = []
    for strategy in STRATEGIES:
        said = nm.observers.CausalInference(**DEMONSTRATION, p_common=0.5, strategy=strategy).predict(trials)
        found.append(said[["expected", "sd", "unity"]].assign(strategy=strategy, disparity=trials["visual_azimuth"]))
    return pd.concat(found, ignore_index=True)


def draw(table):
    """Mean shift, sd of the answers, and unity against disparity."""
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 3, figsize=(7, 2.3))
        panels = (
            ("expected", "mean answer (deg)", "Same mean twice"),
            ("sd", "sd of answers (deg)", "Three spreads"),
            ("unity", 'P("one cause")', "Unity"),
        )
        for ax, (column, label, title) in zip(axes, panels, strict=True):
            for strategy, line in zip(STRATEGIES, (LINES[0], LINES[1], LINES[3]), strict=True):
                rows = table[table["strategy"] == strategy]
                colour = COLOURS["common" if column == "unity" else "auditory"]
                ax.plot(
                    rows["disparity"],
                    rows[column],
                    ls=line,
                    color=colour,
                    label=strategy,
                    lw=1.6 if line == ":" else 1.2,
                )
            ax.set(xlabel="|auditory − visual| (deg)", ylabel=label, title=title)
        axes[1].legend(fontsize=6.5)
    return figure


def main(out: str = "results/figures/strategies"):
    """Mean, spread and unity of the three strategies at the demonstration set."""
    table = moments(tuple(range(0, 31, 1)))
    results = Results(
        "Three strategies, two of them with one mean",
        "Model only; exact expectations.",
        {"figure": "strategies", **DEMONSTRATION, "p_common": 0.5},
    )
    results.add_figure(
        "strategies",
        draw(table),
        table,
        "Averaging and matching have identical means and different spreads. Demonstration set, "
        "chosen, not published: σ_V 2, σ_A 8, σ_P 15°, p_common .5; sound at 0°.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
