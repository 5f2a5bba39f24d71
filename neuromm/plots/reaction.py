"""Reaction times: race inequality, means against asynchrony, accumulation to a bound. Tables in, axes out."""

import matplotlib.pyplot as plt
import numpy as np

from neuromm.plots.curves import SOUND_LATER, beside, draw, is_human, tidy, zero
from neuromm.plots.style import COLOURS, LINES, MARKERS, axes_of, in_style, shade


@in_style
def race_panel(table, ax=None, *, legend=True):
    """Distributions of reaction times to sound, light and pair beside the bound of any race; violation shaded.

    Parameters
    ----------
    table : DataFrame
        From `measures.race_distributions`: `t` (ms), `auditory`, `visual`, `audiovisual`, `bound`.
    """
    ax = axes_of(ax)
    t = table["t"].to_numpy(float)
    pair, bound = table["audiovisual"].to_numpy(float), table["bound"].to_numpy(float)
    ax.fill_between(
        t, bound, pair, where=pair > bound, color=COLOURS["audiovisual"], alpha=0.3, lw=0, label="violation"
    )
    ax.plot(t, table["auditory"], color=COLOURS["auditory"], label="sound")
    ax.plot(t, table["visual"], color=COLOURS["visual"], label="light")
    ax.plot(t, bound, "--", color=COLOURS["reference"], label="bound: sound + light")
    ax.plot(t, pair, color=COLOURS["audiovisual"], lw=1.7, label="both")
    ax.set(xlabel="reaction time (ms)", ylabel="cumulative probability", ylim=(0, 1.02))
    if legend:
        beside(ax)
    return ax


@in_style
def violation_by_quantile(table, ax=None, *, legend=True):
    """How much earlier than any race the pair is, per quantile: mean over observers with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        The group table of `measures.race_test`; a column `observer` draws families apart.
    """
    ax = axes_of(ax)
    table = table if "observer" in table else table.assign(observer="group")
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        draw(ax, rows, "probability", "violation", colour=COLOURS["audiovisual"], i=i, label=tidy(name))
    zero(ax)
    ax.set(xlabel="quantile", ylabel="bound − pair (ms)\npositive: no race is so fast")
    if legend and table["observer"].nunique() > 1:
        beside(ax)
    return ax


@in_style
def reaction_by_soa(table, ax=None, *, model=None, legend=True):
    """Mean reaction time against asynchrony; means of single stimuli as horizontal lines.

    Parameters
    ----------
    table : DataFrame
        From `measures.mean_reaction_times`: `shown`, `soa`, `reaction_time`, intervals.
    model : DataFrame, optional
        Closed-form curves `observer`, `soa`, `reaction_time`, drawn as lines under the answers.
    """
    ax = axes_of(ax)
    names = list(dict.fromkeys(table["observer"]))
    for i, name in enumerate(names):
        own = table[table["observer"] == name]
        pairs = own[own["shown"] == "audiovisual"]
        colour = COLOURS["human"] if is_human(own) else shade(COLOURS["audiovisual"], 1 - 0.3 * (i % 3))
        fitted = None if model is None else model[model["observer"] == name]
        draw(ax, pairs, "soa", "reaction_time", colour=colour, i=i, label=tidy(name), fitted=fitted)
        for what in ("auditory", "visual"):
            for value in own.loc[own["shown"] == what, "reaction_time"]:
                label = {"auditory": "sound alone", "visual": "light alone"}[what] if i == 0 else None
                ax.axhline(value, color=COLOURS[what], ls=LINES[i % len(LINES)], lw=0.8, label=label)
    zero(ax, x=True)
    ax.set(xlabel=SOUND_LATER, ylabel="mean reaction time (ms)")
    if legend:
        beside(ax)
    return ax


@in_style
def choices_and_times(table, axes=None):
    """Choices and mean reaction times against heading, with the fitted model as lines: two axes.

    Parameters
    ----------
    table : DataFrame
        `AccumulationFit.predictions` of `measures.fit_accumulation`; several observers are averaged.
    """
    axes = plt.subplots(1, 2, figsize=(7, 2.6))[1] if axes is None else axes
    columns = ["right", "fitted_right", "reaction_time", "fitted_reaction_time"]
    mean = table.groupby(["modality", "coherence", "heading"], dropna=False)[columns].mean().reset_index()
    hues = {"visual": COLOURS["visual"], "vestibular": "#009E73", "both": COLOURS["audiovisual"]}
    levels = sorted(mean["coherence"].dropna().unique())
    for i, ((modality, level), rows) in enumerate(mean.groupby(["modality", "coherence"], dropna=False, sort=False)):
        known = np.isfinite(level)
        share = 0.35 + 0.65 * (levels.index(level) + 1) / len(levels) if known else 1.0
        style = {"color": shade(hues[modality], share)}
        label = f"{modality}, coherence {level:g}" if known else modality
        rows = rows.sort_values("heading")
        for ax, seen, fitted in zip(axes, columns[::2], columns[1::2], strict=True):
            ax.plot(rows["heading"], rows[seen], MARKERS[i % len(MARKERS)], ms=3, label=label, **style)
            ax.plot(rows["heading"], rows[fitted], "-", lw=1.0, **style)
    axes[0].set(xlabel="heading (deg, right +)", ylabel='answers "right" (fraction)', ylim=(-0.03, 1.03))
    axes[1].set(xlabel="heading (deg, right +)", ylabel="mean reaction time (ms)")
    beside(axes[1], fontsize=6)
    return axes
