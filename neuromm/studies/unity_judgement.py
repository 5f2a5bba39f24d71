"""One cause or two? Unity judgements against disparity, and what each judgement does to the place of the sound."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.core.protocols import Predicts
from neuromm.session import present
from neuromm.studies.results import Results, say

BLUR = {1.0: "clear light", 0.0625: "blurred light"}


def main(
    observers: list[str] | None = None,
    n_repeats: int = 100,
    seed: int = 1,
    out: str = "results/unity_judgement",
):
    """Unity judgements: is it one cause, and how far is the sound drawn when it is judged so? (Wallace et al. 2004)

    Parameters
    ----------
    observers : list of str
        Names of the catalogue; repeat the flag. Default: causal inference and a fixed criterion.
    n_repeats : int
        Showings of each disparity and reliability.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["causal_inference", "fixed_criterion"]
    shown = paradigms.unity_judgement(n_repeats, seed=seed)
    models = [catalogue.load(name) for name in names]
    session = present(shown, models, seed=seed, layers=None, progress=say)
    results = Results(
        "One cause or two?",
        f"{len(shown)} questions to each observer; the sound straight ahead. Points: answers with 95 % intervals over "
        "trials; lines: exact expectations where the observer gives them.",
        {"name": "unity_judgement", "observers": names, "n_repeats": n_repeats, "seed": seed},
    )
    by = ["disparity", "visual_reliability"]
    unity = measures.mean_answers(session.trials, by, report="common")
    results.tables["unity"] = unity
    for model in models:
        own = unity[unity["observer"] == model.name]
        ax = plots.answers_against(
            own, "disparity", level="visual_reliability", predicted=_predicted(model, shown), half=True, words=BLUR,
            xlabel="disparity, auditory − visual (deg)", ylabel='P("one cause")',
        )  # fmt: skip
        plots.headed(ax, model.name.replace("_", " "), (5.0, 2.6), ylim=(-0.03, 1.03))
        results.add_figure(
            f"unity_{model.name}", ax.figure, own, "How often one cause is reported, clear and blurred light."
        )
    shift = _shift_by_judgement(session.trials)
    results.tables["shift_by_judgement"] = shift
    if len(shift):
        ax = plots.answers_against(
            shift[shift["observer"] == names[0]], "disparity", level="judged", colour="auditory",
            words={0.0: 'judged "two causes"', 1.0: 'judged "one cause"'},
            xlabel="disparity, auditory − visual (deg)", ylabel="answer less true place\nof the sound (deg, right +)",
        )  # fmt: skip
        ax.axhline(0, color="#8C8C8C", lw=0.5)
        plots.headed(ax, "The judgement sorts the answers", (5.0, 2.6))
        results.add_figure(
            "shift_by_judgement",
            ax.figure,
            shift,
            f"{names[0]}: sounds judged separate lie away from a near light: selection.",
        )
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _predicted(model, shown):
    """Exact P("one cause") on the shown disparities; None if the observer predicts nothing."""
    if not isinstance(model, Predicts):
        return None
    rows = shown[shown["report"] == "common"].drop_duplicates("condition")
    exact = model.predict(rows)["expected"].to_numpy()
    return rows[["disparity", "visual_reliability"]].assign(mean=exact)


def _shift_by_judgement(trials):
    """Mean error of the auditory answer by the unity judgement of the same showing, at least 5 answers per cell."""
    wide = trials.pivot_table(index=["observer", "presentation"], columns="report", values="response")
    if not {"auditory", "common"} <= set(wide):
        return pd.DataFrame()
    at = trials.drop_duplicates("presentation").set_index("presentation")[["disparity", "auditory_azimuth"]]
    wide = wide.reset_index().join(at, on="presentation")
    wide["response"], wide["report"] = wide["auditory"] - wide["auditory_azimuth"], "auditory"
    wide["judged"] = np.where(wide["common"] > 0.5, 1.0, 0.0)
    table = measures.mean_answers(
        wide[["observer", "report", "response", "disparity", "judged"]], ["disparity", "judged"]
    )
    return table[table["n"] >= 5].reset_index(drop=True)
