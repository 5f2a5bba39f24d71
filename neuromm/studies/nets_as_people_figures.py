"""Figures of networks fitted as people are."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from neuromm.plots.curves import tidy
from neuromm.plots.style import COLOURS, in_style, shade

LABELS = {"sigma_auditory": "σ of sounds (deg)", "sigma_visual": "σ of lights (deg)", "p_common": "prior of one cause"}
HUES = {"sigma_auditory": "auditory", "sigma_visual": "visual", "p_common": "common"}


@in_style
def draw_estimates(estimates, people):
    """Three axes, a row per family: estimates with intervals, a tick where the truth is, people below in black."""
    families = list(dict.fromkeys(estimates["family"]))
    figure, axes = plt.subplots(1, 3, figsize=(7, 0.7 + 0.28 * (len(families) + 1)), sharey=True)
    for ax, parameter in zip(axes, ("p_common", "sigma_auditory", "sigma_visual"), strict=True):
        for i, family in enumerate(families):
            rows = estimates[(estimates["family"] == family) & (estimates["parameter"] == parameter)]
            at = i + np.linspace(-0.3, 0.3, len(rows)) if len(rows) > 1 else np.array([float(i)])
            low, high = (rows[c].fillna(rows["estimate"]) for c in ("low", "high"))
            ax.hlines(at, low, high, color=COLOURS[HUES[parameter]], lw=0.4, alpha=0.6)
            ax.plot(rows["estimate"], at, "o", ms=2, color=COLOURS[HUES[parameter]])
            truth = rows["truth"].iloc[0]
            ax.plot([truth, truth], [i - 0.45, i + 0.45], color=COLOURS["reference"], lw=1.2, zorder=0)
        mean, sem = people[parameter]
        ax.errorbar([mean], [len(families)], xerr=[sem], fmt="o", mfc="white", ms=3.5, lw=0.8, color=COLOURS["human"])
        ax.set_xlabel(LABELS[parameter])
    axes[0].set_xlim(-0.03, 1.03)
    for ax in axes[1:]:
        ax.set_xlim(left=0)
    axes[0].set_yticks(range(len(families) + 1), [*map(tidy, families), "people (fitted)"])
    axes[0].invert_yaxis()
    return figure


@in_style
def draw_strategies(selected):
    """Protected exceedance of each strategy, a group of bars per family; chance is dashed."""
    families, kinds = (list(dict.fromkeys(selected[c])) for c in ("family", "strategy"))
    order = [k for k in ("averaging", "matching", "selection", "fixed_criterion", "fusion") if k in kinds]
    figure, ax = plt.subplots(figsize=(5.2, 2.0))
    width = 0.8 / len(order)
    for j, kind in enumerate(order):
        rows = selected[selected["strategy"] == kind].set_index("family").reindex(families)
        hue = shade(COLOURS["audiovisual"], 1 - 0.85 * j / max(len(order) - 1, 1))
        at = np.arange(len(families)) + (j - (len(order) - 1) / 2) * width
        ax.bar(at, rows["protected_exceedance"], 0.92 * width, color=hue, label=tidy(kind))
    ax.axhline(1 / len(order), color=COLOURS["reference"], lw=0.6, ls="--")
    ax.set_xticks(range(len(families)), [f"{tidy(f)}\n({int(selected[selected['family'] == f]['n'].iloc[0])})"
                                         for f in families])  # fmt: skip
    ax.set(ylim=(0, 1), ylabel="protected exceedance\n(probability)")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure


@in_style
def draw_agreement(alike):
    """Agreement with the ideal observer, a row per family, dots are seeds; ceiling as a band, floor as a line."""
    networks = alike[alike["role"] == "network"]
    families = list(dict.fromkeys(networks["family"]))
    figure, axes = plt.subplots(1, 2, figsize=(5.6, 0.7 + 0.26 * len(families)), sharey=True)
    for ax, (report, label) in zip(axes, (("auditory", "r of errors of place"), ("common", "κ of one cause or two")),
                                   strict=True):  # fmt: skip
        own = alike[alike["report"] == report]
        ceiling = own[own["role"] == "ceiling"]["agreement"].dropna()
        if len(ceiling):
            ax.axvspan(ceiling.min(), ceiling.max(), color=COLOURS["reference"], alpha=0.3, lw=0)
        ax.axvline(own[own["role"] == "floor"]["agreement"].mean(), color=COLOURS["reference"], lw=0.6, ls="--")
        for i, family in enumerate(families):
            rows = own[(own["role"] == "network") & (own["family"] == family)]
            at = i + np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else np.array([float(i)])
            hue = COLOURS["auditory" if report == "auditory" else "common"]
            ax.plot(rows["agreement"], at, "o", ms=2.2, color=hue)
        ax.set(xlabel=f"{label}\n(with the ideal observer)", xlim=(-0.35, 1.03))
    axes[0].set_yticks(range(len(families)), map(tidy, families))
    axes[0].invert_yaxis()
    return figure


@in_style
def draw_ablation(ablation):
    """Slopes of the bias on disparity: whole, without a random axis, without the evidence axis; a line per network."""
    layers = list(dict.fromkeys(ablation["layer"]))
    figure, axes = plt.subplots(1, len(layers), figsize=(4.6, 2.2), sharey=True, squeeze=False)
    columns = ["slope", "slope_random", "slope_evidence"]
    for ax, layer in zip(axes[0], layers, strict=True):
        for row in ablation[ablation["layer"] == layer].itertuples():
            trained = row.family != "untrained"
            hue = COLOURS["audiovisual" if trained else "reference"]
            ax.plot(range(3), [getattr(row, c) for c in columns], "o-", ms=2.5, lw=0.6, alpha=0.8, color=hue)
        ax.axhline(0, color=COLOURS["reference"], lw=0.5)
        ax.set_xticks(range(3), ["whole", "no random\naxis", "no\nevidence"])
        ax.set(title=layer, xlim=(-0.3, 2.3))
    axes[0][0].set_ylabel("slope of the bias\n(per 10 deg of disparity)")
    return figure
