"""How the event counter is trained: scenes of flashes and beeps, as many of both in most, labelled by true counts."""

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.counting.net import CounterNet
from neuromm.observers.ann.training import FIT, TEST, Recipe, device_of
from neuromm.observers.readout import fit_ridge
from neuromm.stimuli.flashes import LATEST, MOST, N_FRAMES, RATE, FlashesAndBeeps, log_mel, pips, pooled_noise, samples

RENDERED = 22  # seed of the store of sounds
TONE_BAND = 13  # mel band of the 3.5 kHz pips


CARD = Card(
    "Two convolutions in time (an eye smeared by two stages of 70 ms; the mel band of the pips), two fusion layers, "
    "and counts of flashes and of beeps (0 … 4) and the log odds of one cause.",
    "Scenes: with probability `p_common` as many flashes as beeps, each within `jitter` of its beep; otherwise counts "
    "and times independent. Gaps uniform from `shortest` to `longest` ms, contrast and pixel noise drawn per scene. "
    "Labels are true counts and causes; never an illusory answer. The store of sounds is the same for every seed.",
    "`*_correct`: share of new scenes counted rightly. `common_log_loss`: nats.",
    f"It hears and sees {N_FRAMES * 10} ms at {RATE:g} Hz; gaps above the longest trained are outside its experience.",
)


@dataclass(frozen=True)
class CounterRecipe(Recipe):
    """What the network sees and hears, and how it learns."""

    p_common: float = 0.8  # one cause: as many flashes as beeps, at nearly the same times
    p_counts: tuple[float, ...] = (0.1, 0.35, 0.3, 0.15, 0.1)  # of 0 … 4 events
    shortest: float = 20.0  # ms between events of a sense, uniform from here
    longest: float = 250.0
    jitter: float = 12.0  # ms, sd of a flash about its beep under one cause
    contrast: float = 0.6  # sd of log contrast, one per scene: brightness hardly tells the number
    noise_low: float = 0.6  # pixel noise sd, log-uniform, where the renderer has 1.8 at reliability 1
    noise_high: float = 6.0
    p_absent: float = 0.15  # that one sense is absent
    shuffled: bool = False  # whether lights are of other scenes than sounds: a control without pairing
    n_sounds: int = 6000
    channels: int = 12
    n_hidden: int = 64
    n_steps: int = 1500
    batch: int = 512
    learning_rate: float = 3e-3
    decay: float = 0.99

    network: ClassVar[str] = "flash_counter"
    card: ClassVar[Card] = CARD

    def build(self, start):
        """The network, and a store of sounds."""
        store = sounds(_sound_recipe(self), 0, self.n_sounds)
        return CounterNet(self.channels, self.n_hidden).to(start.device), store

    def loss_of_step(self, network, data, seed, step):
        """Cross entropy of both counts where the sense is there, and of one cause."""
        scene = draw(self, data, np.random.default_rng([seed, step]), self.batch)
        *seen, present, counts, common = (x.to(device_of(network)) for x in scene)
        flashes, beeps, odds = network(*seen, present)
        loss = (F.cross_entropy(flashes, counts[:, 0], reduction="none") * present[:, 1]).mean()
        loss = loss + (F.cross_entropy(beeps, counts[:, 1], reduction="none") * present[:, 0]).mean()
        unity = F.binary_cross_entropy_with_logits(odds[:, 0], common, reduction="none")
        return loss + 0.3 * (unity * present.prod(1)).mean()

    def read_out(self, network, data, run):
        """The counts of an untrained network."""
        if not run.step:
            _read_out_untrained(network, self, data)
        return {}, {}

    def score(self, network, data, run):
        """Counts and causes of new scenes."""
        return _score(network, self)

    def config(self, network, run):
        """What builds it, and the pixel noise it was trained in."""
        built = {"channels": self.channels, "n_hidden": self.n_hidden}
        return built | {"noise_low": self.noise_low, "noise_high": self.noise_high}


def draw_times(recipe, rng, n):
    """Onsets of one sense's events, (n, MOST), ms, NaN-padded: a first time, equal gaps, as many as drawn."""
    count = rng.choice(len(recipe.p_counts), n, p=recipe.p_counts)
    gap = rng.uniform(recipe.shortest, recipe.longest, (n, 1))
    times = rng.uniform(60.0, 200.0, (n, 1)) + gap * np.arange(MOST)
    late = (times[np.arange(n), np.maximum(count - 1, 0)] > LATEST) & (count > 0)
    times[late] = times[late, :1] + gap[late] * np.arange(MOST) * 0.4  # many events that are far apart do not fit
    return np.where(np.arange(MOST) < count[:, None], times, np.nan)


@functools.lru_cache(maxsize=4)
def sounds(recipe_of_times, seed, n):
    """A store of beeps: onsets (n, MOST) and what the ear keeps, the pips' mel band over time (n, N_FRAMES)."""
    rng = np.random.default_rng([RENDERED, seed])
    times, heard = draw_times(recipe_of_times, rng, n), np.empty((n, N_FRAMES), np.float32)
    for start in range(0, n, 500):
        rows = slice(start, min(start + 500, n))
        noise = rng.standard_normal((len(times[rows]), N_FRAMES * samples()), dtype=np.float32)
        heard[rows] = cochlea_of(pips(times[rows]) + FlashesAndBeeps().sound_noise * noise)
    return times, heard


def cochlea_of(waves):
    """The mel band of the pips over time, (n, N_FRAMES), and its neighbours."""
    return log_mel(waves)[:, TONE_BAND - 1 : TONE_BAND + 2].max(1)


def draw(recipe, store, rng, n):
    """`n` scenes as tensors: retina, cochlea, presence, counts (n, 2: flashes, beeps), one cause."""
    beeps, heard = store
    rows = rng.integers(len(beeps), size=n)
    common = rng.random(n) < recipe.p_common
    flashes = draw_times(recipe, rng, n)
    flashes[common] = beeps[rows[common]] + recipe.jitter * rng.standard_normal((int(common.sum()), MOST))
    if recipe.shuffled:
        flashes = flashes[rng.permutation(n)]
    contrast = np.exp(recipe.contrast * rng.standard_normal((n, 1)))
    noise = pooled_noise(np.exp(rng.uniform(math.log(recipe.noise_low), math.log(recipe.noise_high), (n, 1))))
    retina = contrast * FlashesAndBeeps().smear(flashes) + noise * rng.standard_normal((n, N_FRAMES))
    present = np.ones((n, 2), np.float32)
    absent = rng.random(n) < recipe.p_absent
    present[absent, rng.integers(2, size=n)[absent]] = 0.0
    counts = np.column_stack([np.isfinite(flashes).sum(1), np.isfinite(beeps[rows]).sum(1)])
    found = (retina.astype(np.float32), heard[rows], present, counts, common.astype(np.float32))
    return [torch.from_numpy(x) for x in found]


def _sound_recipe(recipe):
    """What decides the store of sounds, so that variants of a recipe share it."""
    return CounterRecipe(p_counts=recipe.p_counts, shortest=recipe.shortest, longest=recipe.longest)


@torch.no_grad()
def _read_out_untrained(network, recipe, store, n=8000):
    """The untrained control's counts: ridge regression of its last hidden layer on scenes of one sense."""
    alone = dataclasses.replace(recipe, p_absent=1.0)
    retina, heard, present, counts, _ = draw(alone, store, np.random.default_rng([FIT, 1]), n)
    hidden = network.stages(retina, heard, present)["fusion2"].numpy()
    for k, (head, sense) in enumerate(((network.n_flashes, 1), (network.n_beeps, 0))):
        there = present[:, sense].numpy() > 0
        weights, bias = fit_ridge(hidden[there], np.eye(MOST + 1)[counts[:, k].numpy()[there]], 1e-3)
        head.weight.copy_(torch.as_tensor(weights.T, dtype=torch.float32))
        head.bias.copy_(torch.as_tensor(bias, dtype=torch.float32))


@torch.no_grad()
def _score(network, recipe, n=8000):
    store = sounds(_sound_recipe(recipe), 1, 1500)
    retina, heard, present, counts, common = draw(recipe, store, np.random.default_rng([TEST, 1]), n)
    flashes, beeps, odds = network(retina, heard, present)
    seen, heard_there = present[:, 1] > 0, present[:, 0] > 0
    both = seen & heard_there
    return {
        "flashes_correct": float((flashes.argmax(1) == counts[:, 0])[seen].float().mean()),
        "flashes_alone_correct": float((flashes.argmax(1) == counts[:, 0])[seen & ~heard_there].float().mean()),
        "beeps_correct": float((beeps.argmax(1) == counts[:, 1])[heard_there].float().mean()),
        "common_log_loss": float(F.binary_cross_entropy_with_logits(odds[both, 0], common[both])),
    }
