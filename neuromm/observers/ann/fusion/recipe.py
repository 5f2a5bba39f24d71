"""How the fusion network is trained: scenes of one and of two causes, labelled by what truly happened."""

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch.nn import functional as F

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.events import COCHLEAGRAM, SOUND
from neuromm.observers.ann.fusion.net import FusionNet, draw_strips, levels_of
from neuromm.observers.ann.scenes import SIGMA_PRIOR
from neuromm.observers.ann.training import FIT, TEST, Recipe, device_of
from neuromm.observers.readout import fit_logistic, fit_ridge

RENDERED = 21  # seed of the store of sounds: the same for every network


CARD = Card(
    "Two streams (strips of frames; band levels of two ears), two fusion layers, heads for both "
    "places and for one cause.",
    "Scenes: one cause with probability `p_common`, places N(0, `sigma_prior`² deg²), sensory sd log-uniform between "
    "`sigma_low` and `sigma_high` independently for each sense; a part `noisy` with physical noise, the others "
    "drawn where they were measured; one sense absent in a part `p_absent`. Labels are true places and "
    "true causes, never an illusory answer. The store of sounds is the same for every seed.",
    "`rms_error_deg`: against true places of new scenes. `unity_log_loss`: nats, of one cause on new scenes of "
    "both senses.",
    "Sensory sd outside the range above is refused.",
)


@dataclass(frozen=True)
class FusionRecipe(Recipe):
    """What the network sees and hears, and how it learns."""

    p_common: float = 0.5  # of the training scenes
    sigma_low: float = 1.0  # deg, support of the sensory noise; log σ uniform, independent for each sense
    sigma_high: float = 20.0
    noisy: float = 0.4  # share of stimuli with physical noise; the others show the noisy sample itself
    p_absent: float = 0.1  # that one sense is absent
    only: Literal["", "auditory", "visual"] = ""  # one sense alone, always: a control
    shuffled: bool = False  # whether lights are of other scenes than sounds: a control without pairing
    n_sounds: int = 16000  # in store; a new place is drawn for each showing of a sample, and half are mirrored
    n_hidden: int = 64
    n_fusion: int = 96
    n_steps: int = 5000
    batch: int = 768
    learning_rate: float = 4e-3
    decay: float = 0.995
    unity: float = 0.2  # weight of the cross entropy of one cause beside squared error in units of the prior's variance

    network: ClassVar[str] = "fusion_net"
    card: ClassVar[Card] = CARD

    def module(self) -> torch.nn.Module:
        """The network, before a step."""
        return FusionNet(self.n_hidden, self.n_fusion)

    def draw_seen(self, azimuth, sigma, noisy, rng):
        """What its eye keeps of events."""
        return draw_strips(azimuth, sigma, noisy, rng)

    def build(self, start):
        """The network, its ear standardised, and a store of sounds."""
        store = sounds(self.sigma_low, self.sigma_high, self.noisy, 0, self.n_sounds)
        network = self.module()
        network.centre.copy_(torch.from_numpy(store[3].mean(0)))
        network.centre[len(network.centre) // 2 :] = 0.0  # the world is symmetric
        network.spread.copy_(torch.from_numpy(store[3].std(0) + 1e-3))
        return network.to(start.device), store

    def loss_of_step(self, network, data, seed, step):
        """Squared error of both places and cross entropy of one cause, where both senses are there."""
        scene = draw(self, data, np.random.default_rng([seed, step]), self.batch, see=self.draw_seen)
        *seen, present, places, common = (x.to(device_of(network)) for x in scene)
        estimate, odds = network(*seen, present)
        both = present.prod(1)
        place_error = ((estimate - places).square() * present).sum() / present.sum()
        unity_error = F.binary_cross_entropy_with_logits(odds[:, 0], common, reduction="none")
        return place_error + self.unity * (unity_error * both).mean()

    def describe(self, data):
        """The prior of places."""
        return {"sigma_prior": SIGMA_PRIOR}

    def read_out(self, network, data, run):
        """The heads of an untrained network."""
        if not run.step:
            _read_out_untrained(network, self, data)
        return {}, {}

    def score(self, network, data, run):
        """Errors on new scenes with new sounds."""
        return _score(network, self)

    def config(self, network, run):
        """What builds it, and what it was trained in."""
        built = {"n_hidden": self.n_hidden, "n_fusion": self.n_fusion}
        return built | {"p_common": self.p_common, "sigma_low": self.sigma_low, "sigma_high": self.sigma_high}


@functools.lru_cache(maxsize=4)
def sounds(low, high, share_noisy, seed, n):
    """A store of sounds: where each is drawn (deg), its sd, whether it is in noise, its band levels (n, 48)."""
    rng = np.random.default_rng([RENDERED, seed])
    sigma = np.exp(rng.uniform(math.log(low), math.log(high), n))
    noisy = rng.random(n) < share_noisy
    at = rng.standard_normal(n) * np.where(noisy, SIGMA_PRIOR, np.hypot(SIGMA_PRIOR, sigma))
    levels = []
    for start in range(0, n, 256):
        rows = slice(start, start + 256)
        waves = SOUND.draw(at[rows], sigma[rows], rng.uniform(0, 2 * np.pi, (len(at[rows]), SOUND.components().size)))
        waves[noisy[rows]] += rng.standard_normal((int(noisy[rows].sum()), 2, SOUND.n_samples), dtype=np.float32)
        levels.append(levels_of(COCHLEAGRAM.hear(waves)))
    return at, sigma, noisy, np.concatenate(levels)


def draw(recipe, store, rng, n, p_common=None, p_absent=None, see=draw_strips):
    """`n` scenes: what the eye keeps, levels, presence, true places in units of the prior's sd, one cause or not.

    `see(azimuth, sigma, noisy, rng)` draws what the eye keeps of events.

    A sound in store is a sample; the place it came from is drawn anew from p(place | sample), so that a sound seen
    twice does not teach its noise.
    """
    at, sigma, noisy, levels = store
    rows, mirrored = rng.integers(len(at), size=n), rng.random(n) < 0.5
    side = np.where(mirrored, -1.0, 1.0)
    share = SIGMA_PRIOR**2 / (SIGMA_PRIOR**2 + sigma[rows] ** 2)
    guess = share * at[rows] + np.sqrt(share) * sigma[rows] * rng.standard_normal(n)
    auditory = side * np.where(noisy[rows], at[rows], guess)
    n_bands = levels.shape[1] // 2
    heard = levels[rows].copy()
    heard[:, n_bands:] *= side[:, None]  # ears exchanged: the difference changes its sign
    common = rng.random(n) < (recipe.p_common if p_common is None else p_common)
    visual = np.where(common, auditory, SIGMA_PRIOR * rng.standard_normal(n))
    if recipe.shuffled:
        visual = rng.permutation(visual)
    sigma_visual = np.exp(rng.uniform(math.log(recipe.sigma_low), math.log(recipe.sigma_high), n))
    plain = rng.random(n) >= recipe.noisy
    seen = see(visual + plain * sigma_visual * rng.standard_normal(n), sigma_visual, ~plain, rng)
    present = np.ones((n, 2), np.float32)
    absent = rng.random(n) < (recipe.p_absent if p_absent is None else p_absent)
    present[absent, rng.integers(2, size=n)[absent]] = 0.0
    if recipe.only:
        present[:] = (1.0, 0.0) if recipe.only == "auditory" else (0.0, 1.0)
    places = np.column_stack([auditory, visual]).astype(np.float32) / SIGMA_PRIOR
    return [torch.from_numpy(x) for x in (seen, heard, present, places, common.astype(np.float32))]


def _read_out_untrained(network, recipe, store, n=20_000):
    """The untrained control's heads: places by ridge on scenes of one sense, one cause by a logistic probe."""
    for k in range(2):
        only = dataclasses.replace(recipe, only=("auditory", "visual")[k])
        seen, heard, present, places, _ = draw(only, store, np.random.default_rng([FIT, k]), n)
        with torch.no_grad():
            hidden = network.stages(seen, heard, present)["fusion2"].numpy()
            weights, bias = fit_ridge(hidden, places[:, k].numpy())
            network.places.weight[k] = torch.as_tensor(weights, dtype=torch.float32)
            network.places.bias[k] = float(bias)
    seen, heard, present, _, common = draw(recipe, store, np.random.default_rng([FIT, 2]), n, p_absent=0.0)
    with torch.no_grad():
        hidden = network.stages(seen, heard, present)["fusion2"].numpy()
        weights, bias = fit_logistic(hidden, common.numpy() > 0.5, penalty=1e-4)
        network.common.weight[0] = torch.as_tensor(weights, dtype=torch.float32)
        network.common.bias[0] = bias


def _score(network, recipe, n=20_000):
    return score_scenes(network, recipe, n)


@torch.no_grad()
def score_scenes(network: torch.nn.Module, recipe: FusionRecipe, n: int) -> dict[str, float]:
    """Errors on new scenes with new sounds: of places, deg, and of one cause, nats."""
    store = sounds(recipe.sigma_low, recipe.sigma_high, recipe.noisy, 1, 4000)
    scene = draw(recipe, store, np.random.default_rng([TEST, 1]), n, see=recipe.draw_seen)
    seen, heard, present, places, common = scene
    estimate, odds = network(seen, heard, present)
    error = (estimate - places)[present > 0] * SIGMA_PRIOR
    both = present.prod(1) > 0
    score = {"rms_error_deg": float(error.square().mean().sqrt())}
    if both.any():
        score["unity_log_loss"] = float(F.binary_cross_entropy_with_logits(odds[both, 0], common[both]))
    return score
