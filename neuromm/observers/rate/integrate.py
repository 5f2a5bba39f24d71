"""First-order rate equations on rings, stepped for a batch: τ dy/dt = −y + F(u), u = weights · y + input.

Two integrators: `euler`, the papers' own, and `exponential`, of second order, for the same equation in
a twentieth of the evaluations. An input is a profile that is gated in time; nothing else depends on time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Problem:
    """What is integrated: the rings with weights already multiplied by the slope of F, and their inputs.

    F(u) = 1/(1 + exp(−z)) with z = weights · y + gate · drive + rest, so that `drive` is slope × input
    and `rest` is −slope × threshold. States are those of `Rings`; the last axis is the trial.
    """

    rings: object  # Rings
    drive: torch.Tensor  # (n_rings, n_folds, n_cells/n_folds, n_trials), input while it is on
    rest: torch.Tensor  # scalar or (n_trials,)
    tau: list  # one time constant per ring, ms: a float, or a tensor of shape (n_trials,)
    gates: list  # per ring None (always on) or (onset, duration), arrays of shape (n_trials,), ms


def gate_times(gates, dt, n_steps, n_trials, centred=False):
    """How far each ring's input is on at each step, as the few stretches of steps in which it stays the same.

    Parameters
    ----------
    gates : list
        Per ring None (always on) or (onset, duration) arrays of shape (n_trials,), ms.
    centred : bool
        False (Euler): on or off at the start of the step, times rounded to steps. True (exponential):
        the fraction of the interval of length `dt` about each grid point, which keeps the order of a
        second-order method.

    Returns
    -------
    starts : array of int, shape (n_stretches,)
        First step of each stretch; the first is 0.
    value : array, shape (n_stretches, n_rings, n_trials)
    """
    starts, edges = {0}, []
    for gate in gates:
        if gate is None:
            edges.append(None)
            continue
        on, off = (np.asarray(t, float) / dt for t in (gate[0], np.asarray(gate[0]) + gate[1]))
        if centred:
            on, off = np.where(on <= 0, -1.0, on), np.where(off >= n_steps, n_steps + 2.0, off)
        else:
            on, off = np.round(on), np.round(off)
        edges.append((on, off))
        for edge in (on, off):
            first = np.floor(edge + 0.5).astype(int) if centred else edge.astype(int)
            starts |= set(first.tolist()) | (set((first + 1).tolist()) if centred else set())
    starts = np.array(sorted(s for s in starts if 0 <= s <= n_steps))
    value = np.ones((len(starts), len(gates), n_trials))
    for ring, edge in enumerate(edges):
        if edge is not None:
            on, off = edge
            step = starts[:, None].astype(float)
            if centred:
                value[:, ring] = np.clip(np.minimum(off, step + 0.5) - np.maximum(on, step - 0.5), 0.0, 1.0)
            else:
                value[:, ring] = (on <= step) & (step < off)
    return starts, value


class _Inputs:
    """The modes of gated drive + rest at a step, made anew only where a gate changes."""

    def __init__(self, problem, dt, n_steps, centred):
        self.problem, self.n_steps = problem, n_steps
        n_trials = problem.drive.shape[-1]
        starts, value = gate_times(problem.gates, dt, n_steps, n_trials, centred)
        self.stretches = {int(s): v for s, v in zip(starts, value, strict=True)}
        self.modes = problem.rings.empty(n_trials)

    def at(self, step):
        if step in self.stretches:
            rings = self.problem.rings
            gate = torch.as_tensor(self.stretches[step], dtype=rings.dtype, device=rings.device)
            rings.to_modes(self.problem.drive * gate[:, None, None] + self.problem.rest, self.modes)
        return self.modes


def euler(problem, dt, n_steps, *, noise=None, watch=None):
    """The state after `n_steps` Euler steps from silence.

    Parameters
    ----------
    problem : Problem
    dt : float
        ms.
    noise : callable, optional
        Called as noise(z) once per step, before F: adds slope × noise to the state-shaped z in place.
    watch : callable, optional
        Called as watch(step, state) after each step, step counting from 1.
    """
    rings, inputs = problem.rings, _Inputs(problem, dt, n_steps, centred=False)
    y = rings.empty(problem.drive.shape[-1]).zero_()
    modes, z, f = torch.zeros_like(y), torch.empty_like(y), torch.empty_like(y)
    weights = [dt / tau for tau in problem.tau]
    for step in range(n_steps):
        rings.couple(inputs.at(step), modes, z)
        rings.from_modes(z, f)
        if noise is not None:
            noise(f)
        f.sigmoid_()
        for ring, weight in enumerate(weights):
            y[ring].lerp_(f[ring], weight)
        rings.to_modes(y, modes)
        if watch is not None:
            watch(step + 1, y)
    return y


def exponential(problem, dt, n_steps, *, noise=None, watch=None):
    """The state after `n_steps` steps of the exponential Runge–Kutta method of second order, from silence.

    The decay −y/τ is solved exactly, F(u) is taken as linear in time over the step (Cox & Matthews 2002,
    J Comput Phys 176:430–455, ETD2RK). Arguments as in `euler`; noise per step has no limit as dt
    falls, so it is refused.
    """
    if noise is not None:
        raise ValueError("integrator='exponential' has no noise: noise per step depends on dt; use integrator='euler'")
    rings, inputs = problem.rings, _Inputs(problem, dt, n_steps, centred=True)
    y = rings.empty(problem.drive.shape[-1]).zero_()
    modes, z = torch.zeros_like(y), torch.empty_like(y)
    f, g = torch.empty_like(y), torch.empty_like(y)
    first, second = zip(*(exponential_weights(dt, tau) for tau in problem.tau), strict=True)
    for step in range(n_steps):
        rings.couple(inputs.at(step), modes, z)
        rings.from_modes(z, f)
        f.sigmoid_()
        for ring, weight in enumerate(first):
            y[ring].lerp_(f[ring], weight)
        rings.to_modes(y, modes)
        rings.couple(inputs.at(step + 1), modes, z)
        rings.from_modes(z, g)
        torch.sub(g.sigmoid_(), f, out=g)
        for ring, weight in enumerate(second):
            y[ring].addcmul_(g[ring], weight)
        rings.to_modes(y, modes)
        if watch is not None:
            watch(step + 1, y)
    return y


def exponential_weights(dt, tau):
    """Weights of F and of its rise over a step: 1 − e^{−x} and (e^{−x} − 1 + x)/x, with x = dt/τ."""
    x = dt / tau
    expm1 = torch.expm1 if torch.is_tensor(x) else np.expm1
    rise = (expm1(-x) + x) / x
    return -expm1(-x), rise if torch.is_tensor(x) else torch.tensor(rise)


INTEGRATORS: dict[str, Callable] = {"euler": euler, "exponential": exponential}
DEFAULT_DT = {"euler": 0.01, "exponential": 0.1}  # ms
