"""Judgements and answers against asynchrony: simultaneity, order, fission, capture. Tables in, axes out."""

from neuromm.plots.curves import SOUND_LATER, beside, draw, is_human, tidy, zero
from neuromm.plots.style import COLOURS, axes_of, in_style, shade


@in_style
def synchrony_curves(table, ax=None, *, fits=None, ylabel="judged simultaneous (fraction)", legend=True):
    """A judgement against asynchrony: answers as points with 95 % intervals, fitted curves as lines.

    Parameters
    ----------
    table : DataFrame
        From `measures.rate_by_soa`.
    fits : DataFrame, optional
        From `measures.window_curve` or `measures.order_curve`: `observer`, `soa`, `rate`.
    """
    ax = axes_of(ax)
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        curve = None if fits is None else fits[fits["observer"] == name]
        human = is_human(rows)
        colour = COLOURS["human"] if human else shade(COLOURS["audiovisual"], 1 - 0.28 * (i % 3))
        draw(ax, rows, "soa", "rate", colour=colour, i=i, label=tidy(name), people=human, fitted=curve)
    zero(ax, x=True)
    zero(ax, at=0.5)
    ax.set(xlabel=SOUND_LATER, ylabel=ylabel, ylim=(-0.03, 1.03))
    if legend and table["observer"].nunique() > 1:
        beside(ax)
    return ax


def order_curves(table, ax=None, *, fits=None, legend=True):
    """Temporal order: how often the light is judged first, against asynchrony; arguments as `synchrony_curves`."""
    return synchrony_curves(table, ax, fits=fits, ylabel="judged light first (fraction)", legend=legend)


@in_style
def fission_curves(table, ax=None, *, y="fission_rate", window=None, legend=True):
    """Fission of a flash against the time between two beeps; `y` may be illusion, d_prime or criterion too.

    Parameters
    ----------
    table : DataFrame
        From `measures.fission_by_soa`.
    window : float, optional
        A published window, ms; a thin line.
    """
    ax = axes_of(ax)
    labels = {"fission_rate": "one flash seen as two (fraction)", "d_prime": "sensitivity d′", "criterion": "criterion",
              "illusion": "illusion, from one flash with one beep or none"}  # fmt: skip
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        shown = rows if y == "fission_rate" else rows.drop(columns=["low", "high"])
        colour = COLOURS["human"] if is_human(rows) else shade(COLOURS["visual"], 1 - 0.25 * (i % 4))
        draw(ax, shown, "soa", y, colour=colour, i=i, label=tidy(name))
    if window is not None:
        zero(ax, x=True, at=window)
    zero(ax)
    ax.set(xlabel="between the beeps, SOA (ms)", ylabel=labels.get(y, y))
    if y in ("fission_rate", "illusion"):
        ax.set_ylim(-0.03, 1.03)
    if legend and table["observer"].nunique() > 1:
        beside(ax)
    return ax


@in_style
def capture_curves(table, ax=None, *, legend=True):
    """How often a moving sound's direction is heard rightly, with the light moving along and against it."""
    ax = axes_of(ax)
    for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
        for congruence, what in ((1.0, "same direction"), (0.0, "opposite directions")):
            own = rows[rows["congruence"] == congruence]
            label = what if table["observer"].nunique() == 1 else f"{tidy(name)}, {what}"
            draw(
                ax,
                own,
                "soa",
                "correct",
                colour=shade(COLOURS["auditory"], 0.45 if congruence else 1.0),
                i=i,
                label=label,
            )
    zero(ax, at=0.5)
    ax.set(
        xlabel="sound after the light, SOA (ms)",
        ylabel="direction of the sound\nheard rightly (fraction)",
        ylim=(0, 1.03),
    )
    if legend:
        beside(ax)
    return ax
