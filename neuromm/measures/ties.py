"""Dissimilarities that are equal but for rounding: which they are, and how they are made equal before they are ranked.

Ranks turn the last digit into a place in the order. Equal patterns, equal angles and sums of equal ranks differ in that
digit by the order in which a processor adds, so equality is decided here once, for every measure that ranks.
"""

import numpy as np

SCALE_ONE = ("correlation", "cosine")  # 1 − r: subtracted from one, however small the difference


def rounding_error(eps, n_units, eps_of_input=0.0):
    """Error of a dissimilarity, relative to what it was subtracted from.

    The error of an inner product of p terms is about √p eps (Higham & Mary 2019, theorem 2.4, with the constant 4,
    which is exceeded less than once in a thousand); values that were themselves rounded to `eps_of_input` add p
    independent errors, which average to 1/√p.
    """
    return 4 * (np.sqrt(n_units) * eps + eps_of_input / np.sqrt(n_units))


def tolerance(values, relative, method=""):
    """Differences below which dissimilarities of an RDM are equal but for rounding.

    Parameters
    ----------
    values : array, shape (n_pairs,)
    relative : float
        From `rounding_error`.
    method : str
        Correlations and cosines are subtracted from 1; other distances from lengths of their own size or, where they
        are small, of the size of the others: the median, for one far condition is no reason for ties among the rest.

    Returns
    -------
    array, shape (n_pairs,)
    """
    sizes = np.abs(values)
    scale = 1.0
    if method not in SCALE_ONE:
        some = sizes[np.isfinite(sizes) & (sizes > 0)]
        scale = np.median(some) if len(some) else 0.0
    return relative * np.maximum(sizes, scale)


def is_constant(values, limits):
    """Whether all values of a row are equal but for rounding; shape (n_rows,)."""
    return np.ptp(values, axis=1) <= limits.min(axis=1)


def merge_ties(values, limits):
    """Each row with values that are equal but for rounding made exactly equal; both of shape (n_rows, n_values)."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    limits = np.take_along_axis(limits, order, axis=1)
    starts = np.ones(ordered.shape, bool)
    starts[:, 1:] = np.diff(ordered, axis=1) > limits[:, 1:]
    # runs longer than the limit are cut, so that ties do not chain
    above = ordered - _value_at_start(ordered, starts)
    cell = np.floor_divide(above, limits, out=np.zeros_like(above), where=limits > 0)
    starts[:, 1:] |= cell[:, 1:] != cell[:, :-1]
    merged = np.empty_like(ordered)
    np.put_along_axis(merged, order, _value_at_start(ordered, starts), axis=1)
    return merged


def _value_at_start(ordered, starts):
    places = np.arange(ordered.shape[1])
    return np.take_along_axis(ordered, np.maximum.accumulate(np.where(starts, places, 0), axis=1), axis=1)
