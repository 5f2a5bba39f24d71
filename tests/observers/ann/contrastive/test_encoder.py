"""The encoder of pairs: its losses by other routes, its towers, and what is refused."""

import math

import numpy as np
import pytest
import torch

from neuromm import catalogue
from neuromm.observers.ann.contrastive import MultimodalEncoder, clip_loss, siglip_loss
from neuromm.observers.ann.contrastive.audio_tower import AudioTower
from neuromm.observers.ann.contrastive.encoder import duplicates
from neuromm.observers.ann.contrastive.image_tower import ImageTower
from neuromm.observers.ann.contrastive.own import load_encoder
from neuromm.observers.ann.contrastive.recipe import ClipRecipe, build, draw
from neuromm.observers.ann.contrastive.text_tower import TextTower
from neuromm.observers.ann.towers import Towers
from neuromm.observers.ann.weights import load_weights


@pytest.fixture
def logits():
    return torch.tensor(np.random.default_rng(1).standard_normal((5, 5)) * 3, dtype=torch.float64)


def test_the_second_direction_is_of_the_transpose_by_hand(logits):
    x = logits.numpy()
    rows = np.mean([-x[i, i] + np.log(np.exp(x[i]).sum()) for i in range(5)])
    columns = np.mean([-x[i, i] + np.log(np.exp(x[:, i]).sum()) for i in range(5)])
    assert float(clip_loss(logits)) == pytest.approx((rows + columns) / 2) and rows != pytest.approx(columns)
    assert float(clip_loss(logits)) == pytest.approx(float(clip_loss(logits.T)))


def test_equal_logits_give_the_logarithm_of_the_batch_and_one_pair_gives_nothing():
    assert float(clip_loss(torch.zeros(7, 7))) == pytest.approx(math.log(7))
    assert float(clip_loss(torch.tensor([[3.0]]))) == 0.0


def test_duplicates_are_no_false_negatives():
    ids = torch.tensor([[1, 5, 2], [1, 6, 2], [1, 5, 2]])
    same = duplicates(ids)
    assert same.tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    perfect = torch.where(same, 0.0, -1e3)
    # the best possible loss shares the target among equals: ln 2 for the two rows that have a twin
    assert float(clip_loss(perfect, same)) == pytest.approx(2 / 3 * math.log(2), abs=1e-6)
    assert float(clip_loss(perfect)) == pytest.approx(2 / 3 * math.log(2), abs=1e-6)
    pulled_apart = perfect.clone()
    pulled_apart[0, 2] = pulled_apart[2, 0] = -1e3
    assert float(clip_loss(pulled_apart)) < 1e-6 < float(clip_loss(pulled_apart, same))


def test_the_sigmoid_loss_is_a_sum_over_pairs(logits):
    x = logits.numpy()
    by_hand = sum(np.log1p(np.exp(-(1 if i == j else -1) * x[i, j])) for i in range(5) for j in range(5)) / 5
    assert float(siglip_loss(logits)) == pytest.approx(by_hand)


def test_hard_negatives_count_more_and_none_at_weight_zero(logits):
    assert float(clip_loss(logits, hard=1e-9)) == pytest.approx(float(clip_loss(logits)), rel=1e-5)
    flat = torch.eye(4) * 2.0
    assert float(clip_loss(flat, hard=1.0)) == pytest.approx(float(clip_loss(flat)), rel=1e-5)  # all alike
    assert float(clip_loss(logits, hard=1.0)) > float(clip_loss(logits))


def test_temperature_is_clamped_and_starts_as_published():
    net = build()
    assert float(net.scale().detach()) == pytest.approx(1 / 0.07, rel=1e-5)
    with torch.no_grad():
        net.logit_scale.fill_(20.0)
    assert float(net.scale().detach()) == 100.0
    sig = build(loss="siglip")
    assert float(sig.scale().detach()) == pytest.approx(10.0, rel=1e-5) and float(sig.logit_bias.detach()) == -10.0


class Table(torch.nn.Module):
    """A tower of given features: what it is called with is what it gives."""

    width = 4

    def forward(self, x):
        return x


@pytest.mark.parametrize("loss", ["clip", "siglip"])
@pytest.mark.parametrize("temperature", [0.01, 0.0100001, 0.05])
def test_the_temperature_has_the_gradient_of_its_finite_difference_also_at_its_limit(loss, temperature):
    net = MultimodalEncoder(Table(), Table(), 4, loss=loss, temperature=temperature).double()
    x, y = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    net.loss(x, y).backward()
    found, step = float(net.logit_scale.grad), 1e-4
    with torch.no_grad():  # second route: below the limit, by one-sided differences of second order
        values = []
        for k in range(3):
            net.logit_scale.fill_(-math.log(temperature) - k * step)
            values.append(float(net.loss(x, y)))
    assert found == pytest.approx((3 * values[0] - 4 * values[1] + values[2]) / (2 * step), rel=1e-4)
    assert abs(found) > 1e-3


def test_a_temperature_beyond_its_limit_comes_back():
    """Unrelated pairs want a scale near 0: 300 steps of Adam from the limit, and from beyond it."""
    for start in (0.01, 0.011):
        net = MultimodalEncoder(Table(), Table(), 4, temperature=start)
        with torch.no_grad():
            net.logit_scale.add_(0.5)  # where a large step of an optimiser may have put it
        optimiser = torch.optim.Adam([net.logit_scale], 0.02)
        generator = torch.Generator().manual_seed(2)
        for _ in range(300):
            optimiser.zero_grad()
            net.loss(torch.randn(8, 4, generator=generator), torch.randn(8, 4, generator=generator)).backward()
            optimiser.step()
        assert float(net.scale().detach()) < 10.0


def test_the_towers_of_places_share_the_limit():
    net = Towers(logit_scale=100.0)
    assert float(net.scale().detach()) == 100.0
    net.scale().backward()
    assert float(net.logit_scale.grad) == pytest.approx(100.0, rel=1e-5)  # d e^θ/dθ = e^θ


def test_a_given_temperature_starts_there_and_can_be_kept(tmp_path):
    assert float(build(temperature=0.2).scale()) == pytest.approx(5.0, rel=1e-6)
    for learn in (True, False):
        path = catalogue.train("clip_shapes", out=tmp_path / f"{learn}.safetensors", n_steps=3, batch=8,
                               temperature=0.2, hard=0.5, learn_temperature=learn, progress=False)  # fmt: skip
        header, tensors = load_weights(path, "clip_shapes")
        assert header["config"]["temperature"] == 0.2 and header["config"]["hard"] == 0.5
        assert (float(tensors["network.logit_scale"]) == pytest.approx(np.log(5.0), abs=1e-7)) != learn
        assert load_encoder(path).scale() == pytest.approx(np.exp(float(tensors["network.logit_scale"])), rel=1e-6)


def test_options_that_mean_nothing_are_refused():
    for fields, words in (
        ({"temperature": 0.0}, "temperature must be 0.01 or more, got 0.0"),
        ({"temperature": -1.0}, "temperature must be 0.01 or more, got -1"),
        ({"temperature": float("nan")}, "temperature must be 0.01 or more, got nan"),
        ({"hard": -1.0}, "hard is -1.0 with loss 'clip'"),
        ({"hard": 1.0, "loss": "siglip"}, "0 for 'siglip'"), ({"loss": "mse"}, "loss is 'mse'"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            build(**fields)


def test_any_two_towers_make_an_encoder_and_a_few_steps_pair_them():
    torch.manual_seed(0)
    net = MultimodalEncoder(AudioTower(8, 12, channels=8, width=16), ImageTower(16, (4, 4, 8), 16), 8, loss="siglip")
    rng = np.random.default_rng(3)
    sound = torch.tensor(rng.standard_normal((12, 8, 12)), dtype=torch.float32) * 3
    picture = torch.tensor(rng.random((12, 3, 16, 16)), dtype=torch.float32)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(60):
        loss = net.loss(sound, picture)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (net(sound, picture).argmax(1) == torch.arange(12)).float().mean() > 0.7
    np.testing.assert_allclose(net.encode_first(sound).norm(dim=1).detach(), 1.0, rtol=1e-5)


def test_no_held_out_composition_is_ever_in_a_batch():
    net, recipe = build(), ClipRecipe(batch=150)
    for step in range(3):
        _, _, table = draw(recipe, net, np.random.default_rng(step), recipe.batch)
        assert not table["held_out"].any() and len(table) == 150


def test_the_text_tower_reads_at_the_end_whatever_the_padding():
    torch.manual_seed(0)
    tower = TextTower().eval()
    short, long = tower.tokens(["a red ring"]), tower.tokens(["a red ring", "a large blue cross at the top left"])
    np.testing.assert_allclose(tower(short)[0].detach(), tower(long)[0].detach(), atol=1e-5)
    with pytest.raises(ValueError, match="never learnt: rng; did you mean ring"):
        tower.tokens(["a red rng"])


def test_wrong_inputs_are_refused_by_what_came():
    net = build()
    pictures, ids = torch.rand(2, 3, 32, 32), net.second.tokens(["a red ring", "a blue ring"])
    with pytest.raises(ValueError, match="run from .* 0 to 1 is wanted; divide by 255"):
        net.loss(pictures * 255, ids)
    with pytest.raises(ValueError, match="picture 1 holds NaN"):
        broken = pictures.clone()
        broken[1, 0, 0, 0] = torch.nan
        net.loss(broken, ids)
    with pytest.raises(ValueError, match=r"\(n, 3, 32, 32\) is wanted"):
        net.loss(torch.rand(2, 1, 32, 32), ids)
    with pytest.raises(ValueError, match="at least two pairs, got 1"):
        net.loss(pictures[:1], ids[:1])
    with pytest.raises(ValueError, match="2 items of the first modality and 1 of the second"):
        net.loss(pictures, ids[:1])
    with pytest.raises(ValueError, match="loss is 'softmax'; 'clip' or 'siglip'"):
        build(loss="softmax")
