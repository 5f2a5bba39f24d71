"""What an observer is, and the few functions every observer is written with.

An observer **is** its parameters: a frozen dataclass with `name`, `layers`, `perceive` and
`provenance`. One pass gives the answers and the recorded layers, so an activity belongs to its answer.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from neuromm.stimuli.alternatives import offers


@dataclass(frozen=True)
class Percept:
    """One pass of an observer: its responses and its recorded layers."""

    responses: pd.DataFrame  # indexed by trial: response, response_label, judged_common, reaction_time
    representations: dict[str, xr.DataArray] = field(default_factory=dict)  # layer → (trial, unit), float32


@dataclass(frozen=True)
class Record:
    """How to record a layer: at which times, pooled how, by trial or as means per condition (and noise fold)."""

    layer: str
    time: Literal["mean", "last", "all"] = "last"
    every: float | None = None  # ms between the samples kept, with time="all"
    pool: Literal["none", "mean", "max"] = "none"  # over units
    by: Literal["trial", "condition"] = "trial"  # "condition": means per (condition, fold)


def wanted(layers, available, name="observer") -> list[Record]:
    """The records asked for, patterns resolved (`"*"`, `"enc*"`), against the layers that an observer has.

    Raises
    ------
    ValueError
        If a name or pattern matches no layer; the ones there are listed.
    """
    records = []
    for item in [layers] if isinstance(layers, str | Record) else layers:
        record = item if isinstance(item, Record) else Record(item)
        found = fnmatch.filter(available, record.layer)
        if not found:
            raise ValueError(f"{name} has no layer '{record.layer}'; it has: {', '.join(available) or 'none'}")
        records += [dataclasses.replace(record, layer=layer) for layer in found]
    return records


def collect(layers, activity, trials, name="observer") -> dict[str, xr.DataArray]:
    """The recorded layers as labelled arrays.

    Parameters
    ----------
    layers : names, patterns or Records
    activity : dict of layer → array (n_trials, n_units) or (n_trials, n_times, n_units), or a function giving it
        Functions are called only for layers that are asked for. A DataArray keeps its `time` coordinate (ms).
    trials : DataFrame
        The rows, in the order of the arrays.

    Returns
    -------
    dict of layer → DataArray, float32, dims (trial, unit) or (trial, time, unit)
    """
    recorded = {}
    for record in wanted(layers, list(activity), name):
        values = activity[record.layer]
        values = values() if callable(values) else values
        if not isinstance(values, xr.DataArray):
            dims = ("trial", "unit") if np.ndim(values) == 2 else ("trial", "time", "unit")
            values = xr.DataArray(np.asarray(values), dims=dims)
        recorded[record.layer] = _reduce(values, record, trials).astype(np.float32)
    return recorded


def _reduce(values, record, trials):
    coordinates = {"trial": trials.index.to_numpy()}
    if "condition" in trials:
        coordinates["condition"] = ("trial", trials["condition"].to_numpy().astype(str))
    if "fold" in trials:
        coordinates["fold"] = ("trial", trials["fold"].to_numpy())
    values = values.assign_coords(coordinates).assign_coords(unit=np.arange(values.sizes["unit"]))
    if "time" in values.dims:
        if record.time != "all":
            values = values.mean("time") if record.time == "mean" else values.isel(time=-1, drop=True)
        elif record.every is not None and values.sizes["time"] > 1:
            step = max(1, round(record.every / float(values["time"][1] - values["time"][0])))
            values = values.isel(time=slice(None, None, step))
    if record.pool != "none":
        values = getattr(values, record.pool)("unit").expand_dims(unit=[0], axis=-1)
    return _means_by_condition(values, trials) if record.by == "condition" else values


def _means_by_condition(values, trials):
    """Mean over the trials of each (condition, fold), in order of appearance."""
    fold = trials["fold"].to_numpy() if "fold" in trials else np.zeros(len(trials), int)
    labels, of_trial = np.unique(
        np.column_stack([values["condition"].to_numpy().astype(str), fold.astype(str)]), axis=0, return_inverse=True
    )
    of_trial = of_trial.ravel()
    sums = np.zeros((len(labels), *values.shape[1:]))
    np.add.at(sums, of_trial, values.to_numpy())
    means = sums / np.bincount(of_trial).reshape(-1, *[1] * (values.ndim - 1))
    first = np.unique(of_trial, return_index=True)[1]
    order = np.argsort(first)
    coordinates = {k: v for k, v in values.coords.items() if "trial" not in v.dims}
    coordinates |= {"condition": ("trial", labels[order, 0]), "fold": ("trial", fold[first[order]])}
    return xr.DataArray(means[order], dims=values.dims, coords=coordinates)


def answer(trials, values, name, *, judged_common=None, reaction_time=None) -> pd.DataFrame:
    """One response per row, for what the row asks.

    Parameters
    ----------
    trials : DataFrame
        Needs `report`; `alternatives` snaps a number to the nearest key.
    values : dict of report → array, shape (n_trials,)
        What the observer would say to each question it can answer; text answers are labels.
    name : str
        The observer's name, for errors.
    judged_common : array of bool or None, shape (n_trials,)
        Whether one cause was perceived, whatever was asked.
    reaction_time : array, shape (n_trials,), ms

    Returns
    -------
    DataFrame indexed by trial: response (float; common = yes = 1), response_label (text),
    judged_common (boolean), reaction_time (ms).

    Raises
    ------
    ValueError
        If a row asks what the observer cannot answer, or asks about a modality that is absent.
    """
    asked = trials["report"].to_numpy()
    cannot = sorted({str(r) for r in asked if r not in values})
    if cannot:
        rows = trials.index[~np.isin(asked, list(values))][:5].tolist()
        raise ValueError(f"{name} cannot report {', '.join(cannot)} (trials {rows} …); it can: {', '.join(values)}")
    response = np.full(len(trials), np.nan)
    label = np.full(len(trials), None, object)
    for report, given in values.items():
        rows = asked == report
        given = np.broadcast_to(np.asarray(given), (len(trials),))[rows]
        if given.dtype.kind in "OUS":
            label[rows] = given
            codes = {text: float(code) for code, text in enumerate(sorted(set(given.astype(str))))}
            response[rows] = [codes[str(text)] for text in given]
        else:
            response[rows] = given
    response = _press_keys(trials, response)
    common = asked == "common"
    if judged_common is None and common.any() and "common" in values:
        judged_common = np.broadcast_to(np.asarray(values["common"], float), (len(trials),)) > 0.5
        judged_common = np.where(
            np.isnan(np.broadcast_to(np.asarray(values["common"], float), (len(trials),))), None, judged_common
        )
    label[common] = np.where(np.isnan(response[common]), None, np.where(response[common] > 0.5, "common", "separate"))
    return pd.DataFrame(
        {
            "response": response,
            "response_label": pd.Series(label, index=trials.index, dtype=object),
            "judged_common": pd.array(
                [None] * len(trials) if judged_common is None else list(judged_common), "boolean"
            ),
            "reaction_time": np.full(len(trials), np.nan)
            if reaction_time is None
            else np.asarray(reaction_time, float),
        },
        index=trials.index,
    )


def _press_keys(trials, response):
    for offer in offers(trials, ~np.isnan(response)):
        given = response[offer.rows]
        numbers = offer.numbers() if offer.words else None
        if offer.is_sides:  # a place or heading, judged right of straight ahead (1) or not (0)
            response[offer.rows] = given > 0
        elif numbers is not None:  # None: words, the observer answered with a label
            response[offer.rows] = numbers[np.abs(given[:, None] - numbers).argmin(1)]
    return response


def block_starts(n_rows: int, size: int) -> range:
    """Where each block of at most `size` rows begins; an empty table has one empty block."""
    return range(0, max(n_rows, 1), size)


def units_of(values) -> np.ndarray:
    """One row of units per trial, (n, …) → (n, n_units), also of no trials."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))
