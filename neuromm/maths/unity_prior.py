"""The prior of one cause when sight and sound belong together more or less: semantic congruence in the odds."""

import numpy as np
from scipy.special import expit, logit


def unity_prior(p_common, congruence, slope):
    """Prior probability of one cause, logit p = logit(p_common) + slope (2 congruence − 1).

    A project definition: a pair of congruence ½, or without one, keeps p_common; slope 0 ignores congruence.

    Parameters
    ----------
    p_common : float
        Prior at congruence ½.
    congruence : array, shape (n_trials,)
        0 (never go together) … 1 (always do); NaN where none is given.
    slope : float
        Log odds between ½ and 1.

    Returns
    -------
    array, shape (n_trials,)

    Raises
    ------
    ValueError
        If a congruence lies outside 0 … 1.
    """
    congruence = np.where(np.isnan(congruence), 0.5, np.asarray(congruence, float))
    outside = (congruence < 0) | (congruence > 1)
    if outside.any():
        raise ValueError(f"congruence is {congruence[outside][0]:g}; a fraction from 0 to 1 is wanted")
    return expit(logit(p_common) + slope * (2 * congruence - 1))
