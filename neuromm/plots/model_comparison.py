"""Which model explains people: summed differences of a criterion with intervals, and protected exceedance."""

import numpy as np

from neuromm.plots.curves import tidy
from neuromm.plots.style import COLOURS, axes_of, in_style, shade


@in_style
def model_comparison(table, ax=None, *, exceedance=None, title=None):
    """Horizontal bars of the summed ΔBIC (ΔAIC …) from the reference model; 95 % bootstrap intervals over subjects.

    Parameters
    ----------
    table : DataFrame
        From `measures.compare_models`: indexed by model, `delta`, `low`, `high`, `n_best`.
    exceedance : DataFrame, optional
        `measures.select_models(…).table`: its protected exceedance probability is written beside the bars.
    title : str, optional
    """
    ax = axes_of(ax)
    table = table.iloc[::-1]
    at, delta = np.arange(len(table)), table["delta"].to_numpy(float)
    spread = [np.maximum(delta - table["low"], 0), np.maximum(table["high"] - delta, 0)]
    ax.barh(at, delta, xerr=spread, height=0.6, color=shade(COLOURS["audiovisual"], 0.55), ecolor=COLOURS["human"],
            error_kw={"lw": 0.8})  # fmt: skip
    ax.axvline(0, color=COLOURS["reference"], lw=0.5)
    ax.set_yticks(at, [tidy(m) for m in table.index])
    people = int(table["n_subjects"].iloc[0])
    end = max(float(table["high"].max()), 1e-9)
    for y, model in zip(at, table.index, strict=True):
        text = f"best for {int(table.loc[model, 'n_best'])} of {people}"
        if exceedance is not None and model in exceedance.index:
            text += f"; pxp {exceedance.loc[model, 'protected_exceedance']:.2f}"
        ax.text(1.04 * end, y, text, va="center", fontsize=6.5)
    ax.set_xlim(right=1.02 * end)
    ax.locator_params(axis="x", nbins=5)  # sums over people are long numbers
    criterion = table.attrs.get("criterion", "bic").upper()
    reference = tidy(table.attrs.get("reference", table.index[-1]))
    ax.set_xlabel(f"Δ{criterion} from {reference}, sum over people (right = worse)")
    if title:
        ax.set_title(title)
    return ax
