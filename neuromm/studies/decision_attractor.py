"""Deciding on the sum of two senses: accuracy and speed of the Wong–Wang attractor with one cue and with both."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import plots
from neuromm.observers.protocol import Record
from neuromm.observers.rate.wongwang2006 import WongWang2006
from neuromm.session import generator
from neuromm.studies.results import Results, say

COHERENCES = (0.0, 3.2, 6.4, 12.8, 25.6, 51.2)  # %
REFERENCE = {"correct": (0.506, 0.683, 0.841, 0.984, 1.0, 1.0), "time": (419.0, 407, 385, 330, 253, 174)}  # one cue


def decide(n_trials, seed, coherences=COHERENCES, **weights):
    """Accuracy and mean decision time (ms) with sound, light, or both, each cue of the given coherence.

    `weights` are fields of the observer, such as `weight_visual=0.5`.
    """
    observer, rows = WongWang2006(**weights), []
    for line, shown in (("auditory", (1, 0)), ("visual", (0, 1)), ("both", (1, 1))):
        for c in coherences:
            place = c / 100 / observer.evidence_per_degree
            columns = {f"{m}_azimuth": place if there else np.nan
                       for m, there in zip(("auditory", "visual"), shown, strict=True)}  # fmt: skip
            trials = pd.DataFrame({"report": ["direction"] * n_trials, **columns})
            given = observer.perceive(trials, rng=generator(seed, f"{line} {c}")).responses
            rows.append(
                (line, c, given["response"].mean(), given["reaction_time"].mean(), given["reaction_time"].isna().mean())
            )
    table = pd.DataFrame(rows, columns=["line", "coherence", "correct", "time", "undecided"])
    return table.assign(kind="model")


def courses(n_trials=12, seed=1):
    """Rates of both populations in single trials with a weak sound and light."""
    trials = pd.DataFrame({"coherence": [0.064] * n_trials, "report": "direction"})
    record = [Record("*", time="all", every=10.0)]
    percept = WongWang2006(duration=1000.0).perceive(trials, rng=generator(seed, "courses"), layers=record)
    parts = []
    for name, values in percept.representations.items():
        for trial, course in enumerate(values.to_numpy()[..., 0]):
            parts.append(pd.DataFrame({"time": values["time"], "rate": course, "trial": trial, "line": name}))
    return pd.concat(parts, ignore_index=True)


def main(n_trials: int = 400, weight_visual: float = 1.0, seed: int = 1, out: str = "results/decision_attractor"):
    """Decision attractor on multisensory evidence: choices and times with one cue and with both.

    Parameters
    ----------
    n_trials : int
        Per condition; the reference has 1000.
    weight_visual : float
        Weight of the light's evidence; the sound's is 1.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    table, course = decide(n_trials, seed, weight_visual=weight_visual), courses(seed=seed)
    reference = pd.DataFrame({"line": "reference, one cue", "coherence": COHERENCES, **REFERENCE, "kind": "reference"})
    shown = pd.concat([table, reference], ignore_index=True)
    results = Results(
        "Two weak cues decide as one strong one",
        "Wong & Wang 2006 with evidence w_A c_A + w_V c_V. The reference is another simulation of the same equations.",
        {"name": "decision_attractor", "n_trials": n_trials, "weight_visual": weight_visual, "seed": seed},
        tables={"decisions": table, "courses": course},
    )
    figure = plots.psychometric_and_times(shown)[0].figure
    results.add_figure("decisions", figure, shown, "With both cues decisions are more often right, and sooner.")
    figure = plots.decision_courses(course).figure
    results.add_figure(
        "courses", figure, course, "Two populations part: one wins and passes 15 Hz, the other is silenced."
    )
    page = results.write(out)
    say(f"wrote {page}")
    return page
