"""What has another shape is refused: (6, 1) beside (6,) would be stretched to (6, 6), and give a number."""

import numpy as np
import pytest
import torch
from torch import nn

from neuromm.observers.ann import diffusion
from neuromm.observers.ann.contrastive import clip_loss, siglip_loss
from neuromm.observers.ann.diffusion import EMA, DiffusionSchedule, Guided, sample
from neuromm.observers.ann.diffusion.guidance import drop_condition, guide, rescale
from neuromm.observers.ann.diffusion.joint_net import joint_loss
from neuromm.observers.ann.diffusion.vae import kl_to_standard_normal

SCHEDULE = DiffusionSchedule("cosine", 20)
SHAPE = r"must (have the shape of|be a square|be one, or one for each)"


def numbers(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def column(x, t=None):
    """A network that predicts (B, 1) of (B,), as one whose last layer was not squeezed."""
    return x.reshape(len(x), -1)[:, :1]


def joint(x, level):
    return {name: value[:, :1] for name, value in x.items()}


class OneTarget:
    targets = ("a",)

    def __call__(self, x, alpha_bar, context=None):
        return {"a": x["a"][:, :1]}


X = {"a": numbers(6, 4), "b": numbers(6, 4)}
LEVEL = {name: 0.5 * torch.ones(6, dtype=torch.float64) for name in X}
T = torch.arange(6)
WRONG = {
    "prediction of the loss": lambda: diffusion.training_loss(column, numbers(6), SCHEDULE),
    "prediction of the loss, v": lambda: diffusion.training_loss(
        column, numbers(6, 4), DiffusionSchedule("cosine", 20, "v")
    ),
    "noise of the loss": lambda: diffusion.training_loss(lambda x, t: x, numbers(6), SCHEDULE, noise=numbers(6, 1)),
    "timesteps of the loss": lambda: diffusion.training_loss(lambda x, t: x, numbers(6), SCHEDULE, t=torch.tensor([3])),
    "timesteps of another batch": lambda: diffusion.forward_diffusion(numbers(1, 4), T, SCHEDULE),
    "noise of the forward process": lambda: diffusion.forward_diffusion(numbers(6), T, SCHEDULE, noise=numbers(6, 1)),
    "noise of the target": lambda: DiffusionSchedule("cosine", 20, "v").target(numbers(6), numbers(6, 1), T),
    "consistency": lambda: diffusion.consistency_loss(numbers(6, 1, 1, 4, 4), numbers(6, 1, 3, 4, 4)),
    "ddim": lambda: sample(column, SCHEDULE, (6,), n_steps=4),
    "ddpm": lambda: sample(column, SCHEDULE, (6, 4), n_steps=4, method="ddpm"),
    "x_start": lambda: sample(lambda x, t: x, SCHEDULE, (6, 4), n_steps=4, x_start=numbers(6, 1)),
    "noise of the sampler": lambda: sample(
        lambda x, t: x, SCHEDULE, (6, 4), n_steps=4, method="ddpm", noise=numbers(4, 6, 1)
    ),
    "noise of too few steps": lambda: sample(
        lambda x, t: x, SCHEDULE, (6, 4), n_steps=4, method="ddpm", noise=numbers(3, 6, 4)
    ),
    "invert": lambda: diffusion.invert(column, SCHEDULE, numbers(6, 4), n_steps=4),
    "posterior": lambda: diffusion.sample_posterior(joint, X, LEVEL, "a", n_steps=3, seed=1),
    "levels": lambda: diffusion.sample_posterior(
        joint, X, LEVEL | {"b": torch.tensor([0.5], dtype=torch.float64)}, "a", n_steps=3
    ),
    "modalities": lambda: diffusion.sample_posterior(joint, X | {"b": numbers(1, 4)}, LEVEL, "a", n_steps=3),
    "replacement": lambda: diffusion.sample_by_replacement(column, SCHEDULE, numbers(6, 4), numbers(6, 4), n_steps=3),
    "replacement, x_start": lambda: diffusion.sample_by_replacement(
        lambda x, t: x, SCHEDULE, numbers(6, 4), numbers(6, 1), n_steps=3
    ),
    "joint loss": lambda: joint_loss(OneTarget(), X, LEVEL, X),
    "joint loss, noise": lambda: joint_loss(OneTarget(), X, LEVEL, X | {"a": numbers(6, 1)}),
    "joint loss, levels": lambda: joint_loss(OneTarget(), X, LEVEL | {"b": LEVEL["b"][:1]}, X),
    "kl": lambda: kl_to_standard_normal(numbers(6, 4), numbers(6, 1)),
    "guide": lambda: guide(numbers(6), numbers(6, 1), 2.0),
    "rescale": lambda: rescale(numbers(6, 4), numbers(6, 1), 0.5),
    "null": lambda: drop_condition(numbers(6, 4), numbers(1, 4), 0.5),
    "clip": lambda: clip_loss(numbers(6, 5)),
    "clip, same": lambda: clip_loss(numbers(6, 6), torch.ones(6, 1, dtype=torch.bool)),
    "siglip": lambda: siglip_loss(numbers(6, 5)),
    "siglip, same": lambda: siglip_loss(numbers(6, 6), torch.ones(6, 1, dtype=torch.bool)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_another_shape_is_refused_by_name(name):
    with pytest.raises(ValueError, match=SHAPE):
        WRONG[name]()


class Told:
    """Predicts its condition, which null and text differ in; or one column of it."""

    null_is_trained = True

    def __init__(self, keep=None):
        self.keep = keep

    def __call__(self, x, t, condition):
        return condition[:, : self.keep]

    def null_condition(self, n):
        return torch.linspace(1, 2, 4).expand(n, 4)


def test_a_guided_prediction_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="the prediction must have the shape of x, doubled"):
        Guided(Told(1), numbers(6, 4), 2.0)(numbers(6, 4), T)


def test_rescaling_holds_at_every_scale_also_at_0():
    """Lin et al. (2023), eq. 15-16, by a loop over samples; at scale 0 the guided prediction is the null's."""
    condition, null = 3 * numbers(6, 4), np.linspace(1, 2, 4)
    for scale in (0.0, 0.5, 3.0):
        got = Guided(Told(), condition, scale, rescale=0.7)(numbers(6, 4), T).numpy()
        for row, one in zip(got, condition.numpy(), strict=True):
            guided = null + scale * (one - null)
            wanted = 0.7 * guided * one.std(ddof=1) / guided.std(ddof=1) + 0.3 * guided
            np.testing.assert_allclose(row, wanted, rtol=1e-5)
    plain = Guided(Told(), condition, 0.0)(numbers(6, 4), T)
    assert torch.equal(plain, torch.linspace(1, 2, 4).expand(6, 4))


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_a_flat_prediction_has_no_spread_to_rescale(value):
    flat = torch.full((3, 4), value)
    mixed = torch.cat([flat, numbers(1, 4)])
    got = rescale(mixed, numbers(4, 4), 0.7)
    assert torch.equal(got[:3], flat) and torch.isfinite(got).all()
    assert torch.equal(rescale(torch.zeros(3, 4), torch.zeros(3, 4), 1.0), torch.zeros(3, 4))
    one = numbers(3, 1)  # one number per sample: no sd
    assert torch.equal(rescale(one, one, 1.0), one)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_average_keeps_small_steps_whatever_the_networks_dtype(dtype):
    """From 0 to 1 in 500 steps of decay .99: 1 - .99^500 = .9934; a bfloat16 shadow stays at .25."""
    network = nn.Linear(1, 1, bias=False).to(dtype)
    with torch.no_grad():
        network.weight.zero_()
    average = EMA(network, 0.99, ramp="none")
    with torch.no_grad():
        network.weight.fill_(1.0)
    for _ in range(500):
        average.update(network)
    assert average.shadow["weight"].item() == pytest.approx(1 - 0.99**500, rel=1e-4)
    assert average.shadow["weight"].dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    with average.applied(network):
        assert network.weight.dtype == dtype and network.weight.item() == pytest.approx(0.9934, abs=0.004)
    assert network.weight.item() == 1.0


def test_the_average_of_another_network_is_refused():
    average = EMA(nn.Linear(3, 3))
    with pytest.raises(ValueError, match=r"'weight' must have the shape of the average, \(3, 3\), got \(1, 3\)"):
        average.update(nn.Linear(3, 1))
    with pytest.raises(ValueError, match="these differ: bias"):
        average.update(nn.Linear(3, 3, bias=False))


@pytest.mark.parametrize("kind", ["linear", "scaled_linear"])
def test_as_little_signal_is_left_whatever_the_number_of_timesteps(kind):
    """Both ends times 1000/T. Second route: ln(alpha_bar) tends to minus the integral of beta, the same for all T."""
    low, high = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012)}[kind]
    integral = 1000 * ((low + high) / 2 if kind == "linear" else (low + high + np.sqrt(low * high)) / 3)
    for n, tolerance in ((1000, 0.02), (250, 0.05), (4000, 0.01), (100, 0.12)):
        left = np.log(DiffusionSchedule(kind, n).alphas_bar[-1])
        assert left == pytest.approx(-integral, rel=tolerance), n
    given = DiffusionSchedule(kind, 250, beta_start=low, beta_end=high)  # ends of one's own are taken as they are
    assert given.betas[0] == pytest.approx(low) and given.betas[-1] == pytest.approx(high)


@pytest.mark.parametrize("spacing", ["leading", "linspace"])
def test_one_step_that_returns_the_noise_is_refused(spacing):
    for call in (
        lambda: sample(lambda x, t: x, SCHEDULE, (2, 3), n_steps=1, spacing=spacing),
        lambda: diffusion.sample_by_replacement(
            lambda x, t: x, SCHEDULE, numbers(2, 3), numbers(2, 3), n_steps=1, spacing=spacing
        ),
        lambda: diffusion.invert(lambda x, t: x, SCHEDULE, numbers(2, 3), n_steps=1, spacing=spacing),
    ):
        with pytest.raises(ValueError, match="n_steps must be 2 or more.*try spacing='trailing'"):
            call()
    assert SCHEDULE.timesteps(1).tolist() == [19] and SCHEDULE.timesteps(2, spacing)[-1] == 0
    assert DiffusionSchedule("linear", 1).timesteps(1, spacing).tolist() == [0]  # all the timesteps there are
