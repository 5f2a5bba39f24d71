"""The one form of an error message: what must hold, what came, and the nearest name that exists."""

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The known name that is most like `name`, or None."""
    matches = difflib.get_close_matches(str(name), list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def did_you_mean(name: object, known: Iterable[str], cutoff: float = 0.5) -> str:
    """"did you mean 'x'? " for a misspelt name, or an empty text.

    Examples
    --------
    >>> did_you_mean("sigma_visul", ["sigma_visual", "lapse"])
    "did you mean 'sigma_visual'? "
    """
    match = nearest(name, known, cutoff)
    return "" if match is None else f"did you mean '{match}'? "


def must_be(owner: str, name: str, wanted: str, got: object) -> ValueError:
    """The error of a value that is out of range.

    Examples
    --------
    >>> str(must_be("causal_inference", "sigma_visual", "a positive SD in deg", -3))
    'causal_inference: sigma_visual must be a positive SD in deg, got -3'
    """
    return ValueError(f"{owner}: {name} must be {wanted}, got {got!r}")
