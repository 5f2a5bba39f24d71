"""Denoisers in closed form, for data whose law is known: what every network and sampler is held against."""

from dataclasses import dataclass

import numpy as np
import torch

from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common, segregate
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule, spread


@dataclass(frozen=True)
class MixtureDenoiser:
    """The best denoiser of data drawn, element by element, from Σ w_k N(m_k, s_k²).

    p_t = Σ w_k N(√ᾱ m_k, D_k) with D_k = ᾱ s_k² + 1 − ᾱ, and E[ε | x] = √(1 − ᾱ) Σ r_k (x − √ᾱ m_k)/D_k, with
    r_k the posterior probabilities of the components. One component is the Gaussian case, where every
    sampler is affine and its law is known exactly. A callable (x, t) → what the schedule predicts.
    """

    schedule: DiffusionSchedule
    means: tuple[float, ...] = (0.0,)
    sds: tuple[float, ...] = (1.0,)
    weights: tuple[float, ...] | None = None  # equal when not given

    def __post_init__(self):
        if len(self.means) != len(self.sds) or (self.weights is not None and len(self.weights) != len(self.means)):
            raise ValueError(
                f"{len(self.means)} means, {len(self.sds)} sds and weights {self.weights}: one each is wanted"
            )
        if min(self.sds) < 0:
            raise ValueError(f"sds are {self.sds}; at least 0 is wanted")

    def __call__(self, x, t):
        epsilon = self.epsilon(x, t)
        if self.schedule.prediction == "epsilon":
            return epsilon
        return self.schedule.target(self.x0(x, t), epsilon, t)

    def epsilon(self, x, t):
        """E[ε | x_t], like x."""
        _, b = self.schedule.signal_and_noise(t, x)
        share, offset, variance = self._components(x, t)
        return b * (share * offset / variance).sum(-1)

    def x0(self, x, t):
        """E[x_0 | x_t], like x."""
        a, _ = self.schedule.signal_and_noise(t, x)
        share, offset, variance = self._components(x, t)
        means, variances = (
            torch.as_tensor(v, dtype=x.dtype, device=x.device) for v in (self.means, np.square(self.sds))
        )
        return (share * (means + a[..., None] * variances * offset / variance)).sum(-1)

    def _components(self, x, t):
        alpha_bar = spread(self.schedule.alpha_bar(t), x)[..., None]
        means, variances = (
            torch.as_tensor(v, dtype=x.dtype, device=x.device) for v in (self.means, np.square(self.sds))
        )
        weights = torch.full_like(means, 1.0) if self.weights is None else torch.as_tensor(self.weights).to(means)
        variance = alpha_bar * variances + (1.0 - alpha_bar)
        offset = x[..., None] - alpha_bar.sqrt() * means
        share = torch.softmax(weights.log() - 0.5 * offset.square() / variance - 0.5 * variance.log(), -1)
        return share, offset, variance


def residual_loss(schedule, t, sd=1.0):
    """E‖ε − E[ε | x_t]‖² per dimension for N(m, sd²) data, ᾱ sd²/(ᾱ sd² + 1 − ᾱ): no ε-network gets below it."""
    alpha_bar = schedule.alpha_bar(t)
    return alpha_bar * sd**2 / (alpha_bar * sd**2 + 1.0 - alpha_bar)


@dataclass(frozen=True)
class TwoCauseDenoiser:
    """The best joint denoiser of a pair of places with one cause or two: model averaging, exactly.

    s_A = s_V ~ N(0, 1) with probability `p_common`, else one each; x_m = a_m s_m + b_m ε measures s_m with sd
    b_m/a_m. Least squares then returns the estimates of Bayesian causal inference (Körding et al. 2007) at
    every pair of levels. A joint denoiser, see `joint`; tensors are (B, 1), in units of the prior's sd.
    """

    p_common: float = 0.5

    def __call__(self, x, alpha_bar):
        cues, sigmas = [], []
        for name in ("auditory", "visual"):
            level = alpha_bar[name].double().clamp(max=1.0 - 1e-12)
            there = level > 1e-12
            a, b = level.clamp(min=1e-12).sqrt(), (1.0 - level).sqrt()
            cues.append(torch.where(there, x[name][:, 0].double() / a, torch.nan).numpy())
            sigmas.append(torch.where(there, b / a, 1.0).numpy())
        cues, sigmas = np.stack(cues, -1), np.stack(sigmas, -1)
        posterior = posterior_common(log_bayes_factor(cues, sigmas, 0.0, 1.0), self.p_common)
        fused, apart = fuse(cues, sigmas, 0.0, 1.0)[0], segregate(cues, sigmas, 0.0, 1.0)
        estimate = posterior[:, None] * fused[:, None] + (1 - posterior)[:, None] * apart
        estimate = torch.as_tensor(estimate, dtype=x["visual"].dtype)
        return {"auditory": estimate[:, :1], "visual": estimate[:, 1:]}
