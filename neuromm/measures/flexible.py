"""Models of a representation with something free: which candidate, or which weights; judged on held-out conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import t

from neuromm.measures import comparators
from neuromm.measures.comparators import Comparator, n_conditions_of, to_square
from neuromm.measures.compare import read_values
from neuromm.measures.inference import corrected_variance
from neuromm.measures.rdm import RDM, name_rdms
from neuromm.measures.resampled_ranks import midranks, pair_weights, scaled_ranks
from neuromm.measures.resampling import draw_counts
from neuromm.measures.rsa_checks import check_count, check_enough_conditions, check_fraction

FEWEST_HELD_OUT = 3  # conditions in a test set: three pairs, the fewest that a correlation can be taken over


@dataclass(frozen=True, eq=False)
class Select:
    """The candidate that fits the training data best, such as one layer of a network."""

    candidates: dict[str, RDM]

    def __post_init__(self):
        object.__setattr__(self, "candidates", name_rdms(self.candidates))

    def choose(self, candidates, target):
        """The best candidate as weights of 0 and 1, from vectors in the comparator's geometry."""
        return np.eye(len(candidates))[int(np.argmax(_unit(candidates) @ target))]


@dataclass(frozen=True, eq=False)
class Weighted:
    """A sum of components with weights of at least 0, fitted by non-negative least squares.

    Non-negative weights keep a sum of squared distances a squared distance (of reweighted features). Projecting the
    pooled RDM onto the cone of components, in the comparator's geometry, also maximises their cosine or correlation;
    rank comparators are fitted as their linear relatives and evaluated as themselves.
    """

    candidates: dict[str, RDM]

    def __post_init__(self):
        object.__setattr__(self, "candidates", name_rdms(self.candidates))

    def choose(self, candidates, target):
        """Weights, shape (n_candidates,), from vectors in the comparator's geometry."""
        return _project(candidates, target)


def fit_weights(components, target, comparator="pearson") -> np.ndarray:
    """Non-negative weights of components whose sum is most like the target.

    Parameters
    ----------
    components : array, shape (n_components, n_pairs)
    target : array, shape (n_pairs,)
    comparator : str
        Its geometry: centred for correlations, whitened for whitened ones; ranks are fitted as "pearson".

    Returns
    -------
    array, shape (n_components,); all 0 if no component helps.
    """
    components, target = np.atleast_2d(np.asarray(components, float)), np.atleast_2d(np.asarray(target, float))
    counts = np.ones(n_conditions_of(components.shape[1]), int)
    comparator = linear_relative(comparator)
    return _project(geometry(components, counts, comparator), geometry(target, counts, comparator)[0])


def _project(components, target):
    """Weights of the point of the components' cone that is nearest to the target."""
    scale = np.linalg.norm(components, axis=1)
    scale[scale == 0] = np.inf
    weights = nnls((components / scale[:, None]).T, target / max(np.linalg.norm(target), 1e-300))[0]
    return weights / scale


def crossvalidate_models(
    data,
    models,
    *,
    comparator: Comparator = "pearson",
    n_folds: int = 4,
    n_subject_folds: int = 1,
    n_repeats: int = 2,
    n_resamples: int = 0,
    level: float = 0.95,
    rng,
) -> pd.DataFrame:
    """Fixed and flexible models, each fitted on some conditions (and subjects) and evaluated on others.

    Parameters
    ----------
    data : list or dict of RDM, or one RDM
        One per subject.
    models : dict of name → RDM, Select or Weighted
    comparator : str
        Conditions are held out whole: test pairs lie within the held-out conditions.
    n_folds : int
        Of conditions; each must hold at least three.
    n_subject_folds : int
        Of subjects; 1 fits and evaluates on the same subjects.
    n_repeats : int
        Random divisions into folds that are averaged; with a bootstrap at least 2, whose spread is taken out of the
        variance (Schütt et al. 2023).
    n_resamples : int
        Of a dual bootstrap (of conditions with one subject); 0 gives estimates alone. Copies of a condition stay in
        one fold.
    rng : numpy Generator

    Returns
    -------
    DataFrame
        kind ("model", "difference"), first, second, comparator, estimate, low, high, p (two-sided), n_subjects,
        n_conditions, n_resamples, method.
    """
    check_fraction(level, "level")
    check_count(n_repeats, "n_repeats")
    check_count(n_resamples, "n_resamples", 0)
    if n_resamples == 1:
        raise ValueError("n_resamples must be 0 (estimates alone) or at least 2, got 1")
    check_count(n_folds, "n_folds", 0)
    check_count(n_subject_folds, "n_subject_folds", 0)
    fitted = _Fitted(_subjects(data), models, comparator)
    n_subjects, n = fitted.n_subjects, fitted.n_conditions
    _check_folds(n, n_folds, n_subjects, n_subject_folds)
    folds = (n_folds, n_subject_folds)
    once = np.ones(n, int), np.ones(n_subjects, int)
    # the estimate is cheap beside a bootstrap: enough divisions that its own hardly matter
    estimate = np.mean([fitted.evaluate(*once, folds, rng) for _ in range(max(n_repeats, 20))], axis=0)
    contrasts, rows = _contrasts(fitted.names)
    error, freedom, method = np.full(len(rows), np.nan), 1, f"{n_folds}-fold over conditions"
    if n_resamples:
        variance, freedom = _variance(fitted, contrasts, folds, max(2, n_repeats), n_resamples, rng)
        kind = "dual" if n_subjects > 1 else "conditions"
        error, method = np.sqrt(variance), f"{method}, {kind} bootstrap, t({freedom})"
    value = contrasts @ estimate
    half = t.ppf((1 + level) / 2, freedom) * error
    p = 2 * t.sf(np.abs(value) / np.where(error > 0, error, np.nan), freedom)
    return pd.DataFrame(
        {"kind": [r[0] for r in rows], "first": [r[1] for r in rows], "second": [r[2] for r in rows],
         "comparator": comparator, "estimate": value, "low": value - half, "high": value + half, "p": p,
         "n_subjects": n_subjects, "n_conditions": n, "n_resamples": n_resamples, "method": method}
    )  # fmt: skip


def mixture_weights(data, components, *, comparator: Comparator = "whitened_cosine") -> pd.DataFrame:
    """Non-negative mixture of components that is most like the data, fitted on all of it.

    Returns
    -------
    DataFrame
        component, weight, share (weights of components of unit norm, summing to 1) and fit, the mean similarity of
        the mixture to the data that it was fitted to; `crossvalidate_models` gives the one on held-out conditions.
    """
    fitted = _Fitted(_subjects(data), {"mixture": Weighted(components)}, comparator)
    everything = np.arange(fitted.n_conditions)
    counts = np.ones(fitted.n_conditions, int)
    parts = _pairs_of(fitted.distinct[fitted.parts["mixture"]], everything)
    data = _pairs_of(fitted.data, everything)
    placed = geometry(parts, counts, linear_relative(comparator))
    weights = _project(placed, _unit(geometry(data, counts, linear_relative(comparator))).sum(axis=0))
    strength = weights * np.linalg.norm(placed, axis=1)
    helps = strength.sum() > 0
    fit = comparators.compare(weights @ parts, data, comparator).mean() if helps else np.nan
    share = strength / strength.sum() if helps else np.full(len(weights), np.nan)
    return pd.DataFrame({"component": list(name_rdms(components)), "weight": weights, "share": share, "fit": fit})


def _subjects(data):
    return [data] if isinstance(data, RDM) else list(data.values() if isinstance(data, Mapping) else data)


class _Fitted:
    """Aligned data and candidates, and the cross-validated evaluation of one resample."""

    def __init__(self, subjects, models, comparator):
        if comparator in ("tau_a", "tau_b", "rho_a"):
            raise ValueError(
                f"comparator '{comparator}' is no cosine in any geometry; 'spearman' can be cross-validated"
            )
        fixed = {n: Select({n: m}) if isinstance(m, RDM) else m for n, m in dict(models).items()}
        for name, model in fixed.items():
            if not isinstance(model, Select | Weighted):
                raise TypeError(f"model '{name}' is a {type(model).__name__}; an RDM, Select or Weighted is wanted")
        parts = [c for m in fixed.values() for c in m.candidates.values()]
        names = [*(s.name for s in subjects), *(c.name for c in parts)]
        values, conditions = read_values([*subjects, *parts], names, comparator)
        self.models, self.names, self.comparator = fixed, list(fixed), comparator
        self.n_conditions, self.n_subjects = len(conditions), len(subjects)
        self.data = to_square(values[: len(subjects)])
        distinct, which = np.unique(values[len(subjects) :], axis=0, return_inverse=True)  # many models share parts
        self.distinct = to_square(distinct)
        ends = np.cumsum([len(m.candidates) for m in fixed.values()])
        self.parts = dict(zip(fixed, np.split(which.ravel(), ends[:-1]), strict=True))  # places in `distinct`

    def evaluate(self, conditions, subjects, folds, rng):
        """Mean held-out similarity of each model, for given counts of conditions and subjects."""
        there, people = np.flatnonzero(conditions), np.flatnonzero(subjects)
        condition_fold, subject_fold = _deal(len(there), folds[0], rng), _deal(len(people), folds[1], rng)
        values = []
        for f in range(folds[0]):
            test, train = there[condition_fold == f], there[condition_fold != f]
            for s in range(folds[1]):
                taught = people[subject_fold != s] if folds[1] > 1 else people
                tested = people[subject_fold == s]
                values.append(self._fold(train, test, taught, tested, conditions, subjects))
        return np.mean(values, axis=0)

    def _fold(self, train, test, taught, tested, conditions, subjects):
        """Similarity of each model, fitted on `train` and `taught`, to the subjects `tested` in conditions `test`."""
        in_training = {"counts": conditions[train], "comparator": linear_relative(self.comparator)}
        target = subjects[taught] @ _unit(geometry(_pairs_of(self.data[taught], train), **in_training))
        at_test = {"counts": conditions[test], "comparator": self.comparator}
        held_out = _unit(geometry(_pairs_of(self.data[tested], test), **at_test))
        held_out = subjects[tested] @ held_out / subjects[tested].sum()
        at_hand = _pairs_of(self.distinct, test)
        fitted = any(len(parts) > 1 for parts in self.parts.values())
        placed = geometry(_pairs_of(self.distinct, train), **in_training) if fitted else None
        predicted = []
        for name, model in self.models.items():
            parts = self.parts[name]
            weights = model.choose(placed[parts], target) if len(parts) > 1 else np.ones(1)
            predicted.append(weights @ at_hand[parts])
        similar = _unit(geometry(np.array(predicted), **at_test)) @ held_out
        return np.nan_to_num(similar)  # a prediction that does not vary explains nothing


def geometry(values, counts, comparator):
    """Vectors whose cosine is the comparator, conditions drawn `counts` times each (all at least once).

    Parameters
    ----------
    values : array, shape (n_rdms, n_pairs)
    counts : array of int, shape (n_conditions,)
    """
    weights = pair_weights(counts[None])[0]
    if comparator == "spearman":
        orders = np.argsort(values, axis=1, kind="stable")
        return scaled_ranks(midranks(values, orders, weights), weights, "spearman")
    if comparator in ("pearson", "whitened_correlation"):
        values = values - (values @ weights / weights.sum())[:, None]
    if comparator.startswith("whitened"):
        return comparators.whiten_rdms(values, np.diag(1 / counts))
    return values * np.sqrt(weights)


def linear_relative(comparator):
    """The comparator in whose geometry sums of RDMs are fitted: ranks of a sum are no sum of ranks."""
    return "pearson" if comparator == "spearman" else comparator


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


def _pairs_of(square, conditions):
    rows, columns = np.triu_indices(len(conditions), 1)
    return square[:, conditions[rows], conditions[columns]]


def _deal(n, n_folds, rng):
    return rng.permutation(np.arange(n) % n_folds)


def _check_folds(n_conditions, n_folds, n_subjects, n_subject_folds):
    check_enough_conditions(n_conditions, f"{n_folds}-fold cross-validation", 2 * FEWEST_HELD_OUT)
    if not 2 <= n_folds <= n_conditions // FEWEST_HELD_OUT:
        most = n_conditions // FEWEST_HELD_OUT
        raise ValueError(f"n_folds is {n_folds}; 2 to {most} are wanted: {FEWEST_HELD_OUT} conditions in each of them")
    if not 1 <= n_subject_folds <= n_subjects:
        raise ValueError(f"n_subject_folds is {n_subject_folds}; 1 to {n_subjects}, the number of subjects, are wanted")


def _contrasts(names):
    eye = np.eye(len(names))
    rows = [("model", n, "0") for n in names]
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
    rows += [("difference", names[i], names[j]) for i, j in pairs]
    return np.array([*eye, *(eye[i] - eye[j] for i, j in pairs)]), rows


def _variance(fitted, contrasts, folds, n_repeats, n_resamples, rng):
    """Variance over new conditions and subjects, the share that is due to the division into folds taken out."""
    n, n_subjects = fitted.n_conditions, fitted.n_subjects
    distinct = folds[0] * FEWEST_HELD_OUT
    if n * (1 - np.exp(-1)) < distinct + 1:
        raise ValueError(
            f"a resample of {n} conditions holds about {0.63 * n:.0f} distinct ones, too few for {folds[0]} folds of "
            f"{FEWEST_HELD_OUT}; use fewer folds, or n_resamples=0"
        )
    conditions = draw_counts(n, n_resamples, rng, distinct)
    subjects = draw_counts(n_subjects, n_resamples, rng, folds[1])
    all_conditions, all_subjects = np.ones(n, int), np.ones(n_subjects, int)
    schemes = [(conditions, [all_subjects] * n_resamples)]
    if n_subjects > 1:
        schemes = [(conditions, subjects), ([all_conditions] * n_resamples, subjects), *schemes]
    spread = []
    for some_conditions, some_subjects in schemes:
        values = (
            np.array(
                [
                    [fitted.evaluate(c, s, folds, rng) for _ in range(n_repeats)]
                    for c, s in zip(some_conditions, some_subjects, strict=True)
                ]
            )
            @ contrasts.T
        )  # (n_resamples, n_repeats, n_contrasts)
        of_mean, of_one = values.mean(axis=1).var(axis=0, ddof=1), values.var(axis=0, ddof=1).mean(axis=0)
        spread.append(np.maximum((n_repeats * of_mean - of_one) / (n_repeats - 1), 0))
    if n_subjects > 1:
        return corrected_variance(*spread, n_subjects, n), min(n_subjects, n) - 1
    return spread[0] * n / (n - 1), n - 1
