"""Recording a network as it runs: only what is asked for, thinned in time, within a stated memory."""

import dataclasses

import numpy as np
import xarray as xr

from neuromm.observers.protocol import collect, wanted


class Recorder:
    """Keeps the asked layers of a run of several batches.

    Parameters
    ----------
    layers : names, patterns or Records
    available : tuple of str
        The layers: first one per ring of the network, in their order, then those that are not recorded here.
    rings : Rings
    n_runs, n_steps : int
    dt : float
        ms.
    """

    def __init__(self, layers, available, rings, n_runs, n_steps, dt):
        self.rings, self.dt, self.n_steps, self.rows = rings, dt, n_steps, slice(0)
        self.last = np.empty((rings.n_rings, n_runs, rings.n_cells))
        self._series, self._sums = {}, {}
        for ring, stride in strides(layers, available, dt, n_steps).items():
            if stride and ring < rings.n_rings:
                self._series[ring] = (stride, np.empty((n_runs, n_steps // stride, rings.n_cells), np.float32))
        for record in wanted(layers, list(available)):
            if record.time == "mean" and available.index(record.layer) < rings.n_rings:
                self._sums[available.index(record.layer)] = np.zeros((n_runs, rings.n_cells))

    @property
    def watch(self):
        """The function to call after each step, or None if the last sample is enough."""
        return self._watch if self._series or self._sums else None

    def _watch(self, step, state):
        for ring, (stride, kept) in self._series.items():
            if step % stride == 0:
                kept[self.rows, step // stride - 1] = self.rings.unfold(state[ring])
        for ring, total in self._sums.items():
            total[self.rows] += self.rings.unfold(state[ring])

    def finish(self, state):
        """Keep the last sample of the batch in `rows`."""
        for ring in range(len(self.last)):
            self.last[ring, self.rows] = self.rings.unfold(state[ring])

    def layers(self, layers, available, of_trial, trials, name, more=None):
        """The recorded layers as labelled arrays of `trials`, trial i being run `of_trial[i]`.

        `more` holds the layers that are not rings, arrays of shape (n_trials, n_units) that have no time.
        """
        recorded = {}
        for record in wanted(layers, list(available), name):
            ring = available.index(record.layer)
            if record.layer in (more or {}):
                values, record = more[record.layer], dataclasses.replace(record, time="last")
            elif record.time == "all":
                stride, kept = self._series[ring]
                time = np.arange(1, kept.shape[1] + 1) * stride * self.dt  # ms, of the end of the step
                values = xr.DataArray(kept[of_trial], dims=("trial", "time", "unit"), coords={"time": time})
            elif record.time == "mean":
                values = self._sums[ring][of_trial] / self.n_steps
            else:
                values = self.last[ring, of_trial]
            recorded |= collect([dataclasses.replace(record, every=None)], {record.layer: values}, trials, name)
        return recorded


def strides(layers, available, dt, n_steps):
    """Steps between the samples kept of each ring that is recorded in time; 0 where it is not."""
    found = dict.fromkeys(range(len(available)), 0)
    for record in wanted(layers, list(available)):
        if record.every is not None and not record.every > 0:
            raise ValueError(f"layer '{record.layer}': every is {record.every} ms; a positive time is wanted")
        if record.time == "all":
            found[available.index(record.layer)] = min(n_steps, max(1, round((record.every or dt) / dt)))
    return found


def check_memory(layers, available, n_cells, n_runs, n_trials, n_steps, dt, limit, name, trace_bytes=0):
    """Refuse a run whose results would not fit, before anything is allocated; `trace_bytes` are kept per run and step.

    Raises
    ------
    ValueError
        With the estimate, the limit (GB) and what would make it fit.
    """
    samples = sum(n_steps // stride for stride in strides(layers, available, dt, n_steps).values() if stride)
    series = 4.0 * n_cells * samples * (n_runs + 2 * n_trials)
    series += trace_bytes * n_runs * n_steps
    last = 8.0 * n_cells * len(available) * (n_runs + 2 * n_trials)
    if (series + last) / 1e9 > limit:
        fit = (
            "record fewer layers or samples (Record(..., every=1.0) keeps one per ms)"
            if series > last
            else "fewer trials"
        )
        raise ValueError(
            f"{name}: this run needs about {(series + last) / 1e9:.1f} GB for {n_trials} trials, more than "
            f"max_memory={limit:g} GB; {fit}, present the table in parts, or raise max_memory"
        )
