"""Checks of a spiking observer's parameters."""

import numpy as np

from neuromm.observers.spiking.circuit import TARGETS


def check_positive(observer, names):
    """Refuse a parameter that is not a positive, finite number."""
    for name in names:
        value = getattr(observer, name)
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{observer.name}: {name} is {value}; a positive number is wanted")


def check_not_negative(observer, names):
    """Refuse a parameter that is negative or not finite."""
    for name in names:
        value = getattr(observer, name)
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"{observer.name}: {name} is {value}; a number of at least 0 is wanted")


def check_target(observer, allowed=TARGETS):
    """Refuse a simulator that the observer cannot run on."""
    if observer.target not in allowed:
        raise ValueError(f"{observer.name}: target is '{observer.target}'; one of {', '.join(allowed)} is wanted")


def check_step(observer, fastest):
    """Refuse a step that does not divide a millisecond or is too long for the fastest time constant (ms)."""
    check_positive(observer, ["dt"])
    per_ms = 1.0 / observer.dt
    if abs(per_ms - round(per_ms)) > 1e-9 or round(per_ms) < 1:
        raise ValueError(
            f"{observer.name}: dt is {observer.dt:g} ms; a whole fraction of 1 ms is wanted, such as 0.1 or 0.5"
        )
    if observer.dt > fastest / 2:
        raise ValueError(
            f"{observer.name}: dt is {observer.dt:g} ms; at most half the fastest time constant, {fastest:g} ms"
        )
