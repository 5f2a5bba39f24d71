"""How many conditions and subjects a study needs: the test of `evaluate_models` on simulated studies."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import beta, t

from neuromm.measures import dyadic
from neuromm.measures.comparators import Comparator, compare
from neuromm.measures.dissimilarity import squared_euclidean
from neuromm.measures.inference import corrected_variance
from neuromm.measures.resampling import draw_counts, evaluate_dual
from neuromm.measures.rsa_checks import check_count, check_fraction

N_FEATURES = 10  # dimensions of each part of the simulated representations


def simulate_power(
    n_conditions,
    n_subjects,
    *,
    similarity: float,
    rival: float = 0.0,
    ceiling: float = 0.5,
    comparator: Comparator = "pearson",
    alpha: float = 0.05,
    n_studies: int = 200,
    n_resamples: int = 200,
    rng,
) -> pd.DataFrame:
    """Chance that a planned study finds its model above zero, and above a rival model.

    Each simulated study draws new conditions, whose representation is a weighted sum of the features of two models
    and of features that neither has; each subject adds features of their own. Weights are set so that the models'
    RDMs have the similarity asked for with a subject's RDM. The test is the dual bootstrap of `evaluate_models`.

    Parameters
    ----------
    n_conditions, n_subjects : int or list of int
        Planned numbers; every combination is simulated.
    similarity, rival : float
        Correlation of the RDM of the model, and of its rival, with a single subject's RDM.
    ceiling : float
        Correlation of the RDMs of two subjects: what noise and individuality leave.
    alpha : float
    n_studies, n_resamples : int
        Simulated studies, and bootstrap resamples in each.
    rng : numpy Generator

    Returns
    -------
    DataFrame
        n_conditions, n_subjects, test ("above zero", one-sided; "above rival", two-sided, in the right direction),
        power, low, high (95 % Clopper–Pearson over studies), similarity (mean that came about), n_studies.

    Raises
    ------
    ValueError
        If the correlations asked for cannot occur together: similarity² + rival² must be less than `ceiling`.
    """
    check_fraction(alpha, "alpha")
    check_count(n_studies, "n_studies")
    check_count(n_resamples, "n_resamples", 2)
    shares = _shares(similarity, rival, ceiling)
    rows = []
    for n, s in product(np.atleast_1d(n_conditions).tolist(), np.atleast_1d(n_subjects).tolist()):
        if n < 4 or s < 2:
            raise ValueError(f"{n} conditions and {s} subjects: at least 4 and 2 are wanted")
        found = np.array([_study(n, s, shares, comparator, alpha, n_resamples, rng) for _ in range(n_studies)])
        for k, test in enumerate(("above zero", "above rival")):
            hits = int(found[:, k].sum())
            low = beta.ppf(0.025, hits, n_studies - hits + 1) if hits else 0.0
            high = beta.ppf(0.975, hits + 1, n_studies - hits) if hits < n_studies else 1.0
            rows.append({"n_conditions": n, "n_subjects": s, "test": test, "power": hits / n_studies, "low": low,
                         "high": high, "similarity": found[:, 2].mean(), "n_studies": n_studies})  # fmt: skip
    return pd.DataFrame(rows)


def _shares(similarity, rival, ceiling):
    """Scales of the features (model, rival, unexplained, own) that give these correlations of RDMs.

    Squared distances of independent features add up, each part with variance ∝ scale⁴. With parts of unit total
    variance, corr(model, subject) = a², corr(two subjects) = a⁴ + b⁴ + u⁴, and a⁴ + b⁴ + u⁴ + o⁴ = 1.
    """
    if not (0 <= similarity < 1 and 0 <= rival < 1 and 0 < ceiling <= 1):
        raise ValueError(f"similarity {similarity}, rival {rival}, ceiling {ceiling}: fractions from 0 to 1 are wanted")
    unexplained = ceiling - similarity**2 - rival**2
    if unexplained < -1e-12:
        most = np.sqrt(max(ceiling - rival**2, 0))
        raise ValueError(
            f"a ceiling of {ceiling} between subjects allows a similarity of at most {most:.2f} to one of them "
            f"(beside a rival at {rival}); {similarity} given"
        )
    squared = np.sqrt([similarity**2, rival**2, max(unexplained, 0), 1 - ceiling])
    return np.sqrt(squared)


def _study(n, s, shares, comparator, alpha, n_resamples, rng):
    features = rng.standard_normal((3, n, N_FEATURES))
    common = np.concatenate([f * a for f, a in zip(features, shares, strict=False)], axis=1)
    own = rng.standard_normal((s, n, N_FEATURES)) * shares[3]
    data = np.array([_vector(np.concatenate([common, o], axis=1)) for o in own])
    models = np.array([_vector(f) for f in features[:2]])
    conditions, subjects = draw_counts(n, n_resamples, rng, 3), draw_counts(s, n_resamples, rng)
    found = evaluate_dual(data, models, comparator, conditions, subjects, ceilings=None)
    contrasts = np.array([[1, 0], [1, -1]])
    spread = [np.nanvar(e.models @ contrasts.T, axis=0, ddof=1) for e in found]
    estimate = contrasts @ compare(models, data, comparator).mean(axis=1)
    value = estimate / np.sqrt(corrected_variance(*spread, s, n))
    freedom = min(s, n) - 1
    of_model = freedom
    if comparator in dyadic.COMPARATORS:  # the test of `evaluate_models` against zero
        variance, of_model = dyadic.null_variance(data, models[:1], comparator)
        value[0], of_model = estimate[0] / np.sqrt(variance[0]), of_model[0]
    return t.sf(value[0], of_model) < alpha, t.sf(value[1], freedom) < alpha / 2, estimate[0]


def _vector(patterns):
    square = squared_euclidean(patterns)
    return square[np.triu_indices(len(square), 1)]
