"""Which way did the sound move? Causal inference over velocities and asynchrony."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from neuromm.core.parameters import number, probability, sd
from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common, segregate
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.predictions import Predictions
from neuromm.stimuli.table import distinct, require


@dataclass(frozen=True)
class DynamicCapture(Observer):
    """Hears a sound move with a light when both seem one event: causal inference over velocity and time.

    Velocities x_A ~ N(v_A, σ_A²), x_V ~ N(v_V, σ_V²) with prior N(0, σ_P²), asynchrony x_t ~ N(SOA, σ_soa²); under one
    cause velocities are equal and asynchrony ~ N(0, σ_1²), under two they are independent and asynchrony ~ N(μ_2,
    σ_2²). The log evidences add. The heard velocity averages the fused and the auditory estimate by the posterior;
    the answer is its sign. The equations are those of causal inference in place and in time; the values are chosen so
    that sounds in conflict are misheard in step with the light at 0 ms and rarely at 500 ms, as found by Soto-Faraco
    et al.

    Needs `auditory_velocity`, `visual_velocity` (deg/s; NaN visual = no light) and `soa` (ms). The answer is the
    heard velocity, or 1 (right) and 0 with alternatives `left|right`.

    References
    ----------
    Soto-Faraco, Spence & Kingstone (2004) J Exp Psychol Hum Percept Perform 30:330 (the effect).
    Körding et al. (2007) PLoS ONE 2:e943; Magnotti, Ma & Beauchamp (2013) Front Psychol 4:798 (the inference).
    """

    cues: ClassVar = (
        Cue("auditory", "velocity", "deg/s", report="auditory_motion"),
        Cue("visual", "velocity", "deg/s"),
    )
    layers: ClassVar[tuple[str, ...]] = ("measurements", "log_bayes_factor", "p_common", "estimate")
    reports: ClassVar[tuple[str, ...]] = ("auditory_motion", "common")
    random: ClassVar[tuple[str, ...]] = ("auditory", "visual", "time", "attention", "guessed velocity")

    sigma_auditory: float = sd(20.0, "deg/s", free=(1, 100))
    sigma_visual: float = sd(4.0, "deg/s", free=(0.5, 50))
    sigma_prior: float = sd(30.0, "deg/s", free=(2, 200))  # velocities are around 0
    p_common: float = probability(0.85, free=(0.01, 0.99))  # prior of one event
    sigma_soa: float = sd(60.0, "ms")
    sigma_soa_common: float = sd(65.0, "ms")  # asynchrony of one event
    sigma_soa_separate: float = sd(350.0, "ms")  # of two
    mu_soa_separate: float = number(0.0, "ms")
    lapse: float = probability(0.02, free=(0, 0.3))  # of guessing the direction
    name: str = "dynamic_capture"

    def check_trials(self, trials):
        """As every observer; every row needs a sound that moves."""
        super().check_trials(trials)
        require(trials, ["auditory_velocity", "visual_velocity", "soa"], self.name)
        silent = trials["auditory_velocity"].isna().to_numpy()
        if silent.any():
            rows = trials.index[silent][:5].tolist()
            raise ValueError(f"{self.name}: trials {rows} have no moving sound to hear")

    def infer(self, stimuli, draws):
        """Weigh one event against two by velocities and asynchrony, and average the heard velocity."""
        x = stimuli.measure(self, draws)
        time = self._soa(stimuli.table) + self.sigma_soa * draws["time"]
        layers = self._latents(x, stimuli.sigmas(self), time)
        # a guess where |z| is small enough: with probability `lapse`
        guesses = np.abs(draws["attention"]) < ndtri(0.5 + self.lapse / 2)
        heard = np.where(guesses, draws["guessed velocity"], layers["estimate"][:, 0])
        common = np.where(stimuli.present.all(1), layers["p_common"][:, 0] > 0.5, np.nan)
        return Percepts(auditory_motion=heard, common=common, judged_common=common, layers=layers)

    def _soa(self, trials):
        """Asynchrony of each row, ms; 0 where there is no light."""
        return np.where(trials["visual_velocity"].isna(), 0.0, trials["soa"].fillna(0.0).to_numpy(float))

    def _latents(self, x, sigmas, time):
        """Layers from measured velocities (n, 2) and asynchrony (n,)."""
        alone = np.isnan(x[:, 1])
        temporal = np.where(alone, 0.0, self._temporal(time))
        factor = log_bayes_factor(x, sigmas, 0.0, self.sigma_prior) + temporal
        posterior = np.where(alone, 0.0, posterior_common(factor, self.p_common))
        fused = fuse(x, sigmas, 0.0, self.sigma_prior)[0]
        segregated = segregate(x, sigmas, 0.0, self.sigma_prior)[:, 0]
        heard = posterior * fused + (1 - posterior) * segregated
        return {
            "measurements": np.column_stack([np.nan_to_num(x), time]),
            "log_bayes_factor": np.where(alone, 0.0, factor)[:, None],
            "p_common": posterior[:, None],
            "estimate": heard[:, None],
        }

    def _temporal(self, x):
        one, two = self.sigma_soa**2 + self.sigma_soa_common**2, self.sigma_soa**2 + self.sigma_soa_separate**2
        return 0.5 * (np.log(two / one) + (x - self.mu_soa_separate) ** 2 / two - x**2 / one)

    def predict(self, trials, *, n=41) -> pd.DataFrame:
        """P(right) of each row by quadrature over the two velocities and time: `expected`, `unity`.

        For rows that ask for common cause, `expected` is the probability that one event is judged.
        """
        self.check_trials(trials)
        columns = [column for cue in self.cues for column in cue.columns]
        first, of_row = distinct(trials, [*columns, "soa", "report"])
        stimuli = trials.iloc[first]
        velocity = np.stack([cue.values(stimuli) for cue in self.cues], -1)
        sigmas = np.stack([cue.sigmas(stimuli, cue.sigma_of(self)) for cue in self.cues], -1)
        soa = self._soa(stimuli)
        asks_common = (stimuli["report"] == "common").to_numpy()
        axis = np.linspace(-5, 5, n)
        z = np.stack([a.ravel() for a in np.meshgrid(axis, axis, axis, indexing="ij")], -1)
        weights = np.exp(-0.5 * (z * z).sum(1))
        weights /= weights.sum()
        rows = []
        for k in range(len(stimuli)):
            x = velocity[k] + sigmas[k] * z[:, :2]
            latents = self._latents(x, sigmas[k], soa[k] + self.sigma_soa * z[:, 2])
            right = weights @ (0.5 * (1 + np.sign(latents["estimate"][:, 0])))
            right = (1 - self.lapse) * right + self.lapse / 2
            common = weights @ (latents["p_common"][:, 0] > 0.5)
            if np.isnan(velocity[k, 1]):
                common = np.nan
            expected = common if asks_common[k] else right
            rows.append((expected, right, common))
        table = pd.DataFrame(rows, columns=["expected", "right", "unity"])
        return Predictions(table.iloc[of_row].set_axis(trials.index, axis=0))
