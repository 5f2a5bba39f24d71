"""Synchronous or not, by inferred cause: the window of Magnotti 2013 at several noises, and its fitted parameters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.studies.results import Results, say


def main(
    sigmas: str = "70,100,150,200",
    n_repeats: int = 40,
    fitted: bool = True,
    seed: int = 1,
    out: str = "results/synchrony",
):
    """Synchrony: judgements of causal inference at several sensory noises, and the noise got back by fitting.

    Parameters
    ----------
    sigmas : str
        Sensory noises, ms, with commas (people range over 70–300).
    n_repeats : int
        Showings of each of 15 asynchronies.
    fitted : bool
        Fit each simulated person's noise and prior probability of one cause.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    try:
        noises = [float(s) for s in sigmas.split(",")]
    except ValueError:
        raise ValueError(f"sigmas is '{sigmas}'; numbers in ms with commas are wanted, such as 70,100") from None
    base = catalogue.load("magnotti2013")
    models = [dataclasses.replace(base, sigma=s, name=f"sigma_{s:g}") for s in noises]
    shown = paradigms.synchrony(n_repeats, seed=seed)
    session = present(shown, models, seed=seed, layers=None, progress=say)
    answers = measures.mean_answers(session.trials, "soa", report="synchronous")
    answers["sigma"] = answers["observer"].str.removeprefix("sigma_").astype(float)
    soas = np.arange(-350.0, 551.0, 5.0)
    trials = pd.DataFrame({"soa": soas, "report": "synchronous"})
    exact = [trials.assign(sigma=s, mean=m.predict(trials)["expected"]) for s, m in zip(noises, models, strict=True)]
    results = Results(
        "Synchrony is inferred from a noisy asynchrony",
        "Magnotti, Ma & Beauchamp 2013. Points: answers, 95 % over trials; lines: exact. More noise makes the window "
        "wider and shifts it toward light first.",
        {"name": "synchrony", "sigmas": noises, "n_repeats": n_repeats, "fitted": fitted, "seed": seed},
        tables={"answers": answers},
    )
    ax = plots.answers_against(
        answers, "soa", level="sigma", predicted=pd.concat(exact), half=True, ylabel='P("synchronous")',
        xlabel="sound first  ←  asynchrony (ms)  →  light first", words={s: f"σ {s:g} ms" for s in noises},
    )  # fmt: skip
    ax.axvline(0, color="#8C8C8C", lw=0.5)
    ax.figure.set_size_inches(5.2, 2.8)
    results.add_figure("synchrony", ax.figure, answers, "P(synchronous) against asynchrony at each sensory noise.")
    if fitted:
        free = {"sigma": (30.0, 400.0), "p_common": (0.05, 0.95)}
        found = measures.fit(base, session.trials, free, rng=np.random.default_rng(seed))
        results.tables["fitted"] = found.estimates
        results.tables["fit_summary"] = found.summary
    page = results.write(out, session)
    say(f"wrote {page}")
    return page
