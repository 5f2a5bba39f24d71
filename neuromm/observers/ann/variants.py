"""Individuals of one network: copies whose weights carry a little noise, drawn from a number."""

import copy
import functools

import torch

from neuromm.maths.noise import normal_from_seeds, stable_seed


@functools.lru_cache(maxsize=8)
def vary(module, amount, individual):
    """A copy of a module with Gaussian noise of `amount` times each tensor's own sd on its weights.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode; it is not changed.
    amount : float
        sd of the noise, in units of the sd of each tensor; .01 to .1 are individuals, 1 is a wreck.
    individual : int
        Which one; the same number gives the same copy.
    """
    other = copy.deepcopy(module)
    with torch.no_grad():
        for name, value in other.named_parameters():
            spread = float(value.std()) if value.numel() > 1 else 0.0
            noise = normal_from_seeds([stable_seed("individual", individual, name)], value.numel())[0]
            value += amount * spread * torch.as_tensor(noise.reshape(value.shape)).to(value)
    return other
