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
from neuromm.measures.intervals import interval_around
from neuromm.measures.psychometrics import sorted_values
from neuromm.stimuli.labels import with_syllables

LOGITS = np.linspace(-7.0, 7.0, 29)  # grid of the prior, log odds
NOISE = np.geomspace(0.5, 3.0, 7)  # grid of the noise, times the observer's own
LAPSES = np.linspace(-8.5, -0.5, 17)  # grid of the lapse, log odds, for the intervals
WEAK = 3.0  # sd of the weak prior on log odds
INTERVAL = "95 % of the posterior over a person's answers, log odds ~ N(0, 3²)"


@dataclass(frozen=True)
class ContextFit:
    """One row per person in `estimates`; the group's test and the comparison with one prior for all contexts."""

    # observer, p_common_<context> with _low and _high, flag, noise, lapse, log likelihoods, n, n_missed, interval
    estimates: pd.DataFrame
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
        answers in both. `p_common_<context>_low` and `_high` are 95 % of the posterior over a person's answers.
        Estimates are NaN, with the reason in `flag`, for "no answers in a context" and "one answer" (noise and lapse
        too), and where a context's likelihood has no maximum between the ends of the prior: "at its upper bound" is
        who always fuses there, "at its lower bound" who never does, "not identified" who answers alike whatever
        the prior. The group's test counts the latter at the log odds that the weak prior gives them.

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
    rows, predictions, answered, log_odds = [], [], [], []
    for person, table in counts.items():
        start, shared = _fit_person(table, grid, 1)
        x, likelihood = _fit_person(table, grid, 2, start)
        flag = _unsupported(table)
        noise, lapse = (np.nan, np.nan) if flag else (np.exp(x[2]), expit(x[3]))
        rows.append({"observer": person, **_priors(table, grid, x, contexts, flag),
                     "noise": noise, "lapse": lapse, "log_likelihood": likelihood,
                     "log_likelihood_shared": shared, "n": int(table.sum()), "n_missed": missed[person],
                     "interval": INTERVAL})  # fmt: skip
        answered.append(flag != NO_ANSWERS)
        log_odds.append(x[:2])
        predictions.append(_fitted(person, table, grid, x, contexts, pairs, keys))
    estimates = pd.DataFrame(rows)
    flagged = estimates[estimates["flag"] != ""]
    if len(flagged):
        each = "; ".join(f"{row.observer}: {row.flag}" for row in flagged.head(5).itertuples())
        message = f"fit_context_prior: {len(flagged)} of {len(estimates)} people fix no prior of one cause ({each})"
        warnings.warn(message, UserWarning, stacklevel=2)
    group = _group_test(estimates[answered], np.array(log_odds)[answered], contexts)
    return ContextFit(estimates, contexts, group, pd.concat(predictions, ignore_index=True))


NO_ANSWERS = "no answers in a context"


def _unsupported(table):
    """Why a person's counts (2, n_pairs, n_keys) fix nothing; empty if they may."""
    if not (table.sum(axis=(1, 2)) > 0).all():
        return NO_ANSWERS
    return "one answer" if (table.sum(axis=(0, 1)) > 0).sum() == 1 else ""


def _priors(table, grid, x, contexts, flag):
    """Prior of one cause of each context with its interval, NaN where the answers fix none, and the flag."""
    cells, reasons = {}, []
    density, profile = (None, None) if flag else _along_log_odds(table, grid)
    for i, context in enumerate(contexts):
        name = f"p_common_{context}"
        cell = dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
        reason = flag or _no_maximum(profile[i])
        if not reason:
            estimate = expit(x[i])
            low, high = interval_around(estimate, expit(_quantiles(density[i])))
            cell = {name: estimate, f"{name}_low": float(low), f"{name}_high": float(high)}
        elif not flag:
            reasons.append(f"{name} {reason}")
        cells |= cell
    return cells | {"flag": flag or ", ".join(reasons)}


def _along_log_odds(table, grid):
    """Posterior (sums to 1) and profile log likelihood of each context's log odds, shape (2, n_log_odds) each.

    Noise and lapse, which the contexts share, are summed (flat in their logs within the grid) or maximised over.
    """
    given = grid / grid.sum(-1, keepdims=True)
    lapse = expit(LAPSES)[:, None, None]
    chance = (1 - lapse) * given[:, :, None] + lapse / given.shape[-1]  # (log odds, noise, lapse, pair, key)
    likelihood = np.einsum("cpk,onlpk->conl", table, np.log(np.maximum(chance, 1e-9)))
    weak = (-0.5 * (LOGITS / WEAK) ** 2)[None, :, None, None]
    top = likelihood.max(axis=(1, 2, 3), keepdims=True)
    posterior = np.exp(likelihood - top + weak)
    others = likelihood.max(axis=1)[::-1]
    profile = (likelihood + others[:, None]).max(axis=(2, 3))
    density = (posterior * posterior.sum(axis=1)[::-1, None]).sum(axis=(2, 3))
    return density / density.sum(axis=1, keepdims=True), profile


def _no_maximum(profile):
    """Why a profile likelihood (nats) over the log odds has no maximum inside; empty if it has one."""
    if np.ptp(profile) < 0.01:
        return "not identified"
    if profile[-1] > profile.max() - 1e-3:
        return "at its upper bound"
    return "at its lower bound" if profile[0] > profile.max() - 1e-3 else ""


def _quantiles(density, n=1000):
    """Evenly spaced quantiles of a density on the grid of log odds, linear between its nodes."""
    fine = np.linspace(LOGITS[0], LOGITS[-1], 1401)
    log_density = np.interp(fine, LOGITS, np.log(np.maximum(density, 1e-300)))
    below = np.cumsum(np.exp(log_density - log_density.max()))
    return np.interp((np.arange(n) + 0.5) / n, below / below[-1], fine)


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

    A weak N(0, 3²) (`WEAK`) on each log odds keeps people at the floor or ceiling finite; the likelihood returned is
    without it.
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
        return -_log_likelihood(table, grid, whole(x)) + 0.5 * ((x[:n_priors] / WEAK) ** 2).sum()

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


def _group_test(estimates, log_odds, contexts):
    """Paired tests of the difference of log odds (n_people, 2), and the summed BIC of one prior minus that of two."""
    difference = pd.Series(log_odds[:, 0] - log_odds[:, 1], estimates.index)
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
