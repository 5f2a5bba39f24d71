"""Who presses first: a race of two detectors, and the coactivation of one. Same single-stimulus times, other pairs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.maths import first_passage as passage
from neuromm.observers.protocol import Percept, answer, collect, describe, perceive_sets
from neuromm.stimuli.table import distinct, present_in, require, showings


class Detection:
    """Press on a light, a sound or both; a subclass says how two stimuli share the work."""

    layers: ClassVar[tuple[str, ...]] = ("decision_time",)
    reports: ClassVar[tuple[str, ...]] = ("detection",)

    def __post_init__(self):
        for name in ("drift_auditory", "drift_visual", "barrier", "noise"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive value is wanted")
        if not (self.base >= 0 and self.sd_base >= 0):
            raise ValueError(
                f"{self.name}: base {self.base}, sd_base {self.sd_base}; times of at least 0 ms are wanted"
            )

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Press (response 1, `reaction_time` in ms from the first onset), or not where nothing is shown (0, NaN).

        Needs `report` ("detection") and azimuths (NaN = absent); `soa` (ms) of pairs, 0 where missing.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        leads = self._leads(trials)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), 6))
        decision = np.full(len(trials), np.nan)
        shown = ~np.isnan(leads[0])
        decision[shown] = self._sample(z[shown], *(v[shown] for v in leads))
        time = np.maximum(decision + self.base + self.sd_base * z[:, 5], 1.0)[first][of_row]
        responses = answer(trials, {"detection": shown.astype(float)}, self.name, reaction_time=time)
        recorded = {"decision_time": np.nan_to_num(decision)[:, None][first][of_row]}
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _leads(self, trials):
        """Drift of the first stimulus (NaN: none), of the second (0: none), and how long after it starts, ms."""
        require(trials, ["report"], self.name)
        require(trials, ["auditory_azimuth", "visual_azimuth"], self.name)
        heard, seen = present_in(trials, "auditory"), present_in(trials, "visual")
        soa = trials["soa"].fillna(0.0).to_numpy(float) if "soa" in trials else np.zeros(len(trials))
        both, light_first = heard & seen, soa >= 0
        alone = np.where(heard, self.drift_auditory, np.where(seen, self.drift_visual, np.nan))
        lead = np.where(both, np.where(light_first, self.drift_visual, self.drift_auditory), alone)
        second = np.where(both, np.where(light_first, self.drift_auditory, self.drift_visual), 0.0)
        return lead, second, np.where(both, np.abs(soa), 0.0)

    def cdf(self, t, *, auditory=True, visual=True, soa=0.0):
        """P(decision time ≤ t) in closed form, without base time; t in ms after the first onset; shape of t."""
        lead, second, gap = self._of(auditory, visual, soa)
        if not second:
            return passage.wald_cdf(t, self.barrier, lead, self.noise)
        return self._pair_cdf(t, gap, (lead, second))

    def mean(self, *, auditory=True, visual=True, soa=0.0) -> float:
        """Mean reaction time in closed form (with base time), ms."""
        lead, second, gap = self._of(auditory, visual, soa)
        return self.base + (self._pair_mean(gap, (lead, second)) if second else self.barrier / lead)

    def _of(self, auditory, visual, soa):
        place = {"auditory_azimuth": [0.0 if auditory else np.nan], "visual_azimuth": [0.0 if visual else np.nan]}
        lead, second, gap = self._leads(pd.DataFrame({"report": ["detection"], **place, "soa": [float(soa)]}))
        if np.isnan(lead[0]):
            raise ValueError(f"{self.name}: neither sound nor light is shown; there is nothing to wait for")
        return float(lead[0]), float(second[0]), float(gap[0])

    def predict(self, trials) -> pd.DataFrame:
        """Mean reaction time of each row in closed form, `reaction_time` (ms; NaN where nothing is shown)."""
        lead, second, gap = self._leads(trials)
        first, of_row = distinct(pd.DataFrame({"a": lead, "b": second, "c": gap}), ["a", "b", "c"])
        means = [
            np.nan
            if np.isnan(lead[i])
            else self.base + (self._pair_mean(gap[i], (lead[i], second[i])) if second[i] else self.barrier / lead[i])
            for i in first
        ]
        return pd.DataFrame({"reaction_time": np.array(means)[of_row]}, trials.index)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


@dataclass(frozen=True)
class RaceModel(Detection):
    """Two independent detectors; the faster one presses. It never violates the race-model inequality.

    Each accumulates to a barrier (Wald times); P(T ≤ t) of a pair is F_A + F_V − F_A F_V, each from its own onset. Base
    time is normal, common to all. Values are chosen to give means of about 230 ms (sound) and 280 ms (light).

    References
    ----------
    Raab (1962) Trans N Y Acad Sci 24:574; Miller (1982) Cogn Psychol 14:247, doi 10.1016/0010-0285(82)90010-X.
    """

    drift_auditory: float = 1.25  # per ms
    drift_visual: float = 0.77  # per ms
    barrier: float = 100.0
    noise: float = 4.3  # per √ms
    base: float = 150.0  # ms, everything that is not detection
    sd_base: float = 15.0  # ms
    name: str = "race_model"

    def _sample(self, z, lead, second, gap):
        uniform = ndtr(z[:, 2:4])
        one = passage.wald_sample(z[:, 0], uniform[:, 0], self.barrier, lead, self.noise)
        paired = second > 0
        two = passage.wald_sample(z[:, 1], uniform[:, 1], self.barrier, np.where(paired, second, 1.0), self.noise)
        return np.minimum(one, np.where(paired, gap + two, np.inf))

    def _pair_cdf(self, t, gap, drifts):
        return passage.race_cdf(t, gap, self.barrier, drifts, self.noise)

    def _pair_mean(self, gap, drifts):
        return passage.race_mean(gap, self.barrier, drifts, self.noise)


@dataclass(frozen=True)
class Coactivation(Detection):
    """One detector to which light and sound both add: faster than any race, so it violates the inequality.

    Before the second onset the first stimulus drives the diffusion alone, afterwards drifts add (the diffusion
    superposition model). Means have a closed form by optional stopping. Parameters as in `RaceModel`.

    References
    ----------
    Schwarz (1994) J Math Psychol 38:504; Miller (1986) Percept Psychophys 40:331, doi 10.3758/BF03203025.
    """

    drift_auditory: float = 1.25  # per ms
    drift_visual: float = 0.77  # per ms
    barrier: float = 100.0
    noise: float = 4.3  # per √ms
    base: float = 150.0  # ms
    sd_base: float = 15.0  # ms
    name: str = "coactivation"

    def _sample(self, z, lead, second, gap):
        uniform = ndtr(z[:, 2:5])
        never = np.where(second > 0, gap, np.inf)
        one = passage.wald_sample(z[:, 0], uniform[:, 0], self.barrier, lead, self.noise)
        paired = second > 0
        times = one.copy()
        if paired.any():
            times[paired] = passage.coactivation_sample(z[paired, :2], uniform[paired], never[paired], self.barrier,
                                                        (lead[paired], second[paired]), self.noise)  # fmt: skip
        return times

    def _pair_cdf(self, t, gap, drifts):
        return passage.coactivation_cdf(t, gap, self.barrier, drifts, self.noise)

    def _pair_mean(self, gap, drifts):
        return passage.coactivation_mean(gap, self.barrier, drifts, self.noise)
