"""Does representational similarity tell segregation, fusion and causal inference apart? On a network built to do
them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import measures, plots
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.rate.causal_hierarchy import STAGES, CausalHierarchy
from neuromm.session import generator
from neuromm.stimuli.table import cross, finish
from neuromm.studies.results import Results, say

POSITIONS = (-10.0, -3.3, 3.3, 10.0)  # deg, as in Aller & Noppeney 2019
RELIABILITY = (1.0, 0.0625)  # of the light: sd 2 and 8 deg
SIGMAS = {"sigma_auditory": 6.0, "sigma_visual": 2.0, "sigma_prior": 12.0}
MODELS = {"segregation": "segregated", "fusion": "fused", "causal_inference": "estimate"}


def design(n_repeats, seed):
    """4 × 4 places × 2 reliabilities, both places asked."""
    pairs = cross(auditory_azimuth=POSITIONS, visual_azimuth=POSITIONS, visual_reliability=RELIABILITY)
    return finish(pairs, seed=seed, n_repeats=n_repeats, reports=("auditory", "visual"))


def model_rdms(seed=0):
    """RDMs of what an ideal observer computes from noise-free samples: both places apart, fused, and weighed."""
    trials = design(1, seed)
    trials = trials[trials["report"] == "auditory"]
    trials = trials.assign(**{f"{s}_measurement": trials[f"{s}_azimuth"] for s in ("auditory", "visual")})
    percept = CausalInference(**SIGMAS).perceive(trials, rng=np.random.default_rng(0), layers=list(MODELS.values()))
    return {name: measures.rdm(percept.representations[layer], name=name) for name, layer in MODELS.items()}


def explained(n_subjects, n_repeats, noise, seed):
    """How well each model explains each stage of each simulated subject.

    A subject is `n_repeats` noisy showings of every condition to the network, averaged, plus measurement noise of
    `noise` times the spread of a stage's pattern, as a scanner would add.

    Returns
    -------
    DataFrame, one row per subject × stage × model
        `r2` (squared correlation of the RDMs), `log_evidence` (−BIC/2 of a regression of the RDM on the model).
    """
    models, trials, rows = model_rdms(), design(n_repeats, seed), []
    trials = trials[trials["report"] == "auditory"]
    network = CausalHierarchy(**SIGMAS)
    for subject in range(n_subjects):
        rng = generator(seed, f"subject {subject}")
        layers = network.perceive(trials, rng=rng, layers=STAGES).representations
        for stage, activity in layers.items():
            means = activity.groupby("condition").mean()
            spread = float(means.std("condition").mean())
            noisy = means + noise * spread * rng.standard_normal(means.shape)
            noisy = noisy.rename(condition="trial").assign_coords(condition=("trial", noisy["condition"].to_numpy()))
            found = measures.rdm(noisy, name=stage)
            for model, rdm in models.items():
                r = np.corrcoef(found.dissimilarities, rdm.aligned(found.conditions).dissimilarities)[0, 1]
                n = len(found.dissimilarities)
                row = (subject, stage, model, r**2, -0.5 * n * np.log(1 - max(r, 0.0) ** 2) - np.log(n))
                rows.append(row)
    return pd.DataFrame(rows, columns=["subject", "stage", "model", "r2", "log_evidence"])


def best_models(table):
    """Exceedance probability of each model for each stage, by random-effects selection over subjects."""
    parts = []
    for stage, rows in table.groupby("stage", sort=False):
        chosen = measures.select_models(
            rows.pivot(index="subject", columns="model", values="log_evidence")[list(MODELS)]
        )
        r2 = rows.groupby("model")["r2"]
        parts.append(chosen.table.reset_index().assign(stage=stage, r2=r2.mean()[list(MODELS)].to_numpy()))
    return pd.concat(parts, ignore_index=True)


def answers(n_repeats, seed):
    """The design answered from each stage in turn: trials with `observer` the stage."""
    trials, parts = design(n_repeats, seed), []
    for stage in STAGES:
        percept = CausalHierarchy(**SIGMAS, stage=stage).perceive(trials, rng=generator(seed, stage))
        parts.append(trials.assign(response=percept.responses["response"], observer=stage))
    return pd.concat(parts, ignore_index=True)


def weight_index(said):
    """How much light and sound weigh in each stage's answers, per report and reliability.

    Returns
    -------
    DataFrame
        `w_av`, deg: angle of the regression weights (sound, light); 90 is light alone, 0 sound alone (Rohe & Noppeney
        2015).
    """
    rows = []
    for key, group in said.groupby(["observer", "report", "visual_reliability"], sort=False):
        design_matrix = np.column_stack([group["auditory_azimuth"], group["visual_azimuth"], np.ones(len(group))])
        heard, seen, _ = np.linalg.lstsq(design_matrix, group["response"], rcond=None)[0]
        rows.append((*key, np.rad2deg(np.arctan2(seen, heard))))
    return pd.DataFrame(rows, columns=["observer", "report", "visual_reliability", "w_av"])


def main(
    n_subjects: int = 20, n_repeats: int = 20, noise: float = 4.2, seed: int = 1, out: str = "results/hierarchy_rsa"
):
    """RSA of three stages that compute segregation, fusion and causal inference: is each best explained by its own
    model?

    Parameters
    ----------
    n_subjects : int
        Simulated people.
    n_repeats : int
        Showings of each of the 32 conditions.
    noise : float
        Measurement noise, in units of a pattern's spread; the default leaves about a fifth of an RDM explained.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    table = explained(n_subjects, n_repeats, noise, seed)
    best, said = best_models(table), answers(10 * n_repeats, seed)  # answers are cheap, and noisier than patterns
    weights = weight_index(said)
    bias = measures.crossmodal_bias(said[said["visual_reliability"] == 1], baseline="aligned")
    results = Results(
        "Three stages, three computations",
        "The network is built to segregate, fuse and infer causes (after Rohe & Noppeney 2015); that RSA finds these "
        "three again shows that the method can, and says nothing about brains.",
        {"name": "hierarchy_rsa", "n_subjects": n_subjects, "n_repeats": n_repeats, "noise": noise, "seed": seed},
        tables={"explained": table, "exceedance": best, "weights": weights, "bias": bias},
    )
    figure = plots.stages_by_model(table, best).figure
    results.add_figure("explained", figure, table, "Variance of each stage's RDM explained by each model, subject by "
                       "subject; numbers are exceedance probabilities.")  # fmt: skip
    figure = plots.bias_by_disparity(bias).figure
    figure.set_size_inches(5.6, 2.8)
    caption = "The light's pull on the sound falls with disparity in the last stage only (light of reliability 1)."
    results.add_figure("bias", figure, bias, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page
