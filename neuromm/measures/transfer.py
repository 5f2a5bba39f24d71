"""What a layer knows and uses: a quantity decoded at some conditions and tested at others, and taken out of a layer."""

from __future__ import annotations

import numpy as np

from neuromm.measures.predictivity import PENALTIES, ridge_predict


def decoding_transfer(train, target, test, test_target, *, penalties=PENALTIES) -> float:
    """R² at conditions that were not trained on: ridge regression of a quantity on a layer.

    Decodability alone says little (random networks have it too); what carries over to a reliability that was never
    fitted is nearer to a computation.

    Parameters
    ----------
    train, test : array, shape (n_train, n_units), (n_test, n_units)
    target, test_target : array, shape (n_train,), (n_test,)

    Returns
    -------
    float
        1 − Σ(y − ŷ)² / Σ(y − ȳ)² over the test rows; below 0 where their own mean predicts better.

    Raises
    ------
    ValueError
        If rows and targets differ in number, or the test target does not vary.
    """
    train, test = np.asarray(train, float), np.asarray(test, float)
    target, test_target = np.asarray(target, float), np.asarray(test_target, float)
    for rows, values, name in ((train, target, "train"), (test, test_target, "test")):
        if rows.ndim != 2 or values.shape != (len(rows),):
            raise ValueError(f"{name} has shape {rows.shape}, its target {values.shape}; one value per row is wanted")
    spread = np.square(test_target - test_target.mean()).sum()
    if not spread > 0:
        raise ValueError("the test target is the same in every row; there is nothing to predict")
    return float(1 - np.square(test_target - ridge_predict(train, target, test, penalties)).sum() / spread)


def decoding_axis(activity, target, *, penalties=PENALTIES) -> np.ndarray:
    """Weights of the ridge regression of `target` on `activity`, shape (n_units,)."""
    activity = np.asarray(activity, float)
    n_units = activity.shape[1]
    points = np.vstack([np.eye(n_units), np.zeros((1, n_units))])
    predicted = ridge_predict(activity, np.asarray(target, float), points, penalties)
    return predicted[:-1] - predicted[-1]


def random_axis(activity, rng) -> np.ndarray:
    """Weights of a random quantity that the activity holds: any combination of its components is as likely."""
    activity = np.asarray(activity, float)
    values, vectors = np.linalg.eigh(np.cov(activity.T))
    kept = values > values.max() * 1e-6
    return vectors[:, kept] @ (rng.standard_normal(kept.sum()) / np.sqrt(values[kept]))


def eraser(activity, axis):
    """A function that takes from patterns all that varies with one weighted sum of units, and nothing else.

    h ← h − Σw (wᵀ(h − μ))/(wᵀΣw), with μ and Σ of `activity`: afterwards no unit is correlated with wᵀh (Belrose et
    al. 2023, concept erasure, for one dimension).

    Parameters
    ----------
    activity : array, shape (n_trials, n_units)
    axis : array, shape (n_units,)

    Returns
    -------
    callable : array (n, n_units) → array (n, n_units)
    """
    activity, axis = np.asarray(activity, float), np.asarray(axis, float)
    mean = activity.mean(axis=0)
    spread = (activity - mean).T @ ((activity - mean) @ axis) / len(activity)  # Σw
    variance = axis @ spread
    if not variance > 0:
        raise ValueError("the layer does not vary along this axis; there is nothing to take out")
    pattern = spread / variance
    return lambda patterns: patterns - np.outer((patterns - mean) @ axis, pattern)
