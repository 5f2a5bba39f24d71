"""Contrast is evidence: the logit of a contrastive encoder against the log likelihood ratio of one cause over two."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.plots.curves import draw
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.stimuli.table import cross, finish
from neuromm.studies.ann_subjects import area_under_curve, matched, scenes
from neuromm.studies.results import Results, say

SENSES = {"sigma_auditory": 4.0, "sigma_visual": 2.0}  # deg, at reliability 1
RELIABILITIES = {"auditory_reliability": (1.0, 0.16), "visual_reliability": (1.0, 0.25, 0.0625)}
DISPARITIES = (0.0, 2.0, 4.0, 6.0, 9.0, 12.0, 16.0, 20.0, 25.0)  # deg


def main(
    n_repeats: int = 20,
    n_scenes: int = 1500,
    seed: int = 1,
    out: str = "results/contrast_is_evidence",
):
    """The logit of an encoder trained on congruent events alone against log L1/L2, over disparity and reliability.

    Parameters
    ----------
    n_repeats : int
        Noisy samples of each disparity, side and pair of reliabilities.
    n_scenes : int
        Scenes of one or two causes, for the area under the curve.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    shown = _conditions(n_repeats, seed)
    encoder = catalogue.load("av_encoder", **SENSES)
    untrained = dataclasses.replace(encoder, trained=False, name="untrained")
    ideal = matched(**SENSES)
    session = present(
        shown, [ideal, encoder, untrained], seed=seed, progress=say,
        layers={"ideal": ["log_bayes_factor"], "av_encoder": ["joint"], "untrained": ["joint"]},
    )  # fmt: skip
    factor = session.representations["ideal"]["log_bayes_factor"].to_numpy()[:, 0]
    table = shown[["auditory_reliability", "visual_reliability", "disparity"]].reset_index(drop=True)
    table = table.assign(log_bayes_factor=factor)
    for name in ("av_encoder", "untrained"):
        table[name] = session.representations[name]["joint"].to_numpy()[:, 0]
    fits = correlations(table, ("av_encoder", "untrained"))
    auc = _areas(encoder, untrained, n_scenes, seed)
    gated = _gated(encoder, n_repeats, seed)
    first = fits.iloc[0]
    results = Results(
        title=f"A contrastive logit is the evidence for one cause (r = {first['r_conditions']:.3f})"
        if first["r_conditions"] >= 0.98
        else f"A contrastive logit follows the evidence for one cause (r = {first['r_conditions']:.3f}, .98 hoped for)",
        text="At the optimum of the symmetric contrastive loss the logit of a pair is log p(a, v | paired)/(p(a) p(v)) "
        f"plus a constant. Over condition means r = {first['r_conditions']:.3f}, over single trials "
        f"{first['r_trials']:.3f}; untrained {fits.iloc[1]['r_conditions']:.3f}. Area under the curve of unity "
        f"judgements on scenes of the generator: encoder {auc['av_encoder']:.3f}, ideal observer {auc['ideal']:.3f}, "
        f"untrained {auc['untrained']:.3f}.",
        parameters={"name": "contrast_is_evidence", "n_repeats": n_repeats, "n_scenes": n_scenes, "seed": seed},
        tables={"evidence": table, "correlations": fits, "areas": pd.DataFrame([auc])},
    )  # fmt: skip
    means = _means(table)
    results.add_figure("evidence", _draw(means, fits), means, "Left: mean logit against mean log L1/L2, a point per "
                       "disparity and pair of reliabilities. Right: both against disparity.")  # fmt: skip
    figure = plots.bias_by_disparity(gated, value="shift").figure
    figure.set_size_inches(5.4, 2.8)
    caption = (
        "The same read-outs of two towers, gated by the logit or added with constant weights: only the gate lets "
        "capture end. Bands are 95 % over trials."
    )
    results.add_figure("gated", figure, gated, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _conditions(n_repeats, seed):
    """Pairs of places around straight ahead at each disparity and reliability, with yoked noise."""
    pairs = cross(disparity=sorted({s * d for d in DISPARITIES for s in (-1, 1)}), **RELIABILITIES)
    pairs["auditory_azimuth"], pairs["visual_azimuth"] = pairs["disparity"] / 2, -pairs["disparity"] / 2
    trials = finish(pairs, seed=seed, n_repeats=n_repeats, reports=("common",))
    return yoke(trials, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])


def correlations(table, names):
    """r of each network's logit with the log Bayes factor, over single trials and over condition means."""
    means = _means(table)
    rows = [
        (name, np.corrcoef(table[name], table["log_bayes_factor"])[0, 1],
         np.corrcoef(means[name], means["log_bayes_factor"])[0, 1],
         np.polyfit(means["log_bayes_factor"], means[name], 1)[0])
        for name in names
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["network", "r_trials", "r_conditions", "slope"])


def _means(table):
    keys = ["auditory_reliability", "visual_reliability", "disparity"]
    folded = table.assign(disparity=table["disparity"].abs())
    return folded.groupby(keys, as_index=False).mean()


def _areas(encoder, untrained, n, seed):
    trials = scenes(n, seed=seed, reliabilities=RELIABILITIES["visual_reliability"], reports=("common",), **SENSES)
    truth = trials.pop("one_cause").to_numpy()
    session = present(
        trials, [matched(**SENSES), encoder, untrained], seed=seed,
        layers={"ideal": ["log_bayes_factor"], "av_encoder": ["joint"], "untrained": ["joint"]},
    )  # fmt: skip
    layer = {"ideal": "log_bayes_factor", "av_encoder": "joint", "untrained": "joint"}
    return {k: area_under_curve(session.representations[k][v].to_numpy()[:, 0], truth) for k, v in layer.items()}


def _gated(encoder, n_repeats, seed):
    shown = paradigms.ventriloquism(n_repeats, positions=(-15.0, -7.5, 0.0, 7.5, 15.0), unimodal=False,
                                    reports=("auditory",), seed=seed)  # fmt: skip
    shown = yoke(shown, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])
    observers = [matched(**SENSES), dataclasses.replace(encoder, name="gated_by_logit"),
                 dataclasses.replace(encoder, fusion="additive", name="additive")]  # fmt: skip
    return measures.crossmodal_bias(present(shown, observers, seed=seed, layers=None).trials)


@in_style
def _draw(means, fits):
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.6))
    ax = axes[0]
    ends = [means["log_bayes_factor"].min(), means["log_bayes_factor"].max()]
    ax.plot(ends, ends, color=COLOURS["reference"], lw=0.5)
    ax.plot(means["log_bayes_factor"], means["untrained"], "o", ms=2.5, mfc="white", color=COLOURS["reference"],
            label=f"untrained, r = {fits.iloc[1]['r_conditions']:.2f}")  # fmt: skip
    ax.plot(means["log_bayes_factor"], means["av_encoder"], "o", ms=2.5, color=COLOURS["audiovisual"],
            label=f"encoder, r = {fits.iloc[0]['r_conditions']:.3f}")  # fmt: skip
    ax.set(xlabel="log L1/L2 of the ideal observer (nats)", ylabel="evidence of the network (nats)")
    ax.legend()
    ax = axes[1]
    best = means[means["auditory_reliability"] == 1.0]
    for i, (reliability, rows) in enumerate(best.groupby("visual_reliability")):
        sigma = SENSES["sigma_visual"] / np.sqrt(reliability)
        label = f"encoder, light σ {sigma:g}°"
        draw(ax, rows, "disparity", "av_encoder", colour=COLOURS["audiovisual"], i=i, label=label)
        ax.plot(rows["disparity"], rows["log_bayes_factor"], color=COLOURS["human"], lw=0.6, zorder=0,
                label="ideal observer" if i == 0 else None)  # fmt: skip
    ax.axhline(0, color=COLOURS["reference"], lw=0.5)
    ax.set(xlabel="|auditory − visual| (deg)", ylabel="evidence for one cause (nats)")
    ax.legend(fontsize=5.5)
    return figure
