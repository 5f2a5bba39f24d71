"""First-order rate equations on rings, stepped for a batch: τ dy/dt = −y + F(u), u = weights · y + input.

Two integrators: `euler`, the papers' own, and `exponential`, of second order at least, for the same
equation in a quarter of the evaluations. An input is a profile that is gated in time; nothing else depends on time.
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
    scales: tuple = ()  # factor of each group of scaled weights of `rings`, (n_trials,)


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


class _Network:
    """F of the weighted activity plus the gated input, evaluated on buffers that the loop reuses."""

    def __init__(self, problem, dt, n_steps, centred):
        self.problem, rings = problem, problem.rings
        n_trials = problem.drive.shape[-1]
        self.starts, self.gates = gate_times(problem.gates, dt, n_steps, n_trials, centred)
        self._stretch = {int(s): v for s, v in zip(self.starts, self.gates, strict=True)}
        self.y = rings.empty(n_trials).zero_()
        self._input, modes, z = (torch.empty_like(self.y) for _ in range(3))
        self._modes = rings.to_modes(self.y, modes)
        self._couple = rings.couple(self._input, modes, z, problem.scales)
        self._z, self._unmix = z, {}

    def evaluate(self, step, out, noise=None):
        """Write F(u) at the present y, with the inputs of `step`, to `out`."""
        if step in self._stretch:
            self._switch(self._stretch[step])
        unmix = self._unmix.get(id(out)) or self._unmix.setdefault(id(out), self.problem.rings.from_modes(self._z, out))
        self._modes()
        self._couple()
        unmix()
        if noise is not None:
            noise(out)
        out.sigmoid_()

    def _switch(self, gate):
        rings = self.problem.rings
        profile = self.problem.drive * rings.tensor(gate)[:, None, None] + self.problem.rest
        rings.to_modes(profile, self._input)()


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
    network = _Network(problem, dt, n_steps, centred=False)
    f = torch.empty_like(network.y)
    parts = [(y, g, dt / tau) for y, g, tau in zip(network.y, f, problem.tau, strict=True)]
    for step in range(n_steps):
        network.evaluate(step, f, noise)
        for y, rates, weight in parts:
            y.lerp_(rates, weight)
        if watch is not None:
            watch(step + 1, network.y)
    return network.y


def exponential(problem, dt, n_steps, *, noise=None, watch=None):
    """The state after `n_steps` steps of an exponential predictor–corrector, from silence.

    The decay −y/τ is solved exactly; over a step F is the line through its last two values
    (prediction), then the parabola through these and its value at the prediction (correction): the exponential
    Adams methods (Cox & Matthews 2002, J Comput Phys 176:430–455). Of third order while the
    inputs are constant and of second across their onsets, where a trial starts without history
    (ETD2RK). Arguments as in `euler`; noise per step has no limit as dt falls, so it is refused.
    """
    if noise is not None:
        raise ValueError("integrator='exponential' has no noise: noise per step depends on dt; use integrator='euler'")
    network = _Network(problem, dt, n_steps, centred=True)
    f, old, g = (torch.zeros_like(network.y) for _ in range(3))
    weights = [exponential_weights(dt, tau) for tau in problem.tau]
    history = _histories(network, n_steps)
    for step in range(n_steps):
        keep = history.get(step, 1.0)  # 0 for trials whose input changes next to this step
        network.evaluate(step, f)
        torch.sub(f, old, out=old)
        if step in history:
            old.mul_(keep)
        for y, now, rise, (all_of, slope, _) in zip(network.y, f, old, weights, strict=True):
            y.lerp_(now, all_of)
            _add(y, rise, slope)
        network.evaluate(step + 1, g)
        g.sub_(f).sub_(old)
        for y, rest, (_, slope, bend) in zip(network.y, g, weights, strict=True):
            _add(y, rest, slope + (bend - slope) * keep)
        f, old = old, f
        if watch is not None:
            watch(step + 1, network.y)
    return network.y


def _add(y, change, weight):
    return y.addcmul_(change, weight) if torch.is_tensor(weight) else y.add_(change, alpha=weight)


def _histories(network, n_steps):
    """Per step next to a change of input, 1 for each trial whose input stays and 0 for the others, (n_trials,)."""
    rings, stays = network.problem.rings, {0: np.zeros(network.gates.shape[-1])}
    for start, before, after in zip(network.starts[1:], network.gates[:-1], network.gates[1:], strict=True):
        same = (before == after).all(0)
        for step in (start - 1, start):
            stays[int(step)] = stays.get(int(step), 1.0) * same
    return {step: rings.tensor(value) for step, value in stays.items() if step < n_steps}


def exponential_weights(dt, tau):
    """Weights of the exponential Adams methods for one ring.

    With w_k = x ∫₀¹ e^{−x(1−s)} s^k ds and x = dt/τ: w₀ of the present F, w₁ of its rise over the last step,
    (w₁ + w₂)/2 of what the corrector adds to the predicted rise.

    Parameters
    ----------
    tau : float or tensor, shape (n_trials,)

    Returns
    -------
    tuple of three, each as `tau`
    """
    x = dt / np.asarray(tau.double().cpu() if torch.is_tensor(tau) else tau, float)
    place, weight = np.polynomial.legendre.leggauss(12)  # exact to rounding for x < 2; the closed forms cancel
    s = (place + 1) / 2
    w = [x * (0.5 * weight * np.exp(-x[..., None] * (1 - s)) * s**k).sum(-1) for k in range(3)]
    weights = (w[0], w[1], (w[1] + w[2]) / 2)
    if torch.is_tensor(tau):
        return tuple(torch.as_tensor(v, dtype=tau.dtype, device=tau.device) for v in weights)
    return tuple(float(v) for v in weights)


INTEGRATORS: dict[str, Callable] = {"euler": euler, "exponential": exponential}
