"""The main experiment, quick mode: which computation does each observer perform, and which does each layer carry?

80 conditions with a factor of reliability, yoked noise in folds, crossnobis RDMs, matched ideal observers; the
baselines are untrained twins, a no-interaction read-out, and the raw input.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from neuromm import measures, paradigms, plots
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.observers.bayes.segregation import Segregation
from neuromm.plots import flagship
from neuromm.session import present
from neuromm.studies.line_up import as_people, fresh_noise, line_up, people, raw_input, users_trials
from neuromm.studies.one_trial import as_table, choose_row, render_row
from neuromm.studies.results import Results, read_table, say

MODELS = {"segregation": ("segregation", "estimate"), "fusion": ("forced_fusion", "estimate"),
          "causal inference": ("causal_inference", "estimate"), "log Bayes factor": ("causal_inference", "log_bayes_factor"),
          "input": ("causal_inference", "measurements")}  # fmt: skip
KORDING = {"sigma_visual": 2.14, "sigma_auditory": 9.2, "sigma_prior": 12.3}  # deg, their text, experiment 1
DEMONSTRATION = {"sigma_visual": 2.0, "sigma_auditory": 8.0, "sigma_prior": 15.0}  # chosen, not published
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
    title, text = _headline(layers, bias, shown)
    results = Results(title, text, {"name": "brains_and_machines", "trials": trials, "human": human, "n_folds": n_folds,
                                    "n_repeats": n_repeats, "seed": seed, "roles": roles})  # fmt: skip
    results.tables |= {"auditory_bias": bias, "unity": unity, "matched_sigmas": matched, "agreement": agreement}
    _draw_one_trial(results, session.stimuli)
    _draw_answers(results, bias, curves, roles, answered)
    if layers is not None:
        results.tables |= {"computations_by_layer": layers, "answers_and_representations": summary}
        results.tables["representations_alike"] = alike
        _draw_representations(results, layers, summary, alike)
    page = results.write(out, _without_pixels(session))
    say(f"wrote {page}")
    return page


def _trials(path, n_folds, n_repeats, seed):
    """The trials to show, and the human answers in the user's table if it has some."""
    if path is None:
        return paradigms.ventriloquism_by_reliability(n_folds, n_repeats, seed=seed), None
    table = read_table(path)
    answered = as_people(table) if "response" in table else None
    stimuli = table.drop(columns=[c for c in ("observer", "subject", "response", "response_label", "judged_common",
                                              "reaction_time", "kind") if c in table])  # fmt: skip
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
        stimuli = session.stimuli if answered is None or observer not in set(answered["observer"]) else (
            answered[answered["observer"] == observer].drop(columns=["observer", "response"]))  # fmt: skip
        curves.append(_predicted_bias(stimuli, fields).assign(observer=observer))
    return bias, pd.concat(curves, ignore_index=True), unity, pd.DataFrame(matched)


def _predicted_bias(stimuli, fields):
    """Exact bias of the three ideal observers with these sds, on the conditions of `stimuli`."""
    asked = stimuli[stimuli["report"] == "auditory"].drop_duplicates("condition")
    default = {"sigma_auditory": 4.0, "sigma_visual": 2.0, "sigma_prior": 12.0}
    found = []
    for kind, observer in (("causal inference", CausalInference), ("fusion", ForcedFusion), ("segregation", Segregation)):
        model = observer(**{**default, **fields})
        answers = asked.assign(response=model.predict(asked)["expected"], observer=model.name)
        found.append(measures.crossmodal_bias(answers).assign(computation=kind))
    return pd.concat(found, ignore_index=True)


def _representations(session, roles, seed):
    """Each layer's RDM against the model computations, and last layers against each other; None if conditions are too few."""
    if session.stimuli["condition"].nunique() < 4 or session.stimuli["fold"].nunique() < 2:
        return None, None
    ideal = [p.observer for p in line_up() if p.name in IDEAL]
    reference = present(fresh_noise(session.stimuli, seed), ideal, seed=seed, layers=sorted({layer for _, layer in MODELS.values()}))
    models = {k: measures.rdm(reference.representations[o][layer], method="crossnobis") for k, (o, layer) in MODELS.items()}
    activity = {f"{o}/{layer}": v for o, layers in session.representations.items() for layer, v in layers.items()}
    activity = {k: v for k, v in activity.items() if k.split("/")[1] not in ("frames", "cochleagram", "input")}
    activity |= raw_input(session)
    rdms = {name: measures.rdm(values, method="crossnobis", name=name) for name, values in activity.items()}
    table = measures.computations(rdms, models)
    table["reliability"] = [measures.fold_reliability(activity[name]) for name in table["name"]]
    table[["observer", "layer"]] = table["name"].str.split("/", n=1, expand=True)
    last = {name: rdms[name] for name in _without_latents(table.assign(role=table["observer"].map(roles))).groupby("observer", sort=False)["name"].last()}
    alike = measures.compare_rdms(last, comparator="whitened_cosine", undefined="nan")
    return table.assign(role=table["observer"].map({**roles, "raw_input": "baseline"})), alike


def _summary(layers, agreement, roles):
    """Per observer: trial-by-trial agreement with the ideal observer, and its best layer's resemblance to it."""
    if layers is None:
        return None
    with_ideal = agreement[agreement["first"] == "causal_inference"].set_index("second")["agreement"]
    best = _without_latents(layers).sort_values("r causal inference").groupby("observer").last()
    names = [o for o in roles if o != "causal_inference"]
    return pd.DataFrame(
        {"observer": names, "role": [roles[o] for o in names], "answers": [with_ideal.get(o) for o in names],
         "represents": [best["r causal inference"].get(o) for o in names], "layer": [best["layer"].get(o) for o in names]}
    )  # fmt: skip


def _without_latents(layers):
    """Ideal observers by their estimates alone: their other latents are other computations, which all of them share."""
    return layers[(layers["role"] != "ideal") | (layers["layer"] == "estimate")]


def last_hidden(layers, observer):
    """The row of an observer's last hidden layer: the one before its estimate."""
    rows = layers[(layers["observer"] == observer) & layers["layer"].str.startswith("hidden")]
    return None if rows.empty else rows.iloc[-1]


def _headline(layers, bias, shown):
    """The title that the numbers allow; one seed per network, so it describes and does not test."""
    n = shown["condition"].nunique()
    text = (
        f"{len(shown.drop_duplicates('presentation'))} showings of {n} conditions with yoked noise: every observer perceives the same "
        "noisy sample of each trial. Ideal observers read the number, the rate network a bump, the encoder frames and binaural "
        "sound, the denoiser the noised pair.\n\n"
        "Quick mode: one seed per network. Differences between networks are described, not tested. Read-outs of place are fitted "
        "on unisensory trials. Curves are exact predictions of ideal observers; only points named as people are human data."
    )
    found = None if layers is None else {o: last_hidden(layers, o) for o in
                                         ("av_denoiser", "av_denoiser_p0", "av_denoiser_p1", "av_denoiser_untrained")}  # fmt: skip
    if found is None or any(row is None for row in found.values()):
        return "Who answers alike on these trials", text
    delta = {o: row["delta"] for o, row in found.items()}
    rest = ", ".join(f"{o.replace('av_denoiser_', '')} {d:+.3f}" for o, d in delta.items() if o != "av_denoiser")
    text += f"\n\nΔ = r(causal inference) − max(r(segregation), r(fusion)) in the denoiser's last hidden layer: {delta['av_denoiser']:+.3f}; its twins: {rest}."
    own = delta.pop("av_denoiser")
    if own > 0 and own > max(delta.values()):
        return "The denoiser's last hidden layer is nearest to causal inference, and its twins' are not (one seed)", text
    return "The denoiser's last hidden layer is not set apart from its twins in this run (one seed)", text


def _draw_one_trial(results, stimuli):
    position = choose_row(stimuli)
    if position is None:
        return
    shown = render_row(stimuli, position)
    results.add_figure("one_trial", flagship.one_trial(shown), as_table(shown), f"One trial ({stimuli['condition'].iloc[position]}) as each kind of "
                       "observer gets it: ideal observer, rate network, contrastive encoder (frame and sound), denoiser. Dotted: true places; "
                       "every rendering stands at the noisy sample.")  # fmt: skip


def _draw_answers(results, bias, curves, roles, answered):
    everyone = dict(roles)
    if answered is not None:
        everyone |= dict.fromkeys(dict.fromkeys(answered["observer"]), "human")
    hard = bias
    if "auditory_reliability" in bias and bias["auditory_reliability"].nunique() > 1:
        low = bias["auditory_reliability"].min()
        hard = bias[bias["auditory_reliability"].isna() | (bias["auditory_reliability"] == low)]
        curves = curves[curves["auditory_reliability"].isna() | (curves["auditory_reliability"] == low)]
    figure = flagship.bias_panels(hard, curves, everyone)
    drawn = pd.concat([hard.assign(computation="answers"), curves], ignore_index=True)
    where = "the less reliable sound; all pairs of reliabilities are in the table" if len(hard) < len(bias) else "all trials"
    source = " People: Mohl, Pearson & Groh 2020, single trials." if answered is not None and (answered["observer"] == "H02").any() else ""
    results.add_figure("auditory_bias", figure, drawn, f"How far a light pulls a sound, against disparity ({where}). Points: answers, 95 % over "
                       f"trials; bands: causal inference with the observer's own unimodal precision.{source}")  # fmt: skip
    table = kording_bias()
    figure = plots.bias_by_disparity(table).figure
    figure.set_size_inches(4.6, 2.6)
    results.tables["kording2007_bias"] = table
    results.add_figure("kording2007_bias", figure, table, "Bias on the five keys that the published parameters of Körding et al. 2007 give (exact; their "
                       "σ_V 2.14, σ_A 9.2, σ_P 12.3°, p_common .28). Model values only: the paper prints no human bias.")  # fmt: skip
    table = demonstration_unity()
    figure = plots.unity_by_disparity(table).figure
    figure.set_size_inches(4.6, 2.6)
    results.add_figure("unity_demonstration", figure, table, "P(one cause) of the demonstration set (σ_V 2, σ_A 8, σ_P 15°, p_common .5; chosen, not "
                       "published), exact.")  # fmt: skip


def kording_bias():
    """Auditory bias on five keys of causal inference, fusion and segregation at the parameters of Körding et al. 2007."""
    trials = paradigms.ventriloquism(1, reports=("auditory",), keys=True, unimodal=False)
    observers = [CausalInference(**KORDING, p_common=0.28), ForcedFusion(**KORDING), Segregation(**KORDING)]
    answers = [trials.assign(observer=o.name, response=o.predict(trials)["expected"]) for o in observers]
    table = measures.crossmodal_bias(pd.concat(answers))
    return table.assign(low=table["bias"], high=table["bias"], interval="exact expectation")


def demonstration_unity():
    """Exact P(one cause) against disparity of the demonstration set, sound straight ahead."""
    from neuromm.stimuli.table import cross, finish

    pairs = cross(auditory_azimuth=0.0, visual_azimuth=[0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 20.0, 25.0, 30.0])
    trials = finish(pairs, seed=0, reports=("common",))
    observers = [CausalInference(**DEMONSTRATION), replace(CausalInference(**DEMONSTRATION), p_common=0.28, name="p_common_.28")]
    answers = [trials.assign(observer=o.name, response=o.predict(trials)["p_common"]) for o in observers]
    table = measures.unity_rate(pd.concat(answers))
    return table.assign(low=table["unity"], high=table["unity"], interval="exact expectation")


def _draw_representations(results, layers, summary, alike):
    drawn = _without_latents(layers)
    figure = flagship.computation_triangle(drawn).figure
    figure.set_size_inches(6.4, 4.2)
    results.add_figure("computations", figure, drawn, "Each layer at its mixture of the three computations (non-negative least squares on whitened "
                       "RDMs, 80 conditions); size: explained fraction; lines early → late; hollow: baselines.")  # fmt: skip
    figure = flagship.alike(summary).figure
    figure.set_size_inches(4.2, 3.2)
    results.add_figure("alike", figure, summary, "Answering as the ideal observer does against representing as it does (best layer).")


    words = {c: alike[c].str.replace("/", ": ").str.replace("_", " ") for c in ("first", "second")}
    figure = plots.similarity_map(alike.assign(**words)).figure
    figure.set_size_inches(6.0, 4.8)
    results.add_figure("who_represents_alike", figure, alike, "Whitened cosine between the RDMs of everyone's last layer (ideal observers: their estimate). "
                       "Same yoked noise on both sides.")  # fmt: skip


def _without_pixels(session):
    """The session without the layers that are the stimulus itself: they can be rendered again from the table."""
    kept = {o: {k: v for k, v in layers.items() if k not in ("frames", "cochleagram")} for o, layers in session.representations.items()}
    return replace(session, representations=kept)
