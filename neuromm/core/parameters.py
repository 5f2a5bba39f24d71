"""What a parameter of an observer is: its unit, its range, and whether a fit may free it.

    sigma_visual: float = sd(2.0, "deg", free=(0.3, 30))
    p_common: float = probability(0.5, free=(0.02, 0.98))
    strategy: Literal["averaging", "selection", "matching"] = "averaging"

Each helper returns a dataclass field whose metadata is a `Parameter`; `check_parameters` reads it (and the
words of a Literal) when an observer is made, and `measures.fit` reads the range and scale of what is free.
"""

import dataclasses
import functools
import math
import typing
from dataclasses import dataclass
from typing import Any

from neuromm.core.messages import must_be

KEY = "neuromm"  # of the metadata of a dataclass field


@dataclass(frozen=True)
class Parameter:
    """Range and unit of a number (or the allowed words), and the bounds of a fit that frees it."""

    wanted: str  # what it must be, in words
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False  # `low` itself is refused
    open_high: bool = False
    infinite: bool = False  # whether inf is a value (a flat prior)
    integer: bool = False
    optional: bool = False  # whether None is a value
    options: tuple = ()  # of a choice
    free: tuple[float, float] | None = None  # bounds when `fit` is not told what is free
    scale: str = "linear"  # linear | log | logit: the scale a fit searches on


def _field(default: object, parameter: Parameter) -> Any:
    return dataclasses.field(default=default, metadata={KEY: parameter})


def number(default: float | None, unit: str = "", *, low: float = -math.inf, high: float = math.inf,
           above: float | None = None, below: float | None = None, infinite: bool = False,
           optional: bool = False, free: tuple[float, float] | None = None,
           scale: str = "linear") -> Any:  # fmt: skip
    """A number from `low` to `high`; `above` and `below` exclude the limit itself."""
    words = []
    if above is not None:
        words.append(f"above {above:g}")
    elif low > -math.inf:
        words.append(f"at least {low:g}")
    if below is not None:
        words.append(f"below {below:g}")
    elif high < math.inf:
        words.append(f"at most {high:g}")
    kind = "a number" if words or infinite else "a finite number"
    wanted = " ".join([kind, " and ".join(words), f"in {unit}" if unit else ""])
    if optional:
        wanted += ", or None"
    parameter = Parameter(
        wanted=" ".join(wanted.split()),
        unit=unit,
        low=low if above is None else above,
        high=high if below is None else below,
        open_low=above is not None,
        open_high=below is not None,
        infinite=infinite,
        optional=optional,
        free=free,
        scale=scale,
    )
    return _field(default, parameter)


def sd(default: float | None, unit: str = "deg", *, zero: bool = False, infinite: bool = False,
       optional: bool = False, free: tuple[float, float] | None = None) -> Any:  # fmt: skip
    """A standard deviation or width: positive, or at least 0; `infinite` allows a flat prior."""
    wanted = f"an SD of at least 0 in {unit}" if zero else f"a positive SD in {unit}"
    if infinite:
        wanted += " (inf is allowed)"
    if optional:
        wanted += ", or None"
    parameter = Parameter(
        wanted=wanted,
        unit=unit,
        low=0.0,
        open_low=not zero,
        infinite=infinite,
        optional=optional,
        free=free,
        scale="linear" if zero else "log",
    )
    return _field(default, parameter)


def probability(default: float, *, free: tuple[float, float] | None = None) -> Any:
    """A probability or fraction between 0 and 1."""
    wanted = "a probability between 0 and 1"
    return _field(default, Parameter(wanted=wanted, low=0.0, high=1.0, free=free))


def positive(default: float | None, unit: str = "", *, zero: bool = False, optional: bool = False,
             free: tuple[float, float] | None = None) -> Any:  # fmt: skip
    """A positive quantity, such as a time constant in ms or a rate in Hz; `zero` allows 0."""
    if zero:
        return number(default, unit, low=0.0, optional=optional, free=free)
    return number(default, unit, above=0.0, optional=optional, free=free, scale="log")


def count(default: int, least: int = 1, most: float = math.inf) -> Any:
    """A whole number of at least `least`."""
    wanted = f"a whole number of at least {least}"
    if most < math.inf:
        wanted = f"a whole number from {least} to {most:g}"
    return _field(default, Parameter(wanted=wanted, low=least, high=most, integer=True))


def parameters_of(observer: object) -> dict[str, Parameter]:
    """Name -> Parameter of every field that declares one, by a helper above or a Literal."""
    return _parameters(observer if isinstance(observer, type) else type(observer))


@functools.cache
def _parameters(cls):
    hints = typing.get_type_hints(cls)
    found = {}
    for field in dataclasses.fields(cls):
        if KEY in field.metadata:
            found[field.name] = field.metadata[KEY]
        elif typing.get_origin(hints[field.name]) is typing.Literal:
            options = typing.get_args(hints[field.name])
            wanted = f"one of {', '.join(map(str, options))}"
            found[field.name] = Parameter(wanted=wanted, options=options)
    return found


def numbers_of(observer: Any) -> dict[str, float]:
    """Name -> value of every field that is a number (True and False are 1 and 0)."""
    numbers = {}
    for field in dataclasses.fields(observer):
        value = getattr(observer, field.name)
        if isinstance(value, int | float):
            numbers[field.name] = float(value)
    return numbers


def default_free(observer: Any) -> dict[str, tuple[float, float]]:
    """What a fit frees when it is not told: name -> (low, high)."""
    declared = parameters_of(observer)
    return {name: p.free for name, p in declared.items() if p.free is not None}


def check_parameters(observer: object) -> None:
    """Refuse a field whose value is outside of its declared range.

    Raises
    ------
    ValueError
        "NAME: FIELD must be ..., got ...".
    """
    owner = getattr(observer, "name", type(observer).__name__)
    for name, parameter in parameters_of(observer).items():
        value = getattr(observer, name)
        if not is_allowed(value, parameter):
            raise must_be(owner, name, parameter.wanted, value)


def is_allowed(value: object, parameter: Parameter) -> bool:
    """Whether a parameter may have this value."""
    if value is None:
        return parameter.optional
    if parameter.options:
        return value in parameter.options
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    if isinstance(value, str) or math.isnan(number):
        return False
    if math.isinf(number):
        return parameter.infinite and number > 0
    if parameter.integer and number != int(number):
        return False
    above = number > parameter.low if parameter.open_low else number >= parameter.low
    below = number < parameter.high if parameter.open_high else number <= parameter.high
    return above and below
