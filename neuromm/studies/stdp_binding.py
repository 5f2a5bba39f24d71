"""Binding by spike timing: which sounds get associated with a light, against the lag and its jitter?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import plots
from neuromm.catalogue import resolve
from neuromm.plots.style import COLOURS
from neuromm.session import generator
from neuromm.studies.results import Results, say

JITTERS = (1.0, 5.0, 10.0, 20.0, 40.0, 80.0)  # ms
PAIR_LAGS = (-40.0, -20.0, -10.0, -1.0, 1.0, 10.0, 20.0, 40.0)  # ms, at which the synapses are checked pair by pair


def main(
    n_trials: int = 600,
    n_repeats: int = 3,
    lags: list[float] | None = None,
    jitters: list[float] | None = None,
    seed: int = 1,
    out: str = "results/stdp_binding",
):
    """STDP binding: the association of a sound with a light against the lag between them and its jitter.

    Parameters
    ----------
    n_trials : int
        Pairs in training.
    n_repeats : int
        Networks trained for each lag and jitter.
    lags : list of float
        Mean lag of the light after the sound, ms; default 10 and 200.
    jitters : list of float
        Standard deviations of the lag, ms; default 1 to 80.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    lags, jitters = lags or [10.0, 200.0], jitters or list(JITTERS)
    network, train, pairs = (
        resolve(f"neuromm.observers.spiking.plasticity:{name}")
        for name in ("BindingNetwork", "train_together", "simulate_pairs")
    )
    cells = [(lag, jitter, k) for lag in lags for jitter in jitters for k in range(n_repeats)]
    say(f"training {len(cells)} networks, {n_trials} trials")
    networks = [network(lag=lag, jitter=jitter, n_trials=n_trials) for lag, jitter, _ in cells]
    found = train(networks, rng=generator(seed, "stdp_binding"))
    rule = networks[0].rule
    trained = pd.DataFrame(
        [
            {"lag": lag, "jitter": jitter, "repeat": k} | {n: v for n, v in one.items() if np.isscalar(v)}
            for (lag, jitter, k), one in zip(cells, found, strict=True)
        ]
    )
    curve = pd.DataFrame([(lag, j) for lag in lags for j in np.geomspace(min(jitters), max(jitters), 40)])
    curve.columns = ["lag", "jitter"]
    curve["expected_change"] = rule.expected_change(curve["lag"], curve["jitter"])
    check = pd.DataFrame({"lag": PAIR_LAGS, "rule": rule.change(PAIR_LAGS), "synapse": pairs(rule, PAIR_LAGS)})
    summary = summarise(trained, rule)
    title, text = headline(summary, check, n_trials)
    results = Results(
        title=title,
        text=text,
        parameters={
            "name": "stdp_binding",
            "n_trials": n_trials,
            "n_repeats": n_repeats,
            "lags": lags,
            "jitters": jitters,
            "seed": seed,
        },
        tables={"association": summary, "networks": trained, "pairs": check, "expected": curve},
    )
    _draw(results, summary, curve)
    _draw_weights(results, found[0], networks[0])
    page = results.write(out)
    say(f"wrote {page}")
    return page


def summarise(trained, rule):
    """Mean and range over networks for each lag and jitter, beside the expected change of one pair."""
    rows = []
    for (lag, jitter), some in trained.groupby(["lag", "jitter"], sort=False):
        row = {"lag": lag, "jitter": jitter, "n_networks": len(some)}
        for name in ("trained_over_median", "growth", "share_evoked"):
            row |= {name: some[name].mean(), f"{name}_half": (some[name].max() - some[name].min()) / 2}
        rows.append(row | {"expected_change": float(rule.expected_change(lag, jitter))})
    return pd.DataFrame(rows)


def _draw(results, summary, curve):
    """Expected change of one pair, growth of the trained weight and the response it evokes, against jitter."""
    with plots.style():
        figure, axes = plt.subplots(1, 3, figsize=(7.4, 2.5), layout="constrained")
        ticks = sorted(summary["jitter"].unique())
        plots.association_curve(curve, axes[0], value="expected_change")
        axes[0].set_ylabel("expected change per pair\n(fraction of the greatest weight)")
        for ax, value, label, level in (
            (axes[1], "trained_over_median", "weight of the trained pair\nover the untrained median", 1.0),
            (axes[2], "share_evoked", "visual response to the sound alone\n(fraction of that to the light)", 0.0),
        ):
            plots.association_curve(summary, ax, value=value, error=f"{value}_half")
            ax.axhline(level, color=COLOURS["reference"], lw=0.5, zorder=0)
            ax.set_ylabel(label)
        for ax in axes:
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
            ax.minorticks_off()
            ax.set_xlabel("jitter of the lag, sd (ms)")
        axes[0].axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
        if summary["lag"].nunique() > 1:
            axes[2].legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
    results.add_figure(
        "association",
        figure,
        pd.concat([summary.assign(kind="network"), curve.assign(kind="closed form")]),
        "Left: closed form. Middle and right: trained networks, means and ranges over networks. Sound and light get "
        "associated only where their lag is short and steady.",
    )


def _draw_weights(results, one, network):
    """Weights from each sound to each light after training."""
    table = pd.DataFrame(one["weights"]).rename_axis("sound").reset_index().melt("sound", var_name="light")
    with plots.style():
        figure, ax = plt.subplots(figsize=(3.4, 2.7), layout="constrained")
        image = ax.imshow(one["weights"], vmin=0, vmax=1, cmap="viridis", origin="lower")
        figure.colorbar(image, ax=ax, label="weight (fraction of the greatest)")
        ax.set(xlabel="place of the light", ylabel="place of the sound")
        ax.set_xticks(range(network.n_places), range(1, network.n_places + 1))
        ax.set_yticks(range(network.n_places), range(1, network.n_places + 1))
    results.add_figure(
        "weights",
        figure,
        table,
        f"Weights after training with sound and light together at place {network.trained_place + 1} only "
        f"(lag {network.lag:g} ms, jitter {network.jitter:g} ms).",
    )


def headline(summary, check, n_trials):
    """The title that the numbers allow, and the text."""
    short = summary[summary["lag"] <= 20]
    late = summary[summary["lag"] >= 200]
    bound = short[(short["trained_over_median"] >= 3) & (short["share_evoked"] >= 0.3)]
    title = "In this run no sound got associated with a light"
    if len(bound):
        title = f"A sound gets associated with a light if its lag varies by up to {bound['jitter'].max():g} ms"
        if len(bound) == len(short):
            title = "A sound gets associated with a light at every jitter shown"
    error = (check["rule"] - check["synapse"]).abs().max()
    text = f"After {n_trials} pairs: " + "; ".join(
        f"jitter {row['jitter']:g} ms: weight {row['trained_over_median']:.1f} times the untrained median, the sound "
        f"alone evokes {100 * row['share_evoked']:.0f} % of the light's response"
        for _, row in short.iterrows()
    )
    if len(late):
        text += (
            f". With a lag of {late['lag'].iloc[0]:g} ms the trained weight ends at {late['growth'].max():.2f} times "
            "its start at most"
        )
    text += (
        f".\n\nThe simulated synapses change as the rule says, pair by pair (largest difference {error:.1e}). "
        "Associated here means a trained weight of at least 3 times the untrained median and at least 30 % of the "
        "response. Ranges are over networks. Source of the rule: Song, Miller & Abbott 2000 (Nat Neurosci 3:919)."
    )
    return title, text
