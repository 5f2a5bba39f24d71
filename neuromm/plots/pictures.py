"""Sheets and strips of pictures, clips as rows, and the curve of a training."""

import numpy as np

from neuromm.plots.style import COLOURS, axes_of, in_style


@in_style
def picture_sheet(pictures, *, n_columns=8, labels=None, ax=None):
    """Pictures side by side on one axes.

    Parameters
    ----------
    pictures : array, shape (n, 1 or 3, height, width)
        0 … 1.
    n_columns : int
    labels : list of str, optional
        One per column (over the first row).
    ax : Axes, optional
    """
    ax = axes_of(ax)
    pictures = np.asarray(pictures)
    n, channels, height, width = pictures.shape
    n_columns = min(n_columns, n)
    n_rows = -(-n // n_columns)
    sheet = np.ones((n_rows * (height + 1) - 1, n_columns * (width + 1) - 1, 3))
    for i, picture in enumerate(pictures):
        row, column = divmod(i, n_columns)
        top, left = row * (height + 1), column * (width + 1)
        sheet[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    ax.imshow(sheet, interpolation="nearest", vmin=0, vmax=1)
    ax.set_axis_off()
    for column, label in enumerate(labels or []):
        ax.text(
            (column + 0.5) * (width + 1) / sheet.shape[1],
            1.02,
            label,
            transform=ax.transAxes,
            ha="center",
            va="bottom",
            fontsize=6,
        )
    return ax


@in_style
def loss_curve(table, *, ax=None):
    """Training loss against step: each step faint, a running mean of 25 on top; columns step, loss."""
    ax = axes_of(ax)
    ax.plot(table["step"], table["loss"], color=COLOURS["reference"], linewidth=0.4, alpha=0.6)
    smooth = table["loss"].rolling(25, min_periods=1).mean()
    ax.plot(table["step"], smooth, color=COLOURS["visual"], linewidth=1.2)
    ax.axhline(1.0, color=COLOURS["reference"], linewidth=0.5, linestyle=":")
    ax.set(xlabel="step", ylabel="mean squared error", ylim=(0, None))
    return ax


@in_style
def probe_by_guidance(table, *, ax=None):
    """How often pictures have the shape and colour of their text, against the guidance scale.

    Parameters
    ----------
    table : DataFrame
        guidance_scale, shape, colour, both (fractions), low, high (of both).
    """
    ax = axes_of(ax)
    table = table.sort_values("guidance_scale")
    x = table["guidance_scale"]
    for name, line in (("shape", "--"), ("colour", ":")):
        ax.plot(x, 100 * table[name], line, color=COLOURS["reference"], marker=".", ms=3, label=name)
    ax.fill_between(x, 100 * table["low"], 100 * table["high"], color=COLOURS["visual"], alpha=0.15, lw=0)
    ax.plot(x, 100 * table["both"], color=COLOURS["visual"], marker="o", ms=3, label="both")
    ax.set(xlabel="guidance scale (0 ignores the text)", ylabel="pictures as told (%)", ylim=(-3, 103))
    ax.legend(loc="lower right")
    return ax
