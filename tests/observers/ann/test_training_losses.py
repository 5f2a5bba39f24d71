"""What networks are trained on, in closed form: both directions of a pair, the motion of a clip, the null condition."""

import math

import numpy as np
import pytest
import torch

from neuromm.observers.ann.contrastive import clip_loss, siglip_loss
from neuromm.observers.ann.contrastive.recipe import build
from neuromm.observers.ann.diffusion import (
    DiffusionSchedule,
    LatentDiffusion,
    SoundToClip,
    recipes_clips_sounds,
    recipes_joint,
    video,
)
from neuromm.observers.ann.diffusion.joint_net import JointNet
from neuromm.observers.ann.diffusion.syllable_scenes import SIZES, SYLLABLES, Talkers
from neuromm.observers.ann.encoder_recipe import EncoderRecipe
from neuromm.observers.ann.towers import Towers
from neuromm.observers.ann.training import Start, learn

# rows: ln(1 + 2/3) and ln 2; columns: ln(1 + 1/3) and ln(1 + 2)
PAIR = torch.tensor([[math.log(3.0), math.log(2.0)], [0.0, 0.0]], dtype=torch.float64)
ROWS, COLUMNS = math.log(10 / 3) / 2, math.log(4.0) / 2


def all_but_the_diagonal_are_negatives(logits):
    """The same loss, told which pairs are true."""
    return clip_loss(logits, torch.eye(len(logits), dtype=torch.bool))


BOTH_FORMS = pytest.mark.parametrize("loss", [clip_loss, all_but_the_diagonal_are_negatives])


@BOTH_FORMS
def test_each_direction_of_a_contrastive_loss_is_half_of_it(loss):
    assert float(loss(PAIR)) == pytest.approx((ROWS + COLUMNS) / 2, rel=1e-12)
    assert float(loss(PAIR.T)) == pytest.approx((ROWS + COLUMNS) / 2, rel=1e-12)


@BOTH_FORMS
@pytest.mark.parametrize("wrong", ["rows", "columns"])
def test_pairs_that_are_wrong_in_one_direction_alone_cost(loss, wrong):
    """Every row finds its column while no column finds its row, or the other way about: 0 and ln(1 + e²⁰)."""
    logits = torch.tensor([[20.0, 0.0], [40.0, 60.0]], dtype=torch.float64)  # rows right; column 0 picks row 1
    logits = logits if wrong == "columns" else logits.T
    expected = (math.log1p(math.exp(20)) + math.log1p(math.exp(-60))) / 4 + math.log1p(math.exp(-20)) / 2
    assert float(loss(logits)) == pytest.approx(expected, rel=1e-12)


@BOTH_FORMS
def test_the_gradient_of_a_contrastive_loss_is_that_of_both_directions(loss):
    """(softmax over rows + softmax over columns − 2 I)/(2 B)."""
    logits = PAIR.clone().requires_grad_()
    loss(logits).backward()
    both = torch.softmax(PAIR, 1) + torch.softmax(PAIR, 0) - 2 * torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(logits.grad, both / 4)


def test_the_sigmoid_loss_counts_every_pair_once():
    ln = math.log
    by_hand = ln(1 + 1 / 3) + ln(2) + ln(1 + 2) + ln(2)  # true: ln 3 and 0; false: ln 2 and 0
    assert float(siglip_loss(PAIR)) == pytest.approx(by_hand / 2, rel=1e-12)
    assert float(siglip_loss(PAIR.T)) == pytest.approx(by_hand / 2, rel=1e-12)


@pytest.mark.parametrize("loss", ["clip", "siglip"])
def test_an_encoder_is_trained_on_its_loss_of_scaled_similarities(loss):
    net = build(loss=loss)
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    words = net.second.tokens(["a red ring", "a blue cross", "a green ring"])
    similar = net.encode_first(pictures) @ net.encode_second(words).T
    if loss == "clip":
        logits = net.scale() * similar
        expected = clip_loss(logits)
    else:
        logits = net.scale() * similar + net.logit_bias
        expected = -torch.nn.functional.logsigmoid(logits * (2 * torch.eye(3) - 1)).sum() / 3
    assert float(net.loss(pictures, words).detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


class Enough(Exception):
    """Ends a training loop from inside its loss."""


def test_the_audiovisual_encoder_is_trained_on_both_directions(monkeypatch, tmp_path):
    seen = []

    def forward(network, sounds, frames):
        seen.append(PAIR.clone().requires_grad_())
        return seen[-1] + 0 * network.logit_scale

    def update(run, loss):
        seen.append(loss)
        raise Enough

    monkeypatch.setattr(Towers, "forward", forward)
    monkeypatch.setattr("neuromm.observers.ann.training.Run.update", update)
    limits = {"max_steps": 1, "progress": False, "resume": False}
    with torch.random.fork_rng(devices=[]), pytest.raises(Enough):
        learn(EncoderRecipe(n_events=64, batch=2, n_hidden=4), Start(1, "cpu", tmp_path / "none", limits))
    assert float(seen[1].detach()) == pytest.approx((ROWS + COLUMNS) / 2)


@pytest.fixture
def fixed(monkeypatch):
    """Clips, timesteps and noise of `SoundToClip.loss`, known beforehand."""
    generator = torch.Generator().manual_seed(3)
    clips, noise = (torch.randn(3, 1, 8, 16, 16, generator=generator) for _ in range(2))
    t = torch.tensor([50, 400, 900])
    monkeypatch.setattr(video, "random_timesteps", lambda *_: t)
    monkeypatch.setattr(video, "standard_normal", lambda *_, **__: noise)
    return clips, noise, t


def test_the_loss_of_clips_is_that_of_v_plus_that_of_the_motion(fixed, rng):
    """A network that answers 0 errs by v = aε − b x_0, and by b v in x_0; `consistency` weighs the changes of b v."""
    clips, noise, t = fixed
    track = rng.random((3, 8, 2))
    alpha_bar = torch.tensor(DiffusionSchedule("cosine").alphas_bar[t.numpy()], dtype=torch.float32)
    a, b = (root.sqrt()[:, None, None, None, None] for root in (alpha_bar, 1 - alpha_bar))
    v = a * noise - b * clips
    error = b * v
    motion = (error[:, :, 1:] - error[:, :, :-1]).square().mean()
    for consistency in (0.0, 0.5, 2.0):
        model = SoundToClip(unet={"widths": (8, 8), "width": 8, "attention": ()}, consistency=consistency)
        model.unet.forward = lambda x, t, condition: torch.zeros_like(x)
        expected = v.square().mean() + consistency * motion
        assert float(model.loss(clips, track).detach()) == pytest.approx(float(expected), rel=1e-4)
    assert float(motion) > 0.1


def test_a_constant_error_does_not_move(fixed, rng):
    """v̂ = v + c/b errs by c in every frame of x̂_0: c²/b² and nothing for motion."""
    clips, noise, t = fixed
    model = SoundToClip(unet={"widths": (8, 8), "width": 8, "attention": ()}, consistency=100.0)
    alpha_bar = torch.tensor(model.schedule.alphas_bar[t.numpy()], dtype=torch.float32)[:, None, None, None, None]
    true = model.schedule.target(clips, noise, t)
    model.unet.forward = lambda x, t, condition: true + 0.1 / (1 - alpha_bar).sqrt()
    expected = (0.01 / (1 - alpha_bar)).mean()
    assert float(model.loss(clips, rng.random((3, 8, 2)))) == pytest.approx(float(expected), rel=1e-3)


def text_model(p_null):
    return LatentDiffusion(("a", "red", "ring"), unet={"widths": (8, 8), "width": 8, "p_null": p_null},
                           vae={"widths": (8, 8)}, text={"n_layers": 1})  # fmt: skip


def clip_model(p_null):
    return SoundToClip(unet={"widths": (8, 8), "width": 8, "attention": (), "p_null": p_null})


def condition_of(model, n):
    """Tokens and mask of what `n` samples are told."""
    if isinstance(model, SoundToClip):
        return model.condition(np.ones((n, 8, 2)))
    return model.condition(["a red ring"] * n)


def loss_of(model, n, generator):
    """The model's loss on `n` samples."""
    if isinstance(model, SoundToClip):
        return model.loss(torch.zeros(n, 1, 8, 16, 16), np.ones((n, 8, 2)), generator)
    latents = torch.zeros(n, model.vae.n_latent, 4, 4)
    return model.loss(latents, condition_of(model, n), generator)


def told_by(model):
    """A parameter that what is told goes through."""
    return model.ear.weight if isinstance(model, SoundToClip) else next(model.text.parameters())


@pytest.mark.parametrize("make", [text_model, clip_model])
def test_the_null_replaces_as_many_conditions_as_the_generator_says(make):
    """Over 40 steps of 16 samples each: the very samples whose uniform number is below p_null."""
    model, told = make(0.3), []

    def forward(x, t, condition):
        told.append(condition)
        return torch.zeros_like(x)

    model.unet.forward = forward
    words, n_dropped = condition_of(model, 16), 0
    null = model.unet.null_condition(16, words[0].shape[1])
    for step in range(40):
        loss_of(model, 16, torch.Generator().manual_seed(step))
        dropped = torch.rand(16, generator=torch.Generator().manual_seed(step)) < 0.3
        for given, kept, replaced in zip(told[-1], words, null, strict=True):  # tokens, then their mask
            assert torch.equal(given[dropped], replaced[dropped])
            assert torch.equal(given[~dropped], kept[~dropped])
        n_dropped += int(dropped.sum())
    assert n_dropped == pytest.approx(0.3 * 640, abs=3 * math.sqrt(640 * 0.3 * 0.7))


@pytest.mark.parametrize("make", [text_model, clip_model])
@pytest.mark.parametrize(
    ("p_null", "null_learns", "words_learn"), [(0.0, False, True), (0.5, True, True), (1.0, True, False)]
)
def test_the_gradient_reaches_the_null_as_often_as_it_replaces_a_condition(make, p_null, null_learns, words_learn):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = make(p_null)
        for weights in model.unet.parameters():  # some begin at 0, and pass no gradient on
            torch.nn.init.normal_(weights, std=0.2)
    loss_of(model, 16, torch.Generator().manual_seed(1)).backward()

    def learns(parameter):
        return parameter.grad is not None and bool(parameter.grad.abs().max() > 1e-7)

    assert (learns(model.unet.null), learns(told_by(model))) == (null_learns, words_learn)
    assert model.unet.null_is_trained == null_learns


def test_the_network_of_sounds_is_trained_on_the_null_class_too(monkeypatch, tmp_path):
    """Twenty steps: the class of each sample is the null exactly where the step's generator says so."""
    told = []

    def loss(network, x0, schedule, *, condition, generator):
        told.append((condition, network))
        if len(told) == 20:
            raise Enough
        return network.out.weight.sum()

    monkeypatch.setattr(recipes_clips_sounds, "training_loss", loss)
    limits = {"max_steps": 20, "progress": False, "resume": False}
    recipe = recipes_clips_sounds.AudioRecipe(n_sounds=16, batch=32)
    with torch.random.fork_rng(devices=[]), pytest.raises(Enough):
        learn(recipe, Start(2, "cpu", tmp_path / "none", limits))
    n_null = 0
    for step, (condition, network) in enumerate(told):
        generator = torch.Generator().manual_seed(2 * 1_000_003 + step)
        torch.randint(16, (32,), generator=generator)  # which sounds
        dropped = torch.rand(32, generator=generator) < network.p_null
        assert torch.equal(condition == len(recipes_clips_sounds.CLASSES), dropped)
        n_null += int(dropped.sum())
    assert n_null > 0


def test_syllables_are_not_told_in_p_null_of_the_samples(monkeypatch):
    told = []

    def loss(network, clean, level, noise, context):
        told.append(context)
        return torch.zeros(())

    monkeypatch.setattr(recipes_joint, "joint_loss", loss)
    network = JointNet(SIZES, list(SIZES), len(SYLLABLES), 8, 1)
    for p_null in (0.0, 0.25, 1.0):
        recipe = recipes_joint.SyllablesRecipe(p_null=p_null)
        for step in range(10):
            recipes_joint._syllable_loss(network, Talkers(), recipe, np.random.default_rng(step), 40, "cpu")
        named = torch.cat(told).sum(1)
        told.clear()
        assert set(named.tolist()) <= {0.0, 1.0}
        three_errors = 3 * math.sqrt(p_null * (1 - p_null) / 400)
        assert float((named == 0).double().mean()) == pytest.approx(p_null, abs=three_errors)
