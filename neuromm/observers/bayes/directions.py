"""Directions on the circle: wrapped to half a turn, and the alternatives that a row offers."""

import numpy as np

from neuromm.stimuli.alternatives import number_offers


def wrapped(angle):
    """The same direction in [−180, 180)."""
    return np.mod(np.asarray(angle, float) + 180.0, 360.0) - 180.0


def direction_offers(trials, who):
    """(directions in deg, ascending, and the Offer) of each set of alternatives; sides are -90 and 90."""
    asks_direction = (trials["report"] != "common").to_numpy()
    offered = number_offers(trials, who, asks_direction)
    return [(90 * numbers if offer.is_sides else numbers, offer) for numbers, offer in offered]


def choose_on_circle(trials, angle, lapsed, uniform, who):
    """The nearest of the directions that a row offers, or any of them in a lapse; the side as 1 (right) or 0."""
    chosen = np.asarray(angle, float).copy()
    for directions, offer in direction_offers(trials, who):
        rows = offer.rows
        nearest = np.abs(wrapped(chosen[rows][:, None] - directions)).argmin(1)
        guessed = np.minimum((uniform[rows] * len(directions)).astype(int), len(directions) - 1)
        position = np.where(lapsed[rows], guessed, nearest)
        chosen[rows] = position if offer.is_sides else directions[position]
    return chosen
