"""The panels of the main experiment: bias beside the matched ideal observer, the triangle of computations,
answers alike against representations alike, and one trial shown in five ways."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from neuromm.plots.leaders import heights_without_crossings, push_apart
from neuromm.plots.style import COLOURS, axes_of, in_style, shade

ROLES = {  # role → (colour, filled): people and brains dark, machines violet, baselines hollow grey
    "ideal": ("#009E73", True),
    "human": (COLOURS["human"], True),
    "brain": ("#222222", True),
    "machine": (COLOURS["audiovisual"], True),
    "calibrator": ("#E69F00", True),
    "baseline": (COLOURS["reference"], False),
}
WORDS = {
    "ideal": "ideal observers", "human": "people", "brain": "brain models", "machine": "artificial networks",
    "calibrator": "calibrators", "baseline": "baselines (last layer)",
}  # fmt: skip
CORNERS = {"segregation": (0.0, 0.0), "fusion": (1.0, 0.0), "causal inference": (0.5, np.sqrt(3) / 2)}


def nice(name):
    """A slug as words."""
    return str(name).replace("_", " ")


def _figure_of(figure, size):
    """The figure given, or a new one of this size in inches."""
    if figure is not None:
        return figure

    return plt.figure(figsize=size)


@in_style
def bias_panels(points, curves, roles, *, factor="visual_reliability", n_columns=4, figure=None):
    """Small multiples, one per observer: answers as points over the curves of ideal observers.

    Parameters
    ----------
    points : DataFrame
        `crossmodal_bias` of each observer, at levels of `factor` (dark = reliable).
    curves : DataFrame
        The same columns with `computation` in "causal inference" (matched to that observer), "fusion",
        "segregation" (thin grey; at the highest level of `factor`).
    roles : dict of observer → role
        Panels in this order.
    figure : Figure or SubFigure, optional
        Where to draw; a figure 7 in wide is made without.

    Returns
    -------
    Figure
    """
    names = [n for n in roles if n in set(points["observer"])]
    n_rows = max(1, -(-len(names) // n_columns))
    figure = _figure_of(figure, (7, 1.75 * n_rows + 0.35))
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    levels = sorted(points[factor].dropna().unique()) if factor in points else [np.nan]
    for ax, name in zip(axes.flat, names, strict=False):
        rows = points[points["observer"] == name]
        _reference_lines(ax, curves[curves["observer"] == name], factor, levels)
        human = roles[name] == "human"
        own_levels = [np.nan] if factor not in rows or rows[factor].isna().all() else levels
        for level in own_levels:
            line = rows if np.isnan(level) else rows[rows[factor] == level]
            line = line.sort_values("disparity")
            share = (
                1.0 if np.isnan(level) or len(levels) == 1 else 0.45 + 0.55 * levels.index(level) / (len(levels) - 1)
            )
            hue = COLOURS["human"] if human else shade(COLOURS["auditory"], share)
            ax.errorbar(
                line["disparity"],
                line["bias"],
                [line["bias"] - line["low"], line["high"] - line["bias"]],
                fmt="o",
                color=hue,
                mfc="white" if human else hue,
                ms=3.2,
                lw=0.7,
                zorder=3,
            )
        ax.axhline(0, color=COLOURS["reference"], lw=0.4, zorder=0)
        ax.set_title(nice(name) + (" (people)" if human else ""), fontsize=7.5, fontweight="normal")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    axes[0, 0].set_ylim(-0.25, 1.12)
    _legend(figure, levels, factor, n_columns)
    figure.supxlabel("|auditory − visual| (deg)", fontsize=8)
    words = ("auditory bias toward the light", "(fraction of disparity,", "from the stimulus place)")
    figure.supylabel("\n".join(words if n_rows < 3 else (words[0], " ".join(words[1:]))), fontsize=8)
    return figure


def _reference_lines(ax, curves, factor, levels):
    for kind, style in (("fusion", "--"), ("segregation", ":")):
        line = curves[curves["computation"] == kind]
        line = line[line[factor] == levels[-1]] if factor in line and len(line) else line
        line = line.sort_values("disparity")
        ax.plot(line["disparity"], line["bias"], ls=style, color=COLOURS["reference"], lw=0.8, zorder=1)
    own = curves[curves["computation"] == "causal inference"]
    for level in levels:
        line = (own if np.isnan(level) or factor not in own else own[own[factor] == level]).sort_values("disparity")
        share = 1.0 if np.isnan(level) or len(levels) == 1 else 0.45 + 0.55 * levels.index(level) / (len(levels) - 1)
        ax.plot(line["disparity"], line["bias"], color=shade(COLOURS["auditory"], share), lw=3, alpha=0.3, zorder=2)


def _legend(figure, levels, factor, n_columns):
    handles = []
    if len(levels) > 1:
        words = {levels[-1]: "sharp light", levels[0]: "blurred light"} if factor.startswith("visual") else {}
        for level in reversed(levels):
            share = 0.45 + 0.55 * levels.index(level) / (len(levels) - 1)
            label = words.get(level, f"{nice(factor)} {level:.3g}")
            handles.append(Line2D([], [], marker="o", ls="", color=shade(COLOURS["auditory"], share), label=label))
    handles += [
        Line2D([], [], color=COLOURS["auditory"], lw=3, alpha=0.3, label="causal inference matched to this observer"),
        Line2D([], [], color=COLOURS["reference"], ls="--", lw=0.8, label="fusion"),
        Line2D([], [], color=COLOURS["reference"], ls=":", lw=0.8, label="segregation"),
    ]
    ncols = len(handles) if n_columns > 2 else 2
    figure.legend(handles=handles, loc="outside upper center", ncols=ncols, fontsize=6.5, columnspacing=1.2)


@in_style
def computation_triangle(table, ax=None, *, named=None):
    """Each layer at its mixture of segregation, fusion and causal inference; size is the explained fraction.

    Parameters
    ----------
    table : DataFrame
        `measures.computations` with `observer`, `layer`, `role`; rows of one observer in order early → late.
    named : collection of str, optional
        Observers with a name; everyone by default. If it is given, baselines are their last layer alone.
    """
    ax = axes_of(ax)
    corners = np.array(list(CORNERS.values()))
    ax.fill(*corners.T, facecolor="#F7F7F7", edgecolor=COLOURS["reference"], lw=0.6, zorder=0)
    for (name, (x, y)), drop in zip(CORNERS.items(), (-0.085, -0.085, 0.07), strict=True):
        ax.text(x, y + drop, name.capitalize(), ha="center", va="center", fontsize=8, fontweight="bold")
    table = table.dropna(subset=[f"share {c}" for c in CORNERS])
    ends = []
    for name, rows in table.groupby("observer", sort=False):
        role = rows["role"].iloc[0]
        has_name = named is None or name in named
        rows = rows.iloc[-1:] if named is not None and role == "baseline" else rows
        colour, filled = ROLES[role]
        places = rows[[f"share {c}" for c in CORNERS]].to_numpy() @ corners
        sizes = 8 + 60 * rows["explained"].clip(0, 1).to_numpy()
        ax.plot(*places.T, color=colour, lw=0.6, alpha=0.6, zorder=2)
        ax.scatter(
            *places.T, s=sizes, facecolor=colour if filled else "white", edgecolor=colour, lw=0.8, zorder=3, alpha=0.85
        )
        if has_name:
            ends.append((*places[-1], nice(name), colour))
    _name_ends(ax, ends)
    ax.set_aspect("equal")
    ax.set_xlim(-0.42, 1.42)
    ax.set_ylim(-0.2, 1.0)
    ax.axis("off")
    return ax


def _name_ends(ax, ends):
    """Name each observer at its last layer, in two columns beside the triangle, leaders not crossing."""
    for right in (False, True):
        side = sorted([e for e in ends if (e[0] > 0.5) == right], key=lambda e: e[1])
        sign, column = (1, 1.06) if right else (-1, 0.06)
        points = np.array([(sign * x, y) for x, y, *_ in side]).reshape(-1, 2)
        heights = push_apart(points[:, 1], min(0.062, 0.95 / max(len(side) - 1, 1)), 0.93)
        heights = heights_without_crossings(points, heights, column)
        for (x, y, name, colour), height in zip(side, heights, strict=True):
            ax.annotate(name, (x, y), (sign * column, height), fontsize=6, color=colour, va="center",
                        ha="left" if right else "right", arrowprops={"arrowstyle": "-", "lw": 0.3, "color": colour,
                        "shrinkA": 1, "shrinkB": 2, "relpos": (0 if right else 1, 0.5)})  # fmt: skip


def legend_of_roles(ax, roles):
    """What the colours mean, under the axes, for those roles that are drawn."""
    there = [r for r in ROLES if r in set(roles)]
    handles = [
        Line2D([], [], marker="o", ls="", ms=4, color=ROLES[r][0], mfc=ROLES[r][0] if ROLES[r][1] else "white",
               label=WORDS[r]) for r in there
    ]  # fmt: skip
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.03), ncols=3, fontsize=6.5, columnspacing=1,
              handletextpad=0.2)  # fmt: skip


@in_style
def alike(table, ax=None):
    """Answers alike against represents alike, both with the ideal causal-inference observer; one point per observer.

    Parameters
    ----------
    table : DataFrame
        `observer`, `role`, `answers` (trial-by-trial agreement of errors, r), `represents` (whitened cosine of its
        best layer's RDM with causal inference).
    """
    ax = axes_of(ax)
    drawn = table.dropna(subset=["answers", "represents"])
    middle = (drawn["answers"].min() + drawn["answers"].max()) / 2
    for row in drawn.itertuples():
        colour, filled = ROLES[row.role]
        right = row.answers <= middle  # names point into the figure
        ax.scatter(
            row.answers, row.represents, s=24, facecolor=colour if filled else "white", edgecolor=colour, zorder=3
        )
        ax.annotate(
            nice(row.observer),
            (row.answers, row.represents),
            xytext=(5 if right else -5, 0),
            textcoords="offset points",
            fontsize=5.5,
            color=colour,
            ha="left" if right else "right",
            va="center",
        )
    ax.margins(0.08)
    ax.set_xlabel("answers alike: r of errors, trial by trial")
    ax.set_ylabel("represents alike: whitened cosine of RDMs")
    return ax


@in_style
def one_trial(shown, figure=None):
    """One trial row as each kind of observer gets it.

    Parameters
    ----------
    shown : dict
        `places` and `measurements` (deg) and `sigmas` (deg) by modality; `positions` (deg) and `bumps` by modality;
        `columns` (deg) and `frame` (height, width); `time` (ms) and `waveform` (2 ears, n_samples); `cochleagram`
        (2 ears, n_bands, n_frames); `pair` and `clean`: the noised and the clean pair of the denoiser, each (visual,
        auditory).
    figure : Figure or SubFigure, optional
        Where to draw; a figure 7 in wide is made without.

    Returns
    -------
    Figure
    """
    figure = _figure_of(figure, (7, 1.75))
    axes = figure.subplots(1, 5, width_ratios=(1.1, 1.1, 1.1, 1.1, 1))
    number, bump, frame, sound, pair = axes
    at = np.linspace(-30, 30, 241)
    for modality in ("auditory", "visual"):
        colour, x, sigma = COLOURS[modality], shown["measurements"][modality], shown["sigmas"][modality]
        number.plot(at, np.exp(-0.5 * ((at - x) / sigma) ** 2) / sigma, color=colour)
        number.axvline(shown["places"][modality], color=colour, lw=0.6, ls=":")
        bump.plot(shown["positions"], shown["bumps"][modality], color=colour)
    number.set(title="number", xlabel="azimuth (deg)", ylabel="likelihood", yticks=[])
    bump.set(title="bump", xlabel="preferred (deg)", ylabel="input", xlim=(-60, 60))
    half = (shown["columns"][1] - shown["columns"][0]) / 2
    extent = (shown["columns"][0] - half, shown["columns"][-1] + half, -15, 15)
    frame.imshow(shown["frame"], cmap="gray", aspect="auto", extent=extent)
    frame.set(title="frame", xlabel="azimuth (deg)", yticks=[], xlim=(-60, 60))
    for ear, offset in enumerate((0.0, 1.0)):
        wave = shown["waveform"][ear] / np.abs(shown["waveform"]).max() / 2.2
        sound.plot(shown["time"], wave + offset, color=COLOURS["auditory"], lw=0.4)
    sound.set(title="two ears", xlabel="time (ms)", yticks=[0, 1], yticklabels=["left", "right"])
    pair.scatter(*shown["clean"], s=22, facecolor="white", edgecolor=COLOURS["audiovisual"], zorder=3)
    pair.annotate(
        "", shown["pair"], shown["clean"], arrowprops={"arrowstyle": "->", "color": COLOURS["audiovisual"], "lw": 0.8}
    )
    pair.plot([-2.5, 2.5], [-2.5, 2.5], color=COLOURS["reference"], lw=0.5, zorder=0)
    pair.set(
        title="noised pair",
        xlabel="visual (σ_P)",
        ylabel="auditory (σ_P)",
        xlim=(-2.5, 2.5),
        ylim=(-2.5, 2.5),
        aspect="equal",
    )
    return figure
