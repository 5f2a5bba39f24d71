"""The networks: untrained they predict 0, attention agrees with a loop, frames are apart until time is learnt."""

import numpy as np
import pytest
import torch

from neuromm.observers.ann.diffusion import DiffusionSchedule, sample, training_loss
from neuromm.observers.ann.diffusion.audio_unet import AudioUNet
from neuromm.observers.ann.diffusion.blocks import embed_time, pad_to
from neuromm.observers.ann.diffusion.conditional_unet import ConditionalUNet, CrossAttentionBlock
from neuromm.observers.ann.diffusion.simple_unet import SimpleUNet
from neuromm.observers.ann.diffusion.text import TextEncoder, Tokenizer
from neuromm.observers.ann.diffusion.vae import VAE, kl_to_standard_normal
from neuromm.observers.ann.diffusion.video_unet import VideoUNet

T = torch.tensor([3, 700])


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def awake(network, share=0.05):
    """The network with every parameter moved, so that nothing is hidden behind a zero."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(share * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("network", [
    lambda: (SimpleUNet(3, (8, 16)), (2, 3, 12, 12)), lambda: (ConditionalUNet(4, (8, 16), 8), (2, 4, 8, 8)),
    lambda: (VideoUNet(1, (8, 16), 8), (2, 1, 5, 8, 8)), lambda: (AudioUNet("wave", 2, (8, 16)), (2, 2, 64)),
    lambda: (AudioUNet("mel", 1, (8, 16), n_classes=3), (2, 1, 16, 10)),
])  # fmt: skip
def test_an_untrained_network_predicts_nothing_and_learns(network):
    net, shape = network()
    x = torch.randn(shape)
    assert net(x, T).shape == shape and net(x, T).abs().max() == 0
    optimiser, schedule, losses = torch.optim.Adam(net.parameters(), 3e-3), DiffusionSchedule("cosine"), []
    x0 = torch.sign(x)[:1].expand(16, *shape[1:])  # one thing to remember
    for step in range(25):
        loss = training_loss(net, x0, schedule, generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(1, abs=0.15) and np.mean(losses[-5:]) < 0.8


def test_stages_have_names_as_many_up_as_down():
    net = SimpleUNet(1, (8, 8, 16), attention=(3,))
    assert net.layers == ("enc1", "enc2", "enc3", "mid", "dec3", "dec2", "dec1")
    assert set(net.layers) <= {name for name, _ in net.named_modules()}


@pytest.mark.parametrize("zero_branches", [True, False])
def test_branches_begin_at_0_or_as_torch_draws_them_and_the_end_at_0_always(zero_branches):
    net = SimpleUNet(1, (8, 16), attention=(2,), zero_branches=zero_branches)
    ends = [net.enc1.block.conv2, net.mid.block.conv2, net.mid.after[0].out, net.dec2.after[0].out]
    assert [bool((end.weight == 0).all()) for end in ends] == [zero_branches] * 4
    assert (net.out.weight == 0).all() and "zero_branches" not in net.config


@pytest.mark.parametrize("size", [(7, 9), (28, 28), (5, 16)])
def test_any_size_is_taken(size):
    net = awake(SimpleUNet(1, (8, 8, 8), attention=()))
    assert net(torch.randn(2, 1, *size), T).shape == (2, 1, *size)
    padded = pad_to(torch.arange(3.0).reshape(1, 1, 1, 3), 4)
    assert padded.shape == (1, 1, 4, 4) and padded[0, 0, 2].tolist() == [0, 1, 2, 2]


def test_a_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"x has shape \(2, 3, 8, 8\); \(batch, 1, size, size\)"):
        SimpleUNet(1, (8,))(torch.zeros(2, 3, 8, 8), T)
    with pytest.raises(ValueError, match="batch, channels, frames"):
        VideoUNet(1, (8,), 8)(torch.zeros(2, 1, 8, 8), T)


def test_time_is_embedded_by_the_published_frequencies():
    got = embed_time(torch.tensor([0, 37]), 8)
    frequency = 10_000 ** (-np.arange(4) / 4)
    assert np.allclose(got[1], np.concatenate([np.sin(37 * frequency), np.cos(37 * frequency)]), atol=1e-5)
    assert got[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_cross_attention_agrees_with_a_loop_and_ignores_padding():
    block = awake(CrossAttentionBlock(8, 6, n_heads=2), 0.5)
    x, tokens = torch.randn(2, 8, 3, 2), torch.randn(2, 5, 6)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
    got = block(x, tokens, mask)
    normed = block.norm(x)
    for b in range(2):
        keys, values = (h[mask[b]] for h in block.keys_values(tokens[b]).chunk(2, -1))
        for i, j in np.ndindex(3, 2):
            query, parts = block.queries(normed[b, :, i, j]), []
            for head in range(2):
                at = slice(4 * head, 4 * head + 4)
                weight = torch.softmax(keys[:, at] @ query[at] / 2.0, 0)  # √d of a head of 4
                parts.append(weight @ values[:, at])
            assert torch.allclose(got[b, :, i, j], x[b, :, i, j] + block.out(torch.cat(parts)), atol=1e-5)
    changed = tokens.clone()
    changed[0, 3:] = 100.0
    assert torch.equal(block(x, changed, mask)[0], got[0])
    with pytest.raises(ValueError, match="do not divide into 3 heads"):
        CrossAttentionBlock(8, 6, n_heads=3)


def test_text_reaches_every_place_and_the_null_is_a_condition_of_its_own():
    net = awake(ConditionalUNet(1, (8, 16), 8))
    x, mask = torch.randn(2, 1, 8, 8), torch.ones(2, 3, dtype=torch.bool)
    one, two = (net(x, T, (torch.randn(2, 3, 8), mask)) for _ in "ab")
    assert ((one - two).abs() > 0).all()
    assert torch.allclose(net(x, T), net(x, T, net.null_condition(2, 4)), atol=1e-5)  # padded or not


def test_a_clip_is_its_frames_until_time_is_learnt():
    image = awake(ConditionalUNet(1, (8, 16), 8, attention=(2,)))
    video = VideoUNet(1, (8, 16), 8, attention=(2,))
    video.load_image_model(image)
    clip, condition = torch.randn(2, 1, 4, 8, 8), (torch.randn(2, 3, 8), torch.ones(2, 3, dtype=torch.bool))
    got = video(clip, T, condition)
    for f in range(4):
        assert torch.allclose(got[:, :, f], image(clip[:, :, f], T, condition), atol=1e-5)
    later = clip.clone()
    later[:, :, 3] += 1
    assert torch.equal(video(later, T, condition)[:, :, 0], got[:, :, 0])
    awake(video)
    assert not torch.allclose(video(later, T, condition)[:, :, 0], video(clip, T, condition)[:, :, 0])
    with pytest.raises(ValueError, match="does not fit"):
        video.load_image_model(SimpleUNet(1, (8, 16), attention=()))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
def test_a_sample_of_a_network_does_not_depend_on_its_batch(dtype, tolerance):
    """Convolutions of another batch may round otherwise; by how much depends on the processor's kernels.

    The first step divides by the square root of the cosine schedule's last alpha_bar, 5e-5, so that the samples
    of an untrained network grow to 1e5 and what is rounded grows with them: differences are compared with the
    samples' own size. In float64 that leaves seven digits for rounding (1e-16 an operation); in float32
    Winograd kernels may lose three of seven digits. Another generator's noise differs by the whole size.
    """
    net, schedule = awake(SimpleUNet(1, (8, 16))).eval().to(dtype), DiffusionSchedule("cosine")
    options = {"n_steps": 5, "method": "ddpm", "seed": 4, "dtype": dtype}
    many, few = (sample(net, schedule, (n, 1, 8, 8), **options) for n in (5, 2))
    size = many.abs().max()
    assert (many[:2] - few).abs().max() < tolerance * size
    assert (many[2:4] - few).abs().max() > 0.1 * size


def test_classes_change_a_sound_and_unknown_ones_are_refused():
    net = awake(AudioUNet("mel", 1, (8, 16), n_classes=3))
    x = torch.randn(2, 1, 8, 8)
    assert not torch.allclose(net(x, T, torch.tensor([0, 1])), net(x, T, torch.tensor([1, 1])))
    assert torch.equal(net(x, T), net(x, T, net.null_condition(2))) and net.null_is_trained
    with pytest.raises(ValueError, match="without classes"):
        AudioUNet("mel", 1, (8,))(x, T, torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="'wave' or 'mel'"):
        AudioUNet("spectrum")


def test_the_vae_makes_small_latents_of_unit_spread_and_learns():
    vae = VAE(3, widths=(8, 16))
    pictures = torch.sign(torch.randn(16, 3, 8, 8))
    assert vae.encode(pictures)[0].shape == (16, 4, 2, 2)
    vae.fit_scale(pictures)
    assert 0.9 < vae.to_latent(pictures).std().item() < 1.1
    awake(vae).double()  # in float32, convolutions would decide how far the two ways are apart
    round_trip = vae.to_pictures(vae.to_latent(pictures.double()))
    assert torch.allclose(round_trip, vae.decode(vae.encode(pictures.double())[0]), atol=1e-9)
    vae.float()
    optimiser, losses = torch.optim.Adam(vae.parameters(), 5e-3), []
    for step in range(40):
        error, kl = vae.loss(pictures, torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        (error + kl).backward()
        optimiser.step()
        losses.append(float(error.detach()))
    assert losses[-1] < 0.7 * losses[0]
    with pytest.raises(ValueError, match="multiples of 4"):
        vae.encode(torch.zeros(1, 3, 10, 8))


def test_the_divergence_is_that_of_two_gaussians():
    mean, log_variance = torch.tensor([0.5, -1.0]), torch.tensor([0.3, -2.0])
    wanted = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (0.5 * log_variance).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert torch.allclose(kl_to_standard_normal(mean, log_variance), wanted)


def test_words_become_tokens_and_unknown_ones_are_named():
    tokenizer = Tokenizer(("a", "circle", "red"), length=6)
    ids, mask = tokenizer(["A red circle", "red"])
    assert ids.tolist() == [[1, 3, 5, 4, 2, 0], [1, 5, 2, 0, 0, 0]] and mask.sum(1).tolist() == [5, 3]
    with pytest.raises(ValueError, match="never learnt: crcle; did you mean circle"):
        tokenizer("a crcle")
    with pytest.warns(UserWarning, match="purple.*left out"):
        assert tokenizer("purple circle", unknown="skip")[0].tolist() == [[1, 4, 2, 0, 0, 0]]
    with pytest.raises(ValueError, match="at most 4 fit"):
        tokenizer("a a a a a")


def test_what_fills_a_text_up_says_nothing():
    encoder = TextEncoder(3, width=8, n_layers=1, n_heads=2, length=6).eval()
    ids, mask = Tokenizer(("a", "circle", "red"), 6)(["a circle"])
    other = ids.clone()
    other[:, 4:] = 5
    assert torch.allclose(encoder(ids, mask)[:, :4], encoder(other, mask)[:, :4], atol=1e-6)
