"""Observers whose hearing shifts with what they see: the ventriloquism aftereffect, trial by trial and cumulative."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.core.parameters import number, probability, sd
from neuromm.maths.gaussian import averaged_over_causes
from neuromm.observers.base import Cue, Observer, Percepts


def _causal_inference(observer, x, sigmas):
    """Averaged auditory estimate minus the auditory measurement (shifts toward what is inferred)."""
    _, estimate = observer.averaged(x, sigmas)
    return estimate[:, 0] - x[:, 0]


def _fixed_ratio(observer, x, sigmas):
    """A fixed share of the conflict, whatever the reliabilities and the inference."""
    return observer.ratio * (x[:, 1] - x[:, 0])


RULES = {"causal_inference": _causal_inference, "fixed_ratio": _fixed_ratio}


@dataclass(frozen=True)
class Recalibration(Observer):
    """Places sounds and lights by causal inference, and shifts its hearing after every conflict.

    Rows are read in the order of time, apart for each `block` (a column; every block starts unadapted). On a pair the
    error is the averaged auditory estimate minus the measurement (`rule="causal_inference"`), or a fixed share
    `ratio` of x_V − x_A (`"fixed_ratio"`; Zaidel, Turner & Angelaki 2011). The shift of hearing is slow + fast:

    - slow ← (1 − leak) slow + rate · error, one for each `auditory_frequency` (cumulative)
    - fast ← fast_decay · fast + fast_rate · error, whatever the tone (immediate); it fades by one step per trial

    With the fixed ratio the expected slow shift is a displacement times (1 − (1 − rate · ratio)ⁿ). That the slow part
    is specific to the tone and the fast part is not is a choice made here. A row of one modality alone teaches
    nothing. Layers: `measurements` (A as shifted, V), `p_common`, `estimate` (A, V), `shift` (deg, before the trial).

    References
    ----------
    Recanzone (1998) PNAS 95:869; Frissen, Vroomen & de Gelder (2012) Seeing Perceiving 25:1; Wozny & Shams (2011) J
    Neurosci 31:4607; Bruns & Röder (2015) Sci Rep 5:12739; Zaidel, Turner & Angelaki (2011) J Neurosci 31:13949.
    """

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("measurements", "p_common", "estimate", "shift")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    sigma_auditory: float = sd(6.0, "deg", free=(1, 40))  # at reliability 1
    sigma_visual: float = sd(2.0, "deg", free=(0.3, 20))  # at reliability 1
    sigma_prior: float = sd(30.0, "deg", free=(2, 100))
    mu_prior: float = number(0.0, "deg")
    p_common: float = probability(0.8, free=(0.01, 0.99))  # prior of one cause
    rule: Literal["causal_inference", "fixed_ratio"] = "causal_inference"
    rate: float = probability(0.03)  # of the error, per exposure: slow
    leak: float = probability(0.0)  # of the slow shift, per exposure
    fast_rate: float = probability(0.0)  # of the error, per exposure: fast
    fast_decay: float = probability(0.5)  # of the fast shift, kept per trial
    ratio: float = number(1.0)  # share of the conflict that hearing takes over, with the fixed ratio
    sigma_motor: float = sd(0.0, "deg", zero=True)
    name: str = "recalibration"

    def infer(self, stimuli, draws):
        """Step through time, all blocks at once: place each event, and learn from every pair."""
        sigmas = stimuli.sigmas(self)
        x = stimuli.measure(self, draws)
        block, tone, step = _order(stimuli.table)
        n_blocks = block.max(initial=0) + 1
        slow = np.zeros((n_blocks, tone.max(initial=0) + 1))
        fast = np.zeros(n_blocks)
        shift = np.zeros(len(stimuli))
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
        posterior, estimate = self.averaged(x, sigmas)
        absent = np.isnan(x)
        common = np.where(absent.any(1), np.nan, posterior > 0.5)
        layers = {
            "measurements": np.where(absent, self.mu_prior, x),
            "p_common": posterior[:, None],
            "estimate": np.where(absent, self.mu_prior, estimate),
            "shift": shift[:, None],
        }
        answers = {cue.asked_as: layers["estimate"][:, i] for i, cue in enumerate(self.cues)}
        return Percepts(**answers, common=common, judged_common=common, layers=layers)

    def averaged(self, x, sigmas):
        """Posterior of one cause (n,) and averaged estimates (n, 2) of measurements (n, 2)."""
        return averaged_over_causes(x, sigmas, self.mu_prior, self.sigma_prior, self.p_common)


def _order(shown):
    """Block, tone and position within the block of each presentation; integer arrays (n,)."""
    block = pd.factorize(shown["block"])[0] if "block" in shown else np.zeros(len(shown), int)
    tone = (
        pd.factorize(shown["auditory_frequency"], use_na_sentinel=False)[0]
        if "auditory_frequency" in shown
        else np.zeros(len(shown), int)
    )
    return block, tone, pd.Series(block).groupby(block).cumcount().to_numpy()
