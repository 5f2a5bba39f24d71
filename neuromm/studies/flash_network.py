"""Two beeps make one flash two, if they are close: fission against the time between beeps in two networks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import paradigms, plots
from neuromm.measures.bias import rate_with_interval
from neuromm.observers.protocol import Record
from neuromm.observers.rate.cuppini2014 import Cuppini2014
from neuromm.observers.rate.paredes2025 import Paredes2025
from neuromm.session import generator
from neuromm.studies.results import Results, say

SOAS = (24.0, 36.0, 48.0, 57.0, 60.0, 66.0, 72.0, 78.0, 84.0, 96.0, 108.0, 120.0, 132.0, 156.0, 204.0)  # ms
FITTED = {  # the set fitted to a curve of people, in scikit-neuromsi: ms, input, weights
    "n_cells": 30, "tau_auditory": 6.560, "tau_visual": 9.191, "tau_multisensory": 120.0, "lateral_excitation": 0.5,
    "lateral_inhibition": 0.4, "weight_crossmodal": 1.036e-3, "weight_feedback": 0.6231, "weight_feedforward": 3.892,
    "strength_auditory": 2.325, "strength_visual": 1.45, "onset": 16.0, "duration": 550.0,
}  # fmt: skip
FAST = {"integrator": "exponential"}


def observers(variability=0.1):
    """Name → network: Cuppini 2014, with strengths that vary, without connections, and Paredes 2025 fitted.

    The fitted one depends on the step: Euler at 0.05 ms, that of its reference values, is far from the converged curve.
    """
    return {
        "Cuppini2014": Cuppini2014(**FAST),
        f"Cuppini2014, strengths ± {100 * variability:g} %": Cuppini2014(**FAST, variability=variability),
        "Cuppini2014, connections cut": Cuppini2014(**FAST, weight_crossmodal=0.0),
        "Paredes2025, fitted, Euler 0.05 ms": Paredes2025(**FITTED, dt=0.05),
        "Paredes2025, fitted, converged": Paredes2025(**FAST, **FITTED),
    }


def fission(observer, soas, n_repeats, seed):
    """Probability that one flash with two beeps is read as two, and how often two are counted, per SOA.

    A network without variability is run once per SOA.
    """
    n = n_repeats if observer.variability else 1
    trials = paradigms.flash_beep(n, n_flashes=(1,), n_beeps=(2,), soas=soas, reports=("n_flashes",), seed=seed)
    percept = observer.perceive(trials, rng=generator(seed, observer.name), layers=["peaks"])
    several = percept.representations["peaks"].to_numpy()[:, 1]  # P(several) of the visual ring
    table = trials.assign(p_two=several, counted=percept.responses["response"].to_numpy() >= 2)
    rows = []
    for soa, group in table.groupby("beep_soa"):
        interval = (group["counted"].mean(), np.nan, np.nan)
        if n > 1:
            interval = rate_with_interval(group["counted"].sum(), len(group))
        rows.append((soa, group["p_two"].mean(), *interval))
    return pd.DataFrame(rows, columns=["beep_soa", "p_two", "counted", "low", "high"])


def courses(soas=(57.0, 84.0)):
    """Activity in time at the stimulated visual cell, for a fission, a failed fission, and a flash with one beep."""
    network = Cuppini2014(**FAST)
    trials = pd.DataFrame({"n_flashes": 1, "n_beeps": [2, 2, 1], "beep_soa": [*soas, np.nan], "report": "n_flashes"})
    percept = network.perceive(trials, rng=np.random.default_rng(0), layers=[Record("visual", time="all", every=1.0)])
    rings = percept.representations["visual"]
    labels = [*(f"1 flash, 2 beeps {soa:g} ms apart" for soa in soas), "1 flash, 1 beep"]
    time = rings["time"].to_numpy() - network.onset
    parts = [pd.DataFrame({"time": time, "rate": ring[:, network.n_cells // 2], "line": label})
             for ring, label in zip(rings.to_numpy(), labels, strict=True)]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def main(n_repeats: int = 40, variability: float = 0.1, soas: list[float] | None = None, seed: int = 1,
         out: str = "results/flash_network"):  # fmt: skip
    """Sound-induced flash illusion in networks: fission against SOA, sharp or graded by variability.

    Parameters
    ----------
    n_repeats : int
        Trials per SOA of the variable network.
    variability : float
        sd of both strengths from trial to trial, as a fraction (an assumption).
    soas : list of float
        Times between the beeps, ms. Default: 24 to 204.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    parts = [fission(o, soas or SOAS, n_repeats, seed).assign(line=name) for name, o in observers(variability).items()]
    table, course = pd.concat(parts, ignore_index=True), courses()
    results = Results(
        "Two close beeps make one flash two",
        "Networks of Cuppini et al. 2014 and Paredes et al. 2025. The window is sharp without variability; human "
        "fission windows are about 70–100 ms. P(two) reads the heights of two peaks as probabilities. The fitted "
        "curve of Paredes depends on the integration step: both are shown.",
        {"name": "flash_network", "n_repeats": n_repeats, "variability": variability, "seed": seed},
        tables={"fission": table, "courses": course},
    )
    figure = plots.probability_by_soa(table.drop(columns=["low", "high"])).figure
    figure.set_size_inches(5.6, 2.8)
    caption = (
        "Fission by SOA: an edge at 72–84 ms, graded by variability, smooth in the fitted set, none without links."
    )
    results.add_figure("fission", figure, table, caption)
    figure = plots.activity_in_time(course).figure
    figure.set_size_inches(5.6, 2.4)
    results.add_figure(
        "courses", figure, course, "The visual cell answers the second beep only if it comes soon enough."
    )
    page = results.write(out)
    say(f"wrote {page}")
    return page
