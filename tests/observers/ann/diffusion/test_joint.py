"""Posterior samples of one modality given another, against causal inference by quadrature; and replacement's bias."""

import numpy as np
import pytest
import torch

from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common, segregate
from neuromm.observers.ann.diffusion import DiffusionSchedule
from neuromm.observers.ann.diffusion.exact import TwoCauseDenoiser
from neuromm.observers.ann.diffusion.joint import sample_by_replacement, sample_posterior


def measured(auditory, visual, sigma_auditory, sigma_visual, n):
    """x and ᾱ of one pair of measurements, in units of the prior's sd, n times."""
    x, level = {}, {}
    for name, cue, sigma in (("auditory", auditory, sigma_auditory), ("visual", visual, sigma_visual)):
        level[name] = torch.full((n,), 1 / (1 + sigma**2), dtype=torch.float64)
        x[name] = level[name].sqrt()[:, None] * cue
    return x, level


@pytest.mark.parametrize("cues", [(0.5, -0.4), (1.2, 1.0)])
def test_samples_have_the_posterior_of_causal_inference(cues):
    sigmas = (0.7, 0.25)
    x, level = measured(*cues, *sigmas, 5000)
    samples, means = sample_posterior(TwoCauseDenoiser(0.5), x, level, "auditory", n_steps=200,
                                      generator=torch.Generator().manual_seed(1), return_mean=True)  # fmt: skip
    p = float(posterior_common(log_bayes_factor(np.array([cues]), np.array(sigmas), 0.0, 1.0), 0.5)[0])
    fused, sd_fused = (float(v[0]) for v in fuse(np.array([cues]), np.array(sigmas), 0.0, 1.0))
    apart = float(segregate(np.array([cues]), np.array(sigmas), 0.0, 1.0)[0, 0])
    sd_apart = (1 + sigmas[0] ** -2) ** -0.5
    mean = p * fused + (1 - p) * apart
    variance = p * (sd_fused**2 + fused**2) + (1 - p) * (sd_apart**2 + apart**2) - mean**2
    drawn = samples["auditory"]
    assert float(means["auditory"][0]) == pytest.approx(mean, abs=1e-9)
    assert float(drawn.mean()) == pytest.approx(mean, abs=4 * np.sqrt(variance / 5000) + 0.01)
    assert float(drawn.std()) == pytest.approx(np.sqrt(variance), rel=0.06)


def test_joint_samples_are_equal_when_there_is_one_cause():
    x, level = measured(0.3, 0.1, 0.5, 0.5, 500)
    samples = sample_posterior(TwoCauseDenoiser(1.0), x, level, ("auditory", "visual"), n_steps=40, seed=1)
    apart = (samples["auditory"] - samples["visual"]).abs()
    assert float(apart.max()) < 0.05 and float(samples["auditory"].std()) > 0.2


def test_an_absent_modality_is_imagined_from_the_other():
    x, level = measured(0.0, 1.0, 1.0, 0.2, 6000)
    level["auditory"] = torch.zeros(6000, dtype=torch.float64)
    drawn = sample_posterior(
        TwoCauseDenoiser(1.0), x, level, "auditory", n_steps=150, generator=torch.Generator().manual_seed(2)
    )["auditory"]
    precision = 1 + 0.2**-2
    assert float(drawn.mean()) == pytest.approx(25 / precision, abs=0.02) and float(drawn.std()) == pytest.approx(
        precision**-0.5, rel=0.1
    )
    alone = sample_posterior(
        TwoCauseDenoiser(0.0), x, level, "auditory", n_steps=150, generator=torch.Generator().manual_seed(2)
    )["auditory"]
    assert float(alone.std()) == pytest.approx(1.0, rel=0.05)


def test_a_posterior_sample_does_not_depend_on_its_batch():
    x, level = measured(0.5, -0.4, 0.7, 0.3, 6)
    many = sample_posterior(TwoCauseDenoiser(), x, level, "visual", n_steps=8, seed=3)["visual"]
    few = sample_posterior(
        TwoCauseDenoiser(),
        {k: v[:2] for k, v in x.items()},
        {k: v[:2] for k, v in level.items()},
        "visual",
        n_steps=8,
        seed=3,
    )
    assert torch.equal(many[:2], few["visual"])
    with pytest.raises(ValueError, match="modalities of x are wanted: auditory, visual"):
        sample_posterior(TwoCauseDenoiser(), x, level, "tactile")


def test_replacement_is_biased_where_holding_at_its_level_is_not():
    """Two unit Gaussians with correlation .9; the second is known to be 2: the first has mean 1.8."""
    schedule, rho = DiffusionSchedule("cosine"), 0.9
    covariance = torch.tensor([[1, rho], [rho, 1]], dtype=torch.float64)

    def denoise(x, t):
        ab = torch.as_tensor(schedule.alpha_bar(t[0]))
        noisy = ab * covariance + (1 - ab) * torch.eye(2, dtype=torch.float64)
        return (1 - ab).sqrt() * torch.linalg.solve(noisy, x.T).T

    known = torch.tensor([[torch.nan, 2.0]], dtype=torch.float64).repeat(4000, 1)
    start = torch.randn(known.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    drawn = sample_by_replacement(
        denoise, schedule, known, start, n_steps=100, generator=torch.Generator().manual_seed(2)
    )
    assert torch.equal(drawn[:, 1], known[:, 1])
    assert 0.2 < float(drawn[:, 0].mean()) < 1.7  # pulled, but short of 1.8

    def joint(x, level):  # the same data for a network with a level each; covers one level held at 1
        a = torch.stack([level["first"].sqrt(), level["second"].sqrt()], -1)
        noise = torch.stack([1 - level["first"], 1 - level["second"]], -1)
        measured = a[:, :, None] * covariance * a[:, None, :] + torch.diag_embed(noise)
        weights = torch.linalg.solve(measured, torch.stack([x["first"], x["second"]], 1))
        estimate = (covariance * a[:, None, :]) @ weights
        return {"first": estimate[:, 0], "second": estimate[:, 1]}

    x = {"first": torch.zeros(4000, 1, dtype=torch.float64), "second": known[:, 1:]}
    level = {"first": torch.zeros(4000, dtype=torch.float64), "second": torch.ones(4000, dtype=torch.float64)}
    held = sample_posterior(joint, x, level, "first", n_steps=100, generator=torch.Generator().manual_seed(3))["first"]
    assert float(held.mean()) == pytest.approx(1.8, abs=0.03) and float(held.std()) == pytest.approx(
        (1 - rho**2) ** 0.5, rel=0.06
    )
