"""How clips from sound, and sounds from a class, are trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.diffusion.audio import CLASSES, SoundModel, read_sounds, synthesise
from neuromm.observers.ann.diffusion.guidance import drop_condition
from neuromm.observers.ann.diffusion.losses import temporal_flicker, training_loss
from neuromm.observers.ann.diffusion.spectrogram import LogMel
from neuromm.observers.ann.diffusion.store import halve
from neuromm.observers.ann.diffusion.video import SoundToClip, agreement_with_sound, clip_batch
from neuromm.observers.ann.making import TEST
from neuromm.stimuli.bouncing import Bouncing


@dataclass(frozen=True)
class VideoRecipe:
    """Clips of the bouncing disc from the energy at two ears."""

    n_steps: int = 260
    batch: int = 16
    learning_rate: float = 2e-3
    decay: float = 0.99


def train_video(recipe, seed, device, checkpoint, limits):
    """Clips and their sound tracks, newly drawn at each step; squared error of v and of changes of x_0."""
    torch.manual_seed(seed)
    bouncing = Bouncing()
    network = SoundToClip(bouncing.n_frames, bouncing.n_pixels).to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "stimuli": dataclasses.asdict(bouncing)}
    run = Run(
        network, "diffusion_video", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits
    )
    for step in run:
        clips, track = clip_batch(bouncing, np.random.default_rng([seed, step]), recipe.batch, device)
        run.update(network.loss(clips, track, torch.Generator().manual_seed(seed * 1_000_003 + step)))
    halve(run.finish())
    bounce = bouncing.draw(np.random.default_rng([seed, TEST]), 64)
    drawn = network.generate(bouncing.sound_track(bounce), steps=25, seed=seed)
    other = bouncing.draw(np.random.default_rng([seed, TEST, 1]), 64)
    score = {
        "disc_at_the_wall_that_sounds": agreement_with_sound(drawn, bounce, bouncing),
        "with_another_sound": agreement_with_sound(drawn, other, bouncing),
        "flicker": float(temporal_flicker(torch.as_tensor(drawn)).mean()),
        "flicker_of_drawn_clips": float(temporal_flicker(torch.as_tensor(bouncing.clips(bounce))).mean()),
    }
    return network, said | {"steps_taken": run.step}, score


@dataclass(frozen=True)
class AudioRecipe:
    """Log-mels of syllables and impacts, by class."""

    n_sounds: int = 1600  # in store
    n_steps: int = 500
    batch: int = 32
    learning_rate: float = 2e-3
    decay: float = 0.99


def train_audio(recipe, seed, device, checkpoint, limits):
    """A store of synthesised sounds; squared error of v, the class replaced by the null in a part."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, TEST])
    which = rng.integers(len(CLASSES), size=recipe.n_sounds)
    store = torch.as_tensor(LogMel().forward(synthesise(np.array(CLASSES)[which], rng)))[:, None].to(device)
    labels = torch.as_tensor(which, device=device)
    network = SoundModel().to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "classes": list(CLASSES)}
    run = Run(
        network, "diffusion_audio", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits
    )
    for step in run:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = torch.randint(len(store), (recipe.batch,), generator=generator)
        label = drop_condition(labels[rows], network.unet.null_condition(recipe.batch), network.unet.p_null, generator)
        run.update(training_loss(network.unet, store[rows], network.schedule, condition=label, generator=generator))
    halve(run.finish())
    asked = list(CLASSES) * 12
    log_mel, waves = network.generate(asked, steps=25, seed=seed)
    again = LogMel().forward(waves)
    score = {
        "class_read_right": float(np.mean([a == b for a, b in zip(read_sounds(log_mel), asked, strict=True)])),
        "class_read_right_after_inversion": float(
            np.mean([a == b for a, b in zip(read_sounds(again), asked, strict=True)])
        ),
        "inversion_correlation": float(np.corrcoef(log_mel.ravel(), again.ravel())[0, 1]),
    }
    return network, said | {"steps_taken": run.step}, score
