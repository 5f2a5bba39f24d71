"""Posterior samples of an observer's parameters, their summary, their export, and whether they are calibrated.

The prior is uniform in the unit cube that `Free` spans: flat in the parameter, its logarithm or its logit between its
bounds. All subjects and chains are sampled as one batch of exact likelihoods.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import chisquare

from neuromm.maths.parameters import Space
from neuromm.maths.slice_sampler import sample, split_rhat
from neuromm.measures.fitting import METHODS, BadData, check_responses


@dataclass(frozen=True)
class Posterior:
    """Samples of every subject.

    `summary`: one row per subject and parameter: mean, sd, low, high (95 % central), rhat (split R-hat; near 1 when the
    chains agree), ess (effective number of samples). `samples`: array (subject, chain, draw, parameter) of values.
    """

    summary: pd.DataFrame
    samples: np.ndarray = field(repr=False)
    subjects: list = field(default_factory=list)
    parameters: tuple = ()
    log_likelihood: np.ndarray | None = field(repr=False, default=None)  # (subject, chain, draw), nats

    def table(self, subject) -> pd.DataFrame:
        """Samples of one subject, one column per parameter, indexed by chain and draw."""
        values = self.samples[self._number(subject)]
        index = pd.MultiIndex.from_product([range(values.shape[0]), range(values.shape[1])], names=["chain", "draw"])
        return pd.DataFrame(values.reshape(-1, values.shape[-1]), index, list(self.parameters))

    def to_arviz(self, subject):
        """One subject's samples as an `arviz.InferenceData`, for its diagnostics and plots.

        Raises
        ------
        ImportError
            Without arviz (extra `bridges`).
        """
        try:
            import arviz
        except ImportError:
            raise ImportError("to_arviz needs arviz: pip install 'neuromm[bridges]'") from None
        i = self._number(subject)
        posterior = {name: self.samples[i, :, :, k] for k, name in enumerate(self.parameters)}
        return arviz.from_dict(posterior=posterior, sample_stats={"lp": self.log_likelihood[i]})

    def _number(self, subject):
        if subject not in self.subjects:
            raise ValueError(f"no samples of subject {subject!r}; there are: {self.subjects}")
        return self.subjects.index(subject)


def sample_posterior(
    observer, trials, free, *, by="observer", n_chains=4, n_samples=500, n_warmup=200, n_starts=6, rng=None,
    device="cpu", max_memory=2.0,
) -> Posterior:  # fmt: skip
    """Sample the posterior of the free parameters of each subject by slice sampling, from around the best fit.

    Parameters
    ----------
    observer, trials, free, by, device, max_memory
        As for `fit`, one observer.
    n_chains, n_samples, n_warmup : int
        Chains per subject; sweeps kept and thrown away in each.
    n_starts : int
        Starts of the fit that the chains begin at; 0 begins at random points of the prior.
    rng : numpy.random.Generator, optional

    Returns
    -------
    Posterior

    Raises
    ------
    BadData
        If a subject's rows cannot be used, naming the subject and the column.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    good, bad = check_responses(trials, by=by)
    if bad:
        raise BadData("; ".join(bad.values()))
    likelihood = observer.likelihood(good, free, by=by, device=device, max_memory=max_memory)
    n_subjects, n_free = len(likelihood.subjects), len(likelihood.names)
    if n_starts:
        best = METHODS["gradient"](likelihood, np.arange(n_subjects), n_starts, rng)[0]
        start = np.repeat(best, n_chains, 0) + 0.02 * rng.standard_normal((n_subjects * n_chains, n_free))
    else:
        start = rng.random((n_subjects * n_chains, n_free))
    who = np.repeat(np.arange(n_subjects), n_chains)

    def log_density(points, chains):
        return likelihood(likelihood.space.from_unit(points), who[chains])

    start = np.clip(start, 0.002, 0.998)
    unit, log = sample(log_density, start, n_samples, rng=rng, n_warmup=n_warmup)
    unit = unit.reshape(n_subjects, n_chains, n_samples, n_free)
    values = likelihood.space.from_unit(unit)
    rows = []
    for i, subject in enumerate(likelihood.subjects):
        low, high = np.quantile(values[i], [0.025, 0.975], axis=(0, 1))
        rhat = split_rhat(unit[i])
        for k, name in enumerate(likelihood.names):
            one = values[i, :, :, k]
            rows.append((subject, name, one.mean(), one.std(), low[k], high[k], rhat[k], effective_size(one)))
    columns = ["subject", "parameter", "mean", "sd", "low", "high", "rhat", "ess"]
    log = log.reshape(n_subjects, n_chains, n_samples)
    return Posterior(pd.DataFrame(rows, columns=columns), values, likelihood.subjects, likelihood.names, log)


def effective_size(chains):
    """Effective number of independent samples of (n_chains, n_draws), by Geyer's initial positive pairs."""
    n_chains, n = chains.shape
    away = chains - chains.mean()
    variance = away.var()
    if variance == 0:
        return float(n_chains * n)
    spectrum = np.fft.rfft(away, 2 * n, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :n].mean(0) / (n * variance)
    pairs = correlation[0 : n - 1 : 2] + correlation[1:n:2]
    ends = np.flatnonzero(pairs < 0)
    total = 2 * pairs[: ends[0] if len(ends) else None].sum() - 1
    return float(n_chains * n / max(total, 1 / n_chains))


@dataclass(frozen=True)
class Calibration:
    """Ranks of the truth among posterior samples, uniform if the posterior is right.

    `ranks`: one row per simulated subject and parameter: truth, rank (0 … n_draws), n_draws. `tests`: one row per
    parameter: p of a chi-squared test of uniform ranks, p_holm (corrected over parameters).
    """

    ranks: pd.DataFrame
    tests: pd.DataFrame


def calibrate(
    observer, trials, free, *, n_subjects=300, n_draws=49, thin=8, n_bins=10, rng=None, **options
) -> Calibration:
    """Simulation-based calibration: parameters from the prior, simulated answers, posterior ranks (Talts et al. 2018).

    Parameters
    ----------
    observer : observer
        Its other fields are the truth of every simulated subject.
    trials : DataFrame
        Stimuli that every subject is shown.
    free : dict
        As for `fit`, without `per` and `tie`.
    n_subjects : int
    n_draws, thin : int
        Draws that the truth is ranked among, every `thin`-th sweep of one chain.
    n_bins : int
        Bins of the test; n_draws + 1 should be a multiple.
    rng : numpy.random.Generator, optional
    **options
        Of `sample_posterior`.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    space = Space.of_free(free, trials, list(free))
    truth = space.from_unit(rng.random((n_subjects, len(space))))
    tables = []
    for i, values in enumerate(truth):
        subject = dataclasses.replace(observer, **dict(zip(space.names, map(float, values), strict=True)))
        answers = subject.perceive(trials, rng=rng).responses
        tables.append(trials.drop(columns=[c for c in answers if c in trials]).join(answers).assign(observer=f"s{i}"))
    found = sample_posterior(
        observer, pd.concat(tables, ignore_index=True), free, n_chains=1, n_samples=n_draws * thin, rng=rng, **options
    )
    draws = found.samples[:, 0, thin - 1 :: thin]
    order = [found.subjects.index(f"s{i}") for i in range(n_subjects)]
    rank = (draws[order] < truth[:, None]).sum(1)
    ranks = pd.DataFrame({
        "subject": np.repeat(np.arange(n_subjects), len(space)), "parameter": list(space.names) * n_subjects,
        "truth": truth.ravel(), "rank": rank.ravel(), "n_draws": draws.shape[1],
    })  # fmt: skip
    edges = np.linspace(-0.5, draws.shape[1] + 0.5, n_bins + 1)
    p = np.array([chisquare(np.histogram(rank[:, k], edges)[0]).pvalue for k in range(len(space))])
    down = np.argsort(p)
    holm = np.empty(len(p))
    holm[down] = np.minimum(np.maximum.accumulate(p[down] * (len(p) - np.arange(len(p)))), 1.0)
    return Calibration(ranks, pd.DataFrame({"parameter": space.names, "p": p, "p_holm": holm}))
