"""Layers and observers set against each other: heat maps of layers, the graph of who represents alike, thumbnails."""

from __future__ import annotations

import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from neuromm.plots.style import COLOURS, axes_of, in_style, shade


@in_style
def layer_map(table, ax=None, *, value="value", columns="observer", rows="layer", label=None, numbers=None):
    """Heat map of one value of every layer: layers as rows, observers or noise levels as columns.

    Parameters
    ----------
    table : DataFrame
        One row per cell; several rows of a cell (seeds) are averaged. Rows and columns stand in order of appearance;
        what an observer does not have stays white.
    columns, rows, value : str
        Columns of the table, such as `columns="sigma"` for layer × noise level.
    label : str, optional
        What the colours mean; the name of `value` by default.
    numbers : bool, optional
        Write the values into the cells; by default up to 10 columns.
    """
    for column in (rows, columns, value):
        if column not in table:
            raise ValueError(f"the table has no column '{column}'; it has: {', '.join(map(str, table.columns))}")
    ax = axes_of(ax)
    order = [list(dict.fromkeys(table[c])) for c in (rows, columns)]
    cells = table.pivot_table(index=rows, columns=columns, values=value, aggfunc="mean", observed=True)
    cells = cells.reindex(index=order[0], columns=order[1]).to_numpy(float)
    low, high = np.nanmin(cells), np.nanmax(cells)
    most = max(abs(low), abs(high))
    signed = low < 0
    image = ax.imshow(
        np.ma.masked_invalid(cells), cmap="RdBu_r" if signed else "viridis", vmin=-most if signed else 0, vmax=most,
        aspect="auto",
    )  # fmt: skip
    ax.set_xticks(range(len(order[1])), [_word(c) for c in order[1]], rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(order[0])), [_word(r) for r in order[0]])
    ax.set_xlabel(_word(columns))
    ax.set_ylabel(_word(rows))
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    if len(order[1]) <= 10 if numbers is None else numbers:
        for (i, j), v in np.ndenumerate(cells):
            if np.isfinite(v):
                red, green, blue, _ = image.cmap(image.norm(v))
                dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
                text = f"{v:.2f}".replace("-", "−")
                ax.text(j, i, text, ha="center", va="center", fontsize=6, color="white" if dark else "black")
    ax.figure.colorbar(image, ax=ax, label=label or _word(value), shrink=0.8)
    return ax


@in_style
def similarity_graph(table, ax=None, *, value="value", least=0.5, colours=None):
    """Second-order similarity of observers as a graph: neighbours on the circle are alike, lines join like pairs.

    The order on the circle is that of average-linkage clustering; the thicker and darker a line, the more alike.

    Parameters
    ----------
    table : DataFrame
        From `measures.compare_rdms`: first, second, `value`; every pair once. Pairs that are NaN are not joined and
        count as unlike.
    least : float
        Similarity from which a pair is joined.
    colours : dict of name → colour, optional
    """
    names = list(dict.fromkeys([*table["first"], *table["second"]]))
    if len(names) < 3:
        raise ValueError(f"{len(names)} observers given; a graph needs at least three")
    ax = axes_of(ax)
    place = {n: i for i, n in enumerate(names)}
    similarity = np.eye(len(names))
    for a, b, v in zip(table["first"], table["second"], table[value], strict=True):
        similarity[place[a], place[b]] = similarity[place[b], place[a]] = np.nan_to_num(v)
    unlike = squareform(np.clip(1 - similarity, 0, None), checks=False)
    order = leaves_list(linkage(unlike, "average", optimal_ordering=True))
    angle = np.empty(len(names))
    angle[order] = 2 * np.pi * np.arange(len(names)) / len(names)
    spots = np.column_stack([np.cos(angle), np.sin(angle)])
    colours = colours or {}
    for i in range(len(names)):
        for j in range(i):
            if similarity[i, j] >= least:
                strength = (similarity[i, j] - least) / max(1 - least, 1e-9)
                ax.plot(*spots[[i, j]].T, color=shade(COLOURS["reference"], 0.15 + 0.85 * strength),
                        lw=0.2 + 1.6 * strength**2, zorder=1 + strength)  # fmt: skip
    for name, spot, turn in zip(names, spots, np.degrees(angle), strict=True):
        ax.plot(*spot, "o", color=colours.get(name, COLOURS["audiovisual"]), ms=5, zorder=3)
        left = 90 < turn < 270
        ax.text(*(1.06 * spot), _word(name), fontsize=6, rotation=turn - 180 * left, rotation_mode="anchor",
                ha="right" if left else "left", va="center")  # fmt: skip
    ax.set_aspect("equal")
    ax.set_xlim(-1.9, 1.9)
    ax.set_ylim(-1.7, 1.7)
    ax.axis("off")
    ax.set_title(f"lines: similarity of RDMs ≥ {least:g}", fontsize=7, fontweight="normal")
    return ax


@in_style
def with_thumbnails(ax, rdm, pictures, *, size=9):
    """Pictures of the stimuli in place of the labels of an RDM panel, on both sides.

    Parameters
    ----------
    ax : Axes
        From `rdm_panel` with the conditions in the order of `rdm`.
    rdm : RDM
    pictures : dict of condition → array, shape (height, width) or (height, width, 3)
    size : float
        Width of a picture, points.

    Raises
    ------
    ValueError
        If a condition has no picture, naming it.
    """
    missing = [c for c in rdm.conditions if c not in pictures]
    if missing:
        raise ValueError(f"no picture of condition '{missing[0]}' ({len(missing)} are missing); one each is wanted")
    ax.set_xticks([])
    ax.set_yticks([])
    for i, condition in enumerate(rdm.conditions):
        picture = np.asarray(pictures[condition])
        zoom = size / picture.shape[1]
        for spot, coordinates, offset in (((i, 1.0), ax.get_xaxis_transform(), (0, size * 0.8)),
                                          ((0.0, i), ax.get_yaxis_transform(), (-size * 0.8, 0))):  # fmt: skip
            box = OffsetImage(picture, zoom=zoom, cmap="gray")
            ax.add_artist(AnnotationBbox(box, spot, xybox=offset, xycoords=coordinates, boxcoords="offset points",
                                         frameon=False, pad=0, annotation_clip=False))  # fmt: skip
    ax.set_title(ax.get_title(), pad=size * 2)
    return ax


def _word(name):
    return str(name).replace("_", " ")
