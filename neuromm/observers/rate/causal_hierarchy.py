"""A hierarchy of areas: each sense apart, both fused, and causal inference, each a recordable population."""

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.parameters import count, number, positive, sd
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.protocol import block_starts
from neuromm.observers.rate.posterior_maps import (
    CHUNK,
    SENSES,
    attended_gain,
    draw_counts,
    place_space,
    places_within,
    prior_of_one_cause,
)
from neuromm.stimuli.measurement import has_measurement

STAGES = ("segregation", "fusion", "causal_inference")


@dataclass(frozen=True)
class CausalHierarchy(Observer):
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

    sigma_auditory: float = sd(8.0, "deg")  # of place at reliability 1
    sigma_visual: float = sd(2.0, "deg")
    sigma_prior: float = sd(12.0, "deg")
    mu_prior: float = number(0.0, "deg")
    p_common: float = number(0.5, above=0, below=1)  # prior of one cause
    tuning: float = positive(30.0, "deg")  # of the primary cells; (tuning/σ)² spikes tell the place
    tuning_output: float = positive(20.0, "deg")  # of the cells of the stages
    n_output: int = count(37)  # cells of a stage and sense, preferred places from −90 to 90 deg
    congruence_slope: float = number(2.0)  # log odds between congruence ½ and 1
    attention_gain: float = positive(1.0, zero=True)
    stage: Literal["segregation", "fusion", "causal_inference"] = "causal_inference"
    name: str = "causal_hierarchy"

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("primary", *STAGES, "p_common")
    reports: ClassVar[tuple[str, ...]] = (*SENSES, "common")
    random: ClassVar[tuple[str, ...]] = ()

    def infer(self, stimuli, draws):
        """Draw the spike counts of each presentation once, and combine their maps stage by stage."""
        table = stimuli.table
        space = _space(self.sigma_auditory, self.sigma_visual, self.mu_prior, self.sigma_prior, self.tuning)
        expected, noisy = {}, {}
        for sense in SENSES:
            place = places_within(table, sense, self.name)
            expected[sense] = space.expect(sense, place[:, None], attended_gain(self, table, sense))
            noisy[sense] = ~has_measurement(table, sense)
        counts, _ = draw_counts(expected, noisy, draws.generator)
        parts = []
        for start in block_starts(len(table), CHUNK):
            rows = slice(start, start + CHUNK)
            parts.append(self._combine(space, {s: c[rows] for s, c in counts.items()}, table.iloc[rows]))
        maps = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        common = np.where(stimuli.present.all(1), (maps["p_common"] > 0.5).astype(float), np.nan)
        answers = {sense: self._answer_of(maps, i, space) for i, sense in enumerate(SENSES)}
        return Percepts(**answers, common=common, judged_common=common, layers=self._layers(space, counts, maps))

    def _layers(self, space, counts, maps):
        preferred = np.linspace(-90.0, 90.0, self.n_output)
        project = np.exp(-((space.points - preferred) ** 2) / (2 * self.tuning_output**2))  # (n_points, n_output)

        def of_stage(record):
            return np.concatenate([part @ project for part in maps[record.layer].swapaxes(0, 1)], 1)

        return {
            "primary": lambda record: np.concatenate([counts[sense] for sense in SENSES], 1),
            **dict.fromkeys(STAGES, of_stage),
            "p_common": maps["p_common"][:, None],
        }

    def _combine(self, space, counts, table):
        """Maps of each stage, (n, 1 or 2 senses, n_points), and p(common), (n,)."""
        alone, fused, log_factor = space.combine(counts)
        prior = prior_of_one_cause(self, table, self.p_common)
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
