"""How text to pictures is trained: an autoencoder, then diffusion in its latents."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.diffusion.latent import LatentDiffusion, from_unit
from neuromm.observers.ann.diffusion.store import halve
from neuromm.stimuli.captions import WORDS, caption
from neuromm.stimuli.shapes import compositions, draw_shapes


@dataclass(frozen=True)
class TextRecipe:
    """Text to shapes: a VAE first, then diffusion in its latents; the held-out compositions are never seen."""

    n_steps_vae: int = 700
    batch_vae: int = 64
    n_steps: int = 1300
    batch: int = 96
    n_jittered: int = 24  # moved and scaled versions of each composition in store
    widths_vae: tuple[int, int] = (24, 40)
    widths: tuple[int, ...] = (48, 64)
    width: int = 48  # of a token
    learning_rate: float = 2e-3
    decay: float = 0.995


def train_text(recipe, seed, device, checkpoint, limits):
    """The VAE by reconstruction, its scale from a first batch, then the text encoder and the U-Net together."""
    torch.manual_seed(seed)
    network = LatentDiffusion(
        WORDS, vae={"widths": recipe.widths_vae}, unet={"widths": recipe.widths, "width": recipe.width}
    ).to(device)
    seen = compositions(held_out=False)
    said = {"seed": seed, **dataclasses.asdict(recipe), "held_out": "6 of 30 pairs of shape and colour"}
    first = checkpoint.with_name(checkpoint.name + ".vae")
    run = Run(
        network.vae, "diffusion_text VAE", first, said, recipe.n_steps_vae, recipe.learning_rate, recipe.decay, **limits
    )
    for step in run:
        rng = np.random.default_rng([seed, 1, step])
        pictures = draw_shapes(seen.iloc[rng.integers(len(seen), size=recipe.batch_vae)], rng=rng)
        run.update(sum(network.vae.loss(from_unit(pictures, device), torch.Generator().manual_seed(step))))
    halve(run.finish())
    rng = np.random.default_rng([seed, 2])
    store = seen.iloc[np.repeat(np.arange(len(seen)), recipe.n_jittered)].reset_index(drop=True)
    pictures = draw_shapes(store, rng=rng)
    network.vae.fit_scale(from_unit(pictures[:: recipe.n_jittered // 4], device))
    with torch.no_grad():
        latents = torch.cat([network.vae.to_latent(from_unit(p, device)) for p in np.array_split(pictures, 32)])
        error = torch.cat(
            [
                (network.vae.to_pictures(z) - from_unit(p, device)).square().mean((1, 2, 3))
                for z, p in zip(torch.tensor_split(latents, 32), np.array_split(pictures, 32), strict=True)
            ]
        )
    listener = torch.nn.ModuleDict({"unet": network.unet, "text": network.text})
    run = Run(
        listener, "diffusion_text", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits
    )
    for step in run:
        rng = np.random.default_rng([seed, 3, step])
        rows = rng.integers(len(store), size=recipe.batch)
        condition = network.condition(caption(store.iloc[rows], rng))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        run.update(network.loss(latents[rows], condition, generator))
    halve(run.finish())
    score = {"vae_rms_error": float(error.mean().sqrt()) / 2, "latent_scale": float(network.vae.scale),
             "last_loss": float(np.mean(run.losses[-100:])) if run.losses else None}  # fmt: skip
    return network, said | {"steps_taken": run.step}, score
