"""Checks of a rate network's parameters, and the time step they allow."""

import numpy as np

from neuromm.maths.device import check_device
from neuromm.observers.rate.integrate import DEFAULT_DT


def check_positive(observer, names):
    """Refuse a parameter that is not a positive, finite number."""
    for name in names:
        value = getattr(observer, name)
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{observer.name}: {name} is {value}; a positive number is wanted")


def check_finite(observer, names):
    """Refuse a parameter that is not a finite number."""
    for name in names:
        value = getattr(observer, name)
        if not np.isfinite(value):
            raise ValueError(f"{observer.name}: {name} is {value}; a finite number is wanted")


def check_choices(observer, **choices):
    """Refuse a text parameter that is none of its values, or a device that is not there."""
    for name, allowed in choices.items():
        if getattr(observer, name) not in allowed:
            raise ValueError(
                f"{observer.name}: {name} is {getattr(observer, name)!r}; one of {', '.join(allowed)} is wanted"
            )
    check_device(getattr(observer, "device", None))


def step_of(observer, fastest):
    """The time step, ms: `dt` if given, else the integrator's own, halved for `exponential` until it is stable.

    The exponential integrator's own step divides the run evenly.
    """
    if observer.dt is not None:
        return float(observer.dt)
    dt = DEFAULT_DT[observer.integrator]
    if observer.integrator == "euler":
        return dt
    while dt * fastest > 2:
        dt /= 2
    return observer.duration / np.ceil(observer.duration / dt - 1e-9)


def check_step(observer, fastest):
    """Refuse a step at which the steps, not the network, would oscillate.

    Parameters
    ----------
    observer : with `dt`, `integrator`, `duration`
    fastest : float
        Fastest rate at which a small disturbance can decay, 1/ms; both integrators want dt · rate ≤ 2.
    """
    if observer.dt is not None:
        check_positive(observer, ["dt"])
    dt = step_of(observer, fastest)
    if dt * fastest > 2:
        raise ValueError(
            f"{observer.name}: dt={dt:g} ms is unstable: with these time constants and weights a disturbance decays at "
            f"up to {fastest:.3g} per ms. Use dt ≤ {2 / fastest:.2g}, longer time constants, or weaker inhibition"
        )
    if dt > observer.duration:
        raise ValueError(f"{observer.name}: dt={dt:g} ms is longer than duration={observer.duration:g} ms; shorten dt")
