"""Which model explains the answers: information criteria, cross-validation, Bayesian model selection, recovery.

Everything begins with a table of one row per subject and one column per model; larger evidence is better,
smaller AIC and BIC are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betainc, digamma, gammainc, gammaln, logsumexp
from scipy.stats import gamma

from neuromm.measures.fitting import fit
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.table import require

N_NODES = 400  # of the quadrature over one model's share
SETTLED = 1e-9  # change of the counts at which the variational steps stop


def compare_models(summary, criterion="bic", *, reference=None, n_bootstrap=10_000, rng=None) -> pd.DataFrame:
    """Summed difference of AIC or BIC from a reference model, with intervals over subjects.

    Parameters
    ----------
    summary : DataFrame
        Of `fit`: model, subject and the criterion, one row per model and subject.
    criterion : "aic", "aicc" or "bic"
    reference : str, optional
        Model that the others are compared with; the one with the smallest sum by default.
    n_bootstrap : int
        Resamples of subjects for the 95 % percentile interval.
    rng : numpy.random.Generator, optional

    Returns
    -------
    DataFrame indexed by model, best first
        delta : sum over subjects of criterion − reference's; low, high : its bootstrap interval;
        mean : per subject; n_best : subjects for whom the model is the best; n_subjects.
    """
    table = by_subject(summary, criterion)
    reference = table.sum().idxmin() if reference is None else reference
    if reference not in table:
        raise ValueError(f"reference '{reference}' is no model of the table; it has: {', '.join(table)}")
    rng = np.random.default_rng(0) if rng is None else rng
    delta = table.sub(table[reference], axis=0).to_numpy()
    picks = rng.integers(len(delta), size=(n_bootstrap, len(delta)))
    counts = np.apply_along_axis(np.bincount, 1, picks, minlength=len(delta))
    low, high = np.quantile(counts @ delta, [0.025, 0.975], axis=0)
    best = table.idxmin(axis=1).value_counts()
    result = pd.DataFrame(
        {
            "delta": delta.sum(0), "low": low, "high": high, "mean": delta.mean(0),
            "n_best": [int(best.get(model, 0)) for model in table], "n_subjects": len(table),
        },
        index=table.columns,
    )  # fmt: skip
    result.attrs |= {"criterion": criterion, "reference": reference}
    return result.sort_values("delta")


def by_subject(summary, value) -> pd.DataFrame:
    """Subjects × models table of one column of a summary.

    Raises
    ------
    ValueError
        If a model was not fitted to every subject: models can only be compared on the same subjects.
    """
    require(summary, ["model", "subject", value], "compare_models")
    table = summary.pivot(index="subject", columns="model", values=value)[list(dict.fromkeys(summary["model"]))]
    holes = table.isna().any(axis=1)
    if holes.any():
        who, model = table.index[holes][0], table.columns[table[holes].isna().any()][0]
        raise ValueError(f"model '{model}' has no {value} for subject {who}; compare models on the same subjects")
    return table


def cross_validate(observers, trials, free, *, n_folds=5, by="observer", rng=None, **options) -> pd.DataFrame:
    """Log likelihood of held-out trials, k-fold within each subject.

    Showings (`presentation`) stay together, and folds are balanced over conditions: within a condition the
    showings are dealt in random order.

    Parameters
    ----------
    observers : list of observers
    trials, free, by
        As for `fit`; further `options` go to it.
    n_folds : int

    Returns
    -------
    DataFrame
        model, subject, n_trials, log_likelihood (sum over held-out trials), log_likelihood_per_trial.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    trials = trials.reset_index(drop=True)
    trials = name_people(trials, by=by)
    if by not in trials:
        trials = trials.assign(**{by: "all"})
    fold = deal_folds(trials, n_folds, by=by, rng=rng)
    held_out = []
    for k in range(n_folds):
        training, test = trials[fold != k], trials[fold == k]
        fitted = fit(observers, training, free, by=by, rng=rng, **options)
        for (model, subject), rows in fitted.estimates.groupby(["model", "subject"], sort=False):
            theirs = test[test[by] == subject]
            observer = fitted.observers[model]
            own = {name: bounds for name, bounds in free.items() if hasattr(observer, name)}
            likelihood = observer.likelihood(theirs, own, by=by)
            values = dict(zip(rows["parameter"], rows["estimate"], strict=True))
            log_likelihood = likelihood(np.array([[values[name] for name in likelihood.names]]))[0]
            held_out.append((model, subject, int(likelihood.n_trials.sum()), log_likelihood))
    table = pd.DataFrame(held_out, columns=["model", "subject", "n_trials", "log_likelihood"])
    table = table.groupby(["model", "subject"], sort=False, as_index=False).sum()
    return table.assign(log_likelihood_per_trial=table["log_likelihood"] / table["n_trials"])


def deal_folds(trials, n_folds, *, by, rng) -> np.ndarray:
    """Fold of each row, shape (n_trials,): whole showings, dealt within subject and condition."""
    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; at least 2 are wanted")
    showing = trials["presentation"] if "presentation" in trials else pd.Series(trials.index, trials.index)
    unit = pd.MultiIndex.from_arrays([trials[by], showing.where(showing.notna(), -1 - trials.index.to_numpy())])
    code = pd.factorize(unit)[0]
    first = np.unique(code, return_index=True)[1]
    condition = trials["condition"] if "condition" in trials else pd.Series("all", trials.index)
    groups = pd.factorize(pd.MultiIndex.from_arrays([trials[by], condition]))[0][first]
    order = np.lexsort((rng.random(len(first)), groups))
    offset = rng.integers(n_folds)  # so that small conditions do not all fill the first folds
    of_showing = np.empty(len(first), int)
    of_showing[order] = (np.arange(len(first)) + offset) % n_folds
    return of_showing[code]


@dataclass(frozen=True)
class ModelSelection:
    """Random-effects Bayesian model selection over subjects.

    `table`, one row per model: frequency (expected share of people), exceedance, protected_exceedance.
    `attribution`: subjects × models, probability that a subject used a model. `risk`: Bayes omnibus
    risk, the probability that all models are equally frequent.
    """

    table: pd.DataFrame
    attribution: pd.DataFrame
    risk: float


def select_models(log_evidence, *, prior=1.0, families=None) -> ModelSelection:
    """Random-effects Bayesian model selection with protected exceedance probabilities.

    Every person uses one model, drawn from unknown frequencies with a Dirichlet prior; variational Bayes
    (Stephan et al. 2009, NeuroImage 46:1004; Rigoux et al. 2014, NeuroImage 84:971).

    Parameters
    ----------
    log_evidence : DataFrame, subjects × models
        Log model evidence, nats; −BIC/2 approximates it.
    prior : float
        Dirichlet concentration of each model (or family).
    families : dict of model → family, optional
        Compare families in place of models: the evidence of a family is the mean over its members, so
        that families are equal a priori whatever their size.

    Returns
    -------
    ModelSelection
    """
    log_evidence = pd.DataFrame(log_evidence)
    values = log_evidence.to_numpy(float)
    if not np.isfinite(values).all():
        raise ValueError("log_evidence has values that are not finite; leave out subjects that were not fitted")
    names = list(log_evidence.columns)
    if families is not None:
        of = np.array([families[model] for model in names])
        names = list(dict.fromkeys(of))
        inside = [values[:, of == name] for name in names]
        values = np.stack([logsumexp(v, axis=1) - np.log(v.shape[1]) for v in inside], -1)
    concentration = np.full(len(names), float(prior))
    alpha, attribution, bound = variational(values, concentration)
    equal = null_bound(values, concentration)
    risk = 1 / (1 + np.exp(np.clip(bound - equal, -700, 700)))
    exceedance = exceedance_probability(alpha)
    table = pd.DataFrame(
        {
            "frequency": alpha / alpha.sum(), "exceedance": exceedance,
            "protected_exceedance": (1 - risk) * exceedance + risk / len(names),
        },
        index=pd.Index(names, name="model"),
    )  # fmt: skip
    return ModelSelection(table, pd.DataFrame(attribution, log_evidence.index, names), float(risk))


def variational(log_evidence, concentration, max_steps=10_000):
    """Posterior Dirichlet counts, attributions and free energy of the random-effects model.

    Parameters
    ----------
    log_evidence : array, shape (n_subjects, n_models), nats
    concentration : array, shape (n_models,)

    Returns
    -------
    alpha : array, shape (n_models,)
    attribution : array, shape (n_subjects, n_models)
    free_energy : float, nats
    """
    alpha = concentration.astype(float).copy()
    for _ in range(max_steps):
        logits = log_evidence + digamma(alpha) - digamma(alpha.sum())
        attribution = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        new = concentration + attribution.sum(0)
        if np.abs(new - alpha).max() < SETTLED:
            break
        alpha = new
    logits = log_evidence + digamma(alpha) - digamma(alpha.sum())
    attribution = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    expected = digamma(alpha) - digamma(alpha.sum())
    entropy = -(attribution * np.log(np.maximum(attribution, 1e-300))).sum()
    fit_term = (attribution * (log_evidence + expected)).sum() + entropy
    divergence = (
        gammaln(alpha.sum()) - gammaln(alpha).sum() - gammaln(concentration.sum()) + gammaln(concentration).sum()
        + ((alpha - concentration) * expected).sum()
    )  # fmt: skip
    return alpha, attribution, float(fit_term - divergence)


def null_bound(log_evidence, concentration):
    """Log evidence if all models are used at fixed prior frequencies, nats (Rigoux et al. 2014, eq. 13)."""
    return float(logsumexp(log_evidence + np.log(concentration / concentration.sum()), axis=1).sum())


def exceedance_probability(alpha):
    """Probability that each component of a Dirichlet is the largest; exact, by quadrature.

    With independent Gamma(α_k) variables, P(k largest) = ∫ p_k(x) Π_{j≠k} F_j(x) dx.

    Parameters
    ----------
    alpha : array, shape (n_models,)

    Returns
    -------
    probability : array, shape (n_models,), summing to 1
    """
    alpha = np.asarray(alpha, float)
    if len(alpha) == 2:
        first = 1 - betainc(alpha[0], alpha[1], 0.5)
        return np.array([first, 1 - first])
    u, w = np.polynomial.legendre.leggauss(N_NODES)
    u, w = (u + 1) / 2, w / 2
    u, w = u**2 * (3 - 2 * u), w * 6 * u * (1 - u)  # nodes gather in the tails
    x = np.stack([gamma.ppf(u, a) for a in alpha])  # (n_models, N_NODES): quantiles make the density uniform
    below = np.stack([[gammainc(b, row) if i != j else np.ones_like(row) for j, b in enumerate(alpha)]
                      for i, row in enumerate(x)])  # fmt: skip
    share = (below.prod(1) * w).sum(1)
    return share / share.sum()


@dataclass(frozen=True)
class Recovery:
    """What fitting gives back of what was simulated.

    `parameters`: one row per simulated subject and parameter: truth, estimate, se. `confusion`: share of
    subjects simulated with the row's model for whom the column's model wins. `inversion`: probability
    that the row's model made the data, given that the column's won (equal priors).
    """

    parameters: pd.DataFrame
    confusion: pd.DataFrame
    inversion: pd.DataFrame
    summary: pd.DataFrame


def recover(observers, trials, free, *, draws, n_subjects=20, criterion="bic", rng=None, **options) -> Recovery:
    """Simulate subjects with each observer, fit them with all, and see what comes back.

    Ask this of a design before data are taken: with 300 answers on five keys σ_prior is weakly identified (it trades
    off with p_common and the sensory sds), and where p_common is low selection is next to segregation.

    Parameters
    ----------
    observers : list of observers
    trials : DataFrame
        Stimuli that every simulated subject is shown.
    free : dict
        As for `fit`.
    draws : callable (observer, rng) → observer
        Draws a subject's true parameters: returns the observer with new fields.
    n_subjects : int
        Simulated subjects per observer.
    criterion : "aic", "aicc" or "bic"
        By which the winning model is chosen; AIC over-picks the larger of nested models.

    Returns
    -------
    Recovery
    """
    observers = list(observers) if isinstance(observers, list | tuple) else [observers]
    rng = np.random.default_rng(0) if rng is None else rng
    tables, truths = [], {}
    for observer in observers:
        for i in range(n_subjects):
            subject, who = draws(observer, rng), f"{observer.name}/{i}"
            answers = subject.perceive(trials, rng=rng).responses
            stimuli = trials.drop(columns=[c for c in answers if c in trials])
            tables.append(stimuli.join(answers).assign(observer=who))
            truths[who] = subject
    found = fit(observers, pd.concat(tables, ignore_index=True), free, rng=rng, **options)
    made_by = found.summary["subject"].str.rpartition("/")[0]
    winner = by_subject(found.summary, criterion).idxmin(axis=1)
    source = pd.Series(winner.index, winner.index).str.rpartition("/")[0]
    names = [o.name for o in observers]
    confusion = pd.crosstab(source, winner, normalize="index").reindex(index=names, columns=names, fill_value=0.0)
    confusion.index.name, confusion.columns.name = "simulated", "fitted"
    own = found.estimates[found.estimates["model"] == found.estimates["subject"].str.rpartition("/")[0]].copy()
    own["truth"] = [
        getattr(truths[s], p.partition("[")[0]) for s, p in zip(own["subject"], own["parameter"], strict=True)
    ]
    totals = confusion.sum().replace(0.0, np.nan)
    return Recovery(own, confusion, confusion / totals, found.summary.assign(simulated=made_by))
