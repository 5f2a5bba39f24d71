"""Networks fitted as people are: which sigmas and which prior of one cause do their answers betray, and whose errors?

A fit sees stimuli and answers alone, as with people; what it should give back is known, because the sensory sds were
set by the stimuli and the prior of one cause by the training scenes.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, datasets, measures, paradigms
from neuromm.core.protocols import Seeded
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.studies.ablation import ablate
from neuromm.studies.ann_subjects import SIGMA_PRIOR, matched
from neuromm.studies.line_up import Participant
from neuromm.studies.nets_as_people_figures import draw_ablation, draw_agreement, draw_estimates, draw_strategies
from neuromm.studies.results import Results, say
from neuromm.studies.strategies_fitted import SIGMA_MOTOR, fit_strategies

SENSES = {"sigma_auditory": 8.0, "sigma_visual": 2.0}  # deg, of sounds and lights as they are rendered
FREE = {"sigma_auditory": (2.0, 25.0), "sigma_visual": (0.5, 10.0), "p_common": (0.005, 0.995), "lapse": (0.001, 0.3)}
FAMILIES = {  # name → observer, its fields, p_common of the scenes it was trained on
    "ideal": ("causal_inference", {"sigma_prior": SIGMA_PRIOR}, 0.5),
    "fusion_net": ("fusion_net", {}, 0.5),
    "av_denoiser": ("av_denoiser", {}, 0.5),
    "av_encoder": ("av_encoder", {}, 0.5),
    "one_cause_only": ("fusion_net", {"training": "one cause"}, 1.0),
    "two_causes_only": ("av_denoiser", {"p_common": 0.0}, 0.0),
    "shuffled_pairs": ("fusion_net", {"training": "shuffled"}, 0.0),
    "sound_alone": ("fusion_net", {"training": "auditory"}, np.nan),
    "untrained": ("fusion_net", {"trained": False}, np.nan),
}
COMPARED = ("ideal", "fusion_net", "av_denoiser", "av_encoder")  # whose strategy is asked


def main(
    n_repeats: int = 7,
    n_seeds: int = 12,
    n_ablation: int = 16,
    seed: int = 1,
    out: str = "results/nets_as_people",
):
    """Nets as people: σ̂, p̂_common and strategies from the answers of networks, errors trial by trial, and an ablation.

    Parameters
    ----------
    n_repeats : int
        Showings of each of 25 pairs and 10 single events to each network; every seed has noise of its own, as people
        have.
    n_seeds : int
        Networks of each recipe.
    n_ablation : int
        Showings of each pair for the ablation.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    answers = answers_of(n_seeds, n_repeats, seed)
    estimates = fitted(answers[answers["family"] != "next_seed"], np.random.default_rng([seed, 1]))
    recovered = against_truth(estimates)
    places = answers[answers["family"].isin(COMPARED)]
    fits, selected = fit_strategies(places, rng=np.random.default_rng([seed, 2]))
    say("strategies: fitted")
    alike = agreement(answers)
    ablation = ablation_of(n_seeds, n_ablation, seed)
    ablated = ablation_tests(ablation)
    results = Results(
        title=_title(recovered, selected),
        text=_said(recovered, selected, alike, ablated),
        parameters={"name": "nets_as_people", "n_repeats": n_repeats, "n_seeds": n_seeds, "n_ablation": n_ablation,
                    "seed": seed},
        tables={"estimates": estimates, "against_truth": recovered, "strategies": fits, "strategies_selected": selected,
                "agreement": alike, "ablation": ablation, "ablation_tests": ablated},
    )  # fmt: skip
    caption = (
        "What a fit of causal inference to answers gives back: a dot per network with its 95 % interval, thin lines: "
        "what was set in stimuli and training; black: people (Körding et al. 2007, mean and sem of 19)."
    )
    results.add_figure("estimates", draw_estimates(estimates, _people()), estimates, caption)
    if len(selected):
        caption = "Which of five strategies the answers follow: protected exceedance probability over networks."
        results.add_figure("strategies", draw_strategies(selected), selected, caption)
    caption = (
        "Whose errors are those of the ideal observer that perceives the same samples: a dot per network. Grey: two "
        "networks of one recipe with each other (the ceiling). Line: answers to other samples of the same stimuli."
    )
    results.add_figure("agreement", draw_agreement(alike), alike, caption)
    caption = "Slope of the bias on disparity when one axis is taken out of a layer, by network; grey: untrained."
    results.add_figure("ablation", draw_ablation(ablation), ablation, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def answers_of(n_seeds, n_repeats, seed):
    """Answers of every family: seed k sees samples of its own, the same in every family and for the ideal observer.

    Columns beyond those of a session: `family`, `seed`; `observer` is family and seed. The family `next_seed` is the
    fusion network of seed k + 1 on the samples of seed k: what two networks of one recipe have in common.
    """
    tables = []
    for k in range(1, n_seeds + 1):
        shown = paradigms.ventriloquism(n_repeats, reports=("auditory", "visual", "common"), seed=seed * 1000 + k)
        shown = yoke(shown, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])
        family = {name: subject(name, k) for name in FAMILIES}
        family["next_seed"] = subject("fusion_net", k % n_seeds + 1) if n_seeds > 1 else subject("fusion_net", 1)
        named = [dataclasses.replace(o, name=name) for name, o in family.items()]
        trials = present(shown, named, seed=seed, layers=None).trials
        tables.append(trials.assign(family=trials["observer"], seed=k, observer=trials["observer"] + f"_s{k:02d}"))
        say(f"seed {k}: {len(named)} observers answered {len(shown)} trials")
    return pd.concat(tables, ignore_index=True)


def subject(family, seed):
    """One network of a family; those of which one seed is shipped are the same network before other samples."""
    name, fields, _ = FAMILIES[family]
    first = catalogue.load(name, **fields, **SENSES)
    there = [1, *first.other_seeds()] if isinstance(first, Seeded) else [1]
    return dataclasses.replace(first, seed=seed) if seed in there and seed > 1 else first


def fitted(answers, rng):
    """σ̂_A, σ̂_V, p̂_common and lapses of each observer by maximum likelihood of model averaging, from its places.

    Returns
    -------
    DataFrame
        observer, family, seed, parameter, estimate, low, high, truth (NaN: none), identified.
    """
    own = {"sigma_prior": SIGMA_PRIOR, "sigma_motor": SIGMA_MOTOR, **SENSES}
    model = catalogue.load("causal_inference", name="averaging", **own)
    asked = answers[answers["report"].isin(["auditory", "visual"]) & answers["response"].notna()]
    asked = asked.drop(columns=["auditory_measurement", "visual_measurement"])  # a fit sees stimuli and answers
    tables = []
    for family, rows in asked.groupby("family", sort=False):
        found = measures.fit(model, rows, FREE, n_starts=2, rng=rng, on_bad="report").estimates
        tables.append(found.assign(family=family))
        say(f"{family}: fitted")
    table = pd.concat(tables, ignore_index=True).rename(columns={"subject": "observer"})
    table["seed"] = table["observer"].str[-2:].astype(int)
    truth = {f: {**SENSES, "p_common": p, "lapse": 0.0} for f, (_, _, p) in FAMILIES.items()}
    truth.get("sound_alone", {})["sigma_visual"] = np.nan  # it has never seen
    table["truth"] = [truth[f][p] for f, p in zip(table["family"], table["parameter"], strict=True)]
    columns = ["observer", "family", "seed", "parameter", "estimate", "low", "high", "truth", "identified"]
    return table[columns]


def against_truth(estimates):
    """Each family's estimates against what was set, and against those of the ideal observer of the same samples.

    p-values are of exact two-sided sign-flips over seeds: of estimate − truth, and of estimate − the ideal's.
    """
    rows = []
    wide = estimates.pivot(index=["parameter", "seed"], columns="family", values="estimate")
    for (parameter, family), own in estimates.groupby(["parameter", "family"], sort=False):
        if parameter == "lapse":
            continue
        value, truth = own["estimate"].to_numpy(), own["truth"].iloc[0]
        ideal = wide.loc[parameter]["ideal"].reindex(own["seed"]).to_numpy()
        row = {"parameter": parameter, "family": family, "truth": truth, "mean": value.mean(), "sd": value.std(ddof=1)
               if len(value) > 1 else np.nan, "from_ideal": (value - ideal).mean(), "n": len(own)}  # fmt: skip
        if len(own) > 1:
            ends = measures.sign_flip(value).iloc[0]
            row |= {"low": ends["low"], "high": ends["high"]}
            for name, difference in (("p_truth", value - truth), ("p_ideal", value - ideal)):
                if np.isfinite(difference).all() and np.ptp(difference) > 0:
                    row[name] = measures.sign_flip(difference, alternative="two-sided")["p"].iloc[0]
        rows.append(row)
    columns = ["parameter", "family", "truth", "mean", "low", "high", "sd", "p_truth", "from_ideal", "p_ideal", "n"]
    return pd.DataFrame(rows).reindex(columns=columns)


def agreement(answers):
    """Agreement of each network with the ideal observer on the same samples, its ceiling and its floor.

    r of errors for places, κ for reports of one cause. Rows `role`: network; ceiling (two networks of one recipe);
    floor (the fusion network's answers dealt anew among showings of a condition: the stimulus alone in common).
    """
    rows = []
    for k, own in answers.groupby("seed"):
        rng = np.random.default_rng([k, 11])
        ideal, net = (own[own["family"] == f].assign(observer=f) for f in ("ideal", "fusion_net"))
        dealt = net.groupby(["condition", "report"], sort=False)["response"].transform(
            lambda r, rng=rng: rng.permutation(r.to_numpy())
        )
        pairs = [("floor", "fusion_net", ideal, net.assign(observer="dealt", response=dealt))]
        pairs += [("network", f, ideal, rows_) for f, rows_ in own.groupby("family", sort=False)
                  if f not in ("ideal", "next_seed")]  # fmt: skip
        pairs.append(("ceiling", "fusion_net", net, own[own["family"] == "next_seed"]))
        for role, family, first, second in pairs:
            both = pd.concat([first, second], ignore_index=True)
            for report in ("auditory", "common"):
                found = measures.response_agreement(both, report=report).iloc[0]
                rows.append({"role": role, "family": family, "seed": k, "report": report, "measure": found["measure"],
                             "agreement": found["agreement"], "difference": found["difference"]})  # fmt: skip
    return pd.DataFrame(rows)


def ablation_of(n_seeds, n_repeats, seed):
    """Slope of the bias on disparity in fusion networks without the axis of log evidence, and without random axes."""
    shown = paradigms.ventriloquism(n_repeats, unimodal=False, reports=("auditory",), seed=seed * 1000)
    shown = yoke(shown, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])
    people = []
    for k in range(1, n_seeds + 1):
        who = dataclasses.replace(subject("fusion_net", k), name=f"fusion_net_s{k:02d}")
        people.append(Participant(who, "machine", "fusion_net", k))
    untrained = dataclasses.replace(subject("untrained", 1), name="untrained")
    people.append(Participant(untrained, "baseline", "untrained", 1))
    return ablate(people, shown, seed=seed, evidence=_evidence, say=lambda line: None)


def _evidence(trials):
    ideal = matched(**SENSES)
    record = present(trials, [ideal], seed=0, layers=["log_bayes_factor"]).representations[ideal.name]
    return record["log_bayes_factor"].to_numpy()[:, 0]


def ablation_tests(ablation):
    """Whether taking evidence out flattens the bias more than random axes do: exact sign-flip over seeds, by layer."""
    own = ablation[ablation["family"] == "fusion_net"]
    own = own.assign(difference=own["effect_evidence"] - own["effect_random"])
    wide = own.pivot(index="seed", columns="layer", values="difference")
    means = own.groupby("layer", sort=False)[["slope", "slope_evidence", "slope_random"]].mean()
    if len(wide) < 2:
        return means.reset_index()
    return measures.sign_flip(wide).rename(columns={"name": "layer"}).merge(means.reset_index(), on="layer")


def _people():
    """What Körding et al. (2007) fitted to people: parameter → (mean, sem)."""
    table = datasets.published("kording_2007", kind="fit").set_index("measure")
    named = {"sigma_auditory": "sigma_A", "sigma_visual": "sigma_V", "p_common": "p_common"}
    return {ours: (float(row["number"]), float(row["uncertainty"])) for ours, theirs in named.items()
            for _, row in table.loc[[theirs]].head(1).iterrows()}  # fmt: skip


def _title(recovered, selected):
    p = recovered[(recovered["parameter"] == "p_common") & recovered["family"].isin(COMPARED[1:])]
    if not len(selected):
        return "Networks fitted as people are"
    best = selected.loc[selected.groupby("family")["protected_exceedance"].idxmax()].set_index("family")
    same = all(best.loc[f, "strategy"] == "averaging" for f in COMPARED[1:])
    near = (p["mean"] - p["truth"]).abs().max()
    if same and near < 0.1:
        return "Fitted as people are, networks average, with the prior of one cause that they were trained on"
    return f"Fitted as people are, networks' prior of one cause comes back to within {near:.2f}"


def _said(recovered, selected, alike, ablated):
    p = recovered[recovered["parameter"] == "p_common"].set_index("family")
    parts = [f"{f.replace('_', ' ')} {p.loc[f, 'mean']:.2f} (set {p.loc[f, 'truth']:g})" for f in p.index
             if np.isfinite(p.loc[f, "truth"])]  # fmt: skip
    text = f"p̂_common from places alone, mean over networks: {', '.join(parts)}. "
    if len(selected):
        best = selected[selected["strategy"] == "averaging"].set_index("family")["protected_exceedance"]
        text += "Protected exceedance of averaging: "
        text += ", ".join(f"{f.replace('_', ' ')} {v:.2f}" for f, v in best.items()) + ". "
    mean = alike.groupby(["role", "family", "report"])["agreement"].mean()
    for report, what in (("auditory", "r of errors"), ("common", "κ of unity")):
        text += (
            f"{what} with the ideal observer: fusion net {mean['network', 'fusion_net', report]:.3f}, ceiling "
            f"{mean['ceiling', 'fusion_net', report]:.3f}, floor {mean['floor', 'fusion_net', report]:.3f}. "
        )
    for row in ablated.itertuples():
        p_value = f", p = {row.p_max:.2g} over layers" if hasattr(row, "p_max") else ""
        text += (
            f"Slope of the bias per 10° in {row.layer}: {row.slope:+.3f}; without evidence {row.slope_evidence:+.3f}, "
            f"without a random axis {row.slope_random:+.3f}{p_value}. "
        )
    return text + "Black marks are people's fitted values (Körding et al. 2007), not what networks should give."
