"""Syllables as Gaussian categories in a two-dimensional space (auditory feature, visual feature).

Evidence of one talker or two, the percept as a point, the syllable it falls into, and how often: by
quadrature, without sampling. Equations of Magnotti & Beauchamp (2017) PLoS Comput Biol 13:e1005229.
"""

import numpy as np
from scipy.special import logsumexp, ndtr

TAIL = 6.0  # the quadrature over the fused point spans this many sd


def covariance(spread, name="sigma"):
    """A 2 × 2 covariance from one sd, from an sd per axis, or from the matrix itself.

    Raises
    ------
    ValueError
        If it is not symmetric and positive definite.
    """
    spread = np.asarray(spread, float)
    if spread.shape not in ((), (2,), (2, 2)):
        raise ValueError(
            f"{name} has shape {spread.shape}; an sd, two sds (auditory, visual axis) or a 2 × 2 covariance is wanted"
        )
    if spread.ndim < 2:
        if not (np.isfinite(spread).all() and (spread > 0).all()):
            raise ValueError(f"{name} is {spread.tolist()}; positive standard deviations are wanted")
        return np.diag(np.broadcast_to(spread, 2) ** 2)
    if not np.isfinite(spread).all() or not np.allclose(spread, spread.T):
        raise ValueError(f"{name} is {spread.tolist()}; a covariance is symmetric and finite")
    if np.linalg.eigvalsh(spread).min() <= 0:
        raise ValueError(f"{name} is {spread.tolist()}; a covariance is positive definite")
    return spread


def log_normal(x, mean, cov):
    """Log density of 2-D Gaussians; x (..., 2), mean (..., 2), cov (..., 2, 2), broadcast; nats."""
    a, b, d = cov[..., 0, 0], cov[..., 0, 1], cov[..., 1, 1]
    determinant = a * d - b * b
    u, v = x[..., 0] - mean[..., 0], x[..., 1] - mean[..., 1]
    square = (d * u * u - 2 * b * u * v + a * v * v) / determinant
    return -0.5 * square - np.log(2 * np.pi) - 0.5 * np.log(determinant)


def fuse(auditory, visual, cov_auditory, cov_visual):
    """The fused point X_AV and its covariance: each cue weighs its inverse covariance; (..., 2), (2, 2)."""
    fused = np.linalg.inv(np.linalg.inv(cov_auditory) + np.linalg.inv(cov_visual))
    weight_auditory, weight_visual = fused @ np.linalg.inv(cov_auditory), fused @ np.linalg.inv(cov_visual)
    return auditory @ weight_auditory.T + visual @ weight_visual.T, fused


def log_bayes_factor(fused, places, cov_auditory, cov_visual, categories):
    """Log evidence of one talker over two, from the fused point alone.

    p₁ is the mean over syllables i of N(X_AV; S_i, Σ_i + Σ_AV); p₂ the mean over ordered pairs i ≠ j of
    N(X_AV; μ_ij, Σ_2), where Σ_2 and μ_ij fuse S_i and S_j with their category and sensory covariances.

    Parameters
    ----------
    fused : array, shape (..., 2)
    places : array, shape (n_syllables, 2)
    cov_auditory, cov_visual : array, shape (2, 2)
    categories : array, shape (n_syllables, 2, 2)

    Returns
    -------
    array, shape (...), nats
    """
    n = len(places)
    cov_fused = np.linalg.inv(np.linalg.inv(cov_auditory) + np.linalg.inv(cov_visual))
    one = logsumexp(log_normal(fused[..., None, :], places, categories + cov_fused), axis=-1) - np.log(n)
    precision_a, precision_v = np.linalg.inv(cov_auditory + categories), np.linalg.inv(cov_visual + categories)
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    cov_two = np.linalg.inv(precision_a[i] + precision_v[j])
    pull = precision_a[i] @ places[i][..., None] + precision_v[j] @ places[j][..., None]
    mean_two = (cov_two @ pull)[..., 0]
    two = logsumexp(log_normal(fused[..., None, :], mean_two, cov_two), axis=-1) - np.log(len(i))
    return one - two


def posterior(log_factor, log_odds):
    """Probability of one talker from the log Bayes factor and the log prior odds."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-(log_factor + log_odds)))


def percept(fused, auditory, weight):
    """The perceived point: `weight` of the fused one and the rest of the auditory one; shape (..., 2)."""
    return auditory + np.asarray(weight)[..., None] * (fused - auditory)


def log_categories(x, places, categories):
    """Log density of each syllable at a point; the percept is the largest (equal round categories: the nearest)."""
    return log_normal(x[..., None, :], places, categories)


def response_probabilities(
    auditory,
    visual,
    places,
    cov_auditory,
    cov_visual,
    categories,
    log_odds,
    *,
    causal=True,
    gain=1.0,
    fixed=None,
    n=41,
    n_side=13,
):
    r"""How often each syllable is perceived, exactly.

    The posterior depends on X_AV only, and X_A given X_AV is X_AV + Σ_AV Σ_V⁻¹(S_A − S_V) + ε with
    ε ~ N(0, Σ_A − Σ_AV), independent of it. So the integral is over X_AV on a grid, over the narrow axis of
    ε by Gauss–Hermite nodes, and over its wide axis in closed form, between the points where the most probable
    syllable changes.

    Parameters
    ----------
    auditory, visual : array, shape (2,)
        Places of the syllables shown.
    places : array, shape (n_syllables, 2)
        Syllables among which the percept falls; evidence is over the same set.
    cov_auditory, cov_visual : array, shape (2, 2)
    categories : array, shape (n_syllables, 2, 2)
    log_odds : array, shape (n_odds,)
        Log prior odds of one talker; all are evaluated on the same grid.
    causal : bool
        False fuses always (the non-CIMS model).
    gain : float
        Multiplies the weight of the fused point, which is clipped at 1.
    fixed : array of bool, shape (n_syllables,), optional
        Which syllables may be answered (a forced choice); evidence is over all.
    n, n_side : int
        Nodes of the grid (per axis) and of the narrow axis.

    Returns
    -------
    probabilities : array, shape (n_odds, n_syllables)
    """
    log_odds = np.atleast_1d(np.asarray(log_odds, float))
    mean, cov_fused = fuse(auditory, visual, cov_auditory, cov_visual)
    allowed = np.ones(len(places), bool) if fixed is None else np.asarray(fixed, bool)
    if not causal:
        out = np.zeros((len(log_odds), len(places)))
        out[:, allowed] = category_shares(mean, cov_fused, places[allowed], categories[allowed])
        return out
    fused, weights = _grid(mean, cov_fused, n)
    factor = log_bayes_factor(fused, places, cov_auditory, cov_visual, categories)
    chances = posterior(factor[:, None], log_odds)
    values, axes = np.linalg.eigh(cov_auditory - cov_fused)  # ascending: narrow axis first
    values = np.sqrt(np.maximum(values, 0.0))
    z, z_weights = np.polynomial.hermite_e.hermegauss(n_side)
    z_weights = z_weights / z_weights.sum()
    out = np.zeros((len(log_odds), len(places)))
    for k in range(len(log_odds)):
        away = 1 - np.minimum(gain * chances[:, k], 1.0)
        centre = fused + away[:, None] * (auditory - mean)
        start = centre[:, None, :] + away[:, None, None] * (values[0] * z)[None, :, None] * axes[:, 0]
        step = (away * values[1])[:, None, None] * axes[:, 1] + np.zeros_like(start)
        shares = _shares_on_line(start.reshape(-1, 2), step.reshape(-1, 2), places[allowed], categories[allowed])
        shares = (shares.reshape(len(fused), n_side, -1) * z_weights[:, None]).sum(1)
        out[k, allowed] = weights @ shares
    return out


def category_shares(mean, cov, places, categories, n=201):
    """How often a Gaussian point falls to each syllable: a grid along one axis, closed form along the other."""
    z = np.linspace(-TAIL, TAIL, n)
    weights = np.exp(-0.5 * z * z)
    root = np.linalg.cholesky(cov)
    start = mean + z[:, None] * root[:, 0]
    return (
        weights / weights.sum() @ _shares_on_line(start, np.broadcast_to(root[:, 1], start.shape), places, categories)
    )


def common_probabilities(auditory, visual, places, cov_auditory, cov_visual, categories, log_odds, n=241):
    """Mean posterior of one talker and probability that it exceeds ½; (n_odds, 2). Arguments as for responses."""
    mean, cov_fused = fuse(auditory, visual, cov_auditory, cov_visual)
    fused, weights = _grid(mean, cov_fused, n)
    factor = log_bayes_factor(fused, places, cov_auditory, cov_visual, categories)
    chances = posterior(factor[:, None], np.atleast_1d(np.asarray(log_odds, float)))
    return np.stack([weights @ chances, weights @ (chances > 0.5)], -1)


def _grid(mean, cov, n):
    """Points and weights of a 2-D Gaussian: a product trapezoid in whitened coordinates, far corners left out."""
    z = np.linspace(-TAIL, TAIL, n)
    u, v = (axis.ravel() for axis in np.meshgrid(z, z, indexing="ij"))
    kept = u * u + v * v <= TAIL**2
    weights = np.exp(-0.5 * (u * u + v * v))[kept]
    points = mean + np.stack([u, v], -1)[kept] @ np.linalg.cholesky(cov).T
    return points, weights / weights.sum()


def _shares_on_line(start, step, places, categories):
    """Share of t ~ N(0, 1) for which start + t step falls to each syllable; shape (n_lines, n_syllables).

    Along a line every log density is a quadratic in t, so regions end at roots of their differences.
    """
    precision = np.linalg.inv(categories)
    offset = start[:, None, :] - places
    along = step[:, None, :]
    constant = -0.5 * np.einsum("nki,kij,nkj->nk", offset, precision, offset) - 0.5 * np.linalg.slogdet(categories)[1]
    linear = -np.einsum("nki,kij,nkj->nk", offset, precision, np.broadcast_to(along, offset.shape))
    square = -0.5 * np.einsum("ni,kij,nj->nk", step, precision, step)
    i, j = np.triu_indices(len(places), 1)
    curved = not np.allclose(categories, categories[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        c, b, a = constant[:, i] - constant[:, j], linear[:, i] - linear[:, j], square[:, i] - square[:, j]
        cuts = -c / b
        if curved:
            root = np.sqrt(b * b - 4 * a * c)
            q = -0.5 * (b + np.copysign(root, b))  # the stable pair of roots: q/a and c/q
            cuts = np.concatenate([np.where(a != 0, q / a, cuts), np.where(a != 0, c / q, np.nan)], axis=1)
    cuts = np.sort(np.where(np.isfinite(cuts), cuts, 50.0).clip(-50.0, 50.0), axis=1)
    edges = np.concatenate([np.full((len(cuts), 1), -50.0), cuts, np.full((len(cuts), 1), 50.0)], axis=1)
    mass = np.diff(ndtr(edges), axis=1)
    middle = 0.5 * (edges[:, 1:] + edges[:, :-1])[..., None]
    winner = (constant[:, None] + middle * (linear[:, None] + middle * square[:, None])).argmax(-1)
    shares = np.zeros(constant.shape)
    for k in range(len(places)):
        shares[:, k] = (mass * (winner == k)).sum(1)
    return shares
