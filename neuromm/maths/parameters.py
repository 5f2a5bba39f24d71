"""The space of free parameters: bounds, scales, one value per level of a column, values tied to another's.

A fit walks through the unit cube; `Space` turns its points into parameter values and back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np


class BadData(ValueError):
    """Responses that no parameter value could explain, or too few to fit; names the subject and the column."""


@dataclass(frozen=True)
class Free:
    """How a parameter may vary: between `low` and `high`, on a scale; one value `per` level of a column, or tied.

    `Free(1, 30, "log", per="visual_level")` is one sigma for each visual level; `Free(1, 30, tie="sigma_visual")`
    has at all times the value of `sigma_visual`.
    """

    low: float
    high: float
    scale: Literal["linear", "log", "logit"] = "linear"
    per: str | None = None  # column of the trial table
    tie: str | None = None  # name of another free parameter


def as_free(name, bounds) -> Free:
    """A pair (low, high) as `Free`: logarithmic if positive, over a factor of ten, and no probability; else linear.

    Raises
    ------
    ValueError
        If the bounds cross, are not finite, or do not suit the scale; the parameter is named.
    """
    if not isinstance(bounds, Free):
        try:
            low, high = (float(b) for b in bounds)
        except (TypeError, ValueError):
            raise TypeError(f"free['{name}'] is {bounds!r}; a pair (low, high) or a Free is wanted") from None
        probability = name.startswith(PROBABILITIES)
        bounds = Free(low, high, "log" if low > 0 and high >= 10 * low and not probability else "linear")
    if not (np.isfinite(bounds.low) and np.isfinite(bounds.high) and bounds.low < bounds.high):
        raise ValueError(f"free['{name}'] runs from {bounds.low} to {bounds.high}; low < high, both finite, is wanted")
    if bounds.scale not in SCALES:
        raise ValueError(f"free['{name}'] has scale '{bounds.scale}'; one of {', '.join(SCALES)} is wanted")
    if bounds.scale == "log" and bounds.low <= 0:
        raise ValueError(f"free['{name}'] starts at {bounds.low}; a log scale wants a positive low")
    if bounds.scale == "logit" and not (bounds.low > 0 and bounds.high < 1):
        raise ValueError(f"free['{name}'] = {bounds.low}, {bounds.high}; a logit scale wants 0 < low and high < 1")
    probability = name.startswith(PROBABILITIES)
    if (name.startswith("sigma") and bounds.low < 0) or (probability and not 0 <= bounds.low < bounds.high <= 1):
        raise ValueError(f"free['{name}'] runs from {bounds.low} to {bounds.high}; {WANTED[name[0]]} is wanted")
    return bounds


PROBABILITIES = ("lapse", "p_")  # how the names of parameters that are probabilities begin
WANTED = {"s": "an sd of at least 0", "l": "a probability within 0 and 1", "p": "a probability within 0 and 1"}
# name: (to the scale, from it, derivative of the value by the scaled value)
SCALES: dict[str, tuple[Callable, Callable, Callable]] = {
    "linear": (lambda x: x, lambda y: y, lambda x: np.ones_like(x)),
    "log": (np.log, np.exp, lambda x: x),
    "logit": (lambda x: np.log(x / (1 - x)), lambda y: 1 / (1 + np.exp(-y)), lambda x: x * (1 - x)),
}


@dataclass(frozen=True)
class Space:
    """The free parameters of a fit, one axis per value: `names` such as p_common, sigma_visual[high]."""

    names: tuple[str, ...]
    axes: tuple[Free, ...]
    of: dict = field(compare=False)  # parameter → axis number, or {level: axis number}
    per: dict = field(compare=False)  # parameter → column whose level chooses the axis

    @classmethod
    def of_free(cls, free, trials, known):
        """The space that a `free` mapping spans on a trial table.

        Parameters
        ----------
        free : dict of parameter → (low, high) or Free
        trials : DataFrame
            Gives the levels of each `per` column.
        known : collection of str
            The parameters that the observer has.

        Raises
        ------
        ValueError
            If a parameter or a column is not known, bounds cross, or a tie has no end.
        """
        if not free:
            raise ValueError("free is empty; name at least one parameter with its bounds")
        unknown = [name for name in free if name not in known]
        if unknown:
            raise ValueError(f"free names {unknown}; the observer has: {', '.join(sorted(known))}")
        free = {name: as_free(name, bounds) for name, bounds in free.items()}
        names, axes, per = [], [], {}
        of: dict[str, int | dict] = {}
        for name, one in free.items():
            if one.tie is not None:
                continue
            if one.per is None:
                of[name] = len(names)
                names.append(name)
                axes.append(one)
                continue
            if one.per not in trials:
                raise ValueError(f"free['{name}'] varies per '{one.per}', a column that trials has not")
            levels = sorted(trials[one.per].dropna().unique().tolist())
            if not levels:
                raise ValueError(f"free['{name}'] varies per '{one.per}', which is empty in every row")
            of[name], per[name] = {level: len(names) + i for i, level in enumerate(levels)}, one.per
            names += [f"{name}[{level:g}]" if isinstance(level, float) else f"{name}[{level}]" for level in levels]
            axes += [one] * len(levels)
        for name, one in free.items():
            if one.tie is not None:
                if one.tie not in of:
                    raise ValueError(f"free['{name}'] is tied to '{one.tie}', which is not a free parameter of its own")
                of[name] = of[one.tie]
                if one.tie in per:
                    per[name] = per[one.tie]
        return cls(tuple(names), tuple(axes), of, per)

    def __len__(self):
        return len(self.names)

    def from_unit(self, unit):
        """Parameter values of points of the unit cube, shape (..., n_free)."""
        out = np.empty_like(unit, dtype=float)
        for i, axis in enumerate(self.axes):
            to, back, _ = SCALES[axis.scale]
            low, high = to(np.float64(axis.low)), to(np.float64(axis.high))
            out[..., i] = np.clip(back(low + (high - low) * unit[..., i]), axis.low, axis.high)
        return out

    def to_unit(self, theta):
        """Points of the unit cube that have the parameter values `theta`."""
        out = np.empty_like(theta, dtype=float)
        for i, axis in enumerate(self.axes):
            to = SCALES[axis.scale][0]
            low, high = to(np.float64(axis.low)), to(np.float64(axis.high))
            out[..., i] = (to(np.asarray(theta)[..., i]) - low) / (high - low)
        return out

    def slope(self, theta):
        """Derivative of each parameter by its unit coordinate."""
        out = np.empty_like(theta, dtype=float)
        for i, axis in enumerate(self.axes):
            to, _, derivative = SCALES[axis.scale]
            out[..., i] = derivative(theta[..., i]) * (to(np.float64(axis.high)) - to(np.float64(axis.low)))
        return out
