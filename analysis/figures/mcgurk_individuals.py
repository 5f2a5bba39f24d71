"""Who fuses what (Basu Mallick, Magnotti & Beauchamp 2015, Psychon Bull Rev 22:1299, figures 1–2), and the link to STS.

Their single data are not published. A population is drawn as in Magnotti & Beauchamp 2015 (nothing fitted but two
numbers: the disparities of the easiest and hardest of 12 stimuli, so that these are fused in 58 and 17 %, as read). All
else is predicted: the U shape, people at 0 and 100 %, the mean. Right: people who differ in the gain of the link
between the senses; response of the model's STS and fusion go together (n = 14; r .73 in Nath & Beauchamp 2012 is
recalled).
"""

import sys

import numpy as np
import pandas as pd
from scipy.optimize import brentq

import neuromm as nm
from neuromm.cli import run_main
from neuromm.maths.encoding_disparity import fusion_probability
from neuromm.observers.bayes.magnotti2015 import draw_population
from neuromm.observers.bayes.sts_people import draw_sts_people, fusion_and_sts
from neuromm.plots.style import COLOURS, style
from neuromm.studies.results import Results

PAPER = "basu_mallick_2015"


def number(measure, **conditions):
    """A value of the paper (fraction of 1 where it prints percent)."""
    value = nm.datasets.published_number(PAPER, measure, **conditions)
    return value / 100


def population_rates(n_people=165, *, n_trials=10, seed=1):
    """Simulated fusion rates, people × 12 stimuli, whose easiest and hardest stimulus have the published means."""
    crowd = draw_population(4000, rng=np.random.default_rng([seed, 1]))
    t, s = (np.array([getattr(p, f) for p in crowd]) for f in ("threshold", "sigma"))
    ends = [
        brentq(lambda d, w=wanted: fusion_probability(d, t, s).mean() - w, 0.0, 2.5)
        for wanted in (
            number("max_fusion_across_stimuli", exp=1, session=1),
            number("min_fusion_across_stimuli", exp=1, session=1),
        )
    ]
    disparity = np.linspace(*ends, 12)
    rng = np.random.default_rng([seed, 2])
    people = draw_population(n_people, rng=rng)
    chance = [fusion_probability(disparity, p.threshold, p.sigma) for p in people]
    rates = rng.binomial(n_trials, np.array(chance)) / n_trials
    return pd.DataFrame(rates, [p.name for p in people], [f"stimulus {i + 1:02d}" for i in range(12)])


def compare(rates):
    """Published and simulated statistics, fractions; `fitted` marks the two that were used."""
    shape = nm.measures.extreme_share(rates)
    like_nine = rates[rates.columns[(rates.mean() - 0.45).abs().argmin()]]  # their stimulus 9 has mean .45
    one = {"exp": 1, "session": 1}
    nine = {"exp": 1, "stimulus": 9}
    rows = [
        ("most fused stimulus", number("max_fusion_across_stimuli", **one), rates.mean().max(), True),
        ("least fused stimulus", number("min_fusion_across_stimuli", **one), rates.mean().min(), True),
        ("mean fusion", number("mean_fusion", **one), rates.to_numpy().mean(), False),
        (
            "people ≤ 10 or ≥ 90 %",
            number("percent_subjects_extreme_le10_or_ge90", **one),
            shape["extreme"].mean(),
            False,
        ),
        ("most of a person", number("max_fusion_across_subjects", **one), rates.mean(axis=1).max(), False),
        ("least of a person", number("min_fusion_across_subjects", **one), rates.mean(axis=1).min(), False),
        ("stimulus 9: people ≤ 10 %", number("percent_subjects_le10", **nine), (like_nine <= 0.1 + 1e-9).mean(), False),
        (
            "stimulus 9: within 25–65 %",
            number("percent_subjects_within_25_65", **nine),
            like_nine.between(0.25, 0.65).mean(),
            False,
        ),
    ]
    return pd.DataFrame(rows, columns=["measure", "published", "ours", "fitted"])


def largest_deviation() -> str:
    """Largest difference between published and simulated statistics that were not fitted."""
    table = compare(population_rates())
    predicted = table[~table["fitted"]].set_index("measure")
    difference = (predicted["ours"] - predicted["published"]).abs()
    return f"{100 * difference.max():.0f} points ({difference.idxmax()})"


def draw(rates, table, sts):
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 4, figsize=(10.4, 2.8), width_ratios=(1, 1, 1.15, 1))
        nm.plots.fusion_ranks(rates, axes[0])
        axes[0].set_title("Never to always")
        nm.plots.fusion_histogram(rates[rates.columns[(rates.mean() - 0.45).abs().argmin()]], axes[1])
        axes[1].set_title("One stimulus: all or none")
        at = np.arange(len(table))[::-1]
        axes[2].plot(100 * table["published"], at, "D", color=COLOURS["human"], mfc="white", label="people, published")
        axes[2].plot(100 * table["ours"], at, "o", color=COLOURS["audiovisual"], label="model (first two fitted)")
        axes[2].set_yticks(at, table["measure"], fontsize=6)
        axes[2].set(xlabel="%", xlim=(-4, 104), ylim=(-2.2, len(table) - 0.4))
        axes[2].legend(fontsize=6, loc="lower right")
        axes[3].plot(sts["sts"], 100 * sts["fusion"], "o", color=COLOURS["audiovisual"])
        r = np.corrcoef(sts["sts"], sts["fusion"])[0, 1]
        axes[3].set(xlabel="STS response of the model (a.u.)", ylabel="fusion answers (%)", ylim=(-3, 103),
                    title=f"STS and fusion: r {r:.2f}")  # fmt: skip
    return figure


def main(n_people: int = 165, seed: int = 1, out: str = "results/figures/mcgurk_individuals"):
    """Figures 1–2 of Basu Mallick et al. 2015 from a drawn population."""
    rates = population_rates(n_people, seed=seed)
    table = compare(rates)
    sts = fusion_and_sts(draw_sts_people(14, rng=np.random.default_rng(seed)), n_trials=40, seed=seed)
    results = Results("Basu Mallick et al. 2015: individual differences", "A drawn population beside published values.",
                      {"figure": "mcgurk_individuals", "n_people": n_people, "seed": seed},
                      tables={"rates": rates.reset_index(), "sts": sts})  # fmt: skip
    results.add_figure(
        "mcgurk_individuals",
        draw(rates, table, sts),
        table,
        "Basu Mallick et al. 2015, experiment 1 (doi 10.3758/s13423-015-0817-4): 165 people, 12 stimuli, 10 "
        "trials; values "
        f"read in the text. Model: {n_people} simulated people, seed {seed}; the disparities of the two extreme "
        "stimuli are "
        "set, the rest follows: people are more all-or-none than this population. Right: 14 simulated people who "
        "differ in the gain of the audiovisual link.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
