"""A fusion network as a subject: do its cues weigh what their reliabilities say?"""

from __future__ import annotations

import numpy as np

from neuromm import catalogue, measures, paradigms, plots
from neuromm.datasets.published import published_number
from neuromm.plots.style import COLOURS
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.studies.ann_subjects import SIGMA_PRIOR, bands_table, over_seeds, said, seeds_of
from neuromm.studies.results import Results, say

SENSES = {"sigma_auditory": 6.0, "sigma_visual": 2.0}  # deg, at reliability 1
BLUR = (1.0, 0.25, 0.111, 0.04, 0.0123)  # reliabilities of the light: σ 2, 4, 6, 10, 18°
CONFLICTS = (-9.0, -6.0, -3.0, 3.0, 6.0, 9.0)  # deg; with one cause for certain their size does not matter
CORRELATION = "correlation of weights with predictions"
LARGEST = "largest deviation of a weight"
EXCESS = "bimodal sd over the predicted one, largest"
FROM_IDEAL = "largest distance from the ideal observer's weight"
SUBJECTS = {"fusion_net": "one cause", "shuffled_pairs": "shuffled", "sound_alone": "auditory"}


def main(
    n_repeats: int = 240,
    n_seeds: int = 12,
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/ann_cue_weights",
):
    """Visual weight of a fusion network's answers against the weight that its own unimodal precision predicts.

    Parameters
    ----------
    n_repeats : int
        Showings of each place, conflict and blur. Predictions rest on the sds of unimodal answers: with 30 showings
        the ideal observer's own weights lie up to .16 from what its sds predict, with 240 up to .015.
    n_seeds : int
        Networks of the shipped recipe that differ in their seed.
    weights : str
        Folder with further ones, as `neuromm train fusion_net --seed 2 --set p_common=1` writes them.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    subjects = seeds_of("fusion_net", weights, n_seeds, training="one cause", **SENSES)
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
    seeds = over_seeds(bands, subjects)
    ideal_off = bands[(bands["observer"] == ideal.name) & (bands["what"] == LARGEST)]["value"].iloc[0]
    results = Results(
        title="A network's cues weigh what their reliabilities say" if (seeds["held_by"] == seeds["n_seeds"]).all() else
        f"A network's cues follow their reliabilities (r = {seeds['mean'].iloc[0]:.2f}), by up to "
        f"{seeds['mean'].iloc[1]:.2f} off",
        text="Trained on scenes of one cause only (p_common 1), because a network that allows for two causes must not "
        "weigh cues as forced fusion does. Predictions use the network's own unimodal answers (Alais & Burr 2004). "
        f"{said(seeds)} The ideal observer's own largest deviation on the same samples is {ideal_off:.3f}. "
        "An untrained network also follows reliability: its "
        "read-outs are scaled by contrast and level; only trained ones reach the predicted sd.",
        parameters={"name": "ann_cue_weights", "n_repeats": n_repeats, "n_seeds": n_seeds, "weights": weights,
                    "seed": seed},
        tables={"weights": table, "bands": bands, "over_seeds": seeds},
    )  # fmt: skip
    kept = [ideal.name, next(iter(subjects)), *(c.name for c in controls)]
    figure = plots.weights_against_prediction(table[table["observer"].isin(kept)]).figure
    figure.set_size_inches(4.6, 2.9)
    people = observer_lm()
    for weight in people:
        figure.axes[0].plot([weight, weight], [-0.06, 0.04], color=COLOURS["human"], lw=1, clip_on=False)
    caption = (
        "Visual weight against prediction, one point per blur (σ of the light 2 to 18°, of the sound 6°); bars are "
        "95 % over trials. Controls have no reason to lie on the line. Black ticks: what the sds of a person (LM; "
        f"{people[0]:.2f} and {people[1]:.2f}, Alais & Burr 2004) predict at the sharpest and the widest light."
    )
    results.add_figure("weights", figure, table, caption)
    caption = "Bands, a dot per network (hollow: controls). Shaded: what is held to."
    drawn = bands[bands["what"] != FROM_IDEAL]
    results.add_figure("bands", plots.held_bands(drawn, subjects, [c.name for c in controls]), drawn, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def observer_lm():
    """Visual weights that observer LM's unimodal sds predict at the sharpest and the widest light (Alais & Burr)."""
    of = {"paper": "alais_burr_2004", "observer": "LM"}
    sigma_auditory = published_number(measure="sigma_A", **of)
    widths = (published_number(measure="sigma_V", blob_deg=blob, **of) for blob in (4, 64))
    return [sigma_auditory**2 / (sigma_auditory**2 + w**2) for w in widths]


def agreement(table):
    """Per observer: correlation of weights with predictions, largest deviation from them and from the first observer.

    The first is the ideal one, on the same samples; and sd against the predicted sd. See `bands_table`.
    """
    rows = []
    ideal = table[table["observer"] == table["observer"].iloc[0]]["weight_visual"].to_numpy(float)
    for name, own in table.groupby("observer", sort=False):
        weight, predicted = own["weight_visual"].to_numpy(float), own["predicted"].to_numpy(float)
        valid = np.isfinite(weight) & np.isfinite(predicted)
        r = np.corrcoef(weight[valid], predicted[valid])[0, 1] if valid.sum() > 2 else np.nan
        largest = np.abs(weight - predicted)[valid].max() if valid.any() else np.nan
        rows += [
            (name, CORRELATION, r, 0.95, np.inf),
            (name, LARGEST, largest, -np.inf, 0.15),
            (name, EXCESS, (own["sigma_bimodal"] / own["sigma_predicted"]).max(), -np.inf, 1.1),
            (name, FROM_IDEAL, np.abs(weight - ideal).max(), -np.inf, np.inf),
        ]  # fmt: skip
    return bands_table(rows)
