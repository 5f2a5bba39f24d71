"""Causal inference over three modalities: which of sound, light and touch belong together, in all five ways."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.core.parameters import count, number, numbers_of, probability, sd
from neuromm.maths import partitions as parts
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.bayes.likely import Likely
from neuromm.observers.choices import LAPSE_RANGE
from neuromm.observers.protocol import units_of
from neuromm.stimuli.alternatives import number_offers, offer_counts
from neuromm.stimuli.table import distinct


class TrimodalObserver(Observer, Likely):
    """What places and counts share. Estimates are averaged over the five partitions.

    Layers: `measurements` (3; the prior mean where absent), `estimates` (15: five partitions × three cues),
    `p_partition` (5, posterior; all in one first, all separate last), `estimate` (3).
    """

    layers: ClassVar[tuple[str, ...]] = ("measurements", "estimates", "p_partition", "estimate")

    @property
    def likelihood_columns(self) -> tuple[str, ...]:
        """Columns of the table that decide the probability of an answer."""
        return tuple(column for cue in self.cues for column in cue.columns)

    def partition_prior(self, p=None):
        """Prior probabilities of the five partitions, in the order of `neuromm.maths.partitions.partitions(3)`."""
        p = p or {n: getattr(self, n) for n in ("p_all", "p_pair", "p_auditory_visual", "p_auditory_tactile")}
        pair = (1 - p["p_all"]) * p["p_pair"]
        other = pair * (1 - p["p_auditory_visual"])
        chance = {
            ((0, 1, 2),): p["p_all"], ((0, 1), (2,)): pair * p["p_auditory_visual"],
            ((0, 2), (1,)): other * p["p_auditory_tactile"], ((0,), (1, 2)): other * (1 - p["p_auditory_tactile"]),
            ((0,), (1,), (2,)): (1 - p["p_all"]) * (1 - p["p_pair"]),
        }  # fmt: skip
        return [chance[blocks] for blocks in parts.partitions(3)]

    def infer(self, stimuli, draws):
        """Weigh all five partitions by their posterior, and average their estimates."""
        x, sigmas = stimuli.measure(self, draws), stimuli.sigmas(self)
        evidence = parts.log_evidence(x, sigmas, self.mu_prior, self.sigma_prior)
        posterior = parts.posterior(evidence, self.partition_prior())
        estimates = parts.estimates(x, sigmas, self.mu_prior, self.sigma_prior)
        estimate = parts.average(estimates, posterior)
        layers = {
            "measurements": np.where(np.isnan(x), self.mu_prior, x),
            "estimates": units_of(estimates),
            "p_partition": posterior,
            "estimate": estimate,
        }
        answers = {cue.asked_as: estimate[:, i] for i, cue in enumerate(self.cues)}
        return Percepts(**answers, layers=layers)

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` and `sd` of each row's response, and `key_…` of keys; one pass per distinct row."""
        import torch

        self.check_trials(trials)
        first, row_to_distinct = distinct(trials, [*self.likelihood_columns, "report", "alternatives"])
        one = self.with_alternatives(trials.iloc[first]).reset_index(drop=True)
        table = pd.DataFrame(np.nan, one.index, ["expected", "sd"])
        numbers = numbers_of(self)
        values = {name: torch.tensor([v], dtype=torch.float64) for name, v in numbers.items()}
        with torch.no_grad():
            for keys, offer in number_offers(one, self.name):
                rows = offer.rows
                chosen = [self._log(one[rows].assign(response=key), values).exp().numpy() for key in keys]
                chosen = np.stack(chosen, -1)
                table.loc[rows, [f"key_{key:g}" for key in keys]] = chosen
                mean = chosen @ keys
                table.loc[rows, "expected"] = mean
                table.loc[rows, "sd"] = np.sqrt(np.maximum(chosen @ keys**2 - mean**2, 0.0))
            free = table["expected"].isna().to_numpy()
            if free.any():
                from neuromm.observers.bayes.trimodal_likelihood import moments  # torch

                mean, variance = moments(self, one[free], values)
                said = (1 - self.lapse) * mean
                square = (1 - self.lapse) * (variance + mean**2) + self.lapse * LAPSE_RANGE**2 / 3
                table.loc[free, "expected"], table.loc[free, "sd"] = said, np.sqrt(square - said**2)
        return table.iloc[row_to_distinct].set_axis(trials.index, axis=0)

    def _log(self, cells, values):
        from neuromm.observers.bayes.trimodal_likelihood import plan  # torch

        return plan(self, cells, "cpu")[0](values)[0]

    def plan_likelihood(self, cells, device):
        """Log probability of each answer; see `neuromm.observers.bayes.trimodal_likelihood`."""
        from neuromm.observers.bayes.trimodal_likelihood import plan  # torch

        self.check_trials(cells)
        return plan(self, self.with_alternatives(cells), device)


@dataclass(frozen=True)
class Trimodal(TrimodalObserver):
    """Places sound, light and touch, averaging over all five ways in which they may share causes.

    Measurements x_m ~ N(s_m, σ_m²); causes come from N(μ_P, σ_P²); each partition of the cues that are there has its
    evidence and its precision-weighted estimates, and the answer is their average weighed by the posterior. The prior:
    one cause of all with p_all; else, with p_pair, one of two (p_auditory_visual, then p_auditory_tactile say which);
    else three. With one modality absent this is `CausalInference` with p_common = p_all + the pair's probability.
    The defaults are a demonstration set.

    References
    ----------
    Wozny, Beierholm & Shams (2008) J Vis 8(3):24, after Körding et al. (2007) PLoS ONE 2:e943.
    """

    cues: ClassVar = (Cue("auditory", "azimuth"), Cue("visual", "azimuth"), Cue("tactile", "azimuth"))
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "tactile")

    sigma_auditory: float = sd(8.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))
    sigma_tactile: float = sd(4.0, "deg", free=(0.5, 30))
    sigma_prior: float = sd(12.0, "deg", free=(2, 100))
    mu_prior: float = number(0.0, "deg")
    p_all: float = probability(0.4, free=(0.01, 0.99))  # prior of one cause of all three
    p_pair: float = probability(0.5, free=(0.01, 0.99))  # of one cause of two, if not of all
    p_auditory_visual: float = probability(1 / 3)  # that the two are sound and light
    p_auditory_tactile: float = probability(0.5)  # that they are sound and touch, if not sound and light
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    name: str = "trimodal"


@dataclass(frozen=True)
class Wozny2008(TrimodalObserver):
    """Counts flashes, beeps and taps: causal inference over three counts with all five partitions.

    The equations are those of `Trimodal` with counts as places; the answer is the nearest of 1 … `largest`, or of the
    row's `alternatives`; a count of 0 is an absent modality. The paper prints no parameter values that are at hand:
    σ of flashes and beeps and the prior over counts are those of Rohe et al. 2019, σ of taps and the probabilities of
    the partitions are chosen.

    References
    ----------
    Wozny, Beierholm & Shams (2008) J Vis 8(3):24. Rohe, Ehlis & Noppeney (2019) Nat Commun 10:1907, table 2.
    """

    cues: ClassVar = (
        Cue("auditory", "count", "counts", sigma="sigma_beeps"),
        Cue("visual", "count", "counts", sigma="sigma_flashes"),
        Cue("tactile", "count", "counts", sigma="sigma_taps"),
    )
    reports: ClassVar[tuple[str, ...]] = ("n_beeps", "n_flashes", "n_taps")

    sigma_beeps: float = sd(0.53, "counts", free=(0.05, 3))
    sigma_flashes: float = sd(1.11, "counts", free=(0.05, 3))
    sigma_taps: float = sd(0.7, "counts", free=(0.05, 3))
    sigma_prior: float = sd(2.34, "counts", free=(0.2, 20))
    mu_prior: float = number(2.26, "counts", free=(0, 6))
    p_all: float = probability(0.3, free=(0.01, 0.99))  # prior of one cause of all three
    p_pair: float = probability(0.4, free=(0.01, 0.99))  # of one cause of two, if not of all
    p_auditory_visual: float = probability(1 / 3)  # that the two are beeps and flashes
    p_auditory_tactile: float = probability(0.5)  # that they are beeps and taps, if not beeps and flashes
    lapse: float = probability(0.0, free=(0, 0.3))  # of an answer that ignores the stimulus
    largest: int = count(4, least=2)  # answers are 1 … largest where a row has no alternatives
    name: str = "wozny2008"

    def with_alternatives(self, trials):
        """The counts 1 … `largest` where a row offers nothing."""
        return offer_counts(trials, self.largest, np.ones(len(trials), bool))
