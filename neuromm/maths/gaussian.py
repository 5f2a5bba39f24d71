"""Gaussian cues and their causes: evidence of one cause or several, estimates under each, and their read-out.

Arrays in, arrays out. Everything is computed from logarithms and from sums of squares that cannot
cancel, so cues a thousand σ apart give a finite answer. A NaN cue is absent and says nothing.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit

LOG_2PI = float(np.log(2 * np.pi))


def _present(cues, sigmas):
    """Cues with zeros where absent, and their precisions with zeros there; both (..., n_cues)."""
    cues, sigmas = np.broadcast_arrays(np.asarray(cues, float), np.asarray(sigmas, float))
    if not (sigmas > 0).all():
        raise ValueError(f"a sigma is {np.nanmin(sigmas):g}; every sensory sd must be positive")
    there = ~np.isnan(cues)
    return np.where(there, cues, 0.0), np.where(there, sigmas**-2.0, 0.0), there


def fuse(cues, sigmas, mu_prior=0.0, sigma_prior=np.inf):
    """Combine cues of one cause by their precisions.

    Each cue and the prior weigh 1/σ², which gives the posterior mean (Ernst & Banks 2002; Körding et
    al. 2007, eq. 12).

    Parameters
    ----------
    cues : array, shape (..., n_cues)
        Measurements, deg; NaN = absent.
    sigmas : array, shape (n_cues,) or (..., n_cues)
        Their standard deviations, deg.
    mu_prior, sigma_prior : float or array, shape (...)
        Gaussian prior over place, deg; an infinite sd is a flat prior.

    Returns
    -------
    fused, sigma : array, shape (...)
        Posterior mean and sd, deg. Without any cue they are those of the prior.

    Raises
    ------
    ValueError
        If a sigma is not positive.
    """
    cues, precision, _ = _present(cues, sigmas)
    mu_prior, prior = np.asarray(mu_prior, float), np.asarray(sigma_prior, float) ** -2.0
    total = precision.sum(-1) + prior
    with np.errstate(divide="ignore", invalid="ignore"):
        fused = mu_prior + (precision * (cues - mu_prior[..., None])).sum(-1) / total
        return np.where(total > 0, fused, mu_prior), total**-0.5


def segregate(cues, sigmas, mu_prior=0.0, sigma_prior=np.inf):
    """The estimate of each cue's own cause, from that cue and the prior alone; shape (..., n_cues), deg.

    An absent cue's cause is estimated at the prior mean.
    """
    cues = np.asarray(cues, float)
    mu_prior, sigma_prior = np.asarray(mu_prior, float)[..., None], np.asarray(sigma_prior, float)[..., None]
    return fuse(cues[..., None], np.asarray(sigmas, float)[..., None], mu_prior, sigma_prior)[0]


def log_evidence_one(cues, sigmas, mu_prior, sigma_prior):
    """Log probability density of all cues if one cause made them, the cause integrated out.

    log N(x; m, diag(σ²) + σ_P²), written with the fused estimate f so that every term is a square:
    −½ [Σ (x_i − f)²/σ_i² + (f − m)²/σ_P²] and the normalisers (Körding et al. 2007, eq. 4, for n cues).

    Parameters
    ----------
    cues : array, shape (..., n_cues), deg; NaN = absent
    sigmas : array, shape (n_cues,) or (..., n_cues), deg
    mu_prior, sigma_prior : float or array, shape (...), deg

    Returns
    -------
    log_evidence : array, shape (...), nats
    """
    fused, _ = fuse(cues, sigmas, mu_prior, sigma_prior)
    x, precision, there = _present(cues, sigmas)
    sigma_prior = np.asarray(sigma_prior, float)
    squares = (precision * (x - fused[..., None]) ** 2).sum(-1) + ((fused - mu_prior) / sigma_prior) ** 2
    log_det = -np.log(np.where(there, precision, 1.0)).sum(-1) + np.log1p(sigma_prior**2 * precision.sum(-1))
    return -0.5 * (squares + log_det + there.sum(-1) * LOG_2PI)


def log_evidence_separate(cues, sigmas, mu_prior, sigma_prior):
    """Log probability density of all cues if each had a cause of its own; shape (...), nats."""
    mu_prior, sigma_prior = np.asarray(mu_prior, float)[..., None], np.asarray(sigma_prior, float)[..., None]
    each = np.asarray(cues, float)[..., None]
    return log_evidence_one(each, np.asarray(sigmas, float)[..., None], mu_prior, sigma_prior).sum(-1)


def log_bayes_factor(cues, sigmas, mu_prior, sigma_prior):
    """Log evidence for one cause over one cause per cue; shape (...), nats. Zero with fewer than two cues."""
    one = log_evidence_one(cues, sigmas, mu_prior, sigma_prior)
    return one - log_evidence_separate(cues, sigmas, mu_prior, sigma_prior)


def logit(p):
    """log p/(1 − p), infinite at 0 and 1 without a warning."""
    p = np.asarray(p, float)
    with np.errstate(divide="ignore"):
        return np.log(p) - np.log1p(-p)


def posterior_common(log_factor, p_common):
    """Posterior probability of one cause from the log Bayes factor and its prior probability."""
    return expit(log_factor + logit(p_common))


def average(segregated, fused, posterior, _uniform=None):
    """Model averaging: both estimates, each weighed by the probability of its hypothesis (Körding 2007, eq. 9)."""
    return segregated + posterior * (fused - segregated)


def averaged_over_causes(cues: np.ndarray, sigmas: np.ndarray, mu_prior: float, sigma_prior: float,
                         p_common: float) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Posterior of one cause, and the estimate of every cue averaged over one cause and two.

    Parameters
    ----------
    cues : array, shape (n, 2)
        Measurements, deg; NaN = absent.
    sigmas : array, shape (2,) or (n, 2)
        Their standard deviations, deg.

    Returns
    -------
    posterior : array, shape (n,)
        0 where a cue is absent.
    estimate : array, shape (n, 2), deg
    """
    factor = log_bayes_factor(cues, sigmas, mu_prior, sigma_prior)
    posterior = np.where(np.isnan(cues).any(1), 0.0, posterior_common(factor, p_common))
    fused = fuse(cues, sigmas, mu_prior, sigma_prior)[0][:, None]
    segregated = segregate(cues, sigmas, mu_prior, sigma_prior)
    return posterior, posterior[:, None] * fused + (1 - posterior[:, None]) * segregated


def select(segregated, fused, posterior, _uniform=None):
    """Model selection: the estimate of the more probable hypothesis (Wozny, Beierholm & Shams 2010)."""
    return np.where(posterior > 0.5, fused, segregated)


def match(segregated, fused, posterior, uniform):
    """Probability matching: a hypothesis is drawn with its probability (Wozny, Beierholm & Shams 2010)."""
    return np.where(uniform < posterior, fused, segregated)


READ_OUT: dict[str, Callable] = {"averaging": average, "selection": select, "matching": match}


def common_interval(other, sigma_own, sigma_other, mu_prior, sigma_prior, p_common):
    """The measurements of one cue for which one cause is more probable than two, given the other cue.

    The log posterior odds are a downward parabola in the cue's own measurement, so the measurements
    judged common form one interval.

    Parameters
    ----------
    other : array
        Measurement of the other cue, deg. All arguments broadcast.

    Returns
    -------
    centre : array, deg
    half_width : array, deg
        NaN-free: 0 where two causes are always more probable, inf where one always is.
    """
    a, b, p = np.square(sigma_own), np.square(sigma_other), np.square(sigma_prior)
    narrow, wide = a + p * b / (p + b), a + p  # variance of the own cue given the other, and alone
    offset = np.asarray(other, float) - mu_prior
    peak = 0.5 * np.log(wide / narrow) + logit(p_common) + offset**2 / (2 * (p + b))  # greatest log odds
    half_width = np.sqrt(np.maximum(2 * narrow * wide * (p + b) / p**2 * peak, 0.0))
    return mu_prior + offset * wide / p, half_width


def common_threshold(sigma_own, sigma_other, sigma_prior, p_common):
    """Distance of the other cue from the prior mean below which no own measurement is judged common, deg.

    Zero where some own measurement always is. There the width of `common_interval` begins with a
    square root, which a quadrature has to know.
    """
    a, b, p = np.square(sigma_own), np.square(sigma_other), np.square(sigma_prior)
    at_mean = 0.5 * np.log((a + p) / (a + p * b / (p + b))) + logit(p_common)
    return np.sqrt(np.maximum(-2 * (p + b) * at_mean, 0.0))
