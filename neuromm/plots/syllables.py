"""Syllables heard and seen: what is answered, who fuses what, and when. Tables in, axes out."""

import numpy as np

from neuromm.plots.curves import beside, draw, is_human, tidy, zero
from neuromm.plots.style import COLOURS, axes_of, in_style
from neuromm.stimuli.labels import syllable, syllables

# Percepts keep one hue everywhere: labial green, alveolar purple, velar orange, as in Magnotti & Beauchamp 2017
PERCEPTS = {"ba": "#009E73", "pa": "#009E73", "da": "#7B3294", "ta": "#7B3294", "ga": "#E69F00", "ka": "#E69F00"}
COUNTED = ("proportion", "low", "high", "n", "n_missed", "n_outside")
COMBINATION, OTHER = "#56B4E9", "#C8C8C8"


def percept_colour(label):
    """The hue of an answer: its place of articulation; combinations light blue, other answers grey."""
    label = syllable(label)
    if label in PERCEPTS:
        return PERCEPTS[label]
    return COMBINATION if len(str(label)) == 4 and str(label)[:2] in PERCEPTS else OTHER


@in_style
def response_bars(table, ax=None, *, legend=True):
    """Stacked bars of what is answered to each pair: one bar per stimulus and observer.

    Parameters
    ----------
    table : DataFrame
        From `measures.response_distribution`: `observer`, both syllables, `label`, `proportion`.
    """
    ax = axes_of(ax)
    table = _written(table)
    labels = sorted(table["label"].unique(), key=lambda s: (len(s), s == "other", s))
    several = table["observer"].nunique() > 1
    bars, names, position = [], [], 0.0
    for _, pair in table.groupby(["auditory_syllable", "visual_syllable"], sort=False, dropna=False):
        for observer, rows in pair.groupby("observer", sort=False):
            first = rows.iloc[0]
            shown = pair_name(first["auditory_syllable"], first["visual_syllable"])
            names.append(f"{shown}  {tidy(observer)}" if several else shown)
            bars.append((position, rows.groupby("label")["proportion"].mean()))
            position += 1.0
        position += 0.6 * several
    start = np.zeros(len(bars))
    for label in labels:
        width = np.array([share.get(label, 0.0) for _, share in bars])
        ax.barh(
            [p for p, _ in bars], 100 * width, left=100 * start, height=0.82, color=percept_colour(label), label=label
        )
        start += width
    ax.set_yticks([p for p, _ in bars], names)
    ax.invert_yaxis()
    ax.set(xlabel="answers (%)", xlim=(0, 100))
    if legend:
        beside(ax, title="answer")
    return ax


def _written(table, column="proportion"):
    """The table with syllables as they are read; the shares of one label that was written in several ways add up."""
    names = ["auditory_syllable", "visual_syllable", "label"]
    table = table.assign(**{name: syllables(table[name]) for name in names})
    keys = [key for key in table if key not in (column, *COUNTED)]
    return table.groupby(keys, sort=False, dropna=False, as_index=False)[column].sum(min_count=1)


def pair_name(heard, seen):
    """`A ba + V ga`; one modality alone is named alone."""
    return " + ".join(f"{m} {s}" for m, s in (("A", heard), ("V", seen)) if isinstance(s, str))


@in_style
def response_grid(table, ax=None, *, column="proportion"):
    """Stimuli (rows) × answers (columns) as a grid of shades with percentages; one observer.

    Parameters
    ----------
    table : DataFrame
        `auditory_syllable`, `visual_syllable`, `label` and the column that is shown (fractions).
    """
    ax = axes_of(ax)
    table = _written(table, column)
    stimuli = list(dict.fromkeys(zip(table["auditory_syllable"], table["visual_syllable"], strict=True)))
    labels = list(dict.fromkeys(table["label"]))
    values = np.full((len(stimuli), len(labels)), np.nan)
    for row in table.to_dict("records"):
        values[stimuli.index((row["auditory_syllable"], row["visual_syllable"])), labels.index(row["label"])] = row[
            column
        ]
    ax.imshow(100 * values, cmap="Greys", vmin=0, vmax=115, aspect="equal")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            ax.text(
                j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=6.5, color="w" if value > 0.6 else "k"
            )
    ax.set_xticks(range(len(labels)), labels)
    ax.set_yticks(range(len(stimuli)), [pair_name(*s) for s in stimuli])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("answer (% of trials)")
    return ax


@in_style
def fusion_histogram(rates, ax=None, *, label=None, colour=None):
    """How many people fuse how often: 10 % bins, the all-or-none bins dark; from a people × stimuli table or a list."""
    ax = axes_of(ax)
    colour = colour or COLOURS["audiovisual"]
    values = np.asarray(rates, float).ravel()
    values = 100 * values[np.isfinite(values)]
    edges = np.arange(0, 101, 10)
    counts, _ = np.histogram(values, edges)
    share = 100 * counts / max(counts.sum(), 1)
    bars = ax.bar(edges[:-1] + 5, share, width=9, color=colour, alpha=0.35, label=label)
    for end in (bars[0], bars[-1]):
        end.set_alpha(1.0)
    ax.set(xlabel="fusion answers (%)", ylabel="people (%)", xticks=[0, 50, 100], xlim=(0, 100))
    return ax


@in_style
def fusion_ranks(rates, ax=None, *, axis="people"):
    """People (or stimuli) in the order of their mean fusion rate; single cells behind, thin.

    Parameters
    ----------
    rates : DataFrame, people × stimuli
        From `measures.fusion_rates`.
    axis : "people" or "stimuli"
    """
    ax = axes_of(ax)
    table = rates if axis == "people" else rates.T
    table = table.loc[table.mean(axis=1).sort_values().index]
    at = np.arange(1, len(table) + 1)
    cells = 100 * table.to_numpy(float)
    ax.plot(np.repeat(at, cells.shape[1]), cells.ravel(), ".", color=COLOURS["reference"], alpha=0.25, ms=2, mew=0)
    ax.plot(at, np.nanmean(cells, axis=1), "o", color=COLOURS["audiovisual"], ms=2.5)
    ax.set(xlabel=f"{axis}, in order of their mean", ylabel="fusion answers (%)", ylim=(-3, 103))
    return ax


@in_style
def fusion_window(table, ax=None, *, window=None, y="fusion", legend=True):
    """Fusion against asynchrony, with the published window shaded where one is given.

    Parameters
    ----------
    table : DataFrame
        `observer`, `soa` (ms), `fusion` (fraction), `low`, `high`.
    window : (low, high), optional
        ms; drawn as a grey band.
    """
    ax = axes_of(ax)
    if window is not None:
        ax.axvspan(
            *window, color=COLOURS["reference"], alpha=0.2, lw=0, label=f"people: {window[0]:+g} to {window[1]:+g} ms"
        )
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        colour = COLOURS["human"] if is_human(rows) else COLOURS["audiovisual"]
        draw(ax, rows, "soa", y, colour=colour, i=i, label=tidy(name))
    zero(ax, x=True)
    ax.set(xlabel="sound first  ←  SOA (ms)  →  lips first", ylabel="fused answers (fraction)", ylim=(-0.03, 1.03))
    if legend:
        beside(ax)
    return ax


@in_style
def priors_by_context(fit, ax=None):
    """Each person's prior of one cause in two contexts, against the identity; from `measures.fit_context_prior`."""
    ax = axes_of(ax)
    first, second = fit.contexts
    x, y = (fit.estimates[f"p_common_{c}"] for c in (second, first))
    ax.plot([0, 1], [0, 1], color=COLOURS["reference"], lw=0.5, zorder=0)
    ax.plot(x, y, "o", color=COLOURS["human"], mfc="white", label="a person")
    ax.plot(x.mean(), y.mean(), "D", color=COLOURS["audiovisual"], ms=5, label="mean")
    ax.set(xlabel=f"prior of one cause,\n{second} context", ylabel=f"prior of one cause,\n{first} context")
    low = min(0.3, float(min(x.min(), y.min())) - 0.05)
    ax.set(xlim=(low, 1.02), ylim=(low, 1.02), aspect="equal")
    ax.legend()
    return ax
