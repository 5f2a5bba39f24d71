"""Noise in time for a batch: one generator per fixed block of 64 trials, whatever the batch."""

import numpy as np
import torch

from neuromm.maths.noise import BLOCK, block_generators

CHUNK = 16  # steps drawn at once; does not change the numbers


def uniform_noise(rng, rings, n_trials, *, n_noisy):
    """Per block of trials a function that gives uniform noise in (−1, 1) for the next step.

    The first `n_noisy` rings get noise, in folded order; a block that is not full draws as a full one does, so
    that trial i has the same noise in every table that starts with the same trials.

    Yields
    ------
    rows : slice
        The block's trials.
    draw : callable
        Gives a tensor of shape (n_noisy, n_folds, n_cells/n_folds, n_rows).
    """
    for rows, generator in block_generators(rng, n_trials):
        yield rows, _drawer(generator, rings, rows.stop - rows.start, n_noisy)


def _drawer(generator, rings, n_rows, n_noisy):
    shape = (CHUNK, n_noisy, *rings.empty(1).shape[1:3], BLOCK)

    def chunks():
        while True:
            drawn = 2.0 * generator.random(shape) - 1.0
            yield from torch.as_tensor(
                np.ascontiguousarray(drawn[..., :n_rows]), dtype=rings.dtype, device=rings.device
            )

    return chunks().__next__
