"""Noise for samplers: one generator per sample, so that sample i does not depend on the batch it is in.

Noise is drawn on the CPU and then moved: every device begins with the same numbers.
"""

import torch

from neuromm.maths.noise import stable_seed


def sample_generators(seed, n, first=0):
    """One generator per sample from a seed: sample i has the same whatever `n` is.

    Parameters
    ----------
    seed : int
    n : int
        Samples.
    first : int
        Number of the first sample, to go on where another batch ended.
    """
    return [torch.Generator().manual_seed(stable_seed("sample", seed, i)) for i in range(first, first + n)]


def standard_normal(shape, generator=None, *, dtype=torch.float32, device="cpu"):
    """Standard normal numbers.

    Parameters
    ----------
    shape : tuple, (B, …)
    generator : torch.Generator, a list with one per sample, or None for torch's own

    Raises
    ------
    ValueError
        If there is another number of generators than of samples.
    """
    shape = tuple(shape)
    if isinstance(generator, list | tuple):
        if len(generator) != shape[0]:
            raise ValueError(f"{len(generator)} generators came for {shape[0]} samples; one each is wanted")
        rows = [torch.randn(shape[1:], generator=one, dtype=dtype, device=one.device) for one in generator]
        return torch.stack([row.to(device) for row in rows]) if rows else torch.empty(shape, dtype=dtype, device=device)
    where = "cpu" if generator is None else generator.device
    return torch.randn(shape, generator=generator, dtype=dtype, device=where).to(device)
