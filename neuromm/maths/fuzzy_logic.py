"""The fuzzy logical model of perception (FLMP): supports multiply, and the relative goodness is the response.

Massaro (1998) Perceiving Talking Faces, MIT Press; weighted variant after Schwartz (2010) J Acoust Soc Am 127:1584.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax


def integrate_supports(auditory, visual, weight_auditory=1.0, weight_visual=1.0):
    """P_k = a_k^wa v_k^wv / Σ_k' a_k'^wa v_k'^wv.

    Parameters
    ----------
    auditory, visual : array, shape (..., n_alternatives)
        Supports (degrees of truth, 0…1); NaN rows are absent modalities and support all alike.
    weight_auditory, weight_visual : float or array, shape (...)
        Exponents; 1 is Massaro's model.

    Returns
    -------
    array, shape (..., n_alternatives)

    Raises
    ------
    ValueError
        If a support lies outside 0…1, or two supports exclude every alternative between them.
    """
    total: np.ndarray | float = 0.0
    for name, support, weight in (("auditory", auditory, weight_auditory), ("visual", visual, weight_visual)):
        support = np.asarray(support, float)
        if ((support < 0) | (support > 1)).any():
            raise ValueError(
                f"{name} support runs from {np.nanmin(support):g} to {np.nanmax(support):g}; degrees of truth "
                "0…1 are wanted"
            )
        with np.errstate(divide="ignore"):
            logs = np.where(np.isnan(support), 0.0, np.log(support))
        weight = np.asarray(weight, float)[..., None]
        total = total + np.where(weight == 0, 0.0, weight * np.where(weight == 0, 0.0, logs))
    if np.isneginf(total).all(axis=-1).any():
        raise ValueError(
            "voice and lips exclude every alternative between them: a support of 0 for each; use small supports"
        )
    return softmax(total, axis=-1)


def integrate_two(auditory, visual):
    """Two alternatives: P = a v / [a v + (1 − a)(1 − v)], so that log odds add; all broadcast."""
    auditory, visual = np.asarray(auditory, float), np.asarray(visual, float)
    both = (
        np.stack(np.broadcast_arrays(auditory, 1 - auditory), -1),
        np.stack(np.broadcast_arrays(visual, 1 - visual), -1),
    )
    return integrate_supports(*both)[..., 0]


def fit_supports(counts, *, n_starts=4, rng):
    """Maximum-likelihood supports of an expanded factorial design.

    Parameters
    ----------
    counts : array, shape (n_auditory + 1, n_visual + 1, n_alternatives)
        Responses; the last row holds visual-only, the last column auditory-only trials; cells may be empty (0).
    n_starts : int
        Start 1 is the unimodal proportions, the others are jittered.
    rng : numpy.random.Generator

    Returns
    -------
    auditory, visual : array, shape (n_auditory, n_alternatives), (n_visual, n_alternatives)
        Supports that sum to 1.
    log_likelihood : float
        nats, of the counts (without the multinomial constant).
    rmsd : float
        Root mean squared deviation of predicted and observed proportions over the cells that have data.

    Raises
    ------
    ValueError
        If counts are negative or of another shape, or an alternative is never answered (its support would be 0).
    """
    counts = np.asarray(counts, float)
    if counts.ndim != 3 or counts.shape[2] < 2 or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(
            f"counts has shape {counts.shape}; (auditory + 1, visual + 1, alternatives) of counts ≥ 0 is wanted"
        )
    n_a, n_v, n_k = counts.shape[0] - 1, counts.shape[1] - 1, counts.shape[2]
    total = counts.sum(-1)

    def unpack(x):
        a, v = x[: n_a * n_k].reshape(n_a, n_k), x[n_a * n_k :].reshape(n_v, n_k)
        return log_softmax(np.vstack([a, np.zeros(n_k)]), -1), log_softmax(np.vstack([v, np.zeros(n_k)]), -1)

    def cost(x):
        a, v = unpack(x)
        logits = a[:, None] + v[None]
        chance = softmax(logits, -1)
        residual = (
            counts - total[..., None] * chance
        )  # gradient by the logits; a shift of a row's logits changes nothing
        gradient = np.concatenate([residual.sum(1)[:n_a].ravel(), residual.sum(0)[:n_v].ravel()])
        x2 = 1e-6 * x  # keeps the free level of each row near 0
        return -(counts * log_softmax(logits, -1)).sum() + 0.5 * (x * x2).sum(), -gradient + x2

    start = np.log(np.concatenate([counts[:n_a, -1] + 0.5, counts[-1, :n_v] + 0.5]).ravel())
    starts = [start] + [start + rng.normal(0, 0.5, len(start)) for _ in range(n_starts - 1)]
    best = min(
        (minimize(cost, x, jac=True, method="L-BFGS-B", options={"maxiter": 500}) for x in starts), key=lambda f: f.fun
    )
    a, v = unpack(best.x)
    chance, there = softmax(a[:, None] + v[None], -1), total > 0
    observed = counts[there] / total[there][:, None]
    rmsd = float(np.sqrt(np.mean((observed - chance[there]) ** 2)))
    likelihood = float((counts * log_softmax(a[:, None] + v[None], -1)).sum())
    return np.exp(a[:-1]), np.exp(v[:-1]), likelihood, rmsd
