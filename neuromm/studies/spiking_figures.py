"""Figures and words that the studies of spiking networks share."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from neuromm import plots
from neuromm.plots.style import COLOURS, LINES, MARKERS


def azimuths(units, n_cells):
    """Azimuth of each cell of a ring, deg."""
    return np.asarray(units) * 180.0 / n_cells - 90.0


def in_words(row, value):
    """A number with its interval, for a sentence."""
    return f"{row[value]:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def draw_against(table, x, panels, *, by="observer", colours=None, log=False, size=(5.6, 2.6)):
    """Panels side by side: each draws a column with its interval against `x`, one line per level of `by`.

    Parameters
    ----------
    table : DataFrame
        `x`, `by`, and for each panel its column, `COLUMN_low` and `COLUMN_high` (or `low`, `high`).
    panels : dict of column → (label of the axis, reference line or None, (low, high) limits or None)
    """
    with plots.style():
        figure, axes = plt.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
        for ax, (column, (label, reference, limits)) in zip(axes[0], panels.items(), strict=True):
            if reference is not None:
                ax.axhline(reference, color=COLOURS["reference"], lw=0.5, zorder=0)
            for i, (name, rows) in enumerate(table.groupby(by, sort=False)):
                rows = rows.sort_values(x)
                low, high = (rows.get(f"{column}_{end}", rows.get(end)) for end in ("low", "high"))
                colour = (colours or {}).get(name, COLOURS["audiovisual"])
                ax.fill_between(rows[x], low, high, color=colour, alpha=0.15, lw=0)
                look = {"ls": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)], "color": colour}
                ax.plot(rows[x], rows[column], label=str(name).replace("_", " "), **look)
            ax.set_ylabel(label)
            if limits is not None:
                ax.set_ylim(*limits)
            if log:
                ax.set_xscale("log")
        axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
    return figure, axes[0]
