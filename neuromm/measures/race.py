"""The race-model inequality: reaction-time distributions after Ulrich, Miller & Schröter (2007), and the group test."""

import warnings

import numpy as np
import pandas as pd
from scipy import stats

from neuromm.measures.checks import as_list, grouped_rows, keep_kind, need, numeric
from neuromm.measures.temporal_window import warn_seconds
from neuromm.stimuli.delimited import plain_text
from neuromm.stimuli.table import present_in

PROBABILITIES = np.arange(0.05, 1.0, 0.1)


def check_reaction_times(times, name="reaction times") -> tuple[np.ndarray, int]:
    """Finite positive times (ms) and how many were missing.

    Raises
    ------
    ValueError
        If a time is not positive or infinite, or fewer than two are there.

    Warns
    -----
    UserWarning
        If every time is below 10: they look like seconds.
    """
    times = np.asarray(times, float).ravel()
    missing = np.isnan(times)
    kept = times[~missing]
    if len(kept) < 2:
        raise ValueError(f"{name}: {len(kept)} times that are not missing; at least two are wanted")
    if not np.isfinite(kept).all() or (kept <= 0).any():
        raise ValueError(
            f"{name} run from {kept.min():g} to {kept.max():g} ms; positive finite times are wanted (recode "
            "misses as NaN)"
        )
    if kept.max() < 10:
        warnings.warn(
            f"{name} are all below 10 (largest {kept.max():g}): these look like seconds; milliseconds are wanted",
            UserWarning,
            stacklevel=3,
        )
    return kept, int(missing.sum())


def reaction_cdf(times, t):
    """Distribution function of reaction times at `t` (ms), by the algorithm of Ulrich et al. (2007).

    Times are rounded to ms; each distinct value stands at the middle of its step, linear between, 0 below the smallest
    and 1 from the largest on.
    """
    times, _ = check_reaction_times(times)
    values, counts = np.unique(np.round(times), return_counts=True)
    ends = np.cumsum(counts) / counts.sum()
    middle = (np.concatenate([[0.0], ends[:-1]]) + ends) / 2
    t = np.asarray(t, float)
    return np.where(t < values[0], 0.0, np.where(t >= values[-1], 1.0, np.interp(t, values, middle)))


def cdf_quantiles(t, cdf, probabilities=PROBABILITIES):
    """Times at which a distribution function on a rising grid reaches each probability, linear between the points.

    Raises
    ------
    ValueError
        If the grid does not rise, or the function falls anywhere (it is no distribution function), or never gets there.
    """
    t, cdf, probabilities = (
        np.asarray(t, float),
        np.asarray(cdf, float),
        np.atleast_1d(np.asarray(probabilities, float)),
    )
    if t.shape != cdf.shape or t.ndim != 1 or not (np.diff(t) > 0).all():
        raise ValueError("t is not a rising grid of the length of cdf; sort both by time")
    falls = np.flatnonzero(np.diff(cdf) < -1e-12)
    if len(falls):
        raise ValueError(
            f"the distribution function falls from {cdf[falls[0]]:g} to {cdf[falls[0] + 1]:g} at "
            f"{t[falls[0] + 1]:g} ms; it must be monotone: "
            "are these cumulative proportions, sorted by time?"
        )
    if cdf[-1] < probabilities.max():
        raise ValueError(
            f"the distribution function ends at {cdf[-1]:g}, below the probability {probabilities.max():g} asked for"
        )
    above = np.array([np.argmax(cdf >= p - 1e-12) for p in probabilities])
    below = np.maximum(above - 1, 0)
    rise = cdf[above] - cdf[below]
    share = np.divide(probabilities - cdf[below], rise, out=np.ones_like(rise), where=rise > 0)
    return t[below] + np.clip(share, 0, 1) * (t[above] - t[below])


def race_inequality(x, y, z, probabilities=PROBABILITIES, *, who=None):
    """Test F_Z ≤ F_X + F_Y of one person, at quantiles and by areas.

    Parameters
    ----------
    x, y : array
        Reaction times to each single stimulus, ms; NaN = missed (left out and counted).
    z : array
        Reaction times to the pair, ms.
    probabilities : array
    who : str, optional
        The person, for errors.

    Returns
    -------
    quantiles : DataFrame
        `probability`, and the quantiles of `x`, `y`, `z` and of the `bound` min(G_X + G_Y, 1), ms; `violation` =
        bound − z (ms; positive where the pair beats every race).
    summary : dict
        area_positive: Σ max(G_Z − bound, 0) over ms; net_area: Σ (G_Z − bound), the difference of the means of bound
        and pair (Colonius & Diederich 2006); n and n_missed per condition.
    """
    samples, missed = {}, {}
    for name, times in (("x", x), ("y", y), ("z", z)):
        label = f"reaction times {name}" if who is None else f"{who}, reaction times {name}"
        samples[name], missed[name] = check_reaction_times(times, label)
    low = int(min(np.round(s).min() for s in samples.values())) - 1
    grid = np.arange(low, int(max(np.round(s).max() for s in samples.values())) + 2, dtype=float)
    cdfs = {name: reaction_cdf(s, grid) for name, s in samples.items()}
    cdfs["bound"] = np.minimum(cdfs["x"] + cdfs["y"], 1.0)
    table = pd.DataFrame(
        {"probability": probabilities, **{name: cdf_quantiles(grid, c, probabilities) for name, c in cdfs.items()}}
    )
    table["violation"] = table["bound"] - table["z"]
    gain = cdfs["z"] - cdfs["bound"]
    summary = {
        "area_positive": float(np.maximum(gain, 0).sum()),
        "net_area": float(gain.sum()),
        **{f"n_{k}": len(s) for k, s in samples.items()},
        **{f"n_missed_{k}": m for k, m in missed.items()},
    }
    return table, summary


def race_distributions(trials, *, observer=None, limits=(0.0, np.inf)):
    """Distribution functions of the reaction times to sound, light and pair, and the bound of any race.

    Parameters
    ----------
    trials : DataFrame
        As for `race_test`; one observer's rows.
    observer : str, optional
        Which observer, where the table holds several.
    limits : (low, high)
        Reaction times outside are left out; `race_test` counts them.

    Returns
    -------
    DataFrame
        `t` (ms), `auditory`, `visual`, `audiovisual`, `bound` = min(auditory + visual, 1).

    Raises
    ------
    ValueError
        If the table holds several observers and none is named, or a condition has fewer than two times.
    """
    trials = need(trials, ["observer", "auditory_azimuth", "visual_azimuth", "reaction_time"])
    own = trials if observer is None else trials[trials["observer"] == plain_text(observer)]
    if own["observer"].nunique() != 1:
        raise ValueError(f"the table has {own['observer'].nunique()} observers; name one of them as `observer`")
    heard, seen = present_in(own, "auditory"), present_in(own, "visual")
    own = own.assign(reaction_time=numeric(own["reaction_time"], "reaction_time"))
    kept = own["reaction_time"].between(*limits).to_numpy()
    samples = {
        name: check_reaction_times(own.loc[rows & kept, "reaction_time"], f"reaction times, {name}")[0]
        for name, rows in (("auditory", heard & ~seen), ("visual", seen & ~heard), ("audiovisual", heard & seen))
    }
    low, high = (f(f(s) for s in samples.values()) for f in (min, max))
    t = np.arange(np.floor(low) - 1, np.ceil(high) + 2)
    table = pd.DataFrame({"t": t, **{name: reaction_cdf(s, t) for name, s in samples.items()}})
    return table.assign(bound=np.minimum(table["auditory"] + table["visual"], 1.0))


def race_test(trials, *, probabilities=PROBABILITIES, limits=(0.0, np.inf), by=()):
    """The inequality for every observer of a table of sounds, lights and pairs, and a t test at each quantile.

    Parameters
    ----------
    trials : DataFrame
        `observer`, `report` "detection", `auditory_azimuth`, `visual_azimuth` (NaN = absent), `reaction_time` (ms;
        NaN = missed).
    probabilities : array
    limits : (low, high)
        Reaction times outside (anticipations, lapses of attention) are left out and counted as `n_dropped`.
    by : sequence of str
        Factors of pairs that are tested apart, such as ("soa",); singles are shared.

    Returns
    -------
    people : DataFrame
        `observer`, factors, `probability`, `auditory`, `visual`, `audiovisual`, `bound` (ms), `violation`,
        `area_positive`, `net_area`, `n` pairs, `n_missed`, `n_dropped` (over the three conditions).
    group : DataFrame
        Per factor and probability: mean `violation` (ms), `low`, `high` (95 % over observers), one-sided `p` that it
        exceeds 0 (paired t; NaN with one observer), `n_observers`.

    Raises
    ------
    ValueError
        If an observer lacks one of the three conditions.
    """
    by = as_list(by)
    trials = need(trials, ["observer", "report", "auditory_azimuth", "visual_azimuth", "reaction_time", *by])
    asked = trials[trials["report"] == "detection"]
    if asked.empty:
        raise ValueError("no row asks for a 'detection'; see paradigms.redundant_target")
    asked = grouped_rows(asked, ["observer"], "race_test")
    asked = asked.assign(reaction_time=numeric(asked["reaction_time"], "reaction_time"))
    heard, seen = present_in(asked, "auditory"), present_in(asked, "visual")
    outside = asked["reaction_time"].notna() & ~asked["reaction_time"].between(*limits)
    kind = np.select([heard & seen, heard, seen], ["z", "x", "y"], default="catch")
    asked = asked.assign(_kind=kind, _dropped=outside)
    rows = []
    for observer, own in asked.groupby("observer", sort=False):
        single = {k: own[(own["_kind"] == k)] for k in ("x", "y")}
        pairs = own[own["_kind"] == "z"]
        empty = [
            n for n, t in (("sounds alone", single["x"]), ("lights alone", single["y"]), ("pairs", pairs)) if t.empty
        ]
        if empty:
            raise ValueError(f"{observer} has no {' and no '.join(empty)}; the inequality needs all three")
        for key, pair in pairs.groupby(list(by), sort=True, dropna=False) if by else [((), pairs)]:
            used = [single["x"], single["y"], pair]
            times = [u.loc[~u["_dropped"], "reaction_time"] for u in used]
            table, summary = race_inequality(*times, probabilities, who=observer)
            table = table.rename(columns={"x": "auditory", "y": "visual", "z": "audiovisual"})
            missed = sum(summary[f"n_missed_{k}"] for k in "xyz")
            rows.append(
                table.assign(
                    observer=observer,
                    **dict(zip(by, key, strict=True)),
                    area_positive=summary["area_positive"],
                    net_area=summary["net_area"],
                    n=summary["n_z"],
                    n_missed=missed,
                    n_dropped=int(sum(u["_dropped"].sum() for u in used)),
                )
            )
    people = pd.concat(rows, ignore_index=True)
    front = ["observer", *by]
    return people[[*front, *[c for c in people if c not in front]]], _group(people, list(by))


def _group(people, by):
    rows = []
    for key, cell in people.groupby([*by, "probability"], sort=True, dropna=False):
        values = cell["violation"].to_numpy()
        n, mean = len(values), values.mean()
        error = values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        half = stats.t.ppf(0.975, n - 1) * error if n > 1 else np.nan
        p = stats.t.sf(mean / error, n - 1) if n > 1 and error > 0 else np.nan
        rows.append((*(key if isinstance(key, tuple) else (key,)), mean, mean - half, mean + half, p, n))
    return pd.DataFrame(rows, columns=[*by, "probability", "violation", "low", "high", "p", "n_observers"])


def mean_reaction_times(trials, *, by=("soa",)):
    """Mean reaction time of each observer and condition, with its sd, 95 % interval over trials, `n` and `n_missed`.

    `shown` says what was there: auditory, visual, audiovisual or nothing.
    """
    trials = need(trials, ["observer", "reaction_time", "auditory_azimuth", "visual_azimuth"])
    trials = grouped_rows(trials, ["observer"], "mean_reaction_times")
    trials = trials.assign(reaction_time=numeric(trials["reaction_time"], "reaction_time"))
    if "soa" in trials:
        warn_seconds(trials["soa"])
    heard, seen = present_in(trials, "auditory"), present_in(trials, "visual")
    kind = np.select([heard & seen, heard, seen], ["audiovisual", "auditory", "visual"], default="nothing")
    table = trials.assign(shown=kind)
    rows = []
    keys = ["observer", "shown", *[b for b in as_list(by) if b in trials]]
    for key, group in table.groupby(keys, sort=False, dropna=False):
        times = group["reaction_time"].dropna()
        mean, sd, n = times.mean(), times.std(), len(times)
        half = 1.959963984540054 * sd / np.sqrt(n) if n > 1 else np.nan
        rows.append((*key, mean, sd, mean - half, mean + half, n, len(group) - n))
    columns = [*keys, "reaction_time", "sd", "low", "high", "n", "n_missed"]
    return keep_kind(pd.DataFrame(rows, columns=columns).sort_values(keys, ignore_index=True), trials)
