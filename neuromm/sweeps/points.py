"""Points in parameter space: grids, and random or Sobol samples. A longer sample begins with the shorter one."""

from __future__ import annotations

import difflib
import inspect
from itertools import product

import numpy as np

SCALES = ("linear", "log")


def check_keys(given, allowed, where) -> None:
    """Refuse a key that is not known, with the nearest one that is."""
    if not isinstance(given, dict):
        raise ValueError(f"{where} is {given!r}; a table of keys is wanted: {', '.join(allowed)}")
    for key in given:
        if key not in allowed:
            near = difflib.get_close_matches(str(key), list(allowed), n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise ValueError(f"{where} has no key '{key}'; {hint}It takes: {', '.join(allowed)}")


def count_points(grid, sample) -> int:
    """How many points `points` gives."""
    n = int(np.prod([len(axis_values(v, k)) for k, v in grid.items()], dtype=np.int64)) if grid else 1
    return n * (int(sample["n"]) if sample else 1)


def points(grid, sample):
    """Every combination of the grid's values with every sampled point, the last axis fastest: dicts name → value."""
    axes = {name: axis_values(values, name) for name, values in grid.items()}
    sampled = list(_sampled(sample)) if sample else [{}]
    for combination in product(*axes.values()):
        for drawn in sampled:
            yield {**dict(zip(axes, combination, strict=True)), **drawn}


def axis_values(values, name) -> list:
    """Values of one axis: a list as it is, or `{low, high, n, scale}` as n equally spaced values."""
    if isinstance(values, dict):
        check_keys(values, ("low", "high", "n", "scale"), f"the grid of '{name}'")
        low, high, scale = _interval(values, name)
        n = values.get("n")
        if not (isinstance(n, int) and n >= 1):
            raise ValueError(f"the grid of '{name}' has n = {n!r}; a whole number of at least 1 is wanted")
        spaced = np.geomspace(low, high, n) if scale == "log" else np.linspace(low, high, n)
        return spaced.tolist()
    values = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(values, list | tuple | range) or len(values) == 0:
        raise ValueError(f"the grid of '{name}' is {values!r}; a list of values, or {{low, high, n}}, is wanted")
    return list(values)


def _sampled(sample):
    """Points of a sample, from its own seed."""
    over = sample["over"]
    n, method, seed = int(sample["n"]), sample.get("method", "sobol"), int(sample.get("seed", 1))
    names = sorted(over)  # a dimension belongs to a name, wherever it stands in the file
    intervals = {name: _interval(over[name], name) for name in names}
    for row in METHODS[method](n, len(over), seed):
        drawn = dict(zip(names, row, strict=True))
        yield {name: _at(drawn[name], *intervals[name]) for name in over}


def check_sample(sample, where) -> dict:
    """A sample whose keys, method and intervals are right."""
    check_keys(sample, ("method", "n", "seed", "over"), where)
    if not isinstance(sample.get("n"), int) or sample["n"] < 1:
        raise ValueError(f"{where} has n = {sample.get('n')!r}; a whole number of at least 1 is wanted")
    if sample.get("method", "sobol") not in METHODS:
        raise ValueError(f"{where} has method '{sample['method']}'; one of {', '.join(METHODS)} is wanted")
    if not sample.get("over"):
        raise ValueError(f"{where} has no 'over': name each parameter's [low, high]")
    for name, interval in sample["over"].items():
        _interval(interval, name)
    return sample


def _interval(values, name):
    """(low, high, scale) of `[low, high]` or `{low, high, scale}`."""
    if isinstance(values, list | tuple) and len(values) == 2:
        values = {"low": values[0], "high": values[1]}
    if not isinstance(values, dict):
        raise ValueError(f"'{name}' is {values!r}; [low, high] or {{low, high, scale}} is wanted")
    check_keys(values, ("low", "high", "scale", "n"), f"the interval of '{name}'")
    low, high, scale = values.get("low"), values.get("high"), values.get("scale", "linear")
    if not all(isinstance(v, int | float) and np.isfinite(v) for v in (low, high)) or low > high:
        raise ValueError(f"the interval of '{name}' goes from {low} to {high}; two numbers are wanted, the lower first")
    if scale not in SCALES:
        raise ValueError(f"the scale of '{name}' is '{scale}'; one of {', '.join(SCALES)} is wanted")
    if scale == "log" and low <= 0:
        raise ValueError(f"the interval of '{name}' starts at {low}; on a log scale it starts above 0")
    return float(low), float(high), scale


def _at(u, low, high, scale):
    """The value at fraction u of an interval."""
    value = low * (high / low) ** u if scale == "log" else low + (high - low) * u
    return float(np.clip(value, low, high))


def _random(n, d, seed):
    return np.random.default_rng(seed).random((n, d))  # row by row: more points begin with the same ones


def _sobol(n, d, seed):
    from scipy.stats import qmc

    named = "rng" if "rng" in inspect.signature(qmc.Sobol).parameters else "seed"  # scipy before 1.15
    sobol = qmc.Sobol(d, scramble=True, **{named: np.random.default_rng(seed)})
    return sobol.random_base2(max(0, int(np.ceil(np.log2(n)))))[:n]


METHODS = {"sobol": _sobol, "random": _random}
