"""Reliability-weighted combination of any number of cues, of any modalities."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.core.parameters import number, probability, sd
from neuromm.maths import combination
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.bayes.likely import Likely
from neuromm.observers.choices import LAPSE_RANGE
from neuromm.observers.predictions import Predictions
from neuromm.stimuli.alternatives import number_offers
from neuromm.stimuli.columns import MODALITIES


@dataclass(frozen=True)
class CueCombination(Observer, Likely):
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

    cues: ClassVar = tuple(Cue(modality) for modality in MODALITIES)
    layers: ClassVar[tuple[str, ...]] = ("measurements", "weights", "estimate")
    reports: ClassVar[tuple[str, ...]] = (*MODALITIES, "common")
    random: ClassVar[tuple[str, ...]] = (*MODALITIES, "shared", "motor", "lapse", "guess")
    likelihood_columns: ClassVar[tuple[str, ...]] = tuple(column for cue in cues for column in cue.columns)

    sigma_auditory: float = sd(6.0, "deg", free=(0.5, 40))  # at reliability 1; so are the others
    sigma_visual: float = sd(1.0, "deg", free=(0.1, 40))
    sigma_tactile: float = sd(4.0, "deg")
    sigma_haptic: float = sd(4.7, "mm")  # 8.5 % of 55 mm
    sigma_proprioceptive: float = sd(4.0, "deg")
    sigma_vestibular: float = sd(6.0, "deg")
    correlation: float = number(0.0, low=0, below=1)  # of the noise of any two cues
    ignores_correlation: bool = False
    sigma_prior: float = sd(1e3, "deg", infinite=True)  # 1000 is as good as flat, inf is flat
    mu_prior: float = number(0.0, "deg")
    sigma_motor: float = sd(0.0, "deg", zero=True)
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    name: str = "cue_combination"

    def check_trials(self, trials):
        """As every observer; a row that shows nothing is refused too."""
        super().check_trials(trials)
        empty = np.isnan(self._places(trials)).all(1)
        if empty.any():
            raise ValueError(f"{self.name}: trials {trials.index[empty][:5].tolist()} show nothing (all places NaN)")

    def _places(self, trials):
        """Place of every modality, NaN where absent, (n, 6)."""
        return np.stack([cue.values(trials) for cue in self.cues], -1)

    def _sigmas(self, trials):
        """Sensory SD of every modality, NaN where absent, (n, 6)."""
        columns = [cue.sigmas(trials, cue.sigma_of(self)) for cue in self.cues]
        return np.where(np.isnan(self._places(trials)), np.nan, np.stack(columns, -1))

    def _weights(self, sigmas):
        """Weights of the cues (n, 6) and of the prior (n,)."""
        assumed = 0.0 if self.ignores_correlation else self.correlation
        share = combination.weights(sigmas, assumed)
        precision = combination.combined_sigma(sigmas, assumed) ** -2
        seen = precision / (precision + self.sigma_prior**-2)
        return share * seen[:, None], 1 - seen

    def infer(self, stimuli, draws):
        """Combine what is there by its reliability; one cause is always perceived where two cues are shown."""
        columns = []
        for cue in self.cues:
            # noise of two cues that correlates by `correlation` (Oruç et al. 2003)
            own = np.sqrt(1 - self.correlation) * draws[cue.modality]
            noise = np.sqrt(self.correlation) * draws["shared"] + own
            columns.append(cue.measure(stimuli.table, cue.sigma_of(self), noise))
        x = np.stack(columns, -1)
        weights, prior = self._weights(self._sigmas(stimuli.table))
        estimate = (weights * np.nan_to_num(x)).sum(1) + prior * self.mu_prior
        common = np.where(stimuli.present.sum(1) > 1, 1.0, np.nan)
        layers = {
            "measurements": np.where(np.isnan(x), self.mu_prior, x),
            "weights": weights,
            "estimate": estimate[:, None],
        }
        answers = dict.fromkeys(MODALITIES, estimate)
        return Percepts(**answers, common=common, judged_common=common, layers=layers)

    def moments(self, trials):
        """Mean and sd of the estimate of each row, motor noise included; lapses aside."""
        self.check_trials(trials)
        places, sigmas = self._places(trials), self._sigmas(trials)
        share, prior = self._weights(sigmas)
        sd = combination.sigma_of_weights(share, sigmas, self.correlation)
        return (share * np.nan_to_num(places)).sum(1) + prior * self.mu_prior, np.hypot(sd, self.sigma_motor)

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` and `sd` of the response, `unity` (1; NaN with one cue), and `key_…` of keys."""
        mean, sd = self.moments(trials)
        both = (~np.isnan(self._places(trials))).sum(1) > 1
        said, square = (1 - self.lapse) * mean, (1 - self.lapse) * (mean**2 + sd**2)
        square = square + self.lapse * LAPSE_RANGE**2 / 3
        common, unity = (trials["report"] == "common").to_numpy(), 1 - self.lapse / 2
        expected = np.where(common, np.where(both, unity, np.nan), said)
        spread = np.sqrt(np.where(common, unity * (1 - unity), square - said**2))
        columns = {"expected": expected, "sd": spread, "unity": np.where(both, 1.0, np.nan)}
        table = pd.DataFrame(columns, trials.index)
        for keys, offer in number_offers(trials, self.name, ~common):
            rows = offer.rows
            edges = ndtr(((keys[1:] + keys[:-1]) / 2 - mean[rows, None]) / sd[rows, None])
            edges = np.concatenate([np.zeros((rows.sum(), 1)), edges, np.ones((rows.sum(), 1))], 1)
            chosen = (1 - self.lapse) * np.diff(edges, axis=1) + self.lapse / len(keys)
            table.loc[rows, [f"key_{key:g}" for key in keys]] = chosen
            values = np.arange(2.0) if offer.is_sides else keys
            mean_key = (chosen * values).sum(1)
            table.loc[rows, "expected"] = mean_key
            table.loc[rows, "sd"] = np.sqrt(np.maximum((chosen * values**2).sum(1) - mean_key**2, 0.0))
        return Predictions(table)

    def plan_likelihood(self, cells, device):
        """Log probability (density if continuous) of each answer in closed form."""
        return _Plan(self, cells, device).evaluate, len(cells)


class _Plan:
    """The closed-form likelihood: the estimate is normal, its mean and sd are functions of the parameters."""

    def __init__(self, observer, cells, device):
        import torch

        observer.check_trials(cells)
        places = np.stack([cue.values(cells) for cue in observer.cues], -1)
        unit = np.stack([cue.sigmas(cells, 1.0) for cue in observer.cues], -1)
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
        for keys, offer in number_offers(cells, observer.name, report != "common"):
            rows = offer.rows
            edges = np.concatenate([[-np.inf], (keys[1:] + keys[:-1]) / 2, [np.inf]])
            given = response[rows]
            if offer.is_sides:
                given = keys[np.clip(given, 0, 1).astype(int)]
            key = np.abs(given[:, None] - keys).argmin(1)
            low[rows], high[rows], n_keys[rows] = edges[key], edges[key + 1], len(keys)
        self.low, self.high, self.keyed = tensor(np.nan_to_num(low)), tensor(np.nan_to_num(high)), tensor(n_keys > 0)
        self.n_keys, self.response = tensor(np.maximum(n_keys, 1.0)), tensor(response)

    def evaluate(self, p, _rule=None):
        """Log probability of each cell, (n_sets, n_cells)."""
        import torch

        from neuromm.maths.report_probability import normal_cdf, normal_density  # torch

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
