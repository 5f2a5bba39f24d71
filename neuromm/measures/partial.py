"""What each model explains that others do not: partial correlations of RDMs, and variance shared out among models."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from neuromm.measures.inference import read_evaluation
from neuromm.measures.rdm import RDM, align, name_rdms
from neuromm.measures.rsa_checks import ConstantPatterns, list_names
from neuromm.measures.ties import rounding_error

MOST_MODELS = 12  # 2^12 regressions


def partial_rsa(
    data, models, controls=None, *, comparator: Literal["pearson", "spearman"] = "spearman"
) -> pd.DataFrame:
    """Correlation of each model's RDM with the data's once other RDMs are taken out of both.

    Parameters
    ----------
    data : list or dict of RDM, or one RDM
        One per subject; each is compared by itself, so that the values can go to `sign_flip`.
    models : dict of name → RDM, or list
    controls : the same, optional
        What is taken out; by default, for each model, all other models.
    comparator : str
        "spearman" takes ranks first.

    Returns
    -------
    DataFrame : subject, model, estimate (partial correlation), raw (correlation as it is), n_conditions.
    """
    subjects, values, predictors, names = _read(data, models, comparator)
    if controls is not None:
        held, _ = align([subjects[0], *name_rdms(controls).values()])
        held = _ready(held[1:], comparator)
    rows = []
    for k, name in enumerate(names):
        others = np.delete(predictors, k, axis=0) if controls is None else held
        model = predictors[k : k + 1]
        _check_left(model, others, [name], "models")
        _check_left(values, others, [s.name or i for i, s in enumerate(subjects)], "data")
        partial = _correlate(_without(model, others), _without(values, others))[0]
        raw = _correlate(model, values)[0]
        rows += [{"subject": s.name or i, "model": name, "estimate": p, "raw": r, "n_conditions": s.n_conditions}
                 for i, (s, p, r) in enumerate(zip(subjects, partial, raw, strict=True))]  # fmt: skip
    return pd.DataFrame(rows)


def partition_variance(data, models, *, comparator: Literal["pearson", "spearman"] = "pearson") -> pd.DataFrame:
    """Variance of the data's RDM that each set of models explains, alone and together (commonality analysis).

    Regressions on all subsets of models give R²; the part of a set of models is what exactly these share (Reichwein
    Zientek & Thompson 2006); parts sum to the R² of all, and may be negative where one model suppresses error of
    another.

    Returns
    -------
    DataFrame : subject, models (names joined by " & "), size, r_squared (of a regression on these), part.
    """
    subjects, values, predictors, names = _read(data, models, comparator)
    if len(names) > MOST_MODELS:
        raise ValueError(f"{len(names)} models have 2^{len(names)} subsets; at most {MOST_MODELS} are wanted")
    sets = [c for size in range(1, len(names) + 1) for c in combinations(range(len(names)), size)]
    total = np.square(values - values.mean(axis=1, keepdims=True)).sum(axis=1)
    explained: dict[tuple[int, ...], np.ndarray] = {(): np.zeros(len(values))}
    for chosen in sets:
        explained[chosen] = 1 - np.square(_without(values, predictors[list(chosen)])).sum(axis=1) / total
    rows = []
    for chosen in sets:
        part = _shared_by_exactly(chosen, explained, range(len(names)))
        label = " & ".join(names[i] for i in chosen)
        rows += [{"subject": s.name or i, "models": label, "size": len(chosen), "r_squared": r, "part": p}
                 for i, (s, r, p) in enumerate(zip(subjects, explained[chosen], part, strict=True))]  # fmt: skip
    return pd.DataFrame(rows)


def _shared_by_exactly(chosen, explained, everything):
    """Inclusion and exclusion over the subsets of `chosen`, beside all models that are not in it."""
    rest = tuple(i for i in everything if i not in chosen)
    part = 0.0
    for size in range(len(chosen) + 1):
        for subset in combinations(chosen, size):
            part = part + (-1) ** (size + 1) * explained[tuple(sorted(rest + subset))]
    return part


def _read(data, models, comparator):
    if comparator not in ("pearson", "spearman"):
        raise ValueError(f"comparator '{comparator}' is not one of pearson, spearman")
    data = [data] if isinstance(data, RDM) else data
    subjects, values, predictors, names = read_evaluation(data, models, comparator)
    return subjects, _ready(values, comparator), _ready(predictors, comparator), names


def _ready(values, comparator):
    return rankdata(values, axis=1) if comparator == "spearman" else np.asarray(values, float)


def _without(values, others):
    """Residuals of a regression on `others` and a constant."""
    design = np.column_stack([np.ones(values.shape[1]), others.T])
    design = design / np.maximum(np.linalg.norm(design, axis=0), 1e-300)
    return values - (design @ np.linalg.lstsq(design, values.T, rcond=None)[0]).T


def _check_left(values, others, names, what):
    """Refuse RDMs of which the controls leave nothing: their partial correlation is 0/0."""
    left = np.linalg.norm(_without(values, others), axis=1)
    whole = np.linalg.norm(values, axis=1)
    gone = left <= rounding_error(np.finfo(float).eps, values.shape[1]) * whole
    if gone.any():
        raise ConstantPatterns(
            f"controls explain {what} {list_names(np.asarray(names, object)[gone])} wholly, so that the partial "
            "correlation is 0/0; leave a control out"
        )


def _correlate(first, second):
    """Correlations of all rows."""
    first, second = (v - v.mean(axis=1, keepdims=True) for v in (first, second))
    norms = [np.linalg.norm(v, axis=1) for v in (first, second)]
    return first @ second.T / np.outer(*norms)
