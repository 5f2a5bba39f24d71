"""What a physiologist measures of spiking cells: rates, Fano factor, shared variability, enhancement, windows.

Counts and rates come as arrays (trial, unit) with a `condition` of each trial, as a session records them.
"""

import numpy as np
import pandas as pd
import xarray as xr

from neuromm.measures.bias import Z95
from neuromm.measures.checks import need


def spike_counts(spikes, trials, *, n_units, start=0.0, stop, area=None):
    """Spike counts of a table of spikes; silent trials and cells count 0.

    Parameters
    ----------
    spikes : DataFrame
        `trial`, `time` (ms), `unit`, and `area` where one is chosen.
    trials : sequence
        Labels of all trials shown, in the order wanted.
    n_units : int
    start, stop : float
        Window, ms; a spike at `stop` is outside.
    area : str, optional

    Returns
    -------
    DataArray, (trial, unit), float32

    Raises
    ------
    ValueError
        If the window is empty, or a spike belongs to no trial or unit.
    """
    need(spikes, ["trial", "time", "unit", *(["area"] if area is not None else [])])
    if not stop > start:
        raise ValueError(f"the window runs from {start:g} to {stop:g} ms; stop after start is wanted")
    inside = spikes[(spikes["time"] >= start) & (spikes["time"] < stop)]
    inside = inside if area is None else inside[inside["area"] == area]
    labels = pd.Index(trials)
    row, unit = labels.get_indexer(inside["trial"]), inside["unit"].to_numpy(int)
    if (row < 0).any():
        raise ValueError(f"trial {inside['trial'].to_numpy()[row < 0][0]} has spikes but is not among `trials`")
    if len(unit) and not (unit.min() >= 0 and unit.max() < n_units):
        raise ValueError(f"unit {unit.min() if unit.min() < 0 else unit.max()} fired; n_units is {n_units}")
    counts = np.bincount(row * n_units + unit, minlength=len(labels) * n_units).reshape(len(labels), n_units)
    return xr.DataArray(
        counts.astype(np.float32), dims=("trial", "unit"), coords={"trial": labels, "unit": np.arange(n_units)}
    )


def firing_rates(activities, *, by="condition"):
    """Mean firing rate of each area in each condition.

    Parameters
    ----------
    activities : dict of area → DataArray (trial, unit) or (trial, time, unit), Hz
        As `session.representations[observer]`.
    by : str
        Coordinate of the trials that names conditions; all trials are one where there is none.

    Returns
    -------
    DataFrame, one row per area × condition
        `rate` (Hz, over trials and units), `low`, `high` (95 %, normal, over trials), `peak` (Hz, of the most active
        unit), `n_trials`, `n_units`.
    """
    rows = []
    for area, values in activities.items():
        values = values.mean("time") if "time" in values.dims else values
        numbers, labels = _read(values, by)
        for condition, some in _groups(numbers, labels):
            per_trial = some.mean(1)
            half = Z95 * per_trial.std(ddof=1) / np.sqrt(len(some)) if len(some) > 1 else np.nan
            rate = per_trial.mean()
            rows.append((area, condition, rate, rate - half, rate + half, some.mean(0).max(), *some.shape))
    return pd.DataFrame(rows, columns=["area", "condition", "rate", "low", "high", "peak", "n_trials", "n_units"])


def rates_over_time(spikes, trials, *, n_units, start=0.0, stop, width=10.0):
    """Population rate of each area in time, averaged over trials.

    Parameters
    ----------
    spikes : DataFrame
        `trial`, `time` (ms), `area`.
    trials : sequence, or Series from trial to a label
        All trials shown, silent ones too; with a Series there is one curve per label.
    n_units : int
        Cells of an area.
    start, stop, width : float
        Window and bins, ms.

    Returns
    -------
    DataFrame, one row per area × label × bin
        `area`, `label`, `time` (centre of the bin, ms), `rate` (Hz per cell), `low`, `high` (95 %, normal over trials).
    """
    need(spikes, ["trial", "time", "area"])
    labels = trials if isinstance(trials, pd.Series) else pd.Series("all", index=pd.Index(trials))
    edges = np.arange(start, stop + width / 2, width)
    if len(edges) < 2:
        raise ValueError(f"no bin of {width:g} ms fits between {start:g} and {stop:g} ms")
    centres, rows = (edges[:-1] + edges[1:]) / 2, []
    for area, fired in spikes.groupby("area", sort=False):
        place, bin_of = labels.index.get_indexer(fired["trial"]), np.searchsorted(edges, fired["time"], "right") - 1
        kept = (place >= 0) & (bin_of >= 0) & (bin_of < len(centres))
        flat = place[kept] * len(centres) + bin_of[kept]
        counts = np.bincount(flat, minlength=len(labels) * len(centres)).reshape(len(labels), -1)
        rates = counts / (n_units * width / 1000.0)
        for label, some in _groups(rates, labels.to_numpy()):
            mean = some.mean(0)
            half = Z95 * some.std(0, ddof=1) / np.sqrt(len(some)) if len(some) > 1 else mean * np.nan
            columns = {"area": area, "label": label, "time": centres, "rate": mean}
            rows.append(pd.DataFrame(columns | {"low": mean - half, "high": mean + half}))
    return pd.concat(rows, ignore_index=True)


def fano_factor(counts, *, by="condition"):
    """Variance of each cell's spike count over repeats of a condition, over its mean; 1 for a Poisson process.

    Parameters
    ----------
    counts : DataArray or array, (trial, unit)
        Spike *counts*: of rates, the factor has a unit and depends on the window.
    by : str
        Coordinate that names conditions.

    Returns
    -------
    DataFrame, one row per condition × unit
        `mean` (spikes), `variance` (unbiased), `fano` (NaN where the cell was silent), `n` trials.

    Raises
    ------
    ValueError
        If counts are negative or not whole, or no condition was shown twice.
    """
    numbers, labels = _read(counts, by)
    _check_counts(numbers)
    parts = []
    for condition, some in _groups(numbers, labels):
        if len(some) < 2:
            continue
        mean, variance = some.mean(0), some.var(0, ddof=1)
        fano = np.divide(variance, mean, out=np.full(len(mean), np.nan), where=mean > 0)
        parts.append(
            pd.DataFrame(
                {
                    "condition": condition,
                    "unit": np.arange(len(mean)),
                    "mean": mean,
                    "variance": variance,
                    "fano": fano,
                    "n": len(some),
                }
            )
        )
    if not parts:
        raise ValueError("no condition was shown twice; a variance over repeats needs at least two trials of one")
    return pd.concat(parts, ignore_index=True)


def count_correlations(counts, *, by="condition", least=0.0):
    """Noise correlation of each pair of cells: Pearson's r of their counts, each standardised within its condition.

    Pooling standardised counts over conditions removes what cells share because they are tuned alike (Cohen & Kohn
    2011, Nat Neurosci 14:811).

    Parameters
    ----------
    counts : DataArray or array, (trial, unit)
    by : str
    least : float
        Cells with a mean below this (spikes per trial) are left out, as are cells that never vary.

    Returns
    -------
    DataFrame, one row per pair
        `unit`, `other` (unit < other), `correlation`, `n` trials that varied.

    Raises
    ------
    ValueError
        If fewer than three trials repeat a condition, or fewer than two cells vary.
    """
    numbers, labels = _read(counts, by)
    standard = np.full(numbers.shape, np.nan)
    for _, rows in pd.Series(np.arange(len(labels))).groupby(labels, sort=False):
        some = numbers[rows]
        spread = some.std(0, ddof=1) if len(some) > 1 else np.zeros(some.shape[1])
        standard[rows] = np.divide(some - some.mean(0), spread, out=np.full(some.shape, np.nan), where=spread > 0)
    repeated = ~np.isnan(standard)
    if repeated.any(1).sum() < 3:
        raise ValueError("fewer than three trials repeat a condition; correlations of counts need repeats")
    units = np.flatnonzero((numbers.mean(0) >= least) & repeated.any(0))
    if len(units) < 2:
        raise ValueError(f"{len(units)} cells vary within a condition and fire {least:g} spikes; two are wanted")
    z, there = np.nan_to_num(standard[:, units]), repeated[:, units].astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):  # a pair that never varied together has no correlation
        r = (z.T @ z) / np.sqrt(((z**2).T @ there) * (there.T @ z**2))
    first, second = np.triu_indices(len(units), 1)
    return pd.DataFrame(
        {
            "unit": units[first],
            "other": units[second],
            "correlation": r[first, second],
            "n": (there.T @ there)[first, second].astype(int),
        }
    )


def cell_enhancement(auditory, visual, audiovisual, *, least=0.0):
    """Multisensory enhancement of each cell: how much the pair drives it beyond its best single modality.

    enhancement = (AV − max(A, V)) / max(A, V) (Meredith & Stein 1983, Science 221:389); additivity = (AV − A − V) /
    (A + V), above 0 where the response exceeds the sum.

    Parameters
    ----------
    auditory, visual, audiovisual : array or DataArray, (trial, unit)
        Counts or rates of the same cells, repeats of one condition each.
    least : float
        Cells whose best unisensory response is at most this get NaN: nothing to compare with.

    Returns
    -------
    DataFrame, one row per unit
        `auditory`, `visual`, `audiovisual`, `best` (means, as given), `enhancement`, `low`, `high` (fraction; 95 % over
        trials, of the log ratio, delta method; NaN with one trial), `additivity` (fraction).

    Raises
    ------
    ValueError
        If the numbers of units differ or a condition has no trials.
    """
    arrays = {}
    for name, values in (("auditory", auditory), ("visual", visual), ("audiovisual", audiovisual)):
        arrays[name] = np.asarray(values, float)
        if arrays[name].ndim != 2 or not len(arrays[name]):
            raise ValueError(f"{name} has shape {arrays[name].shape}; (trial, unit) with trials is wanted")
    widths = {name: a.shape[1] for name, a in arrays.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"numbers of units differ: {widths}")
    means = {name: a.mean(0) for name, a in arrays.items()}
    errors = {name: a.var(0, ddof=1) / len(a) if len(a) > 1 else a[0] * np.nan for name, a in arrays.items()}
    heard = means["auditory"] >= means["visual"]
    best = np.where(heard, means["auditory"], means["visual"])
    best_error, both = np.where(heard, errors["auditory"], errors["visual"]), means["audiovisual"]
    with np.errstate(invalid="ignore", divide="ignore"):  # silent cells are NaN
        ratio = np.where(best > least, both / np.where(best > least, best, 1.0), np.nan)
        half = Z95 * np.sqrt(errors["audiovisual"] / both**2 + best_error / best**2)
        total = means["auditory"] + means["visual"]
        additivity = np.where(best > least, (both - total) / total, np.nan)
        low, high = ratio * np.exp(-half) - 1, ratio * np.exp(half) - 1
    low, high = (np.where(np.isfinite(bound), bound, np.nan) for bound in (low, high))
    columns = {"unit": np.arange(len(best)), **means, "best": best, "enhancement": ratio - 1}
    return pd.DataFrame(columns | {"low": low, "high": high, "additivity": additivity})


def response_window(table, *, value="enhancement", by=()):
    """The range of asynchronies over which a response is enhanced by at least half of its greatest enhancement.

    Parameters
    ----------
    table : DataFrame
        `soa` (ms, sound later positive) and `value`; several rows of one SOA are averaged. SOAs need no even steps.
    value : str
    by : sequence of str
        Columns that tell curves apart, such as `observer`.

    Returns
    -------
    DataFrame, one row per curve
        `peak`, `peak_soa` (ms), `left`, `right` (ms, where the curve crosses half its peak, by straight lines between
        SOAs; NaN where the range shown ends first), `width` (ms), `n_soas`. All NaN where nothing is enhanced.

    Raises
    ------
    ValueError
        If a curve has fewer than three SOAs.
    """
    need(table, ["soa", value, *by])
    rows = []
    for key, curve in table.groupby(list(by), sort=False) if by else [((), table)]:
        means = curve.groupby("soa")[value].mean().dropna()
        if len(means) < 3:
            raise ValueError(f"{len(means)} SOAs have a {value}; a window needs at least three")
        soa, height = means.index.to_numpy(float), means.to_numpy(float)
        top = int(height.argmax())
        peak, where, left, right = height[top], soa[top], np.nan, np.nan
        if peak > 0:
            left = -_crossing(-soa[top::-1], height[top::-1], peak / 2)
            right = _crossing(soa[top:], height[top:], peak / 2)
        else:
            peak = where = np.nan
        rows.append((*key, peak, where, left, right, right - left, len(soa)))
    return pd.DataFrame(rows, columns=[*by, "peak", "peak_soa", "left", "right", "width", "n_soas"])


def _crossing(x, y, level):
    """First x at which the curve, which begins above `level`, reaches it; NaN if it never does."""
    below = np.flatnonzero(y <= level)
    if not len(below):
        return np.nan
    k = below[0]
    return x[k - 1] + (x[k] - x[k - 1]) * (y[k - 1] - level) / (y[k - 1] - y[k])


def _read(values, by):
    """Numbers (n_trials, n_units) and a label of each trial."""
    numbers = np.asarray(values, float)
    if numbers.ndim != 2 or not len(numbers):
        raise ValueError(f"an array (trial, unit) with trials is wanted; its shape is {numbers.shape}")
    labelled = isinstance(values, xr.DataArray) and by in values.coords
    return numbers, values[by].to_numpy().astype(str) if labelled else np.full(len(numbers), "all")


def _groups(numbers, labels):
    for label in dict.fromkeys(labels):
        yield label, numbers[labels == label]


def _check_counts(numbers):
    wrong = (numbers < 0) | (numbers != np.round(numbers))
    if wrong.any():
        raise ValueError(f"{numbers[wrong][0]:g} is no spike count; whole numbers are wanted (rates × window)")
