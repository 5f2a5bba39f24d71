"""Slice sampling in the unit cube: moments, edges, how far a step goes, and the check of agreement."""

import numpy as np
import pytest

from neuromm.maths.slice_sampler import sample, split_rhat


def rising(u, _):
    """log of 2u on the unit interval, and a trap beyond it: the cube's edge is the sampler's to keep."""
    return np.where(u[:, 0] > 1, 10.0, np.log(2 * np.maximum(u[:, 0], 1e-300)))


def test_a_density_that_is_greatest_at_the_edge(rng):
    chains, values = sample(rising, np.full((20, 1), 0.5), 1500, rng=rng, n_warmup=50)
    assert chains.shape == (20, 1500, 1) and (chains >= 0).all() and (chains <= 1).all()
    assert chains.mean() == pytest.approx(2 / 3, abs=5e-3) and chains.var() == pytest.approx(1 / 18, abs=2e-3)
    assert np.allclose(values, np.log(2 * chains[..., 0]))
    assert (chains > 0.9).mean() == pytest.approx(1 - 0.81, abs=0.01)


def test_a_step_goes_as_far_as_the_slice(rng):
    """On a flat density the interval grows to the whole cube, so samples are independent: |Δ| is 1/3 on average."""
    chains, _ = sample(lambda u, _: np.zeros(len(u)), np.full((50, 1), 0.5), 400, rng=rng, n_warmup=0, width=0.05)
    assert np.abs(np.diff(chains[..., 0], axis=1)).mean() == pytest.approx(1 / 3, abs=0.01)
    steps = [np.abs(np.diff(sample(lambda u, _: np.zeros(len(u)), np.full((50, 1), 0.5), 100, rng=rng, n_warmup=0,
                                   width=0.05, max_steps=k)[0][..., 0], axis=1)).mean() for k in (0, 3)]  # fmt: skip
    assert steps[0] < 0.05 / 2 < steps[1] < 0.2  # at most three widths on either side


def test_a_correlated_density_has_its_covariance(rng):
    cov = np.array([[0.01, 0.006], [0.006, 0.0064]])
    precision = np.linalg.inv(cov)

    def log_density(u, _):
        away = u - 0.5
        return -0.5 * np.einsum("ni,ij,nj->n", away, precision, away)

    chains, _ = sample(log_density, np.full((20, 2), 0.4), 2000, rng=rng)
    assert np.allclose(np.cov(chains.reshape(-1, 2).T), cov, rtol=0.08)


def test_each_chain_has_its_own_density(rng):
    centres = np.array([0.2, 0.5, 0.8])
    chains, _ = sample(lambda u, who: -0.5 * ((u[:, 0] - centres[who]) / 0.03) ** 2, np.full((3, 1), 0.5), 800, rng=rng)
    assert np.allclose(chains.mean((1, 2)), centres, atol=0.01) and np.allclose(chains.std((1, 2)), 0.03, rtol=0.15)


def test_warm_up_is_thrown_away_and_a_start_without_density_refused():
    def narrow(u, _):
        return -0.5 * ((u[:, 0] - 0.2) / 0.02) ** 2

    far = np.full((1, 1), 0.999)
    first, later = (sample(narrow, far, 1, rng=np.random.default_rng(1), n_warmup=n)[0] for n in (0, 60))
    assert not np.array_equal(first, later) and abs(later[0, 0, 0] - 0.2) < 0.1
    with pytest.raises(ValueError, match="starts where the density is not finite"):
        sample(lambda u, _: np.full(len(u), -np.inf), far, 1, rng=np.random.default_rng(1))


def test_chains_that_agree_have_an_rhat_of_one(rng):
    same = rng.standard_normal((4, 2000, 2))
    assert np.allclose(split_rhat(same), 1, atol=5e-3)
    apart = same + np.array([0.0, 0.0, 0.0, 3.0])[:, None, None] * np.array([1.0, 0.0])
    between = 1000 * np.array([0, 0, 0, 0, 0, 0, 3, 3]).var(ddof=1)  # of means of half chains, times their length
    assert split_rhat(apart)[0] == pytest.approx(np.sqrt(999 / 1000 + between / 1000), rel=0.03)
    assert split_rhat(apart)[1] == pytest.approx(1, abs=5e-3)
    drifting = np.broadcast_to(np.linspace(0, 1, 2000), (4, 2000))[..., None] + 0.01 * same[..., :1]
    assert split_rhat(drifting)[0] > 1.5  # halves of a chain that still moves differ
