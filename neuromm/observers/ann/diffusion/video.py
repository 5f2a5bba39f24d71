"""Clips of the bouncing disc from the sound of its impacts."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from neuromm.observers.ann.diffusion.guidance import Guided, drop_condition
from neuromm.observers.ann.diffusion.latent import PaddedNull, from_unit, to_unit
from neuromm.observers.ann.diffusion.losses import random_timesteps
from neuromm.observers.ann.diffusion.noise import standard_normal
from neuromm.observers.ann.diffusion.samplers import sample
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule, forward_diffusion
from neuromm.observers.ann.diffusion.store import load_network, save_network
from neuromm.observers.ann.diffusion.video_unet import VideoUNet
from neuromm.observers.ann.shapes import require_samples
from neuromm.stimuli.bouncing import Bouncing

NETWORK = "diffusion_video"
SCHEDULE = DiffusionSchedule("cosine", prediction="v")


class SoundToClip(nn.Module):
    """A `VideoUNet` that hears: one token per frame from the energy at the two ears.

    Trained on v and, on x̂_0, on the changes from frame to frame (`consistency`): a difference of two noises
    carries no motion, a difference of two estimates does.

    Parameters
    ----------
    n_frames, n_pixels : int
        Of a clip.
    unet : dict
        Fields of `VideoUNet`.
    consistency : float
        Weight of the changes.
    """

    def __init__(self, n_frames=8, n_pixels=16, unet=None, consistency=0.5):
        super().__init__()
        self.unet = VideoUNet(
            **{"widths": (16, 32, 48), "width": 32, "attention": (3,), "aligned": True, **(unet or {})}
        )
        self.n_frames, self.n_pixels, self.consistency = n_frames, n_pixels, consistency
        self.ear = nn.Linear(2, self.unet.width)
        self.frames = nn.Parameter(torch.randn(n_frames, self.unet.width) * 0.3)
        self.config = {"n_frames": n_frames, "n_pixels": n_pixels, "unet": self.unet.config, "consistency": consistency}
        self.schedule = SCHEDULE

    def condition(self, track):
        """Tokens and mask of sound tracks (n, n_frames, 2), as `Bouncing.sound_track` gives them.

        Raises
        ------
        ValueError
            If a track has another length than the clips.
        """
        track = torch.as_tensor(np.asarray(track, np.float32), device=self.frames.device)
        if track.ndim != 3 or track.shape[1:] != (self.n_frames, 2):
            raise ValueError(f"the track has shape {tuple(track.shape)}; (n, {self.n_frames} frames, 2 ears) is wanted")
        return self.ear(4.0 * track) + self.frames, torch.ones(track.shape[:2], dtype=torch.bool, device=track.device)

    def loss(self, clips, track, generator=None):
        """Squared error of v plus that of the changes of x̂_0; clips (n, 1, F, H, W) in −1 … 1."""
        require_samples("clips", clips)
        condition = self.condition(track)
        condition = drop_condition(
            condition, self.unet.null_condition(len(clips), self.n_frames), self.unet.p_null, generator
        )
        t = random_timesteps(len(clips), self.schedule.n_timesteps, generator)
        noise = standard_normal(clips.shape, generator, device=clips.device)
        x, _ = forward_diffusion(clips, t, self.schedule, noise=noise)
        v = self.unet(x, t.to(clips.device), condition)
        x0, _ = self.schedule.split(x, v, t)
        motion = (x0 - clips).diff(dim=2).square().mean() if self.n_frames > 1 else 0.0
        return (v - self.schedule.target(clips, noise, t)).square().mean() + self.consistency * motion

    def generate(self, track, steps=30, guidance_scale=1.5, *, seed=None, **options):
        """Draw clips of sound tracks: (n, 1, n_frames, n_pixels, n_pixels) float32 in 0 … 1; options of `sample`."""
        with torch.inference_mode():
            guided = Guided(PaddedNull(self.unet, self.n_frames), self.condition(track), guidance_scale)
            shape = (len(track), self.unet.channels, self.n_frames, self.n_pixels, self.n_pixels)
            return to_unit(
                sample(guided, self.schedule, shape, n_steps=steps, seed=seed, device=self.frames.device, **options)
            )

    def save(self, path, recipe=None, score=None):
        """Write the model to one safetensors file."""
        return save_network(path, self, NETWORK, recipe or {}, score)

    @classmethod
    def load(cls, path=None):
        """Read a model from a file; the shipped one when no path is given."""
        return load_network(cls, path, NETWORK)


def read_places(clips):
    """Where the disc is in each frame, −1 left wall … 1 right, by its mass; (n, F) from (n, 1, F, H, W) in 0 … 1."""
    mass = np.asarray(clips, float)[:, 0].sum(2)  # (n, F, W)
    at = (np.arange(mass.shape[-1]) + 0.5) * 2 / mass.shape[-1] - 1
    return (mass * at).sum(-1) / np.maximum(mass.sum(-1), 1e-6) / (1 - Bouncing.radius)


def agreement_with_sound(clips, bounce, bouncing):
    """How often the disc is on the wall's side, beyond half way, in the frame of an impact: fraction of impacts."""
    places, (times, walls) = read_places(clips), bouncing.impacts(bounce)
    row, k = np.nonzero(np.isfinite(times))
    frame = np.rint(times[row, k]).astype(int)
    return float((places[row, frame] * walls[row, k] > 0.5).mean())


def clip_batch(bouncing, rng, n, device="cpu"):
    """`n` training clips (−1 … 1) and their sound tracks."""
    bounce = bouncing.draw(rng, n)
    return from_unit(bouncing.clips(bounce), device), bouncing.sound_track(bounce)
