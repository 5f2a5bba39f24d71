"""Mean answers against a stimulus, one curve per level: tables in, axes out."""

from neuromm.plots.curves import beside, draw, is_human, tidy, zero
from neuromm.plots.style import COLOURS, axes_of, in_style, shade


@in_style
def answers_against(
    table, x, ax=None, *, level=None, predicted=None, colour="common", xlabel=None, ylabel=None, half=False,
    legend=True, words=None,
):  # fmt: skip
    """Mean answers against `x`: answers as points with 95 % intervals, exact predictions as lines.

    Parameters
    ----------
    table : DataFrame
        From `measures.mean_answers`: `x`, `mean`, `low`, `high`, and `level`.
    level : str, optional
        Column whose values are drawn light to dark, in ascending order.
    predicted : DataFrame, optional
        `x`, `mean` (and `level`): the curve of the model, on a finer grid if wanted.
    colour : str
        A modality of the style sheet.
    half : bool
        Draw the line at one half.
    words : dict, optional
        What each level is called.
    """
    ax = axes_of(ax)
    levels = [None] if level is None else sorted(table[level].dropna().unique())
    for i, value in enumerate(levels):
        rows = table if level is None else table[table[level] == value]
        curve = predicted if predicted is None or level is None else predicted[predicted[level] == value]
        hue = shade(COLOURS.get(colour, colour), 0.4 + 0.6 * (i + 1) / len(levels))
        people = is_human(rows)
        label = None if value is None else (words or {}).get(value, tidy(value))
        draw(ax, rows, x, "mean", colour=hue, i=i, label=label, people=people, fitted=curve)
    if half:
        zero(ax, at=0.5)
    ax.set(xlabel=xlabel or x, ylabel=ylabel or "mean answer")
    if legend and level is not None:
        beside(ax)
    return ax


@in_style
def headed(ax, title, size=(5.2, 2.6), **options):
    """Give a single-panel figure its title in the house style, its size (in) and further settings of the axes."""
    ax.set(**options)
    ax.set_title(title, fontsize=8.5, fontweight="bold", loc="left")
    ax.figure.set_size_inches(*size)
    return ax
