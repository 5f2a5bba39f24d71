"""The ventriloquist effect: how far a light pulls a sound, against disparity, observer beside observer."""

from __future__ import annotations

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.studies.results import Results, read_table, say, stimuli_and_people, with_people


def main(
    observers: list[str] | None = None,
    n_repeats: int = 20,
    keys: bool = False,
    baseline: str = "stimulus",
    trials: str | None = None,
    seed: int = 1,
    out: str = "results/ventriloquism",
):
    """Ventriloquism: auditory bias and unity judgements against disparity (design of Körding et al. 2007).

    Parameters
    ----------
    observers : list of str
        Names of the catalogue; repeat the flag. Default: ideal observers and the Cuppini network.
    n_repeats : int
        Showings of each of the 35 conditions.
    keys : bool
        Answer on five keys, as in the paper.
    baseline : str
        What counts as no bias: stimulus, aligned or unisensory.
    trials : str
        A trial table of your own (CSV or TSV) instead of the built-in design; answers in it are drawn as people.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["causal_inference", "forced_fusion", "segregation", "cuppini2017"]
    shown = read_table(trials) if trials else paradigms.ventriloquism(n_repeats, keys=keys, seed=seed)
    shown, answered = stimuli_and_people(shown)
    session = present(shown, [catalogue.load(name) for name in names], seed=seed, layers=None, progress=say)
    results = Results(
        title="A light pulls a sound: " + ", ".join(n.replace("_", " ") for n in names),
        text=f"{len(shown)} questions to each observer; bias is measured from the {baseline} baseline, "
        "intervals are 95 % over trials.",
        parameters={
            "name": "ventriloquism",
            "observers": names,
            "n_repeats": n_repeats,
            "keys": keys,
            "baseline": baseline,
            "trials": trials,
            "seed": seed,
        },
    )
    everyone = with_people(session.trials, answered)
    bias = measures.crossmodal_bias(everyone, baseline=baseline)
    results.tables["auditory_bias"] = bias
    figure = plots.bias_by_disparity(bias).figure
    figure.set_size_inches(5.2, 2.8)
    results.add_figure(
        "auditory_bias", figure, bias, "Auditory bias toward the light against disparity; bands are 95 % over trials."
    )
    if (shown["report"] == "common").any():
        unity = measures.unity_rate(everyone)
        results.tables["unity"] = unity
        figure = plots.unity_by_disparity(unity).figure
        figure.set_size_inches(5.2, 2.8)
        results.add_figure("unity", figure, unity, "How often one cause is reported, against disparity.")
    page = results.write(out, session)
    say(f"wrote {page}")
    return page
