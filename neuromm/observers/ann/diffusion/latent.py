"""Text to pictures: diffusion in the latents of a VAE, told by text through cross-attention."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from neuromm.observers.ann.diffusion.conditional_unet import ConditionalUNet
from neuromm.observers.ann.diffusion.guidance import Guided, drop_condition
from neuromm.observers.ann.diffusion.losses import training_loss
from neuromm.observers.ann.diffusion.samplers import sample
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule
from neuromm.observers.ann.diffusion.store import load_network, save_network
from neuromm.observers.ann.diffusion.text import TextEncoder, Tokenizer
from neuromm.observers.ann.diffusion.vae import VAE
from neuromm.observers.ann.inputs import check_unit

NETWORK = "diffusion_text"


class LatentDiffusion(nn.Module):
    """A text's picture (Rombach et al. 2022, arXiv 2112.10752): `generate("a large red circle at the top left")`.

    Parameters
    ----------
    words : tuple of str
        The vocabulary; empty for a model that is told by an embedding alone.
    vae, unet, text : dict
        Fields of `VAE`, `ConditionalUNet`, `TextEncoder`.
    schedule : dict
        Fields of `DiffusionSchedule`.
    n_embedding : int
        Width of a joint embedding of a contrastive network that may be given instead of text, as one token
        (as the prior and decoder of DALL-E 2; Ramesh et al. 2022); 0 = text only.
    """

    def __init__(self, words=(), vae=None, unet=None, text=None, schedule=None, n_embedding=0):
        super().__init__()
        self.tokenizer = Tokenizer(tuple(words))
        self.vae = VAE(**vae or {})
        self.unet = ConditionalUNet(**{"channels": self.vae.n_latent, **(unet or {})})
        self.text = TextEncoder(len(words), **{"width": self.unet.width, **(text or {})}) if words else None
        self.adapter = nn.Linear(n_embedding, self.unet.width) if n_embedding else None
        self.schedule = DiffusionSchedule(**{"kind": "cosine", "prediction": "v", **(schedule or {})})
        self.config = {
            "words": list(words),
            "vae": self.vae.config,
            "unet": self.unet.config,
            "text": {k: v for k, v in self.text.config.items() if k != "n_words"} if words else None,
            "schedule": {
                "kind": self.schedule.kind,
                "prediction": self.schedule.prediction,
                "n_timesteps": self.schedule.n_timesteps,
            },
            "n_embedding": n_embedding,
        }

    def condition(self, text=None, embedding=None, unknown="error"):
        """Tokens (n, length, width) and mask (n, length) of texts, or of embeddings (n, n_embedding)."""
        if (text is None) == (embedding is None):
            raise ValueError("text or embedding is wanted, one of them")
        device = self.vae.scale.device
        if text is not None:
            if self.text is None:
                raise ValueError("this model has no words; give it an embedding")
            ids, mask = (h.to(device) for h in self.tokenizer(text, unknown))
            return self.text(ids, mask), mask
        if self.adapter is None:
            raise ValueError("this model was built without n_embedding; give it text")
        tokens = self.adapter(torch.as_tensor(embedding, dtype=torch.float32, device=device))[:, None]
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=device)

    def loss(self, latents, condition, generator=None):
        """The training loss of noised latents c·z, the condition replaced by the null with the unet's p_null."""
        null = self.unet.null_condition(len(latents), condition[1].shape[1])
        condition = drop_condition(condition, null, self.unet.p_null, generator)
        return training_loss(self.unet, latents, self.schedule, condition=condition, generator=generator)

    def generate(self, text=None, steps=30, guidance_scale=3.0, *, embedding=None, rescale=0.0, n_pixels=32, seed=None,
                 unknown="error", **options):  # fmt: skip
        """Draw pictures of texts.

        Parameters
        ----------
        text : str or list of str
        steps : int
            Of the sampler.
        guidance_scale : float
            0 ignores the text, 1 is the conditional model, more is guided.
        embedding : array, shape (n, n_embedding)
            Instead of text.
        rescale : float
            Guidance rescale, 0 … 1.
        n_pixels : int
            Height and width, a multiple of 4.
        seed : int, optional
            Picture i is the same in any batch.
        unknown : {"error", "skip"}
            What happens to a word that was never learnt.
        **options
            Of `sample`: method, eta, spacing, callback, progress, …

        Returns
        -------
        pictures : array, shape (n, channels, n_pixels, n_pixels), float32
            0 … 1.

        Raises
        ------
        ValueError
            If a word is unknown, or guidance is asked of a model that never learnt the null.
        """
        if n_pixels % 4:
            raise ValueError(f"n_pixels is {n_pixels}; a multiple of 4 is wanted")
        with torch.inference_mode():
            condition = self.condition(text, embedding, unknown)
            guided = Guided(PaddedNull(self.unet, condition[1].shape[1]), condition, guidance_scale, rescale)
            shape = (len(condition[0]), self.vae.n_latent, n_pixels // 4, n_pixels // 4)
            device = self.vae.scale.device
            latents = sample(guided, self.schedule, shape, n_steps=steps, seed=seed, device=device, **options)
            return to_unit(self.vae.to_pictures(latents))

    def save(self, path, recipe=None, score=None):
        """Write the model to one safetensors file."""
        return save_network(path, self, NETWORK, recipe or {}, score)

    @classmethod
    def load(cls, path=None):
        """Read a model from a file; the shipped one when no path is given."""
        return load_network(cls, path, NETWORK)


class PaddedNull:
    """A network with a null as long as the texts or tracks it is compared with."""

    def __init__(self, unet, length):
        self.unet, self.length, self.null_is_trained = unet, length, unet.null_is_trained

    def __call__(self, x, t, condition):
        return self.unet(x, t, condition)

    def null_condition(self, n):
        return self.unet.null_condition(n, self.length)


def to_unit(pictures):
    """Pictures in −1 … 1 as an array in 0 … 1."""
    return np.asarray(((pictures + 1) / 2).clamp(0, 1).cpu().contiguous())


def from_unit(pictures, device="cpu"):
    """An array in 0 … 1 as a float32 tensor in −1 … 1; NaN and 0 … 255 are refused."""
    pictures = torch.as_tensor(np.asarray(pictures), dtype=torch.float32, device=device)
    check_unit(pictures)
    return pictures * 2 - 1
