"""Rings whose inputs pass second-order synapses and whose connections are delayed, stepped for a batch.

    d²o/dt² = (G/τ) · input − (2/τ) do/dt − o/τ²,   τ_y dy/dt = −y + F(L y + o)

The input of a ring is a train of pulses plus weighted activity of other rings Δ ms ago. The synapse is two
equal leaky integrators in a row, τ da/dt = −a + G τ · input and τ do/dt = −o + a (the same Euler steps,
too). It is linear, so a, o and the delayed activity are kept as modes of the folded rings and never
unfolded. Delayed activity is kept every `HISTORY` ms and read through cubics: their error is below 1e-6.
"""

from dataclasses import dataclass

import numpy as np
import torch

from neuromm.observers.rate.integrate import exponential_weights

HISTORY = 0.1  # ms, between kept samples of delayed activity


@dataclass(frozen=True)
class Delayed:
    """Weights that act after a delay: rings as in `Rings`, of which only the connections between rings are used."""

    rings: object  # Rings
    delay: float  # ms


@dataclass(frozen=True)
class FilteredProblem:
    """What is integrated. Weights, drive and rest are multiplied by the slope of F beforehand."""

    rings: object  # Rings: the lateral, undelayed weights
    delayed: tuple  # of Delayed, weights multiplied by G
    drive: torch.Tensor  # (n_rings, n_folds, n_cells/n_folds, n_trials): slope × G × strength of a pulse
    onsets: list  # per ring, array (n_trials, n_pulses), ms; infinite where there is no further pulse
    lengths: list  # per ring, array (n_trials,), ms, duration of each pulse
    rest: float  # −slope × threshold
    tau: list  # per ring, ms, of the synapse: a float or a float64 tensor (n_trials,)
    tau_cell: float  # ms
    stretch: tuple = ()  # per ring, what multiplies its delayed input, None or (n_trials,), if tau differs by trial


def pulse_gate(onsets, lengths, dt, n_steps, centred):
    """How far a train of pulses is on at each step, (n_steps + 1, n_trials); see `integrate.gate_times`."""
    gate = np.zeros((n_steps + 1, len(onsets)))
    step = np.arange(n_steps + 1)[:, None]
    for onset in onsets.T:
        on, off = onset / dt, (onset + lengths) / dt
        if centred:
            gate += np.clip(np.minimum(off, step + 0.5) - np.maximum(on, step - 0.5), 0.0, 1.0)
        else:
            gate += (np.round(on) <= step) & (step < np.round(off))
    return np.minimum(gate, 1.0)


def cubic_weights(where):
    """Weights of samples at −1 … 3 for the value at `where` in [0, 2), by the cubic through the nearest four.

    Returns
    -------
    array, shape (n_places, 5)
    """
    weights = np.zeros((len(where), 5))
    for row, place in enumerate(where):
        first = min(int(place), 1)  # of the four samples, counted from −1
        nodes = np.arange(first - 1, first + 3)
        for node in nodes:
            others = nodes[nodes != node]
            weights[row, node + 1] = np.prod((place - others) / (node - others))
    return weights


class _History:
    """Weighted activity of one delay as modes, kept every `stride` steps and read `delay` later."""

    def __init__(self, delayed, modes, dt, stride, lead):
        shift = lead - delayed.delay / dt  # steps from now to the activity that arrives now
        self.base = int(np.floor(shift / stride))
        weights = cubic_weights((shift + np.arange(stride)) / stride - self.base)
        self.weights = torch.as_tensor(weights, device=modes.device)  # (stride, 5)
        self.length = 3 - self.base
        self.kept = torch.zeros((self.length, *modes.shape), dtype=torch.float64, device=modes.device)
        self.now = torch.empty_like(modes)
        self.couple = delayed.rings.couple(torch.zeros_like(modes), modes, self.now)

    def keep(self, chunk):
        """Keep the present activity, that of the start of `chunk`."""
        self.couple()
        self.kept[chunk % self.length].copy_(self.now)

    def arriving(self, chunk, out):
        """Add what arrives in the steps of `chunk` to `out`, (stride, ...)."""
        rows = [(chunk + self.base + k) % self.length for k in range(-1, 4)]
        out.view(len(out), -1).addmm_(self.weights, self.kept[rows].view(5, -1))


class _Inputs:
    """What enters the synapses at each step, as modes in float64: rest, pulses, and delayed activity.

    The synapses are kept in float64 throughout: thousands of small steps of large numbers lose digits otherwise.
    """

    def __init__(self, problem, modes, dt, n_steps, stride, lead, centred):
        rings, self.stride, self.noise = problem.rings, stride, None
        rest, drive = torch.empty_like(modes), torch.empty_like(modes)
        rings.to_modes(torch.full_like(modes, problem.rest), rest)()
        rings.to_modes(problem.drive, drive)()
        self.rest, self.drive = rest.double(), drive.double()
        gates = [pulse_gate(o, n, dt, n_steps, centred) for o, n in zip(problem.onsets, problem.lengths, strict=True)]
        self.on = [set(np.flatnonzero(gate.any(1)).tolist()) for gate in gates]
        self.gates = [torch.as_tensor(gate, device=modes.device) for gate in gates]
        self.stretch = [(ring, factor) for ring, factor in enumerate(problem.stretch) if factor is not None]
        self.histories = [_History(d, modes, dt, stride, lead) for d in problem.delayed]
        self.chunk = torch.empty((stride, *modes.shape), dtype=torch.float64, device=modes.device)

    def keep(self, step):
        """Keep the present activity, that of the start of `step`, for when it arrives."""
        if step % self.stride == 0:
            for history in self.histories:
                history.keep(step // self.stride)

    def at(self, step):
        """The inputs of `step`; steps are asked for in order."""
        place = step % self.stride
        if place == 0:
            self.chunk.zero_()
            for history in self.histories:
                history.arriving(step // self.stride, self.chunk)
            for ring, factor in self.stretch:
                self.chunk[:, ring].mul_(factor)
            self.chunk.add_(self.rest)
        inputs = self.chunk[place]
        for ring, steps in enumerate(self.on):
            if step in steps:
                inputs[ring].addcmul_(self.drive[ring], self.gates[ring][step])
        return inputs


class _Cells:
    """y, its modes, and F of the lateral input plus o, on buffers that the loop reuses."""

    def __init__(self, rings, n_trials):
        self.y = rings.empty(n_trials).zero_()
        self.modes, self.o, z = (torch.zeros_like(self.y) for _ in range(3))
        self.to_modes = rings.to_modes(self.y, self.modes)
        self._couple = rings.couple(self.o, self.modes, z)
        self._z, self._unmix, self._rings = z, {}, rings

    def evaluate(self, o, out):
        """Write F at the present y and the synapses' `o` to `out`."""
        self.o.copy_(o)
        unmix = self._unmix.get(id(out)) or self._unmix.setdefault(id(out), self._rings.from_modes(self._z, out))
        self._couple()
        unmix()
        out.sigmoid_()


def euler_filtered(problem, dt, n_steps, *, noise=None, watch=None):
    """The state y after `n_steps` Euler steps from silence.

    Each step moves o and a by the inputs at its start, then y by the new o. Activity arriving at step i is that
    after step i − Δ/dt.

    Parameters
    ----------
    problem : FilteredProblem
    dt : float
        ms.
    noise : callable, optional
        Called as noise(modes) once per step: adds to the inputs, as modes, in place.
    watch : callable, optional
        Called as watch(step, y) after each step, step counting from 1.
    """
    cells = _Cells(problem.rings, problem.drive.shape[-1])
    inputs = _Inputs(problem, cells.modes, dt, n_steps, _stride(problem, dt), lead=1, centred=False)
    a, all_o = inputs.rest.clone(), inputs.rest.clone()
    f = torch.empty_like(cells.y)
    parts = [(o, b, dt / tau) for o, b, tau in zip(all_o, a, problem.tau, strict=True)]
    for step in range(n_steps):
        inputs.keep(step)
        entering = inputs.at(step)
        if noise is not None:
            noise(entering)
        for (o, b, weight), enters in zip(parts, entering, strict=True):
            o.lerp_(b, weight)
            b.lerp_(enters, weight)
        cells.evaluate(all_o, f)
        cells.y.lerp_(f, dt / problem.tau_cell)
        cells.to_modes()
        if watch is not None:
            watch(step + 1, cells.y)
    return cells.y


def exponential_filtered(problem, dt, n_steps, *, noise=None, watch=None):
    """The state y after `n_steps` steps of the exponential predictor–corrector of `integrate.exponential`.

    The synapses are solved exactly for inputs that are linear over the step. Arguments as in `euler_filtered`;
    noise is refused.
    """
    if noise is not None:
        raise ValueError("integrator='exponential' has no noise: noise per step depends on dt; use integrator='euler'")
    cells = _Cells(problem.rings, problem.drive.shape[-1])
    inputs = _Inputs(problem, cells.modes, dt, n_steps, 1, lead=0, centred=True)
    a, all_o = inputs.rest.clone(), inputs.rest.clone()
    f, old, g = (torch.zeros_like(cells.y) for _ in range(3))
    all_of, slope, bend = exponential_weights(dt, problem.tau_cell)
    synapses = [synapse_weights(dt, tau) for tau in problem.tau]
    before = inputs.at(0).clone()
    for step in range(n_steps):
        inputs.keep(step)
        cells.evaluate(all_o, f)
        torch.sub(f, old, out=old)
        if step == 0:
            old.zero_()
        cells.y.lerp_(f, all_of).add_(old, alpha=slope)
        now = inputs.at(step + 1) if step + 1 < n_steps else before
        for o, b, first, last, (stay, pass_on, a_first, a_last, o_first, o_last) in zip(
            all_o, a, before, now, synapses, strict=True
        ):
            _mix(o, stay, (b, pass_on), (first, o_first), (last, o_last))
            _mix(b, stay, (first, a_first), (last, a_last))
        before.copy_(now)
        cells.to_modes()
        cells.evaluate(all_o, g)
        g.sub_(f).sub_(old)
        cells.y.add_(g, alpha=bend if step else slope)
        cells.to_modes()
        f, old = old, f
        if watch is not None:
            watch(step + 1, cells.y)
    return cells.y


def _mix(target, factor, *terms):
    target.mul_(factor)
    for tensor, weight in terms:
        target.addcmul_(tensor, weight) if torch.is_tensor(weight) else target.add_(tensor, alpha=weight)


def synapse_weights(dt, tau):
    """Weights of one step of the two leaky integrators for an input linear over the step.

    Returns
    -------
    tuple
        e^{−x}; x e^{−x} (a to o); input at the start and at the end to a; the same to o. x = dt/τ.
    """
    x = dt / np.asarray(tau.double().cpu() if torch.is_tensor(tau) else tau, float)
    place, weight = np.polynomial.legendre.leggauss(12)
    s, weight = (place + 1) / 2, weight / 2
    fall = np.exp(-x[..., None] * (1 - s))
    to_a, to_o = x[..., None] * fall, x[..., None] ** 2 * (1 - s) * fall
    both = [(k * (1 - s) * weight).sum(-1) for k in (to_a, to_o)], [(k * s * weight).sum(-1) for k in (to_a, to_o)]
    weights = (np.exp(-x), x * np.exp(-x), both[0][0], both[1][0], both[0][1], both[1][1])
    if torch.is_tensor(tau):
        return tuple(torch.as_tensor(w, dtype=tau.dtype, device=tau.device) for w in weights)
    return tuple(float(w) for w in weights)


def _stride(problem, dt):
    """Steps between kept samples: `HISTORY` ms, less where a delay is shorter than a few of them."""
    stride = max(1, round(HISTORY / dt))
    for delayed in problem.delayed:
        stride = min(stride, max(1, int(delayed.delay / dt / 5)))
    return stride


FILTERED = {"euler": euler_filtered, "exponential": exponential_filtered}
