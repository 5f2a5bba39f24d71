"""Is the hand mine? Body ownership against visuotactile asynchrony, by inferred cause and by a fixed criterion."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.studies.results import Results, say

SOAS = (-500.0, -300.0, -150.0, 0.0, 150.0, 300.0, 500.0)
NOISE = {"0 % visual noise": 116.0, "50 % visual noise": 178.0}  # ms, fitted by Chancel et al. 2022
RULES = ("chancel2022", "chancel2022_fixed")


def main(n_repeats: int = 12, n_people: int = 15, seed: int = 1, out: str = "results/ownership"):
    """Body ownership: P("mine") of two rules, and which rule a fit finds (design of Chancel, Ehrsson & Ma 2022).

    Parameters
    ----------
    n_repeats : int
        Showings of each of 7 asynchronies and 2 noises to each simulated person (12 in the paper).
    n_people : int
        Simulated people who infer causes (15 in the paper).
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    shown = paradigms.synchrony(n_repeats, soas=SOAS, reports=("ownership",), seed=seed)
    criterion = catalogue.load("chancel2022").window()[1]
    rules = [catalogue.load(RULES[0]), catalogue.load(RULES[1], criterion=criterion)]
    answered, exact = [], []
    for label, sigma in NOISE.items():
        makers = [dataclasses.replace(rules[0], sigma=sigma, name=f"p{i + 1:02d}") for i in range(n_people)]
        session = present(shown.assign(visual_level=label), makers, seed=seed, layers=None)
        answered.append(session.trials)
        exact += [_curve(dataclasses.replace(rule, sigma=sigma), label) for rule in rules]
    people, exact = pd.concat(answered, ignore_index=True), pd.concat(exact, ignore_index=True)
    pooled = measures.mean_answers(people.assign(observer="people"), ["soa", "visual_level"])
    results = Results(
        "A hand is owned when sight and touch probably had one cause",
        f"{n_people} simulated people infer causes (p .80, σ 116 and 178 ms, λ .08; read). Points: pooled answers, "
        "95 % over trials. Noise widens ownership under inference; under a fixed criterion it would flatten it.",
        {"name": "ownership", "n_repeats": n_repeats, "n_people": n_people, "seed": seed},
        tables={"answers": pooled, "curves": exact},
    )
    for rule in rules:
        curve = exact[exact["rule"] == rule.name]
        ax = plots.answers_against(
            pooled, "soa", level="visual_level", predicted=curve, half=True, ylabel='P("the hand is mine")',
            xlabel="felt first  ←  felt − seen touch (ms)  →  seen first",
        )  # fmt: skip
        plots.headed(ax, f"Lines: {rule.name.replace('_', ' ')}", (5.4, 2.7), xticks=SOAS, ylim=(0, 1.02))
        results.add_figure(
            f"ownership_{rule.name}", ax.figure, curve, f"Answers of simulated people; lines: {rule.name}."
        )
    _compare(results, rules, people, seed)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _curve(rule, label):
    trials = pd.DataFrame({"soa": np.arange(-520.0, 521.0, 10.0), "report": "ownership"})
    return trials.assign(rule=rule.name, visual_level=label, mean=rule.predict(trials)["expected"]).drop(
        columns="report"
    )


def _compare(results, rules, people, seed):
    """Both rules fitted to every simulated person, one noise per visual level; ΔAIC as in the paper's table."""
    free = {"sigma": measures.Free(20.0, 600.0, "log", per="visual_level"), "p_common": (0.02, 0.98),
            "criterion": (20.0, 900.0), "lapse": (1e-4, 0.3)}  # fmt: skip
    fitted = measures.fit(rules, people, free, rng=np.random.default_rng(seed), on_bad="report")
    table = measures.compare_models(fitted.summary, "aic")
    results.tables |= {"fit_summary": fitted.summary, "estimates": fitted.estimates}
    results.tables["comparison"] = table.reset_index(names="model")
    figure = plots.model_comparison(table).figure
    figure.set_size_inches(5.4, 1.4)
    results.add_figure("models", figure, table.reset_index(names="model"), "ΔAIC of the rules over simulated people.")
