"""Causal inference over three modalities: which of sound, light and touch belong together, in all five ways."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.maths import partitions as parts
from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.bayes.possible_answers import choices_of
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets, units_of
from neuromm.stimuli.measurement import measure, place_of, sigma_of
from neuromm.stimuli.table import distinct, require, showings

CUES = ("auditory", "visual", "tactile")
COUNTS = {"auditory": "n_beeps", "visual": "n_flashes", "tactile": "n_taps"}
LAPSE_RANGE = 45.0  # deg; a lapse on a continuous report is uniform within this of straight ahead


class TrimodalObserver(Likely):
    """What places and counts share. Estimates are averaged over the five partitions."""

    layers: ClassVar[tuple[str, ...]] = ("measurements", "estimates", "p_partition", "estimate")

    def __post_init__(self):
        for name in (*self.sigmas.values(), "sigma_prior"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive sd is wanted")
        for name in ("p_all", "p_pair", "p_auditory_visual", "p_auditory_tactile", "lapse"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a probability is wanted")

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

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass.

        Layers: measurements (3; the prior mean where absent), estimates (15: five partitions × auditory, visual,
        tactile), p_partition (5, posterior; all in one first, all separate last), estimate (3).

        Raises
        ------
        ValueError
            If a column is missing, or a row asks what cannot be answered.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        shown = self._as_places(trials)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), 5))
        one = shown.iloc[first]
        sigmas = np.stack([sigma_of(one, c, getattr(self, self.sigmas[c])) for c in CUES], -1)
        x = [measure(one, c, getattr(self, self.sigmas[c]), z[first, i]) for i, c in enumerate(CUES)]
        x = np.stack(x, -1)
        posterior = parts.posterior(
            parts.log_evidence(x, sigmas, self.mu_prior, self.sigma_prior), self.partition_prior()
        )
        each = parts.estimates(x, sigmas, self.mu_prior, self.sigma_prior)
        estimate = parts.average(each, posterior)[of_row]
        lapsed, uniform = ndtr(z[:, 3]) < self.lapse, ndtr(z[:, 4])
        guess = (2 * uniform - 1) * LAPSE_RANGE
        for keys, rows in _keys(shown):
            guess[rows] = keys[np.minimum((uniform[rows] * len(keys)).astype(int), len(keys) - 1)]
        said = {c: np.where(lapsed, guess, estimate[:, i]) for i, c in enumerate(CUES)}
        responses = answer(shown, said, self.name)
        recorded = {
            "measurements": np.where(np.isnan(x), self.mu_prior, x)[of_row],
            "estimates": units_of(each)[of_row], "p_partition": posterior[of_row], "estimate": estimate,
        }  # fmt: skip
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def predict(self, trials) -> pd.DataFrame:
        """Exact `expected` and `sd` of each row's response, and `key_…` of keys; one pass per distinct row."""
        import torch

        shown = self._as_places(trials)
        answer(shown, dict.fromkeys(CUES, 0.0), self.name)
        first, of_row = distinct(shown, [*shown.columns.difference(["presentation", "condition", "response", "fold"])])
        one = shown.iloc[first].reset_index(drop=True)
        table = pd.DataFrame(np.nan, one.index, ["expected", "sd"])
        values = {n: torch.tensor([v], dtype=torch.float64) for n, v in self._numbers().items()}
        with torch.no_grad():
            for keys, rows in _keys(one):
                pressed = [self._log(one[rows].assign(response=key), values).exp().numpy() for key in keys]
                pressed = np.stack(pressed, -1)
                table.loc[rows, [f"key_{key:g}" for key in keys]] = pressed
                mean = pressed @ keys
                table.loc[rows, "expected"] = mean
                table.loc[rows, "sd"] = np.sqrt(np.maximum(pressed @ keys**2 - mean**2, 0.0))
            free = table["expected"].isna().to_numpy()
            if free.any():
                from neuromm.observers.bayes.trimodal_likelihood import moments

                mean, variance = moments(self, one[free], values)
                said = (1 - self.lapse) * mean
                square = (1 - self.lapse) * (variance + mean**2) + self.lapse * LAPSE_RANGE**2 / 3
                table.loc[free, "expected"], table.loc[free, "sd"] = said, np.sqrt(square - said**2)
        return table.iloc[of_row].set_axis(trials.index, axis=0)

    def _numbers(self):
        return {k: float(v) for k, v in describe(self)["parameters"].items() if isinstance(v, int | float)}

    def _log(self, cells, values):
        from neuromm.observers.bayes.trimodal_likelihood import plan

        return plan(self, cells, "cpu")[0](values)[0]

    def plan_likelihood(self, cells, device):
        """Log probability of each answer; see `neuromm.observers.bayes.trimodal_likelihood`."""
        from neuromm.observers.bayes.trimodal_likelihood import plan

        return plan(self, self._as_places(cells), device)

    def _check(self, shown):
        check_asked(shown, self.name, tuple((c, c) for c in CUES))
        return shown

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def _keys(trials):
    """(keys in ascending order, rows that offer them) for each kind of `alternatives`."""
    if "alternatives" not in trials:
        return []
    offered = trials["alternatives"].fillna("").astype(str).str.strip()
    found = []
    for text in sorted(set(offered) - {""}):
        try:
            keys = np.sort([float(key) for key in text.split("|")])
        except ValueError:
            raise ValueError(f"alternatives '{text}' are not places in deg; keys look like -10|-5|0|5|10") from None
        found.append((keys, (offered == text).to_numpy()))
    return found


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

    reports: ClassVar[tuple[str, ...]] = CUES
    sigmas: ClassVar[dict] = {c: f"sigma_{c}" for c in CUES}
    likelihood_columns: ClassVar[tuple[str, ...]] = tuple(
        f"{c}_{part}" for c in CUES for part in ("azimuth", "reliability")
    )

    sigma_auditory: float = 8.0  # deg, at reliability 1
    sigma_visual: float = 2.0  # deg
    sigma_tactile: float = 4.0  # deg
    sigma_prior: float = 12.0  # deg
    mu_prior: float = 0.0  # deg
    p_all: float = 0.4  # prior probability of one cause of all three
    p_pair: float = 0.5  # of one cause of two, if not of all
    p_auditory_visual: float = 1 / 3  # that the two are sound and light
    p_auditory_tactile: float = 0.5  # that they are sound and touch, if not sound and light
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    name: str = "trimodal"

    def _as_places(self, trials):
        require(trials, ["report"], self.name)
        return self._check(trials)


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

    reports: ClassVar[tuple[str, ...]] = tuple(COUNTS.values())
    sigmas: ClassVar[dict] = {"auditory": "sigma_beeps", "visual": "sigma_flashes", "tactile": "sigma_taps"}
    likelihood_columns: ClassVar[tuple[str, ...]] = (*COUNTS.values(), *(f"{c}_reliability" for c in CUES))

    sigma_beeps: float = 0.53  # counts
    sigma_flashes: float = 1.11  # counts
    sigma_taps: float = 0.7  # counts
    sigma_prior: float = 2.34  # counts
    mu_prior: float = 2.26  # counts
    p_all: float = 0.3  # prior probability of one cause of all three
    p_pair: float = 0.4  # of one cause of two, if not of all
    p_auditory_visual: float = 1 / 3  # that the two are beeps and flashes
    p_auditory_tactile: float = 0.5  # that they are beeps and taps, if not beeps and flashes
    lapse: float = 0.0  # probability of an answer that ignores the stimulus
    largest: int = 4  # answers are 1 … largest where a row has no alternatives
    name: str = "wozny2008"

    def __post_init__(self):
        super().__post_init__()
        if self.largest < 2:
            raise ValueError(f"{self.name}: largest is {self.largest}; at least 2 answers are wanted")

    def answer_choices(self, report: str, alternatives: str) -> tuple | object | None:
        """1 … `largest` where a count is asked without alternatives; else as any observer."""
        if not alternatives:
            return tuple(float(count) for count in range(1, self.largest + 1))
        return choices_of(report, alternatives)

    def _as_places(self, trials):
        require(trials, ["report"], self.name)
        if not set(COUNTS.values()) & set(trials.columns):
            require(trials, ["n_flashes"], self.name)
        answer(trials, dict.fromkeys(self.reports, 0.0), self.name)  # refuses reports that it cannot give
        keys = pd.Series("|".join(map(str, range(1, self.largest + 1))), trials.index, dtype=object)
        if "alternatives" in trials:
            keys = trials["alternatives"].where(trials["alternatives"].notna(), keys)
        keep = ["presentation", "condition", "fold", *(f"{c}_reliability" for c in CUES), "response"]
        table = trials[[c for c in keep if c in trials]].assign(
            report=trials["report"].map({count: cue for cue, count in COUNTS.items()}), alternatives=keys,
        )  # fmt: skip
        for cue, count in COUNTS.items():
            if count in trials:
                table[f"{cue}_azimuth"] = trials[count].astype(float).replace(0.0, np.nan)
        return self._check(table)


def present_cues(cells):
    """Place of each cue, (n, 3), NaN where absent."""
    return np.stack([place_of(cells, c) for c in CUES], -1)
