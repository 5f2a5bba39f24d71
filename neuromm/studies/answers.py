"""Who answers how: bias beside matched ideal observers, unity, and how alike answers are, trial by trial."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import measures
from neuromm.paradigms.ventriloquism import SIGMA_AUDITORY, SIGMA_VISUAL
from neuromm.studies.line_up import SIGMA_PRIOR
from neuromm.studies.published_curves import predicted_bias
from neuromm.studies.representations import NO_PLACES
from neuromm.studies.results import with_people

IDEAL = "causal_inference"
DEFAULT = {"sigma_auditory": SIGMA_AUDITORY, "sigma_visual": SIGMA_VISUAL, "sigma_prior": SIGMA_PRIOR}


def bias_and_curves(trials, stimuli, answered):
    """Bias and unity of everyone, the curves of each observer's matched ideal observers, and the matched sds.

    What no pair was asked about is an empty table.
    """
    everyone = with_people(trials, answered)
    asked = asked_of_pairs(everyone)
    unity = measures.unity_rate(everyone) if "common" in asked else pd.DataFrame()
    if "auditory" not in asked:
        return pd.DataFrame(), pd.DataFrame(), unity, pd.DataFrame()
    bias = measures.crossmodal_bias(everyone)
    sigmas = measures.unimodal_precision(everyone)
    matched, curves, known_curves = [], [], {}
    people = set() if answered is None else set(answered["observer"])
    for observer, own in sigmas.groupby("observer", sort=False):
        sigma = own.set_index("modality")["sigma"]
        known = sigma.notna().all() and (sigma > 0.05).all()
        fields = {f"sigma_{m}": float(sigma[m]) for m in sigma.index} if known else {}
        matched.append({"observer": observer, "matched": known, **fields})
        seen = stimuli
        if observer in people:
            seen = answered[answered["observer"] == observer].drop(columns=["observer", "response"])
        # sds to a tenth of a degree: observers of one yoked sample share their curves
        own_sigmas = {**DEFAULT, **{k: round(v, 1) for k, v in fields.items()}}
        key = (observer if observer in people else "", *own_sigmas.values())
        if key not in known_curves:
            known_curves[key] = predicted_bias(seen, own_sigmas)
        curves.append(known_curves[key].assign(observer=observer))
    return bias, pd.concat(curves, ignore_index=True), unity, pd.DataFrame(matched)


def asked_of_pairs(trials) -> set:
    """The reports that are asked about a sound and a light together."""
    pairs = trials[["auditory_azimuth", "visual_azimuth"]].notna().all(axis=1)
    return set(trials.loc[pairs, "report"])


def agreement_with_ideal(shown) -> pd.DataFrame:
    """Of every observer and seed: r of errors and κ of unity with causal inference, and distance of distributions."""
    trials, rows = shown.trials, []
    answers = dict(list(trials.groupby("observer", sort=False)))
    ideal = answers[IDEAL]
    for who in shown.participants:
        if who.name == IDEAL or who.name not in answers:
            continue
        both = pd.concat([ideal[ideal["trial"].isin(answers[who.name]["trial"])], answers[who.name]])
        row = {"observer": who.name, "family": who.family, "seed": who.seed, "role": who.role}
        for report, name in (("auditory", "r_of_errors"), ("common", "kappa")):
            asked = report in who.reports and (both["report"] == report).any()
            found = measures.response_agreement(both, report=report) if asked else None
            row[name] = np.nan if found is None else float(found["agreement"].iloc[0])
        row["distance"] = np.nan
        if (both["report"] == "auditory").any():
            distance = measures.response_distance(both, reference=IDEAL).set_index("observer")["distance"]
            row["distance"] = float(distance[who.name])
        rows.append(row)
    return pd.DataFrame(rows)


def summary(layers, agreement, ceilings) -> pd.DataFrame:
    """Per family, mean and sd over seeds: answering as causal inference, and representing it in the last layer.

    The layer is the last hidden one, or the last of those that have none; r is divided by the lower ceiling of the
    family (consistency of its seeds) where there is one.
    """
    rows = []
    for family, own in layers.groupby("family", sort=False):
        names = list(dict.fromkeys(own["layer"]))
        hidden = [n for n in names if n.startswith("hidden")]
        places = [n for n in names if n not in NO_PLACES] or names
        layer = "estimate" if own["role"].iloc[0] == "ideal" and "estimate" in names else (hidden or places)[-1]
        top = ceilings[(ceilings["family"] == family) & (ceilings["layer"] == layer)]["ceiling_low"]
        ceiling = float(top.iloc[0]) if len(top) and own["role"].iloc[0] != "ideal" else np.nan
        r = own.loc[own["layer"] == layer, "r causal inference"] / (1.0 if np.isnan(ceiling) else ceiling)
        answers = agreement.loc[agreement["family"] == family, "r_of_errors"]
        rows.append({"family": family, "role": own["role"].iloc[0], "layer": layer, "answers": answers.mean(),
                     "answers_sd": answers.std(), "represents": r.mean(), "represents_sd": r.std(),
                     "ceiling_low": ceiling, "n_seeds": len(r)})  # fmt: skip
    return pd.DataFrame(rows)
