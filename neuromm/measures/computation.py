"""Which computation a layer carries: its RDM against the RDMs of model computations, one by one and as a mixture."""

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from neuromm.measures.comparators import prepare
from neuromm.measures.rdm import align, name_rdms, rdm

CORNERS = ("segregation", "fusion", "causal inference")


def computations(rdms, models):
    """How well each model computation explains each RDM.

    The comparator is the whitened cosine (Diedrichsen et al. 2021). `delta` is the primary measure:
    r(causal inference) − max(r(segregation), r(fusion)). The mixture is non-negative least squares on
    whitened, unit-length RDMs of the corners; `explained` is the squared cosine of its best fit.

    Parameters
    ----------
    rdms : dict of name → RDM, or a list
        What was measured.
    models : dict of name → RDM
        Model computations over the same conditions; holds at least the corners: segregation, fusion, causal inference.

    Returns
    -------
    DataFrame, one row per RDM
        `name`, `r <model>` for every model, `delta`, `share <corner>` (mixture weights that sum to 1; NaN if
        all are 0), `explained` (0 … 1).

    Raises
    ------
    ValueError
        If a corner is missing, or the conditions differ.
    """
    missing = [c for c in CORNERS if c not in models]
    if missing:
        raise ValueError(f"models has no {missing}; it has: {', '.join(models)}")
    measured = name_rdms(rdms)
    values, _ = align([*models.values(), *measured.values()])
    white = np.nan_to_num(prepare(values, "whitened_cosine"))  # an RDM of zeros resembles nothing
    basis = dict(zip(models, white, strict=False))
    design = np.array([basis[c] for c in CORNERS]).T
    rows = []
    for name, pattern in zip(measured, white[len(models) :], strict=True):
        r = {model: float(basis[model] @ pattern) for model in models}
        weights, residual = nnls(design, pattern)
        total = weights.sum()
        rows.append(
            {
                "name": name,
                **{f"r {m}": value for m, value in r.items()},
                "delta": r[CORNERS[-1]] - max(r[c] for c in CORNERS[:-1]),
                **{f"share {c}": w / total if total > 0 else np.nan for c, w in zip(CORNERS, weights, strict=True)},
                "explained": max(0.0, 1 - residual**2),
            }
        )
    return pd.DataFrame(rows)


def fold_reliability(activity, *, method="crossnobis", folds="fold"):
    """Whitened cosine between the RDMs of the two halves of the noise folds: what noise allows a true model.

    NaN where a half has fewer than two folds (a cross-validated RDM needs two).
    """
    fold = np.asarray(activity[folds])
    kinds = np.unique(fold)
    if len(kinds) < 4:
        return np.nan
    halves = [
        rdm(activity.isel(trial=np.flatnonzero(np.isin(fold, kinds[start::2]))), method=method) for start in (0, 1)
    ]
    values, _ = align(halves)
    first, second = prepare(values, "whitened_cosine")
    return float(first @ second)
