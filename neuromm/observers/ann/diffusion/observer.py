"""What observers made of joint denoisers share: weights, the untrained twin, blocks, a generator per showing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from neuromm.maths.device import check_device
from neuromm.maths.noise import stable_seed
from neuromm.observers.ann.diffusion.store import cached_network
from neuromm.observers.ann.weights import read_header, shipped
from neuromm.observers.protocol import block_starts, describe

BLOCK = 64  # showings per pass, always filled up: results do not depend on how many trials a table has


class DenoiserObserver:
    """Weights and provenance; a subclass names its `network` and the class of its `module`."""

    def check(self, positive=(), probabilities=()):
        """Refuse fields that are no positive number or no probability, by name, and a device that is not there."""
        check_device(self.device)
        for field in positive:
            if not (np.isfinite(getattr(self, field)) and getattr(self, field) > 0):
                raise ValueError(f"{self.name}: {field} is {getattr(self, field)}; a positive number is wanted")
        for field in probabilities:
            if not 0 <= getattr(self, field) <= 1:
                raise ValueError(
                    f"{self.name}: {field} is {getattr(self, field)}; a probability between 0 and 1 is wanted"
                )

    @property
    def path(self) -> Path:
        """The file of its weights."""
        return Path(self.weights) if self.weights else shipped(self.network)

    def load(self):
        """The network, built once per process."""
        return cached_network(self.module, self.path, self.network, self.device, self.trained)

    def provenance(self) -> dict:
        """Fields, and of the weights: file, sha256, recipe."""
        header = read_header(self.path)
        return describe(self, weights_file=self.path.name, weights_sha256=header["sha256"], recipe=header["recipe"])


def row_generators(seed, rows):
    """One torch generator per showing, from the observer's draw and the showing's first row."""
    return [torch.Generator().manual_seed(stable_seed("showing", seed, int(row))) for row in rows]


def in_blocks(function, arrays, generators, device="cpu"):
    """Apply `function` (block of tensors, generators) → layers to blocks of 64 showings, the last one filled up.

    Returns
    -------
    dict of layer → array, shape (n_showings, units)
    """
    n, parts = len(generators), []
    if not n:  # a row to fill the block with
        arrays = {name: np.zeros((1, *values.shape[1:]), values.dtype) for name, values in arrays.items()}
    with torch.inference_mode():
        for start in block_starts(n, BLOCK):
            size = min(BLOCK, n - start)
            rows = np.minimum(np.arange(start, start + BLOCK), max(n, 1) - 1)
            block = {
                name: torch.as_tensor(np.ascontiguousarray(values[rows]), device=device)
                for name, values in arrays.items()
            }
            spare = [torch.Generator().manual_seed(0) for _ in range(BLOCK - size)]
            layers = function(block, generators[start : start + size] + spare)
            parts.append({name: values[:size].float().cpu().numpy() for name, values in layers.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
