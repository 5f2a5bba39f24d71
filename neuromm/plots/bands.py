"""What was measured in each of several networks, beside what it is held to."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np

from neuromm.plots.style import COLOURS, in_style


@in_style
def held_bands(bands, names, controls=()):
    """One axis per band: a dot per seed, the band shaded, controls hollow.

    Parameters
    ----------
    bands : DataFrame
        observer, what, value, least, most (infinite = open).
    names, controls : collections of str
        Observers with a full and with a hollow dot.

    Returns
    -------
    Figure
    """
    kinds = list(dict.fromkeys(bands["what"]))
    columns = min(4, len(kinds))
    n_rows = -(-len(kinds) // columns)
    figure, axes = plt.subplots(n_rows, columns, figsize=(7, 0.5 + 1.15 * n_rows), squeeze=False)
    rng = np.random.default_rng(1)
    for ax, what in zip(axes.ravel(), kinds, strict=False):
        rows = bands[bands["what"] == what]
        own, other = rows[rows["observer"].isin(list(names))], rows[rows["observer"].isin(list(controls))]
        ax.plot(own["value"], rng.uniform(-0.25, 0.25, len(own)), "o", ms=3, color=COLOURS["audiovisual"], alpha=0.8)
        ax.plot(other["value"], np.full(len(other), 0.6), "o", ms=3, mfc="white", color=COLOURS["reference"])
        values = rows["value"].replace([np.inf, -np.inf], np.nan).dropna()
        least, most = rows["least"].iloc[0], rows["most"].iloc[0]
        ends = [*values, *(e for e in (least, most) if np.isfinite(e))]
        low, high = min(ends), max(ends)
        pad = 0.12 * (high - low or 1.0)
        ax.set(xlim=(low - pad, high + pad), ylim=(-0.6, 0.95), yticks=[])
        ax.axvspan(max(least, low - pad), min(most, high + pad), color=COLOURS["reference"], alpha=0.18, lw=0)
        ax.set_title(textwrap.fill(what, 30), fontsize=6)
        ax.tick_params(labelsize=6)
        ax.spines["left"].set_visible(False)
    for ax in axes.ravel()[len(kinds) :]:
        ax.set_axis_off()
    return figure
