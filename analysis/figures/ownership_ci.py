"""Chancel, Ehrsson & Ma 2022 (eLife 11:e77221), figure 2: a rubber hand is owned when touches probably had one cause.

Left: P("mine") against visuotactile asynchrony at the fitted noises without visual noise (116 ms), with 50 % (178 ms):
noise raises ownership at long asynchronies and leaves 0 ms unchanged. Right: the same noises under a fixed criterion
(k of 0 % noise), which flattens instead of widening: 0 ms falls. Exact; the fitted 30 % noise and the human
proportions are not printed, so neither is drawn.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, style
from neuromm.studies.results import Results

NOISE = {"no visual noise, σ 116 ms": (116.0, COLOURS["human"]), "50 % visual noise, σ 178 ms": (178.0, "#C0392B")}
SHOWN = (-500.0, -300.0, -150.0, 0.0, 150.0, 300.0, 500.0)


def ownership(soas=None):
    """P("mine") of both rules per noise and asynchrony, exactly."""
    soas = np.arange(-600.0, 601.0, 5.0) if soas is None else soas
    trials = pd.DataFrame({"soa": soas, "report": "ownership"})
    criterion = nm.observers.Chancel2022().window()[1]
    found = []
    for sigma, _ in NOISE.values():
        rules = {
            "causal inference": nm.observers.Chancel2022(sigma=sigma),
            "fixed criterion": nm.observers.Chancel2022Fixed(sigma=sigma, criterion=criterion),
        }
        found += [
            trials.assign(rule=rule, sigma=sigma, k=o.window()[1], owned=o.predict(trials)["expected"])
            for rule, o in rules.items()
        ]
    return pd.concat(found, ignore_index=True).drop(columns="report")


def draw(table):
    """One panel per rule; the asynchronies of the experiment are ticked."""
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 2, figsize=(7, 2.7), sharey=True)
        titles = {
            "causal inference": "Inference: noise widens ownership",
            "fixed criterion": "Criterion: noise flattens it",
        }
        for ax, (rule, title) in zip(axes, titles.items(), strict=True):
            for label, (sigma, colour) in NOISE.items():
                rows = table[(table["rule"] == rule) & (table["sigma"] == sigma)]
                ax.plot(rows["soa"], rows["owned"], color=colour, label=label)
            ax.axhline(0.5, color=COLOURS["reference"], lw=0.5, ls=":")
            ax.set(xticks=SHOWN, ylim=(0, 1.02), title=title)
            ax.tick_params(axis="x", labelsize=6.5)
            ax.set_xlabel("felt first  ←  felt − seen touch (ms)  →  seen first")
        axes[0].set_ylabel('P("the hand is mine")')
        axes[1].legend(fontsize=6.5, loc="lower center")
    return figure


def main(out: str = "results/figures/ownership_ci"):
    """Body ownership of causal inference and of a fixed criterion at the parameters of Chancel et al. 2022."""
    table = ownership()
    results = Results(
        "Noise widens ownership only if causes are inferred",
        "Model only; exact.",
        {"figure": "ownership_ci", "doi": "10.7554/eLife.77221"},
    )
    results.add_figure(
        "ownership_ci",
        draw(table),
        table,
        "Chancel, Ehrsson & Ma 2022: p .80, σ 116 and 178 ms, λ .08, σ_S 348 ms (read). Model only; their fit prefers "
        "inference by ΔAIC 65 [17, 116].",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
