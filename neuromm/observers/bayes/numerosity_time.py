"""Causal inference over numbers and asynchrony at once: beeps count as flashes only when they come with them."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from neuromm.core.parameters import number, sd
from neuromm.maths.expectation import legendre
from neuromm.maths.gaussian import READ_OUT, logit
from neuromm.observers.base import Draws
from neuromm.observers.bayes.numerosity import Numerosity
from neuromm.observers.bayes.two_cues import TwoCueObserver
from neuromm.observers.bayes.window import asynchrony, gaussian_log_odds
from neuromm.stimuli.alternatives import number_offers

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

    layers: ClassVar[tuple[str, ...]] = (*TwoCueObserver.layers, "log_bayes_factor_time")

    sigma_time: float = sd(60.0, "ms", free=(5, 400))  # sensory noise of the asynchrony
    sigma_common: float = sd(65.0, "ms", free=(5, 400))  # spread of asynchronies of one cause
    sigma_separate: float = sd(126.0, "ms", free=(20, 1000))  # of two causes
    mu_separate: float = number(-48.0, "ms")  # their mean
    name: str = "numerosity_time"

    @property
    def likelihood_columns(self):
        """Columns of the table that decide the probability of an answer."""
        return (*super().likelihood_columns, "soa", "auditory_onset", "visual_onset")

    def _soa(self, trials):
        """Asynchrony of each row, ms; NaN where there is none."""
        if "soa" in trials or {"auditory_onset", "visual_onset"} <= set(trials):
            return asynchrony(trials, self.name)
        return np.full(len(trials), np.nan)

    def log_factor_time(self, x):
        """Log Bayes factor of one cause at a measured asynchrony, nats; 0 where it is NaN."""
        factor = gaussian_log_odds(x, self.sigma_time, self.sigma_common, self.sigma_separate, self.mu_separate, 0.5)
        return np.where(np.isnan(x), 0.0, factor)

    def draw(self, stimuli, rng):
        """Six numbers for the counts, as `Numerosity`, and then four of its own."""
        n_rows = len(stimuli.trials)
        counts = ("auditory", "visual", *(f"counts {name}" for name in ("cause", "motor", "lapse", "guess")))
        normals = [rng.standard_normal((n_rows, 6)), rng.standard_normal((n_rows, 4))]
        names = (*counts, "time", "cause", "lapse", "guess")
        return Draws(names, rng, n_rows, stimuli.first, np.concatenate(normals, axis=1))

    def latents(self, stimuli, draws):
        """As for counts, with the evidence of the asynchrony added to the log odds."""
        latents = super().latents(stimuli, draws)
        absent = np.isnan(latents["common"])
        x = self._soa(stimuli.table) + self.sigma_time * draws["time"]
        time = np.where(absent, 0.0, self.log_factor_time(x))
        posterior = expit(logit(self.p_common) + latents["log_bayes_factor"][:, 0] + time)
        uniform = draws.uniform("cause")
        read_out = READ_OUT[self.strategy]
        estimate = read_out(latents["segregated"], latents["fused"], posterior[:, None], uniform[:, None])
        criterion = uniform if self.strategy == "matching" else 0.5
        return latents | {
            "estimate": np.where(absent[:, None], latents["estimate"], estimate),
            "p_common": posterior[:, None],
            "log_bayes_factor_time": time[:, None],
            "common": np.where(absent, np.nan, posterior > criterion),
        }

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` and `sd` of each row's response, and `key_…` where a count is asked; from the likelihood."""
        self.check_trials(trials)
        table = pd.DataFrame(np.nan, trials.index, ["expected", "sd"])
        asks_count = self._asks_cue(trials)
        offering = self.with_alternatives(trials)
        offering = offering.assign(alternatives=offering["alternatives"].where(asks_count, "0|1"))
        for numbers, offer in number_offers(offering, self.name):
            for counted in (False, True):
                rows = offer.rows & (asks_count == counted)
                if not rows.any():
                    continue
                asked = trials[rows]
                chances = [np.exp(self.log_likelihood(asked.assign(response=number))) for number in numbers]
                probability = np.stack(chances, -1)
                mean = probability @ numbers
                table.loc[rows, "expected"] = mean
                table.loc[rows, "sd"] = np.sqrt(np.maximum(probability @ numbers**2 - mean**2, 0.0))
                if counted:
                    table.loc[rows, [f"key_{number:g}" for number in numbers]] = probability
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
            rule = [replace(one, memory=one.memory / len(groups)) for one in rule]
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
