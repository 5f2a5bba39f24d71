"""Noise schedules, the forward process, and the grids that samplers walk on.

Timesteps are 0 … T−1, and −1 stands for clean data, where ᾱ = 1. Tables are float64; x keeps its own dtype.
What a sampler calls `prev` is the next element of its grid, never t − T//N: only so are all grids right.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from neuromm.observers.ann.diffusion.noise import standard_normal
from neuromm.observers.ann.shapes import require_shape

MAX_BETA = 0.999  # of the schedules that are given by ᾱ (Nichol & Dhariwal 2021)


@dataclass(frozen=True)
class DiffusionSchedule:
    """How much of the signal is left at each timestep, and what the network predicts.

    x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε, with ᾱ_t = Π_{s ≤ t} (1 − β_s) (Ho, Jain & Abbeel 2020, arXiv 2006.11239,
    eq. 4): the cumulative product, not 1 − β_t.

    `kind` is *linear* (Ho et al. 2020) or *scaled_linear* (Rombach et al. 2022, arXiv 2112.10752), both with ends
    times 1000/T, so that as little signal is left at the end whatever T is; *cosine* (Nichol & Dhariwal 2021,
    arXiv 2102.09672, eq. 17) or *sigmoid* (Jabri, Fleet & Chen 2022, arXiv 2212.11972). `prediction` is ε, x_0, or
    v = √ᾱ ε − √(1 − ᾱ) x_0 (Salimans & Ho 2022, arXiv 2202.00512). `zero_terminal_snr` leaves nothing of the signal
    at T − 1 (Lin et al. 2023, arXiv 2305.08891, algorithm 1); ε then says nothing about x_0 there, so v or x_0 must
    be predicted.
    """

    kind: Literal["linear", "scaled_linear", "cosine", "sigmoid"] = "linear"
    n_timesteps: int = 1000
    prediction: Literal["epsilon", "x0", "v"] = "epsilon"
    beta_start: float | None = None  # linear kinds only; given, it is taken as it is
    beta_end: float | None = None
    zero_terminal_snr: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind is '{self.kind}'; one of {', '.join(KINDS)} is wanted")
        if self.prediction not in ("epsilon", "x0", "v"):
            raise ValueError(f"prediction is '{self.prediction}'; one of epsilon, x0, v is wanted")
        if not isinstance(self.n_timesteps, int | np.integer) or self.n_timesteps < 1:
            raise ValueError(f"n_timesteps is {self.n_timesteps!r}; a whole number of at least 1 is wanted")
        if self.zero_terminal_snr and self.prediction == "epsilon":
            raise ValueError(
                "zero_terminal_snr leaves no signal at the last timestep, where epsilon cannot tell x0; predict v or x0"
            )
        if self.kind not in ("linear", "scaled_linear") and (self.beta_start, self.beta_end) != (None, None):
            raise ValueError(f"beta_start and beta_end do not apply to the {self.kind} schedule; leave them out")
        for name in ("beta_start", "beta_end"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ValueError(f"{name} is {value}; a variance between 0 and 1 is wanted")

    @property
    def betas(self):
        """β_t, shape (n_timesteps,), float64, read-only."""
        return _betas(self)

    @property
    def alphas(self):
        """1 − β_t, shape (n_timesteps,)."""
        return 1.0 - self.betas

    @property
    def alphas_bar(self):
        """ᾱ_t, shape (n_timesteps,), float64, read-only; strictly falling."""
        return _alphas_bar(self)

    @property
    def snr(self):
        """Signal-to-noise ratio ᾱ/(1 − ᾱ), shape (n_timesteps,)."""
        return self.alphas_bar / (1.0 - self.alphas_bar)

    def alpha_bar(self, t):
        """ᾱ at timesteps; 1 at t = −1. Array (or number) of the shape of `t`, float64.

        Raises
        ------
        ValueError
            If a timestep is outside −1 … T − 1.
        """
        t = np.asarray(t.detach().cpu() if isinstance(t, torch.Tensor) else t)
        if t.dtype.kind not in "iu":
            raise TypeError(f"timesteps are {t.dtype}; whole numbers are wanted")
        if t.size and (t.min() < -1 or t.max() >= self.n_timesteps):
            raise ValueError(
                f"timesteps run from {t.min()} to {t.max()}; −1 (clean) to {self.n_timesteps - 1} are there"
            )
        return np.append(self.alphas_bar, 1.0)[t]  # index −1 is the appended one

    def signal_and_noise(self, t, x):
        """a = √ᾱ_t and b = √(1 − ᾱ_t), per sample, shaped to broadcast against `x` (B, …)."""
        return spread(np.sqrt(self.alpha_bar(t)), x), spread(np.sqrt(1.0 - self.alpha_bar(t)), x)

    def timesteps(self, n_steps, spacing: Literal["trailing", "leading", "linspace"] = "trailing", offset=0):
        """The grid of a sampler, falling.

        Parameters
        ----------
        n_steps : int
            At most n_timesteps.
        spacing : str
            *trailing* round(T − k T/N) − 1 contains T − 1; *leading* k ⌊T/N⌋ + offset does not, and leaves
            the top uncovered where N does not divide T; *linspace* has both ends. One step of the last two is
            timestep 0 alone, from which no sampler begins.
        offset : int
            Of the leading grid, 0 or 1.

        Returns
        -------
        timesteps : array of int, shape (n_steps,)

        Raises
        ------
        ValueError
            If there are fewer timesteps than steps.
        """
        total, n = self.n_timesteps, int(n_steps)
        if not 1 <= n <= total:
            raise ValueError(f"n_steps is {n_steps}; 1 to {total} are possible with {total} timesteps")
        if spacing == "trailing":
            return np.rint(total - np.arange(n) * (total / n)).astype(int) - 1
        if spacing == "linspace":
            return np.rint(np.linspace(0, total - 1, n)).astype(int)[::-1].copy()
        if spacing != "leading":
            raise ValueError(f"spacing is '{spacing}'; one of trailing, leading, linspace is wanted")
        grid = np.arange(n)[::-1] * (total // n) + int(offset)
        if grid[0] >= total or offset < 0:
            raise ValueError(f"offset {offset} puts the leading grid outside 0 to {total - 1}; 0 is always inside")
        return grid

    def split(self, x, output, t):
        """x̂_0 and ε̂ from what the network predicted of x_t; (B, …) both.

        Raises
        ------
        ValueError
            If the prediction has another shape than x_t.
        """
        require_shape("the prediction", output, x.shape, "x")
        a, b = self.signal_and_noise(t, x)
        if self.prediction == "epsilon":
            return (x - b * output) / a, output
        if self.prediction == "x0":
            return output, (x - a * output) / b
        return a * x - b * output, a * output + b * x

    def target(self, x0, epsilon, t):
        """What the network should predict: ε, x_0, or v = a ε − b x_0; (B, …)."""
        require_shape("epsilon", epsilon, x0.shape, "x0")
        if self.prediction == "epsilon":
            return epsilon
        if self.prediction == "x0":
            return x0
        a, b = self.signal_and_noise(t, x0)
        return a * epsilon - b * x0

    def posterior(self, t, prev):
        """q(x_prev | x_t, x_0) on any grid (Ho et al. 2020, eq. 7, with ᾱ_t/ᾱ_prev for 1 − β_t).

        Returns
        -------
        of_x0, of_xt : float
            The mean is of_x0 x_0 + of_xt x_t.
        small, large : float
            Variance of the posterior (0 where prev is clean), and β' = 1 − ᾱ_t/ᾱ_prev, its upper bound.
        """
        now, then = float(self.alpha_bar(t)), float(self.alpha_bar(prev))
        if prev >= t:
            raise ValueError(f"prev is {prev} and t is {t}; a sampler goes down")
        alpha = now / then
        beta = 1.0 - alpha
        of_x0 = np.sqrt(then) * beta / (1.0 - now)
        of_xt = np.sqrt(alpha) * (1.0 - then) / (1.0 - now)
        return of_x0, of_xt, beta * (1.0 - then) / (1.0 - now), beta


def forward_diffusion(x0, t, schedule, *, noise=None, generator=None):
    """Noise data to timestep t: x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε.

    Parameters
    ----------
    x0 : tensor, shape (B, …)
        About unit variance or within −1 … 1.
    t : int or tensor of int, shape (B,)
    schedule : DiffusionSchedule
    noise : tensor like `x0`, optional
        ε; drawn from `generator` when not given.
    generator : torch.Generator, or one per sample

    Returns
    -------
    x_t, noise : tensors like `x0`
    """
    if noise is None:
        noise = standard_normal(x0.shape, generator, dtype=x0.dtype, device=x0.device)
    require_shape("noise", noise, x0.shape, "x0")
    a, b = schedule.signal_and_noise(t, x0)
    return a * x0 + b * noise, noise


def sampling_grid(schedule, n_steps, spacing, timesteps=None):
    """The timesteps that a sampler visits: those given, or the schedule's.

    Raises
    ------
    ValueError
        If one step would begin at timestep 0, where pure noise is taken for almost clean data and comes back.
    """
    if timesteps is not None:
        return timesteps
    grid = schedule.timesteps(n_steps, spacing)
    if len(grid) == 1 and grid[0] < schedule.n_timesteps - 1:
        raise ValueError(
            f"n_steps must be 2 or more with spacing '{spacing}', got 1: its only timestep is {grid[0]}, where pure "
            f"noise is taken for almost clean data and comes back; try spacing='trailing'"
        )
    return grid


def pairs(grid):
    """(t, prev) along a falling grid; −1, clean data, comes after the last.

    Raises
    ------
    ValueError
        If the grid does not fall.
    """
    grid = [int(t) for t in grid]
    if not grid or any(a <= b for a, b in zip(grid, grid[1:], strict=False)):
        raise ValueError(f"the grid is {grid}; falling timesteps are wanted")
    return list(zip(grid, [*grid[1:], -1], strict=True))


def spread(values, x):
    """Float64 numbers, one or one per sample, as a tensor that broadcasts against `x` (B, …)."""
    values = torch.as_tensor(np.asarray(values, float), dtype=x.dtype, device=x.device)
    if values.ndim and values.numel() != len(x):
        raise ValueError(f"timesteps must be one, or one for each of {len(x)} samples, got {values.numel()}")
    return values.reshape(-1, *[1] * (x.ndim - 1)) if values.ndim else values


@functools.lru_cache(maxsize=64)
def _alphas_bar(schedule):
    alphas_bar = np.cumprod(1.0 - KINDS[schedule.kind](schedule))
    if schedule.zero_terminal_snr:
        root = np.sqrt(alphas_bar)
        if schedule.n_timesteps < 2:
            raise ValueError("zero_terminal_snr needs at least 2 timesteps")
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        alphas_bar = root**2
    alphas_bar.setflags(write=False)
    return alphas_bar


@functools.lru_cache(maxsize=64)
def _betas(schedule):
    if schedule.zero_terminal_snr:
        alphas_bar = _alphas_bar(schedule)
        betas = 1.0 - alphas_bar / np.append(1.0, alphas_bar[:-1])
    else:
        betas = KINDS[schedule.kind](schedule)
    betas.setflags(write=False)
    return betas


def _ends(schedule, low, high):
    """First and last β: those given, or the published ones of 1000 timesteps times 1000/T."""
    scale = 1000.0 / schedule.n_timesteps
    first = min(low * scale, MAX_BETA) if schedule.beta_start is None else schedule.beta_start
    last = min(high * scale, MAX_BETA) if schedule.beta_end is None else schedule.beta_end
    return first, last


def _linear(schedule):
    low, high = _ends(schedule, 1e-4, 0.02)
    return np.linspace(low, high, schedule.n_timesteps)


def _scaled_linear(schedule):
    low, high = _ends(schedule, 0.00085, 0.012)
    return np.linspace(np.sqrt(low), np.sqrt(high), schedule.n_timesteps) ** 2


def _cosine(schedule):
    s = 0.008
    return _from_signal(lambda u: np.cos((u + s) / (1 + s) * np.pi / 2) ** 2, schedule.n_timesteps)


def _sigmoid(schedule):
    start, end, tau = -3.0, 3.0, 1.0

    def squash(x):
        return 1.0 / (1.0 + np.exp(-x / tau))

    def signal(u):
        return (squash(end) - squash(u * (end - start) + start)) / (squash(end) - squash(start))

    return _from_signal(signal, schedule.n_timesteps)


def _from_signal(signal, n):
    """β_t = 1 − f((t + 1)/T)/f(t/T): each against the grid point before it, not against f(0)."""
    f = signal(np.arange(n + 1) / n)
    return np.minimum(1.0 - f[1:] / f[:-1], MAX_BETA)


KINDS = {"linear": _linear, "scaled_linear": _scaled_linear, "cosine": _cosine, "sigmoid": _sigmoid}
