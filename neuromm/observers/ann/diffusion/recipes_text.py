"""How text to pictures is trained: an autoencoder, then diffusion in its latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.diffusion.cards import CARDS
from neuromm.observers.ann.diffusion.latent import LatentDiffusion, from_unit
from neuromm.observers.ann.diffusion.recipe import DiffusionRecipe, seed_of_step
from neuromm.observers.ann.diffusion.store import halve
from neuromm.stimuli.captions import WORDS, caption
from neuromm.stimuli.shapes import compositions, draw_shapes


@dataclass(frozen=True)
class TextRecipe(DiffusionRecipe):
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

    network: ClassVar[str] = "diffusion_text"
    card: ClassVar[Card] = CARDS["diffusion_text"]

    def build(self, start):
        """The networks, the autoencoder trained; latents of a store of pictures, and how well they are kept."""
        vae, unet = {"widths": self.widths_vae}, {"widths": self.widths, "width": self.width}
        network = LatentDiffusion(WORDS, vae=vae, unet=unet).to(start.device)
        seen = compositions(held_out=False)
        run = start.run(self, network.vae, None, stage="vae", n_steps=self.n_steps_vae)
        for step in run:
            rng = np.random.default_rng([start.seed, 1, step])
            pictures = draw_shapes(seen.iloc[rng.integers(len(seen), size=self.batch_vae)], rng=rng)
            generator = torch.Generator().manual_seed(step)
            run.update(sum(network.vae.loss(from_unit(pictures, start.device), generator)))
        halve(run.finish())
        rng = np.random.default_rng([start.seed, 2])
        store = seen.iloc[np.repeat(np.arange(len(seen)), self.n_jittered)].reset_index(drop=True)
        pictures = draw_shapes(store, rng=rng)
        network.vae.fit_scale(from_unit(pictures[:: self.n_jittered // 4], start.device))
        latents, errors = [], []
        with torch.no_grad():
            for part in np.array_split(pictures, 32):
                latents.append(network.vae.to_latent(from_unit(part, start.device)))
            latents = torch.cat(latents)
            for z, part in zip(torch.tensor_split(latents, 32), np.array_split(pictures, 32), strict=True):
                error = network.vae.to_pictures(z) - from_unit(part, start.device)
                errors.append(error.square().mean((1, 2, 3)))
        return network, (store, latents, torch.cat(errors))

    def learner(self, network):
        """The U-Net and the text encoder; the autoencoder stays as it is."""
        return torch.nn.ModuleDict({"unet": network.unet, "text": network.text})

    def loss_of_step(self, network, data, seed, step):
        """Squared error of v in latents, given captions."""
        store, latents, _ = data
        rng = np.random.default_rng([seed, 3, step])
        rows = rng.integers(len(store), size=self.batch)
        condition = network.condition(caption(store.iloc[rows], rng))
        generator = torch.Generator().manual_seed(seed_of_step(seed, step))
        return network.loss(latents[rows], condition, generator)

    def describe(self, data):
        """Which compositions it never saw."""
        return {"held_out": "6 of 30 pairs of shape and colour"}

    def score(self, network, data, run):
        """Errors of the autoencoder and of the last steps."""
        return {
            "vae_rms_error": float(data[2].mean().sqrt()) / 2,
            "latent_scale": float(network.vae.scale),
            "last_loss": float(np.mean(run.losses[-100:])) if run.losses else None,
        }
