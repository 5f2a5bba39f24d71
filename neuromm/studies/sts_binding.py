"""What a binding STS does for speech: McGurk answers, a graded lesion, time, people, and what a scanner sees of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import measures, paradigms, plots
from neuromm.measures.bias import rate_with_interval
from neuromm.observers.rate.sts_binding import STSBinding
from neuromm.session import generator, present
from neuromm.studies.results import Results, say

SYLLABLES = ("ba", "da", "ga")
GAINS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
SOAS = (-467.0, -333.0, -200.0, -133.0, -67.0, 0.0, 67.0, 133.0, 200.0, 333.0, 467.0)  # ms, sound later positive
SIZES = (0.4, 0.8, 1.6, 3.2, 4.8, 6.0, 8.0)  # mm


def _rate(hits):
    """Share of True, and its 95 % (Wilson) interval."""
    return rate_with_interval(hits.sum(), len(hits))


def said(observer, trials, seed):
    """Trials with the observer's `response_label`."""
    percept = observer.perceive(trials, rng=generator(seed, observer.name))
    return trials.assign(response_label=percept.responses["response_label"])


def lesion(n_repeats, seed, gains=GAINS):
    """Fusion of A ba V ga, and congruent syllables identified, against the gain of the STS; 95 % over trials."""
    trials, rows = paradigms.mcgurk(n_repeats, seed=seed), []
    for gain in gains:
        table = said(STSBinding(sts_gain=gain), trials, seed)
        illusion = (table["auditory_syllable"] == "ba") & (table["visual_syllable"] == "ga")
        same = table["auditory_syllable"] == table["visual_syllable"]
        for measure, hits in (
            ("fusion, A ba + V ga heard as da", table.loc[illusion, "response_label"] == "da"),
            ("congruent syllables identified", (table["response_label"] == table["auditory_syllable"])[same]),
        ):
            rows.append((gain, measure, *_rate(hits)))
    return pd.DataFrame(rows, columns=["sts_gain", "measure", "rate", "low", "high"])


def fusion_by_soa(n_repeats, seed):
    """Fusion of A ba V ga against asynchrony, intact and without temporal mismatch; columns as
    `plots.fusion_window`."""
    trials = paradigms.mcgurk(n_repeats, pairs=[("ba", "ga")], alternatives=SYLLABLES, soas=SOAS, seed=seed)
    table = said(STSBinding(), trials, seed)
    rows = [("sts_binding", soa, *_rate(group["response_label"] == "da")) for soa, group in table.groupby("soa")]
    return pd.DataFrame(rows, columns=["observer", "soa", "fusion", "low", "high"])


def people(n_people, n_repeats, spread, noise, seed):
    """People whose STS differs in gain: its measured response to A ba V ga, and how often they fuse.

    Gains are log-normal (median 0.5, sd of the log `spread`); the response is the summed STS map, seen with measurement
    noise of `noise` times its sd over people.
    """
    rng, rows = np.random.default_rng([seed, 14]), []
    trials = paradigms.mcgurk(n_repeats, pairs=[("ba", "ga")], alternatives=SYLLABLES, seed=seed)
    for person, gain in enumerate(0.5 * np.exp(spread * rng.standard_normal(n_people))):
        observer = dataclasses.replace(STSBinding(), sts_gain=gain)
        percept = observer.perceive(trials, rng=generator(seed, f"person {person}"), layers=["sts"])
        response = float(percept.representations["sts"].sum("unit").mean())
        rows.append((person, gain, response, (percept.responses["response_label"] == "da").mean()))
    table = pd.DataFrame(rows, columns=["person", "sts_gain", "response", "fusion"])
    measured = table["response"] + noise * table["response"].std() * rng.standard_normal(n_people)
    return table.assign(measured=measured)


def main(n_repeats: int = 200, n_people: int = 14, seed: int = 1, out: str = "results/sts_binding"):
    """STS binding: McGurk answers, fusion against STS gain (lesion) and asynchrony, people, patches in voxels.

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    n_people : int
        Simulated people, as many as in Nath & Beauchamp 2012.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    session = present(paradigms.mcgurk(n_repeats, seed=seed), [STSBinding()], seed=seed, layers=None, progress=say)
    answers = measures.response_distribution(session.trials)
    lesions, window = lesion(n_repeats, seed), fusion_by_soa(n_repeats, seed)
    group = people(n_people, n_repeats, spread=0.5, noise=0.8, seed=seed)
    r = float(np.corrcoef(group["measured"], group["fusion"])[0, 1])
    labels = measures.patchwork(rng=np.random.default_rng([seed, 4]))
    patches = measures.patches_by_resolution(labels, SIZES)
    results = Results(
        "The STS binds voice and lips, or does not",
        f"Population codes meet in a normalised map (STSBinding). Over {n_people} simulated people the response of the "
        f"STS and the rate of fusion correlate at r = {r:.2f}; Nath & Beauchamp 2012 report a correlation (about .73, "
        "recalled). Gains between people and measurement noise are assumptions.",
        {"name": "sts_binding", "n_repeats": n_repeats, "n_people": n_people, "seed": seed},
        tables={"answers": answers, "lesion": lesions, "people": group, "patches": patches},
    )
    figure = plots.response_bars(answers).figure
    results.add_figure("answers", figure, answers, "What is heard when voice (A) and lips (V) agree or differ.")
    figure = plots.lesion_curve(lesions).figure
    results.add_figure("lesion", figure, lesions, "As the STS loses its gain, fusion goes; congruent speech stays.")
    figure = plots.fusion_window(window).figure
    results.add_figure("window", figure, window, "Fusion needs voice and lips to overlap in time.")
    figure = plots.response_and_fusion(group).figure
    results.add_figure("people", figure, group, f"People with a stronger STS response fuse more often (r = {r:.2f}).")
    figure = plots.patch_panels(labels, patches)[0].figure
    caption = "Patches of one sense (left) look multisensory in coarse voxels, by criteria that any mixture meets."
    results.add_figure("patches", figure, patches, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page
