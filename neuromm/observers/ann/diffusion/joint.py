"""Denoising several modalities, each at its own noise level: posterior samples of one given the others.

A joint denoiser is a callable (x, alpha_bar) → x̂_0, all three dicts modality → tensor, (B, …) and (B,): the
posterior mean of each modality given all, every modality at the noise level it is said to have. ᾱ = 1 is
clean, 0 is absent. Independent levels are what makes holding one modality exact (UniDiffuser, Bao et al. 2023,
arXiv 2303.06555).
"""

from __future__ import annotations

import torch

from neuromm.observers.ann.diffusion.noise import sample_generators, standard_normal
from neuromm.observers.ann.diffusion.samplers import ddpm_moments
from neuromm.observers.ann.diffusion.schedule import pairs, sampling_grid
from neuromm.observers.ann.shapes import require_shape

LOWEST, HIGHEST = 1e-4, 1.0 - 1e-4  # ᾱ between which levels are walked; nothing and all of the signal beyond


def sample_posterior(model, x, alpha_bar, which, *, n_steps=100, seed=None, generator=None, return_mean=False):
    """Draw clean modalities given noisy ones: p(x_0 of `which` | every x at its level).

    The reverse chain of `which` begins at its own measurement and level and goes down; all other modalities
    stay as they are, at theirs. The result is a posterior *sample*: neither the mean nor the mode.

    Parameters
    ----------
    model : joint denoiser
    x : dict of modality → tensor, shape (B, …)
        Measurements √ᾱ x_0 + √(1 − ᾱ) ε. Of a modality with ᾱ 0 only the shape matters.
    alpha_bar : dict of modality → tensor, shape (B,), float64
    which : str or tuple of str
        Modalities to draw; several are drawn jointly.
    n_steps : int
        Evaluations of the model; levels are even in log signal-to-noise, each sample on its own. Few steps
        draw too narrowly: the sd of a place is 7 % short with 60, 3 % with 200.
    seed : int, optional
        One generator per sample.
    generator : torch.Generator, or one per sample, optional
    return_mean : bool
        Also give the first estimate, E[x_0 | all measurements].

    Returns
    -------
    samples : dict of modality → tensor; with `return_mean`, (samples, means)

    Raises
    ------
    ValueError
        If `which` names a modality that is not in `x`, a level is outside 0 … 1 or missing, or an estimate or a level
        has another shape than its measurement.
    """
    which = (which,) if isinstance(which, str) else tuple(which)
    strange = [name for name in which if name not in x]
    if strange or not which:
        raise ValueError(f"which is {which}; modalities of x are wanted: {', '.join(x)}")
    n = len(next(iter(x.values())))
    for name, value in x.items():
        if name not in alpha_bar:
            raise ValueError(f"alpha_bar must have a level for each modality of x, '{name}' has none")
        require_shape(f"x of '{name}'", value, (n, *value.shape[1:]), "the batch")
    for name, level in alpha_bar.items():
        require_shape(f"alpha_bar of '{name}'", level, (n,), "the batch")
        if ((level < 0) | (level > 1)).any():
            raise ValueError(f"alpha_bar of '{name}' runs from {level.min():g} to {level.max():g}; 0 to 1 is wanted")
    if seed is not None:
        generator = sample_generators(seed, n)
    x, level, grid = dict(x), dict(alpha_bar), {}
    for name in which:
        absent = (level[name] <= LOWEST).reshape(-1, *[1] * (x[name].ndim - 1))
        z = standard_normal(x[name].shape, generator, dtype=x[name].dtype, device=x[name].device)
        x[name] = torch.where(absent, z, x[name])
        grid[name] = log_snr_grid(level[name], n_steps)
        level[name] = grid[name][0]
    means = None
    with torch.inference_mode():
        for i in range(n_steps):
            estimate = model(x, level)
            for name in which:
                require_shape(f"the estimate of '{name}'", estimate[name], x[name].shape, "its measurement")
            means = {name: estimate[name] for name in which} if means is None else means
            for name in which:
                now, then = grid[name][i], grid[name][i + 1]
                mean, sigma = ancestral(x[name], estimate[name], now, then)
                z = standard_normal(mean.shape, generator, dtype=mean.dtype, device=mean.device)
                x[name], level[name] = mean + sigma * z, then
    samples = {name: x[name] for name in which}
    return (samples, means) if return_mean else samples


def log_snr_grid(alpha_bar, n_steps):
    """ᾱ from each sample's level to clean, (n_steps + 1, B): even in log SNR, and 1 at the end."""
    start = torch.as_tensor(alpha_bar, dtype=torch.float64).clamp(LOWEST, HIGHEST).logit()
    end = torch.as_tensor(HIGHEST, dtype=torch.float64).logit().to(start.device)
    share = torch.arange(n_steps, dtype=torch.float64, device=start.device)[:, None] / n_steps
    inner = torch.sigmoid(start + share * (end - start))
    return torch.cat([inner, torch.ones_like(inner[:1])])


def ancestral(x, x0, now, then):
    """Mean (B, …) and sd (B, 1, …) of the step from ᾱ `now` to `then`, (B,) each: the forward process's posterior."""
    now, then = (level.reshape(-1, *[1] * (x.ndim - 1)) for level in (now, then))
    alpha = now / then
    noise = 1.0 - now
    of_x0, of_xt = then.sqrt() * (1.0 - alpha) / noise, alpha.sqrt() * (1.0 - then) / noise
    sigma = ((1.0 - alpha) * (1.0 - then) / noise).sqrt()
    return of_x0.to(x.dtype) * x0 + of_xt.to(x.dtype) * x, sigma.to(x.dtype)


def sample_by_replacement(model, schedule, known, x_start, *, n_steps=50, spacing="trailing", generator=None):
    """Draw the rest of a whole when a part is known, by replacing the known part at each step. **Biased.**

    For networks with one timestep for everything. The known part is noised anew to each step's level and
    put in place; the rest never learns what the known part says beyond that noise, so the samples depend
    too weakly on it (Trippe et al. 2022, arXiv 2206.04119; Ho et al. 2022, arXiv 2204.03458, sec. 3.1). Where a
    network has a level per modality, use `sample_posterior`.

    Parameters
    ----------
    model : callable (x, t) → prediction
    schedule : DiffusionSchedule
    known : tensor, shape (B, …), NaN where unknown
        Clean data.
    x_start : tensor like `known`
        Standard normal.
    n_steps, spacing
        As in `sample`.
    generator : torch.Generator, or one per sample, optional

    Returns
    -------
    x : tensor like `known`, the known part as given
    """
    require_shape("x_start", x_start, known.shape, "known")
    there = ~torch.isnan(known)
    known, x = torch.where(there, known, 0.0), x_start

    def draw():
        return standard_normal(known.shape, generator, dtype=known.dtype, device=known.device)

    with torch.inference_mode():
        for t, prev in pairs(sampling_grid(schedule, n_steps, spacing)):
            a, b = schedule.signal_and_noise(t, x)
            x = torch.where(there, a * known + b * draw(), x)
            at = torch.full((len(x),), t, dtype=torch.int64, device=x.device)
            x0, _ = schedule.split(x, model(x, at), t)
            mean, sigma = ddpm_moments(schedule, x, x0, t, prev)
            x = mean + sigma * draw()
    return torch.where(there, known, x)
