"""Variance of a correlation of RDMs under the hypothesis of none, from the pairs that share a condition.

A bootstrap counts the noise of single pairs three times (once with each of their conditions and once with both), so
with few conditions its variance is up to twice too large. Here it is counted once: under the hypothesis the pair
(i, j) contributes z_ij z'_ij to the correlation (DiCiccio & Romano 2017), and contributions are a round robin,
y_ij = μ + a_i + a_j + e_ij, whose components of variance follow from sums of squares (Griffing 1956, method 4).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from neuromm.measures.comparators import to_square

COMPARATORS = ("pearson", "spearman")


def null_variance(data, models, comparator, *, over_subjects=True):
    """Variance of each model's mean correlation with the subjects over new conditions (and subjects), were it 0.

    Parameters
    ----------
    data, models : array, shape (n_subjects, n_pairs), (n_models, n_pairs)
    comparator : str
        "pearson" or "spearman".
    over_subjects : bool
        Whether subjects are a sample too.

    Returns
    -------
    variance : array, shape (n_models,)
    freedom : array, shape (n_models,)
        Degrees of freedom for Student's t (Satterthwaite 1946).
    """
    if comparator == "spearman":
        data, models = rankdata(data, axis=1), rankdata(models, axis=1)
    data, models = _standardised(data), _standardised(models)
    n_subjects = len(data)
    found = []
    for model in models:
        shares = to_square(data * model)  # (n_subjects, n, n)
        of_conditions, n = over_conditions(shares.mean(axis=0)), shares.shape[-1]
        if n_subjects == 1 or not over_subjects:
            found.append((of_conditions, n - 1))
            continue
        similarity = (data * model).mean(axis=1)
        of_subjects = similarity.var(ddof=1) / n_subjects
        # what conditions and subjects have in common is in both
        apart = over_conditions(shares - shares.mean(axis=0)).sum() / (n_subjects * (n_subjects - 1))
        variance = max(of_conditions + of_subjects - apart, of_subjects)
        rest = variance - of_subjects
        freedom = variance**2 / (rest**2 / (n - 1) + of_subjects**2 / (n_subjects - 1)) if variance > 0 else 1
        found.append((variance, freedom))
    variance, freedom = np.array(found, float).T
    return variance, freedom


def over_conditions(shares):
    """Variance of the mean over pairs under new conditions, σ_a² 4/n + σ_e² 2/(n(n − 1)), times n/(n − 1).

    Parameters
    ----------
    shares : array, shape (..., n_conditions, n_conditions)
        Symmetric, zero diagonal.

    Returns
    -------
    array, shape (...)
    """
    n = shares.shape[-1]
    mean = shares.sum(axis=(-1, -2)) / (n * (n - 1))
    of_condition = shares.sum(axis=-1) / (n - 1)
    total = np.square(shares).sum(axis=(-1, -2)) / 2 - n * (n - 1) / 2 * mean**2
    between = np.square(of_condition - mean[..., None]).sum(axis=-1) * (n - 1) ** 2 / (n - 2)
    error = (total - between) / (n * (n - 3) / 2)
    component = np.maximum((between / (n - 1) - error) / (n - 2), 0)
    return (4 * component / n + 2 * error / (n * (n - 1))) * n / (n - 1)


def _standardised(values):
    values = values - values.mean(axis=1, keepdims=True)
    return values / values.std(axis=1, keepdims=True)
