"""Magnotti, Ma & Beauchamp 2013 (Front Psychol 4:798), figure 3: synchrony judged by causal inference.

Left: P("synchronous") against asynchrony at four noises (people range over 70–300 ms): flat top, shifted to light
first, slower fall on that side. The grey bar is what the paper prints of people (reliable, high intelligibility: at
least .90 from +67 to +133 ms); no other proportions are printed. Right: the window of measurements that mean
"synchronous", against the noise; its centre is the corrected one (σ² + σ₁²). Exact.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, shade, style
from neuromm.studies.results import Results

SIGMAS = (70.0, 100.0, 130.0, 200.0)


def curves(sigmas=SIGMAS, soas=None):
    """P("synchronous") per noise and asynchrony, exactly."""
    soas = np.arange(-400.0, 601.0, 5.0) if soas is None else soas
    trials = pd.DataFrame({"soa": soas, "report": "synchronous"})
    observers = {s: nm.observers.Magnotti2013(sigma=s) for s in sigmas}
    found = [trials.assign(sigma=s, synchronous=o.predict(trials)["expected"]) for s, o in observers.items()]
    return pd.concat(found, ignore_index=True).drop(columns="report")


def windows(sigmas=None):
    """Ends and centre of the window of measurements judged synchronous, per noise."""
    sigmas = np.arange(60.0, 201.0, 5.0) if sigmas is None else sigmas
    found = []
    for sigma in sigmas:
        centre, half = nm.observers.Magnotti2013(sigma=float(sigma)).window()
        found.append({"sigma": sigma, "centre": centre, "low": centre - half, "high": centre + half})
    return pd.DataFrame(found)


def draw(table, ends):
    """Curves on the left, windows on the right."""
    import matplotlib.pyplot as plt

    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.7))
        left.fill_between([67, 133], 0.9, 1.0, color=COLOURS["human"], alpha=0.25, lw=0, label="people, at least .90")
        for sigma, rows in table.groupby("sigma"):
            colour = shade(COLOURS["audiovisual"], 1.1 - sigma / 260)
            left.plot(rows["soa"], rows["synchronous"], color=colour, label=f"σ {sigma:g} ms")
        left.axvline(0, color=COLOURS["reference"], lw=0.5)
        left.axhline(0.5, color=COLOURS["reference"], lw=0.5, ls=":")
        left.set(ylim=(0, 1.02), xlabel="sound first  ←  asynchrony (ms)  →  light first", ylabel='P("synchronous")',
                 title="Wider and more lopsided with noise")  # fmt: skip
        left.legend(fontsize=6)
        right.fill_betweenx(ends["sigma"], ends["low"], ends["high"], color=COLOURS["audiovisual"], alpha=0.2, lw=0)
        right.plot(ends["centre"], ends["sigma"], color=COLOURS["audiovisual"], label="centre")
        right.axvline(0, color=COLOURS["reference"], lw=0.5)
        right.set(xlabel="measured asynchrony (ms)", ylabel="sensory noise σ (ms)")
        right.set_title('Measurements judged "synchronous"')
        right.legend(fontsize=6.5)
    return figure


def main(out: str = "results/figures/synchrony_ci"):
    """Synchrony judgements of causal inference at the parameters of Magnotti et al. 2013."""
    table, ends = curves(), windows()
    results = Results(
        "Synchrony is inferred from a measured asynchrony",
        "Exact; parameters of the text.",
        {"figure": "synchrony_ci", "doi": "10.3389/fpsyg.2013.00798"},
    )
    data = pd.concat([table.assign(panel="judgement"), ends.assign(panel="window")], ignore_index=True)
    results.add_figure(
        "synchrony_ci",
        draw(table, ends),
        data,
        "Magnotti, Ma & Beauchamp 2013: σ₁ 65, σ₂ 126, μ₂ −48 ms, p .58 (read in the text); σ chosen within their "
        "range 70–300 ms. Grey: the one human proportion that is printed (fig. 3A). Lines: model.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
