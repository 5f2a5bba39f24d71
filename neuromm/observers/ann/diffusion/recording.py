"""Record a denoiser's layers while it looks at noised data: the same stimulus at several noise levels."""

from __future__ import annotations

import difflib
import fnmatch
from typing import Literal

import numpy as np
import torch
import xarray as xr

from neuromm.observers.ann.diffusion.latent import from_unit
from neuromm.observers.ann.diffusion.noise import sample_generators, standard_normal
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule, forward_diffusion
from neuromm.observers.ann.inputs import check_clean
from neuromm.observers.ann.recording import POOL


def record_at_noise(
    model,
    inputs,
    timesteps=(50, 250, 500, 750),
    layers=("enc*", "mid", "dec*"),
    *,
    schedule=None,
    condition=None,
    ensemble_size=8,
    shared_noise=True,
    pool: Literal["flatten", "mean", "max"] = "flatten",
    seed=0,
    batch_size=64,
):
    """Activations of layers at noise levels, averaged over draws of the noise.

    Parameters
    ----------
    model : torch.nn.Module, (x, t) or (x, t, condition) → prediction
        One of ours, or a `PretrainedDenoiser`, whose pictures are encoded first. A `LatentDiffusion` is taken apart the
        same way.
    inputs : array, shape (n_trials, channels, …)
        Clean data: −1 … 1 for our networks, 0 … 1 pictures for one with a VAE.
    timesteps : sequence of int
    layers : sequence of str
        Names of submodules or patterns.
    schedule : DiffusionSchedule, optional
        The model's own where it has one; linear with 1000 steps otherwise.
    condition : optional
        A text for a model with words; a tensor or array, or a tuple of such, with one row for all or one per trial.
    ensemble_size : int
        Draws of the noise that are averaged.
    shared_noise : bool
        The same draws for all trials; otherwise noise dominates what makes trials differ.
    pool : str
        All units, or channels with places pooled.
    seed : int
    batch_size : int

    Returns
    -------
    dict of "layer@timestep" → DataArray, dims (trial, unit), float32

    Raises
    ------
    ValueError
        If a pattern matches no module, a layer gives nothing with a row per input, or inputs hold NaN or 0 … 255.
    """
    if int(ensemble_size) < 1:
        raise ValueError(f"ensemble_size is {ensemble_size}; at least 1 is wanted")
    if not len(inputs):
        raise ValueError("inputs must hold at least one trial, got none")
    network, clean, condition = _prepare(model, inputs, condition)
    schedule = schedule or getattr(model, "schedule", None) or DiffusionSchedule()
    names = _find([layers] if isinstance(layers, str) else layers, dict(network.named_modules()))
    n, sums, caught, hooks, was_training = len(clean), {}, {}, [], network.training
    try:
        for name, module in network.named_modules():
            if name in names:
                hooks.append(module.register_forward_hook(_catch(caught, name)))
        network.eval()
        with torch.inference_mode():
            for t in timesteps:
                for draw in range(int(ensemble_size)):
                    noise = _noise(clean, shared_noise, seed, draw)
                    for start in range(0, n, batch_size):
                        rows = slice(start, start + batch_size)
                        x, _ = forward_diffusion(clean[rows], int(t), schedule, noise=noise[rows])
                        caught.clear()
                        _call(network, x, int(t), condition, rows)
                        for name in names:
                            values = _rows(caught.get(name), name, len(x), pool) / ensemble_size
                            whole = sums.setdefault(f"{name}@{t}", np.zeros((n, values.shape[1]), np.float32))
                            whole[rows] += values
    finally:
        for hook in hooks:
            hook.remove()
        network.train(was_training)
    return {key: xr.DataArray(values, dims=("trial", "unit")) for key, values in sums.items()}


def _prepare(model, inputs, condition):
    """The network whose layers are recorded, its clean data, and its condition as tensors."""
    if hasattr(model, "prepare"):  # a pretrained pipeline: VAE and text belong to it
        return model.prepare(inputs, condition)
    if hasattr(model, "unet") and hasattr(model, "vae"):  # LatentDiffusion

        with torch.inference_mode():
            clean = model.vae.to_latent(from_unit(inputs, model.vae.scale.device)).clone()
            if isinstance(condition, str):
                condition = tuple(h.clone() for h in model.condition(condition))
        return model.unet, clean, condition
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    if condition is not None:  # arrays will do
        several = isinstance(condition, tuple)
        parts = [torch.as_tensor(c, device=device) for c in (condition if several else (condition,))]
        condition = tuple(parts) if several else parts[0]
    clean = torch.as_tensor(np.asarray(inputs), dtype=torch.float32, device=device)
    check_clean(clean)
    return model, clean, condition


def _call(network, x, t, condition, rows):
    at = torch.full((len(x),), t, dtype=torch.int64, device=x.device)
    if condition is None:
        return network(x, at)

    def of(part):
        return part.expand(len(x), *part.shape[1:]) if len(part) == 1 else part[rows]

    return network(x, at, tuple(of(p) for p in condition) if isinstance(condition, tuple) else of(condition))


def _noise(clean, shared, seed, draw):
    """Noise of one draw: of each trial, or one for all."""
    if shared:
        one = standard_normal(clean.shape[1:], torch.Generator().manual_seed(seed * 1009 + draw), device=clean.device)
        return one.to(clean.dtype).expand_as(clean)
    return standard_normal(
        clean.shape, sample_generators(f"{seed}/{draw}", len(clean)), dtype=clean.dtype, device=clean.device
    )


def _find(patterns, modules):
    found = set()
    for pattern in patterns:
        matches = [name for name in modules if name and fnmatch.fnmatchcase(name, pattern) and _whole(name, pattern)]
        if not matches:
            near = difflib.get_close_matches(pattern, list(modules), n=3, cutoff=0.4)
            raise ValueError(
                f"the model has no layer '{pattern}'; near: {', '.join(near) or ', '.join(list(modules)[1:15])}"
            )
        found.update(matches)
    return [name for name in modules if name in found]


def _whole(name, pattern):
    """`enc*` means enc1, not enc1.block.conv1: a pattern reaches as deep as it is written."""
    return name.count(".") == pattern.count(".")


def _catch(caught, name):
    def hook(_module, _inputs, output):
        while isinstance(output, list | tuple):
            output = output[0]
        caught[name] = getattr(output, "sample", output)

    return hook


def _rows(output, name, n, pool):
    if not torch.is_tensor(output) or output.ndim == 0 or len(output) % n:
        what = (
            "nothing" if output is None else f"a {type(output).__name__} of shape {tuple(getattr(output, 'shape', ()))}"
        )
        raise ValueError(f"layer '{name}' gives {what}; a tensor with rows for {n} inputs is wanted")
    if len(output) != n:  # frames of a clip are folded into rows
        output = output.reshape(n, -1, *output.shape[1:]).transpose(1, 2)
    return POOL[pool](output if output.ndim > 1 else output[:, None]).float().cpu().numpy()
