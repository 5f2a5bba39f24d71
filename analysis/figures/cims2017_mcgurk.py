"""Syllables after causal inference of one talker (Magnotti & Beauchamp 2017, PLoS Comput Biol 13:e1005229, figs 1–3).

Left: places of ba, da, ga and the clouds of voice, lips and fused point for A ba + V ga (their figure 1). Middle:
answers to A ba + V ga of people, of their models and of ours (text). Right: answers to all six incongruent pairs; the
paper colours them in quartiles, drawn as bars, ours are dots (figure 3). Places and noise are digitised from figure
1; σ of the categories is calibrated on A ba + V ga, so that pair is no prediction, the other five are. Exact
expectations.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.maths.syllable_space import covariance, fuse
from neuromm.plots.style import COLOURS, style
from neuromm.plots.syllables import PERCEPTS, pair_name
from neuromm.studies.results import Results

SYLLABLES = ("ba", "da", "ga")
SOURCES = {"CIMS": True, "non-CIMS": False}


def answers():
    """Exact probabilities of both models for the nine pairs: source, pair, label, proportion."""
    trials = nm.paradigms.mcgurk(1, syllables=SYLLABLES)
    tables = []
    for source, causal in SOURCES.items():
        keys = nm.catalogue.load("magnotti2017", causal_inference=causal).predict(trials, common=False)
        keys = trials[["auditory_syllable", "visual_syllable"]].join(keys[[f"key_{s}" for s in SYLLABLES]])
        long = keys.melt(["auditory_syllable", "visual_syllable"], var_name="label", value_name="proportion")
        tables.append(long.assign(source=source, label=long["label"].str.removeprefix("key_")))
    return pd.concat(tables, ignore_index=True)


def quartiles():
    """The published quartiles, one row per source, pair and answer: `low`, `high` (fractions)."""
    import json

    rows = []
    for row in nm.datasets.published("cims_2017", measure="response_quartile_ba_da_ga").to_dict("records"):
        asked = json.loads(row["conditions"])
        for label, text in zip(SYLLABLES, row["value"].split(";"), strict=True):
            low, high = (int(v) / 100 for v in text.split("-"))
            rows.append((asked["source"], asked["auditory"], asked["visual"], label, low, high))
    return pd.DataFrame(rows, columns=["source", "auditory_syllable", "visual_syllable", "label", "low", "high"])


def compare():
    """Published quartiles with our value of the same model beside them (NaN for people)."""
    keys = ["source", "auditory_syllable", "visual_syllable", "label"]
    return quartiles().merge(answers(), on=keys, how="left")


def correlation():
    """r of our CIMS with the middle of people's quartiles over six pairs and three answers (paper: .95)."""
    people = quartiles().query("source == 'human'")
    both = people.merge(answers().query("source == 'CIMS'"), on=["auditory_syllable", "visual_syllable", "label"])
    return float(np.corrcoef((both["low"] + both["high"]) / 2, both["proportion"])[0, 1])


def largest_deviation() -> str:
    """How far our model lies outside the published quartiles of the same model, and from people, at most."""
    table = compare()
    same = table[table["source"] == "CIMS"]
    outside = np.maximum(same["low"] - same["proportion"], same["proportion"] - same["high"]).max()
    people = table[table["source"] == "human"].drop(columns=["proportion"])
    ours = answers().query("source == 'CIMS'").drop(columns=["source"])
    both = people.merge(ours, on=["auditory_syllable", "visual_syllable", "label"])
    from_people = np.maximum(both["low"] - both["proportion"], both["proportion"] - both["high"]).max()
    return (
        f"{100 * max(outside, 0.0):.0f} points outside a quartile of the published model, "
        f"{100 * max(from_people, 0.0):.0f} outside one of people"
    )


def draw(table, ours):
    import matplotlib.pyplot as plt
    from matplotlib.patches import Ellipse

    with style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3), width_ratios=(1, 0.8, 1.7))
        observer = nm.catalogue.load("magnotti2017")
        places = dict(zip(SYLLABLES, np.array(observer.places), strict=True))
        cov = covariance(observer.sigma_auditory), covariance(observer.sigma_visual)
        fused, cov_fused = fuse(places["ba"], places["ga"], *cov)
        clouds = (
            (places["ba"], cov[0], "auditory"),
            (places["ga"], cov[1], "visual"),
            (fused, cov_fused, "audiovisual"),
        )
        for centre, c, hue in clouds:
            axes[0].add_patch(Ellipse(centre, *(2 * np.sqrt(np.diag(c))), fc=COLOURS[hue], alpha=0.3, lw=0))
        for name, place in places.items():
            axes[0].plot(*place, "o", color=PERCEPTS[name])
            axes[0].annotate(
                name, place, textcoords="offset points", xytext=(6, 4), color=PERCEPTS[name], weight="bold"
            )
        axes[0].set(xlabel="auditory feature (a.u.)", ylabel="visual feature (a.u.)", aspect="equal",
                    xlim=(-0.3, 1.3), ylim=(-0.3, 1.3), title="A ba (orange), V ga (blue)")  # fmt: skip
        _bars(axes[1], ours)
        _quartiles(axes[2], table, ours)
    return figure


def _bars(ax, ours):
    number = nm.datasets.published_number
    pair = {"auditory": "ba", "visual": "ga"}
    shown = ours.query("auditory_syllable == 'ba' and visual_syllable == 'ga'").set_index(["source", "label"])[
        "proportion"
    ]
    columns = [("people", [number("cims_2017", f"response_{s}", source="human", **pair) for s in ("ba", "da")]),
               ("CIMS\npaper", [number("cims_2017", f"response_{s}", source="CIMS", **pair) for s in ("ba", "da")]),
               ("CIMS\nours", [100 * shown["CIMS", s] for s in ("ba", "da")]),
               ("fusion\npaper", [0.0, number("cims_2017", "response_da_lower_bound", source="non-CIMS", **pair)]),
               ("fusion\nours", [100 * shown["non-CIMS", s] for s in ("ba", "da")])]  # fmt: skip
    for i, (_, (ba, da)) in enumerate(columns):
        pale = 1.0 if "ours" in columns[i][0] else 0.5
        ax.bar(i, ba, color=PERCEPTS["ba"], alpha=pale)
        ax.bar(i, da, bottom=ba, color=PERCEPTS["da"], alpha=pale)
        ax.text(i, 101.5, f"{ba:.0f}/{da:.0f}", ha="center", fontsize=6)
    ax.set_xticks(range(len(columns)), [name for name, _ in columns], fontsize=6.5)
    ax.set(ylabel="answers (%)", ylim=(0, 109), title="A ba + V ga")
    ax.text(0, 20, "ba", ha="center", fontsize=7)
    ax.text(0, 75, "da", ha="center", fontsize=7)


def _quartiles(ax, table, ours):
    pairs = list(dict.fromkeys(zip(table["auditory_syllable"], table["visual_syllable"], strict=True)))
    hues = {"human": COLOURS["human"], "CIMS": COLOURS["audiovisual"], "non-CIMS": COLOURS["reference"]}
    for row in table.to_dict("records"):
        x = pairs.index((row["auditory_syllable"], row["visual_syllable"])) * 4 + SYLLABLES.index(row["label"])
        x += {"human": -0.27, "CIMS": 0.0, "non-CIMS": 0.27}[row["source"]]
        ax.plot(
            [x, x],
            [100 * row["low"], 100 * row["high"]],
            color=hues[row["source"]],
            lw=3,
            alpha=0.35,
            solid_capstyle="butt",
        )
    for row in ours.to_dict("records"):
        if (pair := (row["auditory_syllable"], row["visual_syllable"])) in pairs:
            x = pairs.index(pair) * 4 + SYLLABLES.index(row["label"]) + (0.0 if row["source"] == "CIMS" else 0.27)
            ax.plot(x, 100 * row["proportion"], "o", color=hues[row["source"]], ms=3)
    for i, pair in enumerate(pairs):
        ax.text(4 * i + 1, 104, pair_name(*pair).replace(" + ", "\n"), ha="center", fontsize=6.5)
    ax.set_xticks([4 * i + k for i in range(len(pairs)) for k in range(3)], list(SYLLABLES) * len(pairs), fontsize=5.5)
    for label, hue in (("people, published quartile", "human"), ("CIMS: published (bar), ours (dot)", "CIMS"),
                       ("always fuse: published, ours", "non-CIMS")):  # fmt: skip
        ax.plot([], [], "-" if hue == "human" else "o-", color=hues[hue], label=label, lw=3, alpha=0.6)
    ax.set(ylabel="answers (%)", ylim=(-3, 122), yticks=[0, 25, 50, 75, 100])
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, fontsize=6, columnspacing=1.0)


def main(out: str = "results/figures/cims2017_mcgurk"):
    """Figures 1–3 of Magnotti & Beauchamp 2017 at their geometry."""
    table, ours = compare(), answers()
    inside = table.dropna(subset=["proportion"]).query("source == 'CIMS'")
    right = ((inside["proportion"] >= inside["low"] - 0.005) & (inside["proportion"] <= inside["high"] + 0.005)).sum()
    results = Results("Magnotti & Beauchamp 2017: CIMS", "Model in exact expectations beside published values.",
                      {"figure": "cims2017_mcgurk", "r_with_quartile_middles": round(correlation(), 3)},
                      tables={"answers": ours})  # fmt: skip
    results.add_figure(
        "cims2017_mcgurk", draw(table, ours), table,
        "Magnotti & Beauchamp 2017 (doi 10.1371/journal.pcbi.1005229). Percentages of A ba + V ga read in the text, "
        "quartiles digitised from their colour scale, 60 people. Ours at the digitised geometry, prior .5, exact. "
        f"CIMS lies in {right} of {len(inside)} published quartiles; r with the middles of people's quartiles "
        f"{correlation():.2f} (the paper: .95 with people's data).",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
