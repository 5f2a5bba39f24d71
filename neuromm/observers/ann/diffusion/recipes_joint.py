"""How the joint denoisers are trained: flashes and beeps, places, syllables; every part at a noise level of its own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.diffusion.cards import CARDS
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
from neuromm.observers.ann.diffusion.recipe import DiffusionRecipe
from neuromm.observers.ann.diffusion.syllable_scenes import SIZES as SYLLABLE_SIZES
from neuromm.observers.ann.diffusion.syllable_scenes import SYLLABLES, Talkers
from neuromm.observers.ann.training import TEST, device_of


class JointRecipe(DiffusionRecipe):
    """A recipe of a `JointNet`; `loss_of` is its loss on new scenes."""

    def loss_of(self, network, data, rng, n):
        """The loss of `n` scenes drawn by `rng`."""
        raise NotImplementedError

    def loss_of_step(self, network, data, seed, step):
        """The loss of a batch."""
        return self.loss_of(network, data, np.random.default_rng([seed, step]), self.batch)

    @torch.no_grad()
    def score(self, network, data, run):
        """The loss on scenes never seen."""
        tests = []
        for k in range(4):
            rng = np.random.default_rng([run.recipe["seed"], TEST, k])
            tests.append(float(self.loss_of(network, data, rng, 4096)))
        return {"loss": float(np.mean(tests))}


@dataclass(frozen=True)
class FlashBeepRecipe(JointRecipe):
    """The joint denoiser of flashes, beeps, retina and cochlea; statistics as in `FlashScenes`."""

    n_hidden: int = 192
    n_layers: int = 3
    n_steps: int = 5000
    batch: int = 1024
    learning_rate: float = 2e-3
    decay: float = 0.998

    network: ClassVar[str] = "diffusion_flash_beep"
    card: ClassVar[Card] = CARDS["diffusion_flash_beep"]

    def build(self, start):
        """The network, and the generator of scenes."""
        sizes = dict.fromkeys(MODALITIES, N_FRAMES)
        network = JointNet(sizes, ["flashes", "beeps"], 0, self.n_hidden, self.n_layers)
        return network.to(start.device), FlashScenes()

    def loss_of(self, network, data, rng, n):
        """Squared error of the events, at a random level or unknown; senses at random noise or absent."""
        return _flash_loss(network, data, rng, n, device_of(network))

    def describe(self, data):
        """The generator's statistics."""
        return {"scenes": dataclasses.asdict(data)}


def _flash_loss(network, scenes, rng, n, device):
    flashes, beeps, _ = scenes.draw(rng, n)
    clean = senses(flashes, beeps, scenes, np.exp(scenes.contrast * rng.standard_normal((2, n))))
    level = dict(zip(("flashes", "beeps"), target_levels(rng, n), strict=True))
    absent = rng.random((2, n)) < scenes.p_absent
    for k, sense in enumerate(("retina", "cochlea")):
        sigma = np.exp(rng.uniform(np.log(scenes.noise_low), np.log(scenes.noise_high), n))
        level[sense] = np.where(absent[k], 0.0, noise_level(sigma, sense))
    return joint_loss(network, *_tensors(clean, level, rng, device))


def target_levels(rng, n, p_unknown=0.3):
    """ᾱ of two targets, (n,) each: unknown, or at a log signal-to-noise uniform in ±9.2; often the same for both."""
    levels = 1.0 / (1.0 + np.exp(-rng.uniform(-9.2, 9.2, (2, n))))
    levels[rng.random((2, n)) < p_unknown] = 0.0
    levels[1] = np.where(rng.random(n) < 0.5, levels[0], levels[1])
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
class PlacesRecipe(JointRecipe):
    """The joint denoiser of maps, picture and sound; p_common is drawn anew for each scene and told to the network."""

    n_hidden: int = 192
    n_layers: int = 3
    n_sounds: int = 24000  # in store; half of the uses are mirrored
    n_steps: int = 6000
    batch: int = 1024
    learning_rate: float = 2e-3
    decay: float = 0.998

    network: ClassVar[str] = "diffusion_places"
    card: ClassVar[Card] = CARDS["diffusion_places"]

    def build(self, start):
        """The network, the generator of scenes, and a store of sounds."""
        scenes, rng = PlaceScenes(), np.random.default_rng([start.seed, TEST, 99])
        place, sigma, drawn = scenes.draw(rng, self.n_sounds)
        n_components = COCHLEAGRAM.sound.components().size
        phases = rng.uniform(0, 2 * np.pi, (self.n_sounds, n_components)).astype(np.float32)
        store = {"place": place, "sound": listen(drawn, sigma, phases)}
        network = JointNet(SIZES, ["visual_map", "auditory_map"], 2, self.n_hidden, self.n_layers)
        return network.to(start.device), (scenes, store)

    def loss_of(self, network, data, rng, n):
        """Squared error of the maps in scenes of one cause or two."""
        return _place_loss(network, *data, rng, n, device_of(network))

    def describe(self, data):
        """The generator's statistics."""
        return {"scenes": dataclasses.asdict(data[0])}


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
class SyllablesRecipe(JointRecipe):
    """The denoiser of sound and lips, told the syllable three times in four; congruent syllables of many talkers."""

    p_null: float = 0.25
    n_hidden: int = 160
    n_layers: int = 3
    n_steps: int = 4000
    batch: int = 768
    learning_rate: float = 2e-3
    decay: float = 0.998

    network: ClassVar[str] = "diffusion_syllables"
    card: ClassVar[Card] = CARDS["diffusion_syllables"]

    def build(self, start):
        """The network, and the talkers."""
        parts = list(SYLLABLE_SIZES)
        network = JointNet(SYLLABLE_SIZES, parts, len(SYLLABLES), self.n_hidden, self.n_layers)
        return network.to(start.device), Talkers()

    def loss_of(self, network, data, rng, n):
        """Squared error of sound and lips of one syllable, each at a level of its own."""
        return _syllable_loss(network, data, self, rng, n, device_of(network))

    def describe(self, data):
        """The talkers' statistics."""
        return {"talkers": dataclasses.asdict(data)}


def _syllable_loss(network, talkers, recipe, rng, n, device):
    which, token = rng.integers(len(SYLLABLES), size=n), talkers.draw(rng, n)
    names = np.array(SYLLABLES)[which]
    clean = {"sound": talkers.sound(names, token), "lips": talkers.lips(names, token)}
    level = dict(zip(clean, target_levels(rng, n, p_unknown=0.1), strict=True))
    told = np.eye(len(SYLLABLES), dtype=np.float32)[which] * (rng.random((n, 1)) >= recipe.p_null)
    return joint_loss(
        network, *_tensors(clean, level, rng, device), torch.as_tensor(told, dtype=torch.float32, device=device)
    )
