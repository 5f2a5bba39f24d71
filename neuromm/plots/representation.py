"""Who represents alike: RDM panels, heat maps of similarity, bars before their ceiling, maps of conditions."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import rankdata

from neuromm.measures.comparators import to_square
from neuromm.measures.compare import comparison_matrix
from neuromm.plots.style import COLOURS, axes_of, in_style, shade

AXIS_OF_METHOD = {
    "euclidean": "squared distance per unit",
    "mahalanobis": "squared Mahalanobis distance per unit",
    "crossnobis": "crossnobis distance per unit",
    "correlation": "1 − r",
    "cosine": "1 − cosine",
    "poisson": "Poisson divergence per unit",
    "poisson_crossvalidated": "Poisson divergence per unit",
}
NAME_OF_COMPARATOR = {
    "pearson": "Pearson r", "spearman": "Spearman ρ", "rho_a": "ρ_a", "tau_a": "Kendall τ_a", "tau_b": "Kendall τ_b",
    "cosine": "cosine", "whitened_cosine": "whitened cosine", "whitened_correlation": "whitened correlation",
    "cka": "CKA (biased)", "cka_debiased": "CKA (debiased)",
}  # fmt: skip
MOST_LABELS = 26  # more conditions than this cannot be labelled legibly on one panel


@in_style
def rdm_panel(rdm, ax=None, *, order=None, limits=None, transform=None, colourbar=True, labels=True):
    """One RDM as an image, conditions labelled on both sides.

    Parameters
    ----------
    rdm : RDM
    ax : Axes, optional
    order : list of str, optional
        Conditions in the order wanted; as they are by default.
    limits : (low, high), optional
        Ends of the colour scale; those of the RDM by default. Where negative values (crossnobis) are more than
        noise around 0, the scale is centred on 0.
    transform : "rank", optional
        Show the rank of each dissimilarity (0 smallest, 1 largest) in place of its value.
    labels : bool
        Whether to name the conditions; with many, every k-th is named.
    """
    ax = axes_of(ax)
    rdm = rdm if order is None else rdm.aligned(order)
    matrix = _shown(rdm, transform)
    low, high = _limits([matrix]) if limits is None else limits
    image = ax.imshow(
        matrix, cmap="RdBu_r" if low == -high else "viridis", vmin=low, vmax=high, interpolation="nearest"
    )
    _label_conditions(ax, rdm.conditions if labels else ())
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0)
    ax.set_title(rdm.name)
    if colourbar:
        _colourbar(image, ax, transform, rdm.method)
    return ax


@in_style
def rdm_panels(rdms, axes=None, *, order=None, transform=None, scale="shared"):
    """Several RDMs on one scale and one order of conditions.

    Parameters
    ----------
    rdms : dict of name → RDM, or list of RDM
    axes : array of Axes, optional
        One per RDM; by default a row (up to four columns) 7 in wide.
    transform : "rank", optional
        RDMs of different methods or units are comparable by rank only.
    scale : "shared" or "own"
        One colour scale for all, or each its own.

    Returns
    -------
    array of Axes
    """
    named = [r.rename(n) for n, r in rdms.items()] if hasattr(rdms, "items") else list(rdms)
    if axes is None:
        axes = _grid_of_axes(len(named))
    axes = np.atleast_1d(np.asarray(axes, object)).ravel()
    if len(axes) < len(named):
        raise ValueError(f"{len(axes)} axes given for {len(named)} RDMs; one each is wanted")
    order = named[0].conditions if order is None else order
    named = [r.aligned(order) for r in named]
    if scale == "shared" and transform is None and len({r.method for r in named}) > 1:
        raise ValueError("RDMs of different methods share no scale; use transform='rank', or scale='own'")
    limits = _limits([_shown(r, transform) for r in named]) if scale == "shared" else None
    for i, (ax, r) in enumerate(zip(axes, named, strict=False)):
        rdm_panel(r, ax, limits=limits, transform=transform, colourbar=scale == "own", labels=i == 0)
    if scale == "shared":
        _colourbar(axes[0].images[0], list(axes[: len(named)]), transform, named[0].method)
    for ax in axes[len(named) :]:
        ax.set_visible(False)
    return axes[: len(named)]


@in_style
def similarity_map(table, ax=None, *, value="value", numbers=None):
    """Heat map of a comparison table: who represents like whom.

    Parameters
    ----------
    table : DataFrame
        From `measures.compare_rdms` (square if its RDMs met each other), or any table with columns
        first, second, `value`, such as layer × observer or layer × noise level.
    numbers : bool, optional
        Write the values into the cells; by default up to 10 columns.
    """
    ax = axes_of(ax)
    matrix = comparison_matrix(table.assign(value=table[value]))
    cells = matrix.to_numpy(float)
    off = cells[~np.eye(*cells.shape, dtype=bool)] if cells.shape[0] == cells.shape[1] else cells
    low = min(0.0, float(np.nanmin(off, initial=0)))
    image = ax.imshow(cells, cmap="RdBu_r" if low < 0 else "viridis", vmin=-1 if low < 0 else 0, vmax=1, aspect="auto")
    ax.set_xticks(
        range(matrix.shape[1]), [str(c) for c in matrix.columns], rotation=45, ha="right", rotation_mode="anchor"
    )
    ax.set_yticks(range(matrix.shape[0]), [str(c) for c in matrix.index])
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    if matrix.shape[1] <= 10 if numbers is None else numbers:
        _write_numbers(ax, cells, image)
    ax.figure.colorbar(image, ax=ax, label=_comparator_name(table), shrink=0.8)
    return ax


@in_style
def bars_with_ceiling(table, ax=None, *, ceiling=None, name=None, value="value"):
    """Similarity of each model to the data as bars, before the grey band of the noise ceiling.

    Parameters
    ----------
    table : DataFrame
        One row per model, named by the column `name` ("model" or "first" by default); `low`, `high` are drawn as
        intervals. With several rows per model (subjects, seeds) the bar is their mean and each is a dot.
    ceiling : (low, high), NoiseCeiling, optional
        By default the columns ceiling_low, ceiling_high if the table has them.
    """
    ax = axes_of(ax)
    name = name or next(c for c in ("model", "first", "name") if c in table)
    names = list(dict.fromkeys(table[name]))
    ceiling = _ceiling(table, ceiling)
    if ceiling is not None:
        ax.axhspan(*ceiling, color=shade(COLOURS["reference"], 0.35), lw=0, zorder=0, label="noise ceiling")
    for i, one in enumerate(names):
        rows = table[table[name] == one]
        mean = rows[value].mean()
        ax.bar(i, mean, width=0.65, color=shade(COLOURS["audiovisual"], 0.55), zorder=1)
        if len(rows) > 1:
            spread = np.linspace(-0.18, 0.18, len(rows))
            ax.plot(i + spread, rows[value], ls="", marker="o", ms=2, color=COLOURS["human"], zorder=3)
        elif {"low", "high"} <= set(table) and np.isfinite(rows[["low", "high"]].to_numpy(float)).all():
            low, high = float(rows["low"].iloc[0]), float(rows["high"].iloc[0])
            ax.plot([i, i], [low, high], color=COLOURS["human"], lw=1, zorder=3)
    ax.axhline(0, color=COLOURS["reference"], lw=0.5, zorder=2)
    ax.set_xticks(range(len(names)), [str(n) for n in names], rotation=30, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.set_ylabel(f"similarity of RDMs ({_comparator_name(table)})")
    if ceiling is not None:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0)
    return ax


@in_style
def mds_map(rdm, ax=None, *, colours=None, labels=True, transform=None):
    """Conditions placed so that their distances follow the RDM as well as a plane can (classical scaling).

    Torgerson 1952. All our dissimilarities are squared distances (1 − r and 1 − cos are, of normalised patterns);
    the map shows distances. The title says how much variance the plane holds.

    Parameters
    ----------
    rdm : RDM
    colours : dict of condition → colour, optional
    labels : bool
        Write the condition beside its point.
    transform : "rank", optional
        Scale ranks of dissimilarities: less swayed by a few large ones.
    """
    ax = axes_of(ax)
    places, kept = _classical_scaling(_shown(rdm, transform))
    colours = colours or {}
    for (x, y), condition in zip(places, rdm.conditions, strict=True):
        ax.plot(x, y, "o", color=colours.get(condition, COLOURS["audiovisual"]))
        if labels:
            ax.annotate(condition, (x, y), xytext=(3, 2), textcoords="offset points", fontsize=6)
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.12)
    ax.set_xlabel("dimension 1 (distance)")
    ax.set_ylabel("dimension 2 (distance)")
    ax.set_title(f"{rdm.name} ({kept:.0%} of variance)".strip())
    return ax


def _shown(rdm, transform):
    if transform not in (None, "rank"):
        raise ValueError(f"transform '{transform}' is not known; 'rank' or None is wanted")
    if transform is None:
        return rdm.matrix

    ranks = rankdata(rdm.dissimilarities)
    return to_square((ranks - 1) / max(1, len(ranks) - 1))


def _limits(matrices):
    off = np.concatenate([m[~np.eye(len(m), dtype=bool)] for m in matrices])
    low, high = float(np.nanmin(off)), float(np.nanmax(off))
    if -low > 0.25 * high:
        return -max(-low, high), max(-low, high)
    return min(low, 0.0), high if high > 0 else 1.0


def _label_conditions(ax, conditions):
    step = max(1, -(-len(conditions) // MOST_LABELS))
    places = np.arange(0, len(conditions), step)
    size = 7 if len(conditions) <= 12 else 5
    names = [conditions[i] for i in places]
    ax.set_xticks(places, names, rotation=90, fontsize=size)
    ax.set_yticks(places, names, fontsize=size)


def _colourbar(image, axes, transform, method):
    label = "rank of dissimilarity (fraction)" if transform else AXIS_OF_METHOD.get(method, "dissimilarity")
    figure = axes[0].figure if isinstance(axes, list) else axes.figure
    figure.colorbar(image, ax=axes, shrink=0.8, label=label)


def _grid_of_axes(n):
    columns = min(n, 4)
    rows = -(-n // columns)
    width = min(7.0, 2.2 * columns + 1.3)
    _, axes = plt.subplots(rows, columns, figsize=(width, width / columns * rows * 0.9 + 0.4), squeeze=False)
    return axes


def _write_numbers(ax, cells, image):
    for (i, j), v in np.ndenumerate(cells):
        if np.isfinite(v):
            red, green, blue, _ = image.cmap(image.norm(v))
            dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
            text = f"{v:.2f}".replace("-", "−").replace("0.", ".", 1) if abs(v) < 0.995 else f"{v:.0f}"
            ax.text(j, i, text, ha="center", va="center", fontsize=6, color="white" if dark else "black")


def _comparator_name(table):
    column = next((c for c in ("comparator", "measure") if c in table), None)
    names = [] if column is None else list(dict.fromkeys(table[column]))
    return ", ".join(NAME_OF_COMPARATOR.get(n, str(n)) for n in names) or "similarity"


def _ceiling(table, ceiling):
    if ceiling is not None:
        return ceiling[0], ceiling[1]
    if {"ceiling_low", "ceiling_high"} <= set(table) and table["ceiling_low"].notna().any():
        return float(table["ceiling_low"].mean()), float(table["ceiling_high"].mean())
    return None


def _classical_scaling(squares):
    centre = np.eye(len(squares)) - 1 / len(squares)
    values, vectors = np.linalg.eigh(-0.5 * centre @ squares @ centre)
    values, vectors = values[::-1], vectors[:, ::-1]
    positive = np.clip(values, 0, None)
    places = vectors[:, :2] * np.sqrt(positive[:2])
    places *= np.sign(places[np.abs(places).argmax(axis=0), [0, 1]])  # the same picture on every machine
    return places, positive[:2].sum() / max(positive.sum(), np.finfo(float).tiny)
