"""Many trials as blocks of one brian2 network, built once and run block after block; no compiler needed."""

import contextlib
import gc

import numpy as np

from neuromm.observers.spiking.circuit import Spikes
from neuromm.observers.spiking.poisson import PoissonInput
from neuromm.observers.spiking.settings import own_settings, require_brian2


def run_stacked(circuit, drive, seed, *, target="numpy", block=16):
    """Yield (rows, Spikes) block after block of one network; see `circuit.simulate`."""
    n_blocks = -(-drive.n_trials // block)
    size = -(-drive.n_trials // n_blocks)
    with young_heap():
        network = StackedNetwork(circuit, size, target)
        try:
            for start in range(0, drive.n_trials, size):
                rows = slice(start, min(start + size, drive.n_trials))
                yield rows, network.run(drive.rows(rows), seed, start)
        finally:
            network.free()


class StackedNetwork:
    """`n_blocks` copies of a circuit side by side as one group, with one set of synapses per receptor."""

    def __init__(self, circuit, n_blocks, target="numpy"):
        brian2 = require_brian2()
        self.circuit, self.n_blocks, self.target = circuit, n_blocks, target
        self._inputs, self._counts, self._step = None, None, 0
        with own_settings(target):
            self._build(brian2, circuit, n_blocks)

    def _build(self, brian2, circuit, n_blocks):
        self._clock = brian2.Clock(circuit.dt * brian2.ms, name="stacked_clock")
        shared = {"clock": self._clock}
        self._cells = brian2.NeuronGroup(
            circuit.n_cells * n_blocks, circuit.equations, threshold=circuit.threshold, reset=circuit.reset,
            refractory=circuit.refractory * brian2.ms, method="euler", name="cells", namespace={"ms": brian2.ms},
            **shared,
        )  # fmt: skip
        self._network = brian2.Network(self._cells, name="stacked_network")
        for projection in circuit.projections:
            self._network.add(self._connect(brian2, projection))
        self._spikes = brian2.SpikeMonitor(self._cells, name="spikes")
        drive = brian2.NetworkOperation(self._add_inputs, when="start", name="inputs", **shared)
        self._network.add(self._spikes, drive)
        self._network.store("fresh")

    def _connect(self, brian2, projection):
        synapses = brian2.Synapses(
            self._cells, self._cells, "w : 1", on_pre=f"{projection.variable}_post += w",
            name=f"synapses_{projection.variable}", clock=self._clock, namespace={},
        )  # fmt: skip
        offset = np.arange(self.n_blocks)[:, None] * self.circuit.n_cells
        synapses.connect(i=(projection.source + offset).ravel(), j=(projection.target + offset).ravel())
        synapses.w.set_item(slice(None), np.tile(projection.weight, self.n_blocks))
        return synapses

    def _add_inputs(self):
        within = self._step % self._inputs.per_chunk
        if not within:
            self._counts = self.circuit.input_weight * self._inputs.chunk(self._step // self._inputs.per_chunk)
        conductance = self._cells.variables[self.circuit.input_variable].get_value()
        conductance = conductance.reshape(self.n_blocks, self.circuit.n_cells)
        conductance[: self._inputs.n_trials, : self.circuit.n_inputs] += self._counts[within]
        self._step += 1

    def run(self, drive, seed, first):
        """Spikes of at most `n_blocks` trials, the first of which is number `first` of its batch."""
        brian2, circuit = require_brian2(), self.circuit
        self._inputs, self._step = PoissonInput(drive, seed, first, circuit.dt), 0
        with own_settings(self.target):
            self._network.restore("fresh")
            for variable, value in circuit.initial.items():
                self._cells.variables[variable].set_value(value)
            self._network.run(drive.duration * brian2.ms, namespace={})
            cell, time = np.asarray(self._spikes.i), np.asarray(self._spikes.t / brian2.ms)
        trial = cell // circuit.n_cells
        real = trial < drive.n_trials
        about = {"target": self.target}
        return Spikes(
            trial[real],
            time[real],
            cell[real] % circuit.n_cells,
            drive.n_trials,
            circuit.n_cells,
            drive.duration,
            about,
        )

    def free(self):
        """Drop the network, so that the next one neither meets its names nor its memory."""
        self._network = self._cells = self._spikes = self._inputs = self._clock = None
        gc.collect()


@contextlib.contextmanager
def young_heap():
    """Set what is alive aside, so that collecting the cycles of a network does not walk through every imported module.

    Half of the cost of a small network was that walk: brian2 collects at each run. Within another such scope, or in a
    program that froze its heap itself, nothing is done.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
