"""A hierarchy of areas: each sense apart, both fused, and causal inference, each a recordable population."""

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.maths.unity_prior import unity_prior
from neuromm.observers.protocol import (
    Percept,
    answer,
    block_starts,
    check_asked,
    collect,
    describe,
    perceive_sets,
)
from neuromm.observers.rate.checks import check_choices, check_finite, check_positive
from neuromm.observers.rate.posterior_maps import CHUNK, SENSES, draw_counts, place_space
from neuromm.stimuli.measurement import place_of
from neuromm.stimuli.table import require, showings

STAGES = ("segregation", "fusion", "causal_inference")


@dataclass(frozen=True)
class CausalHierarchy:
    """Sensory areas keep sight and sound apart, one parietal stage fuses them, the next weighs both by their cause.

    Poisson populations (see `STSBinding`) feed normalised maps of place: U_A and U_V (segregation), F (fusion), and
    p F + (1 − p) U of either sense (causal inference), p = p(common) from the coincidence of the two maps and the prior
    `p_common`, in whose odds `congruence` enters. Each stage is recorded as cells with Gaussian tuning of
    `tuning_output`, which sum their map. `stage` says which one gives the answer. `attended` multiplies that sense's
    gain by `attention_gain`.

    It is built to be these computations, as Rohe & Noppeney 2015 found them along the cortex (early areas, IPS0–2,
    IPS3–4): it shows that a method of analysis tells them apart, and is no finding about brains.

    Reports: `auditory`, `visual` (deg), `common` (p > ½). Layers: `primary` (spike counts of both senses),
    `segregation` (heard, then seen), `fusion`, `causal_inference` (heard, then seen), and `p_common`.

    Source: after Rohe & Noppeney 2015, PLoS Biol 13:e1002073; Ma, Beck, Latham & Pouget 2006 (codes). A project
    definition.
    """

    sigma_auditory: float = 8.0  # deg, sd of place at reliability 1
    sigma_visual: float = 2.0  # deg
    sigma_prior: float = 12.0  # deg
    mu_prior: float = 0.0  # deg
    p_common: float = 0.5  # prior of one cause
    tuning: float = 30.0  # deg, of the primary cells; (tuning/σ)² spikes tell the place
    tuning_output: float = 20.0  # deg, of the cells of the stages
    n_output: int = 37  # cells of a stage and sense, preferred places from −90 to 90 deg
    congruence_slope: float = 2.0  # log odds between congruence ½ and 1
    attention_gain: float = 1.0
    stage: Literal["segregation", "fusion", "causal_inference"] = "causal_inference"
    name: str = "causal_hierarchy"

    layers: ClassVar[tuple[str, ...]] = ("primary", *STAGES, "p_common")

    def __post_init__(self):
        check_choices(self, stage=STAGES)
        check_positive(self, ["sigma_auditory", "sigma_visual", "sigma_prior", "tuning", "tuning_output", "n_output"])
        check_finite(self, ["mu_prior", "congruence_slope"])
        if not 0 <= self.attention_gain < np.inf:
            raise ValueError(f"{self.name}: attention_gain is {self.attention_gain}; a number of at least 0 is wanted")
        if not 0 < self.p_common < 1:
            raise ValueError(f"{self.name}: p_common is {self.p_common}; a number between 0 and 1 is wanted")

    def provenance(self) -> dict:
        return describe(self)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass; see the class.

        Raises
        ------
        ValueError
            If a place is beyond 90 deg, or a row asks what cannot be answered.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        shown = trials.iloc[first]
        space = _space(self.sigma_auditory, self.sigma_visual, self.mu_prior, self.sigma_prior, self.tuning)
        expected, noisy, present = {}, {}, {}
        for sense in SENSES:
            place, noisy[sense] = self._places(shown, sense)
            present[sense] = ~np.isnan(place)
            expected[sense] = space.expect(sense, place[:, None], self._gain(shown, sense))
        counts, _ = draw_counts(expected, noisy, rng)
        n = len(shown)
        parts = [
            self._combine(space, {s: c[k : k + CHUNK] for s, c in counts.items()}, shown.iloc[k : k + CHUNK])
            for k in block_starts(n, CHUNK)
        ]
        maps = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        both = present["auditory"] & present["visual"]
        says = {s: self._answer_of(maps, i, space) for i, s in enumerate(SENSES)}
        says["common"] = np.where(both, (maps["p_common"] > 0.5).astype(float), np.nan)
        judged = pd.array([None if np.isnan(c) else bool(c) for c in says["common"][of_row]], "boolean")
        responses = answer(trials, {k: v[of_row] for k, v in says.items()}, self.name, judged_common=judged)
        preferred = np.linspace(-90.0, 90.0, self.n_output)
        project = np.exp(-((space.points - preferred) ** 2) / (2 * self.tuning_output**2))  # (n_points, n_output)
        activity = {"primary": lambda: np.concatenate([counts[s] for s in SENSES], 1)[of_row]}
        for stage in STAGES:
            activity[stage] = lambda m=maps[stage]: np.concatenate([part @ project for part in m.swapaxes(0, 1)], 1)[
                of_row
            ]
        activity["p_common"] = maps["p_common"][of_row, None]
        return Percept(responses, collect(layers, activity, trials, self.name))

    def _places(self, shown, sense):
        """Place of each showing, the yoked sample where there is one, deg; and where noise is the observer's own."""
        place, column = place_of(shown, sense), f"{sense}_measurement"
        if (np.abs(place) > 90).any():
            beyond = np.abs(place) > 90
            raise ValueError(
                f"{self.name}: column '{sense}_azimuth' is {place[beyond][0]:g} deg in trials "
                f"{shown.index[beyond][:5].tolist()}; its maps hold −90 to 90 deg"
            )
        yoked = shown[column].to_numpy(float) if column in shown else np.full(len(shown), np.nan)
        return np.where(np.isnan(yoked) | np.isnan(place), place, yoked), np.isnan(yoked)

    def _gain(self, shown, sense):
        column = f"{sense}_reliability"
        factor = shown[column].fillna(1.0).to_numpy(float) if column in shown else np.ones(len(shown))
        if "attended" in shown:
            factor = np.where((shown["attended"] == sense).to_numpy(), self.attention_gain * factor, factor)
        return factor

    def _combine(self, space, counts, shown):
        """Maps of each stage, (n, 1 or 2 senses, n_points), and p(common), (n,)."""
        alone, fused, log_factor = space.combine(counts)
        congruence = shown["congruence"].to_numpy(float) if "congruence" in shown else np.full(len(shown), np.nan)
        prior = unity_prior(self.p_common, congruence, self.congruence_slope)
        chance = 1 / (1 + (1 - prior) / prior * np.exp(-log_factor))
        apart = np.stack([alone[s] for s in SENSES], 1)
        weighed = chance[:, None, None] * fused[:, None] + (1 - chance)[:, None, None] * apart
        silent = np.stack([counts[s].sum(1) == 0 for s in SENSES], 1)
        weighed = np.where(silent.any(1)[:, None, None], apart, weighed)  # one sense alone has no partner
        return {"segregation": apart, "fusion": fused[:, None], "causal_inference": weighed, "p_common": chance}

    def _answer_of(self, maps, sense, space):
        values = maps[self.stage]
        return values[:, min(sense, values.shape[1] - 1)] @ space.points[:, 0]


_space = functools.lru_cache(8)(place_space)
