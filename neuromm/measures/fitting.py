"""Fit an observer to people: every subject and many starts at once, by exact likelihoods and their gradients.

`fit` takes any observer that has `likelihood(trials, free)`; tables in, tables out. These surfaces have several
optima, so many starts are the default and the summary says how many of them agreed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import warnings
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pandas as pd

from neuromm.maths.batched_optimise import minimise
from neuromm.maths.parameters import BadData, Free
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.columns import COLUMNS, stimulus_columns
from neuromm.stimuli.delimited import plain_text
from neuromm.stimuli.table import require

__all__ = ["BadData", "Fit", "Free", "fit"]

SUBJECTS_AT_ONCE = 25  # fitted together; what is done before an interruption is kept
PRUNE_AFTER, KEEP = 14, 4  # rounds after which only the best starts of a subject go on
FLAT = 0.5  # nats per (unit of the cube)² of curvature under which a parameter counts as not identified
AGREE = 0.1  # nats within which two starts count as the same optimum


@dataclass(frozen=True)
class Fit:
    """Maximum-likelihood estimates of one or several observers for every subject.

    `estimates`: one row per model, subject and parameter: estimate, se, low, high (95 %, on the parameter's
    scale), at_bound, identified. `summary`: one row per model and subject: n_trials, n_parameters,
    log_likelihood, aic, aicc, bic, converged, n_agreeing (starts that found the optimum), quadrature_error
    (nats), warnings. `failed`: one row per model and subject that could not be fitted, and why.
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
    observer, trials, free, *, by="observer", n_starts=10, rng=None, method="gradient", on_bad="raise", progress=False,
    device="cpu",
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
    free : dict of parameter → (low, high) or Free
    n_starts : int
        Starts per subject: the best of four times as many random points. All are followed for a few
        steps, the best to the end.
    rng : numpy.random.Generator, optional
    method : "gradient", "bads", "vbmc"
        Quasi-Newton with exact gradients; Bayesian adaptive direct search; or the mode of the variational posterior
        that variational Bayesian Monte Carlo finds, under a prior that is uniform in the unit cube of the bounds. The
        last two need the extra `bridges`, go one subject after the other, and use no gradient.
    on_bad : "raise" or "report"
        Whether a subject with unusable data stops everything before it starts, or is listed in `failed`.
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
        done = _fit_one(one, usable, own, by, n_starts, rng, METHODS[method], progress, device, failed, results)
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
    if not hasattr(observer, "check_answers"):
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
    if "alternatives" not in given:
        return ""
    for text, rows in given.groupby(given["alternatives"].fillna("")):
        try:
            keys = [float(key) for key in str(text).split("|")]
        except ValueError:
            continue
        rows = rows[rows["report"] != "common"]
        off = ~response[rows.index].isin(keys)
        if off.any():
            return f"column 'response': {response[off.idxmax()]:g} (trial {off.idxmax()}) is none of the keys {text}"
    return ""


def _fit_one(observer, trials, free, by, n_starts, rng, search, progress, device, failed, results):
    """Fit one observer to all subjects, some at a time; False if interrupted."""
    likelihood = observer.likelihood(trials, free, by=by, device=device)
    subjects = np.arange(len(likelihood.subjects))
    bar = _progress(progress, len(subjects), observer.name)
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        some = subjects[start : start + SUBJECTS_AT_ONCE]
        try:
            unit, value, agreeing, converged = search(likelihood, some, n_starts, rng)
            tables = _describe(likelihood, observer.name, some, unit, value, agreeing, converged, failed)
        except KeyboardInterrupt:
            return False
        for name, table in zip(("estimates", "summary"), tables, strict=True):
            results[name].append(table)
        bar.update(len(some))
    bar.close()
    return True


def _progress(progress, total, name):
    from tqdm import tqdm

    return tqdm(total=total, desc=f"fit {name}", unit="subject", disable=not progress)


def search_gradient(likelihood, some, n_starts, rng):
    """Best point in the unit cube for each subject of `some`: screened starts, followed by exact gradients.

    Returns
    -------
    unit : array, shape (n_subjects, n_free)
    log_likelihood : array, shape (n_subjects,)
    n_agreeing : array of int
        Starts that came within a tenth of a nat of the best.
    converged : array of bool
    """
    space, n_free = likelihood.space, len(likelihood.names)
    n_tried = 4 * n_starts
    tried = rng.random((len(some), n_tried, n_free))
    who = np.repeat(some, n_tried)
    screened = likelihood(space.from_unit(tried.reshape(-1, n_free)), who, precision=0.5).reshape(len(some), n_tried)
    best = np.argsort(-np.where(np.isfinite(screened), screened, -np.inf), axis=1)[:, :n_starts]
    start = np.take_along_axis(tried, best[..., None], 1).reshape(-1, n_free)
    who = np.repeat(some, n_starts)

    rounds = count()

    def cost(unit, problem):
        theta, precision = space.from_unit(unit), 0.5 if next(rounds) < PRUNE_AFTER else 1.0
        value, gradient = likelihood(theta, who[problem], gradient=True, precision=precision)
        return -value, -gradient * space.slope(theta)

    found = minimise(cost, start, tolerance=5e-3, prune=(PRUNE_AFTER, np.repeat(np.arange(len(some)), n_starts), KEEP))
    value = found.value.reshape(len(some), n_starts)
    winner = value.argmin(1)
    at = np.arange(len(some)), winner
    unit = found.point.reshape(len(some), n_starts, n_free)[at]
    agreeing = (value < value[at][:, None] + AGREE).sum(1)
    return unit, -value[at], agreeing, found.converged.reshape(len(some), n_starts)[at]


GLOBAL_GENERATOR = threading.Lock()  # pybads and pyvbmc draw from it: one search at a time


@contextlib.contextmanager
def _numpys_own_generator(rng):
    """What draws from numpy's global generator depends on `rng` alone, and the generator is put back."""
    with GLOBAL_GENERATOR:
        state = np.random.get_state()
        np.random.seed(rng.integers(2**31))
        try:
            yield
        finally:
            np.random.set_state(state)


def search_bads(likelihood, some, n_starts, rng):
    """As `search_gradient`, by Bayesian adaptive direct search (Acerbi & Ma 2017), one subject after the other."""
    try:
        from pybads import BADS
    except ImportError:
        raise ImportError("method='bads' needs pybads: pip install 'neuromm[bridges]'") from None
    space, n_free = likelihood.space, len(likelihood.names)
    unit, value, agreeing = np.empty((len(some), n_free)), np.empty(len(some)), np.ones(len(some), int)
    for i, subject in enumerate(some):
        def cost(x, subject=subject):
            return -likelihood(space.from_unit(np.atleast_2d(x)), np.array([subject]))[0]

        runs = []
        for _ in range(n_starts):
            first = rng.uniform(0.1, 0.9, n_free)
            with _numpys_own_generator(rng):
                search = BADS(
                    cost, first, np.zeros(n_free), np.ones(n_free),
                    np.full(n_free, 0.1), np.full(n_free, 0.9), options={"display": "off"},
                )  # fmt: skip
                runs.append(search.optimize())
        values = np.array([run["fval"] for run in runs])
        unit[i], value[i] = np.clip(runs[values.argmin()]["x"], 0, 1), -values.min()
        agreeing[i] = (values < values.min() + AGREE).sum()
    return unit, value, agreeing, np.ones(len(some), bool)


def search_vbmc(likelihood, some, n_starts, rng):
    """As `search_bads`, by variational Bayesian Monte Carlo (Acerbi 2018; PyVBMC: Huggins et al. 2023).

    One run per subject, from the best of `4 n_starts` random points: a run explores the whole posterior, so that
    `n_agreeing` is 1. The mode is that of the surrogate; the log likelihood returned is exact there.
    """
    try:
        from pyvbmc import VBMC
    except ImportError:
        raise ImportError("method='vbmc' needs pyvbmc: pip install 'neuromm[bridges]'") from None
    space, n_free = likelihood.space, len(likelihood.names)
    unit, value, converged = np.empty((len(some), n_free)), np.empty(len(some)), np.zeros(len(some), bool)
    for i, subject in enumerate(some):
        def log_joint(x, subject=subject):
            found = likelihood(space.from_unit(np.atleast_2d(x)), np.array([subject]))[0]
            return float(found) if np.isfinite(found) else -1e10

        tried = rng.uniform(0.1, 0.9, (4 * n_starts, n_free))
        screened = likelihood(space.from_unit(tried), np.full(len(tried), subject), precision=0.5)
        best = tried[np.argmax(np.where(np.isfinite(screened), screened, -np.inf))]
        ends = [np.full((1, n_free), end) for end in (0.0, 1.0, 0.1, 0.9)]
        with _numpys_own_generator(rng):
            posterior, result = VBMC(log_joint, best[None], *ends, options={"display": "off"}).optimize()
            mode = posterior.mode(orig_flag=True)
        unit[i], converged[i] = np.clip(np.ravel(mode), 0, 1), bool(result["success_flag"])
        value[i] = log_joint(unit[i])
    return unit, value, np.ones(len(some), int), converged


METHODS = {"gradient": search_gradient, "bads": search_bads, "vbmc": search_vbmc}


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
            notes.append("not converged")
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
