"""What cells do: rasters above rates, enhancement cell by cell, and what a synapse learns from jittered pairs."""

import matplotlib.pyplot as plt
import numpy as np

from neuromm.plots.style import COLOURS, axes_of, in_style, shade

AREAS = {"auditory": COLOURS["auditory"], "visual": COLOURS["visual"], "sts": COLOURS["audiovisual"]}


def _colour(area, place=0):
    others = [COLOURS["reference"], COLOURS["human"]]
    return AREAS.get(area, others[place % len(others)])


@in_style
def raster_and_rates(spikes, rates, axes=None):
    """Every spike of one trial, and below it the rate of each area.

    Parameters
    ----------
    spikes : DataFrame
        Of one trial: `time` (ms), `area`, and `azimuth` (deg) or `unit`, by which cells are stacked.
    rates : DataFrame
        From `measures.rates_over_time`; `label`, where it varies, is drawn light to dark. Bands are its `low`, `high`.
    axes : Axes, optional
        One for each area's spikes, and a last one for rates; their time axes are made equal.

    Returns
    -------
    array of Axes
    """
    areas = list(dict.fromkeys(rates["area"]))
    if axes is None:
        size = {"figsize": (5.2, 1.4 + 0.9 * len(areas)), "height_ratios": [1] * len(areas) + [1.5]}
        axes = plt.subplots(len(areas) + 1, 1, sharex=True, layout="constrained", **size)[1]
    *uppers, lower = axes
    row = "azimuth" if "azimuth" in spikes else "unit"
    for i, (area, ax) in enumerate(zip(areas, uppers, strict=True)):
        fired = spikes[spikes["area"] == area]
        ax.plot(fired["time"], fired[row], "|", ms=2.2, mew=0.7, color=_colour(area, i))
        ax.set_ylim(spikes[row].min() - 2, spikes[row].max() + 2)
        ax.set_title(f"{area} cells", loc="left", color=_colour(area, i), pad=1)
    uppers[len(uppers) // 2].set_ylabel("azimuth of the cell (deg)" if row == "azimuth" else "cell")
    labels = list(dict.fromkeys(rates["label"]))
    for i, (area, curves) in enumerate(rates.groupby("area", sort=False)):
        for label, curve in curves.groupby("label", sort=False):
            hue = shade(_colour(area, i), 0.4 + 0.6 * (labels.index(label) + 1) / len(labels))
            named = str(area) if len(labels) == 1 else f"{area}, {label}"
            lower.fill_between(curve["time"], curve["low"], curve["high"], color=hue, alpha=0.15, lw=0)
            lower.plot(curve["time"], curve["rate"], color=hue, label=named)
    for ax in axes:
        ax.axvline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
    lower.set_xlim(rates["time"].min(), rates["time"].max())
    for ax in uppers:
        ax.set_xlim(lower.get_xlim())
    lower.set_ylim(bottom=0)
    lower.set_xlabel("time from the event (ms)")
    lower.set_ylabel("rate (Hz per cell)")
    lower.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return axes


@in_style
def enhancement_scatter(table, ax=None, *, unit="Hz"):
    """Each cell's response to the pair against its best response to one modality; above the line it is enhanced.

    Parameters
    ----------
    table : DataFrame
        From `measures.cell_enhancement`: `best`, `audiovisual`, `low`, `high`. Filled where the 95 % interval of the
        enhancement leaves 0 out. A column `area` tells areas apart.
    ax : Axes, optional
    unit : str
        Of the responses.
    """
    ax = axes_of(ax)
    shown = table.dropna(subset=["best", "audiovisual", "enhancement"])
    top = 1.05 * max(shown["best"].max(), shown["audiovisual"].max(), 1e-9)
    ax.plot([0, top], [0, top], color=COLOURS["reference"], lw=0.5, zorder=0)
    for i, (area, cells) in enumerate(shown.groupby("area", sort=False) if "area" in shown else [("cells", shown)]):
        colour = COLOURS["audiovisual"] if area == "cells" else _colour(area, i)
        sure = (cells["low"] > 0) | (cells["high"] < 0)
        for chosen, face, words in ((sure, colour, "changed"), (~sure, "white", "not changed")):
            some = cells[chosen]
            if len(some):
                label = f"{area}: {words} ({len(some)})"
                ax.plot(some["best"], some["audiovisual"], "o", ms=3, mew=0.6, color=colour, mfc=face, label=label)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.set_aspect("equal")
    ax.set_xlabel(f"best single modality ({unit})")
    ax.set_ylabel(f"both modalities ({unit})")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, title="95 % interval")
    return ax


@in_style
def association_curve(table, ax=None, *, value="expected_change", error=None, label=None, colour="audiovisual"):
    """What a synapse learns from sounds and lights that come together, against the jitter of their lag.

    Parameters
    ----------
    table : DataFrame
        `jitter` (sd of the lag, ms), `value`, and `lag` (ms) where it varies: one line each, light to dark.
    ax : Axes, optional
    value : str
        Column drawn: `expected_change` (fraction of the greatest weight per pair), `growth`, `share_evoked` …
    error : str, optional
        Column with half the interval, for points instead of a line.
    """
    ax = axes_of(ax)
    lags = sorted(table["lag"].unique()) if "lag" in table else [None]
    for i, lag in enumerate(lags):
        curve = (table if lag is None else table[table["lag"] == lag]).sort_values("jitter")
        hue = shade(COLOURS[colour], 0.35 + 0.65 * (i + 1) / len(lags))
        name = label or ""
        if lag is not None and len(lags) > 1:
            name = f"{name} lag {lag:g} ms".strip()
        if error is None:
            ax.plot(curve["jitter"], curve[value], color=hue, label=name or None)
        else:
            ax.errorbar(curve["jitter"], curve[value], curve[error], fmt="o", ms=3.5, color=hue, label=name or None)
    if np.min(table["jitter"]) > 0 and np.max(table["jitter"]) / np.min(table["jitter"]) > 8:
        ax.set_xscale("log")
        ticks = sorted(table["jitter"].unique())
        if len(ticks) <= 9:
            ax.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
            ax.minorticks_off()
    ax.set_xlabel("jitter of the lag between sound and light, sd (ms)")
    return ax
