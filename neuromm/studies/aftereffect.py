"""What a conflict leaves behind: build-up of the ventriloquism aftereffect, its parts, and memory of past blur."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.maths.recalibration import build_up
from neuromm.plots.curves import beside, draw, zero
from neuromm.session import present
from neuromm.studies.results import Results, say

EXPOSURES = (0, 1, 3, 6, 12, 24, 60, 120, 180)


def main(
    n_blocks: int = 30,
    displacement: float = 8.0,
    rate: float = 0.03,
    seed: int = 1,
    out: str = "results/aftereffect",
):
    """Aftereffects: build-up over exposures and displacements, immediate and cumulative parts, weights over blur.

    Parameters
    ----------
    n_blocks : int
        Blocks of exposure; each begins unadapted.
    displacement : float
        Of the lights from their sounds, deg.
    rate : float
        Share of the error that is learnt per exposure.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    learners = [
        catalogue.load("recalibration", rate=rate, name="causal_inference"),
        catalogue.load("recalibration", rate=rate, rule="fixed_ratio", name="fixed_ratio"),
    ]
    results = Results(
        title="What a displaced light leaves behind",
        text=f"Two learners with {rate:g} of the error learnt per exposure: the error is what causal inference "
        "moves the "
        "sound by, or a fixed share of the conflict. Shifts are from the tests before exposure; 95 % over blocks.",
        parameters={
            "name": "aftereffect",
            "n_blocks": n_blocks,
            "displacement": displacement,
            "rate": rate,
            "seed": seed,
        },
    )
    session = _build_up(results, learners, n_blocks, displacement, rate, seed)
    _by_displacement(results, learners, n_blocks, seed)
    _parts(results, rate, n_blocks, seed)
    _blur(results, n_blocks, seed)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _build_up(results, learners, n_blocks, displacement, rate, seed):
    trials = paradigms.aftereffect(n_blocks, displacement=displacement, n_exposures=EXPOSURES, seed=seed)
    session = present(trials, learners, seed=seed, layers=None, progress=say)
    table = measures.aftereffect_by_exposure(session.trials)
    results.tables["build_up"] = table
    n = list(range(181))
    closed = pd.DataFrame({"observer": "fixed_ratio", "exposures": n, "fraction": build_up(n, 1.0, rate)})
    figure = plots.aftereffect_build_up(table, model=closed).figure
    figure.axes[0].axvspan(60, 180, color="#8C8C8C", alpha=0.15, lw=0)
    figure.set_size_inches(5.2, 2.6)
    results.add_figure(
        "build_up",
        figure,
        table,
        f"Lights displaced by {displacement:g}°. Line: 1 − (1 − rate)ⁿ. Grey: where people's aftereffect levelled off, "
        "between 60 and 180 exposures (Frissen, Vroomen & de Gelder 2012).",
    )
    return session


def _by_displacement(results, learners, n_blocks, seed):
    tables = []
    for d in (4.0, 8.0, 16.0, 24.0, 32.0):
        trials = paradigms.aftereffect(n_blocks, displacement=d, n_exposures=(0, 60), seed=seed)
        table = measures.aftereffect_by_exposure(present(trials, learners, seed=seed, layers=None).trials)
        tables.append(table[table["exposures"] == 60].assign(displacement=d))
    table = pd.concat(tables, ignore_index=True)
    results.tables["by_displacement"] = table

    with plots.style():
        figure, ax = plt.subplots(figsize=(5.2, 2.5))
        for i, (name, rows) in enumerate(table.groupby("observer", sort=False)):
            draw(ax, rows, "displacement", "shift", colour="#D55E00", i=i, label=str(name).replace("_", " "))
        zero(ax)
        ax.set(xlabel="displacement of the lights (deg)", ylabel="aftereffect of 60 exposures (deg)")
        beside(ax)
    results.add_figure(
        "by_displacement",
        figure,
        table,
        "Causal inference stops learning from large conflicts; a fixed ratio never does.",
    )


def _parts(results, rate, n_blocks, seed):
    learners = [
        catalogue.load("recalibration", rate=rate, fast_rate=0.1, name="slow_and_fast"),
        catalogue.load("recalibration", rate=rate, name="slow_only"),
        catalogue.load("recalibration", rate=0.0, fast_rate=0.1, name="fast_only"),
    ]
    trials = paradigms.two_tone_aftereffect(max(n_blocks, 2), seed=seed)
    table = measures.aftereffect_history(present(trials, learners, seed=seed, layers=None).trials)
    results.tables["parts"] = table
    figure = plots.aftereffect_parts(table).figure
    figure.set_size_inches(5.0, 2.5)
    results.add_figure(
        "parts",
        figure,
        table,
        "Two tones with opposite lights tell what the last trial did from what the tone's past did.",
    )


def _blur(results, n_blocks, seed):
    learners = [
        catalogue.load("beierholm2020", learner="instantaneous", name="instantaneous"),
        catalogue.load("beierholm2020", learner="bayesian", kappa=7.37, name="bayesian"),
        catalogue.load("beierholm2020", learner="exponential", gamma=0.6, name="exponential"),
    ]
    trials = paradigms.changing_reliability(n_blocks, seed=seed)
    table = measures.weight_over_period(present(trials, learners, seed=seed, layers=None).trials)
    results.tables["blur"] = table

    with plots.style():
        figure, axes = plt.subplots(1, 3, figsize=(8.2, 2.4), sharey=True)
        for ax, (name, rows) in zip(axes, table.groupby("observer", sort=False), strict=True):
            plots.weights_over_period(rows, ax, legend=ax is axes[-1])
            ax.set_title(name)
            if ax is not axes[0]:
                ax.set_ylabel("")
    results.add_figure(
        "blur",
        figure,
        table,
        "Rising and falling blur: only an observer who remembers past blur weighs hearing differently in the two "
        "halves "
        "(design of Beierholm et al. 2020; intervals 95 % over trials).",
    )
