"""Reliability-weighted combination of any number of cues, of any modalities."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.maths import combination
from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.stimuli.measurement import measure, place_of, sigma_of
from neuromm.stimuli.table import MODALITIES, require, showings

LAPSE_RANGE = 45.0  # units of the place; a lapse on a continuous report is uniform within this of zero
SIDE = "left|right"


@dataclass(frozen=True)
class CueCombination(Likely):
    """Combines all cues that are there by their reliability, and answers with the combined place whatever is asked.

    Each modality m measures x_m = s_m + σ_m noise, σ_m its sd at reliability 1; noises of two cues correlate with
    ρ ≥ 0. Weights are Σ⁻¹1/1ᵀΣ⁻¹1, those of a flat prior; `sigma_prior` adds a Gaussian prior. With
    `ignores_correlation` the weights are those of independent noise, although the noise is not.

    Any pair or triple works: visual–haptic (height), visual–auditory (azimuth), visual–vestibular (heading).
    Predictions of PSE and threshold: `neuromm.maths.combination`.

    References
    ----------
    Ernst & Banks (2002) Nature 415:429. Alais & Burr (2004) Curr Biol 14:257 (defaults: σ_V of the 4° blob, σ_A).
    Gu, Angelaki & DeAngelis (2008) Nat Neurosci 11:1201. Oruç, Maloney & Landy (2003) Vision Res 43:2451 (correlation).
    """

    layers: ClassVar[tuple[str, ...]] = ("measurements", "weights", "estimate")
    reports: ClassVar[tuple[str, ...]] = (*MODALITIES, "common")
    likelihood_columns: ClassVar[tuple[str, ...]] = tuple(
        f"{m}_{part}" for m in MODALITIES for part in ("azimuth", "heading", "height", "reliability")
    )

    sigma_auditory: float = 6.0  # deg, at reliability 1; so are the others, in the unit of their place
    sigma_visual: float = 1.0  # deg
    sigma_tactile: float = 4.0  # deg
    sigma_haptic: float = 4.7  # mm (8.5 % of 55 mm)
    sigma_proprioceptive: float = 4.0  # deg
    sigma_vestibular: float = 6.0  # deg
    correlation: float = 0.0  # of the noise of any two cues, 0 … 1
    ignores_correlation: bool = False
    sigma_prior: float = 1e3  # deg; 1000 is as good as flat, inf is flat
    mu_prior: float = 0.0  # deg
    sigma_motor: float = 0.0  # deg
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    name: str = "cue_combination"

    def __post_init__(self):
        if not self.sigma_prior > 0:
            raise ValueError(f"{self.name}: sigma_prior must be a positive sd, got {self.sigma_prior}; inf is flat")
        for name in (f"sigma_{m}" for m in MODALITIES):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive sd is wanted")
        if not (np.isfinite(self.sigma_motor) and self.sigma_motor >= 0):
            raise ValueError(f"{self.name}: sigma_motor is {self.sigma_motor}; an sd of at least 0 is wanted")
        if not 0 <= self.correlation < 1:
            raise ValueError(f"{self.name}: correlation is {self.correlation}; at least 0 and below 1 is wanted")
        if not 0 <= self.lapse <= 1:
            raise ValueError(f"{self.name}: lapse is {self.lapse}; a probability is wanted")

    def _stimulus(self, shown):
        """Places and sds of every modality, NaN where absent, (n, 6) each."""
        require(shown, ["report"], self.name)
        check_asked(shown, self.name, tuple((m, m) for m in MODALITIES))
        places = np.stack([place_of(shown, m) for m in MODALITIES], -1)
        sigmas = np.stack([sigma_of(shown, m, getattr(self, f"sigma_{m}")) for m in MODALITIES], -1)
        empty = np.isnan(places).all(1)
        if empty.any():
            raise ValueError(f"{self.name}: trials {shown.index[empty][:5].tolist()} show nothing (all places NaN)")
        return places, np.where(np.isnan(places), np.nan, sigmas)

    def _weights(self, sigmas):
        """Weights of the cues (n, 6) and of the prior (n,)."""
        assumed = 0.0 if self.ignores_correlation else self.correlation
        share = combination.weights(sigmas, assumed)
        precision = combination.combined_sigma(sigmas, assumed) ** -2
        seen = precision / (precision + self.sigma_prior**-2)
        return share * seen[:, None], 1 - seen

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`: measurements (6, prior mean where absent), weights (6), estimate (1).

        Needs `report` and a place (azimuth, heading or height) of at least one modality per row; yoked measurements
        take the place of the observer's own noise. `common` is always answered "one"; with one cue it is missing (NaN).
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        places, sigmas = self._stimulus(trials)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), len(MODALITIES) + 4))
        shared = np.sqrt(self.correlation) * z[:, [6]] + np.sqrt(1 - self.correlation) * z[:, :6]
        x = np.stack(
            [measure(trials, m, getattr(self, f"sigma_{m}"), shared[:, i]) for i, m in enumerate(MODALITIES)], -1
        )[first][of_row]
        share, prior = self._weights(sigmas)
        estimate = (share * np.nan_to_num(x)).sum(1) + prior * self.mu_prior
        lapsed, uniform = ndtr(z[:, 8]) < self.lapse, ndtr(z[:, 9])
        both = (~np.isnan(places)).sum(1) > 1
        said = np.where(lapsed, (2 * uniform - 1) * LAPSE_RANGE, estimate + self.sigma_motor * z[:, 7])
        said = self._lapse_on_keys(trials, said, lapsed, uniform)
        common = np.where(both, np.where(lapsed, uniform < 0.5, True), np.nan).astype(float)
        judged = pd.array([True if b else None for b in both], "boolean")
        answers = answer(trials, {m: said for m in MODALITIES} | {"common": common}, self.name, judged_common=judged)
        recorded = {
            "measurements": np.where(np.isnan(x), self.mu_prior, x), "weights": share, "estimate": estimate[:, None],
        }  # fmt: skip
        return Percept(answers, collect(layers, recorded, trials, self.name))

    def _lapse_on_keys(self, trials, said, lapsed, uniform):
        for keys, rows in _keys(trials):
            at = np.flatnonzero(rows & lapsed)
            said[at] = keys[np.minimum((uniform[at] * len(keys)).astype(int), len(keys) - 1)]
        return said

    def moments(self, trials):
        """Mean and sd of the estimate of each row, motor noise included; lapses aside."""
        places, sigmas = self._stimulus(trials)
        share, prior = self._weights(sigmas)
        sd = combination.sigma_of_weights(share, sigmas, self.correlation)
        return (share * np.nan_to_num(places)).sum(1) + prior * self.mu_prior, np.hypot(sd, self.sigma_motor)

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` and `sd` of the response, `p_common` (1; NaN with one cue), and `key_…` of keys."""
        mean, sd = self.moments(trials)
        answer(trials, dict.fromkeys(self.reports, 0.0), self.name)
        both = (~np.isnan(self._stimulus(trials)[0])).sum(1) > 1
        said, square = (1 - self.lapse) * mean, (1 - self.lapse) * (mean**2 + sd**2)
        square = square + self.lapse * LAPSE_RANGE**2 / 3
        common, unity = (trials["report"] == "common").to_numpy(), 1 - self.lapse / 2
        expected = np.where(common, np.where(both, unity, np.nan), said)
        spread = np.sqrt(np.where(common, unity * (1 - unity), square - said**2))
        columns = {"expected": expected, "sd": spread, "p_common": np.where(both, 1.0, np.nan)}
        table = pd.DataFrame(columns, trials.index)
        for keys, rows in _keys(trials):
            edges = ndtr(((keys[1:] + keys[:-1]) / 2 - mean[rows, None]) / sd[rows, None])
            edges = np.concatenate([np.zeros((rows.sum(), 1)), edges, np.ones((rows.sum(), 1))], 1)
            pressed = (1 - self.lapse) * np.diff(edges, axis=1) + self.lapse / len(keys)
            table.loc[rows, [f"key_{key:g}" for key in keys]] = pressed
            side = (trials["alternatives"] == SIDE).to_numpy()[rows]
            values = np.where(side[:, None], np.arange(len(keys)), keys)
            mean_key = (pressed * values).sum(1)
            table.loc[rows, "expected"] = mean_key
            table.loc[rows, "sd"] = np.sqrt(np.maximum((pressed * values**2).sum(1) - mean_key**2, 0.0))
        return table

    def plan_likelihood(self, cells, device):
        """Log probability (density if continuous) of each answer in closed form."""
        return _Plan(self, cells, device).evaluate, len(cells)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


class _Plan:
    """The closed-form likelihood: the estimate is normal, its mean and sd are functions of the parameters."""

    def __init__(self, observer, cells, device):
        import torch

        places, _ = observer._stimulus(cells)
        unit = np.stack([sigma_of(cells, m, 1.0) for m in MODALITIES], -1)
        there = ~np.isnan(places)
        self.assumes_none = observer.ignores_correlation

        def tensor(x):
            return torch.tensor(np.asarray(x), device=device)

        self.there, self.unit, self.places = tensor(there * 1.0), tensor(unit), tensor(np.nan_to_num(places))
        response, report = cells["response"].to_numpy(float), cells["report"].to_numpy(object)
        self.common = tensor(report == "common")
        if ((report == "common") & (there.sum(1) < 2)).any():
            raise ValueError(f"{observer.name}: 'response' answers 'common' where one event is shown; drop those rows")
        low, high, n_keys = np.full(len(cells), np.nan), np.full(len(cells), np.nan), np.zeros(len(cells))
        for keys, rows in _keys(cells):
            edges = np.concatenate([[-np.inf], (keys[1:] + keys[:-1]) / 2, [np.inf]])
            side = (cells["alternatives"] == SIDE).to_numpy()[rows]
            given = np.where(side, keys[np.clip(response[rows], 0, 1).astype(int)], response[rows])
            key = np.abs(given[:, None] - keys).argmin(1)
            low[rows], high[rows], n_keys[rows] = edges[key], edges[key + 1], len(keys)
        self.low, self.high, self.keyed = tensor(np.nan_to_num(low)), tensor(np.nan_to_num(high)), tensor(n_keys > 0)
        self.n_keys, self.response = tensor(np.maximum(n_keys, 1.0)), tensor(response)

    def evaluate(self, p, _rule=None):
        """Log probability of each cell, (n_sets, n_cells)."""
        import torch

        from neuromm.maths.report_probability import normal_cdf, normal_density

        sigma = torch.stack([p[f"sigma_{m}"] for m in MODALITIES], -1)[:, None] * self.unit  # (sets, cells, 6)
        noise = p["correlation"][:, None, None]
        rho = 0.0 * noise if self.assumes_none else noise
        n = self.there.sum(-1, keepdim=True)
        u = self.there / sigma
        # inverse of an equicorrelated matrix: [I − ρ/(1 + (n − 1)ρ) 11ᵀ]/(1 − ρ)
        precision = u * (u - rho / (1 + (n - 1) * rho) * u.sum(-1, keepdim=True)) / (1 - rho) * self.there
        total = precision.sum(-1, keepdim=True) + p["sigma_prior"][:, None, None] ** -2
        share = precision / total
        prior = 1 - share.sum(-1)
        mean = (share * self.places).sum(-1) + prior * p["mu_prior"][:, None]
        spread = share * sigma
        variance = (1 - noise[..., 0]) * (spread**2).sum(-1) + noise[..., 0] * spread.sum(-1) ** 2
        sd = torch.sqrt(variance + p["sigma_motor"][:, None] ** 2)
        lapse = p["lapse"][:, None]
        pressed = normal_cdf((self.high - mean) / sd) - normal_cdf((self.low - mean) / sd)
        density = normal_density(self.response - mean, sd)
        inside = (self.response.abs() <= LAPSE_RANGE) / (2 * LAPSE_RANGE)
        said = torch.where(
            self.keyed,
            (1 - lapse) * pressed.clamp(min=1e-12) + lapse / self.n_keys,
            (1 - lapse) * density.clamp(min=1e-12) + lapse * inside,
        )
        one = torch.where(self.response > 0.5, 1 - lapse / 2, (lapse / 2).clamp(min=1e-12))
        return torch.log(torch.where(self.common, one, said))


def _keys(trials):
    """(keys in ascending order, rows that offer them) for each kind of `alternatives`; sides are −1 and 1."""
    if "alternatives" not in trials:
        return []
    offered = trials["alternatives"].fillna("").astype(str).str.strip()
    place = (trials["report"] != "common").to_numpy()
    found = []
    for text in sorted(set(offered[place]) - {""}):
        try:
            keys = np.sort([float(key) for key in ("-1|1" if text == SIDE else text).split("|")])
        except ValueError:
            raise ValueError(f"alternatives '{text}' are not places; keys look like -10|-5|0|5|10") from None
        found.append((keys, (offered == text).to_numpy() & place))
    return found
