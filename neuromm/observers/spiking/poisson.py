"""Poisson input for a stacked network: each trial's events from its own generator, in constant time per event."""

import numpy as np

from neuromm.observers.spiking.circuit import GATE

CHUNK = 5.0  # ms whose counts are dense at once


class PoissonInput:
    """Counts of input events per step, trial and cell.

    A part of the drive is separable, profile × gate; so its events are a Poisson number per ms, each at a
    step drawn evenly and a cell drawn from the profile.
    """

    def __init__(self, drive, seed, first, dt):
        self.per_chunk = round(CHUNK / dt)
        self.n_trials, _, self.n_cells = drive.profiles.shape
        n_ms = drive.gates.shape[-1]
        self.n_chunks = int(np.ceil(n_ms * GATE / CHUNK - 1e-9))
        found = [
            _events(drive.profiles[i], drive.gates[i], dt, np.random.default_rng([seed, first + i]))
            for i in range(self.n_trials)
        ]
        trial = np.repeat(np.arange(self.n_trials), [len(step) for step, _ in found])
        step, cell = np.concatenate([s for s, _ in found]), np.concatenate([c for _, c in found])
        chunk = step // self.per_chunk
        order = np.argsort(chunk.astype(np.int16), kind="stable")
        flat = ((step % self.per_chunk) * self.n_trials + trial) * self.n_cells + cell
        self._flat = flat[order]
        self._ends = np.searchsorted(chunk[order], np.arange(self.n_chunks + 1))

    def chunk(self, number):
        """Counts of one chunk, shape (n_steps, n_trials, n_cells)."""
        shape = (self.per_chunk, self.n_trials, self.n_cells)
        flat = self._flat[self._ends[number] : self._ends[number + 1]]
        return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def _events(profiles, gates, dt, generator):
    """Step and cell of every input event of one trial."""
    steps, cells = [], []
    per_gate = round(GATE / dt)
    for profile, gate in zip(profiles, gates, strict=True):
        total = profile.sum()
        numbers = generator.poisson(total * gate * GATE / 1000.0)
        n = int(numbers.sum())
        if not n:
            continue
        when = np.repeat(np.arange(len(gate)) * per_gate, numbers)
        steps.append(when + generator.integers(per_gate, size=n))
        edges = np.cumsum(profile) / total
        cells.append(np.minimum(np.searchsorted(edges, generator.random(n), side="right"), len(profile) - 1))
    if not steps:
        return np.zeros(0, int), np.zeros(0, int)
    return np.concatenate(steps), np.concatenate(cells)
