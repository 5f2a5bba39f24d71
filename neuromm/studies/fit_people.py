"""Published people fitted: heading with conflict (Acerbi et al. 2018), flash illusion in low vision (Chan et al.)."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, datasets, measures, plots
from neuromm.measures import Free
from neuromm.paradigms.flash_beep import flash_beep
from neuromm.stimuli.table import cross, finish
from neuromm.studies.results import Results, say

HEADING = {
    "sigma_vestibular": (1.0, 60.0), "sigma_visual": Free(1.0, 60.0, "log", per="visual_level"),
    "sigma_prior": (2.0, 100.0), "mu_prior": (-10.0, 10.0), "lapse": (1e-4, 0.3),
    "p_common": (0.01, 0.99), "criterion": (1.0, 90.0), "p_fusion": Free(0.01, 0.99, per="visual_level"),
}  # fmt: skip
HEADING_MODELS = {
    "bayes": "acerbi2018",
    "fixed_criterion": "acerbi2018_fixed",
    "stochastic_fusion": "acerbi2018_stochastic",
}
TRUTH = {  # how the people that stand in were simulated
    "heading": "all Bayesian",
    "flash_illusion": "all averaging",
}
SIFI = {"sigma_flashes": (0.1, 3.0), "sigma_beeps": (0.1, 2.0), "lapse": (1e-4, 0.3)}
SIFI_MODELS = {  # fields that are fixed, and whether p_common is free
    "averaging": ({"strategy": "averaging"}, True), "selection": ({"strategy": "selection"}, True),
    "matching": ({"strategy": "matching"}, True), "forced_fusion": ({"p_common": 1.0}, False),
    "segregation": ({"p_common": 0.0}, False),
}  # fmt: skip


def main(
    heading: str = "../shared/data/heading_ci_acerbi2018",
    sifi: str = "../shared/data/sifi_lowvision_chan",
    n_starts: int = 6,
    max_subjects: int = 0,
    seed: int = 1,
    out: str = "results/fit_people",
):
    """Fit people: heading with conflict (unity and left/right together) and the flash illusion; compare the models.

    Parameters
    ----------
    heading, sifi : str
        Folders of the single-trial tables (Acerbi et al. 2018; Chan et al.). Where one is not there, a line says so and
        simulated people stand in, named as such.
    n_starts : int
        Starts per subject and model.
    max_subjects : int
        Fit only the first so many of each table; 0 fits all.
    seed : int
        Of starts and bootstrap.
    out : str
        Result folder.
    """
    results = Results(
        "Which model explains these people?",
        "Maximum likelihood per person from many starts, exact likelihoods. Bars: ΔBIC summed over people, 95 % "
        "bootstrap intervals over people; pxp: protected exceedance probability (Rigoux et al. 2014) from −BIC/2.",
        {"name": "fit_people", "heading": heading, "sifi": sifi, "n_starts": n_starts, "max_subjects": max_subjects,
         "seed": seed},
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    tasks = (
        ("heading", heading, read_heading, simulate_heading, fit_heading, "Heading: unity and left/right jointly"),
        ("flash_illusion", sifi, read_sifi, simulate_sifi, fit_sifi, "Flash illusion"),
    )
    for name, path, read, simulate, fit, title in tasks:
        there = Path(path).exists()
        if not there:
            say(f"no table of people at {path}; simulated people stand in")
        people = _first(read(path) if there else simulate(rng), max_subjects)
        say(
            f"{title}: {people['observer'].nunique()} {'people' if there else 'simulated people'}, {len(people)} trials"
        )
        fitted = fit(people, n_starts=n_starts, rng=rng)
        _report(results, name, title if there else f"{title}, simulated people: {TRUTH[name]}", fitted, rng)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def read_heading(path) -> pd.DataFrame:
    """All trials of Acerbi et al. 2018: left/right of the body's motion, and unity."""
    return datasets.read_acerbi2018(path)


def read_sifi(path) -> pd.DataFrame:
    """Trials of Chan et al. that show a flash (a report about no flash has no likelihood here), answers 0 … 3."""
    table = datasets.read_chan_sifi(path)
    table = table[(table["n_flashes"] > 0) & table["response"].isin([0, 1, 2, 3])]
    return table.assign(alternatives="0|1|2|3").reset_index(drop=True)


def simulate_heading(rng, n=3) -> pd.DataFrame:
    """Simulated Bayesian people in a small heading design; for where the published table is not at hand."""
    found = []
    disparities = [-40.0, -20.0, -10.0, 0.0, 10.0, 20.0, 40.0]
    shown = cross(middle=[-15.0, 0.0, 15.0], disparity=disparities, visual_level=["high", "low"])
    shown["vestibular_heading"] = shown["middle"] + shown["disparity"] / 2
    shown["visual_heading"] = shown["middle"] - shown["disparity"] / 2
    trials = finish(shown.drop(columns="middle"), seed=1, n_repeats=8, reports=("vestibular", "common"))
    trials["alternatives"] = trials["report"].map({"vestibular": "left|right", "common": None}).astype(object)
    for i in range(n):
        for level, sigma in (("low", 4.0), ("high", 12.0)):
            rows = trials[trials["visual_level"] == level]
            person = catalogue.load("acerbi2018", sigma_visual=sigma, p_common=float(rng.uniform(0.4, 0.7)))
            found.append(rows.join(person.perceive(rows, rng=rng).responses).assign(observer=f"simulated{i}"))
    return pd.concat(found, ignore_index=True)


def simulate_sifi(rng, n=3) -> pd.DataFrame:
    """Simulated people who average; 1 to 3 flashes with 0 to 3 beeps, for where the published table is not at hand.

    One flash alone, as in the published table, does not tell averaging from forced fusion; several counts do.
    """
    trials = flash_beep(60, n_flashes=(1, 2, 3), n_beeps=(0, 1, 2, 3), reports=("n_flashes",), seed=1)
    trials["alternatives"] = "0|1|2|3"
    people = [catalogue.load("numerosity", p_common=float(rng.uniform(0.3, 0.7)), lapse=0.02) for _ in range(n)]
    found = [
        trials.join(p.perceive(trials, rng=rng).responses).assign(observer=f"simulated{i}")
        for i, p in enumerate(people)
    ]
    return pd.concat(found, ignore_index=True)


def _first(table, n):
    names = list(dict.fromkeys(table["observer"]))
    return table[table["observer"].isin(names[:n])].reset_index(drop=True) if n else table


def fit_heading(people, *, n_starts, rng):
    """Bayes, fixed criterion and stochastic fusion fitted to each person's answers to both questions at once."""
    models = [catalogue.load(name, name=model) for model, name in HEADING_MODELS.items()]
    return measures.fit(models, people, HEADING, n_starts=n_starts, rng=rng, on_bad="report")


def fit_sifi(people, *, n_starts, rng):
    """Strategies of causal inference over counts and their two limits, under the prior of Rohe et al. 2019."""
    found = []
    for model, (fields, free) in SIFI_MODELS.items():
        own = SIFI | ({"p_common": (0.01, 0.99)} if free else {})
        if model == "segregation":
            own = {k: v for k, v in own.items() if k != "sigma_beeps"}  # beeps are not looked at
        observer = catalogue.load("numerosity", name=model, **fields)
        found.append(measures.fit(observer, people, own, n_starts=n_starts, rng=rng, on_bad="report"))
    tables = [pd.concat([getattr(f, t) for f in found], ignore_index=True) for t in ("estimates", "summary", "failed")]
    return measures.Fit(*tables, {k: v for f in found for k, v in f.observers.items()})


def _report(results, name, title, fitted, rng):
    """Tables and the comparison figure of one task."""
    table = measures.compare_models(fitted.summary, "bic", rng=rng)
    evidence = -fitted.summary.pivot(index="subject", columns="model", values="bic") / 2
    chosen = measures.select_models(evidence).table
    results.tables |= {
        f"{name}_estimates": fitted.estimates, f"{name}_summary": fitted.summary,
        f"{name}_comparison": table.join(chosen).reset_index(names="model"),
    }  # fmt: skip
    if len(fitted.failed):
        results.tables[f"{name}_failed"] = fitted.failed
    with plots.style():
        figure, ax = plt.subplots(figsize=(5.6, 0.9 + 0.28 * len(table)))
    plots.model_comparison(table, ax, exceedance=chosen, title=title)
    n = len(evidence)
    results.add_figure(
        f"{name}_models", figure, table.join(chosen).reset_index(names="model"),
        f"{title}: {n} people, ΔBIC summed; zero is the best model.",
    )  # fmt: skip
