"""Which model explains the data, and how sure are we: one entry point, one tidy table.

`evaluate_models` gives each model's similarity to the data, all pairwise differences and the noise ceilings, with
intervals and p-values from resampled conditions, subjects or both, from permuted conditions, or from flipped signs.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from neuromm.measures import dyadic
from neuromm.measures.comparators import Comparator, compare
from neuromm.measures.compare import read_values
from neuromm.measures.permutation import permute_conditions, sign_flip
from neuromm.measures.rdm import RDM, name_rdms
from neuromm.measures.resampling import draw_counts, evaluate_together
from neuromm.measures.rsa_checks import check_count, check_fraction

Over = Literal["dual", "both", "conditions", "subjects"]
Test = Literal["bootstrap", "permutation", "sign_flip"]
Correction = Literal["none", "fdr", "bonferroni", "max"]
MIN_DISTINCT = 3  # conditions in a resample; two have one dissimilarity, which correlates with nothing


def evaluate_models(
    data,
    models,
    *,
    comparator: Comparator = "pearson",
    test: Test = "bootstrap",
    over: Over | None = None,
    alternative: Literal["greater", "two-sided"] = "greater",
    correction: Correction = "fdr",
    ceilings: Literal["distinct", "weighted"] = "distinct",
    level: float = 0.95,
    n_resamples: int = 1000,
    covariance=None,
    rng,
) -> pd.DataFrame:
    """Similarity of each model's RDM to the data's, differences between models, and noise ceilings.

    Parameters
    ----------
    data : list or dict of RDM, or one RDM
        One RDM per subject (person, seed or noise fold), over the same conditions.
    models : dict of name → RDM, or list of named RDMs
        Fixed predictions; for models with free weights see `crossvalidate_models`.
    comparator : str
        See `comparators.compare`.
    test : str
        "bootstrap": t-tests with bootstrapped variance, except that Pearson and Spearman correlations are tested
        against zero by their variance under that hypothesis (`dyadic`), because the bootstrap's is too large with few
        conditions; the intervals are the bootstrap's, and so wider than the test;
        "permutation": condition labels of the data shuffled, exact when few (models against zero only; two-sided:
        twice the smaller tail);
        "sign_flip": exact over subjects, conditions taken as fixed.
    over : str
        What the bootstrap generalises to. "dual" (default with several subjects): new conditions and new subjects,
        with the corrected variance of Schütt et al. 2023; "both": the plain double bootstrap, conservative;
        "conditions" (default with one RDM), "subjects".
    alternative : str
        For models against zero; differences and ceilings are always tested two-sided.
    correction : str
        p_corrected over models, and over differences: "fdr" (Benjamini & Hochberg), "bonferroni", "max" (permutation
        and sign_flip only), "none".
    ceilings : str
        See `resampling.evaluate_resamples`.
    level : float
        Of the intervals.
    n_resamples : int
    covariance : array, shape (n_conditions, n_conditions), optional
        Σ_k for the whitened comparators; not with resampled conditions.
    rng : numpy Generator

    Returns
    -------
    DataFrame
        kind ("model", "difference", "below ceiling", "ceiling"), first, second, comparator, estimate, low, high, p,
        p_corrected, n_subjects, n_conditions, n_resamples, method. "below ceiling" is the lower ceiling minus the
        model. `attrs["ceiling"]` holds (low, high); `attrs["calibration"]`, of the bootstrap, says by kind of row how
        often it finds what is not there.

    Raises
    ------
    ConditionsDiffer, TooFewConditions, NotFinite, ConstantPatterns, ValueError
    """
    check_fraction(level, "level")
    check_count(n_resamples, "n_resamples", 2 if test == "bootstrap" else 1)
    if covariance is not None and not comparator.startswith("whitened"):
        raise ValueError(f"covariance must be left out with comparator '{comparator}'; only whitened ones take it")
    subjects, data, models, names = read_evaluation(data, models, comparator)
    over = over or ("conditions" if len(data) == 1 else "dual")
    _check_choices(test, over, correction, alternative, len(data), covariance)
    estimate = compare(models, data, comparator, covariance=covariance).mean(axis=1)
    common = {"comparator": comparator, "n_subjects": len(data), "n_conditions": len(subjects[0].conditions)}
    if test == "permutation":
        similarity = permute_conditions(
            data,
            models,
            comparator,
            alternative=alternative,
            n_resamples=n_resamples,
            rng=rng,
            covariance=covariance,
        )
        rows = [_row("model", n, "0", e, p=p, p_max=m, n=similarity.n, method=similarity.method)
                for n, e, p, m in zip(names, estimate, similarity.p, similarity.p_max, strict=True)]  # fmt: skip
    elif test == "sign_flip":
        rows = _by_sign_flip(compare(models, data, comparator, covariance=covariance), names, alternative, level, rng)
    else:
        rows = _by_bootstrap(data, models, names, comparator, over, alternative, ceilings, level, n_resamples, rng)
    if test != "bootstrap" and len(data) > 1 and covariance is None:
        whole = evaluate_together(data, models, comparator, [(None, None)], ceilings=ceilings)[0]
        rows += [
            _row("ceiling", n, "", e[0], n=0, method="all data") for n, e in (("low", whole.low), ("high", whole.high))
        ]
    table = pd.DataFrame(rows).assign(**common)
    table["p_corrected"] = correct(table, correction)
    columns = ["kind", "first", "second", "comparator", "estimate", "low", "high", "p", "p_corrected", "n_subjects",
               "n_conditions", "n_resamples", "method"]  # fmt: skip
    table = table[columns]
    if test == "bootstrap":
        table.attrs["calibration"] = _calibration(comparator, over)
    ceiling = table[table["kind"] == "ceiling"].set_index("first")["estimate"]
    if len(ceiling):
        table.attrs["ceiling"] = (float(ceiling["low"]), float(ceiling["high"]))
    return table


# share of studies without an effect that pass at .05, measured by benchmarks/similarity_errors.py
OF_NULL_VARIANCE = (
    "variance without similarity: .015 to .068 of studies without similarity pass at .05 (1 to 20 subjects, 8 to 40 "
    "conditions), .002 to .019 where conditions form categories (take test='permutation')"
)
OF_BOOTSTRAP = (
    "variance of the bootstrap, too large with few conditions: whitened correlations pass in .003 to .010 of studies "
    "without similarity at .05, differences of models in .005 to .028 (14 and 40 conditions)"
)
OF_SUBJECTS = "variance over subjects, conditions taken as fixed: .03 to .07 at .05 with 10 subjects"
OF_BOTH = "variance of the plain double bootstrap, larger than that of over='dual': fewer than .028 at .05"


def _calibration(comparator, over) -> dict[str, str]:
    """How often each kind of row finds what is not there."""
    of_bootstrap = {"subjects": OF_SUBJECTS, "both": OF_BOTH}.get(over, OF_BOOTSTRAP)
    tested_without = comparator in dyadic.COMPARATORS and over in ("dual", "conditions")
    of_models = OF_NULL_VARIANCE if tested_without else of_bootstrap
    return {"model": of_models, "difference": of_bootstrap, "below ceiling": of_bootstrap}


def corrected_variance(both, over_subjects, over_conditions, n_subjects, n_conditions):
    """Variance over new subjects and conditions from three bootstraps (Schütt et al. 2023, dual bootstrap).

    The double bootstrap counts the noise of single measurements three times; the sum of the two single bootstraps
    counts it twice. Each single bootstrap underestimates by (n − 1)/n. The result is at least either single variance
    and at most the double one.
    """
    s, c = n_subjects / (n_subjects - 1), n_conditions / (n_conditions - 1)
    variance = s * over_subjects + c * over_conditions - s * c * (both - over_subjects - over_conditions)
    variance = np.maximum(variance, np.maximum(s * over_subjects, c * over_conditions))
    return np.minimum(variance, both)


def correct(table, correction) -> np.ndarray:
    """p-values corrected within each kind of row."""
    if correction == "max":
        return table["p_max"].to_numpy(float)
    corrected = table["p"].to_numpy(float).copy()
    for _, rows in table.groupby("kind").indices.items():
        p = corrected[rows]
        known = ~np.isnan(p)
        if correction == "fdr" and known.any():
            p[known] = stats.false_discovery_control(p[known])
        elif correction == "bonferroni":
            p = np.minimum(1, p * known.sum())
        corrected[rows] = p
    return corrected


def read_evaluation(data, models, comparator):
    """Aligned and checked: RDMs of subjects, dissimilarities (n_subjects, n_pairs), (n_models, n_pairs), names."""
    subjects = [data] if isinstance(data, RDM) else list(data.values()) if hasattr(data, "values") else list(data)
    models = name_rdms(models)
    names = [getattr(r, "name", "") or f"subject {i + 1}" for i, r in enumerate(subjects)]
    values, _ = read_values([*subjects, *models.values()], [*names, *models], comparator)
    return subjects, values[: len(subjects)], values[len(subjects) :], list(models)


def _check_choices(test, over, correction, alternative, n_subjects, covariance):
    for value, kind, name in ((test, Test, "test"), (over, Over, "over"), (correction, Correction, "correction")):
        if value not in get_args(kind):
            raise ValueError(f"{name} '{value}' is not one of {', '.join(get_args(kind))}")
    if alternative not in ("greater", "two-sided"):
        raise ValueError(f"alternative '{alternative}' is not one of greater, two-sided")
    if correction == "max" and test == "bootstrap":
        raise ValueError(
            "correction='max' needs test='permutation' or 'sign_flip'; a bootstrap takes 'fdr' or 'bonferroni'"
        )
    if n_subjects < 2 and (test == "sign_flip" or (test == "bootstrap" and over != "conditions")):
        what = "test='sign_flip'" if test == "sign_flip" else f"over='{over}'"
        raise ValueError(f"{what} needs at least 2 subjects, 1 given; use over='conditions' or test='permutation'")
    if covariance is not None and test == "bootstrap" and over != "subjects":
        raise ValueError(
            "covariance does not say how resampled conditions covary; use over='subjects', or leave it out"
        )


def _by_bootstrap(data, models, names, comparator, over, alternative, ceilings, level, n_resamples, rng):
    n_subjects, n_conditions = len(data), int(round((1 + np.sqrt(1 + 8 * data.shape[1])) / 2))
    conditions = draw_counts(n_conditions, n_resamples, rng, MIN_DISTINCT) if over != "subjects" else None
    subjects = draw_counts(n_subjects, n_resamples, rng) if over != "conditions" else None
    schemes = [(conditions, subjects)]
    if over == "dual":
        schemes += [(None, subjects), (conditions, None)]
    found = evaluate_together(data, models, comparator, [*schemes, (None, None)], ceilings=ceilings)
    joined = [np.column_stack([e.models, e.low, e.high]) for e in found]
    whole = joined.pop()[0]
    contrasts, rows = _contrasts(names, n_subjects > 1)
    spread = [
        np.nanvar(j @ contrasts.T if n_subjects > 1 else j[:, : len(names)] @ contrasts.T, axis=0, ddof=1)
        for j in joined
    ]
    if over == "dual":
        variance = corrected_variance(*spread, n_subjects, n_conditions)
    else:
        n = {"conditions": n_conditions, "subjects": n_subjects, "both": min(n_subjects, n_conditions)}[over]
        variance = spread[0] * n / (n - 1)
    freedom = {"conditions": n_conditions, "subjects": n_subjects}.get(over, min(n_subjects, n_conditions)) - 1
    whole = whole if n_subjects > 1 else whole[: len(names)]
    estimate, error = contrasts @ whole, np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = estimate / error
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    methods = [f"{over} bootstrap, t({freedom})"] * len(rows)
    freedom = np.full(len(rows), float(freedom))
    if comparator in dyadic.COMPARATORS and over in ("dual", "conditions"):
        variance, of_models = dyadic.null_variance(data, models, comparator, over_subjects=over == "dual")
        with np.errstate(divide="ignore", invalid="ignore"):
            t[: len(names)] = estimate[: len(names)] / np.sqrt(variance)
        freedom[: len(names)] = of_models
        for k, f in enumerate(of_models):
            methods[k] = f"variance without similarity, t({f:.1f}); interval: {methods[k]}"
    out = []
    for k, (kind, first, second) in enumerate(rows):
        p = 2 * stats.t.sf(abs(t[k]), freedom[k])
        if kind == "model" and alternative == "greater":
            p = stats.t.sf(t[k], freedom[k])
        elif kind == "ceiling":
            p = np.nan
        low, high = estimate[k] - half[k], estimate[k] + half[k]
        out.append(_row(kind, first, second, estimate[k], low, high, p, n=n_resamples, method=methods[k]))
    return out


def _contrasts(names, with_ceilings):
    """Rows of (models, low ceiling, high ceiling) that are tested, and what they are called."""
    n = len(names)
    width = n + 2 if with_ceilings else n
    eye = np.eye(width)
    contrasts, rows = [*eye[:n]], [("model", name, "0") for name in names]
    for i in range(n):
        for j in range(i + 1, n):
            contrasts.append(eye[i] - eye[j])
            rows.append(("difference", names[i], names[j]))
    if with_ceilings:
        contrasts += [eye[n] - eye[i] for i in range(n)] + [eye[n], eye[n + 1]]
        rows += [("below ceiling", name, "low ceiling") for name in names]
        rows += [("ceiling", "low", ""), ("ceiling", "high", "")]
    return np.array(contrasts), rows


def _by_sign_flip(similarity, names, alternative, level, rng):
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
    rows = []
    for kind, values, labels, side in (
        ("model", similarity.T, [(n, "0") for n in names], alternative),
        ("difference", np.array([similarity[i] - similarity[j] for i, j in pairs]).T,
         [(names[i], names[j]) for i, j in pairs], "two-sided"),
    ):  # fmt: skip
        if not len(labels):
            continue
        found = sign_flip(values, alternative=side, level=level, rng=rng)
        for (first, second), (_, r) in zip(labels, found.iterrows(), strict=True):
            rows.append(_row(kind, first, second, r["estimate"], r["low"], r["high"], r["p"], p_max=r["p_max"],
                             n=r["n_flips"], method=r["method"]))  # fmt: skip
    return rows


def _row(kind, first, second, estimate, low=np.nan, high=np.nan, p=np.nan, *, p_max=np.nan, n, method):
    numbers = {"estimate": estimate, "low": low, "high": high, "p": p, "p_max": p_max}
    row = {"kind": kind, "first": first, "second": second, **{k: float(v) for k, v in numbers.items()}}
    return {**row, "n_resamples": int(n), "method": method}
