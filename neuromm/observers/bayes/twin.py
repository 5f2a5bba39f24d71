"""The time-window-of-integration model (TWIN): reaction times to a target with another stimulus near in time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.maths.angles import wrapped
from neuromm.maths.first_passage import twin_integration, twin_mean
from neuromm.observers.protocol import Percept, answer, collect, describe, perceive_sets
from neuromm.stimuli.table import present_in, require, showings


@dataclass(frozen=True)
class Colonius2004:
    """Reacts faster when peripheral processing of two stimuli ends within one window of time (TWIN).

    First stages T (target, visual) and N (non-target, auditory) are exponential; with focused attention, integration
    happens if the non-target's ends first and the target's within `window` after it: N + τ < T < N + τ + ω. With
    redundant targets either may open the window, and the faster one triggers the response. E[RT] = E[first stage] + μ
    − Δ P(I); the second stage is normal with sd `sd_second`. Δ > 0 facilitates (aligned stimuli), Δ < 0 inhibits;
    beyond `aligned_within` deg of disparity, `delta_apart` takes its place. Published values are not known here: the
    defaults are the demonstration set of the reference.

    References
    ----------
    Colonius & Diederich (2004) J Cogn Neurosci 16:1000, doi 10.1162/0898929041502733.
    """

    mean_target: float = 50.0  # ms, 1/λ of the visual first stage
    mean_nontarget: float = 20.0  # ms, 1/λ of the auditory first stage
    window: float = 200.0  # ms, ω
    mu: float = 100.0  # ms, mean of the second stage
    delta: float = 20.0  # ms, Δ: what integration saves
    delta_apart: float = -10.0  # ms, Δ for stimuli far apart
    aligned_within: float = 10.0  # deg
    sd_second: float = 20.0  # ms, of the second stage
    name: str = "colonius2004"

    layers: ClassVar[tuple[str, ...]] = ("first_stage", "integrated")
    reports: ClassVar[tuple[str, ...]] = ("visual_detection", "detection")

    def __post_init__(self):
        for name in ("mean_target", "mean_nontarget", "window", "mu"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive time in ms is wanted")
        if not self.sd_second >= 0:
            raise ValueError(f"{self.name}: sd_second is {self.sd_second}; at least 0 ms is wanted")

    def integration(self, soa, *, redundant=False):
        """P(integration) against the onset of the sound after the light, ms; closed form."""
        return twin_integration(soa, self.mean_target, self.mean_nontarget, self.window, redundant=redundant)

    def mean(self, soa, *, redundant=False, aligned=True):
        """Mean reaction time against SOA, ms; closed form."""
        delta = self.delta if aligned else self.delta_apart
        return twin_mean(soa, self.mean_target, self.mean_nontarget, self.window, self.mu, delta, redundant=redundant)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """React (response 1, `reaction_time` in ms) to each trial, and record `layers` from the same pass.

        Report "visual_detection" is focused attention to the light (time from its onset), "detection" accepts either
        (time from the first onset). Needs azimuths (NaN = absent); `soa` (ms), 0 where missing.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        soa, heard, seen, focused, delta = self._read(trials)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), 3))
        with np.errstate(divide="ignore"):
            visual = np.where(seen, -self.mean_target * np.log(ndtr(-z[:, 0])), np.inf)
            sound = np.where(heard, -self.mean_nontarget * np.log(ndtr(-z[:, 1])) + soa, np.inf)
        both = heard & seen
        lag = np.where(both, np.where(both, visual, 0.0) - np.where(both, sound, 0.0), np.nan)
        within = both & np.where(focused, (lag > 0) & (lag < self.window), np.abs(lag) < self.window)
        start = np.where(focused, visual, np.minimum(visual, sound) - np.where(both, np.minimum(soa, 0.0), 0.0))
        start = np.where(seen | (~focused & heard), start, np.nan)
        time = (start + self.mu + self.sd_second * z[:, 2] - delta * within)[first][of_row]
        pressed = (~np.isnan(time)).astype(float)
        responses = answer(trials, {r: pressed for r in self.reports}, self.name, reaction_time=np.maximum(time, 1.0))
        recorded = {
            "first_stage": np.nan_to_num(start)[:, None][first][of_row],
            "integrated": within[:, None][first][of_row],
        }
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _read(self, trials):
        require(trials, ["report", "auditory_azimuth", "visual_azimuth"], self.name)
        heard, seen = present_in(trials, "auditory"), present_in(trials, "visual")
        focused = (trials["report"] == "visual_detection").to_numpy()
        if (focused & ~seen).any():
            raise ValueError(
                f"{self.name}: trials {trials.index[focused & ~seen][:5].tolist()} ask for the light, which is "
                "absent (NaN)"
            )
        soa = trials["soa"].fillna(0.0).to_numpy(float) if "soa" in trials else np.zeros(len(trials))
        soa = np.where(heard & seen, soa, 0.0)
        apart = (
            np.abs(wrapped(trials["auditory_azimuth"].to_numpy(float) - trials["visual_azimuth"].to_numpy(float)))
            > self.aligned_within
        )
        return soa, heard, seen, focused, np.where(apart, self.delta_apart, self.delta)

    def predict(self, trials) -> pd.DataFrame:
        """Mean reaction time of each row in closed form (`reaction_time`, ms), and `integration`; indexed by trial."""
        soa, heard, seen, focused, delta = self._read(trials)
        both = heard & seen
        chance = np.where(focused, self.integration(soa), self.integration(soa, redundant=True)) * both
        first = np.where(seen, self.mean_target, np.where(heard, self.mean_nontarget, np.nan))
        either = twin_mean(soa, self.mean_target, self.mean_nontarget, self.window, 0.0, 0.0, redundant=True)
        first = np.where(both & ~focused, either, first)
        return pd.DataFrame({"reaction_time": first + self.mu - delta * chance, "integration": chance}, trials.index)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)
