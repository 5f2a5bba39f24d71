"""Set-to-set measures against definitions that form every matrix."""

import numpy as np
import pytest
import xarray as xr

from neuromm import measures
from neuromm.measures.rsa_checks import ConditionsDiffer, ConstantPatterns, NotFinite, TooFewConditions
from neuromm.measures.similarity import cka


def hsic_by_definition(k, l):
    """Song et al. 2012, eq. 5, kernels with zeroed diagonals."""
    n = len(k)
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    one = np.ones(n)
    total = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + total - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


@pytest.mark.parametrize("widths", [(5, 7), (60, 40), (5, 60)])  # features fewer than trials, more, mixed
def test_cka_equals_its_definition_in_both_forms(rng, widths):
    x, y = (rng.standard_normal((30, p)) + rng.standard_normal(p) * 3 for p in widths)
    y[:, :3] += x[:, :3]
    kernels = x @ x.T, y @ y.T
    unbiased = [hsic_by_definition(a, b) for a, b in (kernels, (kernels[0],) * 2, (kernels[1],) * 2)]
    assert cka(x, y) == pytest.approx(unbiased[0] / np.sqrt(unbiased[1] * unbiased[2]), abs=1e-10)
    xc, yc = x - x.mean(0), y - y.mean(0)
    biased = np.linalg.norm(xc.T @ yc) ** 2 / np.linalg.norm(xc.T @ xc) / np.linalg.norm(yc.T @ yc)
    assert cka(x, y, debiased=False) == pytest.approx(biased, abs=1e-10)


def test_debiased_cka_of_independent_wide_sets_is_near_zero_where_biased_is_near_one(rng):
    x, y = rng.standard_normal((2, 50, 1000))
    assert cka(x, y, debiased=False) > 0.9
    assert abs(cka(x, y)) < 0.05


def test_cka_ignores_rotation_scale_and_offset(rng):
    x, y = rng.standard_normal((20, 30)), rng.standard_normal((20, 8))
    rotation = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    for debiased in (True, False):
        turned = cka(3 * x @ rotation + 7, y, debiased=debiased)
        assert turned == pytest.approx(cka(x, y, debiased=debiased), abs=1e-10)
        assert cka(x, -2 * x, debiased=debiased) == pytest.approx(1, abs=1e-12)


def test_labelled_patterns_are_aligned_by_condition(rng):
    x, y = rng.standard_normal((6, 5)), rng.standard_normal((6, 4))
    labels, order = np.array(list("abcdef")), rng.permutation(6)
    one = xr.DataArray(x, dims=("trial", "unit"), coords={"condition": ("trial", labels)})
    other = xr.DataArray(y[order], dims=("trial", "unit"), coords={"condition": ("trial", labels[order])})
    assert cka(one, other) == pytest.approx(cka(x, y), abs=1e-12)
    with pytest.raises(ConditionsDiffer, match="lacks 'f'"):
        cka(one, other[order != 5])


def test_bad_patterns_are_refused(rng):
    x = rng.standard_normal((6, 5))
    with pytest.raises(TooFewConditions):
        cka(x[:3], x[:3])
    with pytest.raises(ValueError, match="6 rows and y has 5"):
        cka(x, x[:5])
    with pytest.raises(ConstantPatterns, match="y is the same"):
        cka(x, np.ones((6, 2)))
    with pytest.raises(NotFinite, match="'y'"):
        cka(x, np.where(x == x[2, 2], np.nan, x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ties_of_neighbours_are_averaged_and_their_order_does_not_matter(dtype, rng):
    """Four directions, three conditions each: of two equal neighbours and a tie of nine, four are asked for."""
    x = np.repeat(np.eye(4, 7), 3, axis=0) * rng.uniform(0.5, 2, (12, 1))
    x = (x @ np.linalg.qr(rng.standard_normal((7, 7)))[0]).astype(dtype)
    # two are certain; each of the other nine is a neighbour with probability 2/9, in either set
    expected = (2 + 9 * (2 / 9) ** 2) / 4
    assert measures.mutual_knn(x, x, k=4) == pytest.approx(expected)
    assert measures.mutual_knn(x, x, k=2) == pytest.approx(1)
    y = rng.standard_normal((12, 5)).astype(dtype)
    order = rng.permutation(12)
    assert measures.mutual_knn(x, y, k=4) == pytest.approx(measures.mutual_knn(x[order], y[order], k=4))


def test_neighbours_without_ties_are_counted(rng):
    x, y = rng.standard_normal((2, 15, 6))
    sets = []
    for values in (x, y):
        values = values / np.linalg.norm(values, axis=1, keepdims=True)
        sets.append([set(np.argsort(-(values @ v))[1:5]) for v in values])
    shared = [len(a & b) / 4 for a, b in zip(*sets, strict=True)]
    assert measures.mutual_knn(x, y, k=4) == pytest.approx(np.mean(shared))
    assert measures.mutual_knn(x, x, k=4) == 1
