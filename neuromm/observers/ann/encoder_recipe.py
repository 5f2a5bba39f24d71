"""How the audiovisual encoder is trained: pairs of one event, by contrast; then read-outs of place."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.contrastive.losses import clip_loss
from neuromm.observers.ann.events import CongruentEvents, render_pairs, render_single
from neuromm.observers.ann.scenes import SIGMA_PRIOR
from neuromm.observers.ann.towers import Towers
from neuromm.observers.ann.training import FIT, Recipe, device_of
from neuromm.observers.readout import LocationReadout, fit_offset

CARD = Card(
    "Two towers (frames; binaural cochleagrams) that meet only in the inner product of their unit-norm embeddings; "
    "trained with the symmetric contrastive loss, so that the logit is log L1/L2 up to a constant.",
    "Congruent events alone: one place N(0, `sigma_prior`² deg²), seen and heard, sensory sd log-uniform between "
    "`sigma_low` and `sigma_high`; a part `noisy` with physical noise, the others drawn where they were measured. "
    "No pair in conflict. (`shuffled`: the control, each sound beside the frame of another event.) Read-outs of "
    "place are fitted on one modality alone; one offset of the logit on matched against shuffled pairs.",
    "`*_rms_error_deg`: of places read from one tower, new unisensory trials, beside `*_rms_expected_deg`, what "
    "the read-out itself expects. `matched_or_shuffled_log_loss`: nats, new pairs (log 2 = .693 is chance).",
    "It has no joint layer: it localises by the rule stated in its docstring.",
)


@dataclass(frozen=True)
class EncoderRecipe(Recipe):
    """What the encoder sees and how it learns. Every pair it is trained on is one congruent event."""

    sigma_low: float = 1.0  # deg, support of the sensory noise
    sigma_high: float = 20.0
    noisy: float = 0.3  # share of stimuli with physical noise; the others show the noisy sample itself
    n_hidden: int = 96
    n_embedding: int = 32
    logit_scale: float = 60.0  # first inverse temperature
    shuffled: bool = False  # the control: each sound beside the frame of another event
    n_events: int = 50000  # sounds in store; each is paired with a newly drawn frame, and mirrored
    n_steps: int = 6000
    batch: int = 1024
    learning_rate: float = 4e-3
    decay: float = 0.995

    network: ClassVar[str] = "av_encoder"
    card: ClassVar[Card] = CARD

    def events(self) -> CongruentEvents:
        """The generator of events, each seen and heard at one place."""
        return CongruentEvents(self.sigma_low, self.sigma_high, self.noisy)

    def build(self, start):
        """Both towers, the ear standardised, and a store of sounds with their places."""
        network = Towers(self.n_hidden, self.n_embedding, logit_scale=self.logit_scale)
        rng = np.random.default_rng([start.seed, FIT])
        place, heard = render_single(self.events(), "auditory", rng, self.n_events)
        network.auditory.standardise(torch.from_numpy(heard[:4096]))
        return network.to(start.device), (place, heard)

    def loss_of_step(self, network, data, seed, step):
        """Contrastive loss of sounds and frames of the same events."""
        sounds, frames = render_pairs(self.events(), *data, np.random.default_rng([seed, step]), self.batch)
        if self.shuffled:
            frames = np.roll(frames, 1, axis=0)
        device = device_of(network)
        return clip_loss(network(torch.from_numpy(sounds).to(device), torch.from_numpy(frames).to(device)))

    def describe(self, data):
        """The prior of places."""
        return {"sigma_prior": SIGMA_PRIOR}

    def read_out(self, network, data, run):
        """Places from each tower, and the constant of the evidence for one cause."""
        seed = run.recipe["seed"]
        places, place_score = _fit_places(network, self.events(), seed)
        offset, pair_score = _calibrate(network, self.events(), seed)
        return places | offset, place_score | pair_score

    def config(self, network, run):
        """What builds it, and the noise it was trained in."""
        return {
            "n_hidden": self.n_hidden,
            "n_embedding": self.n_embedding,
            "sigma_low": self.sigma_low,
            "sigma_high": self.sigma_high,
            "sigma_prior": SIGMA_PRIOR,
        }


def _fit_places(network, events, seed, n=20_000):
    """Mean and variance of the place from each tower's last hidden layer, on unisensory trials alone."""
    tensors, score, precision = {}, {}, []
    for k, modality in enumerate(("auditory", "visual")):
        place, stimulus = render_single(events, modality, np.random.default_rng([seed, FIT, 1 + k]), n)
        features = readout_features(network, modality, stimulus)
        half = n // 2
        readout = LocationReadout.fit(features[:half], place[:half], prior_variance=SIGMA_PRIOR**2)
        mean, variance = readout(features[half:])
        tensors |= readout.tensors(f"{modality}_place")
        score[f"{modality}_rms_error_deg"] = float(np.sqrt(np.mean((mean - place[half:]) ** 2)))
        score[f"{modality}_rms_expected_deg"] = float(np.sqrt(variance.mean()))
        precision.append(1 / variance.mean())
    return tensors | {"additive.precision": np.array(precision)}, score


def readout_features(network, modality, stimulus, block=1024):
    """What places are read from: the last hidden layer of one tower, (n, units)."""
    tower, features = getattr(network, modality), []
    with torch.no_grad():
        for start in range(0, len(stimulus), block):
            layers = tower.stages(torch.from_numpy(stimulus[start : start + block]))
            features.append(layers[f"{modality}_hidden2"].numpy())
    return np.concatenate(features)


def _calibrate(network, events, seed, n=8192):
    """The constant that makes the logit log odds of matched against shuffled pairs, equally many."""
    rng = np.random.default_rng([seed, FIT, 3])
    place, heard = render_single(events, "auditory", rng, n)
    sounds, frames = render_pairs(events, place, heard, rng, n)
    logits = []
    with torch.no_grad():
        for start in range(0, n, 1024):
            square = network(*(torch.from_numpy(s[start : start + 1024]) for s in (sounds, frames)))
            logits.append(torch.stack([square.diagonal(), square.roll(1, 0).diagonal()]).numpy())
    logits = np.concatenate(logits, 1)
    matched = np.array([[True], [False]]) & np.ones_like(logits, bool)
    offset = fit_offset(logits.ravel(), matched.ravel())
    odds = logits + offset
    log_loss = float(np.mean(np.logaddexp(0, np.where(matched, -odds, odds))))
    return {"evidence.offset": np.array([offset])}, {"matched_or_shuffled_log_loss": log_loss}
