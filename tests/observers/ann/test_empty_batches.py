"""A batch of none: every network answers with none, in the shape it promises; every loss refuses in one line."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import neuromm.observers.ann as ann
from neuromm.observers.ann import diffusion
from neuromm.observers.ann.contrastive import (
    AudioTower,
    ImageTower,
    MultimodalEncoder,
    TextTower,
    clip_loss,
    siglip_loss,
)
from neuromm.observers.ann.counting.net import CounterNet
from neuromm.observers.ann.denoiser import Denoiser
from neuromm.observers.ann.diffusion.audio import SoundModel
from neuromm.observers.ann.diffusion.joint_net import JointNet, joint_loss
from neuromm.observers.ann.diffusion.text import TextEncoder
from neuromm.observers.ann.diffusion.vae import VAE
from neuromm.observers.ann.diffusion.video import SoundToClip
from neuromm.observers.ann.fusion.comodulation import TwoChannels
from neuromm.observers.ann.fusion.net import FusionNet
from neuromm.observers.ann.hierarchy.net import HierarchyNet
from neuromm.observers.ann.recording import record
from neuromm.observers.ann.speech.net import SpeechNet
from neuromm.observers.ann.towers import Towers

SIZES = {"auditory": 1, "visual": 1}


def numbers(n, *shape):
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1))


def whole(n, *shape, below=3):
    return torch.randint(below, (n, *shape), generator=torch.Generator().manual_seed(1))


def tokens(n):
    return numbers(n, 3, 8), torch.ones(n, 3, dtype=torch.bool)


def pair(n, dtype=torch.float32):
    return {name: numbers(n, 1).to(dtype) for name in SIZES}


def levels(n):
    return {name: 0.5 * torch.ones(n, dtype=torch.float64) for name in SIZES}


# every network of the package: what builds it, and a call with n samples
NETWORKS = {
    "SimpleUNet": (lambda: diffusion.SimpleUNet(3, (8, 16)), lambda net, n: net(numbers(n, 3, 12, 12), whole(n))),
    "SimpleUNet padded": (lambda: diffusion.SimpleUNet(1, (8, 16)), lambda net, n: net(numbers(n, 1, 7, 9), whole(n))),
    "ConditionalUNet": (
        lambda: diffusion.ConditionalUNet(4, (8, 16), 8),
        lambda net, n: net(numbers(n, 4, 8, 8), whole(n), tokens(n)),
    ),
    "VideoUNet": (lambda: diffusion.VideoUNet(1, (8, 16), 8), lambda net, n: net(numbers(n, 1, 5, 8, 8), whole(n))),
    "VideoUNet attends": (
        lambda: diffusion.VideoUNet(1, (8, 16), 8, attention=(1, 2)),
        lambda net, n: net(numbers(n, 1, 5, 8, 8), whole(n), tokens(n)),
    ),
    "AudioUNet wave": (
        lambda: diffusion.AudioUNet("wave", 2, (8, 16)),
        lambda net, n: net(numbers(n, 2, 64), whole(n)),
    ),
    "AudioUNet mel": (
        lambda: diffusion.AudioUNet("mel", 1, (8, 16), n_classes=3),
        lambda net, n: net(numbers(n, 1, 16, 10), whole(n), whole(n)),
    ),
    "CrossAttentionBlock": (
        lambda: diffusion.CrossAttentionBlock(8, 6, 2),
        lambda net, n: net(numbers(n, 8, 3, 2), numbers(n, 5, 6)),
    ),
    "VAE": (lambda: VAE(3, widths=(8, 16)), lambda net, n: (*net.encode(numbers(n, 3, 8, 8)), net.to_pictures(
        net.to_latent(numbers(n, 3, 8, 8))))),
    "TextEncoder": (lambda: TextEncoder(3, 8, 1, 2, 6), lambda net, n: net(whole(n, 6), torch.ones(n, 6).bool())),
    "JointNet": (lambda: JointNet(SIZES, list(SIZES)), lambda net, n: net(pair(n), levels(n))),
    "LatentDiffusion": (
        lambda: diffusion.LatentDiffusion(("a", "ring")),
        lambda net, n: net.generate(["a ring"] * n, steps=2, seed=1),
    ),
    "SoundToClip": (SoundToClip, lambda net, n: net.generate(numbers(n, 8, 2), steps=2, seed=1)),
    "SoundModel": (SoundModel, lambda net, n: net.generate(["da"] * n, steps=2, seed=1, listen=False)[0]),
    "ImageTower": (ImageTower, lambda net, n: net(numbers(n, 3, 32, 32))),
    "AudioTower": (AudioTower, lambda net, n: net(numbers(n, 40, 40))),
    "TextTower": (TextTower, lambda net, n: net(1 + whole(n, 12))),
    "MultimodalEncoder": (
        lambda: MultimodalEncoder(ImageTower(), TextTower()),
        lambda net, n: (net.encode_first(numbers(n, 3, 32, 32)), net.encode_second(1 + whole(n, 12))),
    ),
    "Towers": (Towers, lambda net, n: (net.auditory(numbers(n, 2, 24, 6)), net.visual(numbers(n, 1, 16, 96)))),
    "CounterNet": (CounterNet, lambda net, n: net(numbers(n, 80), numbers(n, 80), torch.ones(n, 2))),
    "Denoiser": (Denoiser, lambda net, n: net(*(numbers(n, 2) for _ in range(4)))),
    "FusionNet": (FusionNet, lambda net, n: net(numbers(n, 144), numbers(n, 48), torch.ones(n, 2))),
    "TwoChannels": (lambda: TwoChannels(True), lambda net, n: net(whole(n, 7, 2) - 1)),
    "HierarchyNet": (HierarchyNet, lambda net, n: net(numbers(n, 1, 16, 96), numbers(n, 48), torch.ones(n, 2))),
    "SpeechNet": (SpeechNet, lambda net, n: net(numbers(n, 40, 40), numbers(n, 16, 16, 16), torch.ones(n, 2))),
    "MixtureDenoiser": (
        lambda: diffusion.MixtureDenoiser(diffusion.DiffusionSchedule()),
        lambda net, n: net(numbers(n, 2), whole(n)),
    ),
    "TwoCauseDenoiser": (
        diffusion.TwoCauseDenoiser,
        lambda net, n: net(pair(n, torch.float64), levels(n)),
    ),
}  # fmt: skip
PARTS = {  # of the networks above, never called by themselves
    "Normalise", "VisualTower", "AuditoryTower", "ResBlock", "SelfAttention", "Stage", "Trunk", "_Listen", "_Residual",
    "TemporalAttention", "MapsAtNoise", "PretrainedDenoiser", "_Plain",
}  # fmt: skip


def parts(result):
    """Tensors and arrays of a result, flat."""
    if isinstance(result, dict):
        result = tuple(result.values())
    return [part for one in result for part in parts(one)] if isinstance(result, tuple) else [result]


def test_every_network_of_the_package_is_in_the_table():
    known = {name.split()[0] for name in NETWORKS} | PARTS
    for path in Path(ann.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any("Module" in ast.unparse(base) for base in node.bases):
                assert node.name in known, f"{path.name}: {node.name} has no row in NETWORKS"


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("training", [False, True])
def test_a_network_answers_none_with_none(name, training):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        build, call = NETWORKS[name]
        network = build()
        if isinstance(network, nn.Module):
            network.train(training)
        for none, three in zip(parts(call(network, 0)), parts(call(network, 3)), strict=True):
            assert tuple(none.shape) == (0, *three.shape[1:]) and len(three) == 3
            assert none.dtype == three.dtype


def zero(x, t):
    return torch.zeros_like(x)


LOSSES = {
    "training_loss": lambda: diffusion.training_loss(zero, numbers(0, 1, 8, 8), diffusion.DiffusionSchedule()),
    "consistency_loss": lambda: diffusion.consistency_loss(numbers(0, 1, 2, 4, 4), numbers(0, 1, 2, 4, 4)),
    "joint_loss": lambda: joint_loss(JointNet(SIZES, list(SIZES)), pair(0), levels(0), pair(0)),
    "VAE.loss": lambda: VAE(3, widths=(8, 16)).loss(numbers(0, 3, 8, 8)),
    "VAE.fit_scale": lambda: VAE(3, widths=(8, 16)).fit_scale(numbers(0, 3, 8, 8)),
    "SoundToClip.loss": lambda: SoundToClip().loss(numbers(0, 1, 8, 16, 16), numbers(0, 8, 2)),
    "LatentDiffusion.loss": lambda: diffusion.LatentDiffusion(("a",)).loss(
        numbers(0, 4, 8, 8), (numbers(0, 12, 64), torch.ones(0, 12, dtype=torch.bool))
    ),
    "clip_loss": lambda: clip_loss(numbers(0, 0)),
    "siglip_loss": lambda: siglip_loss(numbers(0, 0)),
    "MultimodalEncoder.loss": lambda: MultimodalEncoder(ImageTower(), TextTower()).loss(
        numbers(0, 3, 32, 32), whole(0, 12)
    ),
    "record": lambda: record(diffusion.SimpleUNet(1, (8,)), (numbers(0, 1, 8, 8), whole(0)), "mid"),
    "record_at_noise": lambda: diffusion.record_at_noise(diffusion.SimpleUNet(1, (8,)), np.zeros((0, 1, 8, 8))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_mean_over_none_is_refused_in_one_line(name):
    with pytest.raises(ValueError, match="at least (one|two)") as caught:
        LOSSES[name]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", ["ddim", "ddpm"])
def test_samplers_draw_none(method):
    net, schedule = diffusion.SimpleUNet(1, (8,)), diffusion.DiffusionSchedule()
    assert diffusion.sample(net, schedule, (0, 1, 8, 8), n_steps=2, seed=1, method=method).shape == (0, 1, 8, 8)
    assert diffusion.invert(net, schedule, numbers(0, 1, 8, 8), n_steps=2).shape == (0, 1, 8, 8)
    drawn = diffusion.sample_posterior(diffusion.TwoCauseDenoiser(), pair(0), levels(0), "visual", n_steps=2, seed=1)
    assert drawn["visual"].shape == (0, 1)
    known = torch.full((0, 2), torch.nan)
    assert diffusion.sample_by_replacement(zero, schedule, known, known, n_steps=2).shape == (0, 2)
    assert diffusion.forward_diffusion(numbers(0, 2), whole(0), schedule)[0].shape == (0, 2)
    assert diffusion.temporal_flicker(numbers(0, 1, 4, 2, 2)).shape == (0,)
    assert diffusion.rescale(numbers(0, 4), numbers(0, 4), 0.7).shape == (0, 4)
