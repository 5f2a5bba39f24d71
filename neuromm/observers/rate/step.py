"""The time step of a rate network: what its integrator takes by itself, and which steps are refused."""

import numpy as np

from neuromm.core.messages import must_be
from neuromm.observers.base import Observer

OWN_STEP = {"euler": 0.01, "exponential": 1 / 11}  # ms; of exponential, the longest
OWN_STEP_FILTERED = {"euler": 0.01, "exponential": 0.2}  # ms, with second-order synapses


def even_step(duration: float, dt: float) -> float:
    """The longest step of at most `dt` that divides a run of `duration` evenly; all in ms."""
    return duration / np.ceil(duration / dt - 1e-9)


def step_of(observer: Observer, fastest: float) -> float:
    """The time step of a network of first-order cells, ms; `check_step` says which are refused.

    It is `dt` if given, else the integrator's own. That of `exponential` is halved until it is stable, and
    divides the run evenly.

    Parameters
    ----------
    observer : with `dt`, `integrator`, `duration`
    fastest : float
        Fastest rate at which a small disturbance decays, 1/ms.
    """
    if observer.dt is not None:
        return float(observer.dt)
    dt = OWN_STEP[observer.integrator]
    if observer.integrator == "euler":
        return dt
    while dt * fastest > 2:
        dt /= 2
    return even_step(observer.duration, dt)


def check_step(observer: Observer, fastest: float) -> None:
    """Refuse a step at which the steps, not the network, would oscillate: both integrators need dt · rate ≤ 2.

    Arguments as in `step_of`.
    """
    dt = step_of(observer, fastest)
    if dt * fastest > 2:
        raise ValueError(
            f"{observer.name}: dt={dt:g} ms is unstable: with these time constants and weights a disturbance "
            f"decays at up to {fastest:.3g} per ms. Use dt ≤ {2 / fastest:.2g}, longer time constants, or weaker "
            "inhibition"
        )
    if dt > observer.duration:
        wanted = f"at most duration={observer.duration:g} ms"
        raise must_be(observer.name, "dt", wanted, dt)


def filtered_step(observer: Observer, delays: tuple[float, ...]) -> float:
    """The time step of a network with second-order synapses, ms: `dt`, or the integrator's own, checked.

    Parameters
    ----------
    observer : with `dt`, `integrator`, `duration`, and time constants `tau_…`
    delays : tuple of float
        ms.

    Raises
    ------
    ValueError
        If the step is longer than a quarter of the shortest time constant, or a delay is shorter than five
        steps.
    """
    taus = {n: v for n, v in vars(observer).items() if n.startswith("tau_") and n != "tau_jitter"}
    shortest = min(taus, key=taus.get)
    if observer.dt is not None:
        dt = float(observer.dt)
    else:
        dt = OWN_STEP_FILTERED[observer.integrator]
        longest = min(taus[shortest] / 4, min(delays) / 5)
        while observer.integrator == "exponential" and dt > longest > 0:
            dt /= 2
        dt = even_step(observer.duration, dt)
    if dt > taus[shortest] / 4:
        raise ValueError(
            f"{observer.name}: dt={dt:g} ms is unstable with {shortest}={taus[shortest]:g} ms; "
            f"use dt ≤ {taus[shortest] / 4:g}"
        )
    if min(delays) < 5 * dt:
        raise ValueError(
            f"{observer.name}: a latency of {min(delays):g} ms is shorter than five steps of dt={dt:g}; shorten dt"
        )
    check_noise(observer)
    return dt


def check_noise(observer: Observer) -> None:
    """Refuse noise per step with an integrator whose steps are not those that the noise was set for."""
    if observer.noise and observer.integrator == "exponential":
        raise ValueError(
            f"{observer.name}: noise={observer.noise:g} with integrator='exponential'; noise per step depends on "
            "dt, so use integrator='euler' with the dt it was set for"
        )


def check_even(observer: Observer) -> None:
    """Refuse a ring that has no two halves."""
    if observer.n_cells % 2:
        raise must_be(observer.name, "n_cells", "an even number of at least 4", observer.n_cells)
