"""Directions on the circle, in deg: differences by the shorter way round. Azimuths and headings are directions."""

import numpy as np


def wrapped(angle):
    """The same direction in (−180, 180]; values that are there already stay as they are, to the bit.

    Parameters
    ----------
    angle : array, deg
        NaN stays NaN.

    Examples
    --------
    >>> float(wrapped(175.0 - -175.0))
    -10.0
    """
    angle = np.asarray(angle, float)
    inside = (angle > -180.0) & (angle <= 180.0)
    return np.where(inside, angle, 180.0 - np.mod(180.0 - angle, 360.0))


def near(angle, reference):
    """Each direction written as the number nearest to `reference`: 185 rather than −175 beside 175; deg.

    Differences and means of such numbers are those of the directions.
    """
    angle, reference = np.asarray(angle, float), np.asarray(reference, float)
    away = angle - reference
    return np.where(np.abs(away) <= 180.0, angle, reference + wrapped(away))


def mean_direction(angle) -> float:
    """Direction of the mean resultant of directions, deg in (−180, 180]; NaN values are left out, 0 if all are."""
    turn = np.deg2rad(np.asarray(angle, float))
    turn = turn[np.isfinite(turn)]
    return float(np.rad2deg(np.arctan2(np.sin(turn).sum(), np.cos(turn).sum())))
