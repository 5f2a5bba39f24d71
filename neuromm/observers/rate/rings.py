"""Rings of rate cells coupled by symmetric weights, a whole batch of trials at once.

Weights that depend on ring distance alone commute with the reflections and the half turn of the
ring. Folded by these, an n × n connection becomes four (n/4) × (n/4) blocks, and two rings that treat
each other alike (auditory and visual) part into their sum and their difference: in all an eighth of
the multiplications, with the same result up to rounding. Cells are kept in folded order throughout.
"""

import numpy as np
import torch

from neuromm.maths.ring import ring_distance

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Rings:
    """Several rings of `n_cells` and the weights among them; applies the weights to a batch.

    Parameters
    ----------
    kernels : dict of (to, from) → array, shape (n_cells,)
        Weight by cell offset, symmetric round the ring, per connected pair of rings.
    n_rings : int
        If ring 1 has the weights of ring 0 with the two swapped, they are solved as sum and difference.
    n_cells : int
    dtype, device : of torch

    Notes
    -----
    A state has the shape (n_rings, n_folds, n_cells/n_folds, n_trials); `fold` and `unfold` convert.
    Modes are the sums and differences in which the weights are block diagonal.
    """

    def __init__(self, kernels, n_rings, n_cells, *, dtype=torch.float64, device="cpu"):
        self.n_rings, self.n_cells, self.dtype, self.device = n_rings, n_cells, dtype, device
        self.cells, signs = _folds(n_cells)
        self.n_folds = len(self.cells)
        for (to, source), kernel in kernels.items():
            if not np.allclose(kernel, np.roll(np.asarray(kernel)[::-1], 1), atol=1e-12):
                raise ValueError(f"the weights from ring {source} to ring {to} differ between left and right")
        weights, mix = _mix_twins(kernels, n_rings, n_cells)
        size = n_cells // self.n_folds
        blocks = np.zeros((n_rings, self.n_folds, size, size))
        self._across = []
        for (to, source), kernel in weights.items():
            block = _fold_kernel(kernel, self.cells, signs)  # (n_folds, size, size)
            if to == source:
                blocks[to] = block
            else:
                self._across.append((to, source, self.tensor(block)))
        self._within = self.tensor(blocks.reshape(-1, size, size))
        forward = [np.kron(mix[s, s], signs) for s in self._mixed(mix)]
        self._forward = [(s, self.tensor(m)) for s, m in zip(self._mixed(mix), forward, strict=True)]
        self._backward = [(s, self.tensor(np.linalg.inv(m))) for s, m in zip(self._mixed(mix), forward, strict=True)]

    @staticmethod
    def _mixed(mix):
        """Slices of rings that share modes."""
        n = len(mix)
        if n > 1 and mix[0, 1]:
            return [slice(0, 2)] + [slice(k, k + 1) for k in range(2, n)]
        return [slice(k, k + 1) for k in range(n)]

    def tensor(self, array):
        """An array as a tensor of these rings' dtype and device."""
        return torch.as_tensor(np.ascontiguousarray(array), dtype=self.dtype, device=self.device)

    def empty(self, n_trials):
        """A state without values, (n_rings, n_folds, n_cells/n_folds, n_trials)."""
        shape = (self.n_rings, self.n_folds, self.n_cells // self.n_folds, n_trials)
        return torch.empty(shape, dtype=self.dtype, device=self.device)

    def fold(self, profiles):
        """A state from an array of shape (n_rings, n_trials, n_cells)."""
        return self.tensor(np.moveaxis(np.asarray(profiles)[:, :, self.cells], 1, -1))

    def unfold(self, state):
        """Array of shape (n_trials, n_cells) from one ring's part of a state."""
        flat = state.reshape(self.n_cells, -1).T.cpu().numpy()
        profile = np.empty_like(flat)
        profile[:, self.cells.ravel()] = flat
        return profile

    def to_modes(self, state, out):
        """Sums and differences of a state, written to `out`."""
        return self._transform(self._forward, state, out)

    def from_modes(self, modes, out):
        """The state whose modes are given, written to `out`."""
        return self._transform(self._backward, modes, out)

    @staticmethod
    def _transform(matrices, source, out):
        for rings, matrix in matrices:
            rows = len(matrix)
            torch.mm(matrix, source[rings].view(rows, -1), out=out[rings].view(rows, -1))
        return out

    def couple(self, added, modes, out):
        """`added` + weights · activity, all as modes, written to `out` (one batched product)."""
        flat = (-1, *modes.shape[2:])
        torch.baddbmm(added.view(flat), self._within, modes.view(flat), out=out.view(flat))
        for to, source, block in self._across:
            out[to].baddbmm_(block, modes[source])
        return out


def _folds(n_cells):
    """Cells by fold, shape (n_folds, n_cells/n_folds), and the signs of the modes, (n_folds, n_folds).

    Folds: a quarter of the ring, its mirror image, its half turn, and both (a half and its mirror
    image if 4 does not divide the ring).
    """
    if n_cells % 4 == 0:
        cells = np.arange(n_cells // 4)
        folds = [cells, n_cells - 1 - cells, cells + n_cells // 2, n_cells // 2 - 1 - cells]
        return np.array(folds), np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], float)
    if n_cells % 2 == 0:
        cells = np.arange(n_cells // 2)
        return np.array([cells, n_cells - 1 - cells]), np.array([[1, 1], [1, -1]], float)
    return np.arange(n_cells)[None], np.ones((1, 1))


def _fold_kernel(kernel, cells, signs):
    """Blocks of a symmetric kernel in the folded modes: Σ_g χ(g) K(j, g k), (n_folds, size, size)."""
    parts = np.stack([kernel[(c[None] - cells[0][:, None]) % len(kernel)] for c in cells])
    return np.einsum("mg,gjk->mjk", signs, parts)


def _mix_twins(kernels, n_rings, n_cells):
    """Weights among the rings' sums and differences where rings 0 and 1 are twins, and the mixing matrix."""
    def weight(to, source):
        return np.asarray(kernels.get((to, source), np.zeros(n_cells)), float)

    twins = n_rings > 1 and np.array_equal(weight(0, 0), weight(1, 1)) and np.array_equal(weight(0, 1), weight(1, 0))
    crossed = twins and weight(0, 1).any()
    others = range(2, n_rings)
    alike = all(np.array_equal(weight(k, 0), weight(k, 1)) and np.array_equal(weight(0, k), weight(1, k)) for k in others)
    if not (crossed and alike):
        return {pair: np.asarray(k, float) for pair, k in kernels.items()}, np.eye(n_rings)
    mix = np.eye(n_rings)
    mix[:2, :2] = [[1, 1], [1, -1]]  # mode 0: sum, mode 1: difference
    mixed = {(0, 0): weight(0, 0) + weight(0, 1), (1, 1): weight(0, 0) - weight(0, 1)}
    for k in others:
        if weight(k, 0).any():
            mixed[k, 0] = weight(k, 0)
        if weight(0, k).any():
            mixed[0, k] = 2 * weight(0, k)
    mixed |= {(j, k): weight(j, k) for j in others for k in others if weight(j, k).any()}
    return mixed, mix
