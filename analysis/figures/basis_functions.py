"""Gain fields, and maps that relax to agree: parietal coordinate transformation in two models.

Left, Pouget & Sejnowski 1997 (J Cogn Neurosci 9:222): eye position scales a cell and leaves its retinal peak. Middle
and right, Deneve, Latham & Pouget 2001 (Nat Neurosci 4:826): spread of the relaxed estimates against the optimum for
three sets of gains, and the frame in which basis cells code as one cue fades. Open points are a reference simulation
of the same equations (400 trials). Models only; about four seconds.
"""

import dataclasses
import sys

import numpy as np
import pandas as pd

from neuromm.cli import run_main
from neuromm.observers.rate.deneve2001 import Deneve2001, reference_frames
from neuromm.observers.rate.pouget1997 import Pouget1997
from neuromm.plots.style import COLOURS, MARKERS, shade, style
from neuromm.studies.results import Results

GAINS = {(1, 1, 1): (1.22, 1.13, 1.16), (1, 1, 0.25): (1.22, 1.17, 1.26), (2, 0.5, 1): (1.17, 1.14, 1.09)}
MAPS = ("retinal", "eye", "auditory")  # the last is read from the head-centred map


def gain_field(eyes=(-30.0, -10.0, 10.0, 30.0)):
    """Response of one basis cell against retinal place, for several positions of the eyes."""
    retinal = np.arange(-60.0, 61.0, 2.0)
    model = Pouget1997()
    unit = (model.n_retinal // 2) * model.n_eye + model.n_eye // 2
    rows = [pd.DataFrame({"retinal": retinal, "eye": e, "rate": model.activate(retinal, retinal * 0 + e)[2][:, unit]})
            for e in eyes]  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def near_optimal(n_trials, seed=1):
    """sd of each map's estimate after relaxation, the optimum, and the reference simulation's ratio of variances."""
    rows, truth = [], {"retinal": 15.0, "eye": -10.0, "auditory": 5.0}
    trials = pd.DataFrame({"visual_azimuth": [5.0] * n_trials, "auditory_azimuth": 5.0, "eye_position": -10.0})
    for gains, ratios in GAINS.items():
        model = Deneve2001(gain_visual=gains[0], gain_eye=gains[1], gain_auditory=gains[2])
        for report, best, ratio in zip(MAPS, model.optimal_sd(gains), ratios, strict=True):
            given = model.perceive(trials.assign(report=report), rng=np.random.default_rng(seed)).responses["response"]
            rows.append((str(gains), report, given.std(), best, (given - truth[report]).mean(), ratio))
    return pd.DataFrame(rows, columns=["gains", "map", "sd", "optimal", "bias", "reference_ratio"])


def frames(gains=(0.1, 0.2, 0.4, 0.7, 1.0)):
    """Median shift of basis cells' fields per deg of eye movement, as the light or the sound fades."""
    rows = []
    for cue in ("visual", "auditory"):
        for gain in gains:
            shift = reference_frames(dataclasses.replace(Deneve2001(), **{f"gain_{cue}": gain}))
            rows.append((cue, gain, *np.nanpercentile(shift, [50, 25, 75])))
    return pd.DataFrame(rows, columns=["faded", "gain", "shift", "low", "high"])


def draw(fields, spread, shifts):
    """Three panels: gain field, near-optimal relaxation, partial frames."""
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="constrained")
        for i, (eye, rows) in enumerate(fields.groupby("eye")):
            axes[0].plot(
                rows["retinal"], rows["rate"], color=shade(COLOURS["visual"], 0.4 + 0.2 * i), label=f"{eye:+g}°"
            )
        axes[0].set(xlabel="retinal place (deg)", ylabel="response", title="Eyes scale, and shift nothing")
        axes[0].legend(title="eyes at", fontsize=6.5, title_fontsize=6.5)
        ends = [spread["optimal"].min() * 0.9, spread["sd"].max() * 1.1]
        axes[1].plot(ends, ends, color=COLOURS["reference"], lw=0.5)
        for (name, rows), mark in zip(spread.groupby("gains", sort=False), MARKERS, strict=False):
            axes[1].plot(rows["optimal"], rows["sd"], mark, ms=4, color=COLOURS["audiovisual"], label=f"gains {name}")
            axes[1].plot(rows["optimal"], rows["optimal"] * np.sqrt(rows["reference_ratio"]), mark, ms=4,
                         color=COLOURS["human"], mfc="none", mew=0.6)  # fmt: skip
        axes[1].set(xlabel="optimal sd (deg)", ylabel="sd after relaxation (deg)", title="Close to optimal")
        axes[1].legend(fontsize=6, title="open: reference simulation", title_fontsize=6)
        for cue, rows in shifts.groupby("faded"):
            bars = [rows["shift"] - rows["low"], rows["high"] - rows["shift"]]
            axes[2].errorbar(rows["gain"], rows["shift"], bars, marker="o", ms=3, lw=1, elinewidth=0.6,
                             color=COLOURS[cue], label=f"{cue} cue fades")  # fmt: skip
        axes[2].set(xlabel="gain of the fading cue", ylabel="field shift per deg of gaze\n(0 head, 1 eye)",
                    title="Frames shift partially", ylim=(-0.05, 1.05))  # fmt: skip
        axes[2].legend(fontsize=6.5)
    return figure


def main(n_trials: int = 1000, out: str = "results/figures/basis_functions"):
    """Basis functions: gain fields, near-optimal relaxation, partially shifting frames.

    Parameters
    ----------
    n_trials : int
        Showings of each set of gains.
    out : str
        Result folder.
    """
    fields, spread, shifts = gain_field(), near_optimal(n_trials), frames()
    results = Results(
        "Basis functions: one layer, every frame of reference",
        "Models only. Bars in the right panel are quartiles over basis cells.",
        {"figure": "basis_functions", "n_trials": n_trials},
        tables={"gain_field": fields, "frames": shifts},
    )
    caption = "Gain fields (left), relaxation close to the optimum (middle), partial frames of reference (right)."
    results.add_figure("basis_functions", draw(fields, spread, shifts), spread, caption)
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
