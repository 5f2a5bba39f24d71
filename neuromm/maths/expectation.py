"""What an audiovisual observer answers on average: exact expectations over its two noisy measurements.

Two nested Gauss–Legendre rules, cut where the judgement of one cause flips; no random numbers. `own` is the
cue whose place is reported, `other` the second cue. All parameters broadcast over conditions, shape (n,).
"""

import numpy as np
from scipy.special import expit, ndtr

from neuromm.maths.gaussian import READ_OUT, common_interval, common_threshold, fuse, log_bayes_factor, logit

REACH = 8.0  # sd on either side that the rules cover; the mass beyond is 1e-15
N_OUTER, N_INNER = 48, 32  # nodes per panel; against 4 times as many the change is below 1e-7


def legendre(n):
    """Gauss–Legendre nodes and weights on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, w / 2


def panels(cuts, n, *, soften=False):
    """Nodes and weights between successive cuts.

    Parameters
    ----------
    cuts : array, shape (..., n_cuts)
        Ascending ends of the panels; a panel of no width gets no weight.
    n : int
        Nodes per panel.
    soften : bool
        Gather the nodes at the ends (x = 3u² − 2u³), which integrates square-root ends accurately.

    Returns
    -------
    nodes, weights : array, shape (..., (n_cuts − 1) · n)
    """
    u, w = legendre(n)
    if soften:
        u, w = u**2 * (3 - 2 * u), w * 6 * u * (1 - u)
    low, width = cuts[..., :-1, None], np.diff(cuts)[..., None]
    shape = cuts.shape[:-1] + (-1,)
    return (low + width * u).reshape(shape), (width * w).reshape(shape)


def _density(x, mean, sigma):
    return np.exp(-0.5 * ((x - mean) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def _outer(own_sigma, other, other_sigma, mu_prior, sigma_prior, p_common, n=N_OUTER):
    """Nodes of the other cue's measurement and their probabilities, shape (n_conditions, n_nodes)."""
    kink = common_threshold(own_sigma, other_sigma, sigma_prior, p_common)
    low, high = other - REACH * other_sigma, other + REACH * other_sigma
    kink = np.where(np.isfinite(kink), kink, 0.0)
    inside = [np.clip(mu_prior + sign * kink, low, high) for sign in (-1, 1)]
    x, w = panels(np.stack([low, *inside, high], -1), n, soften=True)
    return x, w * _density(x, other[:, None], other_sigma[:, None])


def _columns(*values):
    return np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in values))


def expect(own, other, own_sigma, other_sigma, mu_prior, sigma_prior, p_common, strategy, criterion=None):
    """Mean, sd and unity of the report of `own`, exactly.

    Parameters
    ----------
    own, other : array, shape (n,)
        Places of the two events, deg.
    own_sigma, other_sigma, mu_prior, sigma_prior, p_common : float or array, shape (n,)
        Parameters of the observer (deg; probability).
    strategy : "averaging", "selection" or "matching"
    criterion : float or array, optional
        If given, one cause is judged when the measurements lie nearer than this (deg), whatever the evidence.

    Returns
    -------
    dict of arrays, shape (n,)
        mean, sd : of the estimate, deg, over measurements (and drawn hypotheses);
        common : probability of reporting one cause; posterior : mean posterior probability of one cause;
        mean_common, mean_separate : mean estimate given each unity report (NaN where it never occurs).
    """
    own, other, a, b, m, p, prior = _columns(
        own, other, own_sigma, other_sigma, mu_prior, sigma_prior, p_common
    )
    x_other, w_other = _outer(a, other, b, m, p, prior)
    a, b, m, p, prior, own = (v[:, None] for v in (a, b, m, p, prior, own))
    if criterion is None:
        centre, half = common_interval(x_other, a, b, m, p, prior)
    else:
        centre, half = x_other, np.broadcast_to(np.atleast_1d(criterion), own.shape[:1])[:, None]
    low, high = own - REACH * a + 0 * centre, own + REACH * a + 0 * centre
    cuts = [low, np.clip(centre - half, low, high), np.clip(centre + half, low, high), high]
    x_own, w_own = panels(np.stack(cuts, -1), N_INNER)
    weight = w_other[..., None] * w_own * _density(x_own, own[..., None], a[..., None])
    a, b, m, p, prior = (v[..., None] for v in (a, b, m, p, prior))
    cues = np.stack(np.broadcast_arrays(x_own, x_other[..., None]), -1)
    sigmas = np.stack(np.broadcast_arrays(a, b), -1)
    posterior = expit(log_bayes_factor(cues, sigmas, m, p) + logit(prior))
    fused, alone = fuse(cues, sigmas, m, p)[0], fuse(x_own[..., None], a[..., None], m, p)[0]
    if strategy == "matching":
        unity, one, two = posterior, fused, alone
    else:
        judged = posterior
        if criterion is not None:
            judged = (np.abs(x_own - x_other[..., None]) < half[..., None]).astype(float)
        unity = (judged > 0.5).astype(float)
        one = two = READ_OUT[strategy](alone, fused, judged)

    def total(values):
        return (weight * values).sum((-1, -2))

    common = total(unity)
    sum_one, sum_two = total(unity * one), total((1 - unity) * two)
    mean = sum_one + sum_two
    variance = total(unity * (one - mean[:, None, None]) ** 2 + (1 - unity) * (two - mean[:, None, None]) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        given = [np.where(q > 1e-12, s / q, np.nan) for s, q in ((sum_one, common), (sum_two, 1 - common))]
    return {
        "mean": mean, "sd": np.sqrt(variance), "common": common, "posterior": total(posterior),
        "mean_common": given[0], "mean_separate": given[1],
    }  # fmt: skip


def report_below(bounds, own, other, own_sigma, other_sigma, mu_prior, sigma_prior, p_common, strategy):
    """Probability that the estimate of `own` lies below each bound: a key press is a difference of two.

    The rule is that of `neuromm.maths.report_probability`, accurate to 1e-7.

    Parameters
    ----------
    bounds : array, shape (n_bounds,)
        deg. Other parameters as in `expect`; `p_common` of 0 and 1 are segregation and fusion.

    Returns
    -------
    below : array, shape (n, n_bounds)
    """
    import torch

    from neuromm.maths.report_probability import BELOW, cues  # torch

    columns = _columns(own, other, own_sigma, other_sigma, mu_prior, sigma_prior, p_common)
    own, other, settings = columns[0], columns[1], np.stack(columns[2:], -1)
    bounds = np.atleast_1d(np.asarray(bounds, float))
    below = np.empty((len(own), len(bounds)))
    for row in np.unique(settings, axis=0):
        rows = (settings == row).all(1)
        a, b, m, p, prior = row
        if prior in (0.0, 1.0):  # the estimate is linear in the cues, hence normal
            precision = np.array([a**-2, b**-2 * prior, p**-2])
            gain = precision / precision.sum()
            mean = gain[0] * own[rows] + gain[1] * other[rows] + gain[2] * m
            below[rows] = ndtr((bounds - mean[:, None]) / np.hypot(gain[0] * a, gain[1] * b))
            continue
        one = [torch.tensor([v], dtype=torch.float64) for v in (a, b, p, prior, m)]
        places = [torch.as_tensor(np.repeat(v[rows], len(bounds))) for v in (own, other)]
        tiled = torch.as_tensor(np.tile(bounds, rows.sum()))[None]
        below[rows] = BELOW[strategy](cues(*one), tiled, *places, True)[0].numpy().reshape(-1, len(bounds))
    return below


def blur_bounds(bounds, sigma, n=21):
    """Bounds shifted by motor noise at Gauss–Hermite nodes: shifted (n_bounds, n), weights (n,)."""
    z, w = np.polynomial.hermite_e.hermegauss(n if sigma > 0 else 1)
    return np.asarray(bounds, float)[:, None] - sigma * z, w / w.sum()


