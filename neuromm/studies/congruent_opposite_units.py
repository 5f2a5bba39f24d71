"""Congruent and opposite units of a fusion network, and what is lost when one kind falls silent."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, measures
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import present
from neuromm.stimuli.table import cross, finish
from neuromm.studies.ann_subjects import bands_table, over_seeds, said, scenes, seeds_of
from neuromm.studies.results import Results, say

SENSES = {"sigma_auditory": 4.0, "sigma_visual": 4.0}  # deg: both senses alike, so that neither sets the tuning
PLACES = tuple(np.arange(-24.0, 25.0, 4.0))  # deg
LAYERS = ("fusion1", "fusion2")
NEAR, MIDDLE, FAR = LEVELS = ("0–8", "8–16", "above 16")  # deg, true disparity of scenes
KINDS = ("congruent", "opposite", "intermediate", "untuned")
SPECIFIC = "far: opposite silent minus random silent (deg²)"
N_RANDOM = 8  # random lesions of the same size


def main(
    n_scenes: int = 800,
    training: str = "causes",
    n_seeds: int = 12,
    seed: int = 1,
    out: str = "results/congruent_opposite_units",
):
    """Tuning of fusion units to sound and light alone, and lesions of congruent or opposite units, over networks.

    Parameters
    ----------
    n_scenes : int
        Scenes of one or two causes on which lesions are tested.
    training : str
        causes, one cause or shuffled: which network.
    n_seeds : int
        Networks of the shipped recipe that differ in their seed; fewer where fewer are shipped.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    networks = seeds_of("fusion_net", None, n_seeds, training=training, **SENSES)
    controls = [
        catalogue.load("fusion_net", trained=False, name="untrained", **SENSES),
        catalogue.load("fusion_net", training="shuffled", name="shuffled_pairs", **SENSES),
    ]
    units = pd.concat([unit_table(o) for o in (*networks.values(), *controls)], ignore_index=True)
    lesions = []
    for network in networks.values():
        lesions.append(lesion_effects(network, units, n_scenes, seed).assign(observer=network.name))
        say(f"{network.name}: lesioned")
    lesions = pd.concat(lesions, ignore_index=True)
    shares = shares_of_kinds(units)
    bands = _bands(shares, lesions, networks)
    seeds = over_seeds(bands, networks)
    mean = shares[shares["observer"].isin(list(networks))].groupby(["layer", "kind"], sort=False)["share"].mean()
    control = shares[~shares["observer"].isin(list(networks))].set_index(["observer", "layer", "kind"])["share"]
    results = Results(
        title=_title(seeds),
        text="; ".join(
            f"{layer}: {', '.join(f'{100 * mean[layer, kind]:.0f} % {kind}' for kind in KINDS)}" for layer in LAYERS
        ) + ". In the last layer of controls: "
        + ", ".join(f"{c.name.replace('_', ' ')} {100 * control[c.name, LAYERS[-1], 'congruent']:.0f} % congruent, "
                    f"{100 * control[c.name, LAYERS[-1], 'opposite']:.0f} % opposite" for c in controls)
        + f". {said(seeds)} Lesions silence equally many units of the last fusion layer; random ones are the control.",
        parameters={"name": "congruent_opposite_units", "n_scenes": n_scenes, "training": training,
                    "n_seeds": n_seeds, "seed": seed},
        tables={"units": units, "lesions": lesions, "shares": shares, "bands": bands, "over_seeds": seeds},
    )  # fmt: skip
    caption = (
        "Correlation of each unit's tuning to sound alone with its tuning to light alone: all trained networks "
        "(filled), untrained (line), as shares of units."
    )
    drawn = units[units["observer"].isin([*networks, "untrained"])]
    results.add_figure("congruency", _draw_units(drawn, networks), drawn, caption)
    caption = (
        "Increase of the squared error of the sound's place when units fall silent, by the true disparity of scenes; "
        "dots: networks, bars: their mean."
    )
    results.add_figure("lesions", _draw_lesions(lesions), lesions, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def shares_of_kinds(units):
    """Share of each kind of unit per observer and layer."""
    counts = units.groupby(["observer", "layer"], sort=False)["kind"].value_counts(normalize=True)
    found = counts.unstack(fill_value=0.0).reindex(columns=list(KINDS), fill_value=0.0)
    return found.stack().rename("share").reset_index()


def _bands(shares, lesions, names):
    """Per network: both kinds exist, training adds congruent ones, and what a lesion of opposite ones costs where."""
    share = shares.set_index(["observer", "layer", "kind"])["share"]
    added = lesions.groupby(["observer", "lesion", "true_disparity"])["added_squared_error"].mean()
    rows, last = [], LAYERS[-1]
    for name in names:
        rows += [
            (name, "share of congruent units", share[name, last, "congruent"], 0.0, np.inf),
            (name, "share of opposite units", share[name, last, "opposite"], 0.0, np.inf),
            (name, "congruent units more than untrained (share)", share[name, last, "congruent"]
             - share["untrained", last, "congruent"], 0.0, np.inf),
        ]  # fmt: skip
        if (name, "opposite", FAR) in added.index and (name, "opposite", NEAR) in added.index:
            far, near = added[name, "opposite", FAR], added[name, "opposite", NEAR]
            any_far, any_near = added[name, "random", FAR], added[name, "random", NEAR]
            rows += [
                (name, "opposite units silent: error added far minus near (deg²)", far - near, 0.0, np.inf),
                (name, "the same, more than with random silent (deg²)", far - near - any_far + any_near, 0, np.inf),
                (name, SPECIFIC, far - any_far, 0.0, np.inf),
            ]
    return bands_table(rows)


def _title(seeds):
    table = seeds.set_index("what")
    share = 100 * table["mean"]
    opposite, congruent = share["share of opposite units"], share["share of congruent units"]
    kinds = f"{congruent:.0f} % congruent and {opposite:.0f} % opposite units"
    if SPECIFIC in table.index and table.loc[SPECIFIC, "p"] < 0.05:
        return f"Fusion layers have {kinds}; without opposite ones, events far apart are placed worst"
    return f"Fusion layers have {kinds}; far apart, opposite ones matter no more than any others"


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
    level = pd.cut(apart, [-0.1, 8.0, 16.0, np.inf], labels=list(LEVELS)).astype(str)
    table = answers.assign(error=error, true_disparity=level).groupby(["observer", "true_disparity"], sort=False)
    means = table["error"].mean().unstack("observer")
    rows = []
    for name, units_ in lesions.items():
        if name != "none":
            added = means[name] - means["none"]
            rows += [(name.partition("_")[0], name, k, v, len(units_)) for k, v in added.items()]
    return pd.DataFrame(rows, columns=["lesion", "which", "true_disparity", "added_squared_error", "n_units"])


@in_style
def _draw_units(units, networks):
    figure, axes = plt.subplots(1, len(LAYERS), figsize=(5.4, 2.2), sharey=True)
    edges = np.linspace(-1, 1, 17)
    for ax, layer in zip(axes, LAYERS, strict=True):
        rows = units[units["layer"] == layer]
        for trained, label in ((True, "trained"), (False, "untrained")):
            values = rows[rows["observer"].isin(list(networks)) == trained]["congruency"].dropna()
            style = {"color": COLOURS["audiovisual"], "rwidth": 0.9} if trained else {
                "histtype": "step", "color": COLOURS["reference"]}  # fmt: skip
            ax.hist(values, edges, weights=np.full(len(values), 100 / max(len(values), 1)), label=label, **style)
        ax.set(title=layer, xlabel="opposite  ←  r of the tunings  →  congruent")
    axes[0].set_ylabel("units (%)")
    axes[0].legend(loc="upper center")
    return figure


@in_style
def _draw_lesions(lesions):
    figure, ax = plt.subplots(figsize=(4.2, 2.2))
    shades = {"congruent": COLOURS["audiovisual"], "opposite": COLOURS["auditory"], "random": COLOURS["reference"]}
    for i, (kind, colour) in enumerate(shades.items()):
        rows = lesions[lesions["lesion"] == kind]
        if rows.empty:
            continue
        own = rows.groupby(["observer", "true_disparity"])["added_squared_error"].mean().unstack("true_disparity")
        own = own.reindex(columns=list(LEVELS))
        at = np.arange(3) + 0.27 * (i - 1)
        ax.bar(at, own.mean(), 0.25, color=colour, label=kind, alpha=0.6)
        for values in own.to_numpy():
            ax.plot(at, values, "o", ms=1.6, color=colour)
    ax.set_xticks(range(3), LEVELS)
    ax.axhline(0, color=COLOURS["reference"], lw=0.5)
    ax.set(xlabel="true disparity (deg)", ylabel="added squared error (deg²)")
    ax.legend(title="silenced", loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure
