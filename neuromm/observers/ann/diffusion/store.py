"""Networks of the diffusion family to and from one verified safetensors file."""

import functools
from pathlib import Path

import numpy as np
import torch

from neuromm.maths.device import check_device
from neuromm.observers.ann.manifest import shipped
from neuromm.observers.ann.weights import load_weights, save_weights


def save_network(path, network, name, recipe, score=None):
    """Write a network: its tensors, the `config` that builds it, and what trained it; the path is returned.

    Weights are kept in half precision, half the size; `halve` a network before it is scored.
    """
    return save_weights(path, half_tensors(network), network=name, config=network.config, recipe=recipe, score=score)


def half_tensors(network: torch.nn.Module) -> dict[str, np.ndarray]:
    """The network's state as named arrays, numbers in half precision."""
    tensors = {}
    for name, value in network.state_dict().items():
        array = value.detach().cpu().contiguous().numpy()
        tensors[name] = array.astype(np.float16) if array.dtype == np.float32 else array
    return tensors


@torch.no_grad()
def halve(network):
    """Round the weights to half precision, in float32, so that what is scored is what is saved; gives the network."""
    for value in network.state_dict().values():
        if value.dtype == torch.float32:
            value.copy_(value.half())
    return network


def load_network(cls, path, name, device="cpu"):
    """Build a network from a file of weights, ready to evaluate.

    Parameters
    ----------
    cls : class
        Built by the file's config.
    path : path or None
        None for the weights in the package.
    name : str
        What the file must hold.

    Raises
    ------
    ValueError
        If there is no such file or device, the file was altered, or holds another network.
    """
    check_device(device)
    path = shipped(name) if path is None else Path(path)
    header, tensors = load_weights(path, name)
    with torch.random.fork_rng(devices=[]):  # first weights are drawn and at once replaced
        network = cls(**header["config"])
    network.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in tensors.items()})  # to float32
    network.eval()
    return network.to(device)


@functools.lru_cache(maxsize=8)
def cached_network(cls, path, name, device="cpu", trained=True):
    """As `load_network`, kept: for observers, which hold a path and never a module. Not to be trained further.

    The untrained control has the file's architecture and first weights of its own, always the same.
    """
    network = load_network(cls, path, name, device)
    if trained:
        return network.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cls(**network.config).to(device).eval().requires_grad_(False)
