"""The race-model inequality: worked example of Ulrich, Miller & Schröter (2007, Behav Res Methods 39:291).

Left: distributions by their algorithm of their data (read in another implementation), with the bound and what exceeds
it. Middle: quantiles of pair and bound; the pair beats every race in the six lowest. Right: mean reaction times
against asynchrony of a race and of coactivation, in closed form, beside subject B.D. of Miller (1986), recalled with
an uncertain sign of the asynchrony: illustration only. A second.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.measures.race import race_inequality
from neuromm.plots.style import COLOURS, LINES, style
from neuromm.studies.results import Results

MODALITY = {
    "X": "auditory",
    "Y": "visual",
    "Z": "audiovisual",
}  # which stimulus is which is not said: named for the plot

UNVERIFIED = "B.D., from memory, unverified"


def worked_example():
    """Their reaction times (ms) as a trial table."""
    rows = []
    for row in nm.datasets.published("ulrich_2007").to_dict("records"):
        name = row["conditions"].split('"')[3]
        heard, seen = (0.0 if name in shown else np.nan for shown in ("XZ", "YZ"))
        rows += [("worked example", heard, seen, float(t)) for t in row["value"].split(";")]
    table = pd.DataFrame(rows, columns=["observer", "auditory_azimuth", "visual_azimuth", "reaction_time"])
    return table.assign(report="detection")


def quantiles():
    """Quantiles of both single stimuli, the pair and the bound, and the summary of areas."""
    trials = worked_example()
    heard, seen = trials["auditory_azimuth"].notna(), trials["visual_azimuth"].notna()
    times = trials["reaction_time"]
    return race_inequality(times[heard & ~seen], times[seen & ~heard], times[heard & seen])


def miller1986():
    """Means of subject B.D., recalled: `shown`, soa (ms, sound later positive; NaN alone), reaction_time."""
    import json

    rows = []
    for row in nm.datasets.published("miller_1986").to_dict("records"):
        (soa,) = json.loads(row["conditions"]).values()
        alone = {"A only": "auditory", "V only": "visual"}.get(soa, "audiovisual")
        # the sign is unverified: as taken here, a sound far ahead is answered like the sound alone
        rows.append((alone, np.nan if alone != "audiovisual" else float(soa), row["number"]))
    return pd.DataFrame(rows, columns=["shown", "soa", "reaction_time"])


def closed_form():
    """Mean reaction times of race and coactivation whose single means are B.D.'s, from the first onset."""
    people = miller1986().set_index("shown")["reaction_time"]
    soas, rows = np.arange(-170.0, 171.0, 5.0), []
    for name in ("race_model", "coactivation"):
        base = nm.catalogue.load(name)
        drifts = {f"drift_{m}": base.barrier / (people[m] - base.base) for m in ("auditory", "visual")}
        model = nm.catalogue.load(name, **drifts)
        rows += [(name, soa, model.mean(soa=soa)) for soa in soas]
    return pd.DataFrame(rows, columns=["observer", "soa", "reaction_time"])


def draw(table, people, curves):
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 3, figsize=(10, 2.9))
        nm.plots.race_panel(nm.measures.race_distributions(worked_example()), axes[0], legend=False)
        axes[0].legend(fontsize=6, loc="lower right")
        axes[0].set_title("Ulrich et al. 2007: their data")
        axes[1].plot(table["probability"], table["z"], "o-", color=COLOURS["audiovisual"], label="both")
        axes[1].plot(table["probability"], table["bound"], "s--", color=COLOURS["reference"], label="bound of any race")
        axes[1].set(xlabel="quantile", ylabel="reaction time (ms)", title="Faster than the bound: 6 of 10")
        axes[1].legend()
        pairs = people[people["shown"] == "audiovisual"]
        axes[2].plot(
            pairs["soa"], pairs["reaction_time"], "o", color=COLOURS["human"], mfc="white", label=UNVERIFIED
        )
        for what in ("auditory", "visual"):
            value = people.loc[people["shown"] == what, "reaction_time"].iloc[0]
            axes[2].axhline(value, color=COLOURS[what], lw=0.8)
        for i, (name, own) in enumerate(curves.groupby("observer", sort=False)):
            axes[2].plot(
                own["soa"],
                own["reaction_time"],
                ls=LINES[1 - i],
                color=COLOURS["audiovisual"],
                label=name.replace("_", " "),
            )
        axes[2].set(
            xlabel="sound first  ←  SOA (ms)  →  light first", ylabel="mean reaction time (ms)", title="Miller 1986"
        )
        axes[2].legend(fontsize=6, loc="upper left", bbox_to_anchor=(0.0, 0.93))
    return figure


def main(out: str = "results/figures/race_inequality"):
    """The worked example of Ulrich et al. 2007, and mean times against asynchrony."""
    table, summary = quantiles()
    people, curves = miller1986(), closed_form()
    results = Results(
        "Is the pair faster than any race?",
        "Published reaction times, analysed here; models in closed form.",
        {"figure": "race_inequality", **summary},
        tables={"quantiles": table, "means": curves},
    )
    data = pd.concat(
        [table.assign(panel="quantiles"), people.assign(panel="Miller 1986, recalled"), curves.assign(panel="models")]
    )
    results.add_figure(
        "race_inequality", draw(table, people, curves), data,
        "Ulrich, Miller & Schröter 2007 (doi 10.3758/BF03193160), worked example: net area "
        f"{summary['net_area']:.3f} ms, area above the bound {summary['area_positive']:.3f} ms. Right: Miller 1986 "
        "(doi "
        "10.3758/BF03203025), one subject, from memory, unverified, as is the sign of the "
        "asynchrony. Horizontal: single stimuli. "
        "Drifts of both models are set by the two single means; nothing else is fitted.",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
