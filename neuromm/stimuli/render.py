"""What every renderer shares: the columns it draws from, the row's own noise, and a cache.

A renderer is a frozen dataclass with `modality` and `render(trials)`. It draws what the row says: the
event at its place in physical noise, or, where the table holds a yoked measurement, the event at
that measurement and no noise at all; reliability is visible either way. An absent modality is blank.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuromm.stimuli.measurement import place_of, sigma_of

MAX_BYTES = 512_000_000  # of rendered stimuli that are kept; the least recently used go first
_CACHE: OrderedDict = OrderedDict()


@dataclass(frozen=True)
class Event:
    """What a renderer needs to know of one modality, row by row; arrays of shape (n_trials,)."""

    place: np.ndarray  # deg: the measurement where the row is yoked, else the true place; 0 where absent
    sigma: np.ndarray  # deg, sensory sd that the rendering has to signal
    seed: np.ndarray  # int64, of the physical noise
    noisy: np.ndarray  # bool: physical noise is drawn (the row is not yoked)
    shown: np.ndarray  # bool: the modality is there


def events(trials, modality, sigma) -> Event:
    """One modality's events as arrays.

    Parameters
    ----------
    trials : DataFrame
        `<modality>_azimuth`; optional `<modality>_reliability`, `<modality>_measurement`, `noise_seed`.
    modality : str
    sigma : float
        Sensory sd at reliability 1, deg; each row signals σ/√reliability.

    Raises
    ------
    ValueError
        If a row that is not yoked has no `noise_seed`: its noise would depend on when it was drawn.
    """
    place = place_of(trials, modality)
    shown = ~np.isnan(place)
    noisy = shown.copy()
    column = f"{modality}_measurement"
    if column in trials:
        measurement = trials[column].to_numpy(float)
        yoked = shown & ~np.isnan(measurement)
        place, noisy = np.where(yoked, measurement, place), shown & ~yoked
    seed = np.zeros(len(trials), np.int64)
    if "noise_seed" in trials and trials["noise_seed"].notna().all():
        seed = trials["noise_seed"].to_numpy(np.int64)
    elif noisy.any():
        rows = trials.index[noisy][:5].tolist()
        raise ValueError(
            f"trials {rows} have no 'noise_seed', which the noise of a rendered {modality} event is drawn from; "
            f"add whole numbers, or yoke the noise with neuromm.stimuli.measurement.yoke"
        )
    return Event(np.where(shown, place, 0.0), sigma_of(trials, modality, sigma), seed, noisy, shown)


def rendered(renderer, trials):
    """`renderer.render(trials)`, kept: the same renderer, columns and seeds are drawn once.

    Returns
    -------
    stimulus : array, shape (n_trials, ...), float32, read-only
    """
    key = (renderer, _fingerprint(events(trials, renderer.modality, renderer.sigma)))
    return _once(key, lambda: renderer.render(trials))


def kept(make, trials, *key):
    """`make(trials)`, kept: the same key (what else decides it) and the same table are drawn once.

    Parameters
    ----------
    make : callable
        trials → array, shape (n_trials, ...); a function of the table and the key alone.
    trials : DataFrame
        Every column counts: two tables that differ in any are drawn twice.
    *key : hashable

    Returns
    -------
    stimulus : array, read-only
    """
    digest = hashlib.sha256(repr(list(trials.columns)).encode())
    digest.update(pd.util.hash_pandas_object(trials, index=False).to_numpy().tobytes())
    return _once((*key, digest.hexdigest()), lambda: make(trials))


def _once(key, make):
    if key in _CACHE:
        _CACHE.move_to_end(key)
        return _CACHE[key]
    stimulus = make()
    stimulus.setflags(write=False)
    _CACHE[key] = stimulus
    while len(_CACHE) > 1 and sum(array.nbytes for array in _CACHE.values()) > MAX_BYTES:
        _CACHE.popitem(last=False)
    return stimulus


def clear_cache():
    """Forget every rendered stimulus."""
    _CACHE.clear()


def _fingerprint(event):
    digest = hashlib.sha256()
    for values in (event.place, event.sigma, event.seed, event.noisy, event.shown):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
