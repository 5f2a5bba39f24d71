"""Arguments of the similarity measures are checked where they enter, each with one line that names it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuromm import measures
from neuromm.measures import patterns, voxels
from neuromm.measures.rdm import RDM

CONDITIONS = tuple("abcdefgh")
VALUES = np.random.default_rng(1).standard_normal((24, 6))
LABELS = np.repeat(list("abcdefgh"), 3)
RDMS = [RDM(v, CONDITIONS, name=f"s{i}") for i, v in enumerate(np.random.default_rng(2).random((4, 28)))]
MODELS = [r.rename(f"m{i}") for i, r in enumerate(RDMS[2:])]


def make(**options):
    return measures.rdm(VALUES, **({"labels": LABELS} | options))


def evaluate(**options):
    return measures.evaluate_models(RDMS, MODELS, **({"rng": np.random.default_rng(1)} | options))


def crossvalidate(**options):
    return measures.crossvalidate_models(
        RDMS, dict(zip("ab", MODELS, strict=True)), **({"n_folds": 2, "rng": np.random.default_rng(1)} | options)
    )


def flip(**options):
    return measures.sign_flip(VALUES[:6], **options)


def permute(**options):
    values = np.array([r.dissimilarities for r in RDMS])
    return measures.permute_conditions(values, values, "pearson", **({"rng": np.random.default_rng(1)} | options))


def power(**options):
    return measures.simulate_power(8, 3, similarity=0.3, **({"rng": np.random.default_rng(1)} | options))


def predict(**options):
    return measures.linear_predictivity(VALUES, VALUES[:, :2], **options)


def sets(**options):
    return measures.compare_representations({"x": VALUES, "y": VALUES[:, :2]}, **options)


def retrieve(**options):
    return measures.retrieval(VALUES, VALUES, **options)


def classify(**options):
    return measures.zero_shot(VALUES, **({"prompts": {"a": VALUES[0], "b": VALUES[1]}} | options))


def gap(**options):
    return measures.modality_gap(**({"first": VALUES, "second": VALUES} | options))


def align(**options):
    return measures.alignment(VALUES, VALUES, **options)


def spread(**options):
    return measures.uniformity(VALUES, **options)


def ground(**options):
    return measures.grounding(VALUES, VALUES, -VALUES, **options)


def average(**options):
    activity = xr.DataArray(
        VALUES, dims=("trial", "unit"), coords={"condition": ("trial", LABELS)}
    )
    return patterns.condition_patterns(activity, **options)


def hold(**options):
    return RDM(**({"dissimilarities": np.arange(6.0), "conditions": tuple("abcd")} | options))


def square(**options):
    matrix = np.ones((4, 4)) - np.eye(4)
    return RDM.from_matrix(**({"matrix": matrix, "conditions": tuple("abcd")} | options))


def pairs(*rows, **columns):
    """An RDM from three pairs, further ones, and columns put in their place."""
    table = [("a", "b", 1.0), ("a", "c", 2.0), ("b", "c", 3.0), *rows]
    table = pd.DataFrame(table, columns=["first", "second", "dissimilarity"])
    return measures.rdm_from_pandas(table.assign(**columns))


def pairs_and(row):
    return pairs(row)


def square_table(labels):
    matrix = np.ones((3, 3)) - np.eye(3)
    return measures.rdm_from_pandas(pd.DataFrame(matrix, index=labels, columns=labels))


def tile(**options):
    return voxels.patchwork(**({"n": 20, "rng": np.random.default_rng(1)} | options))


def cut(**options):
    return voxels.voxel_fractions(**({"labels": np.zeros((6, 6), int), "points": 2} | options))


def mix(**options):
    given = {"fractions": [[0.2, 0.3, 0.5]], "responses": voxels.cell_responses()}
    return voxels.voxel_responses(**(given | options))


def judge(contrast):
    return voxels.classify_voxels(mix(), contrast)


def resolve(**options):
    return voxels.patches_by_resolution(np.zeros((6, 6), int), **({"sizes": (1,)} | options))


def missing(value):
    return np.array([value, *LABELS[1:]], object)


CASES = [
    *[(make, {"dtype": d}, "dtype must be float32 or float64") for d in ("int64", "float16", int, np.float16, "what")],
    *[(make, {"labels": missing(v)}, "labels must be given for every trial") for v in (None, np.nan, float("nan"))],
    (make, {"labels": LABELS[:5]}, "labels has shape"),
    *[(make, {"method": "crossnobis", "folds": f}, "folds must be") for f in (4, 1, 0, -2, 2.5)],
    (make, {"method": "crossnobis", "folds": missing(np.nan)}, "folds must be given"),
    (make, {"method": "manhattan"}, "method"),
    (make, {"nan": "skip"}, "nan"),
    (make, {"noise": "full"}, "noise"),
    (make, {"noise": np.ones(5)}, "covariance has shape"),
    *[(f, {"level": v}, "level must be between 0 and 1") for f in (evaluate, crossvalidate, flip)
      for v in (95, 0, 1, -0.5, "0.95", np.nan)],
    *[(evaluate, {"n_resamples": v}, "n_resamples must be") for v in (0, 1, -5, 10.5)],
    *[(evaluate, {"test": "permutation", "n_resamples": v}, "n_resamples must be") for v in (0, -5)],
    *[(permute, {"n_resamples": v}, "n_resamples must be") for v in (0, -5, 2.5)],
    *[(crossvalidate, {"n_resamples": v}, "n_resamples must be") for v in (1, -5)],
    *[(crossvalidate, {k: v}, k) for k in ("n_folds", "n_repeats", "n_subject_folds") for v in (0, -1, 1.5)],
    *[(power, {k: v}, f"{k} must be") for k in ("n_studies", "n_resamples") for v in (0, -1, 1.5)],
    *[(power, {"alpha": v}, "alpha must be between") for v in (0, 5, -0.1)],
    (flip, {"n_flips": 0}, "n_flips must be"),
    *[(f, {"alternative": "less"}, "alternative 'less'") for f in (evaluate, flip, permute)],
    (evaluate, {"comparator": "cubic"}, "comparator 'cubic'"),
    (evaluate, {"test": "t"}, "test 't'"),
    (evaluate, {"over": "all"}, "over 'all'"),
    (evaluate, {"correction": "holm"}, "correction 'holm'"),
    (evaluate, {"ceilings": "all"}, "ceilings 'all'"),
    (evaluate, {"covariance": np.eye(8)}, "covariance must be left out"),
    *[(predict, {"n_folds": v}, "n_folds must be") for v in (1, 0, -3, 2.5)],
    (predict, {"penalties": [-1.0]}, "penalties must be"),
    (predict, {"groups": [1, 2]}, "groups has 2"),
    (sets, {"measure": "cosine"}, "measure 'cosine'"),
    *[(sets, {"measure": "mutual_knn", "k": v}, "k") for v in (0, -1, 2.5, 30)],
    *[(sets, {"measure": "svcca", "variance": v}, "variance") for v in (0, -1, 99)],
]  # fmt: skip


CASES_OF_EMBEDDINGS = [
    *[(retrieve, {"k": k}, "k must") for k in (0, -1, 2.5, True, "5", (), (1, 0))],
    (retrieve, {"labels_first": LABELS}, "labels_first and labels_second must be given together"),
    (retrieve, {"labels_first": LABELS[:3], "labels_second": LABELS}, "labels_first has shape"),
    (retrieve, {"labels_first": missing(None), "labels_second": LABELS}, "labels_first must be given"),
    *[(classify, {"prompts": p}, "prompts must be a dict") for p in ({}, [VALUES[0]])],
    (classify, {"prompts": {"a": VALUES[0], "b": VALUES[1, :3]}}, "6 and 3 dimensions"),
    (classify, {"labels": ["a"]}, "labels has shape"),
    (classify, {"labels": missing(np.nan)}, "labels must be given"),
    (gap, {"second": VALUES[:, :3]}, "6 and 3 dimensions"),
    (gap, {"second": VALUES[:0]}, "second: finite embeddings"),
    *[(align, {"alpha": v}, "alpha must be a finite number above 0") for v in (0, -1, np.nan, "2")],
    *[(spread, {"t": v}, "t must be a finite number above 0") for v in (0, -1, np.inf, None)],
    (ground, {"words": missing(None)}, "words must be given"),
]
CASES_OF_FILES = [
    *[(average, {"dtype": d}, "dtype must be float32 or float64") for d in ("int64", "float16")],
    *[(hold, {"conditions": ("a", "b", v, "d")}, "conditions must be given") for v in (None, np.nan)],
    *[(hold, {"rounding": v}, "rounding must be") for v in (-1, 1, np.nan)],
    (square, {"matrix": np.triu(np.full((4, 4), np.nan), 1)}, "NaN on both sides"),
    (pairs_and, {"row": ("a", "b", 5.0)}, "pair a – b must have one dissimilarity, got 1 and 5"),
    (pairs_and, {"row": ("a", "a", 5.0)}, "with itself must have dissimilarity 0"),
    (pairs, {"first": ["a", None, "b"]}, "column 'first' must be given"),
    (pairs, {"dissimilarity": ["1", "x", "2"]}, "row 1, column 'dissimilarity'"),
    (square_table, {"labels": ["a", "a", "b"]}, "condition 'a' must stand once"),
    (square_table, {"labels": ["a", None, "b"]}, "conditions must be given"),
]
CASES_OF_VOXELS = [
    *[(voxels.cell_responses, {"additivity": v}, "additivity must") for v in ("sum", -1, np.nan, None)],
    (voxels.cell_responses, {"multisensory": (1,)}, "multisensory must be two"),
    (voxels.cell_responses, {"preferred": np.nan}, "preferred must be"),
    (mix, {"fractions": [[0.2, np.nan, 0.5]]}, "fractions must be finite"),
    (mix, {"fractions": [[0.2, 0.5]]}, "fractions must be finite numbers in three columns"),
    (mix, {"responses": np.ones((2, 3))}, "responses must have shape"),
    *[(tile, {"n": v}, "n must be") for v in (0, 2.5)],
    *[(tile, {k: v}, f"{k} must be") for k in ("spacing", "fwhm") for v in (0, -1, np.nan)],
    (tile, {"shares": (0.5, 0.5)}, "three shares"),
    *[(cut, {"points": v}, "points must be") for v in (0, -1, 1.5)],
    (cut, {"labels": np.zeros((4, 6), int)}, "labels must be a square"),
    (cut, {"labels": np.full((6, 6), 3)}, "labels must be a square of 0, 1 and 2"),
    *[(judge, {"contrast": v}, "contrast must be between 0 and 1") for v in (-1, 0, 1, np.nan)],
    *[(resolve, {"sizes": (v,)}, "sizes must be") for v in (0, -1, np.nan)],
    (resolve, {"spacing": 0}, "spacing must be"),
]
CASES += CASES_OF_EMBEDDINGS + CASES_OF_FILES + CASES_OF_VOXELS


@pytest.mark.parametrize(("function", "options", "words"), CASES)
def test_what_cannot_be_meant_is_refused_with_its_name(function, options, words):
    with pytest.raises(ValueError, match=words) as error:
        function(**options)
    assert "\n" not in str(error.value)


def test_every_function_runs_with_its_defaults():
    for function in (make, evaluate, crossvalidate, flip, permute, predict, sets, retrieve, classify, gap, align):
        function()
    for function in (spread, ground, average, hold, square, pairs, tile, cut, mix, resolve):
        function()


@pytest.mark.parametrize("values", [np.arange(6) * 1j, np.array(list("123456"))])
def test_what_is_no_real_number_is_refused(values):
    with pytest.raises(TypeError, match="dissimilarities must be real numbers"):
        hold(dissimilarities=values)
    with pytest.raises(TypeError, match="second must be real numbers"):
        gap(second=np.tile(values, (24, 1)))
    with pytest.raises(TypeError, match="pandas DataFrame"):
        measures.rdm_from_pandas(values)


def test_options_that_a_measure_does_not_have_are_refused():
    for measure in ("cka_debiased", "procrustes", "mutual_knn", "predictivity"):
        with pytest.raises(TypeError, match="gamma"):
            sets(measure=measure, gamma=-1)
    for function in (make, evaluate, crossvalidate, flip):
        with pytest.raises(TypeError, match="gamma"):
            function(gamma=-1)


def test_a_covariance_is_for_whitened_comparators():
    for function in (measures.compare_rdms, measures.noise_ceiling):
        with pytest.raises(ValueError, match="covariance must be left out"):
            function(RDMS, comparator="spearman", covariance=np.eye(8))
        with pytest.raises(ValueError, match="covariance has shape"):
            function(RDMS, comparator="whitened_cosine", covariance=np.eye(7))


def test_partial_correlations_of_what_controls_explain_are_refused():
    data, double = RDMS[0], RDM(2 * RDMS[2].dissimilarities + 1, CONDITIONS, name="double")
    with pytest.raises(measures.ConstantPatterns, match="models 'm0' wholly"):
        measures.partial_rsa(data, [MODELS[0]], [double], comparator="pearson")
    with pytest.raises(measures.ConstantPatterns, match="data 's0' wholly"):
        measures.partial_rsa(data, [MODELS[0]], [data.rename("c")], comparator="spearman")


def test_predictivity_of_what_does_not_vary_is_refused():
    flat = np.full((24, 2), 0.1) * (1 + 2.0**-52 * np.arange(24)[:, None] % 2)
    with pytest.raises(measures.ConstantPatterns, match="y is the same"):
        measures.linear_predictivity(VALUES, flat)
    with pytest.raises(measures.NotFinite):
        measures.linear_predictivity(np.where(VALUES[0, 0] == VALUES, np.nan, VALUES), VALUES)
