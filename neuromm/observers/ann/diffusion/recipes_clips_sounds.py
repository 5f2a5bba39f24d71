"""How clips from sound, and sounds from a class, are trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.diffusion.audio import CLASSES, SoundModel, read_sounds, synthesise
from neuromm.observers.ann.diffusion.cards import CARDS
from neuromm.observers.ann.diffusion.guidance import drop_condition
from neuromm.observers.ann.diffusion.losses import temporal_flicker, training_loss
from neuromm.observers.ann.diffusion.recipe import DiffusionRecipe, seed_of_step
from neuromm.observers.ann.diffusion.spectrogram import LogMel
from neuromm.observers.ann.diffusion.video import SoundToClip, agreement_with_sound, clip_batch
from neuromm.observers.ann.training import TEST, device_of
from neuromm.stimuli.bouncing import Bouncing


@dataclass(frozen=True)
class VideoRecipe(DiffusionRecipe):
    """Clips of the bouncing disc from the energy at two ears."""

    n_steps: int = 260
    batch: int = 16
    learning_rate: float = 2e-3
    decay: float = 0.99

    network: ClassVar[str] = "diffusion_video"
    card: ClassVar[Card] = CARDS["diffusion_video"]

    def build(self, start):
        """The network and the generator of clips, which are new at each step."""
        bouncing = Bouncing()
        return SoundToClip(bouncing.n_frames, bouncing.n_pixels).to(start.device), bouncing

    def loss_of_step(self, network, data, seed, step):
        """Squared error of v and of changes of x_0."""
        rng = np.random.default_rng([seed, step])
        clips, track = clip_batch(data, rng, self.batch, device_of(network))
        return network.loss(clips, track, torch.Generator().manual_seed(seed_of_step(seed, step)))

    def describe(self, data):
        """The generator of clips."""
        return {"stimuli": dataclasses.asdict(data)}

    def score(self, network, data, run):
        """Whether the disc of new clips is at the wall that sounds, and how they flicker."""
        seed = run.recipe["seed"]
        bounce = data.draw(np.random.default_rng([seed, TEST]), 64)
        drawn = network.generate(data.sound_track(bounce), steps=25, seed=seed)
        other = data.draw(np.random.default_rng([seed, TEST, 1]), 64)
        return {
            "disc_at_the_wall_that_sounds": agreement_with_sound(drawn, bounce, data),
            "with_another_sound": agreement_with_sound(drawn, other, data),
            "flicker": float(temporal_flicker(torch.as_tensor(drawn)).mean()),
            "flicker_of_drawn_clips": float(temporal_flicker(torch.as_tensor(data.clips(bounce))).mean()),
        }


@dataclass(frozen=True)
class AudioRecipe(DiffusionRecipe):
    """Log-mels of syllables and impacts, by class."""

    n_sounds: int = 1600  # in store
    n_steps: int = 500
    batch: int = 32
    learning_rate: float = 2e-3
    decay: float = 0.99

    network: ClassVar[str] = "diffusion_audio"
    card: ClassVar[Card] = CARDS["diffusion_audio"]

    def build(self, start):
        """The network, and a store of synthesised sounds with their classes."""
        rng = np.random.default_rng([start.seed, TEST])
        which = rng.integers(len(CLASSES), size=self.n_sounds)
        log_mel = LogMel().forward(synthesise(np.array(CLASSES)[which], rng))
        store = torch.as_tensor(log_mel)[:, None].to(start.device)
        labels = torch.as_tensor(which, device=start.device)
        return SoundModel().to(start.device), (store, labels)

    def loss_of_step(self, network, data, seed, step):
        """Squared error of v, the class replaced by the null in a part."""
        store, labels = data
        generator = torch.Generator().manual_seed(seed_of_step(seed, step))
        rows = torch.randint(len(store), (self.batch,), generator=generator)
        null = network.unet.null_condition(self.batch)
        label = drop_condition(labels[rows], null, network.unet.p_null, generator)
        return training_loss(network.unet, store[rows], network.schedule, condition=label, generator=generator)

    def describe(self, data):
        """The classes, in the order of their numbers."""
        return {"classes": list(CLASSES)}

    def score(self, network, data, run):
        """Classes that are read from generated sounds, before and after inversion to a wave."""
        asked = list(CLASSES) * 12
        log_mel, waves = network.generate(asked, steps=25, seed=run.recipe["seed"])
        inverted = LogMel().forward(waves)
        return {
            "class_read_right": _share_read(log_mel, asked),
            "class_read_right_after_inversion": _share_read(inverted, asked),
            "inversion_correlation": float(np.corrcoef(log_mel.ravel(), inverted.ravel())[0, 1]),
        }


def _share_read(log_mel, asked):
    right = [read == true for read, true in zip(read_sounds(log_mel), asked, strict=True)]
    return float(np.mean(right))
