"""Cue combination: does each cue weigh what its reliability deserves?"""

from __future__ import annotations

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.studies.results import Results, read_table, say, stimuli_and_people, with_people


def main(
    observers: list[str] | None = None,
    n_repeats: int = 40,
    trials: str | None = None,
    seed: int = 1,
    out: str = "results/cue_combination",
):
    """Cue combination: visual weight of bimodal answers against the weight that reliabilities predict.

    Parameters
    ----------
    observers : list of str
        Names of the catalogue; repeat the flag. Default: the ideal observers.
    n_repeats : int
        Showings of each condition.
    trials : str
        A trial table of your own instead of the built-in design; answers in it are drawn as people.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["forced_fusion", "causal_inference", "segregation"]
    shown = read_table(trials) if trials else paradigms.cue_combination(n_repeats, seed=seed)
    shown, answered = stimuli_and_people(shown)
    session = present(shown, [catalogue.load(name) for name in names], seed=seed, layers=None, progress=say)
    weights = measures.cue_weights(with_people(session.trials, answered))
    results = Results(
        title="Each cue's weight beside the weight that its reliability predicts",
        text=f"{len(shown)} questions to each observer, conflicts of a few degrees, light blurred in steps. "
        "The prediction is σ_A²/(σ_A² + σ_V²) with σ from the same observer's unimodal answers (Ernst & Banks 2002; "
        "Alais & Burr 2004).",
        parameters={
            "name": "cue_combination",
            "observers": names,
            "n_repeats": n_repeats,
            "trials": trials,
            "seed": seed,
        },
        tables={"cue_weights": weights},
    )
    figure = plots.weights_against_prediction(weights).figure
    figure.set_size_inches(4.6, 2.8)
    results.add_figure("cue_weights", figure, weights, "On the line: weights that follow reliability.")
    page = results.write(out, session)
    say(f"wrote {page}")
    return page
