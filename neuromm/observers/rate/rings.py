"""Rings of rate cells coupled by symmetric weights, a whole batch of trials at once.

Weights that depend on ring distance alone commute with the reflections and the half turn of the
ring. Folded by these, an n × n connection becomes four (n/4) × (n/4) blocks, and two rings that treat
each other alike (auditory and visual) part into their sum and their difference: in all an eighth of
the multiplications, with the same result up to rounding. Cells are kept in folded order throughout.
"""

import numpy as np
import torch

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
    scaled : tuple of such dicts
        Weights that a factor of each trial multiplies, see `couple`.
    sum_and_difference : bool
        Whether sum and difference may be used; with False modes are comparable between different weights.
    dtype, device : of torch

    Notes
    -----
    A state has the shape (n_rings, n_folds, n_cells/n_folds, n_trials); `fold` and `unfold` convert.
    Modes are the sums and differences in which the weights are block diagonal.
    """

    def __init__(self, kernels, n_rings, n_cells, *, scaled=(), sum_and_difference=True, dtype=torch.float64,
                 device="cpu"):  # fmt: skip
        self.n_rings, self.n_cells, self.dtype, self.device = n_rings, n_cells, dtype, device
        self.cells, self._signs = _folds(n_cells)
        self.n_folds, size = len(self.cells), n_cells // len(self.cells)
        weights = [_table(k, n_rings, n_cells) for k in (kernels, *scaled)]
        mix = _mixing(weights) if sum_and_difference else np.eye(n_rings)
        fixed, *more = (self._blocks(w, mix) for w in weights)
        within = np.zeros((n_rings, self.n_folds, size, size))
        for (to, source), block in fixed.items():
            if to == source:
                within[to] = block
        self._within = self.tensor(within.reshape(-1, size, size)) if within.any() else None
        self._across = [(to, source, self.tensor(b)) for (to, source), b in fixed.items() if to != source]
        self._scaled = [[(to, source, self.tensor(b)) for (to, source), b in blocks.items()] for blocks in more]
        shared = self._mixed(mix)
        forward = [np.kron(mix[s, s], self._signs) for s in shared]
        self._forward = [(s, self.tensor(m)) for s, m in zip(shared, forward, strict=True)]
        self._backward = [(s, self.tensor(np.linalg.inv(m))) for s, m in zip(shared, forward, strict=True)]

    def _blocks(self, weights, mix):
        """The non-zero weights among the mixed rings, folded: (to, source) → (n_folds, size, size)."""
        mixed = np.einsum("ia,abn,bj->ijn", mix, weights, np.linalg.inv(mix))
        pairs = np.argwhere(np.abs(mixed).max(-1) > 0)
        return {(to, source): _fold_kernel(mixed[to, source], self.cells, self._signs) for to, source in pairs.tolist()}

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
        """A function that writes the modes of `state` to `out`, for a loop that reuses both."""
        return self._transform(self._forward, state, out)

    def from_modes(self, modes, out):
        """A function that writes to `out` the state whose modes are in `modes`."""
        return self._transform(self._backward, modes, out)

    @staticmethod
    def _transform(matrices, source, out):
        views = [(m, source[s].view(len(m), -1), out[s].view(len(m), -1)) for s, m in matrices]

        def transform():
            for matrix, these, those in views:
                torch.mm(matrix, these, out=those)

        return transform

    def couple(self, added, modes, out, scales=()):
        """A function that writes `added` + weights · activity, all as modes, to `out`.

        `scales` holds what each group of `scaled` weights is multiplied by, tensors of shape (n_trials,).
        """
        flat = (-1, *modes.shape[2:])
        added, these, those = added.view(flat), modes.view(flat), out.view(flat)
        across = [(out[to], block, modes[source]) for to, source, block in self._across]
        product = torch.empty_like(modes[0])
        scaled = [
            (out[to], block, modes[source], scale)
            for blocks, scale in zip(self._scaled, scales, strict=True)
            for to, source, block in blocks
        ]

        def couple():
            if self._within is None:
                those.copy_(added)
            else:
                torch.baddbmm(added, self._within, these, out=those)
            for target, block, activity in across:
                target.baddbmm_(block, activity)
            for target, block, activity, scale in scaled:
                target.addcmul_(torch.bmm(block, activity, out=product), scale)

        return couple


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


def _table(kernels, n_rings, n_cells):
    """Kernels as one array (to, source, n_cells), checked to be symmetric."""
    weights = np.zeros((n_rings, n_rings, n_cells))
    for (to, source), kernel in kernels.items():
        if not np.allclose(kernel, np.roll(np.asarray(kernel)[::-1], 1), atol=1e-12):
            raise ValueError(f"the weights from ring {source} to ring {to} differ between left and right")
        weights[to, source] = kernel
    return weights


def _mixing(weights):
    """Sum and difference of rings 0 and 1 if that parts them in all tables of weights, else each ring alone."""
    own = np.eye(len(weights[0]))
    if len(own) < 2 or not any(w[0, 1].any() or w[1, 0].any() for w in weights):
        return own
    mix = own.copy()
    mix[:2, :2] = [[1, 1], [1, -1]]
    mixed = [np.einsum("ia,abn,bj->ijn", mix, w, np.linalg.inv(mix)) for w in weights]
    others = slice(2, None)
    parted = not any(m[0, 1].any() or m[1, 0].any() or m[others, 1].any() or m[1, others].any() for m in mixed)
    return mix if parted else own
