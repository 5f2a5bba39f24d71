"""The code lab: train a small denoiser on any pictures, sample it, and watch it denoise. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from neuromm.maths.device import check_device
from neuromm.observers.ann.card import Card
from neuromm.observers.ann.diffusion.cards import CARDS
from neuromm.observers.ann.diffusion.latent import from_unit, to_unit
from neuromm.observers.ann.diffusion.losses import training_loss
from neuromm.observers.ann.diffusion.recipe import DiffusionRecipe, seed_of_step
from neuromm.observers.ann.diffusion.samplers import sample
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule
from neuromm.observers.ann.diffusion.simple_unet import SimpleUNet
from neuromm.observers.ann.diffusion.store import load_network
from neuromm.observers.ann.training import Start, device_of, learn
from neuromm.observers.ann.weights import save_weights
from neuromm.stimuli.shapes import compositions, draw_grey_shapes, draw_shapes

NETWORK = "diffusion_pictures"
SCHEDULE = DiffusionSchedule("cosine", prediction="v")
N_DRAWN, N_HELD_OUT = 4000, 200  # pictures, and those of them that the lab keeps to compare samples with


@dataclass(frozen=True)
class PicturesRecipe(DiffusionRecipe):
    """A small U-Net over pictures, without conditions."""

    n_steps: int = 500
    batch: int = 64
    widths: tuple[int, ...] = (16, 32, 64)
    attention: tuple[int, ...] = (3,)
    learning_rate: float = 2e-3
    decay: float = 0.99  # of the averaged weights, which are what is written

    network: ClassVar[str] = NETWORK
    card: ClassVar[Card] = CARDS[NETWORK]

    def build(self, start, pictures=None, about="shapes"):
        """The network, and the pictures: grey shapes of all compositions by default, without those held out."""
        if pictures is None:
            rng = np.random.default_rng(start.seed)
            pictures = draw_grey_shapes(N_DRAWN, rng=rng)[N_HELD_OUT:]
        network = SimpleUNet(pictures.shape[1], self.widths, self.attention, zero_branches=True)
        return network.to(start.device), (from_unit(pictures), about)

    def loss_of_step(self, network, data, seed, step):
        """Squared error of v; pictures, timesteps and noise are drawn anew."""
        store, _ = data
        generator = torch.Generator().manual_seed(seed_of_step(seed, step))
        rows = torch.randint(len(store), (self.batch,), generator=generator)
        t = torch.randint(SCHEDULE.n_timesteps, (self.batch,), generator=generator)
        noise = torch.randn(self.batch, *store.shape[1:], generator=generator)
        device = device_of(network)
        return training_loss(network, store[rows].to(device), SCHEDULE, t=t, noise=noise.to(device))

    def describe(self, data):
        """What the pictures are, and the noise schedule."""
        return {"about": data[1], "schedule": SCHEDULE.kind, "prediction": SCHEDULE.prediction}

    def score(self, network, data, run):
        """The loss of the last steps."""
        return {"last_loss": float(np.mean(run.losses[-50:])) if run.losses else None}


def train_pictures(
    pictures,
    path,
    *,
    n_steps=500,
    batch=64,
    widths=(16, 32, 64),
    attention=(3,),
    learning_rate=2e-3,
    decay=0.99,
    seed=1,
    max_seconds=None,
    device="cpu",
    progress=True,
    about="",
):
    """Train a `SimpleUNet` on pictures and write it.

    Parameters
    ----------
    pictures : array, shape (n, channels, height, width)
        0 … 1.
    path : path
        The file to write.
    n_steps, batch, widths, attention, learning_rate, decay
        The recipe; `decay` is of the averaged weights, which are what is written.
    seed : int
    max_seconds : float, optional
        Stop after so long; what was reached is written.
    device : str
        "cuda" trains in the same way.
    progress : bool
    about : str
        What the pictures are, for the file.

    Returns
    -------
    losses : array, shape (n_steps taken,)
        Mean squared error of v at each step.

    Raises
    ------
    ValueError
        If there are too few pictures, or they are not within 0 … 1.
    FloatingPointError
        If the loss stops being finite.
    """
    pictures = np.asarray(pictures, np.float32)
    if pictures.ndim != 4 or len(pictures) < 2:
        raise ValueError(f"pictures have shape {pictures.shape}; (at least 2, channels, height, width) is wanted")
    if pictures.min() < 0 or pictures.max() > 1:
        raise ValueError(f"pictures run from {pictures.min():.3g} to {pictures.max():.3g}; 0 to 1 is wanted")
    check_device(device)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = path.with_name(path.name + ".checkpoint")
    recipe = PicturesRecipe(n_steps, batch, tuple(widths), tuple(attention), learning_rate, decay)
    limits = {"max_seconds": max_seconds, "resume": False, "progress": progress}
    start = Start(seed, device, checkpoint, limits)
    result, run = learn(recipe, start, pictures=pictures, about=about)
    save_weights(path, network=NETWORK, **result)
    checkpoint.unlink(missing_ok=True)
    return np.array(run.losses)


def sample_pictures(path, n, *, n_pixels=28, n_steps=50, method="ddim", seed=1, device="cpu"):
    """Draw pictures from a trained file: (n, channels, n_pixels, n_pixels) in 0 … 1, picture i whatever `n` is."""
    network = load_network(SimpleUNet, path, NETWORK, device)
    shape = (n, network.channels, n_pixels, n_pixels)
    return to_unit(
        sample(
            network,
            SCHEDULE,
            shape,
            n_steps=n_steps,
            method=method,
            seed=seed,
            clip=(-1, 1),
            device=device,
        )
    )


def denoising_strip(path, *, n_pixels=28, n_steps=50, seed=1, device="cpu"):
    """One picture on its way from noise: states and estimates of the end, (8 at most, C, H, W) each, and timesteps."""
    network = load_network(SimpleUNet, path, NETWORK, device)
    run = sample(
        network,
        SCHEDULE,
        (1, network.channels, n_pixels, n_pixels),
        n_steps=n_steps,
        seed=seed,
        clip=(-1, 1),
        return_trajectory=True,
        device=device,
    )
    shown = np.unique(np.linspace(0, len(run.x0) - 1, min(8, len(run.x0))).round().astype(int))
    return to_unit(run.states[shown, 0]), to_unit(run.x0[shown, 0]), [run.timesteps[i] for i in shown]


def nearest_distance(samples, pictures, others):
    """Root mean squared distance of each picture to its nearest in `pictures`: of samples and of `others`, held out.

    Samples that only repeat the training set are nearer than unseen pictures are; noise is farther.
    """
    flat = torch.as_tensor(np.asarray(pictures, np.float32)).flatten(1)

    def nearest(x):
        x = torch.as_tensor(np.asarray(x, np.float32)).flatten(1)
        return (torch.cdist(x, flat).min(1).values / flat.shape[1] ** 0.5).numpy()

    return nearest(samples), nearest(others)


def read_shapes(pictures, *, n_jittered=16, seed=99):
    """The probe: which shape, colour, position and size a picture shows, by its nearest drawn picture.

    Drawn pictures are all 240 compositions, each `n_jittered` times moved and scaled, the held-out ones with them;
    none of them was ever shown to a network with its caption.

    Parameters
    ----------
    pictures : array, shape (n, 3, H, H)
        0 … 1.

    Returns
    -------
    DataFrame
        shape, colour, position, size, and `distance`, root mean square to the nearest.
    """
    table = compositions()
    store = table.iloc[np.repeat(np.arange(len(table)), n_jittered)].reset_index(drop=True)
    drawn = torch.as_tensor(draw_shapes(store, n_pixels=pictures.shape[-1], rng=np.random.default_rng(seed))).flatten(1)
    distance, nearest = torch.cdist(torch.as_tensor(np.asarray(pictures, np.float32)).flatten(1), drawn).min(1)
    found = store.iloc[nearest.numpy()].reset_index(drop=True).drop(columns="held_out")
    return found.assign(distance=distance.numpy() / drawn.shape[1] ** 0.5)
