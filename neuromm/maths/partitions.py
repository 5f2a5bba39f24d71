"""Which cues share a cause: every partition of n cues, its evidence, and the estimates it gives.

For two cues there are two partitions (one cause, two causes), for three there are five (Wozny, Beierholm & Shams 2008,
J Vis 8(3):24), and so on. Evidence over independent dimensions (place and time, say) adds: sum the log evidences before
taking the posterior. Arrays in, arrays out; a NaN cue is absent.
"""

import numpy as np

from neuromm.maths.gaussian import fuse, log_evidence_one


def partitions(n_cues):
    """Every way to group `n_cues` cues by cause, as tuples of blocks; all in one first, all separate last.

    Examples
    --------
    >>> partitions(2)
    [((0, 1),), ((0,), (1,))]
    """
    if n_cues < 1:
        raise ValueError(f"n_cues is {n_cues}; at least 1 is wanted")
    found: list[tuple[tuple[int, ...], ...]] = [((0,),)]
    for cue in range(1, n_cues):
        grown = []
        for blocks in found:
            grown += [blocks[:i] + ((*block, cue),) + blocks[i + 1 :] for i, block in enumerate(blocks)]
            grown.append((*blocks, (cue,)))
        found = grown
    return sorted(found, key=lambda blocks: (len(blocks), blocks))


def _only(cues, block):
    """The cues of a block, the others absent."""
    mask = np.zeros(np.shape(cues)[-1], bool)
    mask[list(block)] = True
    return np.where(mask, cues, np.nan)


def log_evidence(cues, sigmas, mu_prior, sigma_prior):
    """Log probability density of the cues under each partition, its causes integrated out.

    Parameters
    ----------
    cues : array, shape (..., n_cues), deg; NaN = absent
    sigmas : array, shape (n_cues,) or (..., n_cues), deg
    mu_prior, sigma_prior : float or array, shape (...), deg

    Returns
    -------
    log_evidence : array, shape (..., n_partitions), nats; in the order of `partitions`
    """
    cues = np.asarray(cues, float)
    blocks = {}
    for parts in partitions(cues.shape[-1]):
        for block in parts:
            if block not in blocks:
                blocks[block] = log_evidence_one(_only(cues, block), sigmas, mu_prior, sigma_prior)
    return np.stack([sum(blocks[b] for b in parts) for parts in partitions(cues.shape[-1])], -1)


def estimates(cues, sigmas, mu_prior, sigma_prior):
    """Place of each cue's cause under each partition, shape (..., n_partitions, n_cues), deg."""
    cues = np.asarray(cues, float)
    out = []
    for parts in partitions(cues.shape[-1]):
        one = np.empty(cues.shape)
        for block in parts:
            one[..., list(block)] = fuse(_only(cues, block), sigmas, mu_prior, sigma_prior)[0][..., None]
        out.append(one)
    return np.stack(out, -2)


def posterior(log_evidence, prior):
    """Posterior probability of each partition, shape (..., n_partitions); log domain, so far apart is finite.

    Parameters
    ----------
    log_evidence : array, shape (..., n_partitions), nats
        Of one dimension, or the sum over independent dimensions.
    prior : array, shape (n_partitions,)
        Prior probabilities; zeros are allowed.
    """
    with np.errstate(divide="ignore"):
        logit = log_evidence + np.log(np.asarray(prior, float))
    logit = np.exp(logit - logit.max(-1, keepdims=True))
    return logit / logit.sum(-1, keepdims=True)


def average(estimates, posterior):
    """Estimates averaged over partitions, shape (..., n_cues)."""
    return (estimates * posterior[..., None]).sum(-2)
