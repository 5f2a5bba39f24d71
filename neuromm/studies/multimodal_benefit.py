"""Are two senses better than one, at equal samples and parameters? Accuracy, robustness to noise, sample efficiency."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm.observers.ann.fusion.benefit import live
from neuromm.plots.curves import draw
from neuromm.plots.style import COLOURS, in_style
from neuromm.studies.results import Results, say

INK = {"vision": COLOURS["visual"], "audition": COLOURS["auditory"], "audiovisual": COLOURS["audiovisual"]}
BLUR = (1.0, 2.0, 4.0, 8.0, 14.0, 20.0)  # deg, edges of the light's sd


def main(
    steps: list[int] | None = None,
    n_seeds: int = 2,
    seed: int = 1,
    out: str = "results/multimodal_benefit",
):
    """One network trained on lights, on sounds or on both: error against training scenes and against the light's blur.

    Parameters
    ----------
    steps : list of int
        Training steps of 256 scenes. Default: 30, 100, 300, 1000.
    n_seeds : int
        Networks of each kind.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    steps, rows = sorted(steps or [30, 100, 300, 1000]), []
    for life in INK:
        for n_steps in steps:
            for k in range(n_seeds):
                sigma, error = live(life, n_steps, seed=seed * 100 + k)
                level = np.digitize(sigma, BLUR[1:-1])
                for i in range(len(BLUR) - 1):
                    own = error[level == i]
                    middle = float(np.sqrt(BLUR[i] * BLUR[i + 1]))
                    rows.append((life, n_steps * 256, k, middle, np.sqrt(np.mean(own**2)), len(own)))
            say(f"{life}, {n_steps} steps")
    table = pd.DataFrame(rows, columns=["senses", "scenes", "seed", "sigma_visual", "rms_error", "n"])
    last = table[table["scenes"] == table["scenes"].max()].groupby("senses")["rms_error"].apply(_pooled)
    best = last[["vision", "audition"]].min()
    results = Results(
        title=f"Two senses err {100 * (1 - last['audiovisual'] / best):.0f} % less than the better one at equal samples"
        if last["audiovisual"] < best else "Two senses do not beat the better one here",
        text="The same network and as many scenes of one event; errors of its place on new scenes. "
        + "; ".join(f"{k} {v:.2f}°" for k, v in last.items()) + " with the most scenes.",
        parameters={"name": "multimodal_benefit", "steps": steps, "n_seeds": n_seeds, "seed": seed},
        tables={"errors": table},
    )  # fmt: skip
    caption = (
        "Left: error against the number of training scenes (sample efficiency). Right: error against the blur of the "
        "light, most scenes (robustness). Bands span the seeds."
    )
    results.add_figure("errors", _draw(table), table, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def _pooled(values):
    return float(np.sqrt(np.mean(np.square(values))))


def _curve(table, by):
    """Root mean square error per level of `by`, and its range over seeds."""
    per_seed = table.groupby([by, "seed"], as_index=False)["rms_error"].agg(_pooled)
    return per_seed.groupby(by, as_index=False).agg(
        rms_error=("rms_error", _pooled), low=("rms_error", "min"), high=("rms_error", "max")
    )


@in_style
def _draw(table):
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.5), sharey=True)
    most = table[table["scenes"] == table["scenes"].max()]
    for i, (life, colour) in enumerate(INK.items()):
        learnt = _curve(table[table["senses"] == life], "scenes")
        blurred = _curve(most[most["senses"] == life], "sigma_visual")
        draw(axes[0], learnt, "scenes", "rms_error", colour=colour, i=i, label=life)
        draw(axes[1], blurred, "sigma_visual", "rms_error", colour=colour, i=i)
    axes[0].set(xscale="log", xlabel="scenes in training (count)", ylabel="error of the place (rms, deg)")
    axes[0].set_ylim(0, None)
    axes[0].tick_params(axis="x", which="minor", labelbottom=False)
    axes[1].set(xlabel="blur: sensory sd of the light (deg)")
    axes[0].legend()
    return figure
