"""Flexible models, partial correlations, predictivity, transfer, and RDMs in and out: each by a second route."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuromm import measures
from neuromm.measures import comparators
from neuromm.measures.dissimilarity import squared_euclidean, whiten
from neuromm.measures.flexible import Select, Weighted, crossvalidate_models, fit_weights, mixture_weights
from neuromm.measures.partial import partial_rsa, partition_variance
from neuromm.measures.predictivity import linear_predictivity, ridge_predict
from neuromm.measures.rdm import RDM, rdm
from neuromm.measures.rdm_io import rdm_from_pandas, read_rdms, write_rdms
from neuromm.measures.transfer import decoding_axis, decoding_transfer, eraser, random_axis


def make(rng, n=12, name="x", p=6):
    square = squared_euclidean(rng.standard_normal((n, p)))
    return RDM.from_matrix(square, tuple(f"c{i}" for i in range(n)), name=name)


def test_nonnegative_weights_are_found_again(rng):
    parts = {k: make(rng, name=k) for k in "abc"}
    mixed = 2 * parts["a"].dissimilarities + 0.5 * parts["c"].dissimilarities
    stack = np.array([r.dissimilarities for r in parts.values()])
    for comparator in ("cosine", "pearson", "whitened_cosine"):
        weights = fit_weights(stack, mixed, comparator)
        np.testing.assert_allclose(weights / weights[0], [1, 0, 0.25], atol=1e-7)
    table = mixture_weights(RDM(mixed, parts["a"].conditions, name="m"), parts).set_index("component")
    assert table["fit"].iloc[0] == pytest.approx(1) and table.loc["b", "share"] == pytest.approx(0, abs=1e-7)


def test_held_out_conditions_prefer_the_true_flexible_model(rng):
    parts = {k: make(rng, 24, k) for k in "abc"}
    truth = parts["a"].dissimilarities + parts["b"].dissimilarities
    conditions = parts["a"].conditions
    data = [RDM(truth + 0.05 * rng.standard_normal(truth.shape), conditions, name=f"s{i}") for i in range(4)]
    models = {"both": Weighted({k: parts[k] for k in "ab"}), "best": Select({k: parts[k] for k in "abc"}),
              "wrong": parts["c"]}  # fmt: skip
    table = crossvalidate_models(data, models, rng=rng)
    estimate = table[table["kind"] == "model"].set_index("first")["estimate"]
    assert estimate["both"] > 0.95 > estimate["best"] > estimate["wrong"]
    with pytest.raises(ValueError, match="n_folds is 20"):
        crossvalidate_models(data, models, n_folds=20, rng=rng)
    with pytest.raises(ValueError, match="rho_a"):
        crossvalidate_models(data, models, comparator="rho_a", rng=rng)


def test_partial_correlation_is_the_formula_for_one_control(rng):
    a, b, d = make(rng, name="a"), make(rng, name="b"), make(rng, name="d")
    table = partial_rsa(d, [a, b], comparator="pearson").set_index("model")
    r = np.corrcoef([x.dissimilarities for x in (a, b, d)])
    wanted = (r[0, 2] - r[1, 2] * r[0, 1]) / np.sqrt((1 - r[1, 2] ** 2) * (1 - r[0, 1] ** 2))
    assert table.loc["a", "estimate"] == pytest.approx(wanted) and table.loc["a", "raw"] == pytest.approx(r[0, 2])


def test_parts_of_variance_sum_to_the_whole_regression(rng):
    models = [make(rng, name=k) for k in "abc"]
    data = make(rng, name="d")
    table = partition_variance(data, models)
    design = np.column_stack([np.ones(66), *[m.dissimilarities for m in models]])
    y = data.dissimilarities
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    whole = 1 - residual @ residual / np.square(y - y.mean()).sum()
    assert table["part"].sum() == pytest.approx(whole)
    assert table.loc[table["size"] == 3, "r_squared"].iloc[0] == pytest.approx(whole)


@pytest.mark.parametrize("p", [5, 60])
def test_ridge_is_the_normal_equations_with_the_best_left_out_penalty(p, rng):
    x, new = rng.standard_normal((30, p)), rng.standard_normal((4, p))
    y = x @ rng.standard_normal((p, 2)) + rng.standard_normal((30, 2))
    penalties = np.array([0.01, 0.1, 1.0, 10.0])
    xc, yc = x - x.mean(0), y - y.mean(0)
    values = np.linalg.eigvalsh(xc @ xc.T)
    scale = values.sum() / (values > values.max() * 1e-12).sum()
    errors, solutions = [], []
    for a in penalties * scale:
        w = np.linalg.solve(xc.T @ xc + a * np.eye(p), xc.T @ yc)
        hat = xc @ np.linalg.solve(xc.T @ xc + a * np.eye(p), xc.T) + 1 / 30
        errors.append(np.square((yc - xc @ w) / (1 - np.diag(hat))[:, None]).sum())
        solutions.append((new - x.mean(0)) @ w + y.mean(0))
    np.testing.assert_allclose(ridge_predict(x, y, new, penalties), solutions[int(np.argmin(errors))], atol=1e-8)


def test_predictivity_is_one_for_a_rotation_and_not_above_zero_for_noise(rng):
    x = rng.standard_normal((80, 10))
    assert linear_predictivity(x, x @ np.linalg.qr(rng.standard_normal((10, 10)))[0]) > 0.999
    assert linear_predictivity(x, rng.standard_normal((80, 10))) < 0.05


def test_what_transfers_is_a_linear_code_and_what_is_erased_is_gone(rng):
    x = rng.standard_normal((300, 8)) @ rng.standard_normal((8, 8))
    quantity = x @ rng.standard_normal(8)
    assert decoding_transfer(x[:200], quantity[:200], x[200:], quantity[200:]) > 0.99
    assert decoding_transfer(x[:200], quantity[:200], x[200:], rng.permutation(quantity[200:])) < 0.1
    axis = decoding_axis(x, quantity)
    np.testing.assert_allclose(x @ axis - (x @ axis).mean(), quantity - quantity.mean(), atol=1e-2)
    erased = eraser(x, axis)(x)
    assert np.abs(np.corrcoef(erased.T, x @ axis)[-1, :-1]).max() < 1e-6
    other = random_axis(x, rng)
    assert np.std(x @ other) == pytest.approx(np.sqrt(8), rel=0.8)
    with pytest.raises(ValueError, match="same in every row"):
        decoding_transfer(x[:9], quantity[:9], x[:9], np.ones(9))
    with pytest.raises(ValueError, match="does not vary"):
        eraser(x, np.zeros(8))


def test_distance_of_distributions_is_zero_for_the_same_and_one_for_disjoint_answers():
    base = pd.DataFrame({"condition": ["a"] * 40 + ["b"] * 40, "report": "auditory",
                         "response": np.r_[np.linspace(0, 1, 40), np.linspace(5, 6, 40)]})  # fmt: skip
    swapped = base.assign(response=base["response"].to_numpy()[::-1])
    table = pd.concat([base.assign(observer=n) for n in ("x", "same")] + [swapped.assign(observer="other")])
    found = measures.response_distance(table, reference="x").set_index("observer")["distance"]
    assert found["same"] == 0 and found["other"] == pytest.approx(1)
    with pytest.raises(ValueError, match="'nobody' has no 'auditory' answers"):
        measures.response_distance(table, reference="nobody")


def test_rdms_come_back_from_pandas_square_and_long(rng):
    own = make(rng, 6, "own")
    assert (rdm_from_pandas(own.to_pandas()).dissimilarities == own.dissimilarities).all()
    i, j = np.triu_indices(6, 1)
    long = pd.DataFrame({"first": np.array(own.conditions)[i], "second": np.array(own.conditions)[j],
                         "dissimilarity": own.dissimilarities})  # fmt: skip
    shuffled = rdm_from_pandas(long.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(shuffled.aligned(own.conditions).dissimilarities, own.dissimilarities)
    with pytest.raises(ValueError, match="lacks the pairs"):
        rdm_from_pandas(long.iloc[1:])


def test_rdms_come_back_from_hdf5(rng, tmp_path):
    pytest.importorskip("h5py")
    rdms = {k: make(rng, 6, k) for k in ("s1", "s2")}
    back = read_rdms(write_rdms(rdms, tmp_path / "r.h5"))
    assert list(back) == ["s1", "s2"] and back["s1"].conditions == rdms["s1"].conditions
    np.testing.assert_array_equal(back["s2"].dissimilarities, rdms["s2"].dissimilarities)


def test_rdms_and_activity_come_back_from_rsatoolbox(rng):
    pytest.importorskip("rsatoolbox")
    rdms = {k: make(rng, 6, k) for k in ("s1", "s2")}
    back = measures.from_rsatoolbox(measures.to_rsatoolbox(rdms))
    np.testing.assert_array_equal(back["s2"].dissimilarities, rdms["s2"].dissimilarities)
    activity = xr.DataArray(rng.standard_normal((6, 3)), dims=("trial", "unit"),
                            coords={"condition": ("trial", list("abcdef"))})  # fmt: skip
    again = measures.from_dataset(measures.to_dataset(activity))
    np.testing.assert_array_equal(again.to_numpy(), activity.to_numpy())
    assert list(again["condition"].to_numpy()) == list("abcdef")


def test_bad_input_is_refused_in_words(rng):
    labels = np.repeat(list("abcd"), 3)
    values = rng.standard_normal((12, 5))
    with pytest.raises(measures.NotFinite, match="every unit holds NaN"):
        rdm(np.full((12, 5), np.nan), labels=labels, nan="drop_units")
    with pytest.raises(measures.NotFinite, match="drop_units"):
        rdm(np.where(np.arange(5) == 2, np.nan, values), labels=labels)
    with pytest.raises(ValueError, match=r"noise variance of unit '1'.*not positive"):
        whiten(values, np.array([1.0, -1.0, 1.0, 1.0, 1.0]))
    a, b = make(rng, 6, "a"), make(rng, 6, "b").subset(["c0", "c1", "c2", "c3"])
    with pytest.raises(measures.ConditionsDiffer, match="different conditions"):
        measures.compare_rdms([a, b])
    three = [make(rng, 3, k) for k in "ab"]
    with pytest.raises(measures.TooFewConditions, match="3 conditions given"):
        measures.compare_rdms(three)
    with pytest.raises(measures.TooLarge, match=r"GB"):
        measures.rdm(np.broadcast_to(np.float32(0), (200_000, 1)), labels=np.arange(200_000))  # 160 GB


def test_memory_is_estimated_before_it_is_taken():
    from neuromm.measures.rsa_checks import check_memory

    with pytest.raises(measures.TooLarge, match="would take 1000000.0 GB"):
        check_memory(1e15, "this", "Use less.")


def test_whitened_comparison_of_200_conditions_is_the_dense_one_on_few(rng):
    n = 7
    a, b = (rng.random((1, n * (n - 1) // 2)) for _ in range(2))
    sigma = np.cov(rng.standard_normal((n, 30)))
    i, j = np.triu_indices(n, 1)
    contrast = np.zeros((len(i), n))
    contrast[np.arange(len(i)), i], contrast[np.arange(len(i)), j] = 1, -1
    inverse = np.linalg.inv((contrast @ sigma @ contrast.T) ** 2)
    wanted = (a @ inverse @ b.T) / np.sqrt((a @ inverse @ a.T) * (b @ inverse @ b.T))
    found = comparators.compare(a, b, "whitened_cosine", covariance=sigma)
    assert found[0, 0] == pytest.approx(wanted[0, 0], abs=1e-10)
