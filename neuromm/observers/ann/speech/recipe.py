"""How the speech network is trained: congruent syllables only, noisy sound, and now and then one sense alone."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.speech.net import SpeechNet, pool_video
from neuromm.observers.ann.training import FIT, TEST, Recipe, device_of
from neuromm.observers.readout import fit_ridge
from neuromm.stimuli import speech_sound
from neuromm.stimuli.syllables import N_TALKERS, SYLLABLES, Spoken

BLOCK = 1000
RENDERED = 20  # seed of the store of tokens: every network, whatever its seed, hears the same recordings


CARD = Card(
    "A network of one ear (log-mel, convolution in time), one eye (mouth video, convolution in space) and the sum of "
    "both, which names one of six syllables.",
    "Congruent syllables alone: ba, da, ga, pa, ta, ka by eight synthetic talkers, the voice in noise at `snr_low` to "
    "`snr_high` dB, and a part `dropout` with one sense only. Labels are what was said. No pair of different "
    "syllables. The store of tokens is the same for every seed; first weights, order, pixel noise and "
    "dropout are the seed's.",
    "`*_correct`: share of new congruent tokens named rightly (chance 1/6; seen: place of articulation, chance 1/3).",
    "Synthetic talkers: where da lies between ba and ga is a property of the stimuli; see the controls of "
    "`neuromm run ann_mcgurk`.",
)


@dataclass(frozen=True)
class SpeechRecipe(Recipe):
    """What the network hears and sees. No pair is incongruent; the labels are what the talker says."""

    snr_low: float = -12.0  # dB, signal-to-noise ratio of the voice, uniform up to snr_high
    snr_high: float = 20.0
    dropout: float = 0.3  # share of tokens with one sense alone
    permuted: bool = False  # whether mouths of ba and da change places: a control of the stimuli's geometry
    shuffled: bool = False  # whether mouths are of other tokens than voices: a control without pairing
    n_tokens: int = 6000
    n_hidden: int = 64
    n_steps: int = 700
    batch: int = 256
    learning_rate: float = 3e-3
    decay: float = 0.98
    weight_decay: float = 0.01

    network: ClassVar[str] = "speech_net"
    card: ClassVar[Card] = CARD

    def build(self, start):
        """The network, and the talkers with a store of their tokens."""
        talkers = spoken(self)
        codes, heard, seen = tokens(talkers, self.snr_low, self.snr_high, 0, self.n_tokens)
        if self.shuffled:
            seen = seen[np.random.default_rng([start.seed, 9]).permutation(self.n_tokens)]
        network = SpeechNet(len(SYLLABLES), self.n_hidden).to(start.device)
        return network, (talkers, (codes, heard, seen))

    def loss_of_step(self, network, data, seed, step):
        """Cross entropy of the syllable."""
        talkers, store = data
        rng = np.random.default_rng([seed, step])
        *seen, code = batch_of(store, talkers, rng, self.batch, self.dropout)
        device = device_of(network)
        return F.cross_entropy(network(*(x.to(device) for x in seen)), code.to(device))

    def run_options(self):
        """Weights decay."""
        return {"weight_decay": self.weight_decay}

    def read_out(self, network, data, run):
        """What counts as a syllable at all; without learning, also the last layer."""
        return read_out(network, self, data[0])

    def config(self, network, run):
        """What builds it."""
        return {"n_syllables": len(SYLLABLES), "n_hidden": self.n_hidden}


def spoken(recipe):
    """The talkers of a recipe."""
    return Spoken(lips=("da", "ba", "ga")) if recipe.permuted else Spoken()


@functools.lru_cache(maxsize=4)
def tokens(talkers, snr_low, snr_high, seed, n):
    """Congruent tokens: syllable numbers (n,), log-mel (n, 40, 40) and pooled video without pixel noise."""
    rng = np.random.default_rng([RENDERED, seed])
    codes = rng.integers(len(SYLLABLES), size=n)
    talker, z = rng.integers(N_TALKERS, size=n), rng.standard_normal((n, 8))
    heard = np.empty((n, speech_sound.N_BANDS, speech_sound.N_FRAMES), np.float32)
    seen = np.empty((n, 16, 16, 16), np.float32)
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        breath, click, noise = rng.standard_normal((3, len(codes[rows]), speech_sound.N_SAMPLES), dtype=np.float32)
        waves = talkers.say(codes[rows], talker[rows], z[rows], breath, click)
        level = 10 ** (-rng.uniform(snr_low, snr_high, len(waves)) / 20)
        heard[rows] = speech_sound.log_mel(waves + level[:, None] * speech_sound.speech_noise(noise))
        seen[rows] = pool_video(talkers.show(codes[rows], talker[rows], z[rows]))
    return codes, heard, seen


def batch_of(store, talkers, rng, n, dropout):
    """`n` tokens as tensors: sound, picture with new pixel noise, which senses are there, syllable."""
    codes, heard, seen = store
    rows = rng.integers(len(codes), size=n)
    picture = seen[rows] + talkers.pixel_noise / 2 * rng.standard_normal((n, *seen.shape[1:]), dtype=np.float32)
    present = np.ones((n, 2), np.float32)
    alone = rng.random(n) < dropout
    present[alone, rng.integers(2, size=n)[alone]] = 0.0
    return [torch.from_numpy(x) for x in (heard[rows], picture, present, codes[rows])]


@torch.no_grad()
def read_out(network, recipe, talkers, most=1500):
    """Means and precision of the fusion layer for congruent tokens, how far 99 % of them lie, and accuracies.

    An untrained network also gets its last layer here, by ridge regression on tokens of one sense.
    """
    n = min(most, recipe.n_tokens // 2)
    fit = tokens(talkers, recipe.snr_low, recipe.snr_high, 1, n)
    test = tokens(talkers, recipe.snr_low, recipe.snr_high, 2, n)
    if recipe.n_steps == 0 or not _has_learnt(network, fit, talkers):
        heard, seen, present, code = batch_of(fit, talkers, np.random.default_rng(FIT), n, 1.0)
        hidden = network.stages(heard, seen, present)["fusion"].numpy()
        weights, bias = fit_ridge(hidden, np.eye(len(SYLLABLES))[code.numpy()], 1e-2)
        network.syllable.weight.copy_(torch.as_tensor(8 * weights.T, dtype=torch.float32))
        network.syllable.bias.copy_(torch.as_tensor(8 * bias, dtype=torch.float32))
    heard, seen, present, code = batch_of(fit, talkers, np.random.default_rng(FIT + 1), n, 0.0)
    hidden = network.stages(heard, seen, present)["fusion"].numpy().astype(float)
    centres = np.stack([hidden[code.numpy() == k].mean(0) for k in range(len(SYLLABLES))])
    rest = hidden - centres[code.numpy()]
    covariance = rest.T @ rest / len(rest)
    precision = np.linalg.inv(covariance + 0.05 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))
    away = distance(hidden, centres, precision)
    score = {}
    for k, (name, there) in enumerate({"audiovisual": (1, 1), "heard": (1, 0), "seen": (0, 1)}.items()):
        heard, seen, present, code = batch_of(test, talkers, np.random.default_rng(TEST + k), n, 0.0)
        present[:] = torch.tensor(there, dtype=torch.float32)
        guess = network(heard, seen, present).argmax(1)
        same = guess % 3 == code % 3 if name == "seen" else guess == code  # the lips do not show the voice
        score[f"{name}_correct"] = float(same.float().mean())
    kept = {"typical.centres": centres, "typical.precision": precision}
    return kept | {"typical.limit": np.array([np.quantile(away, 0.99)])}, score


def _has_learnt(network, store, talkers):
    heard, seen, present, code = batch_of(store, talkers, np.random.default_rng(FIT + 2), 600, 0.0)
    return float((network(heard, seen, present).argmax(1) == code).float().mean()) > 0.3


def distance(hidden, centres, precision):
    """Squared Mahalanobis distance of each row from the nearest centre; (n,)."""
    away = hidden[:, None] - centres
    return np.einsum("nki,ij,nkj->nk", away, precision, away).min(1)
