"""What every artificial observer shares: its weights file, a module that is built when first used, fixed blocks."""

import functools
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from neuromm.maths.device import check_device
from neuromm.observers.ann.manifest import seeds_of, shipped
from neuromm.observers.ann.seeds import pick_seed
from neuromm.observers.ann.variants import vary
from neuromm.observers.ann.weights import load_weights
from neuromm.observers.base import Observer
from neuromm.observers.protocol import block_starts

BLOCK = 256  # trials per forward pass, always: results do not depend on how many trials a table has


class NetworkObserver(Observer):
    """Weights, module and provenance; a subclass names its network and says how tensors become a module."""

    network: ClassVar[str] = ""  # name in the catalogue, which the weights file carries
    editable: ClassVar[tuple[str, ...]] = ()  # layers whose activity can be changed on its way

    def __post_init__(self):
        super().__post_init__()
        check_device(self.device)

    def _training(self) -> str:
        """Which training of the shipped weights the fields ask for; see `weights.json`."""
        return getattr(self, "training", "trained") if self.trained else "untrained"

    def _weights_path(self) -> Path:
        if self.weights:
            if not self.trained:
                raise ValueError(
                    f"{self.name}: weights='{self.weights}' and trained=False exclude each other; the untrained "
                    f"control of a recipe is what train('{self.network}', max_steps=0) writes"
                )
            return Path(self.weights)
        return shipped(self.network, self._training(), getattr(self, "seed", 1))

    def other_seeds(self) -> list[int]:
        """Further seeds of the shipped weights that the fields ask for."""
        return [] if self.weights else list(seeds_of(self.network, self._training()))[1:]

    def _load(self):
        """Header, tensors and module of the weights that the fields ask for, on the device."""
        path, seed = self._weights_path(), getattr(self, "seed", 1)
        header, tensors = pick_seed(*load_weights(path, self.network), seed)
        module = _module(type(self), header["sha256"], self.device, str(path), seed)
        if getattr(self, "weight_noise", 0.0) > 0:
            module = vary(module, self.weight_noise, self.individual)
        return header, tensors, module

    def _editing(self, layer, edit):
        """What a module takes to change one layer on its way: {layer: tensor → tensor}, of array → array."""
        if layer not in self.editable:
            raise ValueError(f"layer '{layer}' cannot be edited; {', '.join(self.editable) or 'none'} can")

        def change(hidden):
            return torch.as_tensor(edit(hidden.double().cpu().numpy()), dtype=hidden.dtype, device=hidden.device)

        return {layer: change}

    @classmethod
    def _build(cls, header, tensors):
        """The module of a weights file."""
        raise TypeError(f"{cls.__name__} does not say how its module is built")

    def provenance(self) -> dict:
        """Fields, and of the weights: file, sha256, recipe."""
        header = self._load()[0]
        file = Path(self._weights_path()).name
        return super().provenance() | dict(weights_file=file, weights_sha256=header["sha256"], recipe=header["recipe"])


@functools.lru_cache(maxsize=64)
def _module(cls, _sha256, device, path, seed):
    header, tensors = pick_seed(*load_weights(path, cls.network), seed)
    try:
        with torch.random.fork_rng(devices=[]):  # first weights are drawn and at once replaced
            module = cls._build(header, tensors)
        own = {name: value for name, value in tensors.items() if name.startswith("network.")}
        module.load_state_dict({k.removeprefix("network."): torch.from_numpy(v.copy()) for k, v in own.items()})
    except (KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"{Path(path).name} does not fit the network '{cls.network}': {error}") from None
    return module.to(device).eval().requires_grad_(False)


def in_blocks(function, *arrays, device="cpu"):
    """Apply `function` to blocks of 256 rows, the last one filled up; its dict of layers comes back as numpy.

    Parameters
    ----------
    function : callable
        Tensors (256, ...) → dict of layer → tensor (256, units).
    arrays : arrays, shape (n_trials, ...)

    Returns
    -------
    dict of layer → array, shape (n_trials, units), float32
    """
    n, parts = len(arrays[0]), []
    with torch.inference_mode():
        for start in block_starts(n, BLOCK):
            block = [np.asarray(a[start : start + BLOCK], np.float32) for a in arrays]
            size = len(block[0])
            mode = "edge" if size else "constant"
            fill = [np.pad(b, ((0, BLOCK - size),) + ((0, 0),) * (b.ndim - 1), mode=mode) for b in block]
            layers = function(*(torch.tensor(b, device=device) for b in fill))
            parts.append({name: values[:size].cpu().numpy() for name, values in layers.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
