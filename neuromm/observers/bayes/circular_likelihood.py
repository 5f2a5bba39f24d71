"""Likelihood, predictions and percepts of the observer of directions: rows grouped by question and noise."""

from dataclasses import fields

import numpy as np
import pandas as pd
import torch

from neuromm.maths import circular as exact
from neuromm.observers.bayes.directions import direction_offers, wrapped

LEAST = 1e-12  # least probability or density of an answer


def numbers(observer):
    """The numeric fields as tensors of one parameter set, shape ()."""
    values = {f.name: getattr(observer, f.name) for f in fields(observer)}
    return {k: torch.tensor(float(v), dtype=torch.float64) for k, v in values.items() if isinstance(v, int | float)}


def circle(observer, p, own, scale, fine=0.4):
    """`Circle` with cue `own` (0 or 1) as the reported one; `scale`: 1/√reliability of both."""
    order = (own, 1 - own)
    sds = [p[observer.cues[i].sigma_field] * scale[i] for i in order]
    grid = exact.grid_of([s.detach() for s in sds] + [p["sigma_prior"].detach()], fine)
    prior = p["p_common"].clamp(1e-12, 1 - 1e-12)
    return exact.infer(grid, *sds, p["sigma_prior"], p["mu_prior"], prior, observer.noise), sds


def at_measurements(observer, x, scale):
    """Estimates (n, 2) and posterior of one cause (n,) at measurements (n, 2), NaN = absent (numpy)."""
    p, estimate, posterior = numbers(observer), np.full(x.shape, np.nan), np.full(len(x), observer.p_common)
    absent = np.isnan(x)
    kinds, of = np.unique(np.where(absent, -1.0, scale), axis=0, return_inverse=True)
    for i, kind in enumerate(kinds):
        rows = np.flatnonzero(of.ravel() == i)
        there = [k for k in (0, 1) if kind[k] > 0]
        sds = [p[observer.cues[k].sigma_field] * kind[k] for k in there]
        grid = exact.grid_of([*sds, p["sigma_prior"]])
        prior = exact.log_density(grid - p["mu_prior"], p["sigma_prior"].expand(len(grid)), observer.noise)
        wave = torch.exp(1j * torch.deg2rad(grid))
        log = []
        for k, sd in zip(there, sds, strict=True):
            away = torch.as_tensor(x[rows, k])[:, None] - grid
            log.append(exact.log_density(away, sd.expand(away.shape), observer.noise))
        step = np.log(exact.TURN / len(grid))
        evidence = [torch.logsumexp(v + prior, 1) + step for v in log]
        two = [(torch.softmax(v + prior, 1) * wave).sum(1) for v in log]
        q = torch.zeros(len(rows), dtype=torch.float64)
        one = two[0] if two else q
        if len(there) == 2:
            joint = log[0] + log[1] + prior
            odds = torch.logsumexp(joint, 1) + step - evidence[0] - evidence[1]
            prior_odds = torch.logit(p["p_common"].clamp(1e-12, 1 - 1e-12))
            q, one = torch.sigmoid(prior_odds + odds), (torch.softmax(joint, 1) * wave).sum(1)
            posterior[rows] = q.numpy()
        for k, resultant in zip(there, two, strict=True):
            estimate[rows, k] = np.rad2deg(np.angle((q * one + (1 - q) * resultant).numpy()))
    return estimate, posterior


def _cases(observer, cells):
    """(rows, own cue, both shown, scale) for rows that share modalities, the reported cue and reliabilities."""
    places = np.stack([cue.values(cells) for cue in observer.cues], -1)
    scale = np.stack([cue.sigmas(cells, 1.0) for cue in observer.cues], -1)
    report = cells["report"].to_numpy(object)
    own = np.where(report == "visual", 1, 0)
    own = np.where((report == "heading") & np.isnan(places[:, 0]), 1, own)
    alone = np.isnan(places).any(1)
    if (alone & (report == "common")).any():
        raise ValueError(f"{observer.name}: 'response' answers 'common' where one event is shown; drop those rows")
    table = pd.DataFrame({"own": own, "alone": alone, "a": scale[:, 0], "v": scale[:, 1]})
    for (cue, single, a, v), rows in table.groupby(list(table.columns), sort=False).indices.items():
        yield rows, int(cue), not single, (a, v), places[rows]


def _measured(observer, p, found, sds, own, both, place):
    """Estimates and weights of one row's measurements: (k_own, k_other) or (k_own,)."""
    near, weight = exact.measured(found.grid, float(place[own]), sds[0], observer.noise)
    if not both:
        return found.alone[near], weight, None
    other, second = exact.measured(found.grid, float(place[1 - own]), sds[1], observer.noise)
    return found.estimate[near][:, other], weight[:, None] * second, (near, weight, other, second)


def plan(observer, cells):
    """`evaluate(parameters, rule) → log probability (n_sets, n_cells)`, and its size per set."""
    cases = list(_cases(observer, cells))
    response, common = cells["response"].to_numpy(float), (cells["report"] == "common").to_numpy()
    low, high, n_keys = np.full(len(cells), np.nan), np.full(len(cells), np.nan), np.zeros(len(cells))
    for keys, offer in direction_offers(cells, observer.name):
        side, rows = offer.is_sides, offer.rows
        gap = np.diff(np.concatenate([keys, [keys[0] + 360.0]])) / 2
        key = response[rows].astype(int) if side else np.abs(wrapped(response[rows][:, None] - keys)).argmin(1)
        low[rows], high[rows], n_keys[rows] = keys[key] - np.roll(gap, 1)[key], keys[key] + gap[key], len(keys)

    def one(p):
        out = [None] * len(cells)
        for rows, own, both, scale, places in cases:
            found, sds = circle(observer, p, own, scale, 0.15 if common[rows].any() else 0.4)
            for row, place in zip(rows, places, strict=True):
                estimate, weight, parts = _measured(observer, p, found, sds, own, both, place)
                if common[row]:
                    yes = exact.judged(found, *parts)
                    value = yes if response[row] > 0.5 else 1 - yes
                    chance = 0.5
                elif n_keys[row]:
                    ends = (torch.tensor([v], dtype=torch.float64) for v in (low[row], high[row]))
                    value = (exact.arc(estimate, *ends, p["sigma_motor"])[..., 0] * weight).sum()
                    chance = 1 / n_keys[row]
                else:
                    away = response[row] - estimate
                    density = exact.log_density(away, p["sigma_motor"].expand(away.shape), "wrapped_normal")
                    value, chance = (torch.exp(density) * weight).sum(), 1 / exact.TURN
                out[row] = torch.log((1 - p["lapse"]) * value.clamp(min=LEAST) + p["lapse"] * chance)
        return torch.stack(out)

    def evaluate(parameters, _rule=None):
        n = len(parameters["lapse"])
        return torch.stack([one({k: v[i] for k, v in parameters.items()}) for i in range(n)])

    return evaluate, 80_000


def predict(observer, rows_shown):
    """Expectations of distinct rows: expected, sd, key_…."""
    p = numbers(observer)
    table = pd.DataFrame(np.nan, rows_shown.index, ["expected", "sd"])
    common = (rows_shown["report"] == "common").to_numpy()
    keyed = {}
    for keys, offer in direction_offers(rows_shown, observer.name):
        keyed |= {i: (keys, offer.is_sides) for i in np.flatnonzero(offer.rows)}
    with torch.no_grad():
        for rows, own, both, scale, places in _cases(observer, rows_shown):
            found, sds = circle(observer, p, own, scale, 0.15 if common[rows].any() else 0.4)
            for row, place in zip(rows, places, strict=True):
                estimate, weight, parts = _measured(observer, p, found, sds, own, both, place)
                at = rows_shown.index[row]
                if common[row]:
                    yes = (1 - observer.lapse) * float(exact.judged(found, *parts)) + observer.lapse / 2
                    table.loc[at, ["expected", "sd"]] = yes, np.sqrt(yes * (1 - yes))
                    continue
                wave = (torch.exp(1j * torch.deg2rad(estimate)) * weight).sum() * np.exp(
                    -0.5 * np.deg2rad(observer.sigma_motor) ** 2
                )
                mean = complex(wave) * (1 - observer.lapse)  # lapses point everywhere
                spread = np.rad2deg(np.sqrt(-2 * np.log(max(abs(mean), 1e-300))))
                table.loc[at, ["expected", "sd"]] = np.rad2deg(np.angle(mean)), spread
                if row in keyed:
                    keys, side = keyed[row]
                    gap = torch.as_tensor(np.diff(np.concatenate([keys, [keys[0] + 360.0]])) / 2)
                    middle = torch.as_tensor(keys)
                    chosen = exact.arc(estimate, middle - gap.roll(1), middle + gap, p["sigma_motor"])
                    chosen = (chosen * weight[..., None]).flatten(0, -2).sum(0).numpy()
                    chosen = (1 - observer.lapse) * chosen + observer.lapse / len(keys)
                    table.loc[at, [f"key_{k:g}" for k in keys]] = chosen
                    if side:
                        table.loc[at, ["expected", "sd"]] = chosen[1], np.sqrt(chosen[0] * chosen[1])
    return table
