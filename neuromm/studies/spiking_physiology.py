"""Physiology of the spiking network that its studies share: variability of counts, and the window of integration."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import measures, plots
from neuromm.plots.style import COLOURS
from neuromm.session import generator

LEAST = 2.0  # spikes, of cells whose variability is looked at
NEAR = 10.0  # deg between two cells that are neighbours
WINDOW_SOAS = (-100.0, -60.0, -30.0, -15.0, 0.0, 15.0, 30.0, 60.0, 100.0)  # ms


def variability(layers, once, duration):
    """Fano factor and correlation of spike counts in each area.

    Parameters
    ----------
    layers : dict of area → DataArray (trial, unit), Hz
    once : array of bool, shape (n_trials,)
        One row of each showing.
    duration : float
        Of the counting window, ms.

    Returns
    -------
    DataFrame, one row per area
        `fano`: median over cells and conditions; `correlation_near`, `correlation_far`: mean over pairs of cells up to
        and beyond 10 deg apart; `n_cells` that fire. NaN where there are too few repeats or cells.
    """
    rows = []
    for area, rates in layers.items():
        counts = (rates[once] * duration / 1000.0).round()
        row = {"area": area, "fano": np.nan, "correlation_near": np.nan, "correlation_far": np.nan, "n_cells": 0}
        try:
            fano = measures.fano_factor(counts)
            fano = fano[fano["mean"] >= LEAST]
            row |= {"fano": fano["fano"].median(), "n_cells": fano["unit"].nunique()}
            pairs = measures.count_correlations(counts, least=LEAST / 2)
        except ValueError:  # nothing was repeated, or hardly a cell fires
            rows.append(row)
            continue
        n = counts.sizes["unit"]
        apart = (pairs["other"] - pairs["unit"]) % n
        near = np.minimum(apart, n - apart) * 180.0 / n <= NEAR
        row["correlation_near"] = pairs["correlation"][near].mean()
        row["correlation_far"] = pairs["correlation"][~near].mean()
        rows.append(row)
    return pd.DataFrame(rows)


def temporal_window(observer, *, n_repeats, seed):
    """How the STS response to a brief sound and light, beyond the sum of both alone, depends on their asynchrony.

    Returns
    -------
    curve : DataFrame
        `soa` (ms, sound later positive), `additivity`: (AV − A − V)/(A + V) of the STS spikes of a trial; `low`, `high`
        (95 %, normal, over trials).
    window : DataFrame
        From `measures.response_window` of the curve.
    """
    event = 20.0  # ms, of the sound and of the light
    middle = observer.duration / 2 - event
    soas = [s for s in WINDOW_SOAS if abs(s) / 2 < middle]
    shown = pd.DataFrame({"soa": [*soas, 0.0, 0.0], "kind": ["both"] * len(soas) + ["sound", "light"]})
    half = shown["soa"] / 2
    shown = shown.assign(
        auditory_azimuth=np.where(shown["kind"] == "light", np.nan, 0.0),
        visual_azimuth=np.where(shown["kind"] == "sound", np.nan, 0.0),
        auditory_onset=middle + half,
        visual_onset=middle - half,
        auditory_duration=event,
        visual_duration=event,
    )
    trials = pd.concat([shown] * n_repeats, ignore_index=True)
    spikes = observer.spikes(trials.drop(columns=["kind", "soa"]), rng=generator(seed, f"{observer.name} window"))
    counts = measures.spike_counts(
        spikes, trials.index, n_units=observer.n_cells, start=0.0, stop=observer.duration, area="sts"
    )
    total = counts.sum("unit").to_series()
    kind = trials["kind"]
    alone = total[kind == "sound"].mean() + total[kind == "light"].mean()
    both = total[kind == "both"].groupby(trials["soa"])
    mean, error = both.mean(), both.std() / np.sqrt(both.count())
    curve = pd.DataFrame({"soa": mean.index, "additivity": (mean / alone - 1).to_numpy() if alone else np.nan})
    half_width = (1.96 * error / alone).to_numpy() if alone else np.nan
    curve = curve.assign(low=curve["additivity"] - half_width, high=curve["additivity"] + half_width)
    return curve, measures.response_window(curve, value="additivity")


def draw_window(results, curve, window):
    """The window of integration as a figure of the study."""
    with plots.style():
        figure, ax = plt.subplots(figsize=(3.6, 2.6), layout="constrained")
        ax.fill_between(curve["soa"], curve["low"], curve["high"], color=COLOURS["audiovisual"], alpha=0.15, lw=0)
        ax.plot(curve["soa"], curve["additivity"], "o-", color=COLOURS["audiovisual"])
        ax.axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
        one = window.iloc[0]
        if np.isfinite(one["width"]):
            ax.plot([one["left"], one["right"]], [one["peak"] / 2] * 2, color=COLOURS["human"], lw=1.0)
            ax.annotate(f"{one['width']:.0f} ms", (one["right"], one["peak"] / 2), (4, 0), textcoords="offset points",
                        va="center")  # fmt: skip
        ax.set_xlabel("sound after the light, SOA (ms)")
        ax.set_ylabel("STS spikes beyond the sum of both\n(fraction of the sum)")
    results.tables["temporal_window"] = window
    caption = "STS spikes to a brief sound and light at one place, against the sum of both alone; bar: width at half."
    results.add_figure("temporal_window", figure, curve, caption)
