"""What exposure leaves behind: build-up, immediate and cumulative parts, weights over a changing blur; loss by step."""

from neuromm.plots.curves import beside, draw, is_human, tidy, zero
from neuromm.plots.style import COLOURS, MARKERS, axes_of, in_style


@in_style
def aftereffect_build_up(table, ax=None, *, y="fraction", model=None, legend=True):
    """Shift of sounds alone toward where the lights were, against the number of exposures.

    Parameters
    ----------
    table : DataFrame
        From `measures.aftereffect_by_exposure`.
    y : "fraction" or "shift"
        Of the displacement, or deg (with 95 % intervals over blocks).
    model : DataFrame, optional
        Closed-form curves `observer`, `exposures` and `y`.
    """
    ax = axes_of(ax)
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        shown = rows if y == "shift" else _scaled(rows)
        colour = COLOURS["human"] if is_human(rows) else COLOURS["auditory"]
        fitted = None if model is None else model[model["observer"] == name]
        draw(ax, shown, "exposures", y, colour=colour, i=i, label=tidy(name), fitted=fitted)
    zero(ax)
    unit = "fraction of the displacement" if y == "fraction" else "deg toward the lights"
    ax.set(xlabel="exposures before the test (count)", ylabel=f"aftereffect ({unit})")
    if legend and table["observer"].nunique() > 1:
        beside(ax)
    return ax


def _scaled(rows):
    """Intervals of the shift as fractions."""
    scale = (rows["fraction"] / rows["shift"]).where(rows["shift"] != 0)
    scale = scale.fillna(scale.mean())
    return rows.assign(low=rows["low"] * scale, high=rows["high"] * scale)


@in_style
def aftereffect_parts(table, ax=None):
    """Immediate and cumulative aftereffects of each observer, with 95 % intervals."""
    ax = axes_of(ax)
    parts = ["immediate", "cumulative"]
    names = list(dict.fromkeys(table["observer"]))
    for i, name in enumerate(names):
        rows = table[table["observer"] == name].set_index("part").loc[parts]
        at = [p + (i - (len(names) - 1) / 2) * 0.15 for p in range(2)]
        colour = COLOURS["human" if is_human(rows) else "auditory"]
        ax.errorbar(at, rows["effect"], [rows["effect"] - rows["low"], rows["high"] - rows["effect"]],
                    fmt=MARKERS[i % len(MARKERS)], color=colour, label=tidy(name))  # fmt: skip
    zero(ax)
    ax.set_xticks([0, 1], ["immediate\n(trial before)", "cumulative\n(the tone's history)"])
    ax.set(xlim=(-0.5, 1.5), ylabel="aftereffect\n(fraction of the displacement)")
    if len(names) > 1:
        beside(ax)
    return ax


@in_style
def weights_over_period(table, ax=None, *, legend=True):
    """Auditory weight over a period of changing blur, second half flipped onto the first (dashed)."""
    ax = axes_of(ax)
    names = list(dict.fromkeys(table["observer"]))
    for i, name in enumerate(names):
        for half, line in (("first", "-"), ("second, flipped", "--")):
            rows = table[(table["observer"] == name) & (table["half"] == half)].sort_values("phase")
            ax.fill_between(rows["phase"], rows["low"], rows["high"], color=COLOURS["auditory"], alpha=0.12, lw=0)
            label = f"{tidy(name)}, {half} half" if len(names) > 1 else f"{half} half"
            ax.plot(rows["phase"], rows["weight_auditory"], ls=line, marker=MARKERS[i], color=COLOURS["auditory"],
                    mfc="white" if line == "--" else None, label=label)  # fmt: skip
    ax.set(xlabel="phase of the period (blur rises)", ylabel="auditory weight (fraction)")
    if legend:
        beside(ax)
    return ax


@in_style
def loss_by_step(table, ax=None):
    """How a network learnt: loss of each step (points), running mean (line), and of one that knows nothing (grey).

    Parameters
    ----------
    table : DataFrame
        `NAME_learning.csv`, which `neuromm train` writes: step, loss, mean_loss, chance.
    """
    ax = axes_of(ax)
    ax.plot(table["step"], table["loss"], ".", ms=1.5, mew=0, color=COLOURS["reference"], label="each step")
    ax.plot(table["step"], table["mean_loss"], color=COLOURS["audiovisual"], label="mean of 50 steps")
    if table["chance"].notna().any():
        ax.axhline(table["chance"].iloc[0], color=COLOURS["reference"], lw=0.6, ls="--", label="knows nothing")
    if (table["loss"] > 0).all() and table["mean_loss"].max() > 10 * table["mean_loss"].min():
        ax.set_yscale("log")
    ax.set(xlabel="step of training (count)", ylabel="loss", xlim=(0, table["step"].max()))
    ax.legend()
    return ax
