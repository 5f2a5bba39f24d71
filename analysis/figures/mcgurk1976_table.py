"""McGurk & MacDonald 1976 (Nature 264:746), table 1: answers of adults and children, with two models beside the adults.

The table is recalled, not read: illustration only, and nothing is fitted to it. Models at their defaults in an open
choice: CIMS (Magnotti & Beauchamp 2017; combinations where two talkers are judged and closed lips are seen) and FLMP
(Massaro; supports chosen). Ba, da, ga stand for pa, ta, ka as well: the models know places of articulation only. The
fused share of A ba + V ga in adults is the best known number: 98 % here, 64 % in MacDonald & McGurk 1978, 40 % in
Magnotti & Beauchamp 2017 (both read). A few seconds.
"""

import json
import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, style
from neuromm.plots.syllables import COMBINATION, OTHER
from neuromm.studies.results import Results

KINDS = {"auditory": COLOURS["auditory"], "visual": COLOURS["visual"], "fused": "#7B3294", "combination": COMBINATION,
         "other": OTHER}  # fmt: skip
PAIRS = (("ba", "ga"), ("ga", "ba"), ("pa", "ka"), ("ka", "pa"))
PLACE = {"pa": "ba", "ta": "da", "ka": "ga"}


def people():
    """The recalled table: age, pair, kind of answer, share (fraction)."""
    rows = []
    for row in nm.datasets.published("mcgurk_1976").to_dict("records"):
        asked = json.loads(row["conditions"])
        if row["measure"] in KINDS:
            rows.append((asked["age"], asked["auditory"], asked["visual"], row["measure"], row["number"] / 100))
    return pd.DataFrame(rows, columns=["source", "auditory_syllable", "visual_syllable", "kind", "share"])


def kind_of(label, heard, seen):
    """What an answer is to a pair: the voice's syllable, the lips', a fusion of both, a combination, or other."""
    heard, seen = PLACE.get(heard, heard), PLACE.get(seen, seen)
    if label in (heard, seen):
        return "auditory" if label == heard else "visual"
    return "combination" if len(label) == 4 else "fused" if label == "da" else "other"


def models(n=2000, seed=1):
    """Answers of both models to the four pairs, in the kinds of the table: CIMS sampled, FLMP exact."""
    pairs = [p for p in PAIRS if p[0] not in PLACE]
    trials = nm.paradigms.mcgurk(n, pairs=pairs, choice="open", seed=seed)
    cims = nm.catalogue.load("magnotti2017", combination=0.8, other_beyond=5.5, name="CIMS")
    answered = trials.join(cims.perceive(trials, rng=np.random.default_rng(seed)).responses)
    flmp = nm.catalogue.load("massaro1998")
    one = nm.paradigms.mcgurk(1, pairs=pairs, choice="open")
    exact = flmp.predict(one)
    rows = []
    for heard, seen in PAIRS:
        own = answered[(answered["auditory_syllable"] == PLACE.get(heard, heard))]
        said = pd.Series([kind_of(s, heard, seen) for s in own["response_label"]]).value_counts(normalize=True)
        row = exact.loc[one.index[one["auditory_syllable"] == PLACE.get(heard, heard)][0]]
        supports = pd.Series(row.to_numpy(), [kind_of(k.removeprefix("key_"), heard, seen) for k in row.index])
        for source, share in (("CIMS", said), ("FLMP", supports.groupby(level=0).sum())):
            rows += [(source, heard, seen, kind, float(share.get(kind, 0.0))) for kind in KINDS]
    return pd.DataFrame(rows, columns=["source", "auditory_syllable", "visual_syllable", "kind", "share"])


def largest_deviation() -> str:
    """Largest difference between the recalled shares of adults and each model."""
    keys = ["auditory_syllable", "visual_syllable", "kind"]
    adults = people().query("source == '18-40 y'").set_index(keys)["share"]
    ours = models().set_index(["source", *keys])["share"]
    words = []
    for model in ("CIMS", "FLMP"):
        words.append(f"{model} {100 * (ours[model] - adults).abs().max():.0f}")
    return f"{', '.join(words)} points (from memory, unverified; nothing is fitted)"


def draw(table):
    import matplotlib.pyplot as plt

    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.4), width_ratios=(1.5, 1))
        _bars(left, table, ("18-40 y", "CIMS", "FLMP"), "Adults, n 54 (from memory, unverified), two models")
        _bars(right, table, ("3-5 y",), "Children, n 21 (from memory, unverified)")
        handles = [plt.Rectangle((0, 0), 1, 1, color=c) for c in KINDS.values()]
        figure.legend(handles, KINDS, loc="outside lower center", ncols=5)
    return figure


def _bars(ax, table, sources, title):
    names, at, place = [], [], 0.0
    for pair in PAIRS:
        for source in sources:
            own = table[(table["auditory_syllable"] == pair[0]) & (table["visual_syllable"] == pair[1])]
            share = own[own["source"] == source].set_index("kind")["share"]
            start = 0.0
            for kind, colour in KINDS.items():
                ax.barh(place, 100 * share[kind], left=start, color=colour, height=0.85)
                start += 100 * share[kind]
            names.append(f"A {pair[0]} + V {pair[1]}  {source if len(sources) > 1 else ''}".strip())
            at.append(place)
            place += 1
        place += 0.5 * (len(sources) > 1)
    ax.set_yticks(at, names, fontsize=6.5)
    ax.invert_yaxis()
    ax.set(xlabel="answers (%)", xlim=(0, 100), title=title)


def main(seed: int = 1, out: str = "results/figures/mcgurk1976_table"):
    """Table 1 of McGurk & MacDonald 1976 as stacked bars, with two models."""
    table = pd.concat([people(), models(seed=seed)], ignore_index=True)
    results = Results("McGurk & MacDonald 1976: kinds of answers", "Recalled table: illustration only; models at "
    "defaults.",
                      {"figure": "mcgurk1976_table", "seed": seed})  # fmt: skip
    later = nm.datasets.published_number("macdonald_mcgurk_1978", "fused", auditory="ba", visual="ga")
    results.add_figure(
        "mcgurk1976_table", draw(table), table,
        "McGurk & MacDonald 1976 (doi 10.1038/264746a0): values from memory, unverified. CIMS (2000 samples per pair) "
        "and FLMP "
        "(chosen supports) at defaults, not fitted. Fusion of A ba + V ga varies between studies: 98 % here, "
        f"{later:.0f} % "
        "two years later (read), and CIMS stands for a laboratory with 40 %.",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
