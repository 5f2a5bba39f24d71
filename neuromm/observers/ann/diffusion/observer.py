"""What observers made of joint denoisers share: weights, the untrained control, a generator per presentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from neuromm.maths.noise import stable_seed
from neuromm.observers.ann.diffusion.store import cached_network
from neuromm.observers.ann.manifest import shipped
from neuromm.observers.ann.network import NetworkObserver
from neuromm.observers.ann.weights import load_weights
from neuromm.observers.base import Draws
from neuromm.observers.protocol import block_starts

BLOCK = 64  # presentations per pass, always: results do not depend on how many trials a table has


class DenoiserObserver(NetworkObserver):
    """Runs a denoiser on each presentation; a subclass names its `network` and the class of its `module`.

    The untrained control has the architecture of the file and first weights of its own.
    """

    module: ClassVar[type]
    random: ClassVar = ()

    def denoise(self, block: dict, generators: list) -> dict:
        """Layers of one block of presentations, from its inputs by name."""
        raise NotImplementedError

    def load(self):
        """The network, built once per process."""
        return cached_network(self.module, self._weights_path(), self.network, self.device, self.trained)

    def _weights_path(self):
        return Path(self.weights) if self.weights else shipped(self.network)

    def _load(self):
        return *load_weights(self._weights_path(), self.network), self.load()

    def _run(self, inputs: dict, seed: int, first) -> dict[str, np.ndarray]:
        """Inputs and layers of each presentation; its noise depends on `seed` and its first row alone."""
        generators = [torch.Generator().manual_seed(stable_seed("showing", seed, int(row))) for row in first]
        return inputs | in_blocks(self.denoise, inputs, generators, self.device)


def seed_of_pass(draws: Draws) -> int:
    """One seed of all presentations, from the observer's generator."""
    return int(draws.generator.integers(2**63))


def presentation_seeds(shown: pd.DataFrame, seed: int, first: Sequence[int] | None = None) -> np.ndarray:
    """A seed for each presentation: its own `noise_seed`, or one from `seed` and the number of its first row."""
    if "noise_seed" in shown and shown["noise_seed"].notna().all():
        return shown["noise_seed"].to_numpy(np.int64)
    rows = range(len(shown)) if first is None else first
    return np.array([stable_seed(seed, row) for row in rows])


def in_blocks(function: Callable, inputs: dict, generators: list, device: str = "cpu") -> dict[str, np.ndarray]:
    """Layers of blocks of 64 presentations, the last one filled up.

    Parameters
    ----------
    function : callable
        (dict of tensors (64, ...), 64 generators) → dict of layer → tensor (64, units).
    inputs : dict of array, shape (n, ...)
    generators : list of n torch.Generator
    device : str

    Returns
    -------
    dict of layer → array, shape (n, units)
    """
    n, parts = len(generators), []
    if not n:  # a row to fill the block with
        inputs = {name: np.zeros((1, *values.shape[1:]), values.dtype) for name, values in inputs.items()}
    with torch.inference_mode():
        for start in block_starts(n, BLOCK):
            size = min(BLOCK, n - start)
            rows = np.minimum(np.arange(start, start + BLOCK), max(n, 1) - 1)
            block = {}
            for name, values in inputs.items():
                block[name] = torch.as_tensor(np.ascontiguousarray(values[rows]), device=device)
            unused = [torch.Generator().manual_seed(0) for _ in range(BLOCK - size)]
            layers = function(block, generators[start : start + size] + unused)
            parts.append({name: values[:size].float().cpu().numpy() for name, values in layers.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
