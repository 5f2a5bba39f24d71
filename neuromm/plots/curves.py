"""What curve figures share: people as points with intervals, models as lines with bands, one hue per thing shown."""

import numpy as np

from neuromm.plots.style import COLOURS, LINES, MARKERS

SOUND_LATER = "sound first  ←  SOA (ms)  →  light first"


def draw(ax, rows, x, y, *, colour, i=0, label=None, people=None, fitted=None):
    """One curve of a table: points with intervals for people (or for answers beside a fit), else a line with a band.

    Parameters
    ----------
    rows : DataFrame
        Columns `x`, `y`, and `low`, `high` where there are intervals.
    i : int
        Which marker and line.
    people : bool, optional
        By default whether `rows["kind"]` says human.
    fitted : DataFrame, optional
        A fitted curve with the same columns: drawn as the line, the answers as points.
    """
    rows = rows.sort_values(x)
    people = is_human(rows) if people is None else people
    marker, line = MARKERS[i % len(MARKERS)], LINES[i % len(LINES)]
    at, value = rows[x].to_numpy(float), rows[y].to_numpy(float)
    ends = [rows[c].to_numpy(float) if c in rows else np.full(len(rows), np.nan) for c in ("low", "high")]
    if people or fitted is not None:
        spread = [np.nan_to_num(np.maximum(value - ends[0], 0)), np.nan_to_num(np.maximum(ends[1] - value, 0))]
        ax.errorbar(at, value, spread, fmt=marker, color=colour, mfc="white" if people else colour, ms=3.2, lw=0.7,
                    label=label, zorder=3)  # fmt: skip
        if fitted is not None:
            fitted = fitted.sort_values(x)
            ax.plot(fitted[x], fitted[y], ls=line, color=colour, lw=1.2)
        return
    ax.fill_between(at, *ends, color=colour, alpha=0.15, lw=0)
    ax.plot(at, value, ls=line, marker=marker, color=colour, label=label)


def is_human(rows):
    """Whether a table's rows are people's."""
    return "kind" in rows and (rows["kind"] == "human").all()


def tidy(name):
    """An observer's name as it is read."""
    return str(name).replace("_", " ")


def zero(ax, *, x=False, at=0.0):
    """A thin grey line at a value that carries meaning."""
    (ax.axvline if x else ax.axhline)(at, color=COLOURS["reference"], lw=0.5, zorder=0)


def beside(ax, **options):
    """The legend to the right of the axes, where it hides nothing."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, **options)
