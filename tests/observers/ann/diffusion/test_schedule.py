"""Schedules, grids and the forward process, against the formulae and the published tables."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromm.observers.ann.diffusion import DiffusionSchedule, forward_diffusion

KINDS = ("linear", "scaled_linear", "cosine", "sigmoid")


@pytest.mark.parametrize(("kind", "last"), [("linear", 4.04e-5), ("scaled_linear", 4.66e-3), ("cosine", 2.4e-9)])
def test_the_signal_left_at_the_end_is_the_published_one(kind, last):
    assert DiffusionSchedule(kind).alphas_bar[-1] == pytest.approx(last, rel=0.02)


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(20, 1500))
def test_alpha_bar_falls_strictly_within_zero_and_one(kind, n):
    schedule = DiffusionSchedule(kind, n)
    ab = schedule.alphas_bar
    assert ab.dtype == np.float64 and ab.shape == (n,)
    assert (np.diff(ab) < 0).all() and ab[-1] > 0 and ab[0] < 1
    assert ab[0] == pytest.approx(1 - schedule.betas[0], abs=1e-15)
    assert np.allclose(ab, np.multiply.accumulate(schedule.alphas))
    assert (np.diff(schedule.snr) < 0).all()


def test_the_linear_schedule_of_another_length_keeps_its_end():
    full, short = DiffusionSchedule("linear"), DiffusionSchedule("linear", 250)
    assert short.betas[0] == pytest.approx(4e-4) and short.betas[-1] == pytest.approx(0.08)
    assert np.log(short.alphas_bar[-1]) == pytest.approx(np.log(full.alphas_bar[-1]), rel=0.05)


def test_cosine_betas_divide_by_the_grid_point_before():
    u = np.arange(1001) / 1000
    f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
    ours = DiffusionSchedule("cosine").alphas_bar
    assert np.allclose(ours[:-1], (f[1:] / f[0])[:-1], rtol=1e-9)  # only the last beta is capped


def test_zero_terminal_snr_leaves_nothing_and_keeps_the_first():
    plain, zero = (
        DiffusionSchedule("scaled_linear"),
        DiffusionSchedule("scaled_linear", prediction="v", zero_terminal_snr=True),
    )
    assert zero.alphas_bar[-1] == 0 and zero.alphas_bar[0] == pytest.approx(plain.alphas_bar[0])
    assert np.allclose(np.cumprod(1 - zero.betas), zero.alphas_bar)
    with pytest.raises(ValueError, match="predict v or x0"):
        DiffusionSchedule(zero_terminal_snr=True)


def test_the_forward_process_uses_the_cumulative_product():
    schedule = DiffusionSchedule()
    x0 = torch.full((4, 3), 2.0, dtype=torch.float64)
    t = torch.tensor([0, 10, 500, 999])
    x, noise = forward_diffusion(x0, t, schedule, generator=torch.Generator().manual_seed(1))
    ab = torch.tensor(np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)))[t][:, None]
    assert torch.allclose(x, ab.sqrt() * x0 + (1 - ab).sqrt() * noise, atol=1e-12)
    assert (x[3] - noise[3]).abs().max() < 0.02  # with 1 − β alone, 98 % of the image would be left


def test_the_variance_of_noised_data_is_as_it_should_be():
    schedule = DiffusionSchedule("cosine")
    x0 = 0.5 * torch.randn(20000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)[:, None]
    for t in (50, 400, 900):
        x, _ = forward_diffusion(x0, t, schedule, generator=torch.Generator().manual_seed(t))
        ab = schedule.alphas_bar[t]
        assert float(x.var()) == pytest.approx(ab * 0.25 + 1 - ab, rel=0.04)


@pytest.mark.parametrize("prediction", ["epsilon", "x0", "v"])
def test_predictions_are_translated_there_and_back(prediction):
    schedule = DiffusionSchedule(prediction=prediction)
    g = torch.Generator().manual_seed(2)
    x0, noise = (torch.randn(6, 2, 5, generator=g) for _ in range(2))
    t = torch.tensor([0, 3, 100, 500, 800, 900])
    x, _ = forward_diffusion(x0, t, schedule, noise=noise)
    back, epsilon = schedule.split(x, schedule.target(x0, noise, t), t)
    a, b = schedule.signal_and_noise(t, x0)
    # in float32 the division by a (ε) or b (x0) magnifies rounding
    assert ((back - x0) * a).abs().max() < 1e-5 and ((epsilon - noise) * b).abs().max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(total=st.integers(10, 1000), data=st.data())
def test_every_grid_falls_and_has_as_many_steps_as_asked(total, data):
    n = data.draw(st.integers(1, total))
    schedule = DiffusionSchedule("cosine", total)
    for spacing in ("trailing", "leading", "linspace"):
        grid = schedule.timesteps(n, spacing)
        assert len(grid) == n and (np.diff(grid) < 0).all() and grid[0] < total and grid[-1] >= 0
    assert schedule.timesteps(n, "trailing")[0] == total - 1


def test_the_grids_are_the_published_ones():
    schedule = DiffusionSchedule()
    assert schedule.timesteps(50, "leading")[[0, -1]].tolist() == [980, 0]
    assert schedule.timesteps(50, "leading", offset=1)[[0, -1]].tolist() == [981, 1]
    assert schedule.timesteps(50)[[0, 1, -1]].tolist() == [999, 979, 19]
    assert schedule.timesteps(300, "leading")[0] == 897  # floor: the top is not covered
    assert schedule.timesteps(4, "linspace").tolist() == [999, 666, 333, 0]
    assert schedule.timesteps(7, "trailing").tolist() == [999, 856, 713, 570, 428, 285, 142]


def test_wrong_grids_and_kinds_are_refused_in_words():
    schedule = DiffusionSchedule(n_timesteps=100)
    with pytest.raises(ValueError, match="1 to 100 are possible"):
        schedule.timesteps(101)
    with pytest.raises(ValueError, match="trailing, leading, linspace"):
        schedule.timesteps(5, "even")
    with pytest.raises(ValueError, match="cosine, sigmoid"):
        DiffusionSchedule("cosin")
    with pytest.raises(ValueError, match="do not apply"):
        DiffusionSchedule("cosine", beta_end=0.02)
    with pytest.raises(ValueError, match="−1 .clean. to 99"):
        schedule.alpha_bar([100])


def test_the_posterior_of_clean_data_stays_on_its_mean():
    schedule = DiffusionSchedule("cosine")
    for t, prev in ((999, 749), (500, 499), (20, 0), (0, -1)):
        of_x0, of_xt, small, large = schedule.posterior(t, prev)
        now, then = schedule.alpha_bar(t), schedule.alpha_bar(prev)
        assert of_x0 + of_xt * np.sqrt(now) == pytest.approx(np.sqrt(then), abs=1e-12)
        assert 0 <= small <= large
    assert schedule.posterior(0, -1)[2] == 0


def test_a_schedule_is_a_value():
    assert DiffusionSchedule("cosine") == DiffusionSchedule("cosine") and hash(DiffusionSchedule()) == hash(
        DiffusionSchedule()
    )
    with pytest.raises(ValueError, match="read-only"):
        DiffusionSchedule().alphas_bar[0] = 1
