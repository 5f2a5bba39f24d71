"""Which way am I going? Unity and left/right judgements of self-motion in conflict, observers and published people."""

from __future__ import annotations

from pathlib import Path

from neuromm import catalogue, datasets, measures, paradigms, plots
from neuromm.core.protocols import Predicts
from neuromm.session import present
from neuromm.studies.results import Results, say

DISPARITY = "disparity, vestibular − visual (deg)"


def main(
    observers: list[str] | None = None,
    n_repeats: int = 10,
    human: str = "../shared/data/heading_ci_acerbi2018",
    seed: int = 1,
    out: str = "results/heading",
):
    """Heading with conflict: P("one cause") and P("right") against disparity (design of Acerbi et al. 2018).

    Parameters
    ----------
    observers : list of str
        Names of the catalogue; repeat the flag. Default: Bayes, fixed criterion, stochastic fusion.
    n_repeats : int
        Showings of each of the 189 conditions.
    human : str
        Folder of the published single trials; left out if not there.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["acerbi2018", "acerbi2018_fixed", "acerbi2018_stochastic"]
    models = [catalogue.load(name) for name in names]
    shown = paradigms.heading(n_repeats, seed=seed)
    session = present(shown, models, seed=seed, layers=None, progress=say)
    results = Results(
        "Felt and seen motion: one cause?",
        f"{len(shown)} questions to each observer. Points: answers, 95 % over trials (people: mean and SEM over 11); "
        "lines: exact. Bayesian unity widens when sight is unreliable; a fixed criterion only flattens.",
        {"name": "heading", "observers": names, "n_repeats": n_repeats, "human": human, "seed": seed},
    )
    unity = measures.mean_answers(session.trials, ["disparity", "visual_reliability"], report="common")
    right = measures.mean_answers(session.trials, ["vestibular_heading", "disparity"], report="vestibular")
    results.tables |= {"unity": unity, "right": right}
    rows = shown[shown["report"] == "common"].drop_duplicates("condition")
    for model in models:
        own = unity[unity["observer"] == model.name]
        exact = rows.assign(mean=model.predict(rows)["expected"].to_numpy()) if isinstance(model, Predicts) else None
        if exact is not None:
            exact = exact.groupby(["disparity", "visual_reliability"], as_index=False)["mean"].mean()
        ax = plots.answers_against(
            own, "disparity", level="visual_reliability", predicted=exact, half=True, xlabel=DISPARITY,
            ylabel='P("one cause")', words={r: f"reliability {r:g}" for r in unity["visual_reliability"].unique()},
        )  # fmt: skip
        plots.headed(ax, model.name.replace("_", " "), (5.2, 2.6), ylim=(-0.03, 1.03))
        results.add_figure(f"unity_{model.name}", ax.figure, own, "How often felt and seen motion are judged one.")
    _people(results, human)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _people(results, path):
    """P("one cause") of the published people by disparity and noise of sight, mean and SEM over people."""
    if not Path(path).exists():
        say(f"no table of people at {path}; their figure is left out")
        return
    each, over = people_unity(datasets.read_acerbi2018(path))
    results.tables["people_unity"] = each
    ax = plots.answers_against(
        over, "disparity", level="visual_level", colour="human", half=True, xlabel=DISPARITY, ylabel='P("one cause")',
        words={level: f"{level[3:]} noise of sight" for level in over["visual_level"].unique()},
    )  # fmt: skip
    plots.headed(ax, "People (Acerbi et al. 2018)", (5.2, 2.6), ylim=(-0.03, 1.03))
    results.add_figure(
        "people_unity", ax.figure, over, "11 people, mean and SEM; single trials of the published table."
    )


def people_unity(table):
    """Unity of each person, and its mean and SEM over people; `visual_level` is numbered from the noisiest."""
    order = {"high": "1. high", "medium": "2. medium", "low": "3. low"}
    asked = table[table["report"] == "common"].assign(kind="human")
    asked["visual_level"] = asked["visual_level"].map(order)
    each = measures.mean_answers(asked, ["disparity", "visual_level"])
    cells = each.groupby(["disparity", "visual_level"])["mean"]
    over = cells.agg(["mean", "sem", "size"]).reset_index().rename(columns={"size": "n"})
    return each, over.assign(low=over["mean"] - over["sem"], high=over["mean"] + over["sem"], kind="human")
