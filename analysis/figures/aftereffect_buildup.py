"""Build-up of the ventriloquism aftereffect (Frissen, Vroomen & de Gelder 2012; Recanzone 1998; Wozny & Shams 2011).

The published curves are not known here; what is read: substantial after 18–24 exposures, level between 60 and 180
whatever the discrepancy (Frissen); about 5 % of the discrepancy after one exposure (Wozny & Shams, via Frissen); about
the whole mismatch of 8° after 20–30 minutes (Recanzone). Band: 1 − (1 − α)ⁿ with α .02–.05, which puts 95 % of the
asymptote between 148 and 58 exposures. Lines: observers that learn trial by trial from causal inference or from a fixed
share of the conflict, at α .03. Right: three displacements, over their own asymptote. Ten seconds.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.maths.recalibration import build_up, exposures_to
from neuromm.plots.curves import draw as curve
from neuromm.plots.style import COLOURS, style
from neuromm.studies.results import Results

RATES = (0.02, 0.05)
RATE = 0.03
EXPOSURES = (0, 1, 3, 6, 12, 18, 24, 40, 60, 90, 120, 180, 300)


def descriptive():
    """The descriptive build-up at both rates: exposures, low, high (fraction)."""
    n = np.arange(0, 301)
    return pd.DataFrame({"exposures": n, "low": build_up(n, 1.0, RATES[0]), "high": build_up(n, 1.0, RATES[1])})


def learnt(n_blocks, seed, displacements=(4.0, 8.0, 12.0)):
    """Aftereffects of both learners at three displacements: observer, displacement, exposures, fraction, interval."""
    observers = [
        nm.catalogue.load("recalibration", rate=RATE, name="causal_inference"),
        nm.catalogue.load("recalibration", rate=RATE, rule="fixed_ratio", name="fixed_ratio"),
    ]
    tables = []
    for d in displacements:
        trials = nm.paradigms.aftereffect(n_blocks, displacement=d, n_exposures=EXPOSURES, seed=seed)
        shown = nm.present(trials, observers, seed=seed, layers=None).trials
        table = nm.measures.aftereffect_by_exposure(shown).assign(displacement=d)
        tables.append(table.assign(low=table["low"] / d, high=table["high"] / d))
    return pd.concat(tables, ignore_index=True)


def largest_deviation() -> str:
    """Distance of the descriptive law after one exposure from the published share; the other numbers are brackets."""
    published = nm.datasets.published_number("wozny_shams_2011", "single_exposure_shift_fraction")
    after_one = [build_up(1, 1.0, rate) for rate in RATES]
    return f"{max(abs(share - published) for share in after_one):.2f} of the displacement (after one exposure)"


def draw(band, table):
    import matplotlib.pyplot as plt

    number = nm.datasets.published_number
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.0), width_ratios=(1.25, 1))
        left.axvspan(18, 24, color="#009E73", alpha=0.35, lw=0, label="substantial (Frissen)")
        left.axvspan(60, 180, color=COLOURS["human"], alpha=0.1, lw=0, label="level by here (Frissen)")
        left.fill_between(band["exposures"], band["low"], band["high"], color=COLOURS["reference"], alpha=0.45, lw=0,
                          label="1 − (1 − α)ⁿ, α .02–.05")  # fmt: skip
        one = number("wozny_shams_2011", "single_exposure_shift_fraction")
        left.plot(1, one, "D", color=COLOURS["human"], mfc="white", label="after one (Wozny & Shams)", zorder=5)
        whole = number("recanzone_1998", "aftereffect_fraction_approx")
        left.plot(
            300, whole, "s", color=COLOURS["human"], mfc="white", label="20–30 min (Recanzone)", zorder=5, clip_on=False
        )
        eight = table[table["displacement"] == 8]
        for i, (name, own) in enumerate(eight.groupby("observer", sort=False)):
            curve(left, own, "exposures", "fraction", colour=COLOURS["auditory"], i=i, label=name.replace("_", " "))
        left.axhline(0, color=COLOURS["reference"], lw=0.5)
        left.set(
            xlabel="exposures (count)", ylabel="aftereffect (fraction of displacement)", title="Lights displaced by 8°"
        )
        left.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=6)
        for i, (d, own) in enumerate(table[table["observer"] == "fixed_ratio"].groupby("displacement")):
            own = own.assign(fraction=own["fraction"] / own["fraction"].iloc[-3:].mean())
            curve(
                right,
                own.drop(columns=["low", "high"]),
                "exposures",
                "fraction",
                colour=COLOURS["auditory"],
                i=i,
                label=f"{d:g}°",
            )
        right.set(xlabel="exposures (count)", ylabel="over its own asymptote", title="One rate for all displacements")
        right.legend(title="displacement", title_fontsize=7)
    return figure


def main(n_blocks: int = 60, seed: int = 1, out: str = "results/figures/aftereffect_buildup"):
    """Build-up of the aftereffect: published brackets, the descriptive law, two learners."""
    band, table = descriptive(), learnt(n_blocks, seed)
    slow, fast = exposures_to(0.95, RATES[0]), exposures_to(0.95, RATES[1])
    results = Results("An aftereffect builds up over exposures", "Published brackets, a law, and learners.",
                      {"figure": "aftereffect_buildup", "n_blocks": n_blocks, "rate": RATE, "seed": seed,
                       "exposures_to_95_percent": [float(fast), float(slow)]}, tables={"band": band})  # fmt: skip
    results.add_figure(
        "aftereffect_buildup", draw(band, table), table,
        "Frissen et al. 2012 (doi 10.1163/187847611X620883), Recanzone 1998 (doi 10.1073/pnas.95.3.869; placed at 300 "
        "exposures, its number is not known), Wozny & Shams 2011 (via Frissen): read. Band: 95 % of the asymptote "
        "after "
        f"{fast:.0f} to {slow:.0f} exposures. Lines: learners, {n_blocks} blocks, 95 % over blocks; rate chosen.",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
