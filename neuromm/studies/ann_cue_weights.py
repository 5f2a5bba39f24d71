"""A fusion network as a subject: do its cues weigh what their reliabilities say?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.studies.ann_subjects import SIGMA_PRIOR, seeds_of
from neuromm.studies.results import Results, say

SENSES = {"sigma_auditory": 6.0, "sigma_visual": 2.0}  # deg, at reliability 1
BLUR = (1.0, 0.25, 0.111, 0.04, 0.0123)  # reliabilities of the light: σ 2, 4, 6, 10, 18°
CONFLICTS = (-9.0, -6.0, -3.0, 3.0, 6.0, 9.0)  # deg; with one cause for certain their size does not matter
SUBJECTS = {"fusion_net": "one cause", "shuffled_pairs": "shuffled", "sound_alone": "auditory"}


def main(
    n_repeats: int = 30,
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/ann_cue_weights",
):
    """Visual weight of a fusion network's answers against the weight that its own unimodal precision predicts.

    Parameters
    ----------
    n_repeats : int
        Showings of each place, conflict and blur.
    weights : str
        Folder with further seeds, as `neuromm train fusion_net --seed 2 --set p_common=1` writes them.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    subjects = seeds_of("fusion_net", weights, training="one cause", **SENSES)
    controls = [
        catalogue.load("fusion_net", training=training, name=name, **SENSES)
        for name, training in SUBJECTS.items() if name != "fusion_net"
    ] + [catalogue.load("fusion_net", trained=False, name="untrained", **SENSES)]  # fmt: skip
    ideal = catalogue.load("forced_fusion", sigma_prior=SIGMA_PRIOR, **SENSES)
    shown = paradigms.cue_combination(
        n_repeats, conflicts=CONFLICTS, visual_reliability=BLUR, reports=("auditory", "visual"), seed=seed
    )
    shown = yoke(shown, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])
    session = present(shown, [ideal, *subjects.values(), *controls], seed=seed, layers=None, progress=say)
    table = measures.cue_weights(session.trials)
    bands = agreement(table)
    first = bands[bands["observer"] == next(iter(subjects))].iloc[0]
    results = Results(
        title="A network's cues weigh what their reliabilities say" if first["passes"] else
        f"A network's cues follow their reliabilities (r = {first['r']:.2f}), by up to {first['largest']:.2f} off",
        text="Trained on scenes of one cause only (p_common 1), because a network that allows for two causes must not "
        "weigh cues as forced fusion does. Predictions use the network's own unimodal answers (Alais & Burr 2004). "
        f"Held to r > .95 and no deviation above .15: r = {first['r']:.3f}, largest deviation {first['largest']:.3f} "
        f"(of the ideal observer, on the same samples, {bands.iloc[0]['largest']:.3f}); largest distance from the "
        f"ideal observer's weight {first['from_ideal']:.3f}. An untrained network also follows reliability: its "
        "read-outs are scaled by contrast and level; only trained ones reach the predicted sd.",
        parameters={"name": "ann_cue_weights", "n_repeats": n_repeats, "weights": weights, "seed": seed},
        tables={"weights": table, "bands": bands},
    )  # fmt: skip
    figure = plots.weights_against_prediction(table).figure
    figure.set_size_inches(4.6, 2.9)
    caption = (
        "Visual weight against prediction, one point per blur (σ of the light 2 to 18°, of the sound 6°); bars are "
        "95 % over trials. Controls have no reason to lie on the line."
    )
    results.add_figure("weights", figure, table, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def agreement(table):
    """Per observer: correlation of weights with predictions, largest deviation from them and from the first observer.

    The first is the ideal one, on the same samples; and sd against the predicted sd.
    """
    rows = []
    ideal = table[table["observer"] == table["observer"].iloc[0]]["weight_visual"].to_numpy(float)
    for name, own in table.groupby("observer", sort=False):
        weight, predicted = own["weight_visual"].to_numpy(float), own["predicted"].to_numpy(float)
        valid = np.isfinite(weight) & np.isfinite(predicted)
        r = np.corrcoef(weight[valid], predicted[valid])[0, 1] if valid.sum() > 2 else np.nan
        largest = np.abs(weight - predicted)[valid].max() if valid.any() else np.nan
        excess = (own["sigma_bimodal"] / own["sigma_predicted"]).max()
        from_ideal = np.abs(weight - ideal).max()
        rows.append((name, r, largest, from_ideal, excess, bool(r > 0.95 and largest < 0.15)))
    return pd.DataFrame(rows, columns=["observer", "r", "largest", "from_ideal", "sigma_over_predicted", "passes"])
