"""Acerbi, Dokka, Angelaki & Ma 2018 (PLoS Comput Biol 14:e1006110), figure 3A,C: unity of felt and seen motion.

P("one cause") against signed disparity at three noises of sight. Points: 11 people, mean and SEM, from the published
single trials. Lines: two rules fitted here to each person's unity judgements and averaged over people. Bayesian unity
widens where sight is unreliable; a fixed criterion widens through noise only. The printed numbers are goodness of fit
and exceedance; no unity percentages or parameters are printed. Without the table: the rules at their defaults, "model
only". With the table about a minute.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.curves import draw as draw_curve
from neuromm.plots.style import COLOURS, shade, style
from neuromm.stimuli.table import finish
from neuromm.studies.heading import people_unity
from neuromm.studies.results import Results, say

LEVELS = {"high": "1. high", "medium": "2. medium", "low": "3. low"}  # noise of sight, drawn light to dark
RULES = {"Bayes": "acerbi2018", "fixed criterion": "acerbi2018_fixed"}
DEFAULT_SIGMA = {"high": 16.0, "medium": 9.0, "low": 5.0}  # deg, where nothing is fitted
FREE = {
    "sigma_vestibular": (1.0, 60.0), "sigma_visual": nm.measures.Free(1.0, 60.0, "log", per="visual_level"),
    "p_common": (0.01, 0.99), "criterion": (1.0, 90.0), "lapse": (1e-4, 0.3),
}  # fmt: skip


def fit_unity(table, n_starts=2, seed=1):
    """Both rules fitted to each person's unity judgements; noises, rule and lapse are free, the prior is fixed."""
    asked = table[table["report"] == "common"]
    models = [nm.catalogue.load(name, name=rule) for rule, name in RULES.items()]
    return nm.measures.fit(models, asked, FREE, n_starts=n_starts, rng=np.random.default_rng(seed), on_bad="report")


def curves(observers, disparities=None, directions=(-20.0, -10.0, 0.0, 10.0, 20.0)):
    """P("one cause") of (rule, level) → list of observers, mean over directions and observers; exact."""
    disparities = np.arange(-44.0, 44.1, 2.0) if disparities is None else np.asarray(disparities, float)
    shown = pd.DataFrame([(m, d) for m in directions for d in disparities], columns=["direction", "disparity"])
    shown["vestibular_heading"] = shown["direction"] + shown["disparity"] / 2
    shown["visual_heading"] = shown["direction"] - shown["disparity"] / 2
    trials = finish(shown.drop(columns="direction"), seed=0, reports=("common",))
    found = []
    for (rule, level), people in observers.items():
        each = [o.predict(trials)["expected"].groupby(trials["disparity"]).mean() for o in people]
        found.append(pd.concat(each, axis=1).mean(axis=1).rename("unity").reset_index().assign(rule=rule, level=level))
    return pd.concat(found, ignore_index=True)


def observers_of(fitted=None):
    """(rule, level) → the fitted people, or the defaults."""
    found = {}
    for rule, name in RULES.items():
        for level in LEVELS:
            if fitted is None:
                found[rule, level] = [nm.catalogue.load(name, sigma_visual=DEFAULT_SIGMA[level])]
            else:
                found[rule, level] = [fitted.observer(s, rule, sigma_visual=level) for s in fitted.subjects]
    return found


def draw(table, people=None):
    """One panel per rule, the same people in both."""
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 2, figsize=(7, 2.8), sharey=True)
        for ax, rule in zip(axes, RULES, strict=True):
            for i, (level, numbered) in enumerate(LEVELS.items()):
                hue = shade(COLOURS["common"], 0.35 + 0.32 * i)
                rows = table[(table["rule"] == rule) & (table["level"] == level)]
                ax.plot(rows["disparity"], rows["unity"], color=hue, label=f"{level} noise of sight")
                if people is not None:
                    draw_curve(
                        ax,
                        people[people["visual_level"] == numbered],
                        "disparity",
                        "mean",
                        colour=hue,
                        i=i,
                        people=True,
                    )
            ax.axhline(0.5, color=COLOURS["reference"], lw=0.5, ls=":")
            ax.set(xlabel="disparity, vestibular − visual (deg)", ylim=(0, 1), title=f"Lines: {rule}")
        axes[0].set_ylabel('P("one cause")')
        axes[1].legend(fontsize=6)
    return figure


def main(human: str = "../shared/data/heading_ci_acerbi2018", out: str = "results/figures/heading_unity"):
    """P("one cause") of people and of two fitted rules against the conflict of felt and seen heading."""
    people, tables, caption = None, {}, "Model only, at the defaults of the two rules."
    fitted = None
    if Path(human).exists():
        data = nm.datasets.read_acerbi2018(human)
        _, people = people_unity(data)
        fitted = fit_unity(data)
        tables["fit_summary"] = fitted.summary
        bic = fitted.summary.pivot(index="subject", columns="model", values="bic").sum()
        caption = (
            "Points: 11 people, mean and SEM (published single trials); lines: rules fitted here to each person's "
            f"unity judgements, mean over people. ΔBIC (fixed − Bayes) {bic['fixed criterion'] - bic['Bayes']:+.0f}."
        )
    else:
        say(f"no table of people at {human}; model only")
    table = curves(observers_of(fitted))
    results = Results(
        "Unity of felt and seen motion widens with noise",
        caption,
        {"figure": "heading_unity", "doi": "10.1371/journal.pcbi.1006110", "human": human},
        tables=tables,
    )
    data = table if people is None else pd.concat([table.assign(kind="model"), people], ignore_index=True)
    results.add_figure("heading_unity", draw(table, people), data, caption)
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
