"""Does a context change the prior of one cause? Fit of an observer's p_common per context, person by person.

The observer is handed in (anything with a `p_common` field and a `predict` that gives `key_…` probabilities); its
predictions are computed once on a grid of p_common × noise for all people, and interpolated.
"""

import dataclasses
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import minimize
from scipy.special import expit, logit

from neuromm.measures.checks import grouped_rows, need
from neuromm.measures.psychometrics import sorted_values
from neuromm.stimuli.labels import with_syllables

LOGITS = np.linspace(-7.0, 7.0, 29)  # grid of the prior, log odds
NOISE = np.geomspace(0.5, 3.0, 7)  # grid of the noise, times the observer's own


@dataclass(frozen=True)
class ContextFit:
    """One row per person in `estimates`; the group's test and the comparison with one prior for all contexts."""

    estimates: (
        pd.DataFrame
    )  # observer, p_common_<context>…, noise, lapse, log_likelihood, log_likelihood_shared, n, n_missed
    contexts: tuple
    group: pd.DataFrame  # one row: difference of log odds, t, df, p, Wilcoxon p, ΔBIC
    predictions: pd.DataFrame  # observer, context, stimulus, label, observed, fitted, n


def fit_context_prior(observer, trials, *, context="context") -> ContextFit:
    """Fit p_common per context, and noise and lapse per person, to syllable answers by maximum likelihood.

    Parameters
    ----------
    observer : observer
        With the field `p_common` and `predict(trials)` giving `key_…` columns; reliabilities scale its noise.
    trials : DataFrame
        `observer`, `auditory_syllable`, `visual_syllable`, `response_label` (missing = missed) and the context column
        with two levels. Labels must be keys of the observer.
    context : str

    Returns
    -------
    ContextFit
        The group's difference is of log odds, first context (in order of their names) minus second, over people with
        answers in both; for the others p_common is NaN and `flag` says so.

    Raises
    ------
    ValueError
        If a column is missing, there are not two contexts, or an answer is none of the observer's keys.
    """
    trials = need(trials, ["observer", context, "auditory_syllable", "visual_syllable", "response_label"])
    trials = with_syllables(grouped_rows(trials, ["observer", context], "fit_context_prior"))
    contexts = tuple(sorted_values(trials[context].unique()))
    if len(contexts) != 2:
        raise ValueError(f"column '{context}' has the levels {list(contexts)}; two contexts are wanted")
    pairs = trials[["auditory_syllable", "visual_syllable"]].drop_duplicates().reset_index(drop=True)
    keys, grid = _grid_predictions(observer, pairs)
    outside = sorted(set(trials["response_label"].dropna()) - set(keys))
    if outside:
        raise ValueError(f"response_label {outside} is outside the observer's answers {', '.join(keys)}; recode it")
    counts, missed = _counts(trials, context, contexts, pairs, keys)
    rows, predictions = [], []
    for person, table in counts.items():
        start, shared = _fit_person(table, grid, 1)
        x, likelihood = _fit_person(table, grid, 2, start)
        flag = _unsupported(table)
        p = np.where(flag != "", np.nan, expit(x[:2]))
        rows.append({"observer": person, **{f"p_common_{c}": v for c, v in zip(contexts, p, strict=True)},
                     "noise": np.exp(x[2]), "lapse": expit(x[3]), "log_likelihood": likelihood,
                     "log_likelihood_shared": shared, "n": int(table.sum()), "n_missed": missed[person],
                     "flag": flag})  # fmt: skip
        predictions.append(_fitted(person, table, grid, x, contexts, pairs, keys))
    estimates = pd.DataFrame(rows)
    empty = estimates.loc[estimates["flag"] != "", "observer"].astype(str).tolist()
    if empty:
        warnings.warn(f"fit_context_prior: no answers in a context from {', '.join(empty)}", UserWarning, stacklevel=2)
    return ContextFit(estimates, contexts, _group_test(estimates, contexts), pd.concat(predictions, ignore_index=True))


def _unsupported(table):
    """Why a person's counts (2, n_pairs, n_keys) fix no prior in both contexts; empty if they do."""
    return "" if (table.sum(axis=(1, 2)) > 0).all() else "no answers in a context"


def _grid_predictions(observer, pairs):
    """Keys, and each pair's and key's probability on the grid (log odds, noise, pair, key)."""
    grid, keys = [], None
    for x in LOGITS:
        variant = dataclasses.replace(observer, p_common=float(expit(x)))
        levels = [
            pairs.assign(report="syllable", auditory_reliability=s**-2.0, visual_reliability=s**-2.0) for s in NOISE
        ]
        table = variant.predict(pd.concat(levels, ignore_index=True), n=21, n_side=7, common=False)
        keys = [c.removeprefix("key_") for c in table if c.startswith("key_")]
        grid.append(table[[f"key_{k}" for k in keys]].to_numpy().reshape(len(NOISE), len(pairs), len(keys)))
    return keys, np.stack(grid)


def _counts(trials, context, contexts, pairs, keys):
    """Answers of each person, (2, n_pairs, n_keys), and how many were missed."""
    pair_of = pd.MultiIndex.from_frame(pairs).get_indexer(pd.MultiIndex.from_frame(trials[list(pairs.columns)]))
    codes = pd.Categorical(trials["response_label"], categories=keys).codes
    which = pd.Categorical(trials[context], categories=contexts).codes
    counts, missed = {}, {}
    for person in dict.fromkeys(trials["observer"]):
        own = (trials["observer"] == person).to_numpy()
        kept = own & (codes >= 0) & (which >= 0)
        table = np.zeros((len(contexts), len(pairs), len(keys)))
        np.add.at(table, (which[kept], pair_of[kept], codes[kept]), 1)
        counts[person], missed[person] = table, int((own & (codes < 0)).sum())
    return counts, missed


def _cubic(value, grid):
    """First of four neighbouring nodes of an even grid, and their Lagrange weights at `value`."""
    step = (value - grid[0]) / (grid[1] - grid[0])
    first = int(np.clip(np.floor(step) - 1, 0, len(grid) - 4))
    u = step - first
    return first, np.array(
        [
            -(u - 1) * (u - 2) * (u - 3) / 6,
            u * (u - 2) * (u - 3) / 2,
            -u * (u - 1) * (u - 3) / 2,
            u * (u - 1) * (u - 2) / 6,
        ]
    )


def _probabilities(grid, log_odds, log_noise, lapse):
    """Answers to each pair, (n_pairs, n_keys), interpolated on the grid by cubics; lapses are spread over the keys."""
    (i, along_odds), (j, along_noise) = _cubic(log_odds, LOGITS), _cubic(log_noise, np.log(NOISE))
    given = np.einsum("i,j,ijpk->pk", along_odds, along_noise, grid[i : i + 4, j : j + 4]).clip(min=0)
    given /= given.sum(1, keepdims=True)
    return (1 - lapse) * given + lapse / given.shape[1]


def _log_likelihood(table, grid, x):
    """Of the counts (2, n_pairs, n_keys) at (log odds, log odds, log noise, logit lapse), nats."""
    chance = [_probabilities(grid, odds, x[2], expit(x[3])) for odds in x[:2]]
    return float(sum((table[i] * np.log(np.maximum(chance[i], 1e-9))).sum() for i in range(2)))


def _fit_person(table, grid, n_priors, start=None):
    """Maximise the likelihood over (log odds × contexts, log noise, logit lapse), starting also from `start`.

    A weak N(0, 3²) on each log odds keeps people at the floor or ceiling finite; the likelihood returned is without it.
    """

    def whole(x):
        return np.concatenate([np.broadcast_to(x[:n_priors], 2), x[-2:]])

    def cost(x):
        if not (
            np.log(NOISE[0]) <= x[-2] <= np.log(NOISE[-1])
            and np.abs(x[:n_priors]).max() <= LOGITS[-1]
            and -9 < x[-1] < 0
        ):
            return 1e9
        return -_log_likelihood(table, grid, whole(x)) + 0.5 * ((x[:n_priors] / 3.0) ** 2).sum()

    starts = [np.array([*[p] * n_priors, np.log(1.2), logit(0.05)]) for p in (-1.0, 1.5)]
    if start is not None:
        starts.append(np.concatenate([np.repeat(start[0], n_priors), start[-2:]]))
    found = [
        minimize(cost, x, method="Nelder-Mead", options={"maxiter": 600, "xatol": 1e-3, "fatol": 1e-3}) for x in starts
    ]
    x = whole(min(found, key=lambda one: one.fun).x)
    return x, _log_likelihood(table, grid, x)


def _fitted(person, table, grid, x, contexts, pairs, keys):
    rows = []
    for i, c in enumerate(contexts):
        chance = _probabilities(grid, x[i], x[2], expit(x[3]))
        for j, pair in enumerate(pairs.itertuples(index=False)):
            n = table[i, j].sum()
            rows += [
                {
                    "observer": person,
                    "context": c,
                    "auditory_syllable": pair[0],
                    "visual_syllable": pair[1],
                    "label": key,
                    "observed": table[i, j, k] / n,
                    "fitted": chance[j, k],
                    "n": int(n),
                }
                for k, key in enumerate(keys)
                if n
            ]
    return pd.DataFrame(rows)


def _group_test(estimates, contexts):
    """Paired tests of the difference of log odds over people, and the summed BIC of one prior minus that of two."""
    estimates = estimates[estimates["flag"] == ""]
    one, two = (logit(estimates[f"p_common_{c}"]) for c in contexts)
    difference = one - two
    n = len(difference)
    varies = n > 1 and difference.std() > 1e-6  # log odds; below is the tolerance of the fits
    t, p = stats.ttest_1samp(difference, 0.0) if varies else (np.nan, np.nan)
    wilcoxon = stats.wilcoxon(difference).pvalue if n > 5 and (difference != 0).any() else np.nan
    gain = 2 * (estimates["log_likelihood"] - estimates["log_likelihood_shared"]) - np.log(estimates["n"])
    half = stats.t.ppf(0.975, n - 1) * difference.std() / np.sqrt(n) if n > 1 else np.nan
    return pd.DataFrame(
        [
            {
                "first": contexts[0],
                "second": contexts[1],
                "difference": difference.mean(),
                "low": difference.mean() - half,
                "high": difference.mean() + half,
                "t": t,
                "df": n - 1,
                "p": p,
                "p_wilcoxon": wilcoxon,
                "delta_bic": gain.sum(),
                "n_people": n,
                "n_missed": int(estimates["n_missed"].sum()),
            }
        ]
    )
