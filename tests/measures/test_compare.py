"""Tables of who represents like whom, and noise ceilings."""

import numpy as np
import pytest

from neuromm.measures.comparators import compare
from neuromm.measures.compare import compare_rdms, comparison_matrix, noise_ceiling, noise_ceilings
from neuromm.measures.rdm import RDM
from neuromm.measures.rsa_checks import ConditionsDiffer, ConstantPatterns, NotFinite, TooFewConditions

ALL = ["pearson", "spearman", "cosine", "tau_a", "tau_b", "rho_a", "whitened_cosine", "whitened_correlation"]


@pytest.fixture
def rdms(rng):
    return {name: RDM(rng.random(15), tuple("abcdef"), method="euclidean") for name in ("one", "two", "three")}


def test_pairs_are_aligned_by_label(rdms):
    straight = compare_rdms(rdms)
    rdms["two"] = rdms["two"].aligned("fdbace")
    turned = compare_rdms(rdms)
    np.testing.assert_allclose(straight["value"], turned["value"], atol=1e-14)
    assert list(zip(turned["first"], turned["second"], strict=True)) == [
        ("one", "two"),
        ("one", "three"),
        ("two", "three"),
    ]
    assert (turned["n_conditions"] == 6).all() and (turned["comparator"] == "spearman").all()


def test_matrix_holds_the_table(rdms):
    matrix = comparison_matrix(compare_rdms(rdms, comparator="cosine"))
    assert list(matrix.index) == list(matrix.columns) == ["one", "two", "three"]
    np.testing.assert_array_equal(np.diag(matrix), 1)
    np.testing.assert_array_equal(matrix, matrix.T)
    crossed = comparison_matrix(compare_rdms({"one": rdms["one"]}, rdms, comparator="cosine"))
    assert crossed.shape == (1, 3) and crossed.loc["one", "one"] == pytest.approx(1)
    assert crossed.loc["one", "two"] == pytest.approx(matrix.loc["one", "two"], abs=1e-14)


def test_bad_rdms_are_named(rdms):
    with pytest.raises(ConditionsDiffer, match="RDM 'two' and RDM 'one'"):
        compare_rdms({**rdms, "two": rdms["two"].subset("abcde")})
    with pytest.raises(TooFewConditions, match="3 conditions given"):
        compare_rdms({n: r.subset("abc") for n, r in rdms.items()})
    flat = RDM(np.full(15, 0.3), tuple("abcdef"))
    with pytest.raises(ConstantPatterns, match="'flat' is constant"):
        compare_rdms({**rdms, "flat": flat})
    assert np.isnan(compare_rdms({**rdms, "flat": flat}, undefined="nan")["value"]).sum() == 3
    compare_rdms({**rdms, "flat": flat}, comparator="cosine")
    with pytest.raises(ValueError, match="at least two"):
        compare_rdms({"one": rdms["one"]})
    with pytest.raises(ValueError, match="'cubic' is not one of"):
        compare_rdms(rdms, comparator="cubic")


def test_nan_pairs_are_refused_or_left_out_of_all(rdms):
    values = rdms["two"].dissimilarities.copy()
    values[3] = np.nan
    holed = {**rdms, "two": RDM(values, tuple("abcdef"))}
    with pytest.raises(NotFinite, match="'two' hold NaN"):
        compare_rdms(holed)
    table = compare_rdms(holed, nan="omit")
    left = {n: np.delete(r.dissimilarities, 3) for n, r in holed.items()}
    assert table["value"][1] == pytest.approx(compare(left["one"], left["three"], "spearman")[0, 0])
    assert (table["n_pairs"] == 14).all()
    with pytest.raises(NotFinite, match="needs every pair"):
        compare_rdms(holed, comparator="whitened_cosine", nan="omit")


@pytest.mark.parametrize("comparator", ALL)
def test_ceiling_low_is_at_most_high_and_one_without_noise(rng, comparator):
    truth = rng.random(28)
    noisy = [RDM(truth + 0.3 * rng.random(28), tuple("abcdefgh"), name=str(i)) for i in range(6)]
    low, high, n, _ = noise_ceiling(noisy, comparator=comparator)
    assert n == 6 and low < high < 1
    clean = [RDM(truth, tuple("abcdefgh"), name=str(i)) for i in range(3)]
    assert noise_ceiling(clean, comparator=comparator)[:2] == pytest.approx((1, 1), abs=1e-12)


@pytest.mark.parametrize("comparator", ["pearson", "cosine", "spearman", "whitened_cosine", "whitened_correlation"])
def test_no_model_exceeds_the_high_ceiling(rng, comparator):
    group = rng.random((5, 15))
    high = noise_ceiling(
        [RDM(v, tuple("abcdef"), name=str(i)) for i, v in enumerate(group)], comparator=comparator
    ).high
    models = np.concatenate([rng.random((3000, 15)), group.mean(0) + 0.1 * rng.standard_normal((3000, 15))])
    assert compare(models, group, comparator).mean(1).max() <= high + 1e-12


def test_low_ceiling_is_leave_one_out(rng):
    group = rng.random((4, 15))
    centred = group - group.mean(1, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    expected = np.mean([np.corrcoef(group[i], np.delete(unit, i, axis=0).mean(0))[0, 1] for i in range(4)])
    made = noise_ceiling([RDM(v, tuple("abcdef"), name=str(i)) for i, v in enumerate(group)], comparator="pearson")
    assert made.low == pytest.approx(expected, abs=1e-12)


def test_ceilings_of_several_make_a_table(rdms):
    table = noise_ceilings({"net": list(rdms.values())}, comparator="cosine")
    assert table.columns.tolist() == ["name", "comparator", "ceiling_low", "ceiling_high", "n"]
    with pytest.raises(ValueError, match="at least two replicates"):
        noise_ceiling([rdms["one"]])
