"""Divisive normalisation: inverse effectiveness, and suppression by an input that excites (Ohshiro et al. 2011, figs
2–4).

Nat Neurosci 14:775–782. The paper's curves are not printed as numbers; open points are a second simulation of the same
equations (the reference set that tests hold to 0.5 %), lines are the observer. About a second.
"""

import sys

import pandas as pd

from neuromm.cli import run_main
from neuromm.measures import enhancement
from neuromm.observers.rate.ohshiro2011 import Ohshiro2011
from neuromm.paradigms.inverse_effectiveness import inverse_effectiveness
from neuromm.plots.rate import responses_by_level
from neuromm.plots.style import COLOURS, shade, style
from neuromm.session import present
from neuromm.studies.results import Results

INTENSITIES = tuple(2.0**k for k in range(11))
REFERENCE = pd.DataFrame(
    {
        "level": [1.0, 4, 16, 64, 256, 1024],
        "alone": [0.9890, 3.8293, 13.579, 37.354, 66.437, 82.494],
        "pair": [3.8567, 13.930, 40.140, 75.791, 97.423, 104.909],
    }
)
DOMINANCE = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the second, non-preferred input


def cell(dominance=1.0):
    """The paper's test cell at (6, 6), stimulated in its centre; intensity is the table's reliability."""
    name = f"d2_{dominance:g}"
    return Ohshiro2011(1.0, 1.0, centre=(6.0, 6.0), cell_dominance=(1.0, dominance), name=name)


def responses():
    """`measures.enhancement` of cells of five dominance weights at eleven intensities."""
    trials = inverse_effectiveness(levels=INTENSITIES)
    return enhancement(present(trials, [cell(d) for d in DOMINANCE], seed=1, layers=None).trials)


def draw(table):
    """Responses of the balanced cell; pair over best input for each dominance."""
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 2, figsize=(7, 2.7), layout="constrained")
        responses_by_level(table[table["observer"] == "d2_1"], axes[0], label="intensity c of both inputs (log)")
        for column in ("alone", "pair"):
            axes[0].plot(REFERENCE["level"], REFERENCE[column], "o", color=COLOURS["human"], mfc="white", ms=3.5,
                         label="reference simulation" if column == "alone" else None)  # fmt: skip
        axes[0].set(yscale="log", title="Weak inputs gain most")
        axes[0].legend(fontsize=6.5)
        for i, d in enumerate(DOMINANCE):
            rows = table[table["observer"] == f"d2_{d:g}"].sort_values("level")
            hue = shade(COLOURS["audiovisual"], 1 - 0.17 * i)
            ratio = rows["audiovisual"] / rows["auditory"]
            axes[1].plot(rows["level"], ratio, color=hue, label=f"weight of input 2: {d:g}")
        axes[1].axhline(1, color=COLOURS["reference"], lw=0.5, zorder=0)
        axes[1].set(xscale="log", yscale="log", xlabel="intensity c of both inputs (log)",
                    ylabel="pair / preferred input alone", title="Strong: input 2 excites, yet suppresses")  # fmt: skip
        axes[1].set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
        axes[1].minorticks_off()
        axes[1].legend(fontsize=6.5)
    return figure


def main(out: str = "results/figures/normalisation_2011"):
    """Normalisation: inverse effectiveness and cross-modal suppression."""
    table = responses()
    results = Results(
        "One pool, divided by its mean: enhancement when weak, suppression when strong",
        "Ohshiro, Angelaki & DeAngelis 2011; model only, rates in arbitrary units.",
        {"figure": "normalisation_2011", "intensities": list(INTENSITIES), "dominance": list(DOMINANCE)},
    )
    caption = "Left: a balanced cell. Right: a second input that excites the cell alone suppresses it in strong pairs."
    results.add_figure("normalisation_2011", draw(table), table, caption)
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
