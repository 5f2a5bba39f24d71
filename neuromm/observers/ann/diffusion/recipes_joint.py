"""How the joint denoisers are trained: flashes and beeps, places, syllables; every part at a noise level of its own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.diffusion.flash_scenes import MODALITIES, N_FRAMES, FlashScenes, noise_level, senses
from neuromm.observers.ann.diffusion.joint_net import JointNet, joint_loss
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
from neuromm.observers.ann.diffusion.store import halve
from neuromm.observers.ann.diffusion.syllable_scenes import SIZES as SYLLABLE_SIZES
from neuromm.observers.ann.diffusion.syllable_scenes import SYLLABLES, Talkers
from neuromm.observers.ann.making import TEST


@dataclass(frozen=True)
class FlashBeepRecipe:
    """The joint denoiser of flashes, beeps, retina and cochlea; statistics as in `FlashScenes`."""

    n_hidden: int = 192
    n_layers: int = 3
    n_steps: int = 5000
    batch: int = 1024
    learning_rate: float = 2e-3
    decay: float = 0.998


def _learn(name, network, loss, said, recipe, checkpoint, limits):
    """Steps down `loss(rng, n)`; the network rounded as it is kept, what trained it, its loss on scenes never seen."""
    run = Run(network, name, checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits)
    for step in run:
        run.update(loss(np.random.default_rng([said["seed"], step]), recipe.batch))
    halve(run.finish())
    with torch.no_grad():
        tests = [float(loss(np.random.default_rng([said["seed"], TEST, k]), 4096)) for k in range(4)]
    return network, said | {"steps_taken": run.step}, {"loss": float(np.mean(tests))}


def train_flash_beep(recipe, seed, device, checkpoint, limits):
    """Events at a random level or unknown, senses at random noise or absent; squared error of the events."""
    torch.manual_seed(seed)
    scenes = FlashScenes()
    network = JointNet(
        dict.fromkeys(MODALITIES, N_FRAMES), ["flashes", "beeps"], 0, recipe.n_hidden, recipe.n_layers
    ).to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "scenes": dataclasses.asdict(scenes)}

    def loss(rng, n):
        return _flash_loss(network, scenes, rng, n, device)

    return _learn("diffusion_flash_beep", network, loss, said, recipe, checkpoint, limits)


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

    def loss(rng, n):
        return _place_loss(network, scenes, store, rng, n, device)

    return _learn("diffusion_places", network, loss, said, recipe, checkpoint, limits)


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

    def loss(rng, n):
        return _syllable_loss(network, talkers, recipe, rng, n, device)

    return _learn("diffusion_syllables", network, loss, said, recipe, checkpoint, limits)


def _syllable_loss(network, talkers, recipe, rng, n, device):
    which, token = rng.integers(len(SYLLABLES), size=n), talkers.draw(rng, n)
    names = np.array(SYLLABLES)[which]
    clean = {"sound": talkers.sound(names, token), "lips": talkers.lips(names, token)}
    level = dict(zip(clean, target_levels(rng, n, p_unknown=0.1), strict=True))
    told = np.eye(len(SYLLABLES), dtype=np.float32)[which] * (rng.random((n, 1)) >= recipe.p_null)
    return joint_loss(
        network, *_tensors(clean, level, rng, device), torch.as_tensor(told, dtype=torch.float32, device=device)
    )
