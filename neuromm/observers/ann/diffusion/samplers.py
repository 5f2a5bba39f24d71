"""Samplers: ancestral DDPM and DDIM on any grid, and inversion.

`Sampler.denoise` is the loop, step by step, for who wants to look inside; `sample` runs it to the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from neuromm.maths.device import check_device
from neuromm.observers.ann.diffusion.noise import sample_generators, standard_normal
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule, pairs, sampling_grid
from neuromm.observers.ann.shapes import require_shape


@dataclass(frozen=True)
class Step:
    """One step of a sampler: x at t, what was read from it, and where it goes."""

    i: int  # number of the step
    t: int  # timestep of `x`
    prev: int  # timestep of `x_prev`; −1 is clean
    x: torch.Tensor  # (B, …)
    x0: torch.Tensor  # estimate of the clean data, (B, …)
    epsilon: torch.Tensor  # estimate of the noise, (B, …)
    x_prev: torch.Tensor  # (B, …)


@dataclass(frozen=True)
class Trajectory:
    """A whole run of a sampler."""

    timesteps: tuple[int, ...]  # of each state; the last is −1
    states: torch.Tensor  # (n_steps + 1, B, …), from noise to sample
    x0: torch.Tensor  # (n_steps, B, …), the estimates on the way

    @property
    def samples(self):
        """The last state, (B, …)."""
        return self.states[-1]


@dataclass(frozen=True)
class Sampler:
    """Which timesteps a sampler visits, and how it steps from one to the next.

    Parameters
    ----------
    n_steps : int
        At most the schedule's timesteps.
    spacing : str
        Of the grid: trailing, leading, linspace.
    timesteps : sequence of int, optional
        A grid of your own, falling, instead of `n_steps` and `spacing`.
    method : str
        *ddim* (Song, Meng & Ermon 2020, arXiv 2010.02502, eq. 12, 16) with `eta`, deterministic at 0; or *ddpm*
        (Ho et al. 2020) with the posterior's variance, *small*, or its upper bound, *large*. DDIM at eta 1
        is DDPM with the small variance, number by number.
    clip : tuple of two numbers, optional
        Range of x̂_0; ε̂ is computed anew from the clipped x̂_0. Not for latents or unbounded data.
    """

    n_steps: int = 50
    spacing: Literal["trailing", "leading", "linspace"] = "trailing"
    timesteps: Sequence[int] | None = None
    method: Literal["ddim", "ddpm"] = "ddim"
    eta: float = 0.0
    variance: Literal["small", "large"] = "small"
    clip: tuple[float, float] | None = None

    def __post_init__(self):
        if self.method not in ("ddim", "ddpm"):
            raise ValueError(f"method is '{self.method}'; 'ddim' or 'ddpm' is wanted")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta is {self.eta}; 0 (deterministic) to 1 (ancestral) is wanted")
        if self.variance not in ("small", "large"):
            raise ValueError(f"variance is '{self.variance}'; 'small' or 'large' is wanted")

    def grid(self, schedule: DiffusionSchedule) -> list[int]:
        """The timesteps that are visited, falling.

        Raises
        ------
        ValueError
            If there are more steps than timesteps, or one on a grid that begins at 0.
        """
        return sampling_grid(schedule, self.n_steps, self.spacing, self.timesteps)

    def denoise(self, model: Callable, schedule: DiffusionSchedule, x: torch.Tensor, *, generator=None,
                noise: torch.Tensor | None = None, condition: Any = None) -> Iterator[Step]:  # fmt: skip
        """Step by step from `x` at the first timestep; whoever iterates may look inside, or stop early.

        Arguments as in `sample`. Gradients are kept where torch is asked to keep them.
        """
        grid = self.grid(schedule)
        if noise is not None:
            require_shape("noise", noise, (len(grid), *x.shape), "(n_steps, *shape)")
        for i, (t, prev) in enumerate(pairs(grid)):
            at = torch.full((len(x),), t, dtype=torch.int64, device=x.device)
            output = model(x, at) if condition is None else model(x, at, condition)
            x0, epsilon = schedule.split(x, output, t)
            if self.clip is not None:
                x0 = x0.clamp(*self.clip)
                a, b = schedule.signal_and_noise(t, x)
                epsilon = (x - a * x0) / b
            if self.method == "ddpm":
                mean, sigma = ddpm_moments(schedule, x, x0, t, prev, self.variance)
            else:
                mean, sigma = ddim_moments(schedule, x0, epsilon, t, prev, self.eta)
            x_prev = mean
            if prev >= 0 and sigma > 0:
                z = standard_normal(x.shape, generator, dtype=x.dtype, device=x.device) if noise is None else noise[i]
                x_prev = mean + sigma * z
            yield Step(i, t, prev, x, x0, epsilon, x_prev)
            x = x_prev


def sample(model: Callable, schedule: DiffusionSchedule, shape: Sequence[int], *, sampler: Sampler | None = None,
           seed: int | None = None, generator=None, x_start: torch.Tensor | None = None,
           noise: torch.Tensor | None = None, condition: Any = None, return_trajectory: bool = False,
           dtype: torch.dtype = torch.float32, device: str = "cpu",
           **fields: Any) -> torch.Tensor | Trajectory:  # fmt: skip
    """Draw samples by denoising.

    Parameters
    ----------
    model : callable (x, t) or (x, t, condition) → prediction
        x is (B, …), t is (B,) int64; predicts what `schedule.prediction` says.
    schedule : DiffusionSchedule
    shape : tuple, (B, …)
    sampler : Sampler, optional
        Or its fields by name: `sample(model, schedule, (8, 2), n_steps=20, method="ddpm")`.
    seed : int, optional
        One generator per sample: sample i is the same in any batch.
    generator : torch.Generator, or one per sample, optional
        Instead of `seed`.
    x_start : tensor, optional
        Where to begin, at the first timestep; standard normal when not given.
    noise : tensor, shape (n_steps, *shape), optional
        The z of each step, instead of drawing them.
    condition : optional
        Handed to the model.
    return_trajectory : bool
        Give a Trajectory.
    dtype : torch.dtype
        Of the numbers that are drawn.

    Returns
    -------
    samples : tensor of `shape`, or a Trajectory

    Raises
    ------
    ValueError
        If arguments exclude each other; or `x_start`, `noise` or what the model predicts has another shape than
        the samples.
    """
    check_device(device)
    if sampler is not None and fields:
        raise ValueError(f"both sampler and {', '.join(fields)} came; one of them is wanted")
    sampler = sampler or Sampler(**fields)
    sampler.grid(schedule)  # refused before anything is drawn
    if seed is not None:
        if generator is not None:
            raise ValueError("both seed and generator came; one of them is wanted")
        generator = sample_generators(seed, shape[0])
    with torch.inference_mode():
        x = standard_normal(shape, generator, dtype=dtype, device=device) if x_start is None else x_start
        require_shape("x_start", x, shape, "shape")
        steps = []
        for step in sampler.denoise(model, schedule, x, generator=generator, noise=noise, condition=condition):
            x = step.x_prev
            if return_trajectory:
                steps.append(step)
    if not return_trajectory:
        return x.clone()
    states = torch.stack([*(step.x for step in steps), x])
    return Trajectory((*(step.t for step in steps), -1), states, torch.stack([step.x0 for step in steps]))


def ddpm_moments(schedule, x, x0, t, prev, variance="small"):
    """Mean (B, …) and sd of x_prev given x_t and x̂_0: the forward process's posterior on the grid."""
    of_x0, of_xt, small, large = schedule.posterior(t, prev)
    return of_x0 * x0 + of_xt * x, math.sqrt(small if variance == "small" else large)


def ddim_moments(schedule, x0, epsilon, t, prev, eta=0.0):
    """Mean (B, …) and sd of x_prev (Song et al. 2020, eq. 12 and 16)."""
    then = float(schedule.alpha_bar(prev))
    sigma = eta * math.sqrt(schedule.posterior(t, prev)[2])
    return math.sqrt(then) * x0 + math.sqrt(max(1.0 - then - sigma**2, 0.0)) * epsilon, sigma


def invert(model, schedule, x0, *, n_steps=50, spacing="trailing", timesteps=None, condition=None, refine=0):
    """The noise from which deterministic DDIM makes `x0`: its steps backwards.

    Only approximate: ε̂ is taken at the lower end of each step, where DDIM takes it at the upper one. `refine`
    corrections per step solve for the upper end, after which DDIM returns to `x0`.

    Parameters
    ----------
    model, schedule, n_steps, spacing, timesteps, condition
        As in `sample`.
    x0 : tensor, shape (B, …)
        Data.
    refine : int
        Corrections per step, each by what DDIM from there misses.

    Returns
    -------
    x_start : tensor like `x0`
        At the first timestep of the grid; hand it to `sample` with the same grid.
    """
    grid = sampling_grid(schedule, n_steps, spacing, timesteps)

    def estimates(x, t):
        at = torch.full((len(x),), t, dtype=torch.int64, device=x.device)
        output = model(x, at) if condition is None else model(x, at, condition)
        return schedule.split(x, output, t)

    with torch.inference_mode():
        x = x0
        for t, prev in reversed(pairs(grid)):
            low, high = float(schedule.alpha_bar(prev)), float(schedule.alpha_bar(t))
            epsilon = estimates(x, max(prev, 0))[1]  # clean data has no timestep of its own: the first is nearest
            up = (
                math.sqrt(high) * (x - math.sqrt(1.0 - low) * epsilon) / math.sqrt(low)
                + math.sqrt(1.0 - high) * epsilon
            )
            for _ in range(refine):  # a step of DDIM changes x little, so that its error is the correction
                x0_up, epsilon_up = estimates(up, t)
                up = up + x - ddim_moments(schedule, x0_up, epsilon_up, t, prev)[0]
            x = up
    return x.clone()  # outside of inference mode: an ordinary tensor
