"""Rate networks: enhancement and additivity, shifts of activity, tuning, decisions, stages. Tables in, axes out."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from neuromm.plots.style import COLOURS, LINES, MARKERS, axes_of, in_style, shade

SERIES = (COLOURS["visual"], "#56B4E9", COLOURS["reference"], "#009E73", "#E69F00", COLOURS["human"])
STAGE_COLOURS = {"segregation": "#009E73", "fusion": "#E69F00", "causal_inference": COLOURS["audiovisual"]}


def _plain_ticks(ax, axis):
    """Ticks at 1, 2 and 5 of each decade, or at 1 alone if there are many, written out."""
    low, high = getattr(ax, f"get_{axis}lim")()
    low = max(low, 1e-9)
    digits = (1.0,) if high / low > 100 else (1.0, 2.0, 5.0) if high / low > 4 else (1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 7.0)
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = [d * k for d in decades for k in digits if low <= d * k <= high]
    getattr(ax, f"set_{axis}ticks")(ticks, [f"{t:g}" for t in ticks])
    getattr(ax, f"{axis}axis").minorticks_off()


def _beside(ax, **options):
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, **options)


@in_style
def enhancement_by_level(table, axes=None, *, x="level", label="stimulus intensity (model units, log)"):
    """Enhancement and additivity against intensity, one line per observer: two axes.

    Parameters
    ----------
    table : DataFrame
        From `measures.enhancement`; `observer` tells lines apart.
    axes : two Axes, optional
    x : str
        Column on the abscissa.
    """
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(7, 2.5), layout="constrained")[1]
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        rows = rows.sort_values(x)
        look = {
            "color": COLOURS["audiovisual"],
            "ls": LINES[i % len(LINES)],
            "marker": MARKERS[i % len(MARKERS)],
            "ms": 3,
        }
        axes[0].plot(rows[x], rows["enhancement"], label=str(name).replace("_", " "), **look)
        axes[1].plot(rows[x], rows["additivity"], label=str(name).replace("_", " "), **look)
    for ax, level in zip(axes, (0.0, 1.0), strict=True):
        ax.set_xscale("log")
        ax.axhline(level, color=COLOURS["reference"], lw=0.5, zorder=0)
        ax.set_xlabel(label)
    axes[0].set_yscale("symlog", linthresh=10)
    axes[0].set_ylabel("enhancement over the\nbest single modality (%)")
    axes[1].set_yscale("log")
    axes[1].set_ylabel("AV / (A + V)")
    axes[0].set_ylim(bottom=-3)
    steps = [t for t in (0, 10, 30, 100, 300, 1000) if t <= axes[0].get_ylim()[1]]
    axes[0].set_yticks(steps, [str(t) for t in steps])
    axes[0].minorticks_off()
    for ax, axis in ((axes[0], "x"), (axes[1], "x"), (axes[1], "y")):
        _plain_ticks(ax, axis)
    axes[1].set_title(
        "super-additive above 1", loc="right", fontsize=7, fontweight="normal", color=COLOURS["reference"]
    )
    _beside(axes[1])
    return axes


@in_style
def responses_by_level(table, ax=None, *, x="level", label="stimulus intensity (log)", unit="arbitrary"):
    """Responses to sound, light and both against intensity, of one observer (from `measures.enhancement`)."""
    ax = axes_of(ax)
    rows = table.sort_values(x)
    for kind in ("auditory", "visual", "audiovisual"):
        dashed = kind == "visual" and np.allclose(rows["auditory"], rows["visual"])
        ax.plot(rows[x], rows[kind], "--" if dashed else "-", color=COLOURS[kind], label=kind)
    ax.plot(rows[x], rows["auditory"] + rows["visual"], ":", color=COLOURS["reference"], label="sum of both alone")
    ax.set_xscale("log")
    ax.set(xlabel=label, ylabel=f"response ({unit})")
    ax.legend()
    return ax


@in_style
def response_by_offset(table, ax=None, *, label="distance of the second event (deg)"):
    """Response to a pair against the distance of its parts, as a fraction of the first event's alone.

    Parameters
    ----------
    table : DataFrame
        `disparity`, `response`, `alone` (the best single modality), and `line`, which names curves.
    """
    ax = axes_of(ax)
    lines = list(dict.fromkeys(table["line"]))
    for i, name in enumerate(lines):
        rows = table[table["line"] == name].sort_values("disparity")
        hue = shade(COLOURS["audiovisual"], 0.4 + 0.6 * (i + 1) / len(lines))
        ax.plot(rows["disparity"], rows["response"] / rows["alone"], marker=MARKERS[i], ms=3, color=hue, label=name)
    ax.axhline(1, color=COLOURS["reference"], lw=0.5, zorder=0)
    ax.text(0.98, 1.0, "no interaction", transform=ax.get_yaxis_transform(), ha="right", va="bottom", fontsize=6.5,
            color=COLOURS["reference"])  # fmt: skip
    ax.set(xlabel=label, ylabel="response to the pair /\nresponse to the best alone")
    ax.set_ylim(bottom=0)
    ax.legend()
    return ax


@in_style
def decoded_variance(table, ax=None):
    """Variance of a decoder of two summed populations against the optimum, on the identity line.

    Parameters
    ----------
    table : DataFrame
        `optimal` and `variance` (deg²), `decoder`.
    """
    ax = axes_of(ax)
    low, high = (
        table[["optimal", "variance"]].to_numpy().min() * 0.7,
        table[["optimal", "variance"]].to_numpy().max() * 1.5,
    )
    ax.plot([low, high], [low, high], color=COLOURS["reference"], lw=0.5, zorder=0)
    hues = (COLOURS["audiovisual"], COLOURS["reference"], COLOURS["visual"])
    for i, (name, rows) in enumerate(table.groupby("decoder", sort=False)):
        ax.plot(
            rows["optimal"], rows["variance"], MARKERS[i], color=hues[i % 3], label=name, mfc="white" if i else None
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="variance of optimal combination (deg²)",
        ylabel="variance of the decoder (deg²)",
    )
    for axis in ("x", "y"):
        _plain_ticks(ax, axis)
    ax.legend()
    return ax


@in_style
def probability_by_soa(table, ax=None, *, y="p_two", label="P(two flashes)"):
    """Probability of two events against the time between beeps; one line per `line`, bands are `low`, `high` if
    there."""
    ax = axes_of(ax)
    for i, (name, rows) in enumerate(table.groupby("line", sort=False)):
        rows = rows.sort_values("beep_soa")
        hue = SERIES[i % len(SERIES)]
        if "low" in rows and rows["low"].notna().any():
            ax.fill_between(rows["beep_soa"], rows["low"], rows["high"], color=hue, alpha=0.15, lw=0)
        ax.plot(rows["beep_soa"], rows[y], ls=LINES[i % len(LINES)], marker=MARKERS[i], ms=3, color=hue, label=name)
    ax.set(xlabel="time between the two beeps (ms)", ylabel=label, ylim=(-0.03, 1.03))
    _beside(ax)
    return ax


@in_style
def stages_by_model(table, best=None, ax=None):
    """Variance of each stage's RDM that each model explains: one point per subject, bars are means.

    Parameters
    ----------
    table : DataFrame
        `stage`, `model`, `subject`, `r2`.
    best : DataFrame, optional
        `stage`, `model`, `exceedance`: written above the bars.
    """
    ax = axes_of(ax)
    ax.figure.set_size_inches(5.2, 2.6)
    stages, models = list(dict.fromkeys(table["stage"])), list(dict.fromkeys(table["model"]))
    width = 0.8 / len(models)
    for k, model in enumerate(models):
        place = np.arange(len(stages)) + (k - (len(models) - 1) / 2) * width
        rows = table[table["model"] == model]
        means = rows.groupby("stage")["r2"].mean()[stages]
        hue = STAGE_COLOURS.get(model, COLOURS["reference"])
        ax.bar(place, means, 0.9 * width, color=shade(hue, 0.5), label=f"{model.replace('_', ' ')} model")
        for x, stage in zip(place, stages, strict=True):
            points = rows.loc[rows["stage"] == stage, "r2"]
            ax.plot(np.full(len(points), x), points, ".", ms=2.5, color=hue)
            if best is not None:
                value = best.loc[(best["stage"] == stage) & (best["model"] == model), "exceedance"].iloc[0]
                ax.text(x, points.max() + 0.02, f"{value:.2f}", ha="center", fontsize=6.5)
    ax.set_xticks(range(len(stages)), [f"{s.replace('_', ' ')}\nstage" for s in stages])
    ax.set_ylabel("R² of the model RDM\n(number: exceedance probability)")
    _beside(ax)
    return ax


@in_style
def psychometric_and_times(table, axes=None):
    """Accuracy and mean decision time against coherence, one line per `line`: two axes.

    Parameters
    ----------
    table : DataFrame
        `coherence` (%), `correct` (fraction), `time` (ms), `line`; `kind` "published" draws points.
    """
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="constrained")[1]
    hues = {"auditory": COLOURS["auditory"], "visual": COLOURS["visual"], "both": COLOURS["audiovisual"]}
    for i, (name, rows) in enumerate(table.groupby("line", sort=False)):
        rows, hue = rows.sort_values("coherence"), hues.get(name, COLOURS["human"])
        style = {"ls": "", "mfc": "white"} if (rows["kind"] == "reference").all() else {"ls": "-"}
        for ax, column in zip(axes, ("correct", "time"), strict=True):
            ax.plot(rows["coherence"], rows[column], marker=MARKERS[i], ms=3.5, color=hue, label=name, **style)
    axes[0].axhline(0.5, color=COLOURS["reference"], lw=0.5, zorder=0)
    axes[0].set(xlabel="coherence of each cue (%)", ylabel="correct (fraction)", ylim=(0.4, 1.03))
    axes[1].set(xlabel="coherence of each cue (%)", ylabel="mean decision time (ms)", ylim=(0, None))
    for ax in axes:
        ax.set_xscale("symlog", linthresh=3.2, linscale=0.5)
        ax.set_xticks([0, 3.2, 6.4, 12.8, 25.6, 51.2], ["0", "3.2", "6.4", "12.8", "25.6", "51.2"])
        ax.set_xlim(-0.8, 60)
        ax.minorticks_off()
    _beside(axes[1])
    return axes


@in_style
def lesion_curve(table, ax=None):
    """Fusion and congruent identification against the gain of the STS, 1 intact; bands are 95 % over trials."""
    ax = axes_of(ax)
    for (name, rows), hue, mark in zip(
        table.groupby("measure", sort=False), (COLOURS["audiovisual"], COLOURS["reference"]), MARKERS, strict=False
    ):
        ax.fill_between(rows["sts_gain"], rows["low"], rows["high"], color=hue, alpha=0.15, lw=0)
        ax.plot(rows["sts_gain"], rows["rate"], marker=mark, ms=3, color=hue, label=name)
    ax.set(xlabel="gain of the STS (0 lesioned, 1 intact)", ylabel="fraction of trials", ylim=(-0.03, 1.03))
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.88))
    return ax


@in_style
def response_and_fusion(table, ax=None):
    """How often each person fuses against the measured response of their STS, and the correlation."""
    ax = axes_of(ax)
    x, y = table["measured"], table["fusion"]
    ax.plot(x, y, "o", color=COLOURS["audiovisual"], mfc="white")
    slope, start = np.polyfit(x, y, 1)
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, start + slope * ends, color=COLOURS["reference"], lw=0.8)
    ax.set(
        xlabel="measured STS response (arbitrary)",
        ylabel="fusion of A ba + V ga\n(fraction of trials)",
        ylim=(-0.03, 1.03),
    )
    ax.set_title(f"r = {np.corrcoef(x, y)[0, 1]:.2f}, {len(table)} simulated people", loc="left")
    return ax


@in_style
def patch_panels(labels, table, axes=None, *, spacing=0.4):
    """A patchwork of auditory, visual and audiovisual cells, and what voxels of growing size make of it: two axes."""
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(7, 2.7), width_ratios=[1, 1.5], layout="constrained")[1]
    kinds = ("auditory", "visual", "audiovisual")
    side = len(labels) * spacing
    axes[0].imshow(labels, cmap=ListedColormap([COLOURS[k] for k in kinds]), extent=(0, side, 0, side), vmin=0, vmax=2)
    axes[0].set(xlabel="cortex (mm)", ylabel="cortex (mm)")
    axes[0].legend(handles=[Patch(color=COLOURS[k], label=k) for k in kinds], loc="upper center",
                   bbox_to_anchor=(0.5, 1.2), ncols=3, fontsize=6, handlelength=1, columnspacing=0.8)  # fmt: skip
    lines = {"recovered": "kind recovered", "looks_audiovisual": "looks audiovisual (contrast)",
             "max": "meets the max criterion", "super_additive": "meets the super-additive criterion"}  # fmt: skip
    hues = (COLOURS["human"], COLOURS["audiovisual"], COLOURS["visual"], COLOURS["reference"])
    for (column, label), hue, mark in zip(lines.items(), hues, MARKERS, strict=False):
        axes[1].plot(table["size"], table[column], marker=mark, ms=3, color=hue, label=label)
    axes[1].set(xlabel="voxel size (mm)", ylabel="fraction of voxels", ylim=(-0.03, 1.03))
    axes[1].legend(fontsize=6.5, loc="center right", bbox_to_anchor=(1.0, 0.28))
    return axes


@in_style
def activity_in_time(table, ax=None):
    """Activity of one cell against time, one line per `line`; columns `time` (ms), `rate`."""
    ax = axes_of(ax)
    for i, (name, rows) in enumerate(table.groupby("line", sort=False)):
        ax.plot(rows["time"], rows["rate"], ls=LINES[i % len(LINES)], color=SERIES[i % len(SERIES)], label=name)
    ax.set(xlabel="time from the flash (ms)", ylabel="activity of the visual cell\n(fraction of its maximum)")
    _beside(ax)
    return ax


@in_style
def shift_by_disparity(table, axes=None):
    """Shift toward the other sense against disparity, sound and light: one panel per network, lesioned ones thin.

    Parameters
    ----------
    table : DataFrame
        `line` ("Name" or "Name, connections cut"), `report`, `disparity`, `shift` (deg).
    """
    names = list(dict.fromkeys(table["line"].str.partition(",")[0]))
    if axes is None:
        axes = plt.subplots(1, len(names), figsize=(3.5 * len(names), 2.5), layout="constrained", squeeze=False)[1][0]
    for ax, network in zip(axes, names, strict=True):
        own = table[table["line"].str.partition(",")[0] == network]
        for (line, report), rows in own.groupby(["line", "report"], sort=False):
            cut = line != network
            label = f"{'sound' if report == 'auditory' else 'light'}{', connections cut' if cut else ''}"
            ax.plot(rows["disparity"], rows["shift"], ":" if cut else "-", marker=None if cut else "o", ms=3,
                    color=COLOURS[report], label=label)  # fmt: skip
        ax.axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
        ax.set(xlabel="|auditory − visual| (deg)", ylabel="shift toward the other (deg)", title=network)
    axes[-1].legend(fontsize=6.5)
    return axes


@in_style
def aftereffect_by_adaptor(table, ax=None):
    """Shift of a sound alone after exposure, against where the light had been; columns `adaptor`, `shift` (deg)."""
    ax = axes_of(ax)
    ax.axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
    ax.axvline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
    ax.plot(table["adaptor"], table["shift"], "o-", ms=3, color=COLOURS["auditory"])
    ax.set(xlabel="light during exposure (deg, right +)", ylabel="shift of the sound alone (deg)")
    return ax


@in_style
def decision_courses(table, ax=None, *, threshold=15.0):
    """Rates of the two populations in single trials: winners and losers part; columns `time`, `rate`, `trial`,
    `line`."""
    ax = axes_of(ax)
    hues = {"right": COLOURS["audiovisual"], "left": COLOURS["reference"]}
    for (name, trial), rows in table.groupby(["line", "trial"], sort=False):
        ax.plot(rows["time"], rows["rate"], color=hues.get(name, COLOURS["human"]), lw=0.7, alpha=0.7,
                label=f'"{name}" population' if trial == 0 else None)  # fmt: skip
    ax.axhline(threshold, color=COLOURS["human"], lw=0.6, ls="--")
    ax.text(1.0, threshold, "decision", transform=ax.get_yaxis_transform(), ha="right", va="bottom", fontsize=6.5)
    ax.set(xlabel="time from stimulus onset (ms)", ylabel="rate (Hz)")
    _beside(ax)
    return ax
