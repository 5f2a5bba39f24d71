"""Syllables in a plane: quadrature against sampling, evidence against brute force, limits."""

import numpy as np
import pytest

from neuromm.maths import syllable_space as space

PLACES = np.array([[0.0, 1.0], [0.41, 0.41], [1.0, 0.0]])
COV_A, COV_V = space.covariance((0.12, 0.18)), space.covariance((0.18, 0.12))
ROUND = np.stack([space.covariance(0.07)] * 3)


def sampled(auditory, visual, places, cov_a, cov_v, categories, log_odds, n=200_000):
    """The same probabilities by drawing: a second route that shares only the density."""
    rng = np.random.default_rng(1)
    x_a = rng.multivariate_normal(auditory, cov_a, n)
    x_v = rng.multivariate_normal(visual, cov_v, n)
    precision = np.linalg.inv(cov_a), np.linalg.inv(cov_v)
    fused = (x_a @ precision[0] + x_v @ precision[1]) @ np.linalg.inv(precision[0] + precision[1])
    weight = space.posterior(space.log_bayes_factor(fused, places, cov_a, cov_v, categories), log_odds)
    x = x_a + weight[:, None] * (fused - x_a)
    winner = space.log_categories(x, places, categories).argmax(1)
    return np.bincount(winner, minlength=len(places)) / n


@pytest.mark.parametrize("case", ["ba|ga", "tilted", "unequal categories", "four syllables"])
def test_quadrature_agrees_with_sampling(case):
    places, cov_a, cov_v, categories, pair = PLACES, COV_A, COV_V, ROUND, (0, 2)
    if case == "tilted":
        cov_a, pair = np.array([[0.02, 0.012], [0.012, 0.03]]), (1, 0)
    if case == "unequal categories":
        categories = np.stack(
            [space.covariance(0.07), np.array([[0.02, -0.01], [-0.01, 0.02]]), space.covariance((0.05, 0.15))]
        )
    if case == "four syllables":
        places, categories, pair = np.vstack([PLACES, [0.7, 0.8]]), np.stack([space.covariance(0.07)] * 4), (0, 3)
    arguments = (places[pair[0]], places[pair[1]], places, cov_a, cov_v, categories)
    exact = space.response_probabilities(*arguments, [0.4])[0]
    assert exact.sum() == pytest.approx(1, abs=1e-6)
    assert np.allclose(exact, sampled(*arguments, 0.4), atol=4 * np.sqrt(0.25 / 200_000))


def test_log_bayes_factor_is_the_ratio_of_mixture_densities_by_integration():
    """Evidence of one syllable: ∫ N(X_AV; s, Σ_AV) N(s; S_i, Σ_cat) ds on a grid, for the fused point."""
    fused = np.array([0.3, 0.7])
    _, cov_fused = space.fuse(fused, fused, COV_A, COV_V)
    axis = np.linspace(-1, 2, 301)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    step = (axis[1] - axis[0]) ** 2
    one = np.mean(
        [
            np.sum(np.exp(space.log_normal(fused, grid, cov_fused) + space.log_normal(grid, p, ROUND[0]))) * step
            for p in PLACES
        ]
    )
    two = []
    for i in range(3):
        for j in range(3):
            if i != j:  # the product of two Gaussians in s, normalised: each pair is one fused category
                product = np.exp(
                    space.log_normal(grid, PLACES[i], COV_A + ROUND[0])
                    + space.log_normal(grid, PLACES[j], COV_V + ROUND[0])
                )
                product /= product.sum() * step
                k = np.argmin(np.abs(axis - fused[0])), np.argmin(np.abs(axis - fused[1]))
                two.append(product[k])
    expected = np.log(one) - np.log(np.mean(two))
    assert space.log_bayes_factor(fused, PLACES, COV_A, COV_V, ROUND) == pytest.approx(expected, abs=1e-4)


def test_certain_priors_are_fusion_and_hearing_alone():
    arguments = (PLACES[0], PLACES[2], PLACES, COV_A, COV_V, ROUND)
    fused = space.response_probabilities(*arguments, [60.0])[0]
    always = space.response_probabilities(*arguments, [0.0], causal=False)[0]
    heard = space.response_probabilities(*arguments, [-60.0])[0]
    assert np.allclose(fused, always, atol=0.005)
    assert np.allclose(heard, space.category_shares(PLACES[0], COV_A, PLACES, ROUND), atol=1e-4)


def test_mirrored_syllables_give_mirrored_answers():
    """Swapping the axes of places and covariances swaps voice and lips for the fused percept."""
    one = space.response_probabilities(PLACES[0], PLACES[2], PLACES, COV_A, COV_V, ROUND, [0.0], causal=False)[0]
    two = space.response_probabilities(
        PLACES[0][::-1], PLACES[2][::-1], PLACES[:, ::-1], COV_V, COV_A, ROUND, [0.0], causal=False
    )[0]
    assert np.allclose(one, two, atol=1e-9)


def test_covariances_are_checked_by_name():
    assert np.allclose(space.covariance(0.2), np.diag([0.04, 0.04]))
    with pytest.raises(ValueError, match="sigma_visual.*symmetric"):
        space.covariance(((1.0, 0.5), (0.1, 1.0)), "sigma_visual")
    with pytest.raises(ValueError, match="positive definite"):
        space.covariance(((1.0, 2.0), (2.0, 1.0)))
    with pytest.raises(ValueError, match="positive standard deviations"):
        space.covariance((0.1, -0.1))
