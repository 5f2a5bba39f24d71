"""The time-window-of-integration model (TWIN): reaction times to a target with another stimulus near in time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.core.parameters import number, positive, sd
from neuromm.maths.angles import wrapped
from neuromm.maths.first_passage import twin_integration, twin_mean
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.stimuli.table import present_in, require


@dataclass(frozen=True)
class Colonius2004(Observer):
    """Reacts faster when peripheral processing of two stimuli ends within one window of time (TWIN).

    First stages T (target, visual) and N (non-target, auditory) are exponential; with focused attention, integration
    happens if the non-target's ends first and the target's within `window` after it: N + τ < T < N + τ + ω. With
    redundant targets either may open the window, and the faster one triggers the response. E[RT] = E[first stage] + μ
    − Δ P(I); the second stage is normal with sd `sd_second`. Δ > 0 facilitates (aligned stimuli), Δ < 0 inhibits;
    beyond `aligned_within` deg of disparity, `delta_apart` takes its place. Published values are not known here: the
    defaults are the demonstration set of the reference.

    Report "visual_detection" is focused attention to the light (time from its onset), "detection" accepts either
    (time from the first onset). Answers 1 with `reaction_time` in ms. Needs azimuths (NaN = absent); `soa` (ms), 0
    where missing.

    References
    ----------
    Colonius & Diederich (2004) J Cogn Neurosci 16:1000, doi 10.1162/0898929041502733.
    """

    cues: ClassVar = (Cue("auditory", "azimuth"), Cue("visual", "azimuth", report="visual_detection"))
    layers: ClassVar[tuple[str, ...]] = ("first_stage", "integrated")
    reports: ClassVar[tuple[str, ...]] = ("visual_detection", "detection")
    random: ClassVar[tuple[str, ...]] = ("target", "nontarget", "second stage")

    mean_target: float = positive(50.0, "ms")  # 1/λ of the visual first stage
    mean_nontarget: float = positive(20.0, "ms")  # 1/λ of the auditory first stage
    window: float = positive(200.0, "ms")  # ω
    mu: float = positive(100.0, "ms")  # mean of the second stage
    delta: float = number(20.0, "ms")  # Δ: what integration saves
    delta_apart: float = number(-10.0, "ms")  # Δ for stimuli far apart
    aligned_within: float = number(10.0, "deg", infinite=True)
    sd_second: float = sd(20.0, "ms", zero=True)  # of the second stage
    name: str = "colonius2004"

    def check_trials(self, trials):
        """As every observer; both azimuths must be columns, and focused attention needs a light."""
        require(trials, ["report", *(cue.column for cue in self.cues)], self.name)
        super().check_trials(trials)

    def integration(self, soa, *, redundant=False):
        """P(integration) against the onset of the sound after the light, ms; closed form."""
        return twin_integration(soa, self.mean_target, self.mean_nontarget, self.window, redundant=redundant)

    def mean(self, soa, *, redundant=False, aligned=True):
        """Mean reaction time against SOA, ms; closed form."""
        delta = self.delta if aligned else self.delta_apart
        return twin_mean(soa, self.mean_target, self.mean_nontarget, self.window, self.mu, delta, redundant=redundant)

    def infer(self, stimuli, draws):
        """End both first stages, see whether the second stage is faster, and react."""
        soa, heard, seen, focused, delta = self._read(stimuli.table)
        with np.errstate(divide="ignore"):
            visual = -self.mean_target * np.log(ndtr(-draws["target"]))
            sound = -self.mean_nontarget * np.log(ndtr(-draws["nontarget"])) + soa
        visual = np.where(seen, visual, np.inf)
        sound = np.where(heard, sound, np.inf)
        both = heard & seen
        lag = np.where(both, np.where(both, visual, 0.0) - np.where(both, sound, 0.0), np.nan)
        within = both & np.where(focused, (lag > 0) & (lag < self.window), np.abs(lag) < self.window)
        # time from the light's onset, or from the first onset
        first_onset = np.where(both, np.minimum(soa, 0.0), 0.0)
        start = np.where(focused, visual, np.minimum(visual, sound) - first_onset)
        start = np.where(seen | (~focused & heard), start, np.nan)
        time = start + self.mu + self.sd_second * draws["second stage"] - delta * within
        detected = (~np.isnan(time)).astype(float)
        return Percepts(
            visual_detection=detected,
            detection=detected,
            reaction_time=np.maximum(time, 1.0),
            layers={"first_stage": np.nan_to_num(start)[:, None], "integrated": within[:, None]},
        )

    def _read(self, trials):
        """Asynchrony of pairs (ms), what is heard and seen, whether attention is focused, and Δ (ms); each (n,)."""
        heard = present_in(trials, "auditory")
        seen = present_in(trials, "visual")
        focused = (trials["report"] == "visual_detection").to_numpy()
        soa = trials["soa"].fillna(0.0).to_numpy(float) if "soa" in trials else np.zeros(len(trials))
        soa = np.where(heard & seen, soa, 0.0)
        auditory, visual = (cue.values(trials) for cue in self.cues)
        apart = np.abs(wrapped(auditory - visual)) > self.aligned_within
        return soa, heard, seen, focused, np.where(apart, self.delta_apart, self.delta)

    def predict(self, trials) -> pd.DataFrame:
        """Mean reaction time of each row in closed form (`reaction_time`, ms), and `integration`; indexed by trial."""
        self.check_trials(trials)
        soa, heard, seen, focused, delta = self._read(trials)
        both = heard & seen
        chance = np.where(focused, self.integration(soa), self.integration(soa, redundant=True)) * both
        first = np.where(seen, self.mean_target, np.where(heard, self.mean_nontarget, np.nan))
        either = twin_mean(soa, self.mean_target, self.mean_nontarget, self.window, 0.0, 0.0, redundant=True)
        first = np.where(both & ~focused, either, first)
        return pd.DataFrame({"reaction_time": first + self.mu - delta * chance, "integration": chance}, trials.index)
