"""Adding spike counts is optimal cue combination, if both populations are tuned alike (Ma, Beck, Latham & Pouget
2006)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import plots
from neuromm.observers.rate.ma2006 import Ma2006
from neuromm.observers.rate.population_code import expected_variance
from neuromm.session import generator
from neuromm.studies.results import Results, say

GAINS = ((2.0, 2.0), (5.0, 2.0), (5.0, 10.0), (20.0, 5.0), (20.0, 20.0), (50.0, 10.0))  # spikes per s
WIDTHS = ((10.0, 10.0), (10.0, 15.0), (5.0, 20.0))  # deg, of auditory and visual tuning
CONFLICTS = ((5.0, 10.0), (10.0, 5.0), (20.0, 5.0))


def answers(observer, n_trials, seed, auditory=0.0, visual=0.0):
    """Estimates of `n_trials` showings of one pair, deg."""
    trials = pd.DataFrame({"auditory_azimuth": [auditory] * n_trials, "visual_azimuth": visual, "report": "auditory"})
    return observer.perceive(trials, rng=generator(seed, observer.name)).responses["response"].to_numpy()


def by_gain(n_trials, seed):
    """Variance of the decoder of the summed counts against the optimum, for pairs of gains."""
    rows = []
    for heard, seen in GAINS:
        observer = Ma2006(gain_auditory=heard, gain_visual=seen)
        alone = [expected_variance(g, 10.0, 1.0) for g in (heard, seen)]
        optimal = 1 / sum(1 / v for v in alone)
        rows.append((heard, seen, "sum of counts", optimal, answers(observer, n_trials, seed).var()))
    return pd.DataFrame(rows, columns=["gain_auditory", "gain_visual", "decoder", "optimal", "variance"])


def by_width(n_trials, seed, gain=10.0):
    """The plain sum and the weighted sum, for populations of unequal tuning width."""
    rows = []
    for heard, seen in WIDTHS:
        optimal = 1 / sum(1 / expected_variance(gain, w, 1.0) for w in (heard, seen))
        for decoder, label in (("sum", "sum of counts"), ("weighted", "counts weighted by 1/width²")):
            observer = Ma2006(gain, gain, sigma_tuning_auditory=heard, sigma_tuning_visual=seen, decoder=decoder)
            rows.append((heard, seen, label, optimal, answers(observer, n_trials, seed).var()))
    return pd.DataFrame(rows, columns=["width_auditory", "width_visual", "decoder", "optimal", "variance"])


def by_conflict(n_trials, seed):
    """Mean estimate of a pair in conflict (sound at −3, light at +3 deg) against the mean weighted by gain."""
    rows = []
    for heard, seen in CONFLICTS:
        given = answers(Ma2006(gain_auditory=heard, gain_visual=seen), n_trials, seed, -3.0, 3.0)
        rows.append((heard, seen, 3 * (seen - heard) / (heard + seen), given.mean()))
    return pd.DataFrame(rows, columns=["gain_auditory", "gain_visual", "expected", "mean"])


def main(n_trials: int = 4000, seed: int = 1, out: str = "results/ppc_optimality"):
    """Probabilistic population codes: the variance of summed counts against the optimum.

    Parameters
    ----------
    n_trials : int
        Showings per pair of gains or widths; the reference set has 20 000.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    gains, widths, conflicts = by_gain(n_trials, seed), by_width(n_trials, seed), by_conflict(n_trials, seed)
    worst = float(np.abs(gains["variance"] / gains["optimal"] - 1).max())
    results = Results(
        "Adding spikes is combining cues",
        f"Ma et al. 2006. Over gains from 2 to 50 the sum is within {100 * worst:.0f} % of the optimal variance; with "
        "unequal tuning widths the plain sum is not, and counts weighted by their width are.",
        {"name": "ppc_optimality", "n_trials": n_trials, "seed": seed},
        tables={"gains": gains, "widths": widths, "conflicts": conflicts},
    )
    figure = plots.decoded_variance(gains).figure
    results.add_figure(
        "gains", figure, gains, "Equal tuning: the decoder of the sum lies on the optimum, whatever the gains."
    )
    figure = plots.decoded_variance(widths).figure
    results.add_figure(
        "widths", figure, widths, "Unequal widths: only counts weighted by 1/width² stay on the optimum."
    )
    page = results.write(out)
    say(f"wrote {page}")
    return page
