"""RDMs are made from trials and aligned by label, never by position."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuromm.measures import dissimilarity
from neuromm.measures.rdm import RDM, align, name_rdms, rdm, rdm_over_time, rdms_per_fold
from neuromm.measures.rsa_checks import ConditionsDiffer, NotFinite, TooLarge

CONDITIONS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def activity(rng):
    labels = rng.permutation(np.repeat(CONDITIONS, 6))
    folds = pd.Series(labels).groupby(labels).cumcount().to_numpy() % 3
    values = rng.standard_normal((30, 12)) + 2
    coords = {"condition": ("trial", labels), "fold": ("trial", folds)}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords, name="hidden")


def means(activity, mask=slice(None)):
    frame = pd.DataFrame(activity.values[mask]).groupby(activity["condition"].values[mask]).mean()
    return frame.loc[CONDITIONS].to_numpy()


@pytest.mark.parametrize("method", ["euclidean", "correlation", "cosine"])
def test_rdm_is_the_kernel_of_condition_means(activity, method):
    kernel = {"euclidean": "squared_euclidean"}.get(method, method)
    expected = getattr(dissimilarity, kernel)(means(activity))
    made = rdm(activity, method=method)
    assert made.name == "hidden" and made.method == method and not made.noise_normalised
    np.testing.assert_allclose(made.aligned(CONDITIONS).matrix, expected, rtol=1e-10, atol=1e-12)


def test_crossnobis_averages_within_folds_and_integer_folds_deal_trials_in_order(activity):
    stack = np.array([means(activity, activity["fold"].values == f) for f in range(3)])
    expected = dissimilarity.crossnobis(stack)
    for folds in (None, "fold", 3, activity["fold"].values):
        made = rdm(activity, method="crossnobis", folds=folds).aligned(CONDITIONS)
        np.testing.assert_allclose(made.matrix, expected, rtol=1e-9, atol=1e-12)


def test_order_of_trials_does_not_matter(activity, rng):
    shuffled = activity[rng.permutation(30)]
    for options in (
        {"method": "correlation"},
        {"method": "crossnobis", "noise": "covariance"},
        {"method": "mahalanobis"},
    ):
        one, other = rdm(activity, **options), rdm(shuffled, **options)
        np.testing.assert_allclose(one.matrix, other.aligned(one.conditions).matrix, rtol=1e-8, atol=1e-12)


def test_arrays_frames_and_labelled_arrays_agree(activity):
    labels = activity["condition"].values
    one = rdm(activity)
    np.testing.assert_array_equal(one.matrix, rdm(activity.values, labels=labels).matrix)
    np.testing.assert_array_equal(one.matrix, rdm(pd.DataFrame(activity.values, index=labels)).matrix)
    np.testing.assert_array_equal(one.matrix, rdm(activity.T).matrix)


def test_mahalanobis_with_known_noise_is_euclidean_of_whitened_patterns(activity):
    variances = np.linspace(0.5, 3, 12)
    made = rdm(activity, method="mahalanobis", noise=variances)
    assert made.noise_normalised
    np.testing.assert_allclose(made.matrix, rdm(activity / np.sqrt(variances)).matrix, rtol=1e-10, atol=1e-12)


def test_over_time_is_one_rdm_per_sample(activity):
    stack = xr.concat([activity, 2 * activity], dim=pd.Index([10.0, 20.0], name="time")).transpose(
        "trial", "time", "unit"
    )
    over = rdm_over_time(stack)
    assert list(over) == [10.0, 20.0] and over[10.0].name == "hidden 10 ms"
    np.testing.assert_allclose(over[20.0].matrix, 4 * rdm(activity).matrix, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="rdm_over_time"):
        rdm(stack)


def test_one_rdm_per_fold_uses_its_own_trials_only(activity):
    of_folds = rdms_per_fold(activity)
    assert [r.name for r in of_folds] == ["hidden 0", "hidden 1", "hidden 2"]
    own = rdm(activity[activity["fold"].values == 1])
    np.testing.assert_allclose(of_folds[1].matrix, own.matrix)


def test_alignment_is_by_label(activity):
    one = rdm(activity).aligned(CONDITIONS)
    turned = one.aligned(CONDITIONS[::-1])
    np.testing.assert_array_equal(turned.matrix, one.matrix[::-1, ::-1])
    values, conditions = align([one, turned])
    np.testing.assert_array_equal(values[0], values[1])
    assert conditions == tuple(CONDITIONS)
    np.testing.assert_array_equal(one.to_pandas().loc["a", "c"], one.matrix[0, 2])


def test_different_conditions_are_named(activity):
    one = rdm(activity)
    other = one.subset(CONDITIONS[:4])
    with pytest.raises(ConditionsDiffer, match="lacks 'e'"):
        align([one, other])
    with pytest.raises(ConditionsDiffer, match="has besides 'e'"):
        align([other, one])
    with pytest.raises(ConditionsDiffer, match="no condition 'z'"):
        one.subset(["z"])


def test_rdm_objects_are_frozen_and_checked():
    one = RDM([1, 2, 3], ("a", "b", "c"))
    with pytest.raises(ValueError, match="read-only"):
        one.dissimilarities[0] = 5
    with pytest.raises(ValueError, match="appears twice"):
        RDM([1, 2, 3], ("a", "b", "b"))
    with pytest.raises(ValueError, match="upper triangle"):
        RDM([1, 2, 3], ("a", "b"))
    with pytest.raises(ValueError, match="not symmetric"):
        RDM.from_matrix([[0, 1], [2, 0]], ("a", "b"))
    assert RDM.from_matrix(one.matrix, "abc").dissimilarities.tolist() == [1, 2, 3]


def test_rdms_take_their_names_from_dicts_of_layers(activity):
    one = rdm(activity)
    assert list(name_rdms({"net": {"l1": one, "l2": one}, "ideal": one})) == ["net / l1", "net / l2", "ideal"]
    with pytest.raises(ValueError, match="two RDMs are named 'hidden'"):
        name_rdms([one, one])
    with pytest.raises(TypeError, match="an RDM"):
        name_rdms({"net": 3})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["euclidean", "crossnobis", "correlation", "cosine", "mahalanobis"])
def test_every_method_names_the_trial_that_is_not_finite(activity, method, bad):
    """Also those methods that look for it in their result alone."""
    activity[4, 2] = bad
    with pytest.raises(NotFinite, match=r"1 of 12 units \('2'\).*1 of 30 trials"):
        rdm(activity, method=method, folds=2)


def test_nan_is_named_or_left_out(activity):
    activity[4, 2] = np.nan
    with pytest.raises(NotFinite, match=r"1 of 12 units \('2'\).*1 of 30 trials"):
        rdm(activity)
    by_units = rdm(activity, nan="drop_units")
    np.testing.assert_allclose(by_units.matrix, rdm(activity.drop_isel(unit=2)).matrix)
    by_trials = rdm(activity, nan="drop_trials").aligned(CONDITIONS)
    np.testing.assert_allclose(by_trials.matrix, rdm(activity.drop_isel(trial=4)).aligned(CONDITIONS).matrix)
    activity[:, :] = np.nan
    with pytest.raises(NotFinite, match="nothing is left"):
        rdm(activity, nan="drop_units")


def test_what_is_missing_is_said(activity):
    with pytest.raises(ValueError, match="no coordinate 'sound' on trial; it has: condition, fold"):
        rdm(activity, by="sound")
    with pytest.raises(ValueError, match="needs folds"):
        rdm(activity.drop_vars("fold"), method="crossnobis")
    with pytest.raises(ValueError, match="has no trial in fold"):
        rdm(activity, method="crossnobis", folds=np.where(activity["condition"].values == "a", 0, np.arange(30) % 2))
    with pytest.raises(ValueError, match="'cubic' is not one of euclidean"):
        rdm(activity, method="cubic")
    with pytest.raises(ValueError, match=r"\(30,\), is wanted"):
        rdm(activity, labels=["a"])


def test_memory_is_estimated_before_it_is_taken():
    wide = np.broadcast_to(np.float32(1), (2_000_000, 1))
    with pytest.raises(TooLarge, match="GB are free"):
        dissimilarity.gram(wide)
