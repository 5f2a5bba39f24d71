"""The main experiment, quick mode: which computation does each observer perform, and which does each layer carry?

80 conditions with a factor of reliability, yoked noise in folds, crossnobis RDMs, matched ideal observers; the
baselines are untrained twins, a no-interaction read-out, and the raw input.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from neuromm import measures, paradigms
from neuromm.paradigms.ventriloquism import SIGMA_AUDITORY, SIGMA_VISUAL
from neuromm.session import present
from neuromm.studies.brains_and_machines_figures import draw_answers, draw_one_trial, draw_representations, headline
from neuromm.studies.line_up import SIGMA_PRIOR, as_people, fresh_noise, line_up, people, raw_input, users_trials
from neuromm.studies.published_curves import predicted_bias
from neuromm.studies.results import Results, read_table, say

MODELS = {
    "segregation": ("segregation", "estimate"),
    "fusion": ("forced_fusion", "estimate"),
    "causal inference": ("causal_inference", "estimate"),
    "log Bayes factor": ("causal_inference", "log_bayes_factor"),
    "input": ("causal_inference", "measurements"),
}
DEFAULT = {"sigma_auditory": SIGMA_AUDITORY, "sigma_visual": SIGMA_VISUAL, "sigma_prior": SIGMA_PRIOR}
IDEAL = ("causal_inference", "forced_fusion", "segregation")


def main(
    trials: str | None = None,
    human: str | None = "../shared/data/av_localisation_mohl2020",
    n_folds: int = 4,
    n_repeats: int = 4,
    seed: int = 1,
    small: bool = False,
    out: str = "results/brains_and_machines",
):
    """Brains and machines: who answers alike, and who represents alike, on the same audiovisual trials.

    Parameters
    ----------
    trials : str
        A trial table of your own (CSV or TSV) instead of the 80 conditions; answers in it are drawn as people.
    human : str
        Human answers: the folder of Mohl et al. 2020, or a trial table with `response`; left out if not there.
    n_folds, n_repeats : int
        Noise folds, and showings of each condition per fold.
    seed : int
        Decides every draw.
    small : bool
        Two showings of each condition in two folds: a test that everything runs.
    out : str
        Result folder.
    """
    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; at least 2 are wanted: dissimilarities are cross-validated over folds")
    n_folds, n_repeats = (2, 1) if small else (n_folds, n_repeats)
    shown, answered = _trials(trials, n_folds, n_repeats, seed)
    answered = people(human) if answered is None else answered
    participants = line_up()
    roles = {p.name: p.role for p in participants}
    session = present(shown, [p.observer for p in participants], seed=seed, progress=say)
    say("comparing answers")
    bias, curves, unity, matched = _answers(session, answered)
    agreement = measures.response_agreement(session.trials)
    say("comparing representations")
    layers, alike = _representations(session, roles, seed)
    summary = _summary(layers, agreement, roles)
    title, text = headline(layers, shown)
    results = Results(
        title,
        text,
        {
            "name": "brains_and_machines",
            "trials": trials,
            "human": human,
            "n_folds": n_folds,
            "n_repeats": n_repeats,
            "seed": seed,
            "roles": roles,
        },
    )
    results.tables |= {"auditory_bias": bias, "unity": unity, "matched_sigmas": matched, "agreement": agreement}
    draw_one_trial(results, session.stimuli)
    draw_answers(results, bias, curves, roles, answered)
    if layers is not None:
        results.tables |= {"computations_by_layer": layers, "answers_and_representations": summary}
        results.tables["representations_alike"] = alike
        draw_representations(results, without_latents(layers), summary, alike)
    page = results.write(out, _without_pixels(session))
    say(f"wrote {page}")
    return page


def _trials(path, n_folds, n_repeats, seed):
    """The trials to show, and the human answers in the user's table if it has some."""
    if path is None:
        return paradigms.ventriloquism_by_reliability(n_folds, n_repeats, seed=seed), None
    table = read_table(path)
    answered = as_people(table) if "response" in table else None
    stimuli = table.drop(
        columns=[
            c
            for c in ("observer", "subject", "response", "response_label", "judged_common", "reaction_time", "kind")
            if c in table
        ]
    )
    return users_trials(stimuli, n_folds=n_folds, n_repeats=n_repeats, seed=seed), answered


def _answers(session, answered):
    """Bias and unity of everyone, the curves of each observer's matched ideal observers, and the matched sds."""
    trials = session.trials
    everyone = trials if answered is None else pd.concat([trials.assign(kind="model"), answered], ignore_index=True)
    bias, unity = measures.crossmodal_bias(everyone), measures.unity_rate(everyone)
    sigmas = measures.unimodal_precision(everyone)
    matched, curves = [], []
    for observer, own in sigmas.groupby("observer", sort=False):
        sigma = own.set_index("modality")["sigma"]
        known = sigma.notna().all() and (sigma > 0.05).all()
        fields = {f"sigma_{m}": float(sigma[m]) for m in sigma.index} if known else {}
        matched.append({"observer": observer, "matched": known, **fields})
        stimuli = (
            session.stimuli
            if answered is None or observer not in set(answered["observer"])
            else (answered[answered["observer"] == observer].drop(columns=["observer", "response"]))
        )
        curves.append(predicted_bias(stimuli, {**DEFAULT, **fields}).assign(observer=observer))
    return bias, pd.concat(curves, ignore_index=True), unity, pd.DataFrame(matched)


def _representations(session, roles, seed):
    """Each layer's RDM against the model computations, and last layers against each other; None for few conditions."""
    if session.stimuli["condition"].nunique() < 4 or session.stimuli["fold"].nunique() < 2:
        return None, None
    ideal = [p.observer for p in line_up() if p.name in IDEAL]
    reference = present(
        fresh_noise(session.stimuli, seed), ideal, seed=seed, layers=sorted({layer for _, layer in MODELS.values()})
    )
    models = {
        k: measures.rdm(reference.representations[o][layer], method="crossnobis") for k, (o, layer) in MODELS.items()
    }
    activity = {f"{o}/{layer}": v for o, layers in session.representations.items() for layer, v in layers.items()}
    activity = {k: v for k, v in activity.items() if k.split("/")[1] not in ("frames", "cochleagram", "input")}
    activity |= raw_input(session)
    rdms = {name: measures.rdm(values, method="crossnobis", name=name) for name, values in activity.items()}
    table = measures.computations(rdms, models)
    table["reliability"] = [measures.fold_reliability(activity[name]) for name in table["name"]]
    table[["observer", "layer"]] = table["name"].str.split("/", n=1, expand=True)
    ends = (
        without_latents(table.assign(role=table["observer"].map(roles))).groupby("observer", sort=False)["name"].last()
    )
    last = {name: rdms[name] for name in ends}
    alike = measures.compare_rdms(last, comparator="whitened_cosine", undefined="nan")
    return table.assign(role=table["observer"].map({**roles, "raw_input": "baseline"})), alike


def _summary(layers, agreement, roles):
    """Per observer: trial-by-trial agreement with the ideal observer, and its best layer's resemblance to it."""
    if layers is None:
        return None
    with_ideal = agreement[agreement["first"] == "causal_inference"].set_index("second")["agreement"]
    best = without_latents(layers).sort_values("r causal inference").groupby("observer").last()
    names = [o for o in roles if o != "causal_inference"]
    return pd.DataFrame(
        {
            "observer": names,
            "role": [roles[o] for o in names],
            "answers": [with_ideal.get(o) for o in names],
            "represents": [best["r causal inference"].get(o) for o in names],
            "layer": [best["layer"].get(o) for o in names],
        }
    )


def without_latents(layers):
    """Ideal observers by their estimates alone: their other latents are other computations, which all of them share."""
    return layers[(layers["role"] != "ideal") | (layers["layer"] == "estimate")]


def _without_pixels(session):
    """The session without the layers that are the stimulus itself: they can be rendered again from the table."""
    kept = {
        o: {k: v for k, v in layers.items() if k not in ("frames", "cochleagram")}
        for o, layers in session.representations.items()
    }
    return replace(session, representations=kept)
