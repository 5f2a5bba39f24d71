"""Networks beside the ideal observers of their scenes: points on lines, one shade per level of a factor."""

import numpy as np

from neuromm.plots.curves import beside, draw
from neuromm.plots.style import COLOURS, axes_of, in_style, shade


@in_style
def against_ideal(table, ax=None, *, x, y, by):
    """Answers of a network (points, with intervals where given) on the curves of its ideal observer (lines).

    Parameters
    ----------
    table : DataFrame
        Columns `x`, `y`, `by`, `kind` ("network" or "ideal"), optional `low`, `high`.
    x, y : str
        What is drawn against what.
    by : str
        A factor; its levels go from light to dark.
    """
    ax = axes_of(ax)
    levels = sorted(table[by].unique())
    for i, level in enumerate(levels):
        colour = shade(COLOURS["audiovisual"], 0.35 + 0.65 * (i + 1) / len(levels))
        rows = table[table[by] == level]
        ideal = rows[rows["kind"] == "ideal"].drop(columns=["low", "high"], errors="ignore")
        network = rows[rows["kind"] == "network"]
        draw(ax, network, x, y, colour=colour, i=i, label=f"{level:g}", people=False, fitted=ideal)
    ax.plot([], [], color=COLOURS["reference"], label="ideal observer")
    ax.plot([], [], "o", color=COLOURS["reference"], ms=3.2, label="denoiser")
    ax.axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0) if np.min(table[y]) < 0.5 else None
    beside(ax)
    return ax


@in_style
def layer_by_timestep(table, ax=None, *, labels=True, timesteps=True):
    """Heat map of a similarity by layer (rows) and timestep (columns, more noise to the right); −1 … 1 in one scale.

    Parameters
    ----------
    table : DataFrame
        layer, timestep, value.
    labels, timesteps : bool
        Whether layers and timesteps are named.
    """
    ax = axes_of(ax)
    layers, steps = list(dict.fromkeys(table["layer"])), sorted(table["timestep"].unique())
    cells = table.pivot_table(index="layer", columns="timestep", values="value").loc[layers, steps].to_numpy()
    ax.imshow(cells, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(cells):
        ax.text(
            j,
            i,
            f"{value:.2f}".replace("0.", "."),
            ha="center",
            va="center",
            fontsize=5,
            color="w" if abs(value) > 0.6 else "k",
        )
    ax.set_xticks(range(len(steps)), steps if timesteps else [""] * len(steps))
    ax.set_yticks(range(len(layers)), layers if labels else [""] * len(layers))
    if timesteps:
        ax.set_xlabel("timestep")
    ax.tick_params(length=0)
    return ax
