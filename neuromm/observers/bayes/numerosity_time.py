"""Causal inference over numbers and asynchrony at once: beeps count as flashes only when they come with them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from neuromm.maths.expectation import legendre
from neuromm.maths.gaussian import READ_OUT, logit
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.numerosity import Numerosity
from neuromm.observers.bayes.window import asynchrony, gaussian_log_odds
from neuromm.observers.protocol import Percept, answer, collect, perceive_sets
from neuromm.stimuli.table import showings

REACH, N_NODES = 6.0, 40  # sd of the measured asynchrony that the rule covers, and its Gauss nodes


@dataclass(frozen=True)
class NumerosityTime(Numerosity):
    """Counts flashes and beeps; whether they share a cause is inferred from their numbers and from their asynchrony.

    Numbers and asynchrony are independent given the causes, so their log Bayes factors add:
    log odds = log p/(1 − p) + log BF(counts) + log BF(asynchrony). The asynchrony `soa` (sound later is positive) is
    measured with sd σ_t; one cause makes asynchronies N(0, σ₁²), two N(μ₂, σ₂²), as in `Magnotti2013`. A row without
    an asynchrony (NaN, or one modality) is `Numerosity`. The likelihood integrates the measured asynchrony on top of
    the exact one over counts.

    References
    ----------
    Counts: Rohe, Ehlis & Noppeney (2019) Nat Commun 10:1907. Time: Magnotti, Ma & Beauchamp (2013) Front Psychol 4:798.
    Independent dimensions: Samad, Chung & Shams (2015) PLoS ONE 10:e0117178.
    """

    layers: ClassVar[tuple[str, ...]] = (*CausalInference.layers, "log_bayes_factor_time")
    likelihood_columns: ClassVar[tuple[str, ...]] = (
        *Numerosity.likelihood_columns,
        "soa",
        "auditory_onset",
        "visual_onset",
    )

    sigma_time: float = 60.0  # ms, sensory noise of the asynchrony
    sigma_common: float = 65.0  # ms, spread of asynchronies of one cause
    sigma_separate: float = 126.0  # ms, of two causes
    mu_separate: float = -48.0  # ms, their mean
    name: str = "numerosity_time"

    def __post_init__(self):
        super().__post_init__()
        for name in ("sigma_time", "sigma_common", "sigma_separate"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive number of ms is wanted")

    def _soa(self, trials):
        """Asynchrony of each row, ms; NaN where there is none."""
        if "soa" in trials or {"auditory_onset", "visual_onset"} <= set(trials):
            return asynchrony(trials, self.name)
        return np.full(len(trials), np.nan)

    def log_factor_time(self, x):
        """Log Bayes factor of one cause at a measured asynchrony, nats; 0 where it is NaN."""
        factor = gaussian_log_odds(x, self.sigma_time, self.sigma_common, self.sigma_separate, self.mu_separate, 0.5)
        return np.where(np.isnan(x), 0.0, factor)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`; see `CausalInference.perceive` (units: counts; nats).

        Raises
        ------
        ValueError
            If `n_flashes` and `n_beeps` are missing, or a row asks for a count of what was absent.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        shown, twin = self._as_places(trials), self._twin()
        counted = twin.perceive(shown, rng=rng, layers="*")  # refuses what cannot be answered
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), 4))
        x = (self._soa(trials)[first] + self.sigma_time * z[first, 0])[of_row]
        latent = {k: v.to_numpy().astype(float) for k, v in counted.representations.items()}
        absent = counted.responses["judged_common"].isna().to_numpy()
        time = np.where(absent, 0.0, self.log_factor_time(x))
        odds = logit(self.p_common) + latent["log_bayes_factor"][:, 0] + time
        posterior, uniform = expit(odds), ndtr(z[first, 1])[of_row]
        estimate = READ_OUT[self.strategy](latent["segregated"], latent["fused"], posterior[:, None], uniform[:, None])
        estimate = np.where(absent[:, None], latent["estimate"], estimate)
        judged = posterior > (uniform if self.strategy == "matching" else 0.5)
        recorded = latent | {
            "estimate": estimate, "p_common": posterior[:, None], "log_bayes_factor_time": time[:, None],
        }  # fmt: skip
        said = {"n_beeps": estimate[:, 0], "n_flashes": estimate[:, 1], "common": np.where(absent, np.nan, judged)}
        said = self._lapse(shown, said, z, trials)
        asked = trials.assign(alternatives=shown["alternatives"])
        unity = pd.array([None if a else bool(j) for a, j in zip(absent, judged, strict=True)], "boolean")
        responses = answer(asked, said, self.name, judged_common=unity)
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _lapse(self, shown, said, z, trials):
        lapsed, uniform = ndtr(z[:, 2]) < self.lapse, ndtr(z[:, 3])
        keys = shown["alternatives"].map(
            lambda t: None if pd.isna(t) else np.sort([float(k) for k in str(t).split("|")])
        )
        for row in np.flatnonzero(lapsed):
            offered = keys.iloc[row]
            if offered is None:
                if not np.isnan(said["common"][row]):
                    said["common"][row] = uniform[row] < 0.5
                continue
            for count in ("n_beeps", "n_flashes"):
                said[count][row] = offered[min(int(uniform[row] * len(offered)), len(offered) - 1)]
        return said

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` and `sd` of each row's response, and `key_…` where a count is asked; from the likelihood."""
        shown = self._as_places(trials)
        table = pd.DataFrame(np.nan, trials.index, ["expected", "sd"])
        asked = shown["alternatives"].where(shown["report"] != "common", "0|1")
        for text in dict.fromkeys(asked):
            rows = (asked == text).to_numpy()
            keys = np.sort([float(key) for key in str(text).split("|")])
            some = trials[rows]
            pressed = np.stack([np.exp(self.log_likelihood(some.assign(response=key))) for key in keys], -1)
            mean = pressed @ keys
            table.loc[rows, "expected"] = mean
            table.loc[rows, "sd"] = np.sqrt(np.maximum(pressed @ keys**2 - mean**2, 0.0))
            count = (shown["report"] != "common").to_numpy()[rows]
            if count.all():
                table.loc[rows, [f"key_{key:g}" for key in keys]] = pressed
        return table

    def plan_likelihood(self, cells, device):
        """Log probability of each answer: the plan over counts at every node of the measured asynchrony."""
        import torch

        soa = self._soa(cells)
        groups, effort = [], 1
        for value in np.unique(soa):
            rows = np.flatnonzero(np.isnan(soa) if np.isnan(value) else soa == value)
            evaluate, one = super().plan_likelihood(cells.iloc[rows], device)
            groups.append((float(value), rows, evaluate))
            effort = max(effort, one * N_NODES)
        u, w = legendre(N_NODES)
        z = torch.as_tensor(REACH * (2 * u - 1), device=device)
        weight = torch.as_tensor(w, device=device) * torch.exp(-0.5 * z**2)
        weight = torch.log(weight / weight.sum())
        order = torch.as_tensor(np.argsort(np.concatenate([rows for _, rows, _ in groups])), device=device)

        def evaluate(p, *rule):
            found = []
            for value, _, count in groups:
                if np.isnan(value):
                    found.append(count(p, *rule))
                    continue
                sigma = p["sigma_time"][:, None]
                x = value + sigma * z
                one, two = sigma**2 + p["sigma_common"][:, None] ** 2, sigma**2 + p["sigma_separate"][:, None] ** 2
                factor = (
                    0.5 * torch.log(two / one) - 0.5 * x**2 / one + 0.5 * (x - p["mu_separate"][:, None]) ** 2 / two
                )
                prior = p["p_common"].clamp(1e-12, 1 - 1e-12)[:, None]
                chance = torch.sigmoid(torch.log(prior) - torch.log1p(-prior) + factor)  # (n_sets, n_nodes)
                many = {k: v[:, None].expand_as(chance).reshape(-1) for k, v in p.items()} | {
                    "p_common": chance.reshape(-1)
                }
                each = count(many, *rule).unflatten(0, chance.shape)  # (n_sets, n_nodes, n_rows)
                found.append(torch.logsumexp(each + weight[:, None], 1))
            return torch.cat(found, -1)[:, order]

        return evaluate, effort
