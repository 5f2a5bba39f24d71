"""Which way did the sound move? Causal inference over velocities and asynchrony."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common, segregate
from neuromm.observers.protocol import Percept, answer, collect, describe, perceive_sets
from neuromm.stimuli.table import distinct, require, showings


@dataclass(frozen=True)
class DynamicCapture:
    """Hears a sound move with a light when both seem one event: causal inference over velocity and time.

    Velocities x_A ~ N(v_A, σ_A²), x_V ~ N(v_V, σ_V²) with prior N(0, σ_P²), asynchrony x_t ~ N(SOA, σ_soa²); under one
    cause velocities are equal and asynchrony ~ N(0, σ_1²), under two they are independent and asynchrony ~ N(μ_2,
    σ_2²). The log evidences add. The heard velocity averages the fused and the auditory estimate by the posterior;
    the answer is its sign. The equations are those of causal inference in place and in time; the values are chosen so
    that sounds in conflict are misheard in step with the light at 0 ms and rarely at 500 ms, as found by Soto-Faraco
    et al.

    References
    ----------
    Soto-Faraco, Spence & Kingstone (2004) J Exp Psychol Hum Percept Perform 30:330 (the effect).
    Körding et al. (2007) PLoS ONE 2:e943; Magnotti, Ma & Beauchamp (2013) Front Psychol 4:798 (the inference).
    """

    sigma_auditory: float = 20.0  # deg/s
    sigma_visual: float = 4.0  # deg/s
    sigma_prior: float = 30.0  # deg/s, velocities are around 0
    p_common: float = 0.85  # prior probability of one event
    sigma_soa: float = 60.0  # ms
    sigma_soa_common: float = 65.0  # ms, asynchrony of one event
    sigma_soa_separate: float = 350.0  # ms, of two
    mu_soa_separate: float = 0.0  # ms
    lapse: float = 0.02  # probability of guessing
    name: str = "dynamic_capture"

    layers: ClassVar[tuple[str, ...]] = ("measurements", "log_bayes_factor", "p_common", "estimate")
    reports: ClassVar[tuple[str, ...]] = ("auditory_motion", "common")

    def __post_init__(self):
        for name in (
            "sigma_auditory",
            "sigma_visual",
            "sigma_prior",
            "sigma_soa",
            "sigma_soa_common",
            "sigma_soa_separate",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive sd is wanted")
        for name in ("p_common", "lapse"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a probability is wanted")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer the direction of the sound (velocity, deg/s; 1/0 with alternatives `left|right`) or common cause.

        Needs `report`, `auditory_velocity`, `visual_velocity` (deg/s; NaN visual = no light) and `soa` (ms).
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        self._check(trials)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), 5))
        inferred = {k: v[of_row] for k, v in self._infer(trials.iloc[first], z[first]).items()}
        heard = inferred["estimate"][:, 0]
        heard = np.where(np.abs(z[:, 3]) < _quantile(self.lapse), z[:, 4], heard)
        common = np.where(trials["visual_velocity"].isna(), np.nan, inferred["p_common"][:, 0] > 0.5)
        judged = pd.array([None if np.isnan(c) else bool(c) for c in common], "boolean")
        responses = answer(trials, {"auditory_motion": heard, "common": common}, self.name, judged_common=judged)
        return Percept(responses, collect(layers, inferred, trials, self.name))

    def _check(self, trials):
        require(trials, ["report", "auditory_velocity", "visual_velocity", "soa"], self.name)
        silent = trials["auditory_velocity"].isna().to_numpy()
        if silent.any():
            raise ValueError(f"{self.name}: trials {trials.index[silent][:5].tolist()} have no moving sound to hear")

    def _infer(self, shown, z):
        v = shown[["auditory_velocity", "visual_velocity"]].to_numpy(float)
        sigmas = np.array([self.sigma_auditory, self.sigma_visual])
        x = v + sigmas * z[:, :2]
        alone = np.isnan(x[:, 1])
        time = np.where(alone, 0.0, shown["soa"].fillna(0.0).to_numpy(float)) + self.sigma_soa * z[:, 2]
        factor = log_bayes_factor(x, sigmas, 0.0, self.sigma_prior) + np.where(alone, 0.0, self._temporal(time))
        chance = np.where(alone, 0.0, posterior_common(factor, self.p_common))
        fused, apart = fuse(x, sigmas, 0.0, self.sigma_prior)[0], segregate(x, sigmas, 0.0, self.sigma_prior)[:, 0]
        heard = chance * fused + (1 - chance) * apart
        measured = np.column_stack([np.nan_to_num(x), time])
        return {
            "measurements": measured,
            "log_bayes_factor": np.where(alone, 0.0, factor)[:, None],
            "p_common": chance[:, None],
            "estimate": heard[:, None],
        }

    def _temporal(self, x):
        one, two = self.sigma_soa**2 + self.sigma_soa_common**2, self.sigma_soa**2 + self.sigma_soa_separate**2
        return 0.5 * (np.log(two / one) + (x - self.mu_soa_separate) ** 2 / two - x**2 / one)

    def predict(self, trials, *, n=41) -> pd.DataFrame:
        """P(right) of each row by quadrature over the two velocities and time: `expected`, `p_common`.

        For rows that ask for common cause, `expected` is the probability that one event is judged.
        """
        self._check(trials)
        first, of_row = distinct(trials, ["auditory_velocity", "visual_velocity", "soa", "report"])
        shown = trials.iloc[first]
        axis = np.linspace(-5, 5, n)
        z = np.stack([a.ravel() for a in np.meshgrid(axis, axis, axis, indexing="ij")], -1)
        weights = np.exp(-0.5 * (z * z).sum(1))
        weights /= weights.sum()
        rows = []
        for k in range(len(shown)):
            one = shown.iloc[[k]].loc[lambda t: t.index.repeat(len(z))]
            inferred = self._infer(one, z)
            right = weights @ (0.5 * (1 + np.sign(inferred["estimate"][:, 0])))
            common = (
                np.nan if np.isnan(shown["visual_velocity"].iloc[k]) else weights @ (inferred["p_common"][:, 0] > 0.5)
            )
            right = (1 - self.lapse) * right + self.lapse / 2
            rows.append((common if shown["report"].iloc[k] == "common" else right, right, common))
        table = pd.DataFrame(rows, columns=["expected", "right", "p_common"])
        return table.iloc[of_row].set_axis(trials.index, axis=0)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def _quantile(lapse):
    """|z| below which a standard normal falls with probability `lapse`."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + lapse / 2)) if lapse < 1 else np.inf
