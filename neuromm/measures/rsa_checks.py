"""What can go wrong with representational similarity, as errors of their own kind.

All of them are `ValueError`s (`TooLarge` is a `MemoryError`), so `except ValueError` catches them too.
"""

import os
from numbers import Integral, Real

import numpy as np
import pandas as pd

MIN_CONDITIONS = 4  # three conditions give three dissimilarities: every rank correlation of them is 1, ½, -½ or -1


class ConditionsDiffer(ValueError):
    """RDMs that are compared hold different conditions."""


class TooFewConditions(ValueError):
    """Fewer conditions than a comparison needs."""


class ConstantPatterns(ValueError):
    """A pattern or an RDM that does not vary has no correlation with anything."""


class NotFinite(ValueError):
    """NaN or infinity where a number is needed."""


class TooLarge(MemoryError):
    """An array that would not fit into memory, found out before it is allocated."""


def list_names(names, most=5) -> str:
    """The first few names, quoted, and how many more there are."""
    names = [str(n) for n in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"'{n}'" for n in names[:most]) + more


def check_enough_conditions(n_conditions, what="this comparison", least=MIN_CONDITIONS) -> None:
    """Refuse a design too small to compare."""
    if n_conditions < least:
        raise TooFewConditions(
            f"{n_conditions} conditions given; {what} needs at least {least}. Show more distinct stimuli, "
            "or group trials by a finer factor (argument `by`)."
        )


def check_finite(values, names, what) -> None:
    """Refuse NaN or infinity, naming the rows of `values` that hold them."""
    bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if bad.any():
        raise NotFinite(
            f"{what} of {list_names(np.asarray(names, object)[bad])} hold NaN or infinity; "
            "see the argument `nan`, or remove what failed before comparing"
        )


def check_memory(n_bytes, what, hint) -> None:
    """Refuse an allocation larger than the machine's free memory, before it is made."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # a system that does not tell
        return
    if n_bytes > free:
        raise TooLarge(f"{what} would take {n_bytes / 1e9:.1f} GB; {free / 1e9:.1f} GB are free. {hint}")


def check_fraction(value, name) -> None:
    """Refuse a level or share that is not strictly between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < 1:
        raise ValueError(f"{name} must be between 0 and 1, got {value!r}; a share, not a percentage")


def check_count(value, name, least=1) -> None:
    """Refuse what is not a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def check_positive(value, name) -> None:
    """Refuse what is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < np.inf:
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")


def check_dtype(dtype) -> None:
    """Refuse what is neither float32 nor float64."""
    if str(dtype) not in ("float32", "float64") and dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}; whole numbers and halves lose digits")


def check_given(labels, name, each="condition") -> None:
    """Refuse labels of which one is None or NaN."""
    missing = np.flatnonzero(pd.isna(np.asarray(labels, object)))
    if len(missing):
        raise ValueError(f"{name} must be given for every {each}, got NaN or None in row {list_names(missing)}")
