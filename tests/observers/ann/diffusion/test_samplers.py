"""Samplers against the closed forms: affine recursions, the flow's limit, laws of samples, and identities."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from neuromm.observers.ann.diffusion import DiffusionSchedule, MixtureDenoiser, Sampler, invert, sample
from neuromm.observers.ann.diffusion.noise import sample_generators, standard_normal

MEAN, SD = 0.7, 0.4
SPACINGS = ("trailing", "leading", "linspace")


def published_recursion(schedule, grid, method, eta, mean=MEAN, sd=SD):
    """(G, H, sigma) of each step of x ← G x + H + σ z with the exact ε, written out from the papers' equations."""
    ab = np.cumprod(1 - schedule.betas) if not schedule.zero_terminal_snr else schedule.alphas_bar
    steps = []
    for i, t in enumerate(grid):
        now, then = ab[t], ab[grid[i + 1]] if i + 1 < len(grid) else 1.0
        d = now * sd**2 + 1 - now
        slope, at_zero = np.sqrt(1 - now) / d, -np.sqrt(1 - now) * np.sqrt(now) * mean / d  # ε = slope x + at_zero
        if method == "ddpm":  # Ho et al. 2020, eq. 11, with α' of the grid
            alpha, beta = now / then, 1 - now / then
            g = (1 - beta / np.sqrt(1 - now) * slope) / np.sqrt(alpha)
            h = -beta / np.sqrt(1 - now) * at_zero / np.sqrt(alpha)
            sigma = np.sqrt(beta * (1 - then) / (1 - now))
        else:  # Song et al. 2020, eq. 12
            sigma = eta * np.sqrt((1 - then) / (1 - now)) * np.sqrt(1 - now / then)
            direct, along = np.sqrt(then / now), np.sqrt(1 - then - sigma**2)
            g = direct * (1 - np.sqrt(1 - now) * slope) + along * slope
            h = (along - direct * np.sqrt(1 - now)) * at_zero
        steps.append((g, h, sigma if then < 1 else 0.0))
    return steps


@pytest.mark.parametrize("kind", ["linear", "scaled_linear", "cosine", "sigmoid"])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize(("method", "eta"), [("ddpm", 0.0), ("ddim", 0.0), ("ddim", 0.5), ("ddim", 1.0)])
def test_every_sampler_follows_the_affine_recursion_on_every_grid(kind, spacing, method, eta, rng):
    for n_steps, total in ((7, 1000), (50, 1000), (13, 200)):
        schedule = DiffusionSchedule(kind, total)
        grid = schedule.timesteps(n_steps, spacing)
        x = torch.as_tensor(rng.standard_normal((5, 2)))
        z = torch.as_tensor(rng.standard_normal((n_steps, 5, 2)))
        model = MixtureDenoiser(schedule, (MEAN,), (SD,))
        run = sample(
            model,
            schedule,
            x.shape,
            n_steps=n_steps,
            method=method,
            eta=eta,
            spacing=spacing,
            x_start=x,
            noise=z,
            return_trajectory=True,
        )
        wanted = x.numpy()
        for i, (g, h, sigma) in enumerate(published_recursion(schedule, grid, method, eta)):
            wanted = g * wanted + h + sigma * z[i].numpy()
            assert np.abs(run.states[i + 1].numpy() - wanted).max() < 1e-6
        assert run.timesteps == (*grid, -1)


@pytest.mark.parametrize("prediction", ["epsilon", "x0", "v"])
def test_what_is_predicted_changes_no_sample(prediction, rng):
    x = torch.as_tensor(rng.standard_normal((6, 3)))
    plain = DiffusionSchedule("cosine")
    other = DiffusionSchedule("cosine", prediction=prediction)
    one, two = (
        sample(MixtureDenoiser(s, (MEAN, -1.0), (SD, 0.2)), s, x.shape, x_start=x, n_steps=20) for s in (plain, other)
    )
    assert (one - two).abs().max() < 1e-6


def test_zero_terminal_snr_samples_from_the_very_top(rng):
    schedule = DiffusionSchedule("scaled_linear", prediction="v", zero_terminal_snr=True)
    x = torch.as_tensor(rng.standard_normal((4, 2)))
    for method in ("ddim", "ddpm"):
        run = sample(
            MixtureDenoiser(schedule, (MEAN,), (SD,)),
            schedule,
            x.shape,
            x_start=x,
            n_steps=10,
            method=method,
            seed=1,
            dtype=torch.float64,
            return_trajectory=True,
        )
        assert torch.isfinite(run.states).all()
        assert (run.x0[0] - MEAN).abs().max() < 1e-9  # nothing is known yet: the mean of the data


@pytest.mark.parametrize("spacing", SPACINGS)
def test_ddim_at_eta_one_is_strided_ddpm(spacing):
    schedule = DiffusionSchedule()
    model = MixtureDenoiser(schedule, (MEAN, -1.2), (SD, 0.3), (0.3, 0.7))
    options = {"n_steps": 30, "spacing": spacing, "seed": 3, "dtype": torch.float64}
    one = sample(model, schedule, (8, 2), method="ddim", eta=1.0, **options)
    two = sample(model, schedule, (8, 2), method="ddpm", **options)
    assert (one - two).abs().max() < 1e-10


def test_many_deterministic_steps_reach_the_flows_limit(rng):
    schedule = DiffusionSchedule("linear")
    x = torch.as_tensor(rng.standard_normal((50, 1)))
    got = sample(MixtureDenoiser(schedule, (MEAN,), (SD,)), schedule, x.shape, x_start=x, n_steps=1000)
    ab = schedule.alphas_bar[-1]
    limit = MEAN + SD * (x - np.sqrt(ab) * MEAN) / np.sqrt(ab * SD**2 + 1 - ab)
    assert (got - limit).abs().max() < 0.01  # first order in the step
    coarse = sample(MixtureDenoiser(schedule, (MEAN,), (SD,)), schedule, x.shape, x_start=x, n_steps=100)
    assert (coarse - limit).abs().max() > 3 * (got - limit).abs().max()


@pytest.mark.parametrize(("method", "variance"), [("ddpm", "small"), ("ddim", "small"), ("ddpm", "large")])
def test_samples_have_the_law_of_the_data(method, variance):
    schedule = DiffusionSchedule("cosine")
    means, sds, weights = (-1.0, 1.5), (0.3, 0.5), (0.35, 0.65)
    model = MixtureDenoiser(schedule, means, sds, weights)
    x = sample(model, schedule, (20000,), n_steps=200, method=method, variance=variance,
               generator=torch.Generator().manual_seed(1), dtype=torch.float64)  # fmt: skip
    law = lambda x: sum(w * norm.cdf(x, m, s) for w, m, s in zip(weights, means, sds, strict=True))  # noqa: E731
    assert kstest(x.numpy(), law).statistic < 0.02  # sampling alone: .0115 in 1 of 100


def test_a_mixture_of_one_is_the_gaussian_formula(rng):
    schedule = DiffusionSchedule()
    x, t = torch.as_tensor(rng.standard_normal((5, 3))), torch.tensor([0, 10, 300, 700, 999])
    ab = torch.as_tensor(schedule.alphas_bar[t.numpy()])[:, None]
    d = ab * SD**2 + 1 - ab
    model = MixtureDenoiser(schedule, (MEAN,), (SD,))
    assert torch.allclose(model.epsilon(x, t), (1 - ab).sqrt() * (x - ab.sqrt() * MEAN) / d)
    assert torch.allclose(model.x0(x, t), MEAN + ab.sqrt() * SD**2 * (x - ab.sqrt() * MEAN) / d)


def test_the_exact_epsilon_of_a_mixture_is_the_score(rng):
    schedule = DiffusionSchedule()
    x = torch.as_tensor(rng.standard_normal((7, 1))).requires_grad_()
    means, sds, weights = (
        torch.tensor([-1.0, 0.5]).double(),
        torch.tensor([0.2, 0.6]).double(),
        torch.tensor([0.4, 0.6]).double(),
    )
    ab = schedule.alphas_bar[400]
    law = torch.distributions.Normal(np.sqrt(ab) * means, (ab * sds**2 + 1 - ab).sqrt())
    torch.logsumexp(law.log_prob(x) + weights.log(), -1).sum().backward()
    epsilon = MixtureDenoiser(schedule, (-1.0, 0.5), (0.2, 0.6), (0.4, 0.6))(x.detach(), torch.full((7,), 400))
    assert torch.allclose(epsilon, -x.grad * np.sqrt(1 - ab), atol=1e-12)


def test_inversion_comes_back_and_refined_to_the_digit(rng):
    schedule = DiffusionSchedule("cosine")
    model = MixtureDenoiser(schedule, (-1.0, 1.0), (0.6, 0.6))
    x0 = torch.as_tensor(rng.standard_normal((6, 1)) * 0.6 + 1)
    for refine, least, most in ((0, 1e-4, 0.1), (60, 0.0, 1e-6)):
        start = invert(model, schedule, x0, n_steps=50, refine=refine)
        error = (sample(model, schedule, x0.shape, x_start=start, n_steps=50) - x0).abs().max()
        assert least <= error < most


def test_a_sample_does_not_depend_on_its_batch():
    schedule = DiffusionSchedule()
    model = MixtureDenoiser(schedule, (-1.0, 1.0), (0.3, 0.3))
    options = {"n_steps": 12, "method": "ddpm", "seed": 7}
    many, few = sample(model, schedule, (9, 4), **options), sample(model, schedule, (2, 4), **options)
    assert torch.equal(many[:2], few) and torch.equal(many, sample(model, schedule, (9, 4), **options))
    later = sample(model, schedule, (7, 4), n_steps=12, method="ddpm", generator=sample_generators(7, 7, first=2))
    assert torch.equal(many[2:], later)


def test_one_generator_gives_the_same_bits_and_none_touches_the_global_one_of_numpy():
    schedule = DiffusionSchedule()
    model = MixtureDenoiser(schedule)
    one, two = (
        sample(model, schedule, (3, 2), n_steps=5, method="ddpm", generator=torch.Generator().manual_seed(5))
        for _ in "ab"
    )
    assert torch.equal(one, two)
    with pytest.raises(ValueError, match="2 generators came for 3 samples"):
        standard_normal((3, 1), sample_generators(1, 2))


def test_clipping_recomputes_epsilon(rng):
    schedule = DiffusionSchedule()
    x = torch.as_tensor(rng.standard_normal((4, 3)))

    def wild(x, t):
        return -x  # x̂_0 far outside

    run = sample(wild, schedule, x.shape, x_start=x, timesteps=[900, 500], clip=(-1, 1), return_trajectory=True)
    a, b = np.sqrt(schedule.alphas_bar[900]), np.sqrt(1 - schedule.alphas_bar[900])
    then = schedule.alphas_bar[500]
    x0 = ((x + b * x) / a).clamp(-1, 1)
    assert torch.allclose(run.states[1], np.sqrt(then) * x0 + np.sqrt(1 - then) * (x - a * x0) / b)
    assert run.samples.abs().max() <= 1


def test_the_loop_shows_each_step_and_keeps_gradients():
    schedule = DiffusionSchedule(n_timesteps=100)
    x = torch.zeros(2, 1, requires_grad=True)
    steps = list(Sampler(n_steps=4).denoise(MixtureDenoiser(schedule), schedule, x))
    assert [(s.i, s.t, s.prev) for s in steps] == [(0, 99, 74), (1, 74, 49), (2, 49, 24), (3, 24, -1)]
    end = steps[-1].x_prev
    end.sum().backward()
    assert x.grad.abs().sum() > 0
    drawn = sample(MixtureDenoiser(schedule), schedule, (2, 1), sampler=Sampler(n_steps=4), x_start=x.detach())
    assert torch.equal(drawn, end.detach()) and not drawn.requires_grad


def test_wrong_requests_are_refused_in_words():
    schedule = DiffusionSchedule(n_timesteps=10)
    with pytest.raises(ValueError, match="n_steps is 11"):
        sample(MixtureDenoiser(schedule), schedule, (1, 1), n_steps=11)
    with pytest.raises(ValueError, match="falling"):
        sample(MixtureDenoiser(schedule), schedule, (1, 1), timesteps=[3, 5])
    with pytest.raises(ValueError, match="eta is 2"):
        sample(MixtureDenoiser(schedule), schedule, (1, 1), n_steps=2, eta=2)
    with pytest.raises(ValueError, match="both sampler and n_steps"):
        sample(MixtureDenoiser(schedule), schedule, (1, 1), sampler=Sampler(), n_steps=2)
    with pytest.raises(ValueError, match="both seed and generator"):
        sample(MixtureDenoiser(schedule), schedule, (1, 1), n_steps=2, seed=1, generator=torch.Generator())
