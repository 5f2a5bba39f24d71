"""Congruent and opposite units of a fusion network, and what is lost when one kind falls silent."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, measures
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import present
from neuromm.stimuli.table import cross, finish
from neuromm.studies.ann_subjects import scenes
from neuromm.studies.results import Results, say

SENSES = {"sigma_auditory": 4.0, "sigma_visual": 4.0}  # deg: both senses alike, so that neither sets the tuning
PLACES = tuple(np.arange(-24.0, 25.0, 4.0))  # deg
LAYERS = ("fusion1", "fusion2")
N_RANDOM = 8  # random lesions of the same size


def main(
    n_scenes: int = 800,
    training: str = "causes",
    seed: int = 1,
    out: str = "results/congruent_opposite_units",
):
    """Tuning of fusion units to sound and light alone, and lesions of congruent or opposite units.

    Parameters
    ----------
    n_scenes : int
        Scenes of one or two causes on which lesions are tested.
    training : str
        causes, one cause or shuffled: which network.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    network = catalogue.load("fusion_net", training=training, **SENSES)
    untrained = catalogue.load("fusion_net", trained=False, name="untrained", **SENSES)
    units = pd.concat([unit_table(o) for o in (network, untrained)], ignore_index=True)
    lesions = lesion_effects(network, units, n_scenes, seed)
    mine = units[units["observer"] == "fusion_net"]
    counts = {layer: rows["kind"].value_counts() for layer, rows in mine.groupby("layer")}
    share = units.assign(opposite=units["kind"] == "opposite").groupby("observer")["opposite"].mean()
    results = Results(
        title=f"Congruent units gain by training: opposite ones are {100 * share['fusion_net']:.0f} %, untrained "
        f"{100 * share['untrained']:.0f} %" if share["fusion_net"] < share["untrained"]
        else f"Opposite units gain by training: {100 * share['fusion_net']:.0f} %, untrained "
        f"{100 * share['untrained']:.0f} %",
        text="; ".join(
            f"{layer}: {counts[layer].get('congruent', 0)} congruent, {counts[layer].get('opposite', 0)} opposite, "
            f"{counts[layer].get('intermediate', 0)} between, {counts[layer].get('untuned', 0)} untuned"
            for layer in LAYERS
        ) + ". Lesions silence equally many units of the last fusion layer; random ones are the control.",
        parameters={"name": "congruent_opposite_units", "n_scenes": n_scenes, "training": training, "seed": seed},
        tables={"units": units, "lesions": lesions},
    )  # fmt: skip
    caption = (
        "Correlation of each unit's tuning to sound alone with its tuning to light alone: trained (filled) and "
        "untrained (line)."
    )
    results.add_figure("congruency", _draw_units(units), units, caption)
    caption = (
        "Increase of the squared error of the sound's place when units fall silent, by the true disparity of scenes; "
        "bar: sd over random lesions."
    )
    results.add_figure("lesions", _draw_lesions(lesions), lesions, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def unit_table(observer):
    """Congruency of each fusion unit, from noise-free events of one modality at 13 places."""
    alone = {}
    for modality in ("auditory", "visual"):
        trials = finish(cross(**{f"{modality}_azimuth": PLACES}), seed=1, reports=(modality,))
        other = "visual" if modality == "auditory" else "auditory"
        trials[f"{other}_azimuth"] = np.nan
        trials[f"{modality}_measurement"] = trials[f"{modality}_azimuth"]  # where it is: no noise
        session = present(trials, [observer], seed=1, layers=list(LAYERS))
        alone[modality] = session.representations[observer.name]
    tables = [
        measures.tuning_congruency(alone["auditory"][layer].to_numpy(), alone["visual"][layer].to_numpy()).assign(
            observer=observer.name, layer=layer, unit=np.arange(alone["visual"][layer].shape[1])
        )
        for layer in LAYERS
    ]
    return pd.concat(tables, ignore_index=True)


def lesion_effects(network, units, n, seed):
    """Squared error (deg²) of the sound's place above that of the whole network, by lesion and by true disparity."""
    trials = scenes(n, seed=seed, reports=("auditory",), **SENSES).drop(columns="one_cause")
    last = units[(units["observer"] == network.name) & (units["layer"] == "fusion2")]
    kinds = {kind: last[last["kind"] == kind]["unit"].to_numpy() for kind in ("congruent", "opposite")}
    size = min(len(k) for k in kinds.values())
    rng, lesions = np.random.default_rng([seed, 3]), {"none": ()}
    if size:
        for kind, own in kinds.items():
            strongest = last.set_index("unit").loc[own, ["depth_first", "depth_second"]].min(axis=1)
            lesions[kind] = tuple(int(u) for u in strongest.sort_values(ascending=False).index[:size])
        lesions |= {f"random_{i}": tuple(rng.choice(len(last), size, replace=False).tolist()) for i in range(N_RANDOM)}
    subjects = [dataclasses.replace(network, lesion=units_, name=name) for name, units_ in lesions.items()]
    answers = present(trials, subjects, seed=seed, layers=None).trials
    error = (answers["response"] - answers["auditory_azimuth"]) ** 2
    apart = (answers["auditory_azimuth"] - answers["visual_azimuth"]).abs()
    level = pd.cut(apart, [-0.1, 8.0, 16.0, np.inf], labels=["0–8", "8–16", "above 16"]).astype(str)
    table = answers.assign(error=error, true_disparity=level).groupby(["observer", "true_disparity"], sort=False)
    means = table["error"].mean().unstack("observer")
    rows = []
    for name, units_ in lesions.items():
        if name != "none":
            added = means[name] - means["none"]
            rows += [(name.partition("_")[0], name, k, v, len(units_)) for k, v in added.items()]
    return pd.DataFrame(rows, columns=["lesion", "which", "true_disparity", "added_squared_error", "n_units"])


@in_style
def _draw_units(units):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(LAYERS), figsize=(5.4, 2.2), sharey=True)
    edges = np.linspace(-1, 1, 17)
    for ax, layer in zip(axes, LAYERS, strict=True):
        rows = units[units["layer"] == layer]
        names = list(dict.fromkeys(rows["observer"]))
        for name in names:
            values = rows[rows["observer"] == name]["congruency"].dropna()
            style = {"color": COLOURS["audiovisual"], "rwidth": 0.9} if name == names[0] else {
                "histtype": "step", "color": COLOURS["reference"]}  # fmt: skip
            ax.hist(values, edges, label=name.replace("_", " "), **style)
        ax.set(title=layer, xlabel="opposite  ←  r of the tunings  →  congruent")
    axes[0].set_ylabel("units (count)")
    axes[0].legend(loc="upper center")
    return figure


@in_style
def _draw_lesions(lesions):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(4.2, 2.2))
    levels = ["0–8", "8–16", "above 16"]
    shades = {"congruent": COLOURS["audiovisual"], "opposite": COLOURS["auditory"], "random": COLOURS["reference"]}
    for i, (kind, colour) in enumerate(shades.items()):
        rows = lesions[lesions["lesion"] == kind]
        if rows.empty:
            continue
        grouped = rows.groupby("true_disparity")["added_squared_error"]
        mean, sd = grouped.mean().reindex(levels), grouped.std().reindex(levels).fillna(0.0)
        spread = sd if kind == "random" else None
        ax.bar(np.arange(3) + 0.27 * (i - 1), mean, 0.25, yerr=spread, color=colour, label=kind)
    ax.set_xticks(range(3), levels)
    ax.axhline(0, color=COLOURS["reference"], lw=0.5)
    ax.set(xlabel="true disparity (deg)", ylabel="added squared error (deg²)")
    ax.legend(title="silenced", loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure

