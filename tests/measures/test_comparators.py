"""Comparators against scipy, brute force over ties, and the dense form of the whitened ones."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuromm.measures.comparators import compare, n_conditions_of, to_square

N = 7
PAIRS = N * (N - 1) // 2


@pytest.fixture
def stacks(rng):
    tied = rng.integers(0, 6, (3, PAIRS)).astype(float)
    return tied, rng.random((4, PAIRS))


def tau_a(a, b):
    return np.mean([np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in combinations(range(PAIRS), 2)])


@pytest.mark.parametrize(
    "comparator, of",
    [
        ("pearson", lambda a, b: stats.pearsonr(a, b).statistic),
        ("spearman", lambda a, b: stats.spearmanr(a, b).statistic),
        ("tau_b", lambda a, b: stats.kendalltau(a, b).statistic),
        ("cosine", lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)),
        ("tau_a", tau_a),
    ],
)  # fmt: skip
def test_comparators_equal_their_definitions(stacks, comparator, of):
    expected = [[of(a, b) for b in stacks[1]] for a in stacks[0]]
    np.testing.assert_allclose(compare(*stacks, comparator), expected, rtol=1e-10, atol=1e-12)


def test_rho_a_is_the_spearman_expected_when_ties_are_broken_at_random(rng):
    a, b = np.array([1.0, 1, 2, 3, 3, 3]), np.array([2.0, 1, 1, 4, 5, 4])
    broken = [stats.spearmanr(a + 1e-6 * rng.random(6), b + 1e-6 * rng.random(6)).statistic for _ in range(4000)]
    error = np.std(broken) / np.sqrt(4000)
    assert abs(compare(a, b, "rho_a")[0, 0] - np.mean(broken)) < 4 * error


@pytest.mark.parametrize("noise", ["identity", "correlated"])
@pytest.mark.parametrize("comparator", ["whitened_cosine", "whitened_correlation"])
def test_whitened_forms_equal_the_dense_inverse(stacks, rng, noise, comparator):
    sigma = np.eye(N) if noise == "identity" else np.cov(rng.standard_normal((N, 30)))
    contrasts = np.array([np.eye(N)[i] - np.eye(N)[j] for i, j in combinations(range(N), 2)])
    inverse = np.linalg.inv((contrasts @ sigma @ contrasts.T) ** 2)
    a, b = stacks
    if comparator == "whitened_correlation":
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    norms = [np.sqrt(np.einsum("ij,jk,ik->i", s, inverse, s)) for s in (a, b)]
    expected = a @ inverse @ b.T / np.outer(*norms)
    given_covariance = None if noise == "identity" else sigma
    np.testing.assert_allclose(
        compare(*stacks, comparator, covariance=given_covariance), expected, rtol=1e-10, atol=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 9))
def test_every_comparator_is_symmetric_bounded_and_one_with_itself(seed, n):
    a, b = np.random.default_rng(seed).random((2, n * (n - 1) // 2))
    for comparator in (
        "pearson",
        "spearman",
        "cosine",
        "tau_a",
        "tau_b",
        "rho_a",
        "whitened_cosine",
        "whitened_correlation",
    ):
        value = compare(a, b, comparator)[0, 0]
        assert abs(value) <= 1 + 1e-12
        assert compare(b, a, comparator)[0, 0] == pytest.approx(value, abs=1e-12)
        assert compare(a, a, comparator)[0, 0] == pytest.approx(1, abs=1e-12)


def test_rank_comparators_ignore_monotone_transforms(stacks):
    for comparator in ("spearman", "tau_a", "tau_b", "rho_a"):
        np.testing.assert_allclose(
            compare(np.exp(stacks[0]), stacks[1], comparator), compare(*stacks, comparator), atol=1e-12
        )


def test_a_flat_rdm_has_no_correlation():
    assert np.isnan(compare(np.full(PAIRS, 0.1), np.arange(PAIRS), "pearson")[0, 0])


def test_square_and_vector_forms_agree(rng):
    values = rng.random((2, PAIRS))
    square = to_square(values)
    np.testing.assert_array_equal(square[:, *np.triu_indices(N, 1)], values)
    np.testing.assert_array_equal(square, square.transpose(0, 2, 1))
    assert n_conditions_of(PAIRS) == N
    with pytest.raises(ValueError, match="not a number of pairs"):
        n_conditions_of(5)
