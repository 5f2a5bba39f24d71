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


def seeds_of(name, folder, **fields):
    """The shipped network, and one more for each `NAME*.safetensors` of a folder that `neuromm train` wrote."""
    found = {name: catalogue.load(name, **fields)}
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

    `nearest` is the distance from the ideal to the nearest rival (fusion, segregation, selection, matching, where
    present), `quarter` whether the observer is within a quarter of it wherever that exceeds 1°.
    """
    table = measures.crossmodal_bias(trials)
    keys = [c for c in ("auditory_reliability", "visual_reliability", "disparity") if c in table]
    wide = table.pivot_table(index=keys, columns="observer", values="shift", sort=False)
    others = [c for c in ("fusion", "segregation", "selection", "matching") if c in wide]
    nearest = (wide[others].sub(wide[reference], axis=0)).abs().min(axis=1)
    rows = []
    for name in names:
        error = (wide[name] - wide[reference]).abs()
        rows.append(pd.DataFrame({
            "observer": name, "shift": wide[name], "ideal": wide[reference], "error": error, "nearest_rival": nearest,
            "quarter": (error <= nearest / 4) | (nearest <= 1.0),
        }).reset_index())  # fmt: skip
    return pd.concat(rows, ignore_index=True)
