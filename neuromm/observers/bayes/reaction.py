"""Times of detection: a race of two detectors, and the coactivation of one. They differ in pairs only."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.core.parameters import positive, sd
from neuromm.maths import first_passage as passage
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.stimuli.table import distinct, present_in, require


class Detection(Observer):
    """Presses on a light, a sound or both; a subclass says how two stimuli share the work.

    Answers 1 with `reaction_time` in ms from the first onset, or 0 (NaN) where nothing is shown. Needs azimuths
    (NaN = absent); `soa` (ms) of pairs, 0 where missing. Layer: `decision_time` (ms, without base time).
    """

    cues: ClassVar = (Cue("auditory", "azimuth"), Cue("visual", "azimuth"))
    layers: ClassVar[tuple[str, ...]] = ("decision_time",)
    reports: ClassVar[tuple[str, ...]] = ("detection",)
    random: ClassVar[tuple[str, ...]] = ("first", "second", "branch 1", "branch 2", "branch 3", "base")

    def check_trials(self, trials):
        """As every observer; both azimuths must be columns."""
        super().check_trials(trials)
        require(trials, [cue.column for cue in self.cues], self.name)

    def infer(self, stimuli, draws):
        """Wait for the first detection, and add the base time."""
        leads = self._leads(stimuli.table)
        z = np.stack([draws[name] for name in self.random], -1)
        detected = stimuli.present.any(1)
        decision = np.full(len(stimuli), np.nan)
        decision[detected] = self._sample(z[detected], *(v[detected] for v in leads))
        time = np.maximum(decision + self.base + self.sd_base * draws["base"], 1.0)
        layers = {"decision_time": np.nan_to_num(decision)[:, None]}
        return Percepts(detection=detected.astype(float), reaction_time=time, layers=layers)

    def _leads(self, trials):
        """Drift of the first stimulus (NaN: none), of the second (0: none), and how long after it starts, ms."""
        heard = present_in(trials, "auditory")
        seen = present_in(trials, "visual")
        soa = trials["soa"].fillna(0.0).to_numpy(float) if "soa" in trials else np.zeros(len(trials))
        both = heard & seen
        light_first = soa >= 0
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
        return self._mean(*self._of(auditory, visual, soa))

    def _mean(self, lead, second, gap):
        """Mean time of one condition, ms; NaN where nothing is shown."""
        if second:
            return self.base + self._pair_mean(gap, (lead, second))
        return self.base + self.barrier / lead

    def _of(self, auditory, visual, soa):
        trial = {
            "auditory_azimuth": [0.0 if auditory else np.nan],
            "visual_azimuth": [0.0 if visual else np.nan],
            "soa": [float(soa)],
        }
        lead, second, gap = self._leads(pd.DataFrame(trial))
        if np.isnan(lead[0]):
            raise ValueError(f"{self.name}: neither sound nor light is shown; there is nothing to wait for")
        return float(lead[0]), float(second[0]), float(gap[0])

    def predict(self, trials) -> pd.DataFrame:
        """Mean reaction time of each row in closed form, `reaction_time` (ms; NaN where nothing is shown)."""
        self.check_trials(trials)
        leads = pd.DataFrame(dict(zip("abc", self._leads(trials), strict=True)))
        first, of_row = distinct(leads, list(leads))
        means = np.array([self._mean(*row) for row in leads.iloc[first].to_numpy()])
        return pd.DataFrame({"reaction_time": means[of_row]}, trials.index)


@dataclass(frozen=True)
class RaceModel(Detection):
    """Two independent detectors; the faster one decides. It never violates the race-model inequality.

    Each accumulates to a barrier (Wald times); P(T ≤ t) of a pair is F_A + F_V − F_A F_V, each from its own onset. Base
    time is normal, common to all. Values are chosen to give means of about 230 ms (sound) and 280 ms (light).

    References
    ----------
    Raab (1962) Trans N Y Acad Sci 24:574; Miller (1982) Cogn Psychol 14:247, doi 10.1016/0010-0285(82)90010-X.
    """

    drift_auditory: float = positive(1.25, "1/ms")
    drift_visual: float = positive(0.77, "1/ms")
    barrier: float = positive(100.0)
    noise: float = positive(4.3, "1/√ms")
    base: float = positive(150.0, "ms", zero=True)  # everything that is not detection
    sd_base: float = sd(15.0, "ms", zero=True)
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

    drift_auditory: float = positive(1.25, "1/ms")
    drift_visual: float = positive(0.77, "1/ms")
    barrier: float = positive(100.0)
    noise: float = positive(4.3, "1/√ms")
    base: float = positive(150.0, "ms", zero=True)
    sd_base: float = sd(15.0, "ms", zero=True)
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
