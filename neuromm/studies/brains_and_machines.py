"""The main experiment: which computation does each observer perform, and which does each of its layers carry?

80 conditions with a factor of reliability, yoked noise in folds, crossnobis RDMs, matched ideal observers, twelve
seeds of the denoisers, their calibrators and twins, the encoder, the fusion network and the hierarchy; the baselines
are untrained twins, a no-interaction read-out, shuffled pairs, the same networks shown one sense alone, and the raw
input. (Shuffled pairs of a denoiser are its calibrator at p_common 0: places independent of each other.) A calibration
gate says whether the design tells the computations apart at all, and the primary test chooses the title.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import measures, paradigms
from neuromm.session import generator
from neuromm.studies import brains_and_machines_figures as figures
from neuromm.studies import primary_test
from neuromm.studies.ablation import ablate
from neuromm.studies.answers import agreement_with_ideal, bias_and_curves, summary
from neuromm.studies.line_up import (
    FEWEST_CONDITIONS,
    N_SEEDS,
    REPORTS,
    check_usable,
    line_up,
    people,
    raw_input,
    representatives,
    users_trials,
)
from neuromm.studies.measured_rdms import join_measured, read_measured
from neuromm.studies.representations import (
    alike,
    ceilings,
    explained_of_ceiling,
    last_hidden,
    mean_over_seeds,
    mixtures,
    model_rdms,
    table_of_layers,
)
from neuromm.studies.results import Results, read_table, say, stimuli_and_people
from neuromm.studies.second_page import compute_pages
from neuromm.studies.showing import show_all
from neuromm.studies.strategies_fitted import fit_strategies

HELD_OUT_VISUAL = 0.25  # relative precision of σ_V 4°, between the 2 and 8 of the design


def main(
    trials: str | None = None,
    human: str | None = "../shared/data/av_localisation_mohl2020",
    rdms: str | None = None,
    full: bool = False,
    n_folds: int = 4,
    n_repeats: int | None = None,
    n_seeds: int = N_SEEDS,
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
    rdms : str
        Measured RDMs (.h5, .npz or .csv), such as of brain regions: they take part with their subjects as seeds.
    full : bool
        The whole experiment: 15 repeats per fold, slow networks too, mixtures of every layer, strategies fitted.
    n_folds, n_repeats : int
        Noise folds, and showings of each condition per fold (4; 15 with --full).
    n_seeds : int
        Most seeds of each network.
    seed : int
        Decides every draw.
    small : bool
        Two showings of each condition in two folds, two seeds: a test that everything runs.
    out : str
        Result folder.
    """
    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; at least 2 are wanted: dissimilarities are cross-validated over folds")
    n_repeats = n_repeats if n_repeats is not None else 15 if full else 4
    n_folds, n_repeats, n_seeds = (2, 1, 2) if small else (n_folds, n_repeats, n_seeds)
    measured = None if rdms is None else read_measured(rdms)
    table, answered = _trials(trials, n_folds, n_repeats, seed)
    answered = people(human) if answered is None else answered
    represented = table["condition"].nunique() >= FEWEST_CONDITIONS and table["fold"].nunique() >= 2
    participants = line_up(
        n_seeds, joining=None if small else table, slow=full, represented=represented, say=say
    )
    held_out = None
    if trials is None:
        held_out = paradigms.ventriloquism_by_reliability(
            2, 1 if small else 2, visual_reliability=(HELD_OUT_VISUAL,), reports=("auditory",), seed=seed + 1
        )
    shown = show_all(table, participants, seed=seed, held_out=held_out, keep=("av_encoder", "av_denoiser"), say=say)
    participants = list(shown.participants)
    first = representatives(participants)
    roles = {p.name: p.role for p in first}
    session = shown.session(list(roles))
    say("comparing answers")
    bias, curves, unity, matched = bias_and_curves(session.trials, table, answered)
    agreement = agreement_with_ideal(shown)
    results = Results("", "", {"name": "brains_and_machines", "trials": trials, "human": human, "rdms": rdms,
                               "full": full, "n_folds": n_folds, "n_repeats": n_repeats, "n_seeds": n_seeds,
                               "seed": seed, "roles": roles})  # fmt: skip
    results.tables |= {"auditory_bias": bias, "unity": unity, "matched_sigmas": matched,
                       "agreement_with_ideal": agreement}  # fmt: skip
    if (table["report"] == "auditory").any():
        results.tables["agreement"] = measures.response_agreement(session.trials)
    found = None
    if represented:
        found = _representations(shown, session, measured, agreement, results, seed, full, small, held_out)
    if full and trials is None:
        say("fitting strategies")
        everyone = shown.trials.assign(family=lambda t: t["observer"].map({p.name: p.family for p in participants}))
        chosen = everyone[everyone["family"].isin(["av_denoiser", "av_encoder", "cuppini2017"])]
        fits, selected = fit_strategies(chosen, rng=generator(seed, "strategies"))
        results.tables |= {"strategies": fits, "strategies_selected": selected}
    if full and trials is None:
        say("other paradigms")
        results.tables["other_paradigms"] = compute_pages(n_repeats=n_repeats, seed=seed, say=say)
    results.tables = {k: t for k, t in results.tables.items() if len(t.columns)}
    figures.draw_all(results, session, bias, curves, roles, answered, found, table, full)
    page = results.write(out, figures.without_pixels(session))
    say(f"wrote {page}")
    return page


def _trials(path, n_folds, n_repeats, seed):
    """The trials to show, and the human answers in the user's table if it has some."""
    if path is None:
        return paradigms.ventriloquism_by_reliability(n_folds, n_repeats, seed=seed), None
    stimuli, answered = stimuli_and_people(read_table(path))
    for column in ("auditory_azimuth", "visual_azimuth"):
        if column not in stimuli:
            stimuli[column] = np.nan  # that modality is absent
    trials = users_trials(stimuli, n_folds=n_folds, n_repeats=n_repeats, seed=seed)
    check_usable(trials, say)
    return trials[trials["report"].isin(REPORTS)], answered


def _representations(shown, session, measured, agreement, results, seed, full, small, held_out):
    """Layers against computations, the gate, the primary test and its controls; what the figures draw."""
    say("comparing representations")
    models = model_rdms(shown.stimuli, seed)
    if measured is not None:
        join_measured(shown, measured, models["fusion"].conditions)
    layers = table_of_layers(shown, models)
    gate = primary_test.calibration_gate(shown, layers, models, seed, n_draws=3 if small else 12)
    tests = primary_test.sign_flip_by_seed(layers)
    limits = ceilings(shown, layers)
    own = agreement[agreement["family"] == primary_test.TESTED]["r_of_errors"]
    verdict = primary_test.verdict(layers, tests, gate, float(own.mean()))
    second, second_gate, second_text = primary_test.secondary(layers)
    rng = generator(seed, "inference")
    bootstrap = primary_test.dual_bootstrap(shown, layers, models, n_resamples=1000 if full else 200, rng=rng)
    shuffled = primary_test.shuffled_labels(
        shown, layers, models, rng=generator(seed, "shuffle"), n_shuffles=5 if small else 50
    )
    mixed = [] if small else figures.MIXED
    rows = layers
    if not full:  # one layer of each family: the last hidden, or the last
        ends = {f: last_hidden(layers, f) or own["layer"].iloc[-1] for f, own in layers.groupby("family")}
        rows = layers[[ends[f] == layer for f, layer in zip(layers["family"], layers["layer"], strict=True)]]
    mixture = mixtures(shown, rows, models, seed=seed, families=None if full else mixed)
    raw = measures.computations(
        {n: measures.rdm(v, method="crossnobis", name=n) for n, v in raw_input(session).items()}, models
    ).assign(observer="raw_input", family="raw_input", role="baseline", seed=1)
    raw["layer"] = raw["name"].str.partition("/")[2]
    everyone = alike(shown, layers)
    transfer = pd.DataFrame(shown.transfer)
    denoisers = [p for p in shown.participants if p.family == primary_test.TESTED]
    ablation = pd.DataFrame() if held_out is None else ablate(denoisers, shown.stimuli, seed=seed, say=lambda t: None)
    mean = mean_over_seeds(pd.concat([layers, raw.drop(columns="name")], ignore_index=True))
    mean = explained_of_ceiling(mean, limits)
    table = summary(layers, agreement, limits)
    results.title, results.text = verdict.title, "\n\n".join(filter(None, (verdict.text, second_text)))
    results.tables |= {
        "layers_by_seed": layers, "layers": mean, "primary_test": tests, "calibration_gate": gate,
        "confusion": primary_test.confusion(gate).reset_index(), "ceilings": limits, "dual_bootstrap": bootstrap,
        "secondary_comparison": second, "secondary_calibrators": second_gate,
        "shuffled_labels": shuffled, "mixtures": mixture, "representations_alike": everyone,
        "evidence_transfer": transfer, "ablation": ablation, "answers_and_representations": table,
    }  # fmt: skip
    if full and held_out is not None:
        results.tables["pixel_noise"] = _with_pixel_noise(shown, models, seed)
    return {"layers": layers, "mean": mean, "tests": tests, "second": second, "gate": gate, "verdict": verdict,
            "summary": table, "alike": everyone, "transfer": transfer, "ablation": ablation,
            "mixture": mixture}  # fmt: skip


def _with_pixel_noise(shown, models, seed):
    """The robustness check: encoders that see physical noise in place of the yoked sample, layer by layer."""
    say("again with noise in pixels and sound")
    trials = shown.stimuli.drop(columns=["auditory_measurement", "visual_measurement"])
    encoders = [p for p in shown.participants if p.family == "av_encoder"]
    again = show_all(trials, encoders, seed=seed, say=say)
    return table_of_layers(again, models).assign(noise="in the stimulus")
