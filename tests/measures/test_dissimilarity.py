"""Kernels against loops over pairs, and their symmetries."""

import numpy as np
import pytest

from neuromm.measures import dissimilarity as d
from neuromm.measures.rsa_checks import ConstantPatterns
from neuromm.measures.shrinkage import residual_covariance, shrink_covariance


def pairwise(n, of):
    return np.array([[of(i, j) if i != j else 0.0 for j in range(n)] for i in range(n)])


@pytest.fixture
def patterns(rng):
    return rng.standard_normal((9, 40)) + 3.0


@pytest.fixture
def covariance(rng):
    return np.cov(rng.standard_normal((40, 100)))


@pytest.mark.parametrize("block_bytes", [2**22, 640])  # in one block; in blocks of the least width
def test_kernels_equal_loops_over_pairs(patterns, covariance, monkeypatch, block_bytes):
    monkeypatch.setattr(d, "BLOCK_BYTES", block_bytes)
    x, n, precision = np.tile(patterns, 5)[:, :170], 9, np.linalg.inv(covariance)
    np.testing.assert_allclose(
        d.squared_euclidean(x), pairwise(n, lambda i, j: np.mean((x[i] - x[j]) ** 2)), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        d.correlation(x), pairwise(n, lambda i, j: 1 - np.corrcoef(x[i], x[j])[0, 1]), rtol=1e-10, atol=1e-12
    )
    angle = pairwise(n, lambda i, j: 1 - x[i] @ x[j] / np.sqrt(x[i] @ x[i] * (x[j] @ x[j])))
    np.testing.assert_allclose(d.cosine(x), angle, rtol=1e-10, atol=1e-12)
    x = patterns
    squared = pairwise(n, lambda i, j: (x[i] - x[j]) @ precision @ (x[i] - x[j]) / 40)
    np.testing.assert_allclose(d.mahalanobis(x, covariance), squared, rtol=1e-9)


def test_crossnobis_equals_the_mean_over_ordered_pairs_of_folds(rng, covariance):
    x, precision = rng.standard_normal((4, 6, 40)) + 5, np.linalg.inv(covariance)
    expected = np.zeros((6, 6))
    for m in range(4):
        for l in range(4):
            if m != l:
                expected += pairwise(6, lambda i, j, m=m, l=l: (x[m, i] - x[m, j]) @ precision @ (x[l, i] - x[l, j]))
    np.testing.assert_allclose(d.crossnobis(x, covariance), expected / (12 * 40), rtol=1e-9, atol=1e-12)


def test_crossnobis_of_pure_noise_is_zero_on_average_where_euclidean_is_not(rng):
    upper = np.triu_indices(5, 1)
    values = np.array([d.crossnobis(rng.standard_normal((4, 5, 20)))[upper] for _ in range(400)])
    error = values.std() / np.sqrt(values.size / 2)  # pairs share conditions
    assert abs(values.mean()) < 4 * error
    assert d.squared_euclidean(rng.standard_normal((5, 200)))[upper].min() > 1


def test_poisson_divergence_equals_its_definition_and_its_crossvalidated_form_all_folds(rng):
    rates = rng.gamma(2, 5, (3, 5, 12))
    r = (rates + 0.1) / 1.1
    once = pairwise(5, lambda i, j: np.mean((r[0, i] - r[0, j]) * (np.log(r[0, i]) - np.log(r[0, j]))))
    np.testing.assert_allclose(d.poisson(rates[0]), once, rtol=1e-10)
    expected = np.zeros((5, 5))
    for test in range(3):
        train, log = np.delete(r, test, axis=0).mean(0), np.log(r[test])
        expected += pairwise(5, lambda i, j, a=train, b=log: np.mean((a[i] - a[j]) * (b[i] - b[j]))) / 3
    np.testing.assert_allclose(d.poisson_crossvalidated(rates), expected, rtol=1e-9, atol=1e-12)


def test_negative_rates_are_named():
    with pytest.raises(ValueError, match="'b' are negative"):
        d.poisson(np.array([[1.0, 2], [-1, 2]]), labels=["a", "b"])


def test_float32_stays_float32_and_close(patterns):
    for kernel in (d.squared_euclidean, d.correlation, d.cosine):
        single = kernel(patterns.astype(np.float32))
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, kernel(patterns), rtol=1e-3, atol=2e-6)


def test_distances_ignore_rotation_of_units_and_a_common_offset(patterns, rng):
    rotation = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    np.testing.assert_allclose(d.squared_euclidean(patterns @ rotation + 1e4), d.squared_euclidean(patterns), rtol=1e-8)


def test_a_constant_pattern_is_named(patterns):
    patterns[3] = 0.1
    labels = [f"c{i}" for i in range(9)]
    with pytest.raises(ConstantPatterns, match="'c3' is the same in every unit"):
        d.correlation(patterns, labels=labels)
    patterns[4] = 0
    with pytest.raises(ConstantPatterns, match="'c4' is zero in every unit"):
        d.cosine(patterns, labels=labels)


def test_negative_noise_variance_and_indefinite_covariance_are_refused(patterns, covariance):
    with pytest.raises(ValueError, match="variance of unit '2' is not positive"):
        d.whiten(patterns, np.where(np.arange(40) == 2, -1.0, 1.0))
    with pytest.raises(ValueError, match="not positive definite"):
        d.whiten(patterns, np.ones((40, 40)))
    with pytest.raises(ValueError, match="is wanted"):
        d.whiten(patterns, covariance[:5])


def test_inputs_are_not_changed(patterns):
    before = patterns.copy()
    d.squared_euclidean(patterns), d.correlation(patterns), d.cosine(patterns)
    d.crossnobis(patterns.reshape(3, 3, 40)), d.poisson(np.abs(patterns))
    np.testing.assert_array_equal(patterns, before)


def test_torch_device_gives_the_same_numbers(patterns):
    pytest.importorskip("torch")
    for kernel in (d.squared_euclidean, d.correlation, d.cosine):
        np.testing.assert_allclose(kernel(patterns, device="cpu"), kernel(patterns), rtol=1e-10, atol=1e-12)


def test_shrinkage_weight_equals_its_definition_and_keeps_variances(rng):
    x = rng.standard_normal((15, 6)) @ rng.standard_normal((6, 6))
    x -= x.mean(0)
    n, z = 15, x / x.std(0, ddof=1)
    top = bottom = 0.0
    for i in range(6):
        for j in range(6):
            if i != j:
                w = z[:, i] * z[:, j]
                top += n / (n - 1) ** 3 * ((w - w.mean()) ** 2).sum()
                bottom += (n / (n - 1) * w.mean()) ** 2
    plain, shrunk = np.cov(x.T), shrink_covariance(x)
    np.testing.assert_allclose(np.diag(shrunk), np.diag(plain), rtol=1e-12)
    np.testing.assert_allclose(shrunk[0, 1], plain[0, 1] * (1 - min(1, top / bottom)), rtol=1e-10)


def test_shrunken_covariance_of_more_units_than_trials_can_be_inverted(rng):
    covariance = residual_covariance(rng.standard_normal((20, 60)), np.repeat(range(5), 4))
    assert np.linalg.eigvalsh(covariance).min() > 0
    with pytest.raises(ValueError, match="repeat trials"):
        residual_covariance(rng.standard_normal((5, 3)), np.arange(5))
