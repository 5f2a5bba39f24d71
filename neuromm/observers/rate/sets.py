"""Many parameter sets of one observer: its variants, and their percepts as one with a `set` dimension."""

import dataclasses

import pandas as pd
import xarray as xr

from neuromm.observers.protocol import Percept


def variants(observer, parameters):
    """The observer with each row's values; refuses a column that is no parameter, and an empty table."""
    known = {f.name for f in dataclasses.fields(observer)}
    unknown = [c for c in parameters.columns if c not in known]
    if unknown:
        raise ValueError(f"{observer.name} has no parameter {unknown}; it has: {', '.join(sorted(known))}")
    if len(parameters) == 0:
        raise ValueError(f"{observer.name}: parameters has no rows; one row per parameter set is wanted")
    return [dataclasses.replace(observer, **row) for row in parameters.to_dict("records")]


def stack(percepts, parameters):
    """The percepts of the rows of `parameters` as one: a `set` level in responses, a `set` dimension in layers."""
    index = pd.Index(parameters.index, name="set")
    responses = pd.concat([p.responses for p in percepts], keys=index, names=["set"])
    layers = percepts[0].representations
    return Percept(responses, {k: xr.concat([p.representations[k] for p in percepts], dim=index) for k in layers})
