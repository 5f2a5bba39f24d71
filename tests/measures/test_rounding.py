"""Rounding: ties of ranks, offsets of units, far conditions and 0/0, each against sums in extended precision."""

import numpy as np
import pytest
from scipy.stats import ortho_group, rankdata, spearmanr

from neuromm import measures
from neuromm.measures import comparators, dissimilarity
from neuromm.measures.rdm import RDM, rdm

RANKS = ["spearman", "rho_a", "tau_a", "tau_b"]


def labelled(values, conditions=None, **fields):
    n = comparators.n_conditions_of(len(values))
    return RDM(values, conditions or tuple(f"c{i}" for i in range(n)), **fields)


def exact_distances(x):
    """Squared distances per unit, subtracted pair by pair in extended precision."""
    x = np.asarray(x, np.longdouble)
    return np.array([[np.square(a - b).mean() for b in x] for a in x]).astype(float)


def exact_crossnobis(x):
    x = np.asarray(x, np.longdouble)
    n_folds, n, p = x.shape
    result = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            difference = x[:, i] - x[:, j]
            result[i, j] = np.square(difference.sum(axis=0)).sum() - np.square(difference).sum()
    return result / (n_folds * (n_folds - 1) * p)


def unbiased_hsic(k, l):
    """Song et al. 2012, eq. 5, up to its factor."""
    n, one = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    total = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return np.trace(k @ l) + total - 2 / (n - 2) * (one @ k @ l @ one)


def exact_cka(x, y):
    x, y = (np.asarray(v, np.longdouble) for v in (x, y))
    k, l = ((v - v.mean(0)) @ (v - v.mean(0)).T for v in (x, y))
    return float(unbiased_hsic(k, l) / np.sqrt(unbiased_hsic(k, k) * unbiased_hsic(l, l)))


def exact_ceilings(values):
    """Each subject with the pool of the others and of all, (low, high) by comparator.

    Ranks without ties have one norm, so sums of ranks are integers and their ties are exact.
    """
    ranks = rankdata(values, axis=1)
    assert (ranks == np.round(ranks)).all()
    n = ranks.shape[1]
    spread = n * (n**2 - 1) / 12
    own = ranks - ranks.mean(axis=1, keepdims=True)
    found = {"spearman": [], "rho_a": []}
    for pools in (ranks.sum(axis=0) - ranks, np.broadcast_to(ranks.sum(axis=0), ranks.shape)):
        pools = rankdata(pools, axis=1)
        pools -= pools.mean(axis=1, keepdims=True)
        inner = (own * pools).sum(axis=1)
        found["rho_a"].append(np.mean(inner / spread))
        found["spearman"].append(np.mean(inner / np.sqrt(spread * np.square(pools).sum(axis=1))))
    return found


@pytest.fixture(scope="module")
def studies():
    """200 studies: RDMs of subjects, a model and the exact ceilings."""
    rng = np.random.default_rng(6)
    made = []
    for _ in range(200):
        n_subjects, n = int(rng.integers(2, 9)), int(rng.integers(4, 10))
        values = rng.random((n_subjects, n * (n - 1) // 2))
        data = [labelled(v, name=f"s{i}") for i, v in enumerate(values)]
        model = {"m": labelled(rng.random(values.shape[1]))}
        made.append((data, model, exact_ceilings(values)))
    return made


def test_exact_ceilings_are_scipys(rng):
    ranks = rankdata(rng.random((4, 28)), axis=1)
    high = np.mean([spearmanr(ranks.sum(axis=0), r).statistic for r in ranks])
    low = np.mean([spearmanr(ranks.sum(axis=0) - r, r).statistic for r in ranks])
    assert exact_ceilings(ranks)["spearman"] == pytest.approx([low, high])


@pytest.mark.parametrize("comparator", ["spearman", "rho_a"])
def test_ceilings_of_ranks_keep_ties_in_200_studies_and_agree_with_evaluate_models(
    comparator, studies, rng
):
    for data, model, exact in studies:
        found = measures.noise_ceiling(data, comparator=comparator)
        assert found[:2] == pytest.approx(exact[comparator], abs=1e-12)
        table = measures.evaluate_models(
            data, model, comparator=comparator, test="sign_flip", rng=rng
        )
        assert table.attrs["ceiling"] == pytest.approx(found[:2], abs=1e-12)
    several = measures.noise_ceilings({str(k): s[0] for k, s in enumerate(studies)}, comparator=comparator)
    expected = [exact[comparator] for _, _, exact in studies]
    np.testing.assert_allclose(several[["ceiling_low", "ceiling_high"]], expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("comparator", RANKS)
def test_distances_that_are_zero_but_for_rounding_are_constant(comparator, dtype, rng):
    labels = np.arange(12)
    collinear = np.outer(np.arange(1, 13), rng.standard_normal(95))
    other = rdm(rng.standard_normal((12, 5)), labels=labels, name="other")
    for method in ("correlation", "cosine"):
        flat = rdm(collinear, labels=labels, method=method, name="flat", dtype=dtype)
        if comparator == "tau_a":
            assert measures.compare_rdms([flat, other], comparator=comparator)["value"][0] == 0
            continue
        with pytest.raises(measures.ConstantPatterns, match="'flat'"):
            measures.compare_rdms([flat, other], comparator=comparator)
        with pytest.raises(measures.ConstantPatterns, match="'flat'"):
            measures.evaluate_models([other], {"flat": flat}, comparator=comparator, rng=rng)
        if comparator != "rho_a":
            table = measures.compare_rdms([flat, other], comparator=comparator, undefined="nan")
            assert np.isnan(table["value"][0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["correlation", "cosine", "euclidean", "mahalanobis", "crossnobis"])
@pytest.mark.parametrize("comparator", ["spearman", "tau_b"])
def test_a_layer_is_one_with_itself_reordered(comparator, method, dtype, rng):
    tuned = np.array([c * d for d in rng.standard_normal((4, 95)) for c in (0.1, 0.3, 0.7, 1.0)])
    options = {"labels": np.arange(16), "method": method, "dtype": dtype}
    if method == "crossnobis":
        tuned = np.concatenate([tuned, tuned])
        options |= {"labels": np.tile(np.arange(16), 2), "folds": np.repeat([0, 1], 16)}
    noise = np.ones(95) if method == "mahalanobis" else None
    order = rng.permutation(95)
    one = rdm(tuned, name="layer", noise=noise, **options)
    other = rdm(tuned[:, order], name="reordered", noise=noise, **options)
    value = measures.compare_rdms([one, other], comparator=comparator)["value"][0]
    assert value == pytest.approx(1, abs=1e-14)


def test_ties_of_rounding_stay_ties_in_float32_of_many_conditions(rng):
    """Half a million distances in a narrow range do not chain into one tie."""
    x = rng.standard_normal((300, 400))
    double, single = (rdm(x, labels=np.arange(300), method="correlation", dtype=t, name=t)
                      for t in ("float64", "float32"))  # fmt: skip
    expected = spearmanr(double.dissimilarities, rdm(x**3, labels=np.arange(300)).dissimilarities).statistic
    other = rdm(x**3, labels=np.arange(300), name="other")
    for made in (double, single):
        assert measures.compare_rdms([made, other])["value"][0] == pytest.approx(expected, abs=2e-6)


def test_the_size_of_rounding_is_kept_in_files_and_subsets(rng, tmp_path):
    pytest.importorskip("h5py")
    made = rdm(rng.standard_normal((6, 50)), labels=list("abcdef"), dtype="float32", name="x")
    assert made.rounding == pytest.approx(4 * (np.sqrt(50) * 2**-23 + 2**-52 / np.sqrt(50)))
    assert made.subset("abcd").rounding == made.rename("y").rounding == made.rounding
    back = measures.read_rdms(measures.write_rdms([made], tmp_path / "r.h5"))["x"]
    assert back.rounding == made.rounding


# --- offsets and far conditions ---

DIGITS = {"float32": 3e-6, "float64": 1e-13}


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("mean", [1e2, 1e4, 1e9])
def test_one_unit_with_a_large_mean_changes_nothing_wherever_it_is(mean, dtype, rng):
    base, second = rng.standard_normal((2, 30, 60))
    second[:, :3] += base[:, :3]
    folds = rng.standard_normal((4, 12, 60))
    for unit in (0, 1, 7, 59):
        x, y, z = base.copy(), second.copy(), folds.copy()
        x[:, unit] += mean
        z[:, :, unit] += mean
        x, y, z = x.astype(dtype), y.astype(dtype), z.astype(dtype)
        assert measures.cka(x, y) == pytest.approx(exact_cka(x, y), abs=3e-7 if dtype == "float32" else 1e-14)
        for found, exact in ((dissimilarity.squared_euclidean(x), exact_distances(x)),
                             (dissimilarity.mahalanobis(x, np.ones(60)), exact_distances(x)),
                             (dissimilarity.crossnobis(z), exact_crossnobis(z)),
                             (dissimilarity.crossnobis(z, np.ones(60)), exact_crossnobis(z))):  # fmt: skip
            np.testing.assert_allclose(found, exact, atol=2 * DIGITS[dtype] * np.abs(exact).max(), rtol=0)


@pytest.mark.parametrize("size", [1e-30, 1e-9, 1e9, 1e18])
def test_measures_without_a_scale_do_not_overflow_in_float32(size, rng):
    x, y = rng.standard_normal((2, 12, 40)).astype(np.float32)
    y += x
    for debiased in (True, False):
        assert measures.cka(x * np.float32(size), y, debiased=debiased) == pytest.approx(
            measures.cka(x, y, debiased=debiased), abs=1e-6
        )
    scaled = x * np.float32(size)
    np.testing.assert_allclose(dissimilarity.correlation(scaled), dissimilarity.correlation(x), atol=1e-6)
    np.testing.assert_allclose(dissimilarity.cosine(scaled), dissimilarity.cosine(x), atol=1e-6)


def test_distances_that_leave_float32_are_refused(rng):
    huge = (1e25 * rng.standard_normal((6, 5))).astype(np.float32)
    with pytest.raises(measures.NotFinite, match="overflow float32"):
        rdm(huge, labels=list("abcdef"), dtype="float32")
    assert np.isfinite(rdm(huge, labels=list("abcdef")).matrix).all()


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("distance", [1e1, 1e2, 1e4, 1e6])
def test_near_conditions_keep_their_digits_beside_a_far_one(distance, dtype, rng):
    x, z = rng.standard_normal((14, 50)), rng.standard_normal((3, 14, 50))
    x[3] += distance
    z[:, 3] += distance
    x, z = x.astype(dtype), z.astype(dtype)
    near = np.delete(np.arange(14), 3)
    for found, exact in ((dissimilarity.squared_euclidean(x), exact_distances(x)),
                         (dissimilarity.crossnobis(z), exact_crossnobis(z))):  # fmt: skip
        found, exact = found[np.ix_(near, near)], exact[np.ix_(near, near)]
        np.testing.assert_allclose(found, exact, atol=60 * DIGITS[dtype] * np.abs(exact).max(), rtol=0)


@pytest.mark.parametrize("dtype", DIGITS)
def test_neighbours_on_a_line_and_equal_conditions_keep_their_digits(dtype):
    line = np.outer(np.arange(200.0), np.ones(3)).astype(dtype)
    line[150] = line[149]
    found = dissimilarity.squared_euclidean(line)
    np.testing.assert_allclose(found, exact_distances(line), rtol=60 * DIGITS[dtype])
    assert found[149, 150] == 0


def test_poisson_divergences_keep_their_digits_beside_a_far_rate(rng):
    rates = rng.gamma(50, 1, (2, 8, 30))
    rates[:, 2] *= 1e6
    r = np.asarray((rates + 0.1) / 1.1, np.longdouble)
    for i, j in ((0, 1), (2, 3), (4, 5)):
        exact = np.mean((r[0, i] - r[0, j]) * (np.log(r[0, i]) - np.log(r[0, j])))
        assert dissimilarity.poisson(rates[0])[i, j] == pytest.approx(float(exact), rel=1e-11)
        a, b = r[:, i] - r[:, j], np.log(r[:, i]) - np.log(r[:, j])
        exact = float((a[0] * b[1] + a[1] * b[0]).mean() / 2)
        assert dissimilarity.poisson_crossvalidated(rates)[i, j] == pytest.approx(exact, rel=1e-10)


# --- 0/0 ---


def undefined_sets():
    differs = np.zeros((40, 1))
    differs[7] = 1
    yield np.eye(6)
    yield 1e5 * np.eye(9, dtype=np.float32)
    yield ortho_group.rvs(8, random_state=1)
    yield np.eye(8) + 3
    yield np.linalg.qr(np.random.default_rng(2).standard_normal((60, 10)))[0].T
    yield differs


@pytest.mark.parametrize("undefined", undefined_sets())
def test_debiased_cka_with_conditions_equally_far_apart_is_refused(undefined, rng):
    n = len(undefined)
    layers = [rng.standard_normal((n, p)) for p in (3, 50, 700)]
    for x, y in [(undefined, v) for v in (*layers, undefined)] + [(v, undefined) for v in layers]:
        with pytest.raises(measures.ConstantPatterns, match="0/0"):
            measures.cka(x, y)
        assert 0 <= measures.cka(x, y, debiased=False) <= 1 + 1e-6
    with pytest.raises(measures.ConstantPatterns, match="with labels is 0/0"):
        measures.compare_representations({"layer": layers[0], "labels": undefined})


def test_patterns_that_vary_by_rounding_alone_are_constant(rng):
    x = rng.standard_normal((8, 5))
    flat = np.full((8, 5), 0.1) * (1 + 2**-52 * rng.integers(-1, 2, (8, 5)))
    for measure in ("cka_debiased", "cka_biased", "procrustes", "angular", "svcca", "pwcca", "mutual_knn"):
        with pytest.raises(measures.ConstantPatterns):
            measures.compare_representations({"x": x, "flat": flat}, measure=measure)
