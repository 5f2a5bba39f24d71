"""Recording a network as it runs: only what is asked for, thinned in time, within a stated memory."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr

from neuromm.core.messages import must_be
from neuromm.observers.cues import Stimuli
from neuromm.observers.protocol import Record
from neuromm.observers.rate.rings import Rings


class Recorder:
    """Keeps what is to be recorded of a run of several batches.

    Parameters
    ----------
    records : sequence of Record
    available : tuple of str
        The layers: first one per ring of the network, in their order, then those that are not recorded here.
    rings : Rings
    n_runs, n_steps : int
    dt : float
        ms.
    """

    def __init__(self, records: Sequence[Record], available: tuple[str, ...], rings: Rings, n_runs: int,
                 n_steps: int, dt: float):  # fmt: skip
        self.available, self.rings, self.dt, self.n_steps = available, rings, dt, n_steps
        self.rows = slice(0)
        self.last = np.empty((rings.n_rings, n_runs, rings.n_cells))
        self._series, self._sums = {}, {}
        for ring, stride in strides(records, available, dt, n_steps).items():
            if stride and ring < rings.n_rings:
                kept = np.empty((n_runs, n_steps // stride, rings.n_cells), np.float32)
                self._series[ring] = (stride, kept)
        for record in records:
            ring = available.index(record.layer)
            if record.time == "mean" and ring < rings.n_rings:
                self._sums[ring] = np.zeros((n_runs, rings.n_cells))

    @property
    def watch(self) -> Callable | None:
        """The function to call after each step, or None if the last sample is enough."""
        return self._watch if self._series or self._sums else None

    def _watch(self, step, state):
        for ring, (stride, kept) in self._series.items():
            if step % stride == 0:
                kept[self.rows, step // stride - 1] = self.rings.unfold(state[ring])
        for ring, total in self._sums.items():
            total[self.rows] += self.rings.unfold(state[ring])

    def finish(self, state: torch.Tensor) -> None:
        """Keep the last sample of the batch in `rows`."""
        for ring in range(len(self.last)):
            self.last[ring, self.rows] = self.rings.unfold(state[ring])

    def layers(self, run: np.ndarray) -> dict[str, Callable]:
        """The rings as `Percepts` takes layers, presentation i being run `run[i]`."""
        names = self.available[: self.rings.n_rings]
        return {name: functools.partial(self._values, ring, run) for ring, name in enumerate(names)}

    def _values(self, ring, run, record):
        if record.time == "all":
            stride, kept = self._series[ring]
            time = np.arange(1, kept.shape[1] + 1) * stride * self.dt  # ms, of the end of the step
            return xr.DataArray(kept[run], dims=("trial", "time", "unit"), coords={"time": time})
        if record.time == "mean":
            return self._sums[ring][run] / self.n_steps
        return self.last[ring, run]


def strides(records: Sequence[Record], available: tuple[str, ...], dt: float, n_steps: int) -> dict[int, int]:
    """Steps between the samples kept of each ring that is recorded in time; 0 where it is not."""
    steps = dict.fromkeys(range(len(available)), 0)
    for record in records:
        if record.every is not None and not record.every > 0:
            raise must_be(f"layer '{record.layer}'", "every", "a positive time in ms", record.every)
        if record.time == "all":
            steps[available.index(record.layer)] = min(n_steps, max(1, round((record.every or dt) / dt)))
    return steps


def check_memory(observer, stimuli: Stimuli, n_runs: int, n_steps: int, dt: float, *, n_sets: int = 1,
                 trace_bytes: int = 0) -> None:  # fmt: skip
    """Refuse a run whose results would not fit into `max_memory`, before anything is allocated.

    Parameters
    ----------
    observer : with `layers`, `n_cells`, `max_memory`
    stimuli : Stimuli
    n_runs, n_steps : int
    dt : float
        ms.
    n_sets : int
        Parameter sets that are run together.
    trace_bytes : int
        What else is kept per run and step.

    Raises
    ------
    ValueError
        With the estimate, the limit (GB) and what would make it fit.
    """
    n_trials = n_sets * len(stimuli.trials)
    kept = strides(stimuli.records, observer.layers, dt, n_steps).values()
    samples = sum(n_steps // stride for stride in kept if stride)
    copies = n_runs + 2 * n_trials
    series = 4.0 * observer.n_cells * samples * copies + trace_bytes * n_runs * n_steps
    last = 8.0 * observer.n_cells * len(observer.layers) * copies
    needed = (series + last) / 1e9
    if needed > observer.max_memory:
        fit = "fewer trials"
        if series > last:
            fit = "record fewer layers or samples (Record(..., every=1.0) keeps one per ms)"
        raise ValueError(
            f"{observer.name}: this run needs about {needed:.1f} GB for {n_trials} trials, more than "
            f"max_memory={observer.max_memory:g} GB; {fit}, present the table in parts, or raise max_memory"
        )
