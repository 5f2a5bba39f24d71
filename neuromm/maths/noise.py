"""Random numbers that depend on what they are for, never on when they were drawn.

Seeds come from a stable hash, physical noise from the row's own `noise_seed`, and noise in time from
one generator per fixed block of 64 trials: results do not change with batch size, workers or company.
"""

import hashlib

import numpy as np
from scipy.special import ndtri

BLOCK = 64  # trials that share one generator of noise in time; part of what decides the numbers


def stable_seed(*parts) -> int:
    """A 63-bit seed from any printable parts; the same on every machine and in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def uniform_from_seeds(seeds, n, stream=0):
    """Uniform numbers, row i from seed i alone (SplitMix64; Steele, Lea & Flood 2014).

    Parameters
    ----------
    seeds : array of int, shape (n_trials,)
        One seed per row; equal seeds give equal rows.
    n : int
        Numbers per row.
    stream : int
        Different streams of one seed are independent (vision 1, audition 2, ...).

    Returns
    -------
    uniform : array, shape (n_trials, n)
        Values inside (0, 1), never 0 or 1.
    """
    with np.errstate(over="ignore"):  # unsigned arithmetic wraps by design
        state = _mix(np.asarray(seeds, np.int64).astype(np.uint64) + _mix(np.array([stream], np.uint64))) [:, None]
        bits = _mix(state + np.arange(1, n + 1, dtype=np.uint64) * _GOLDEN)
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal_from_seeds(seeds, n, stream=0):
    """Standard normal numbers, row i from seed i alone; shape (n_trials, n). See `uniform_from_seeds`."""
    return ndtri(uniform_from_seeds(seeds, n, stream))


def block_generators(rng, n_trials):
    """One child generator per fixed block of 64 trials: (slice, Generator) pairs that cover `n_trials`.

    The children depend on `rng`'s next draw and the block's number only, so a longer table starts
    with the same noise as a shorter one.
    """
    root = int(rng.integers(2**63))
    return [
        (slice(start, min(start + BLOCK, n_trials)), np.random.default_rng([root, start // BLOCK]))
        for start in range(0, n_trials, BLOCK)
    ]


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(z):
    z = (z + _GOLDEN).astype(np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
