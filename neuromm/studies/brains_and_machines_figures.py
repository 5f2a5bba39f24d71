"""The figures and the headline of the main experiment, from its tables."""

from __future__ import annotations

import pandas as pd

from neuromm import plots
from neuromm.plots import flagship
from neuromm.studies.one_trial import as_table, choose_row, render_row
from neuromm.studies.published_curves import demonstration_unity, kording_bias

DENOISERS = ("av_denoiser", "av_denoiser_p0", "av_denoiser_p1", "av_denoiser_untrained")
ABOUT = (
    "{showings} showings of {conditions} conditions with yoked noise: every observer perceives the same noisy sample "
    "of each trial. Ideal observers read the number, the rate network a bump, the encoder frames and binaural sound, "
    "the denoiser the noised pair.\n\n"
    "Quick mode: one seed per network. Differences between networks are described, not tested. Read-outs of place are "
    "fitted on unisensory trials. Curves are exact predictions of ideal observers; only points named as people are "
    "human data."
)


def last_hidden(layers, observer):
    """The row of an observer's last hidden layer: the one before its estimate."""
    rows = layers[(layers["observer"] == observer) & layers["layer"].str.startswith("hidden")]
    return None if rows.empty else rows.iloc[-1]


def headline(layers, shown):
    """The title that the numbers allow, and the text; one seed per network, so it describes and does not test."""
    text = ABOUT.format(showings=shown["presentation"].nunique(), conditions=shown["condition"].nunique())
    found = {} if layers is None else {o: last_hidden(layers, o) for o in DENOISERS}
    if not found or any(row is None for row in found.values()):
        return "Who answers alike on these trials", text
    delta = {o: row["delta"] for o, row in found.items()}
    own = delta.pop("av_denoiser")
    twins = ", ".join(f"{o.removeprefix('av_denoiser_')} {d:+.3f}" for o, d in delta.items())
    text += (
        "\n\nΔ = r(causal inference) − max(r(segregation), r(fusion)) in the denoiser's last hidden layer: "
        f"{own:+.3f}; its twins: {twins}."
    )
    if own > 0 and own > max(delta.values()):
        return "The denoiser's last hidden layer is nearest to causal inference, its twins' are not (one seed)", text
    return "The denoiser's last hidden layer is not set apart from its twins in this run (one seed)", text


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


def draw_representations(results, layers, summary, alike):
    """The triangle of computations, answers against representations, and everyone's last layer against everyone's."""
    figure = flagship.computation_triangle(layers).figure
    figure.set_size_inches(6.4, 4.2)
    results.add_figure(
        "computations",
        figure,
        layers,
        "Each layer at its mixture of the three computations (non-negative least squares on whitened RDMs); size: "
        "explained fraction; lines early → late; hollow: baselines.",
    )
    figure = flagship.alike(summary).figure
    figure.set_size_inches(4.4, 3.2)
    results.add_figure(
        "alike", figure, summary, "Answering as the ideal observer does against representing as it does (best layer)."
    )
    words = {c: alike[c].str.replace("/", ": ").str.replace("_", " ") for c in ("first", "second")}
    figure = plots.similarity_map(alike.assign(**words)).figure
    figure.set_size_inches(6.6, 5.4)
    results.add_figure(
        "who_represents_alike",
        figure,
        alike,
        "Whitened cosine between the RDMs of everyone's last layer (ideal observers: their estimate). Same yoked noise "
        "on both sides.",
    )


def _hardest_sound(table):
    """The rows with the least reliable sound, and those without a reliability (people)."""
    if "auditory_reliability" not in table or table["auditory_reliability"].nunique() < 2:
        return table
    reliability = table["auditory_reliability"]
    return table[reliability.isna() | (reliability == reliability.min())]
