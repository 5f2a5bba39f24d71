"""What answers need: the axis of the log Bayes factor taken out of a hidden layer, against random axes.

A causal-inference observer lets go of the light as disparity grows; if a layer's evidence for one cause is what does
it, then without that evidence the bias no longer falls with disparity.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import measures
from neuromm.session import generator
from neuromm.studies.showing import log_bayes_factor

N_RANDOM = 10


def ablate(participants, trials, *, seed, evidence=log_bayes_factor, say=print) -> pd.DataFrame:
    """Slope of auditory bias on disparity, as it is, without the log-Bayes-factor axis, and without random axes.

    Parameters
    ----------
    participants : list of Participant
        Observers with `edited` and `editable`: denoisers, fusion networks.
    trials : DataFrame
        With yoked measurements; pairs are used.
    evidence : callable
        Trials → log Bayes factor of each, nats; by default at the noise of the main experiment.

    Returns
    -------
    DataFrame
        observer, family, seed, layer, slope (per 10 deg), slope_evidence, slope_random (mean over random axes),
        effect_evidence, effect_random (changes of the slope).
    """
    pairs = trials[["auditory_azimuth", "visual_azimuth"]].notna().all(axis=1)
    shown = trials[pairs & (trials["report"] == "auditory")]
    target, rows = evidence(shown), []
    for who in participants:
        observer, rng = who.observer, generator(seed, f"ablation of {who.name}")
        say(f"ablation in {who.name}")
        hidden = list(observer.editable)
        recorded = observer.perceive(shown, rng=rng, layers=hidden).representations
        whole = _slope(shown, observer.edited(shown, hidden[0], lambda activity: activity)[:, 0])
        for layer in hidden:
            activity = recorded[layer].to_numpy().astype(float)
            axes = [measures.decoding_axis(activity, target)]
            axes += [measures.random_axis(activity, rng) for _ in range(N_RANDOM)]
            slopes = [
                _slope(shown, observer.edited(shown, layer, measures.eraser(activity, axis))[:, 0]) for axis in axes
            ]
            random = float(np.mean(slopes[1:]))
            rows.append({"observer": who.name, "family": who.family, "seed": who.seed, "layer": layer, "slope": whole,
                         "slope_evidence": slopes[0], "slope_random": random, "effect_evidence": slopes[0] - whole,
                         "effect_random": random - whole})  # fmt: skip
    return pd.DataFrame(rows)


def _slope(shown, answers):
    """Least-squares slope of the bias of each condition on |disparity|, per 10 deg, conditions weighted by disparity².

    The weights undo that a bias is a shift divided by a disparity: small disparities have the noisier biases.
    """
    table = pd.DataFrame({
        "condition": shown["condition"].to_numpy(), "error": answers - shown["auditory_azimuth"].to_numpy(),
        "gap": (shown["visual_azimuth"] - shown["auditory_azimuth"]).to_numpy(),
    }).groupby("condition").mean()  # fmt: skip
    table = table[table["gap"].abs() > 1e-6]
    slope, _ = np.polyfit(table["gap"].abs() / 10, table["error"] / table["gap"], 1, w=table["gap"].abs())
    return float(slope)
