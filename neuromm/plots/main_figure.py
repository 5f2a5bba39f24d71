"""The main figure: one trial, answers, the triangle of computations, answers against representations, evidence."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from neuromm.plots import flagship
from neuromm.plots.flagship import ROLES, nice
from neuromm.plots.leaders import heights_without_crossings, push_apart
from neuromm.plots.style import COLOURS, axes_of, in_style

FLOOR = -1.0  # R² below this (worse than the mean by as much as the whole variance) is drawn here


@in_style
def five_panels(title, *, shown, points, curves, roles, layers, summary, transfer, ablation, named=None):
    """The main figure, 7 in wide; the title says what the primary test allows.

    Parameters
    ----------
    title : str
    shown : dict, or None
        What `one_trial` draws.
    points, curves, roles
        What `bias_panels` draws.
    layers : DataFrame
        What `computation_triangle` draws: means over seeds.
    summary : DataFrame
        What `crosses` draws.
    transfer, ablation : DataFrame
        What `paired_dots` draws: columns seed, before, after.
    named : collection of str, optional
        Observers with a name in C and D; the others are dots alone. Everyone by default.

    Returns
    -------
    Figure
    """
    figure = plt.figure(figsize=(7, 8.3))
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(1.6, 3.7, 3.0))
    figure.suptitle(title, fontsize=10, fontweight="bold")
    if shown is not None:
        flagship.one_trial(shown, top)
    left, right = middle.subfigures(1, 2, width_ratios=(0.92, 1.08))
    flagship.bias_panels(points, curves, roles, n_columns=2, figure=left)
    triangle = flagship.computation_triangle(layers, right.subplots(), named=named)
    flagship.legend_of_roles(triangle, layers["role"])
    left, right = bottom.subfigures(1, 2, width_ratios=(1, 1.1))
    crosses(summary, left.subplots(), named=named)
    one, two = right.subplots(1, 2)
    paired_dots(transfer.clip(lower=FLOOR), one, labels=("untrained", "trained"))
    one.set_ylabel("log Bayes factor at a held-out\nreliability: R² of ridge decoding")
    if (transfer[["before", "after"]] < FLOOR).to_numpy().any():
        one.text(0, FLOOR, f"≤ {FLOOR:g}".replace("-", "−"), fontsize=6, ha="center", va="top")
        one.set_ylim(FLOOR - 0.15, None)
    paired_dots(ablation, two, labels=("random\naxis", "evidence\naxis"))
    two.axhline(0, color=COLOURS["reference"], lw=0.5)
    two.set_ylabel("change of the slope of bias on\ndisparity when taken out (per 10 deg)")
    for letter, place, part in zip("ABCDE", ((0.0, 1.0),) * 5, (top, middle, middle, bottom, bottom), strict=True):
        x = 0.49 if letter in "CE" else 0.0
        part.text(x, place[1], letter, fontsize=10, fontweight="bold", va="top")
    return figure


@in_style
def crosses(table, ax=None, *, named=None):
    """Answers alike against represents alike, with causal inference; a cross per family: mean and sd over seeds.

    Parameters
    ----------
    table : DataFrame
        `family`, `role`, `answers`, `answers_sd` (r of errors), `represents`, `represents_sd` (whitened cosine of the
        last layer over the family's ceiling).
    named : collection of str, optional
        Families with a name; everyone by default.
    """
    ax = axes_of(ax)
    drawn = table.dropna(subset=["answers", "represents"]).sort_values("represents")
    for row in drawn.itertuples():
        colour, filled = ROLES[row.role]
        ax.errorbar(row.answers, row.represents, xerr=np.nan_to_num(row.answers_sd), yerr=np.nan_to_num(
            row.represents_sd), fmt="o", ms=4, color=colour, mfc=colour if filled else "white", lw=0.9)  # fmt: skip
    ax.margins(0.08)
    ax.autoscale_view()
    left, right = ax.get_xlim()
    named = drawn if named is None else drawn[drawn["family"].isin(named)]
    low, high = ax.get_ylim()
    top = high - 0.02 * (high - low)
    apart = min(0.057 * (high - low), (top - low) / max(len(named), 1))
    points = named[["answers", "represents"]].to_numpy(float)
    heights = push_apart(points[:, 1], apart, top)
    heights = heights_without_crossings(points, heights, left + 1.04 * (right - left))
    for row, height in zip(named.itertuples(), heights, strict=True):
        colour = ROLES[row.role][0]
        ax.annotate(nice(row.family), (row.answers, row.represents), (1.04, height), fontsize=5.5, color=colour,
                    xycoords="data", textcoords=ax.get_yaxis_transform(), va="center",
                    arrowprops={"arrowstyle": "-", "lw": 0.3, "color": colour, "shrinkA": 0, "shrinkB": 3,
                                "relpos": (0, 0.5)})  # fmt: skip
    ax.set_xlabel("answers alike: r of errors")
    ax.set_ylabel("represents alike:\nr of RDMs / ceiling of family")
    return ax


@in_style
def paired_dots(table, ax=None, *, labels=("before", "after")):
    """Two values of every seed joined by a line, and their medians, which values cut at the floor do not move.

    Parameters
    ----------
    table : DataFrame
        `before`, `after`; one row per seed.
    """
    ax = axes_of(ax)
    values = table[["before", "after"]].dropna().to_numpy()
    for pair in values:
        ax.plot([0, 1], pair, "-o", color=COLOURS["audiovisual"], lw=0.5, ms=2.5, alpha=0.6)
    if len(values):
        ax.plot([0, 1], np.median(values, axis=0), "_", color="#222222", ms=14, mew=1.6)
    ax.set_xticks([0, 1], labels)
    ax.set_xlim(-0.4, 1.4)
    ax.tick_params(axis="x", length=0)
    return ax


@in_style
def confusion_panel(shares, ax=None):
    """The calibration gate: which computation each known one is judged to be (share of its seeds)."""
    ax = axes_of(ax)
    image = ax.imshow(shares.to_numpy(float), cmap="Greys", vmin=0, vmax=1)
    for (i, j), v in np.ndenumerate(shares.to_numpy(float)):
        ax.text(j, i, f"{v:.0%}", ha="center", va="center", fontsize=7, color="white" if v > 0.5 else "black")
    ax.set_xticks(range(len(shares.columns)), shares.columns, rotation=20, ha="right")
    ax.set_yticks(range(len(shares.index)), shares.index)
    ax.set_xlabel("judged to be")
    ax.set_ylabel("known computation")
    ax.tick_params(length=0)
    ax.figure.colorbar(image, ax=ax, label="share of seeds (fraction)", shrink=0.8)
    return ax


@in_style
def two_triangles(table):
    """Two triangles of computations: ideal observers, brain models and networks; calibrators and baselines."""
    controls = table["role"].isin(["calibrator", "baseline"])
    figure, axes = plt.subplots(2, 1, figsize=(6.6, 8.4))
    for ax, rows in zip(axes, (table[~controls], table[controls]), strict=True):
        flagship.computation_triangle(rows, ax)
    return figure


@in_style
def delta_panels(layers, panels):
    """Δ by layer in one axes per panel, on one scale.

    Parameters
    ----------
    layers : DataFrame
    panels : dict of title → (families, tests)
        What `delta_by_layer` draws.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(1.0 + 3.1 * len(panels), 3.1), sharey=True, squeeze=False)
    for ax, (title, (families, tests)) in zip(axes[0], panels.items(), strict=True):
        delta_by_layer(layers, families, ax, tests=tests)
        ax.set_xlabel(title)
        if ax is not axes[0, 0]:
            ax.set_ylabel("")
    return figure


@in_style
def delta_by_layer(layers, families, ax=None, *, tests=None):
    """Δ of every layer, one dot per seed: above 0 is nearer to causal inference than to segregation and to fusion.

    Parameters
    ----------
    layers : DataFrame
        One row per seed and layer: family, role, layer, delta.
    families : sequence of str
    tests : DataFrame, optional
        `sign_flip_by_seed`: layers of the first family whose Δ is above 0 over seeds (p over layers < .05) get a star.
    """
    ax = axes_of(ax)
    own = [layers[layers["family"] == f] for f in families]
    order = list(dict.fromkeys(own[0]["layer"])) if own else []
    for k, (family, rows) in enumerate(zip(families, own, strict=True)):
        if rows.empty:
            continue
        colour, filled = ROLES[rows["role"].iloc[0]]
        shift = (k - (len(families) - 1) / 2) * 0.18
        marker = "os^D"[k % 4]
        for i, layer in enumerate(order):
            deltas = rows.loc[rows["layer"] == layer, "delta"].to_numpy()
            at = i + shift + np.linspace(-0.05, 0.05, len(deltas))
            ax.plot(at, deltas, marker, ms=2.6, color=colour, mfc=colour if filled else "white", mew=0.6,
                    label=nice(family) if i == 0 else None)  # fmt: skip
    if tests is not None and len(tests):
        above = tests[(tests["question"] == "above 0") & (tests["p_max"] < 0.05)]
        for layer in above["layer"]:
            at = order.index(layer) - (len(families) - 1) / 2 * 0.18  # above the first family's dots
            ax.text(at, 1.0, "*", transform=ax.get_xaxis_transform(), ha="center", va="top")
    ax.axhline(0, color=COLOURS["reference"], lw=0.6)
    ax.set_xticks(range(len(order)), order)
    ax.set_ylabel("Δ: r(causal inference) − best of\nr(segregation), r(fusion)")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0, fontsize=6.5)
    return ax
