"""How much each cue counts: regression weights of bimodal answers beside those that reliabilities predict."""

import warnings

import numpy as np
import pandas as pd

from neuromm.maths.angles import mean_direction, near
from neuromm.measures.bias import Z95, varying_factors
from neuromm.measures.checks import checked_answers, grouped_rows, keep_kind, need, numeric


def cue_weights(trials, *, report="auditory"):
    """Visual weight of bimodal location answers, and the weight that unimodal precision predicts.

    response = w_A s_A + w_V s_V + b is fitted by least squares; the visual weight is w_V / (w_A + w_V). The
    prediction is σ_A²/(σ_A² + σ_V²) (Ernst & Banks 2002; Alais & Burr 2004), with each σ the residual sd of
    the unimodal answers divided by their slope, so that shrinkage to a prior cancels.

    Parameters
    ----------
    trials : DataFrame
        `session.trials`: pairs with varying places, and each modality alone for the prediction.
    report : str
        Which bimodal answer.

    Returns
    -------
    DataFrame, one row per observer × reliabilities
        `weight_visual`, `low`, `high` (95 %, delta method over trials), `predicted` (NaN where a unimodal
        answer has no spread or was not shown; weights are NaN where answers follow
        neither place), `sigma_auditory`, `sigma_visual`, `sigma_bimodal`,
        `sigma_predicted` (deg), `n`; `kind` where the trials have it.
    """
    trials = need(trials, ["observer", "report", "response", "auditory_azimuth", "visual_azimuth"])
    factors = varying_factors(trials)
    answered = _answered(trials, "cue_weights")
    pairs = answered[
        (answered["report"] == report) & answered["auditory_azimuth"].notna() & answered["visual_azimuth"].notna()
    ]
    if pairs.empty:
        raise ValueError(f"no answered trial asks for the {report} place of a pair")
    rows = []
    for key, cell in grouped_rows(pairs, factors, "cue_weights").groupby(["observer", *factors], sort=False):
        condition = dict(zip(["observer", *factors], key, strict=True))
        sigma = {m: _unimodal_sigma(answered, m, condition) for m in ("auditory", "visual")}
        a, v = sigma["auditory"] ** 2, sigma["visual"] ** 2
        fit = _regress(cell, key[0])
        rows.append(
            {
                **condition,
                **fit,
                "predicted": a / (a + v) if a + v > 0 else np.nan,
                "sigma_auditory": sigma["auditory"],
                "sigma_visual": sigma["visual"],
                "sigma_predicted": np.sqrt(a * v / (a + v)) if a + v > 0 else np.nan,
            }
        )
    table = pd.DataFrame(rows).assign(report=report, interval="95 % over trials (delta method)")
    return keep_kind(table, trials)


def unimodal_precision(trials):
    """Sensory sd of each observer from its unimodal answers, at reliability 1, so that a model can be matched to it.

    At each reliability r: residual sd of answers around their regression on place, divided by the slope (which
    undoes shrinkage to a prior), times √r; then the root mean square over reliabilities, weighted by trials.

    Parameters
    ----------
    trials : DataFrame
        `session.trials` with each modality alone.

    Returns
    -------
    DataFrame, one row per observer × modality
        `sigma` (deg at reliability 1; NaN if the modality was not shown alone at two places), `n`.
    """
    trials = need(trials, ["observer", "report", "response", "auditory_azimuth", "visual_azimuth"])
    answered = _answered(trials, "unimodal_precision")
    rows = []
    for observer in dict.fromkeys(trials["observer"].dropna()):
        own = answered[answered["observer"] == observer]
        for modality in ("auditory", "visual"):
            column = f"{modality}_reliability"
            levels = own[column].dropna().unique() if column in varying_factors(own) else [None]
            found = []
            for level in levels:
                condition = {"observer": observer} | ({} if level is None else {column: level})
                sigma, n = _unimodal_sigma(own, modality, condition, count=True)
                if np.isfinite(sigma):
                    found.append((sigma * np.sqrt(1.0 if level is None else level), n))
            sigma, n = np.array(found).T if found else (np.array([np.nan]), np.array([0]))
            pooled = np.sqrt(np.average(sigma**2, weights=n)) if n.sum() else np.nan
            rows.append({"observer": observer, "modality": modality, "sigma": pooled, "n": int(n.sum())})
    return pd.DataFrame(rows)


def _answered(trials, who):
    """Rows of a place with an answer; directions are written near the sound's (or the only) place."""
    asked = trials[trials["report"].isin(["auditory", "visual"])]
    asked = grouped_rows(checked_answers(asked), ["observer"], who)
    asked = asked[asked["response"].notna()]
    sound, light = (numeric(asked[f"{m}_azimuth"], f"{m}_azimuth") for m in ("auditory", "visual"))
    # a regression needs numbers that run on: all places are written near their mean direction
    middle = mean_direction(sound.fillna(light))
    sound, light = (pd.Series(near(place, middle), asked.index) for place in (sound, light))
    place = sound.fillna(light)
    return asked.assign(
        auditory_azimuth=sound, visual_azimuth=near(light, place), response=near(asked["response"], place)
    )


def _regress(cell, who):
    design = np.column_stack([cell["auditory_azimuth"], cell["visual_azimuth"], np.ones(len(cell))])
    response = cell["response"].to_numpy(float)
    if np.linalg.matrix_rank(design) < 3:
        raise ValueError("weights need pairs with varying place and varying disparity; these places are collinear")
    weights, *_ = np.linalg.lstsq(design, response, rcond=None)
    residual = response - design @ weights
    variance = residual @ residual / max(len(cell) - 3, 1)
    covariance = variance * np.linalg.inv(design.T @ design)
    total = weights[0] + weights[1]
    if abs(total) < 1e-9:  # the answers follow neither place: a share of nothing
        warnings.warn(f"cue_weights: answers of {who} follow neither place; no weight", UserWarning, stacklevel=3)
        return dict.fromkeys(("weight_visual", "low", "high", "sigma_bimodal"), np.nan) | {"n": len(cell)}
    gradient = np.array([-weights[1], weights[0], 0.0]) / total**2
    half = Z95 * np.sqrt(gradient @ covariance @ gradient)
    share = weights[1] / total
    return {
        "weight_visual": share,
        "low": share - half,
        "high": share + half,
        "sigma_bimodal": np.sqrt(variance) / abs(total),
        "n": len(cell),
    }


def _unimodal_sigma(answered, modality, condition, count=False):
    other = "visual" if modality == "auditory" else "auditory"
    rows = (
        (answered["report"] == modality) & answered[f"{modality}_azimuth"].notna() & answered[f"{other}_azimuth"].isna()
    )
    rows &= answered["observer"] == condition["observer"]
    reliability = f"{modality}_reliability"
    if reliability in condition:
        rows &= answered[reliability] == condition[reliability]
    alone = answered[rows]
    sigma = np.nan
    if len(alone) >= 3 and alone[f"{modality}_azimuth"].nunique() >= 2:
        slope, intercept = np.polyfit(alone[f"{modality}_azimuth"], alone["response"], 1)
        residual = alone["response"] - slope * alone[f"{modality}_azimuth"] - intercept
        sigma = np.sqrt((residual**2).sum() / (len(alone) - 2)) / abs(slope) if slope else np.nan
    return (sigma, len(alone)) if count else sigma
