"""Fusion networks as subjects: how far a light pulls a sound, beside the ideal observer of their own generator."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.studies import ann_subjects as subjects_
from neuromm.studies.published_curves import KORDING, KORDING_P_COMMON
from neuromm.studies.results import Results, say

SENSES = {"sigma_auditory": 8.0, "sigma_visual": 2.0}  # deg, at reliability 1
RELIABILITIES = (1.0, 0.0625)  # of the light: σ 2° and 8°
LARGEST = "largest difference of the shift from the ideal (deg)"
QUARTER = "largest difference over distance to nearest rival"
SINGLE = "rms difference over the nearest rival's, single trials"
AREA = "area under the curve of common cause, minus the ideal's"
CONTROLS = {"shuffled pairs": "shuffled", "sound alone": "auditory"}


def main(
    n_repeats: int = 40,
    n_scenes: int = 1500,
    n_seeds: int = 12,
    network: str = "fusion_net",
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/ann_ventriloquism",
):
    """Ventriloquism: capture against disparity, and reports of one cause, of networks and of ideal observers.

    Parameters
    ----------
    n_repeats : int
        Showings of each pair at each of two reliabilities of the light.
    n_scenes : int
        Scenes drawn from the generator, for the area under the curve of common-cause reports.
    n_seeds : int
        Networks of the shipped recipe that differ in their seed.
    network : str
        fusion_net; hierarchy_net: the same scenes through a visual hierarchy, without controls of its own; or
        av_encoder: two towers that meet in a contrastive logit alone, which gates its places.
    weights : str
        Folder with further ones, as `neuromm train fusion_net --seed 2` writes them.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    subjects = subjects_.seeds_of(network, weights, n_seeds, **SENSES)
    own = {"shuffled pairs": "shuffled"} if network == "av_encoder" else CONTROLS
    controls = [
        catalogue.load(network if network == "av_encoder" else "fusion_net", training=training,
                       name=label.replace(" ", "_"), **SENSES)
        for label, training in own.items()
    ] + [catalogue.load(network, trained=False, name="untrained", **SENSES)]
    alike = [subjects_.matched(strategy, **SENSES) for strategy in ("averaging", "selection", "matching")]
    models = [*alike, *subjects_.rivals(**SENSES)]
    shown = paradigms.ventriloquism(
        n_repeats, unimodal=False, reports=("auditory", "common"), visual_reliability=RELIABILITIES, seed=seed
    )
    shown = yoke(shown, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])
    session = present(shown, [*models, *subjects.values(), *controls], seed=seed, layers=None, progress=say)
    names = [*subjects, *(c.name for c in controls)]
    table = subjects_.shifts(session.trials, names)
    single = subjects_.per_trial(session.trials, names)
    reports = common_cause_areas([*subjects.values(), *controls], n_scenes, seed)
    bands = _bands(table, single, reports)
    seeds = subjects_.over_seeds(bands, subjects)
    sharp = session.trials[session.trials["visual_reliability"] == RELIABILITIES[0]].drop(columns="visual_reliability")
    pulls = pull_of_light(sharp, ["ideal", *names])
    asked = ["ideal", next(iter(subjects)), *(c.name for c in controls)]
    results = Results(
        title=_title(seeds, network),
        text="Every observer perceives the same noisy samples. The ideal observer has the generator's prior (12°) and "
        "p_common (½): nothing is fitted. Networks were trained on true places of scenes with one and with two "
        f"causes. {subjects_.said(seeds)} {_said_pull(pulls, asked)} People: the exact shift of causal inference at "
        "the parameters that Körding et al. 2007 fitted to people (p_common .28, σ 2.1° and 9.2°), which are not these "
        "networks' parameters.",
        parameters={"name": "ann_ventriloquism", "n_repeats": n_repeats, "n_scenes": n_scenes, "n_seeds": n_seeds,
                    "network": network, "weights": weights, "seed": seed},
        tables={"shifts": table, "single_trials": single, "bands": bands, "over_seeds": seeds, "pull_of_light": pulls},
    )  # fmt: skip
    kept = ["ideal", "fusion", "segregation", next(iter(subjects)), *(c.name for c in controls)]
    bias = measures.crossmodal_bias(sharp[sharp["observer"].isin(kept)])
    bias = pd.concat([bias, _people(sharp)], ignore_index=True)
    figure = plots.bias_by_disparity(bias, value="shift").figure
    figure.set_size_inches(5.4, 2.8)
    caption = "How far a sharp light (σ 2°) pulls the reported sound (σ 8°), in deg; bands are 95 % over trials."
    results.add_figure("auditory_shift", figure, bias, caption)
    rows = sharp[sharp["observer"].isin(["ideal", next(iter(subjects)), "untrained", "shuffled_pairs"])]
    unity = measures.unity_rate(rows[rows["report"] == "common"])
    figure = plots.unity_by_disparity(unity).figure
    figure.set_size_inches(5.4, 2.8)
    results.add_figure("unity", figure, unity, "How often one cause is reported, against disparity.")
    caption = "Bands, a dot per network (hollow: controls). Shaded: what is held to."
    drawn = bands.dropna(subset=["value"])
    results.add_figure("bands", plots.held_bands(drawn, subjects, [c.name for c in controls]), drawn, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def common_cause_areas(observers, n, seed):
    """Area under the curve of each observer's log odds of one cause, for what was true in scenes of the generator."""
    trials = subjects_.scenes(n, seed=seed, reliabilities=RELIABILITIES, reports=("common",), **SENSES)
    truth = trials["one_cause"].to_numpy()
    session = present(
        trials.drop(columns="one_cause"), [subjects_.matched(**SENSES), *observers], seed=seed,
        layers={"ideal": ["p_common"], **{o.name: [_evidence_layer(o)] for o in observers}}, progress=say,
    )  # fmt: skip
    area = {
        name: subjects_.area_under_curve(next(iter(layers.values())).to_numpy()[:, 0], truth)
        for name, layers in session.representations.items()
    }
    rows = [(o.name, area[o.name]) for o in observers]
    return pd.DataFrame(rows, columns=["observer", "auc"]).assign(auc_ideal=area["ideal"])


def _evidence_layer(observer):
    """The layer whose first unit is evidence for one cause."""
    return "common" if "common" in observer.layers else "joint"


def _bands(table, single, reports):
    """Per observer: distance of its shifts from the ideal's, over the nearest rival's, by trial, and areas.

    Against rivals the network may go a quarter of the way, in conditions in which one is more than 1° away, and NaN
    where there is none.
    """
    rows = []
    for name, own in table.groupby("observer", sort=False):
        area, trial = reports.set_index("observer").loc[name], single.set_index("observer").loc[name]
        rows += [
            (name, LARGEST, own["error"].max(), -np.inf, 0.3),
            (name, QUARTER, (own["error"] / own["nearest_rival"]).max(), -np.inf, 0.25),
            (name, SINGLE, trial["rms_difference"] / trial["rival_difference"], -np.inf, 0.25),
            (name, AREA, area["auc"] - area["auc_ideal"], -0.02, np.inf),
        ]  # fmt: skip
    return subjects_.bands_table(rows)


def pull_of_light(trials, names):
    """Slope of each observer's reported sound on the true place of the light, that of the sound held: what capture is.

    Unlike a shift from the true place, it is 0 for an observer that draws sounds toward straight ahead alone.
    Columns: observer, pull (deg per deg), low, high (95 %, least squares over trials), null (0 inside).
    """
    rows = []
    for name in names:
        own = trials[(trials["observer"] == name) & (trials["report"] == "auditory")]
        x = np.column_stack([np.ones(len(own)), own["auditory_azimuth"], own["visual_azimuth"]])
        slopes, *_ = np.linalg.lstsq(x, own["response"].to_numpy(float), rcond=None)
        rest = own["response"].to_numpy(float) - x @ slopes
        se = np.sqrt(rest @ rest / (len(own) - 3) * np.linalg.inv(x.T @ x)[2, 2])
        low, high = slopes[2] - 1.96 * se, slopes[2] + 1.96 * se
        rows.append({"observer": name, "pull": slopes[2], "low": low, "high": high, "null": bool(low <= 0 <= high)})
    return pd.DataFrame(rows)


def _said_pull(pulls, names):
    own = pulls.set_index("observer")
    parts = [f"{n.replace('_', ' ')} {own.loc[n, 'pull']:+.3f} [{own.loc[n, 'low']:+.3f}, {own.loc[n, 'high']:+.3f}]"
             for n in names]  # fmt: skip
    return f"Pull of the sharp light (deg of report per deg of light): {', '.join(parts)}."


def _people(trials):
    """Exact shift of causal inference with the parameters fitted to people, on the same pairs."""
    ideal = catalogue.load("causal_inference", p_common=KORDING_P_COMMON, **KORDING)
    asked = trials[trials["report"] == "auditory"].drop_duplicates("condition")
    people = dataclasses.replace(ideal, name="people_(Körding_2007)")
    answers = asked.assign(response=people.predict(asked)["expected"].to_numpy(), observer=people.name)
    answers = answers.drop(columns="alternatives", errors="ignore")  # an expected place is none of the keys
    return measures.crossmodal_bias(answers).assign(kind="human", low=np.nan, high=np.nan)


def _title(seeds, network):
    """The claim that the numbers allow."""
    table = seeds.set_index("what")
    n, held = int(table["n_seeds"].max()), int(table["held_by"].min())
    what = {"fusion_net": "fusion network", "hierarchy_net": "visual hierarchy with an ear",
            "av_encoder": "contrastive encoder gated by its logit"}.get(network, network)
    if held == n:
        return f"A {what} infers causes as the ideal observer of its world does"
    if table.loc[LARGEST, "mean"] <= 0.3:
        return f"{held} of {n} networks hold every band of causal inference; the mean {what} is within 0.3° of it"
    return f"A {what} comes to within {np.ceil(table.loc[LARGEST, 'mean'] * 10) / 10:.1f}° of causal inference"
