"""How the networks of the diffusion family are trained: one recipe and one readable loop each.

`train("diffusion_text")` makes the weights in the package again, in a few minutes on one core.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from neuromm.observers.ann.card import write_card
from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.diffusion.audio import CLASSES, SoundModel, read_sounds, synthesise
from neuromm.observers.ann.diffusion.cards import ABOUT
from neuromm.observers.ann.diffusion.flash_scenes import MODALITIES, N_FRAMES, FlashScenes, noise_level, senses
from neuromm.observers.ann.diffusion.guidance import drop_condition
from neuromm.observers.ann.diffusion.joint_net import JointNet, joint_loss
from neuromm.observers.ann.diffusion.latent import LatentDiffusion, from_unit
from neuromm.observers.ann.diffusion.losses import temporal_flicker, training_loss
from neuromm.observers.ann.diffusion.place_scenes import (
    COCHLEAGRAM,
    SIZES,
    PlaceScenes,
    listen,
    look,
    mirror,
    place_map,
)
from neuromm.observers.ann.diffusion.places import prior_context
from neuromm.observers.ann.diffusion.spectrogram import LogMel
from neuromm.observers.ann.diffusion.store import halve, save_network
from neuromm.observers.ann.diffusion.syllable_scenes import SIZES as SYLLABLE_SIZES
from neuromm.observers.ann.diffusion.syllable_scenes import SYLLABLES, Talkers
from neuromm.observers.ann.diffusion.video import SoundToClip, agreement_with_sound, clip_batch
from neuromm.stimuli.bouncing import Bouncing
from neuromm.stimuli.captions import WORDS, caption
from neuromm.stimuli.shapes import compositions, draw_shapes

TEST = 1 << 41  # a "step" whose draws score: never trained on


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
    losses = []
    for step in run:
        rng = np.random.default_rng([seed, 3, step])
        rows = rng.integers(len(store), size=recipe.batch)
        condition = network.condition(caption(store.iloc[rows], rng))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        run.update(network.loss(latents[rows], condition, generator))
        losses.append(run.loss)
    halve(run.finish())
    score = {"vae_rms_error": float(error.mean().sqrt()) / 2, "latent_scale": float(network.vae.scale),
             "last_loss": float(np.mean(losses[-100:])) if losses else None}  # fmt: skip
    return network, said | {"steps_taken": run.step}, score


@dataclass(frozen=True)
class FlashBeepRecipe:
    """The joint denoiser of flashes, beeps, retina and cochlea; statistics as in `FlashScenes`."""

    n_hidden: int = 192
    n_layers: int = 3
    n_steps: int = 5000
    batch: int = 1024
    learning_rate: float = 2e-3
    decay: float = 0.998


def train_flash_beep(recipe, seed, device, checkpoint, limits):
    """Events at a random level or unknown, senses at random noise or absent; squared error of the events."""
    torch.manual_seed(seed)
    scenes = FlashScenes()
    network = JointNet(
        dict.fromkeys(MODALITIES, N_FRAMES), ["flashes", "beeps"], 0, recipe.n_hidden, recipe.n_layers
    ).to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "scenes": dataclasses.asdict(scenes)}
    run = Run(
        network, "diffusion_flash_beep", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits
    )
    for step in run:
        run.update(_flash_loss(network, scenes, np.random.default_rng([seed, step]), recipe.batch, device))
    halve(run.finish())
    with torch.no_grad():
        tests = [
            float(_flash_loss(network, scenes, np.random.default_rng([seed, TEST, k]), 4096, device)) for k in range(4)
        ]
    return network, said | {"steps_taken": run.step}, {"loss": float(np.mean(tests))}


def _flash_loss(network, scenes, rng, n, device):
    flashes, beeps, _ = scenes.draw(rng, n)
    clean = senses(flashes, beeps, scenes, np.exp(scenes.contrast * rng.standard_normal((2, n))))
    level = dict(zip(("flashes", "beeps"), target_levels(rng, n), strict=True))
    absent = rng.random((2, n)) < scenes.p_absent
    for k, sense in enumerate(("retina", "cochlea")):
        sigma = np.exp(rng.uniform(np.log(scenes.noise_low), np.log(scenes.noise_high), n))
        level[sense] = np.where(absent[k], 0.0, noise_level(sigma, sense))
    return joint_loss(network, *_tensors(clean, level, rng, device))


def target_levels(rng, n, p_unknown=0.3, p_same=0.5):
    """ᾱ of two targets, (n,) each: unknown, or at a log signal-to-noise uniform in ±9.2; often the same for both."""
    levels = 1.0 / (1.0 + np.exp(-rng.uniform(-9.2, 9.2, (2, n))))
    levels[rng.random((2, n)) < p_unknown] = 0.0
    levels[1] = np.where(rng.random(n) < p_same, levels[0], levels[1])
    return levels


def _tensors(clean, level, rng, device):
    """Clean data, levels and noise of a batch, as `joint_loss` takes them."""
    clean = {name: torch.as_tensor(value, dtype=torch.float32, device=device) for name, value in clean.items()}
    level = {name: torch.as_tensor(level[name], dtype=torch.float64, device=device) for name in clean}
    noise = {
        name: torch.as_tensor(rng.standard_normal(value.shape, dtype=np.float32), device=device)
        for name, value in clean.items()
    }
    return clean, level, noise


@dataclass(frozen=True)
class PlacesRecipe:
    """The joint denoiser of maps, picture and sound; p_common is drawn anew for each scene and told to the network."""

    n_hidden: int = 192
    n_layers: int = 3
    n_sounds: int = 24000  # in store; half of the uses are mirrored
    n_steps: int = 6000
    batch: int = 1024
    learning_rate: float = 2e-3
    decay: float = 0.998


def train_places(recipe, seed, device, checkpoint, limits):
    """Scenes of one cause or two, rendered; squared error of the maps."""
    torch.manual_seed(seed)
    scenes, rng = PlaceScenes(), np.random.default_rng([seed, TEST, 99])
    place, sigma, drawn = scenes.draw(rng, recipe.n_sounds)
    phases = rng.uniform(0, 2 * np.pi, (recipe.n_sounds, COCHLEAGRAM.sound.components().size)).astype(np.float32)
    store = {"place": place, "sound": listen(drawn, sigma, phases)}
    network = JointNet(SIZES, ["visual_map", "auditory_map"], 2, recipe.n_hidden, recipe.n_layers).to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "scenes": dataclasses.asdict(scenes)}
    run = Run(
        network, "diffusion_places", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits
    )
    for step in run:
        run.update(_place_loss(network, scenes, store, np.random.default_rng([seed, step]), recipe.batch, device))
    halve(run.finish())
    with torch.no_grad():
        tests = [
            float(_place_loss(network, scenes, store, np.random.default_rng([seed, TEST, k]), 4096, device))
            for k in range(4)
        ]
    return network, said | {"steps_taken": run.step}, {"loss": float(np.mean(tests))}


def _place_loss(network, scenes, store, rng, n, device):
    rows, flip = rng.integers(len(store["place"]), size=n), rng.random(n) < 0.5
    auditory = np.where(flip, -store["place"][rows], store["place"][rows])
    sound = np.where(flip[:, None], mirror(store["sound"][rows]), store["sound"][rows])
    # p_common 0, 1 or between, so that the network knows the ends exactly
    p = np.where(rng.random(n) < 0.2, rng.integers(2, size=n), rng.random(n))
    common = rng.random(n) < p
    visual, sigma, _ = scenes.draw(rng, n)
    visual = np.where(common, auditory, visual)
    picture = look(visual + sigma * rng.standard_normal(n), sigma)
    clean = {"visual_map": place_map(visual), "auditory_map": place_map(auditory), "picture": picture, "sound": sound}
    level = dict(zip(("visual_map", "auditory_map"), target_levels(rng, n, p_unknown=0.6), strict=True))
    absent = rng.random(n) < scenes.p_absent
    which = rng.integers(2, size=n)
    level["picture"], level["sound"] = (np.where(absent & (which == k), 0.0, 1.0) for k in range(2))
    context = prior_context(p).to(device)
    return joint_loss(network, *_tensors(clean, level, rng, device), context)


@dataclass(frozen=True)
class SyllablesRecipe:
    """The denoiser of sound and lips, told the syllable three times in four; congruent syllables of many talkers."""

    p_null: float = 0.25
    n_hidden: int = 160
    n_layers: int = 3
    n_steps: int = 4000
    batch: int = 768
    learning_rate: float = 2e-3
    decay: float = 0.998


def train_syllables(recipe, seed, device, checkpoint, limits):
    """Sound and lips of one syllable, each at a level of its own; squared error of both."""
    torch.manual_seed(seed)
    talkers = Talkers()
    network = JointNet(SYLLABLE_SIZES, list(SYLLABLE_SIZES), len(SYLLABLES), recipe.n_hidden, recipe.n_layers).to(
        device
    )
    said = {"seed": seed, **dataclasses.asdict(recipe), "talkers": dataclasses.asdict(talkers)}
    run = Run(
        network, "diffusion_syllables", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits
    )
    for step in run:
        run.update(_syllable_loss(network, talkers, recipe, np.random.default_rng([seed, step]), recipe.batch, device))
    halve(run.finish())
    with torch.no_grad():
        tests = [
            float(_syllable_loss(network, talkers, recipe, np.random.default_rng([seed, TEST, k]), 4096, device))
            for k in range(4)
        ]
    return network, said | {"steps_taken": run.step}, {"loss": float(np.mean(tests))}


def _syllable_loss(network, talkers, recipe, rng, n, device):
    which, token = rng.integers(len(SYLLABLES), size=n), talkers.draw(rng, n)
    names = np.array(SYLLABLES)[which]
    clean = {"sound": talkers.sound(names, token), "lips": talkers.lips(names, token)}
    level = dict(zip(clean, target_levels(rng, n, p_unknown=0.1), strict=True))
    told = np.eye(len(SYLLABLES), dtype=np.float32)[which] * (rng.random((n, 1)) >= recipe.p_null)
    return joint_loss(
        network, *_tensors(clean, level, rng, device), torch.as_tensor(told, dtype=torch.float32, device=device)
    )


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


TRAINERS = {
    "diffusion_text": (train_text, TextRecipe),
    "diffusion_flash_beep": (train_flash_beep, FlashBeepRecipe),
    "diffusion_video": (train_video, VideoRecipe),
    "diffusion_audio": (train_audio, AudioRecipe),
    "diffusion_syllables": (train_syllables, SyllablesRecipe),
    "diffusion_places": (train_places, PlacesRecipe),
}


def train(
    name, *, seed=1, out=None, max_steps=None, max_seconds=None, device="cpu", resume=True, progress=True, **recipe
):
    """Train a network of the family and write its weights, and their card beside them.

    Parameters
    ----------
    name : str
        A key of `TRAINERS`.
    seed : int
        Of the first weights and of everything the network sees.
    out : path, optional
        The file to write; `NAME.safetensors` here by default.
    max_steps, max_seconds : number, optional
        Stop each stage early; what was reached is written.
    device : str
    resume : bool
        Whether to go on from a checkpoint beside `out`.
    progress : bool
    **recipe
        Fields of the recipe.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If there is no such network or field.
    FloatingPointError
        If the loss stops being finite.
    """
    if name not in TRAINERS:
        raise ValueError(f"no recipe trains '{name}'; there are: {', '.join(TRAINERS)}")
    trainer, kind = TRAINERS[name]
    known = {f.name for f in dataclasses.fields(kind)}
    unknown = sorted(set(recipe) - known)
    if unknown:
        raise ValueError(f"the recipe of {name} has no '{unknown[0]}'; it has: {', '.join(sorted(known))}")
    path = Path(out if out is not None else f"{name}.safetensors")
    checkpoint = path.with_name(path.name + ".checkpoint")
    limits = {"max_steps": max_steps, "max_seconds": max_seconds, "resume": resume, "progress": progress}
    with torch.random.fork_rng(devices=[]):  # it draws its first weights from the global generator
        network, said, score = trainer(kind(**recipe), seed, device, checkpoint, limits)
    save_network(path, network, name, said, score)
    write_card(path, ABOUT[name], kind())
    for left in path.parent.glob(f"{checkpoint.name}*"):
        left.unlink()
    return path
