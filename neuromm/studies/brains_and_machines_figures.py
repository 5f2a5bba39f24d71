"""The figures of the main experiment, from its tables."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from neuromm import plots
from neuromm.plots import flagship, main_figure
from neuromm.studies import primary_test
from neuromm.studies.one_trial import as_table, choose_row, render_row
from neuromm.studies.published_curves import demonstration_unity, kording_bias
from neuromm.studies.representations import MODELS, NO_PLACES, last_hidden

ABOUT = (
    "{showings} showings of {conditions} conditions with yoked noise: every observer perceives the same noisy sample "
    "of each trial. Ideal observers read the number, rate networks a bump, the encoder frames and binaural sound, "
    "the denoiser the noised pair.\n\n"
    "{mode} Read-outs of place are fitted on unisensory trials. Curves are exact predictions of ideal observers; only "
    "points named as people are human data. Everything but the primary test is exploratory."
)
QUICK = (
    "Quick mode: 4 showings per fold, networks that take long left out, mixtures of last layers only; --full is the "
    "whole experiment."
)
MAIN_PANELS = ("av_denoiser", "av_encoder", "cuppini2017")
# families whose mixtures are drawn; quick mode fits no others
MIXED = ("av_denoiser", primary_test.SECONDARY, "av_encoder", "cuppini2017", "measured", *primary_test.TWINS)
# baselines that have names in the main figure; all have them in the figures of their own
NAMED_BASELINES = ("av_denoiser_untrained", "av_denoiser_sound_only", "av_denoiser_light_only", "av_encoder_additive",
                   "av_encoder_shuffled", "raw_input")  # fmt: skip
EDITED = "hidden2"  # before the last hidden layer: the way from there on is linear, and evidence cannot gate


def draw_all(results, session, bias, curves, roles, answered, found, table, full):
    """Every figure and the text of the page."""
    mode = "Full mode." if full else QUICK
    about = ABOUT.format(showings=table["presentation"].nunique(), conditions=table["condition"].nunique(), mode=mode)
    if found is None:
        results.title, results.text = "Who answers alike on these trials", about
    else:
        results.text = f"{results.text}\n\n{about}"
        draw_main(results, session, bias, curves, roles, answered, found)
    draw_one_trial(results, session.stimuli)
    draw_answers(results, bias, curves, roles, answered)
    if found is not None:
        draw_representations(results, found)
    if "other_paradigms" in results.tables:
        draw_pages(results)


def draw_main(results, session, bias, curves, roles, answered, found):
    """The five panels, if the experiment's own conditions were shown."""
    position = choose_row(session.stimuli)
    transfer, ablation = _evidence(found)
    if position is None or transfer.empty or ablation.empty:
        return
    people = {} if answered is None else dict.fromkeys(answered["observer"].value_counts().index[:1], "human")
    panels = {n: roles[n] for n in MAIN_PANELS if n in roles} | people
    if len(panels) < 4:
        panels["av_encoder_additive"] = "baseline"
    hard = _hardest_sound(bias)
    layers, summary = _without_rivals(_for_triangle(found["mean"])), _without_rivals(found["summary"])
    figure = main_figure.five_panels(
        found["verdict"].title, shown=render_row(session.stimuli, position), points=hard, curves=_hardest_sound(curves),
        roles=panels, layers=layers, summary=summary, transfer=transfer, ablation=ablation,
        named=_named_in_main(layers),
    )  # fmt: skip
    data = pd.concat(
        {"B": hard[hard["observer"].isin(panels)], "C": layers, "D": summary, "E transfer": transfer,
         "E ablation": ablation}, names=["panel"],
    ).reset_index(level=0)  # fmt: skip
    results.add_figure(
        "main",
        figure,
        data,
        "A: one trial as each kind of observer gets it. B: how far a light pulls a sound, against the observer's own "
        "matched causal inference. C: each layer at its mixture of computations, lines early → late, size: explained "
        "fraction of the ceiling; hollow: baselines, last layer (those without a name have it in the figures "
        "computations and alike). D: answering against representing as causal inference does (last hidden layer; mean "
        "and sd over seeds). E: evidence for one cause, read from the last hidden layer at a "
        f"held-out reliability, and what taking it out of {EDITED} does to the fall of bias with disparity; a line "
        "per seed, dashes: medians.",
    )


def _named_in_main(layers):
    """Everyone but ideal observers (the corners say them), the secondary family's twins and most baselines."""
    second = [t.replace(primary_test.TESTED, primary_test.SECONDARY, 1) for t in primary_test.TWINS]
    kept = layers[~layers["role"].isin(["ideal", "baseline"]) & ~layers["observer"].isin(second)]
    return {*kept["observer"], *NAMED_BASELINES}


def _without_rivals(table):
    """Of the ideal observers, the three corners: the others are in the tables and the figures of their own."""
    corners = [name for name, _ in MODELS.values()]
    return table[(table["role"] != "ideal") | table["family"].isin(corners)]


def _for_triangle(mean):
    """Layers that the triangle shows: estimates of ideal observers, layers about places of the others."""
    own = mean[~mean["layer"].isin(NO_PLACES)]
    return own[(own["role"] != "ideal") | (own["layer"] == "estimate")]


def _evidence(found):
    """Per seed: R² of evidence in the untrained and the trained last hidden layer; effects of ablation."""
    transfer, ablation, layers = found["transfer"], found["ablation"], found["layers"]
    if not len(transfer) or not len(ablation):
        return pd.DataFrame(), pd.DataFrame()
    last = last_hidden(layers, primary_test.TESTED)
    own = transfer[transfer["layer"] == last].pivot(index="seed", columns="family", values="r_squared")
    wanted = {"av_denoiser_untrained": "before", "av_denoiser": "after"}
    if not set(wanted) <= set(own):
        return pd.DataFrame(), pd.DataFrame()
    own = own.rename(columns=wanted)[["before", "after"]].dropna().reset_index()
    taken = ablation[ablation["layer"] == EDITED]
    taken = taken.rename(columns={"effect_random": "before", "effect_evidence": "after"})
    return own, taken[["seed", "before", "after"]].reset_index(drop=True)


def draw_one_trial(results, stimuli):
    """One trial row as each kind of observer gets it, if the table has a pair."""
    position = choose_row(stimuli)
    if position is None:
        return
    shown = render_row(stimuli, position)
    results.add_figure(
        "one_trial",
        flagship.one_trial(shown),
        as_table(shown),
        f"One trial ({stimuli['condition'].iloc[position]}) as each kind of observer gets it: ideal observer, rate "
        "network, contrastive encoder (frame and sound), denoiser. Dotted: true places; every rendering stands at the "
        "noisy sample.",
    )


def draw_answers(results, bias, curves, roles, answered):
    """Bias panels of everyone, the Körding panel, and unity at the demonstration set."""
    if not bias.empty:
        draw_bias(results, bias, curves, roles, answered)
    draw_published(results)


def draw_bias(results, bias, curves, roles, answered):
    """Bias of everyone beside the matched ideal observers."""
    everyone, source = dict(roles), ""
    if answered is not None:
        everyone |= dict.fromkeys(dict.fromkeys(answered["observer"]), "human")
        if (answered["observer"] == "H02").any():
            source = " People: Mohl, Pearson & Groh 2020, single trials."
    hard, where = _hardest_sound(bias), "all trials"
    if len(hard) < len(bias):
        curves, where = _hardest_sound(curves), "the less reliable sound; all pairs of reliabilities are in the table"
    results.add_figure(
        "auditory_bias",
        flagship.bias_panels(hard, curves, everyone),
        pd.concat([hard.assign(computation="answers"), curves], ignore_index=True),
        f"How far a light pulls a sound, against disparity ({where}). Points: answers, 95 % over trials; bands: causal "
        f"inference with the observer's own unimodal precision (σ_P 12°, p_common .5).{source}",
    )


def draw_published(results):
    """What published parameters give: no one is shown anything."""
    table = kording_bias()
    results.tables["kording2007_bias"] = table
    figure = plots.bias_by_disparity(table).figure
    figure.set_size_inches(4.6, 2.6)
    results.add_figure(
        "kording2007_bias",
        figure,
        table,
        "Bias on the five keys that the published parameters of Körding et al. 2007 give (exact; their σ_V 2.14, "
        "σ_A 9.2, σ_P 12.3°, p_common .28). Model values only: the paper prints no human bias.",
    )
    table = demonstration_unity()
    figure = plots.unity_by_disparity(table).figure
    figure.set_size_inches(4.6, 2.6)
    results.add_figure(
        "unity_demonstration",
        figure,
        table,
        "P(one cause) at the demonstration set (σ_V 2, σ_A 8, σ_P 15°; chosen, not published), exact.",
    )


def draw_representations(results, found):
    """The gate, Δ by layer, the triangle, answers against representations, everyone's last layer, mixtures."""
    gate, layers = found["gate"], found["layers"]
    shares = primary_test.confusion(gate)
    figure = main_figure.confusion_panel(shares).figure
    figure.set_size_inches(3.8, 2.9)
    results.add_figure(
        "calibration_gate", figure, shares.reset_index(),
        "The calibration gate: networks trained without and with nothing but common causes, and ideal observers under "
        "other noise, by the computation their RDM is nearest to. Under 90 % anywhere, nothing is claimed.",
    )  # fmt: skip
    tested, second = primary_test.TESTED, primary_test.SECONDARY
    families = [tested, *primary_test.TWINS]
    panels = {"gated units (primary test)": (families, found["tests"])}
    panels["plain units (secondary, exploratory)"] = ([f.replace(tested, second, 1) for f in families], found["second"])
    panels = {k: v for k, v in panels.items() if (layers["family"] == v[0][0]).any()}
    figure = main_figure.delta_panels(layers, panels)
    shown = [f for those, _ in panels.values() for f in those]
    results.add_figure(
        "delta_by_layer", figure, layers[layers["family"].isin(shown)],
        "Δ of each layer, a dot per seed. The primary test looks at the last hidden layer of the gated denoiser; star: "
        "above 0 over seeds, p < .05 corrected over layers (exact sign-flip, maximum statistic).",
    )  # fmt: skip
    mean = _for_triangle(found["mean"])
    results.add_figure(
        "computations", main_figure.two_triangles(mean), mean,
        "Each layer at its mixture of the three computations (non-negative least squares on whitened RDMs, mean over "
        "seeds); size: explained fraction of the ceiling; lines early → late. Above: ideal observers, brain models, "
        "networks; below: calibrators and baselines. Observers of one sense are compared on the 72 conditions that "
        "show it.",
    )  # fmt: skip
    summary = found["summary"]
    figure = main_figure.crosses(summary).figure
    figure.set_size_inches(5.4, 1.6 + 0.12 * len(summary))
    results.add_figure(
        "alike", figure, summary,
        "Answering as causal inference does against representing as it does (last hidden layer, over the family's "
        "ceiling, or the last about places); mean and sd over seeds.",
    )  # fmt: skip
    alike = found["alike"]
    words = {c: alike[c].str.replace("/", ": ").str.replace("_", " ") for c in ("first", "second")}
    figure = plots.similarity_map(alike.assign(**words)).figure
    figure.set_size_inches(7, 6)
    results.add_figure(
        "who_represents_alike",
        figure,
        alike,
        "Whitened cosine between the RDMs of everyone's last layer (ideal observers: their estimate). Same yoked noise "
        "on both sides.",
    )
    if len({*alike["first"], *alike["second"]}) > 2:
        colour = {f"{o}: {n}": flagship.ROLES[r][0] for o, n, r in zip(
            layers["observer"].str.replace("_", " "), layers["layer"].str.replace("_", " "), layers["role"], strict=True
        )}  # fmt: skip
        figure = plots.similarity_graph(alike.assign(**words), least=0.8, colours=colour).figure
        figure.set_size_inches(6, 5.4)
        results.add_figure(
            "graph_of_observers", figure, alike,
            "The same similarities as a graph: neighbours on the circle are alike, lines join RDMs at least .8 alike.",
        )  # fmt: skip
    mixture = found["mixture"]
    mixture = mixture[mixture["family"].isin(MIXED)] if len(mixture) else mixture
    if len(mixture):
        rows = (mixture["family"] + ": " + mixture["layer"]).str.replace("_", " ")
        figure = plots.layer_map(
            mixture.assign(layer=rows), value="unique", columns="component", label="held-out similarity lost without it"
        ).figure
        figure.set_size_inches(6.4, 1.5 + 0.22 * rows.nunique())
        results.add_figure(
            "mixtures", figure, mixture,
            "What each computation adds to the mixture of all: similarity (whitened cosine) on conditions and seeds "
            "that were not fitted, lost when the computation is left out. The table has all families that were fitted.",
        )  # fmt: skip


def draw_pages(results):
    """Δ of every layer on the other paradigms."""
    pages = results.tables["other_paradigms"]
    rows = (pages["observer"] + ": " + pages["layer"]).str.replace("_", " ")
    figure = plots.layer_map(
        pages.assign(layer=rows), value="delta", columns="paradigm", label="Δ: r(causal inference) − best of the others"
    ).figure
    figure.set_size_inches(4.6, 1.2 + 0.17 * rows.nunique())
    results.add_figure(
        "other_paradigms", figure, pages,
        "The same Δ on flashes and beeps (16 conditions) and on syllables (18 conditions: few), every network that "
        "answers them; ideal observers: numerosity, and Magnotti & Beauchamp 2017, with p_common 0, ½ and 1.",
    )  # fmt: skip


def without_pixels(session):
    """The session without the layers that are the stimulus itself: they can be rendered again from the table."""
    kept = {
        o: {k: v for k, v in layers.items() if k not in ("frames", "cochleagram")}
        for o, layers in session.representations.items()
    }
    return replace(session, representations=kept)


def _hardest_sound(table):
    """The rows with the least reliable sound, and those without a reliability (people)."""
    if "auditory_reliability" not in table or table["auditory_reliability"].nunique() < 2:
        return table
    reliability = table["auditory_reliability"]
    return table[reliability.isna() | (reliability == reliability.min())]
