"""What studies of networks share: scenes of the generator, the matched ideal observer, distances of answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from neuromm import catalogue, measures
from neuromm.stimuli.measurement import yoke
from neuromm.stimuli.table import finish

SIGMA_PRIOR = 12.0  # deg, of the scenes the networks were trained on
RIVALS = ("fusion", "segregation", "selection", "matching")


def seeds_of(name, folder=None, n_seeds=1, **fields):
    """The shipped network by name, its further seeds up to `n_seeds`, and those of a folder that `neuromm train` wrote.

    Raises
    ------
    ValueError
        If `n_seeds` is below 1 or a folder holds no weights.
    """
    if n_seeds < 1:
        raise ValueError(f"n_seeds is {n_seeds}; at least 1 is wanted")
    found = {name: catalogue.load(name, **fields)}
    for seed in found[name].other_seeds()[: n_seeds - 1]:
        found[f"{name}_s{seed:02d}"] = catalogue.load(name, name=f"{name}_s{seed:02d}", seed=seed, **fields)
    if folder:
        files = sorted(Path(folder).glob("*.safetensors"))
        if not files:
            raise ValueError(f"{folder} holds no .safetensors files; `neuromm train {name} --seed 2` writes one")
        for file in files:
            label = f"{name}_{file.stem}"
            found[label] = catalogue.load(str(file), name=label, **fields)
    return found


def scenes(n, *, sigma_auditory, sigma_visual, seed, reliabilities=(1.0,), reports=("auditory", "common")):
    """`n` scenes as the networks' generator makes them: one cause in half, places N(0, 12²), noise yoked.

    `one_cause` (bool) holds the truth; `visual_reliability` cycles through `reliabilities`.
    """
    rng = np.random.default_rng([seed, 41])
    place, common = SIGMA_PRIOR * rng.standard_normal((n, 2)), rng.random(n) < 0.5
    place[common, 1] = place[common, 0]
    shown = pd.DataFrame({"auditory_azimuth": place[:, 0], "visual_azimuth": place[:, 1]})
    shown["visual_reliability"] = np.resize(reliabilities, n)
    trials = finish(shown, seed=seed, reports=reports)
    trials["one_cause"] = common[trials["presentation"].to_numpy()]
    return yoke(trials, auditory=sigma_auditory, visual=sigma_visual)


def matched(strategy="averaging", **fields):
    """The ideal observer of the generator, with the generator's prior and p_common: no free parameter."""
    name = {"averaging": "ideal", "selection": "selection", "matching": "matching"}[strategy]
    ideal = catalogue.load("causal_inference")
    return dataclasses.replace(ideal, sigma_prior=SIGMA_PRIOR, p_common=0.5, strategy=strategy, name=name, **fields)


def rivals(**fields):
    """Fusion and segregation with the same senses and prior."""
    return [
        dataclasses.replace(catalogue.load(name), sigma_prior=SIGMA_PRIOR, name=label, **fields)
        for name, label in (("forced_fusion", "fusion"), ("segregation", "segregation"))
    ]


def area_under_curve(score, truth):
    """Probability that a true case has the higher score, ties half (Mann–Whitney)."""
    truth = np.asarray(truth, bool)
    rank = pd.Series(np.asarray(score, float)).rank().to_numpy()
    n, m = truth.sum(), (~truth).sum()
    return float((rank[truth].sum() - n * (n + 1) / 2) / (n * m)) if n and m else np.nan


def shifts(trials, names, reference="ideal"):
    """Each observer's shift toward the light against |disparity| (deg), and its difference from the ideal observer's.

    `nearest_rival` is the distance from the ideal to the nearest of those rivals (fusion, segregation, selection,
    matching, where present) that lie more than 1° from it; NaN where all are nearer than that.
    """
    table = measures.crossmodal_bias(trials)
    keys = [c for c in ("auditory_reliability", "visual_reliability", "disparity") if c in table]
    wide = table.pivot_table(index=keys, columns="observer", values="shift", sort=False)
    apart = wide[[c for c in RIVALS if c in wide]].sub(wide[reference], axis=0).abs()
    nearest = apart.where(apart > 1.0).min(axis=1)
    rows = [
        pd.DataFrame({
            "observer": name, "shift": wide[name], "ideal": wide[reference],
            "error": (wide[name] - wide[reference]).abs(), "nearest_rival": nearest,
        }).reset_index() for name in names
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def per_trial(trials, names, reference="ideal"):
    """Each observer's rms difference from the ideal observer over single trials (deg), and over the nearest rival's.

    Everyone has perceived the same samples, so that selection and averaging, alike in their means, are told apart.
    """
    asked = trials[trials["report"] == "auditory"]
    wide = asked.pivot(index="trial" if "trial" in asked else "presentation", columns="observer", values="response")
    away = np.sqrt((wide.sub(wide[reference], axis=0) ** 2).mean())
    nearest = away[[c for c in RIVALS if c in wide]]
    return pd.DataFrame({
        "observer": list(names), "rms_difference": away[list(names)].to_numpy(),
        "rival": nearest.idxmin(), "rival_difference": nearest.min(),
    })  # fmt: skip


def bands_table(rows):
    """What was measured beside what it is held to: observer, what, value, least, most (∞ = open), margin, passes.

    Parameters
    ----------
    rows : list of (observer, what, value, least, most)

    Returns
    -------
    DataFrame
        `margin` is the distance inside the band, negative outside, in the unit of the value.
    """
    table = pd.DataFrame(rows, columns=["observer", "what", "value", "least", "most"])
    margin = np.minimum(table["value"] - table["least"], table["most"] - table["value"])
    return table.assign(margin=margin, passes=margin > 0)


def over_seeds(bands, names):
    """Each band over the seeds of a network: mean, interval, worst, how many hold it, and an exact sign-flip test.

    The test asks whether the mean margin is above 0; its p is 1/2^n at the least.
    """
    own = bands[bands["observer"].isin(list(names)) & bands["value"].notna()]
    rows = []
    for what, group in own.groupby("what", sort=False):
        value, margin = group["value"].to_numpy(float), group["margin"].to_numpy(float)
        row = {"what": what, "mean": value.mean(), "worst": value[margin.argmin()],
               "least": group["least"].iloc[0], "most": group["most"].iloc[0], "held_by": int((margin > 0).sum()),
               "n_seeds": len(group)}  # fmt: skip
        if len(group) > 1 and np.isfinite(margin).all():  # a value without a band has no margin to test
            test = measures.sign_flip(margin).iloc[0]
            spread = measures.sign_flip(value).iloc[0]
            row |= {"low": spread["low"], "high": spread["high"], "p": test["p"]}
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=["what", "mean", "low", "high", "worst", "least", "most", "held_by",
                                               "n_seeds", "p"])  # fmt: skip


def said(table):
    """Bands over seeds as sentences for a page."""
    parts = []
    for row in table.itertuples():
        ends = [f"at least {row.least:g}" if np.isfinite(row.least) else "",
                f"at most {row.most:g}" if np.isfinite(row.most) else ""]  # fmt: skip
        held = " and ".join(end for end in ends if end)
        if not held:
            parts.append(f"{row.what}: {row.mean:.3g}.")
            continue
        interval = f" [{row.low:.3g}, {row.high:.3g}]" if np.isfinite(row.low) else ""
        p = f", p = {row.p:.2g}" if np.isfinite(row.p) else ""
        parts.append(f"{row.what}: {row.mean:.3g}{interval} (held to {held}: {row.held_by} of {row.n_seeds} seeds{p}).")
    return " ".join(parts)
