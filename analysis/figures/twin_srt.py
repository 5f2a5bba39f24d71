"""Mean reaction time against asynchrony in the time-window-of-integration model (Colonius & Diederich 2004).

J Cogn Neurosci 16:1000; focused attention to the light. No published parameter or mean is known here, so this is the
model only, at a demonstration set (1/λ 50 ms light, 20 ms sound, ω 200, μ 100, Δ 20 ms): lines in closed form, points
from single reactions of the observer. Left: probability of integration. Middle: mean reaction time of an aligned sound
and of one that inhibits (Δ < 0). Right: longer windows reach further back. A second.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, LINES, style
from neuromm.studies.results import Results

SOAS = np.array([-250.0, -200.0, -150.0, -100.0, -50.0, 0.0, 50.0, 100.0])
GRID = np.arange(-300.0, 151.0, 5.0)
WINDOWS = (100.0, 200.0, 300.0)  # ms


def closed_form(window=200.0):
    """P(integration) and mean reaction times against SOA, from the equations."""
    twin = nm.catalogue.load("colonius2004", window=window)
    means = {"aligned": twin.mean(GRID), "apart": twin.mean(GRID, aligned=False)}
    return pd.DataFrame({"soa": GRID, "window": window, "integration": twin.integration(GRID), **means})


def sampled(n_repeats, seed):
    """The same from single reactions: per place and SOA, mean reaction time (ms) and share of integrated trials."""
    twin = nm.catalogue.load("colonius2004")
    trials = nm.paradigms.focused_attention(n_repeats, soas=SOAS, disparities=(0.0, 25.0), alone=False, seed=seed)
    percept = twin.perceive(trials, rng=np.random.default_rng(seed), layers=["integrated"])
    answered = trials.join(percept.responses)
    answered["integrated"] = percept.representations["integrated"].to_numpy()[:, 0]
    answered["place"] = np.where(answered["disparity"] == 0, "aligned", "apart")
    groups = answered.groupby(["place", "soa"])
    table = groups.agg(reaction_time=("reaction_time", "mean"), sd=("reaction_time", "std"), n=("soa", "size"),
                       integration=("integrated", "mean")).reset_index()  # fmt: skip
    half = 1.96 * table["sd"] / np.sqrt(table["n"])
    return table.assign(low=table["reaction_time"] - half, high=table["reaction_time"] + half)


def draw(points, curve, windows):
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 2.7))
        aligned = points[points["place"] == "aligned"]
        axes[0].plot(curve["soa"], curve["integration"], color=COLOURS["audiovisual"], label="closed form")
        axes[0].plot(aligned["soa"], aligned["integration"], "o", color=COLOURS["audiovisual"], label="single trials")
        axes[0].set(ylabel="P(integration)", title="Integrate if in the window")
        axes[0].legend(fontsize=6.5)
        for place, line, marker in (("aligned", LINES[0], "o"), ("apart", LINES[1], "s")):
            own = points[points["place"] == place]
            axes[1].plot(curve["soa"], curve[place], ls=line, color=COLOURS["audiovisual"])
            error = [own["reaction_time"] - own["low"], own["high"] - own["reaction_time"]]
            axes[1].errorbar(
                own["soa"], own["reaction_time"], error, fmt=marker, color=COLOURS["audiovisual"], lw=0.7, label=place
            )
        axes[1].axhline(150.0, color=COLOURS["visual"], lw=0.8, label="light alone")
        axes[1].set(ylabel="mean reaction time (ms)", title="Faster or slower")
        axes[1].legend(fontsize=6.5)
        for line, (window, own) in zip(LINES, windows.groupby("window"), strict=False):
            axes[2].plot(own["soa"], own["aligned"], ls=line, color=COLOURS["audiovisual"], label=f"ω {window:.0f} ms")
        axes[2].set(ylabel="mean reaction time (ms)", title="Longer windows reach back")
        axes[2].legend(fontsize=6.5)
        for ax in axes:
            ax.axvline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
            ax.set_xlabel("sound first  ←  SOA (ms)  →  light first")
    return figure


def main(n_repeats: int = 2000, seed: int = 1, out: str = "results/figures/twin_srt"):
    """TWIN in closed form and from single reactions."""
    points, curve = sampled(n_repeats, seed), closed_form()
    windows = pd.concat([closed_form(w) for w in WINDOWS], ignore_index=True)
    results = Results(
        "TWIN: reaction times and a window of integration",
        "Model only.",
        {"figure": "twin_srt", "n_repeats": n_repeats, "seed": seed},
        tables={"closed_form": windows},
    )
    results.add_figure(
        "twin_srt", draw(points, curve, windows), points,
        "Colonius & Diederich 2004 (doi 10.1162/0898929041502733): model only, demonstration parameters, no human "
        "points. "
        f"Points: {n_repeats} reactions each, 95 % over trials; lines: closed form.",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
