"""Rings with any weights, for the integrators of `integrate`: what plasticity leaves is no longer symmetric."""

import numpy as np
import torch

from neuromm.observers.rate.rings import Rings


class DenseRings(Rings):
    """Several rings and a full matrix of weights among them, with the interface of `Rings`.

    Parameters
    ----------
    weights : array, shape (n_rings, n_cells, n_rings, n_cells)
        To ring and cell, from ring and cell.
    dtype, device : of torch
    """

    def __init__(self, weights, *, dtype=torch.float64, device="cpu"):
        self.n_rings, self.n_cells = np.shape(weights)[:2]
        self.dtype, self.device = dtype, device
        self.cells, self.n_folds = np.arange(self.n_cells)[None], 1
        self._weights = self.tensor(np.reshape(weights, (self.n_rings * self.n_cells, -1)))

    def to_modes(self, state, out):
        """A function that copies `state` to `out`: there are no other modes than the cells."""
        return lambda: out.copy_(state)

    from_modes = to_modes

    def couple(self, added, modes, out, scales=()):
        """A function that writes `added` + weights · activity to `out`."""
        flat = (self.n_rings * self.n_cells, -1)
        added, modes, out = added.view(flat), modes.view(flat), out.view(flat)
        return lambda: torch.addmm(added, self._weights, modes, out=out)
