"""Rohe, Ehlis & Noppeney 2019 (Nat Commun 10:1907): flashes and beeps counted, at their fitted parameters; model only.

Left: reported flashes against beeps, one line per number of flashes, identity dashed. The curves turn down where one
cause becomes improbable, which forced fusion lacks. Right: how often one flash is reported as two or more, as a
difference from one beep: noise of vision alone already makes .28. Exact expectations; the paper prints no counts.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, LINES, MARKERS, shade, style
from neuromm.studies.results import Results

FUSION = {"sigma_beeps": 1.17, "sigma_flashes": 1.45, "sigma_prior": 4.38, "mu_prior": 2.10, "p_common": 1.0}  # table 2


def counts():
    """Mean report and key probabilities of the 4 × 4 design: causal inference and forced fusion, both reports."""
    trials = nm.paradigms.flash_beep(1)
    observers = [nm.observers.Numerosity(), nm.observers.Numerosity(**FUSION, name="forced fusion")]
    found = [trials.join(o.predict(trials)).assign(observer=o.name) for o in observers]
    return pd.concat(found, ignore_index=True)


def fission(table):
    """P(two or more | one flash) by beeps, and its difference from one beep, per observer."""
    rows = table[(table["report"] == "n_flashes") & (table["n_flashes"] == 1)]
    rows = rows.assign(two_or_more=1 - rows["key_1"])
    one = rows[rows["n_beeps"] == 1].set_index("observer")["two_or_more"]
    rows["fission"] = rows["two_or_more"] - rows["observer"].map(one)
    return rows[["observer", "n_beeps", "two_or_more", "fission"]].reset_index(drop=True)


def draw(table, illusion):
    """Reported flashes on the left, fission on the right."""
    import matplotlib.pyplot as plt

    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
        left.plot([1, 4], [1, 4], "--", color=COLOURS["reference"], lw=0.8, label="beeps = flashes")
        shown = table[(table["report"] == "n_flashes")]
        for (name, n), rows in shown.groupby(["observer", "n_flashes"], sort=False):
            own = name == "numerosity"
            colour = shade(COLOURS["visual"], 0.3 + 0.175 * n) if own else COLOURS["reference"]
            left.plot(rows["n_beeps"], rows["expected"], ls="-" if own else ":", color=colour,
                      marker=MARKERS[int(n) - 1] if own else "", ms=3.5,
                      label=f"{n} flash{'es' * (n > 1)}" if own else None)  # fmt: skip
        left.plot([], [], ":", color=COLOURS["reference"], label="forced fusion")
        left.set(xlabel="beeps (count)", ylabel="flashes reported (mean count)", xticks=[1, 2, 3, 4],
                 yticks=[1, 2, 3, 4], title="Beeps draw the count of flashes")  # fmt: skip
        left.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        for i, (name, rows) in enumerate(illusion.groupby("observer", sort=False)):
            colour = COLOURS["visual"] if i == 0 else COLOURS["reference"]
            label = "causal inference" if i == 0 else name
            right.plot(rows["n_beeps"], rows["fission"], ls=LINES[i], marker="o", ms=3.5, color=colour, label=label)
        right.axhline(0, color=COLOURS["reference"], lw=0.5)
        right.set(xlabel="beeps (count)", ylabel='P("two or more" | one flash)\nless that with one beep',
                  xticks=[1, 2, 3, 4], title="Fission falls again at four beeps")  # fmt: skip
        right.legend(fontsize=6.5)
    return figure


def main(out: str = "results/figures/numerosity_sifi"):
    """The sound-induced flash illusion at the fitted parameters of Rohe et al. 2019."""
    table = counts()
    illusion = fission(table)
    results = Results(
        "Beeps change how many flashes are seen",
        "Model only; exact expectations of key presses 1 … 4.",
        {"figure": "numerosity_sifi", "doi": "10.1038/s41467-019-09664-2"},
    )
    kept = ["observer", "report", "n_flashes", "n_beeps", "expected", "key_1", "key_2", "key_3", "key_4"]
    data = pd.concat([table[kept].assign(panel="counts"), illusion.assign(panel="fission")], ignore_index=True)
    results.add_figure(
        "numerosity_sifi",
        draw(table, illusion),
        data.replace({np.nan: None}),
        "Rohe, Ehlis & Noppeney 2019, table 2: causal inference σ_A .53, σ_V 1.11, σ_P 2.34, μ_P 2.26, p_common .42; "
        "forced fusion with its own fitted values. Model only.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
