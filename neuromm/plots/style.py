"""The look of every figure: colours of modalities, the style sheet, axes made on demand, saving with data."""

import functools
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.colors import to_hex, to_rgb

COLOURS = {  # Okabe & Ito's colour-blind-safe set
    "auditory": "#D55E00",
    "visual": "#0072B2",
    "audiovisual": "#7B3294",
    "common": "#7B3294",
    "reference": "#8C8C8C",
    "human": "#222222",
}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)), (0, (1, 1)))
SHEET = Path(__file__).with_name("neuromm.mplstyle")


def style():
    """Context manager: `with nm.plots.style(): ...` draws in the package's look."""
    return plt.style.context(SHEET)


def in_style(plot):
    """Decorator: what a plot function draws has the package's look, whoever made the axes."""

    @functools.wraps(plot)
    def drawn(*args, **options):
        with style():
            return plot(*args, **options)

    return drawn


def axes_of(ax):
    """The axes given, or new ones in the package's look."""
    if ax is not None:
        return ax

    with style():
        return plt.subplots()[1]


def shade(colour, share):
    """The colour mixed with white: share 1 is the colour itself, 0 is white."""
    return to_hex([1 - share * (1 - channel) for channel in to_rgb(colour)])


def save_figure(figure, stem, data) -> list[Path]:
    """Write PDF, SVG and PNG of a figure, and the plotted data as CSV beside them; the same bytes each time.

    Parameters
    ----------
    figure : matplotlib Figure
    stem : path without suffix
    data : DataFrame
        What the figure shows.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    paths = []
    with style():
        for kind, metadata in undated.items():
            paths.append(stem.with_name(f"{stem.name}.{kind}"))
            figure.savefig(paths[-1], metadata=metadata)
    paths.append(stem.with_name(f"{stem.name}.csv"))
    data.to_csv(paths[-1], index=False, na_rep="n/a")
    return paths
