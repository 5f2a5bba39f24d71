"""A fusion network as a subject: how far a light pulls a sound, beside the ideal observer of its own generator."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.studies.ann_subjects import area_under_curve, matched, rivals, scenes, seeds_of, shifts
from neuromm.studies.results import Results, say

SENSES = {"sigma_auditory": 8.0, "sigma_visual": 2.0}  # deg, at reliability 1
RELIABILITIES = (1.0, 0.0625)  # of the light: σ 2° and 8°
CONTROLS = {"shuffled pairs": "shuffled", "sound alone": "auditory"}


def main(
    n_repeats: int = 40,
    n_scenes: int = 1500,
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/ann_ventriloquism",
):
    """A fusion network's bias and common-cause reports against the ideal observer of its generator (25 pairs).

    Parameters
    ----------
    n_repeats : int
        Showings of each pair at each of two reliabilities of the light.
    n_scenes : int
        Scenes drawn from the generator, for the area under the curve of common-cause reports.
    weights : str
        Folder with further seeds, as `neuromm train fusion_net --seed 2` writes them.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    subjects = seeds_of("fusion_net", weights, **SENSES)
    controls = [
        catalogue.load("fusion_net", training=training, name=label.replace(" ", "_"), **SENSES)
        for label, training in CONTROLS.items()
    ] + [catalogue.load("fusion_net", trained=False, name="untrained", **SENSES)]
    models = [matched(**SENSES), matched("selection", **SENSES), matched("matching", **SENSES), *rivals(**SENSES)]
    shown = paradigms.ventriloquism(
        n_repeats, unimodal=False, reports=("auditory", "common"), visual_reliability=RELIABILITIES, seed=seed
    )
    shown = yoke(shown, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])
    session = present(shown, [*models, *subjects.values(), *controls], seed=seed, layers=None, progress=say)
    table = shifts(session.trials, [*subjects, *(c.name for c in controls)])
    bands = _bands(table)
    reports = common_cause_areas([*subjects.values(), *controls], n_scenes, seed)
    bands = bands.merge(reports, on="observer")
    first = bands.iloc[0]
    results = Results(
        title=_title(first),
        text="Every observer perceives the same noisy samples. The ideal observer has the generator's prior (12°) and "
        "p_common (½): nothing is fitted. The network was trained on true places of scenes with one and with two "
        f"causes. Largest difference of the shift {first['largest_error']:.2f}° (held to 0.3°); area under the curve "
        f"of common-cause reports {first['auc']:.3f}, the ideal observer's {first['auc_ideal']:.3f} (held to "
        "0.02 of it).",
        parameters={"name": "ann_ventriloquism", "n_repeats": n_repeats, "n_scenes": n_scenes, "weights": weights,
                    "seed": seed},
        tables={"shifts": table, "bands": bands},
    )  # fmt: skip
    kept = ["ideal", "fusion", "segregation", next(iter(subjects)), *(c.name for c in controls)]
    bias = measures.crossmodal_bias(session.trials[session.trials["observer"].isin(kept)])
    bias = bias[bias["visual_reliability"] == RELIABILITIES[0]].drop(columns="visual_reliability")
    figure = plots.bias_by_disparity(bias, value="shift").figure
    figure.set_size_inches(5.4, 2.8)
    caption = "How far a sharp light (σ 2°) pulls the reported sound (σ 8°), in deg; bands are 95 % over trials."
    results.add_figure("auditory_shift", figure, bias, caption)
    rows = session.trials[session.trials["observer"].isin(["ideal", *subjects, "untrained", "shuffled_pairs"])]
    unity = measures.unity_rate(rows[rows["report"] == "common"])
    unity = unity[unity["visual_reliability"] == RELIABILITIES[0]].drop(columns="visual_reliability")
    figure = plots.unity_by_disparity(unity).figure
    figure.set_size_inches(5.4, 2.8)
    results.add_figure("unity", figure, unity, "How often one cause is reported, against disparity.")
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def common_cause_areas(observers, n, seed):
    """Area under the curve of each observer's log odds of one cause, for what was true in scenes of the generator."""
    trials = scenes(n, seed=seed, reliabilities=RELIABILITIES, reports=("common",), **SENSES)
    truth = trials["one_cause"].to_numpy()
    session = present(
        trials.drop(columns="one_cause"), [matched(**SENSES), *observers], seed=seed,
        layers={"ideal": ["p_common"], **{o.name: ["common"] for o in observers}}, progress=say,
    )  # fmt: skip
    ideal = area_under_curve(session.representations["ideal"]["p_common"].to_numpy()[:, 0], truth)
    rows = [
        (o.name, area_under_curve(session.representations[o.name]["common"].to_numpy()[:, 0], truth)) for o in observers
    ]
    return pd.DataFrame(rows, columns=["observer", "auc"]).assign(auc_ideal=ideal)


def _bands(table):
    """Per observer: the largest and the mean distance from the ideal, and whether every disparity holds both bands."""
    rows = []
    for name, own in table.groupby("observer", sort=False):
        rows.append({
            "observer": name, "largest_error": own["error"].max(), "mean_error": own["error"].mean(),
            "within_0.3": bool((own["error"] <= 0.3).all()), "within_a_quarter": bool(own["quarter"].all()),
            "rivals_apart": int((own["nearest_rival"] > 1.0).sum()),  # conditions in which the quarter says something
        })  # fmt: skip
    return pd.DataFrame(rows)


def _title(first):
    """The claim that the numbers allow."""
    if first["within_0.3"] and first["within_a_quarter"] and first["auc"] > first["auc_ideal"] - 0.02:
        return "A fusion network infers causes as the ideal observer of its world does"
    if first["within_a_quarter"] or first["largest_error"] < 0.6:
        return f"A fusion network comes to within {np.ceil(first['largest_error'] * 10) / 10:.1f}° of causal inference"
    return "A fusion network does not reach causal inference here"
