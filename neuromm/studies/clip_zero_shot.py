"""Pictures and captions in one space: are compositions understood that were never seen?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import measures
from neuromm.observers.ann.contrastive.own import load_encoder
from neuromm.plots.style import COLOURS, in_style
from neuromm.stimuli.captions import caption
from neuromm.stimuli.shapes import COLOURS as INKS
from neuromm.stimuli.shapes import POSITIONS, SHAPES, SIZES, compositions, draw_shapes
from neuromm.studies.results import Results, say

FACTORS = {"shape": SHAPES, "colour": tuple(INKS), "position": tuple(POSITIONS), "size": tuple(SIZES)}


def main(
    n_views: int = 4,
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/clip_zero_shot",
):
    """Retrieval and zero-shot classification of shapes whose combination of shape and colour was never seen.

    Parameters
    ----------
    n_views : int
        Jittered pictures of each composition.
    weights : str
        A file that `neuromm train clip_shapes` wrote, instead of the shipped one.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    found, zero, space, grounded = [], [], [], []
    for name, encoder in (("trained", load_encoder(weights or "")), ("untrained", load_encoder("", trained=False))):
        for held_out in (False, True):
            views = compositions(held_out)
            views = views.loc[views.index.repeat(n_views)].reset_index(drop=True)
            pictures = draw_shapes(views, rng=np.random.default_rng([seed, held_out]))
            seen, said = encoder.encode_image(pictures), compositions(held_out)
            read = encoder.encode_text(caption(said))
            kind = {"network": name, "compositions": "never seen" if held_out else "seen"}
            table = measures.retrieval(seen, read, labels_first=caption(views), labels_second=caption(said))
            found.append(table.assign(**kind))
            for factor, values in FACTORS.items():
                right = measures.zero_shot(seen, _prompts(encoder, factor, values), views[factor])["correct"]
                row = {"factor": factor, "correct": right.mean(), "chance": 1 / len(values), "n": len(right)}
                zero.append(kind | row)
            foils, words = _one_word_changed(views, np.random.default_rng([seed, held_out, 1]))
            at = np.tile(np.arange(len(views)), len(FACTORS))
            true = encoder.encode_text(caption(views))
            pairs = measures.grounding(seen[at], true[at], encoder.encode_text(caption(foils)), words)
            grounded.append(pairs.assign(**kind))
            space.append({
                **kind, "modality_gap": measures.modality_gap(seen, read),
                "uniformity_pictures": measures.uniformity(seen), "uniformity_captions": measures.uniformity(read),
                "alignment": measures.alignment(seen, true),
            })  # fmt: skip
    found, zero = pd.concat(found, ignore_index=True), pd.DataFrame(zero)
    first = found[(found["network"] == "trained") & (found["compositions"] == "never seen") & (found["k"] == 1)].iloc[0]
    results = Results(
        title=f"Compositions never seen are named: recall@1 is {first['recall'] / first['chance']:.0f} times chance"
        if first["recall"] > 20 * first["chance"]
        else f"Compositions never seen: recall@1 is {first['recall'] / first['chance']:.0f} times chance (20 hoped)",
        text=f"Pictures of the 48 held-out compositions find their caption first in {100 * first['recall']:.0f} % "
        f"(chance {100 * first['chance']:.1f} %).",
        parameters={"name": "clip_zero_shot", "n_views": n_views, "weights": weights, "seed": seed},
        tables={"retrieval": found, "zero_shot": zero, "space": pd.DataFrame(space),
                "grounding": pd.concat(grounded, ignore_index=True)},
    )  # fmt: skip
    caption_of_figure = (
        "Left: a picture's caption is among the k nearest. Right: each factor named from prompts alone. Ticks: chance."
    )
    results.add_figure("zero_shot", _draw(found, zero), pd.concat([found, zero]), caption_of_figure)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def _one_word_changed(views, rng):
    """Every composition with another shape, then another colour, place and size; and what was changed."""
    tables = []
    for factor, values in FACTORS.items():
        index = views[factor].map(values.index).to_numpy()
        other = (index + rng.integers(1, len(values), len(views))) % len(values)
        tables.append(views.assign(**{factor: np.array(values, object)[other]}))
    return pd.concat(tables, ignore_index=True), np.repeat(list(FACTORS), len(views))


def _prompts(encoder, factor, values):
    """Embeddings of every caption that names each value: an ensemble of prompts."""
    table = compositions()
    return {value: encoder.encode_text(caption(table[table[factor] == value])) for value in values}


@in_style
def _draw(found, zero):
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.4))
    rows = found[found["direction"] == "first → second"]
    for i, ((network, kind), line) in enumerate(rows.groupby(["network", "compositions"], sort=False)):
        colour = COLOURS["audiovisual"] if network == "trained" else COLOURS["reference"]
        spread = [line["recall"] - line["low"], line["high"] - line["recall"]]
        axes[0].errorbar(line["k"], 100 * line["recall"], 100 * np.array(spread), fmt="o-" if i % 2 == 0 else "s--",
                         color=colour, ms=3, label=f"{network}, {kind}")  # fmt: skip
    axes[0].set(xlabel="k", ylabel="recall@k (%)", ylim=(-3, 103), xticks=sorted(rows["k"].unique()))
    axes[0].legend()
    never = zero[zero["compositions"] == "never seen"]
    factors = list(dict.fromkeys(never["factor"]))
    for i, (network, bars) in enumerate(never.groupby("network", sort=False)):
        at = np.arange(len(factors)) + 0.4 * i - 0.2
        colour = COLOURS["audiovisual"] if network == "trained" else COLOURS["reference"]
        axes[1].bar(at, 100 * bars["correct"], 0.36, color=colour, label=network)
        axes[1].hlines(100 * bars["chance"], at - 0.2, at + 0.2, color=COLOURS["human"], lw=0.8)
    axes[1].set_xticks(range(len(factors)), factors)
    axes[1].set(ylabel="named rightly, never seen (%)", ylim=(0, 103))
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure
