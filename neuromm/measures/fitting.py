"""Fit an observer to people: every subject and many starts at once, by exact likelihoods and their gradients.

`fit` takes any observer that has `likelihood(trials, free)`; tables in, tables out. These surfaces have several
optima, so many starts are the default and the summary says how many of them agreed.
"""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neuromm.core.parameters import default_free, parameters_of
from neuromm.core.protocols import HasLikelihood
from neuromm.maths.parameters import BadData, Free
from neuromm.measures.search import METHODS
from neuromm.stimuli.alternatives import offers
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.columns import COLUMNS, stimulus_columns
from neuromm.stimuli.delimited import plain_text
from neuromm.stimuli.table import require

__all__ = ["BadData", "Fit", "Free", "fit"]

SUBJECTS_AT_ONCE = 25  # fitted together; what is done before an interruption is kept
FLAT = 0.5  # nats per (unit of the cube)² of curvature under which a parameter counts as not identified


@dataclass(frozen=True)
class Fit:
    """Maximum-likelihood estimates of one or several observers for every subject.

    `estimates`: one row per model, subject and parameter: estimate, se, low, high (95 %, on the parameter's
    scale), at_bound, identified. `summary`: one row per model and subject: n_trials, n_parameters,
    log_likelihood, aic, aicc, bic, converged (the gradient vanishes, restarts gained nothing, and two starts or more
    agree), n_agreeing (starts and restarts that found the optimum), quadrature_error (nats), warnings.
    `failed`: one row per model and subject that could not be fitted, and why.
    """

    estimates: pd.DataFrame
    summary: pd.DataFrame
    failed: pd.DataFrame
    observers: dict = field(repr=False, default_factory=dict)  # model name → observer before the fit

    def observer(self, subject, model=None, **levels):
        """The observer with a subject's estimates in its fields.

        Parameters
        ----------
        subject : label of a subject
        model : str, optional
            Name of the observer; needed if several were fitted.
        **levels
            Level of each parameter that has one value per level: `sigma_visual="high"`.
        """
        model = self._model(model)
        subject = plain_text(subject)
        rows = self.estimates[(self.estimates["model"] == model) & (self.estimates["subject"] == subject)]
        if not len(rows):
            raise ValueError(f"no estimates of {model} for subject {subject!r}; there are: {self.subjects}")
        values = {}
        for name, estimate in zip(rows["parameter"], rows["estimate"], strict=True):
            base, _, level = name.partition("[")
            if level and base not in levels:
                raise ValueError(f"{base} has one value per level; choose one, such as {base}={level[:-1]!r}")
            if not level or level[:-1] == str(levels[base]):
                values[base] = estimate
        observer = self.observers[model]
        values |= {tied: values[to] for tied, to in self._ties(model).items() if to in values}
        return dataclasses.replace(observer, **values)

    @property
    def subjects(self) -> list:
        """Subjects that were fitted."""
        return list(dict.fromkeys(self.summary["subject"]))

    def _model(self, model):
        if model is None and len(self.observers) > 1:
            raise ValueError(f"several observers were fitted; name one of: {', '.join(self.observers)}")
        return next(iter(self.observers)) if model is None else model

    def _ties(self, model):
        return self.summary.attrs.get("ties", {}).get(model, {})


def fit(
    observer, trials, free=None, *, by="observer", n_starts=10, rng=None, method="gradient",
    on_bad="raise", progress=False, device="cpu", max_memory=2.0,
) -> Fit:  # fmt: skip
    """Fit free parameters to each subject's responses by maximum likelihood.

    Parameters
    ----------
    observer : observer or list of observers
        Fields that are not free keep their values. Several observers are fitted in turn, each with
        those of the free parameters that it has.
    trials : DataFrame
        Stimuli, `report` and `response`. The column `by` tells subjects apart; "observer" is taken from
        `participant` or `subject` where it is missing, and a table that names nobody is one subject, with a
        warning. Missed responses (NaN) are left out and counted.
    free : dict of parameter → (low, high) or Free, optional
        By default what each observer's class declares as free, within its declared bounds (the `free=` of
        `neuromm.core.parameters`).
    n_starts : int
        Starts per subject: chosen from twelve times as many points of a Sobol sequence. All are followed
        for a few steps, five that are far from each other to the end. Then the optima of other subjects, and the
        estimates of the observers before in the list, are starts; and restarts near the best and at fresh points
        confirm it, as long as they gain.
    rng : numpy.random.Generator, optional
    method : "gradient", "bads", "vbmc"
        Quasi-Newton with exact gradients; Bayesian adaptive direct search; or the mode of the variational posterior
        that variational Bayesian Monte Carlo finds, under a prior that is uniform in the unit cube of the bounds. The
        last two need the extra `bridges`, go one subject after the other, and use no gradient.
    on_bad : "raise" or "report"
        Whether a subject with unusable data stops everything before it starts, or is listed in `failed`.
    max_memory : float
        GB that an evaluation of the likelihood may take, whatever the bounds: it is computed in parts, or the value is
        refused before memory is asked for.
    progress : bool
        Show a progress bar. An interruption (Ctrl-C) keeps the subjects that are done.

    Returns
    -------
    Fit

    Raises
    ------
    BadData
        If a subject's rows cannot be fitted (`on_bad="raise"`), naming the subject and the column.
    ValueError
        If bounds cross, or a parameter is not the observer's.
    """
    observers = list(observer) if isinstance(observer, list | tuple) else [observer]
    names = [one.name for one in observers]
    if len(set(names)) < len(names):
        raise ValueError(f"observers share a name: {names}; give each its own")
    if method not in METHODS:
        raise ValueError(f"method is '{method}'; one of {', '.join(METHODS)} is wanted")
    free = _declared_free(observers) if free is None else free
    rng = np.random.default_rng(0) if rng is None else rng
    good, bad = check_responses(trials, by=by)
    if bad and on_bad == "raise":
        raise BadData("; ".join(bad.values()))
    results = {"estimates": [], "summary": []}
    failed = [{"model": name, "subject": who, "why": why} for name in names for who, why in bad.items()]
    ties = {}
    for one in observers:
        own = {k: v for k, v in free.items() if hasattr(one, k)} if len(observers) > 1 else free
        usable, bad = _answerable(one, good, by)
        if bad and on_bad == "raise":
            raise BadData("; ".join(bad.values()))
        failed += [{"model": one.name, "subject": who, "why": why} for who, why in bad.items()]
        if not len(usable):
            continue
        ties[one.name] = {k: v.tie for k, v in own.items() if isinstance(v, Free) and v.tie}
        likelihood = one.likelihood(usable, own, by=by, device=device, max_memory=max_memory)
        done = _fit_one(likelihood, n_starts, rng, METHODS[method], progress, failed, results)
        if not done:
            warnings.warn(f"interrupted: {one.name} is fitted to some subjects only", stacklevel=2)
            break
    estimates, summary = (pd.concat(results[k], ignore_index=True) if results[k] else pd.DataFrame() for k in results)
    summary.attrs["ties"] = ties
    failed = pd.DataFrame(failed, columns=["model", "subject", "why"])
    return Fit(estimates, summary, failed, {one.name: one for one in observers})


def check_responses(trials, *, by="observer", at_least=2):
    """Rows that can be fitted, and why each other subject cannot; nothing is fitted here.

    Parameters
    ----------
    trials : DataFrame
    by : str
        Column that tells subjects apart.
    at_least : int
        Fewest responses of a subject.

    Returns
    -------
    good : DataFrame
        Rows of usable subjects.
    bad : dict of subject → what is wrong, naming the subject and the column
    """
    require(trials, ["report", "response"], "fit")
    trials = name_people(trials, by=by)
    if by not in trials:
        warnings.warn(
            "trials has no column 'observer', 'participant' or 'subject': all answers are one subject",
            UserWarning,
            stacklevel=3,
        )
    who = trials[by] if by in trials else pd.Series("all", trials.index)
    if who.isna().any():
        raise BadData(f"column '{by}' is empty in trial {trials.index[who.isna()][0]}; it names the subject")
    bad = {}
    for subject, rows in trials.groupby(who, sort=False):
        problem = _problem(rows, at_least)
        if problem:
            bad[subject] = f"subject {subject!r}, {problem}"
    return trials[~who.isin(list(bad))], bad


def _problem(rows, at_least):
    """What makes one subject's rows unusable, naming the column; empty if nothing does."""
    response = pd.to_numeric(rows["response"], errors="coerce")
    strange = response.isna() & rows["response"].notna() | np.isinf(response)
    if strange.any():
        value = rows.loc[strange, "response"].iloc[0]
        return f"column 'response': {value!r} (trial {strange.idxmax()}) is not a number"
    given = rows[response.notna()]
    if len(given) < at_least:
        return f"column 'response': {len(given)} given; at least {at_least} are wanted"
    for name in rows.columns:
        if name in COLUMNS and COLUMNS[name].kind == "number":
            numbers = pd.to_numeric(given[name], errors="coerce")
            wrong = np.isinf(numbers) | (COLUMNS[name].open_low & (numbers <= COLUMNS[name].low))
            if wrong.any():
                wanted = "a finite positive number" if COLUMNS[name].open_low else "a finite number"
                return f"column '{name}': {numbers[wrong].iloc[0]:g} given (trial {wrong.idxmax()}); {wanted} is wanted"
    factors = [c for c in stimulus_columns(given) if not c.endswith("_measurement")]
    stimulus = [c for c in factors if given[c].notna().any()]
    if not stimulus:
        return "column of a stimulus: none has a value (all NaN)"
    if given[[*stimulus, "report"]].drop_duplicates().shape[0] < 2:
        return f"column '{stimulus[0]}': one condition only; a fit needs two or more"
    common = given["report"].isin(["common", "synchronous", "ownership"]) & ~response[given.index].isin([0, 1])
    if common.any():
        value, asked = response[common.idxmax()], given["report"][common.idxmax()]
        return f"column 'response': {value:g} to '{asked}' (trial {common.idxmax()}); 0 or 1 is wanted"
    return _off_key(given, response)


def _answerable(observer, trials, by):
    """Rows of subjects whose answers the observer can give, and why each other subject cannot be fitted."""
    if not isinstance(observer, HasLikelihood):
        return trials, {}
    who = trials[by] if by in trials else pd.Series("all", trials.index)
    bad = {}
    for subject, rows in trials.groupby(who, sort=False):
        try:
            observer.check_answers(rows)
        except BadData as error:
            bad[subject] = f"subject {subject!r}, {error}"
    return trials[~who.isin(list(bad))], bad


def _off_key(given, response):
    for offer in offers(given, (given["report"] != "common").to_numpy()):
        if not offer.words or offer.is_sides or offer.numbers() is None:
            continue
        off = ~response[given.index[offer.rows]].isin(offer.numbers())
        if off.any():
            value, trial = response[off.idxmax()], off.idxmax()
            return f"column 'response': {value:g} (trial {trial}) is none of the keys {offer.text}"
    return ""


def _declared_free(observers):
    """What the classes of observers declare as free: name -> Free.

    Raises
    ------
    ValueError
        If a class declares nothing.
    """
    free = {}
    for observer in observers:
        declared = default_free(observer)
        if not declared:
            raise ValueError(
                f"{observer.name} does not say which parameters a fit may free; give `free`, name -> (low, high)"
            )
        scales = {name: parameter.scale for name, parameter in parameters_of(observer).items()}
        for name, (low, high) in declared.items():
            free.setdefault(name, Free(low, high, scales[name]))
    return free


def _fit_one(likelihood, n_starts, rng, search, progress, failed, results):
    """Fit one observer to all subjects, some at a time; False if interrupted."""
    name = likelihood.observer.name
    subjects = np.arange(len(likelihood.subjects))
    bar = _progress(progress, len(subjects), name)
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        some = subjects[start : start + SUBJECTS_AT_ONCE]
        try:
            hints = _estimates_of_others(likelihood, some, results["estimates"])
            unit, value, agreeing, converged = search(likelihood, some, n_starts, rng, hints)
            tables = _describe(likelihood, name, some, unit, value, agreeing, converged, failed)
        except KeyboardInterrupt:
            return False
        for kind, table in zip(("estimates", "summary"), tables, strict=True):
            results[kind].append(table)
        bar.update(len(some))
    bar.close()
    return True


def _estimates_of_others(likelihood, some, tables):
    """Estimates of the models fitted before, in the unit cube, (n_subjects, n_models, n_free); None if there are none.

    NaN where a model lacks a parameter or a subject.
    """
    if not tables:
        return None
    known = pd.concat(tables, ignore_index=True)
    models = list(dict.fromkeys(known["model"]))
    theta = np.full((len(some), len(models), len(likelihood.names)), np.nan)
    known = known.set_index(["subject", "model", "parameter"])["estimate"]
    for i, subject in enumerate(some):
        for j, model in enumerate(models):
            for k, name in enumerate(likelihood.names):
                theta[i, j, k] = known.get((likelihood.subjects[subject], model, name), np.nan)
    return np.clip(likelihood.space.to_unit(theta), 0.0, 1.0)


def _progress(progress, total, name):
    from tqdm import tqdm

    return tqdm(total=total, desc=f"fit {name}", unit="subject", disable=not progress)


def curvature(likelihood, some, unit, step=1e-3):
    """Negative Hessian of the log likelihood in the unit cube, from differences of exact gradients.

    Returns
    -------
    hessian : array, shape (n_subjects, n_free, n_free), nats
    """
    space, n_free = likelihood.space, unit.shape[1]
    moved = np.clip(unit[:, None, None] + step * np.array([1, -1])[:, None, None] * np.eye(n_free), 0.0, 1.0)
    theta = space.from_unit(moved.reshape(-1, n_free))
    _, gradient = likelihood(theta, np.repeat(some, 2 * n_free), gradient=True)
    gradient = (gradient * space.slope(theta)).reshape(len(some), 2, n_free, n_free)
    width = np.einsum("njj->nj", moved[:, 0] - moved[:, 1])[..., None]
    hessian = -(gradient[:, 0] - gradient[:, 1]) / width
    return 0.5 * (hessian + hessian.transpose(0, 2, 1))


def _describe(likelihood, model, some, unit, value, agreeing, converged, failed):
    """The estimates and the summary of some subjects; those without a finite likelihood go to `failed`."""
    space, names = likelihood.space, likelihood.names
    hessian = curvature(likelihood, some, unit)
    error = likelihood.quadrature_error(space.from_unit(unit), some)
    estimates, summary = [], []
    for i, subject in enumerate(some):
        who, n, k = likelihood.subjects[subject], int(likelihood.n_trials[subject]), len(names)
        if not np.isfinite(value[i]):
            failed.append({"model": model, "subject": who, "why": "no start had a finite likelihood"})
            continue
        theta, bound = space.from_unit(unit[i]), (unit[i] < 1e-6) | (unit[i] > 1 - 1e-6)
        se, identified = standard_errors(hessian[i], bound)
        low, high = (space.from_unit(np.clip(unit[i] + z * se, 0, 1)) for z in (-1.959964, 1.959964))
        estimates.append(pd.DataFrame({
            "model": model, "subject": who, "parameter": names, "estimate": theta, "se": se * space.slope(theta),
            "low": low, "high": high, "at_bound": bound, "identified": identified,
        }))  # fmt: skip
        notes = [f"{name} at its bound" for name, b in zip(names, bound, strict=True) if b]
        flat = ~(identified | bound)
        notes += [f"{name} not identified" for name, f in zip(names, flat, strict=True) if f]
        if not converged[i]:
            notes.append("not converged: the optimum was not confirmed; try more starts")
        summary.append({
            "model": model, "subject": who, "n_trials": n, "n_parameters": k, "log_likelihood": value[i],
            **information_criteria(value[i], k, n), "converged": bool(converged[i]), "n_agreeing": int(agreeing[i]),
            "quadrature_error": error[i], "warnings": "; ".join(notes),
        })  # fmt: skip
    return pd.concat(estimates, ignore_index=True) if estimates else pd.DataFrame(), pd.DataFrame(summary)


def standard_errors(hessian, bound):
    """Standard errors in the unit cube and whether each parameter is identified.

    A parameter at its bound has no standard error (NaN). One is not identified if the curvature of the
    profile likelihood along it, 1/se², is next to nothing, or the Hessian is not positive definite.
    """
    se = np.full(len(hessian), np.nan)
    free = np.flatnonzero(~bound)
    if len(free):
        eigenvalues, vectors = np.linalg.eigh(hessian[np.ix_(free, free)])
        variance = (vectors**2 / np.maximum(eigenvalues, 1e-9)).sum(1)
        se[free] = np.sqrt(variance)
    identified = ~np.isnan(se) & (np.nan_to_num(se, nan=np.inf) ** -2 > FLAT)
    return np.where(identified, se, np.nan), identified


def information_criteria(log_likelihood, n_parameters, n_trials):
    """AIC, AICc and BIC of a maximum-likelihood fit (smaller is better)."""
    aic = 2 * n_parameters - 2 * log_likelihood
    spare = n_trials - n_parameters - 1
    correction = 2 * n_parameters * (n_parameters + 1) / spare if spare > 0 else np.inf
    return {"aic": aic, "aicc": aic + correction, "bic": n_parameters * np.log(n_trials) - 2 * log_likelihood}
