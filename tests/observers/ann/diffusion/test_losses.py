"""Losses, their weights and bounds, averaged weights, guidance."""

import numpy as np
import pytest
import torch

from neuromm.observers.ann.diffusion import (
    EMA,
    DiffusionSchedule,
    Guided,
    MixtureDenoiser,
    consistency_loss,
    guide,
    rescale,
    residual_loss,
    sample,
    temporal_flicker,
    training_loss,
)
from neuromm.observers.ann.diffusion.guidance import drop_condition
from neuromm.observers.ann.diffusion.losses import min_snr_weight, random_timesteps
from neuromm.observers.ann.diffusion.noise import sample_generators


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_an_untrained_zero_output_scores_one():
    x0 = torch.randn(4000, 8, generator=generator())
    loss = training_loss(lambda x, t: torch.zeros_like(x), x0, DiffusionSchedule(), generator=generator(1))
    assert float(loss) == pytest.approx(1.0, abs=0.02)


def test_the_exact_denoiser_reaches_the_residual_bound():
    schedule = DiffusionSchedule("cosine", 100)
    x0 = 0.3 + 0.5 * torch.randn(200_000, generator=generator(), dtype=torch.float64)
    model = MixtureDenoiser(schedule, (0.3,), (0.5,))
    for t in (5, 50, 90):
        loss = training_loss(model, x0, schedule, t=torch.full((len(x0),), t), generator=generator(t))
        assert float(loss) == pytest.approx(float(residual_loss(schedule, t, 0.5)), rel=0.01)


class Small(torch.nn.Module):
    """A multilayer perceptron of one number and its log signal-to-noise."""

    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule
        self.inner = torch.nn.Sequential(
            torch.nn.Linear(2, 48), torch.nn.SiLU(), torch.nn.Linear(48, 48), torch.nn.SiLU(), torch.nn.Linear(48, 1)
        )

    def forward(self, x, t):
        log_snr = torch.as_tensor(np.log(self.schedule.snr[t.numpy()]), dtype=x.dtype)[:, None]
        return self.inner(torch.cat([x, log_snr.clamp(-8, 8) / 4], 1))


def test_a_trained_denoiser_approaches_the_residual_bound():
    """Two clusters; the bound is the loss of the exact denoiser on the same noise, where nothing learnt scores 1."""
    schedule = DiffusionSchedule("cosine")
    exact = MixtureDenoiser(schedule, (-1.0, 1.0), (0.3, 0.3))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = Small(schedule)
    average, optimiser = EMA(network, 0.99), torch.optim.Adam(network.parameters(), 4e-3)

    def draw(n, seed):
        generator = torch.Generator().manual_seed(seed)
        x0 = torch.randint(2, (n, 1), generator=generator) * 2.0 - 1 + 0.3 * torch.randn(n, 1, generator=generator)
        return x0, generator

    for step in range(700):
        x0, generator = draw(512, step)
        for group in optimiser.param_groups:
            group["lr"] = 4e-3 * (1 - step / 700)
        optimiser.zero_grad()
        training_loss(network, x0, schedule, generator=generator).backward()
        optimiser.step()
        average.update(network)
    losses = []
    with average.applied(network), torch.no_grad():
        for model in (network, exact):
            x0, generator = draw(40_000, 10**6)
            losses.append(float(training_loss(model, x0, schedule, generator=generator)))
    assert losses[1] <= losses[0] < 1.05 * losses[1] and losses[1] < 0.5


def test_min_snr_is_one_loss_whatever_is_predicted():
    x0, noise = (
        torch.randn(64, 5, generator=generator(), dtype=torch.float64),
        torch.randn(64, 5, generator=generator(1), dtype=torch.float64),
    )
    t = torch.randint(1000, (64,), generator=generator(2))
    losses = []
    for prediction in ("epsilon", "x0", "v"):
        schedule = DiffusionSchedule("cosine", prediction=prediction)
        losses.append(
            float(
                training_loss(
                    MixtureDenoiser(schedule, (1.0,), (0.5,)), x0, schedule, weighting="min_snr", t=t, noise=noise
                )
            )
        )
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-9)
    schedule = DiffusionSchedule()
    assert np.allclose(min_snr_weight(schedule, np.arange(1000)), np.minimum(schedule.snr, 5) / schedule.snr)


def test_the_loss_of_a_sample_is_drawn_by_its_own_generator():
    assert torch.equal(
        random_timesteps(5, 1000, sample_generators(1, 5))[:2], random_timesteps(2, 1000, sample_generators(1, 2))
    )


def test_a_loss_that_is_not_finite_says_so():
    with pytest.raises(FloatingPointError, match="not finite; try"):
        training_loss(lambda x, t: x * torch.nan, torch.ones(2, 1), DiffusionSchedule())


def test_consistency_counts_changes_and_ignores_a_single_frame():
    clip = torch.randn(2, 1, 5, 4, 4, generator=generator())
    error = torch.randn(2, 1, 5, 4, 4, generator=generator(1))
    by_hand = error.square().mean() + 0.5 * (error[:, :, 1:] - error[:, :, :-1]).square().mean()
    assert torch.allclose(consistency_loss(clip + error, clip), by_hand)
    assert float(consistency_loss(clip + 2, clip)) == pytest.approx(4.0)  # a constant offset does not move
    assert torch.isfinite(consistency_loss(clip[:, :, :1], clip[:, :, :1] + 1))


def test_flicker_is_nothing_for_steady_change():
    steady = torch.arange(6.0).reshape(1, 1, 6, 1, 1).expand(1, 1, 6, 3, 3)
    assert temporal_flicker(steady).tolist() == [0]
    assert temporal_flicker(torch.randn(1, 1, 6, 8, 8, generator=generator()))[0] > 1
    assert temporal_flicker(steady[:, :, :2]).tolist() == [0]


def test_the_average_begins_at_the_weights_and_lags_behind_them():
    network = torch.nn.Linear(1, 1, bias=False)
    ema, values = EMA(network, 0.9), []
    expected = 0.0
    for n in range(30):
        with torch.no_grad():
            network.weight.fill_(float(n))
        ema.update(network)
        d = min(0.9, (1 + n) / (10 + n) if n else 0.0)
        expected = d * expected + (1 - d) * n
        values.append(float(ema.shadow["weight"]))
        assert values[-1] == pytest.approx(expected, rel=1e-5)
    with ema.applied(network):
        assert network.weight.item() == pytest.approx(values[-1])
    assert network.weight.item() == 29


def test_an_average_copies_buffers():
    network = torch.nn.BatchNorm1d(2)
    ema = EMA(network)
    network.running_mean.fill_(3.0)
    ema.update(network)
    assert ema.shadow["running_mean"].tolist() == [3, 3]


class TwoGaussians:
    """A conditional network in closed form: condition (B, 1) is the mean; the null is mean 0."""

    null_is_trained = True

    def __init__(self, schedule, sd=0.5):
        self.schedule, self.sd = schedule, sd

    def __call__(self, x, t, mean):
        a, b = self.schedule.signal_and_noise(t, x)
        return b * (x - a * mean) / (a**2 * self.sd**2 + b**2)

    def null_condition(self, n):
        return torch.zeros(n, 1, dtype=torch.float64)


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
def test_guidance_shifts_the_mean_of_a_gaussian(scale):
    schedule = DiffusionSchedule("cosine")
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    guided = Guided(TwoGaussians(schedule), torch.full((9, 1), 0.8, dtype=torch.float64), scale)
    shifted = MixtureDenoiser(schedule, (0.8 * scale,), (0.5,))
    one, two = (sample(model, schedule, x.shape, x_start=x, n_steps=25) for model in (guided, shifted))
    assert (one - two).abs().max() < 1e-9 and one.dtype == torch.float64


def test_guidance_at_one_is_conditional_and_at_zero_unconditional(rng):
    u, c = (torch.as_tensor(rng.standard_normal((2, 3))) for _ in range(2))
    assert torch.equal(guide(u, c, 0.0), u) and torch.allclose(guide(u, c, 1.0), c)


def test_rescaling_brings_back_the_conditional_spread(rng):
    guided, conditional = (
        5 * torch.as_tensor(rng.standard_normal((3, 40))),
        torch.as_tensor(rng.standard_normal((3, 40))),
    )
    assert torch.allclose(rescale(guided, conditional, 1.0).std(1), conditional.std(1))
    assert torch.equal(rescale(guided, conditional, 0.0), guided)
    part = rescale(guided, conditional, 0.7)
    assert torch.allclose(part, 0.7 * guided * (conditional.std(1) / guided.std(1))[:, None] + 0.3 * guided)


def test_guidance_without_a_learnt_null_is_refused():
    class NoNull(TwoGaussians):
        null_is_trained = False

    with pytest.raises(ValueError, match="without a null"):
        Guided(NoNull(DiffusionSchedule()), torch.zeros(1, 1), 2.0)
    Guided(NoNull(DiffusionSchedule()), torch.zeros(1, 1), 1.0)  # nothing to compare: allowed


def test_conditions_are_dropped_sample_by_sample():
    tokens, mask = torch.ones(4000, 3, 2), torch.ones(4000, 3, dtype=torch.bool)
    dropped, masks = drop_condition(
        (tokens, mask), (torch.zeros_like(tokens), torch.zeros_like(mask)), 0.15, generator()
    )
    whole = (dropped == 1).flatten(1)
    assert (whole.all(1) | ~whole.any(1)).all() and torch.equal(whole.all(1), masks.all(1))
    assert float((~whole.any(1)).double().mean()) == pytest.approx(0.15, abs=0.02)
