"""Psychophysics: bias and unity against disparity, cue weights. Tables in, axes out; colour is modality."""

import numpy as np

from neuromm.plots.curves import is_human, tidy
from neuromm.plots.style import COLOURS, LINES, MARKERS, axes_of, in_style, shade

BASELINES = {
    "stimulus": "stimulus place",
    "aligned": "answer when aligned",
    "unisensory": "unisensory answer",
}


@in_style
def bias_by_disparity(table, ax=None, *, value="bias", legend=True):
    """Crossmodal bias against |disparity|: one line per observer, people as points with intervals.

    Parameters
    ----------
    table : DataFrame
        From `measures.crossmodal_bias`; reliabilities, where they vary, are drawn light (poor other cue)
        to dark. Intervals are the table's `low`, `high`.
    ax : Axes, optional
    value : "bias" or "shift"
        Fraction of disparity, or deg toward the other modality.
    """
    ax = axes_of(ax)
    report = table["report"].iloc[0]
    scale = table["disparity"] if value == "shift" else 1.0
    drawn = table.assign(y=table[value], y_low=table["low"] * scale, y_high=table["high"] * scale)
    _lines(drawn, ax, COLOURS[report])
    unit = "deg" if value == "shift" else "fraction of disparity"
    ax.axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
    ax.set_xlabel("|auditory − visual| (deg)")
    ax.set_ylabel(f"{report} {value} ({unit})\nfrom the {BASELINES[table['baseline'].iloc[0]]}")
    if legend and table["observer"].nunique() + _n_shades(table) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return ax


@in_style
def unity_by_disparity(table, ax=None, *, legend=True):
    """Probability of "one cause" against |disparity|, from `measures.unity_rate`; intervals over trials."""
    ax = axes_of(ax)
    _lines(table.assign(y=table["unity"], y_low=table["low"], y_high=table["high"]), ax, COLOURS["common"])
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("|auditory − visual| (deg)")
    ax.set_ylabel('P("one cause")')
    if legend and table["observer"].nunique() + _n_shades(table) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return ax


@in_style
def weights_against_prediction(table, ax=None):
    """Visual weight of each observer and reliability against the weight that unimodal precision predicts."""
    ax = axes_of(ax)
    ax.plot([0, 1], [0, 1], color=COLOURS["reference"], lw=0.5, zorder=0)
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        people = is_human(rows)
        colour = COLOURS["human" if people else "audiovisual"]
        fill = "white" if people else shade(colour, 1 - 0.25 * (i % 4))
        ax.errorbar(
            rows["predicted"],
            rows["weight_visual"],
            [(rows["weight_visual"] - rows["low"]).clip(lower=0), (rows["high"] - rows["weight_visual"]).clip(lower=0)],
            fmt=MARKERS[i % len(MARKERS)],
            color=colour,
            mfc=fill,
            label=tidy(name),
            lw=0.8,
        )
    ax.set_xlabel("visual weight predicted by reliability")
    ax.set_ylabel("visual weight of the answers")
    ax.set_aspect("equal")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return ax


def _shades(table):
    """The factors that vary and are drawn as lightness."""
    return [f for f in ("auditory_reliability", "visual_reliability") if f in table and table[f].nunique() > 1]


def _n_shades(table):
    return len(table[_shades(table)].drop_duplicates()) if _shades(table) else 0


def _lines(table, ax, colour):
    factors = _shades(table)
    levels = table[factors].drop_duplicates().sort_values(factors).reset_index(drop=True) if factors else None
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        human = "kind" in rows and (rows["kind"] == "human").all()
        groups = [((), rows)] if not factors else list(rows.groupby(factors, sort=True))
        for key, line in groups:
            key = key if isinstance(key, tuple) else (key,)
            share = 1.0
            if factors:
                position = int(np.flatnonzero((levels == list(key)).all(axis=1))[0])
                share = 0.35 + 0.65 * (position + 1) / len(levels)
            label = _label(name, factors, key)
            line = line.sort_values("disparity")
            hue = shade(COLOURS["human"] if human else colour, share)
            if human:
                ax.errorbar(
                    line["disparity"],
                    line["y"],
                    [line["y"] - line["y_low"], line["y_high"] - line["y"]],
                    fmt=MARKERS[i % len(MARKERS)],
                    color=hue,
                    mfc="white",
                    lw=0.8,
                    label=f"{label} (human)",
                    zorder=4,
                )
                continue
            ax.fill_between(line["disparity"], line["y_low"], line["y_high"], color=hue, alpha=0.15, lw=0)
            ax.plot(
                line["disparity"],
                line["y"],
                ls=LINES[i % len(LINES)],
                marker=MARKERS[i % len(MARKERS)],
                color=hue,
                label=label,
            )


def _label(name, factors, key):
    short = {"auditory_reliability": "A", "visual_reliability": "V"}
    levels = ", ".join(f"{short[f]} {value:.3g}" for f, value in zip(factors, key, strict=True))
    return tidy(name) + (f" ({levels})" if levels else "")
