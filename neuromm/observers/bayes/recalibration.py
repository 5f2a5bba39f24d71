"""Observers whose hearing shifts with what they see: the ventriloquism aftereffect, trial by trial and cumulative."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common, segregate
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.stimuli.measurement import measure, sigma_of
from neuromm.stimuli.table import require, showings

CUES = ("auditory", "visual")


def _causal_inference(observer, x, sigmas):
    """Averaged auditory estimate minus the auditory measurement (shifts toward what is inferred)."""
    _, _, estimate = observer.infer(x, sigmas)
    return estimate[:, 0] - x[:, 0]


def _fixed_ratio(observer, x, sigmas):
    """A fixed share of the conflict, whatever the reliabilities and the inference."""
    return observer.ratio * (x[:, 1] - x[:, 0])


RULES = {"causal_inference": _causal_inference, "fixed_ratio": _fixed_ratio}


@dataclass(frozen=True)
class Recalibration:
    """Places sounds and lights by causal inference, and shifts its hearing after every conflict.

    Rows are read in the order of time, apart for each `block` (a column; every block starts unadapted). On a pair the
    error is the averaged auditory estimate minus the measurement (`rule="causal_inference"`), or a fixed share
    `ratio` of x_V − x_A (`"fixed_ratio"`; Zaidel, Turner & Angelaki 2011). The shift of hearing is slow + fast:

    - slow ← (1 − leak) slow + rate · error, one for each `auditory_frequency` (cumulative)
    - fast ← fast_decay · fast + fast_rate · error, whatever the tone (immediate); it fades by one step per trial

    With the fixed ratio the expected slow shift is a displacement times (1 − (1 − rate · ratio)ⁿ). That the slow part
    is specific to the tone and the fast part is not is a choice made here.

    References
    ----------
    Recanzone (1998) PNAS 95:869; Frissen, Vroomen & de Gelder (2012) Seeing Perceiving 25:1; Wozny & Shams (2011) J
    Neurosci 31:4607; Bruns & Röder (2015) Sci Rep 5:12739; Zaidel, Turner & Angelaki (2011) J Neurosci 31:13949.
    """

    sigma_auditory: float = 6.0  # deg, at reliability 1
    sigma_visual: float = 2.0  # deg, at reliability 1
    sigma_prior: float = 30.0  # deg
    mu_prior: float = 0.0  # deg
    p_common: float = 0.8  # prior probability of one cause
    rule: Literal["causal_inference", "fixed_ratio"] = "causal_inference"
    rate: float = 0.03  # of the error, per exposure: slow
    leak: float = 0.0  # of the slow shift, per exposure
    fast_rate: float = 0.0  # of the error, per exposure: fast
    fast_decay: float = 0.5  # of the fast shift, kept per trial
    ratio: float = 1.0  # share of the conflict that hearing takes over, with the fixed ratio
    sigma_motor: float = 0.0  # deg
    name: str = "recalibration"

    layers: ClassVar[tuple[str, ...]] = ("measurements", "p_common", "estimate", "shift")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    def __post_init__(self):
        for name in ("sigma_auditory", "sigma_visual", "sigma_prior"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive sd in deg is wanted")
        for name in ("p_common", "rate", "leak", "fast_rate", "fast_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a fraction between 0 and 1 is wanted")
        if self.rule not in RULES:
            raise ValueError(f"{self.name}: rule is '{self.rule}'; one of {', '.join(RULES)} is wanted")

    def infer(self, x, sigmas):
        """Posterior of one cause (n,), log Bayes factor (n,), averaged estimates (n, 2) of measurements (n, 2)."""
        factor = log_bayes_factor(x, sigmas, self.mu_prior, self.sigma_prior)
        chance = np.where(np.isnan(x).any(1), 0.0, posterior_common(factor, self.p_common))
        fused = fuse(x, sigmas, self.mu_prior, self.sigma_prior)[0]
        apart = segregate(x, sigmas, self.mu_prior, self.sigma_prior)
        return chance, factor, chance[:, None] * fused[:, None] + (1 - chance[:, None]) * apart

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial in the order of rows, learning on the way; record `layers` from the same pass.

        Needs `report` and azimuths (NaN = absent). Layers: measurements (A as shifted, V), p_common, estimate (A, V),
        shift (deg, before the trial). A row of one modality alone teaches nothing.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), 3))
        learnt = {k: v[of_row] for k, v in self._run(trials.iloc[first], z[first]).items()}
        estimate = learnt["estimate"] + self.sigma_motor * z[:, 2:3]
        common = np.where(learnt.pop("alone"), np.nan, learnt["p_common"][:, 0] > 0.5)
        judged = pd.array([None if np.isnan(c) else bool(c) for c in common], "boolean")
        says = {"auditory": estimate[:, 0], "visual": estimate[:, 1], "common": common}
        responses = answer(trials, says, self.name, judged_common=judged)
        return Percept(responses, collect(layers, learnt, trials, self.name))

    def _run(self, shown, z):
        """Step through time, all blocks at once."""
        sigmas = np.stack([sigma_of(shown, cue, getattr(self, f"sigma_{cue}")) for cue in CUES], -1)
        x = np.stack([measure(shown, cue, getattr(self, f"sigma_{cue}"), z[:, i]) for i, cue in enumerate(CUES)], -1)
        block, tone, step = _order(shown)
        slow, fast = np.zeros((block.max(initial=0) + 1, tone.max(initial=0) + 1)), np.zeros(block.max(initial=0) + 1)
        shift = np.zeros(len(shown))
        for k in range(step.max(initial=-1) + 1):  # time cannot be a batch; blocks are
            rows = np.flatnonzero(step == k)
            b, f = block[rows], tone[rows]
            shift[rows] = slow[b, f] + fast[b]
            x[rows, 0] += shift[rows]
            error = RULES[self.rule](self, x[rows], sigmas[rows])
            paired = ~np.isnan(x[rows]).any(1)
            fast[b] *= self.fast_decay
            slow[b[paired], f[paired]] = (1 - self.leak) * slow[b[paired], f[paired]] + self.rate * error[paired]
            fast[b[paired]] += self.fast_rate * error[paired]
        chance, _, estimate = self.infer(x, sigmas)
        absent = np.isnan(x)
        return {
            "measurements": np.where(absent, self.mu_prior, x),
            "p_common": chance[:, None],
            "estimate": np.where(absent, self.mu_prior, estimate),
            "shift": shift[:, None],
            "alone": absent.any(1),
        }

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def _order(shown):
    """Block, tone and position within the block of each showing; integer arrays (n,)."""
    block = pd.factorize(shown["block"])[0] if "block" in shown else np.zeros(len(shown), int)
    tone = (
        pd.factorize(shown["auditory_frequency"], use_na_sentinel=False)[0]
        if "auditory_frequency" in shown
        else np.zeros(len(shown), int)
    )
    return block, tone, pd.Series(block).groupby(block).cumcount().to_numpy()
