"""Inference about models of a representation: by loops, by dense algebra, by rsatoolbox, and as statistics."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from neuromm import measures
from neuromm.measures import comparators
from neuromm.measures.dissimilarity import squared_euclidean
from neuromm.measures.dyadic import over_conditions
from neuromm.measures.inference import corrected_variance, evaluate_models
from neuromm.measures.permutation import permute_conditions, sign_flip
from neuromm.measures.power import simulate_power
from neuromm.measures.rdm import RDM
from neuromm.measures.resampling import draw_counts, evaluate_dual, evaluate_resamples


def random_rdms(rng, n_rdms, n_conditions):
    return rng.random((n_rdms, n_conditions * (n_conditions - 1) // 2))


def vector(patterns):
    square = squared_euclidean(patterns)
    return square[np.triu_indices(len(square), 1)]


def named(values, prefix="s"):
    n = comparators.n_conditions_of(values.shape[1])
    return [RDM(v, tuple(f"c{i}" for i in range(n)), name=f"{prefix}{k}") for k, v in enumerate(values)]


def resampled(values, counts):
    """The RDMs of the drawn conditions written out, pairs of a condition with itself left out."""
    drawn = np.repeat(np.arange(len(counts)), counts)
    i, j = np.triu_indices(len(drawn), 1)
    keep = drawn[i] != drawn[j]
    return comparators.to_square(values)[:, drawn[i][keep], drawn[j][keep]]


@pytest.mark.parametrize("comparator", ["pearson", "cosine", "spearman"])
def test_weighted_products_are_the_resampled_rdms_written_out(comparator, rng):
    data, models = random_rdms(rng, 3, 8), random_rdms(rng, 2, 8)
    conditions, subjects = draw_counts(8, 12, rng, 3), draw_counts(3, 12, rng)
    found = evaluate_resamples(data, models, comparator, condition_counts=conditions, subject_counts=subjects)
    for k, (c, s) in enumerate(zip(conditions, subjects, strict=True)):
        d, m = resampled(data, c), resampled(models, c)
        similarity = comparators.compare(m, d, comparator)
        np.testing.assert_allclose(found.models[k], similarity @ s / s.sum(), atol=1e-12)
        ready = comparators.prepare(d, comparator)
        pool = s @ ready
        if comparator == "spearman":
            pool = comparators.prepare(np.round(pool[None], 9), comparator)[0]  # equal sums are ties, not rounding
        high = ready @ pool / np.linalg.norm(pool)
        assert found.high[k] == pytest.approx(high[s > 0].mean(), abs=1e-12)


@pytest.mark.parametrize("comparator", ["whitened_cosine", "whitened_correlation"])
def test_a_condition_drawn_twice_is_one_measured_with_half_the_noise(comparator, rng):
    data, models = random_rdms(rng, 2, 7), random_rdms(rng, 2, 7)
    counts = np.array([[1, 2, 1, 3, 0, 1, 1]])
    found = evaluate_resamples(data, models, comparator, condition_counts=counts, ceilings=None).models[0]
    there = np.flatnonzero(counts[0])
    i, j = np.triu_indices(len(there), 1)
    d, m = (comparators.to_square(v)[:, there[i], there[j]] for v in (data, models))
    c = counts[0][there]
    if comparator == "whitened_correlation":  # the mean is over pairs as often as they were drawn
        weights = (np.outer(c, c))[i, j]
        d, m = (v - (v @ weights / weights.sum())[:, None] for v in (d, m))
    wanted = comparators.compare(m, d, "whitened_cosine", covariance=np.diag(1 / c)).mean(axis=1)
    np.testing.assert_allclose(found, wanted, atol=1e-10)


@pytest.mark.parametrize(("comparator", "method"), [("cosine", "cosine"), ("pearson", "corr"), ("spearman",) * 2])
def test_dual_bootstrap_and_ceilings_are_rsatoolboxs_on_the_same_draws(comparator, method, rng, monkeypatch):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    data, models = random_rdms(rng, 5, 12), random_rdms(rng, 3, 12)
    draws = [(rng.integers(0, 5, 5), rng.integers(0, 12, 12)) for _ in range(8)]
    left = iter(draws)

    def given(rdms, rdm_descriptor="index", pattern_descriptor="index"):
        subjects, conditions = next(left)
        return rdms.subsample("index", subjects).subsample_pattern("index", conditions), subjects, conditions

    monkeypatch.setattr(rsatoolbox.inference.evaluate, "bootstrap_sample", given)
    fixed = [rsatoolbox.model.ModelFixed(f"m{i}", m) for i, m in enumerate(models)]
    peer = rsatoolbox.inference.eval_dual_bootstrap(
        fixed, rsatoolbox.rdm.RDMs(data), method=method, N=8, k_pattern=1, k_rdm=1
    )
    subjects = np.array([np.bincount(s, minlength=5) for s, _ in draws])
    conditions = np.array([np.bincount(c, minlength=12) for _, c in draws])
    for k, found in enumerate(evaluate_dual(data, models, comparator, conditions, subjects)):
        np.testing.assert_allclose(found.models, peer.evaluations[:, :, 0, 0, k], atol=1e-12)
        np.testing.assert_allclose([found.low, found.high], peer.noise_ceiling[:, :, 0, k], atol=1e-12)


def test_permutations_of_few_conditions_are_all_taken_and_right(rng):
    from itertools import permutations

    data, models = random_rdms(rng, 2, 5), random_rdms(rng, 2, 5)
    found = permute_conditions(data, models, "pearson", rng=rng)
    assert found.n == 120 and "exact" in found.method
    square, values = comparators.to_square(models), []
    i, j = np.triu_indices(5, 1)
    for order in permutations(range(5)):
        order = np.array(order)
        values.append(comparators.compare(square[:, order[i], order[j]], data, "pearson").mean(axis=1))
    values = np.array(values)
    np.testing.assert_allclose(found.p, (values >= values[0] - 1e-12).mean(axis=0))
    np.testing.assert_allclose(found.p_max, (values.max(axis=1)[:, None] >= values[0] - 1e-12).mean(axis=0))


def test_sign_flip_takes_every_pattern_and_cannot_go_below_its_floor(rng):
    values = rng.standard_normal(6) + 0.4
    flips = [np.mean(values * [1 - 2 * (k >> i & 1) for i in range(6)]) for k in range(64)]
    found = sign_flip(values).iloc[0]
    assert found["p"] == np.mean(np.array(flips) >= values.mean() - 1e-12) and found["n_flips"] == 64
    assert sign_flip(np.arange(1.0, 6.0)).iloc[0]["p"] == 1 / 32
    assert sign_flip(np.arange(1.0, 6.0), alternative="two-sided").iloc[0]["p"] == pytest.approx(0.0625)
    assert sign_flip(np.arange(1.0, 13.0)).iloc[0]["p"] == 2**-12


def test_the_maximum_over_layers_is_never_more_certain_than_one_layer(rng):
    table = sign_flip(rng.standard_normal((8, 5)) + [0, 0, 0.5, 1, 2])
    assert (table["p_max"] >= table["p"] - 1e-12).all()


def test_one_entry_point_gives_one_tidy_table(rng):
    truth = rng.standard_normal((10, 20))
    data = named(np.array([vector(truth + 0.8 * rng.standard_normal(truth.shape)) for _ in range(6)]))
    models = {"truth": named(vector(truth)[None], "t")[0], "other": named(random_rdms(rng, 1, 10), "o")[0]}
    for test in ("bootstrap", "permutation", "sign_flip"):
        table = evaluate_models(data, models, test=test, n_resamples=200, rng=rng)
        own = table[table["kind"] == "model"].set_index("first")
        assert own.loc["truth", "p"] < 0.05 < own.loc["other", "p"], test
        low, high = table.attrs["ceiling"]
        assert low <= high and own.loc["truth", "estimate"] <= high + 1e-9
        assert {"estimate", "low", "high", "p", "p_corrected", "method"} <= set(table)


def test_the_corrected_variance_lies_between_single_and_double(rng):
    for _ in range(50):
        subjects, conditions, both = rng.random(3)
        value = corrected_variance(both, subjects, conditions, 10, 20)
        assert value <= both or value == pytest.approx(both)
    assert corrected_variance(3.0, 1.0, 1.5, 1e9, 1e9) == pytest.approx(2.0)  # V_s + V_c − (V_b − V_s − V_c)


def test_power_rises_with_subjects(rng):
    table = simulate_power(12, [2, 12], similarity=0.15, ceiling=0.03, n_studies=60, n_resamples=60, rng=rng)
    power = table[table["test"] == "above zero"].set_index("n_subjects")["power"]
    assert power[12] > power[2] + 0.1


def test_bad_evaluations_are_refused_in_words(rng):
    data, models = named(random_rdms(rng, 3, 6)), named(random_rdms(rng, 2, 6), "m")
    with pytest.raises(ValueError, match=r"needs at least 2 subjects"):
        evaluate_models(data[0], models, test="sign_flip", rng=rng)
    with pytest.raises(ValueError, match="correction='max'"):
        evaluate_models(data, models, correction="max", rng=rng)
    with pytest.raises(measures.TooFewConditions, match="at least 4"):
        evaluate_models(named(random_rdms(rng, 2, 3)), named(random_rdms(rng, 1, 3), "m"), rng=rng)
    other = RDM(models[0].dissimilarities, tuple("uvwxyz"), name="elsewhere")
    with pytest.raises(measures.ConditionsDiffer, match="elsewhere"):
        evaluate_models(data, [other], rng=rng)
    flat = RDM(np.ones(15), data[0].conditions, name="flat")
    with pytest.raises(measures.ConstantPatterns, match="flat"):
        evaluate_models(data, [flat], rng=rng)
    with pytest.raises(ValueError, match="2 complete ones"):
        sign_flip(np.array([1.0, np.nan, 2.0]))


@pytest.mark.parametrize("comparator", ["pearson", "cosine", "spearman", "tau_b", "whitened_correlation"])
def test_two_sided_permutation_is_twice_the_smaller_tail_of_all_labellings(comparator, rng):
    from itertools import permutations

    data, models = random_rdms(rng, 2, 5), random_rdms(rng, 3, 5)
    square = comparators.to_square(models)
    i, j = np.triu_indices(5, 1)
    values = []
    for order in map(np.array, permutations(range(5))):
        values.append(comparators.compare(square[:, order[i], order[j]], data, comparator).mean(axis=1))
    values = np.array(values)
    above = (values >= values[0] - 1e-12).mean(axis=0)
    below = (values <= values[0] + 1e-12).mean(axis=0)
    expected = np.minimum(1, 2 * np.minimum(above, below))
    options = {"comparator": comparator, "test": "permutation", "rng": rng}
    found = evaluate_models(named(data), named(models, "m"), alternative="two-sided", **options)
    np.testing.assert_allclose(found.loc[found["kind"] == "model", "p"], expected)
    one_sided = evaluate_models(named(data), named(models, "m"), alternative="greater", **options)
    np.testing.assert_allclose(one_sided.loc[one_sided["kind"] == "model", "p"], above)
    alone = permute_conditions(data, models[:1], comparator, alternative="two-sided", rng=rng)
    assert alone.p[0] == alone.p_max[0] == pytest.approx(expected[0])


def test_two_sided_sign_flip_and_bootstrap_are_twice_the_smaller_tail(rng):
    data, models = named(random_rdms(rng, 6, 8)), named(random_rdms(rng, 4, 8), "m")
    for test in ("sign_flip", "bootstrap"):
        p = {}
        for alternative in ("greater", "two-sided"):
            table = evaluate_models(data, models, test=test, alternative=alternative, rng=np.random.default_rng(1))
            p[alternative] = table.loc[table["kind"] == "model", "p"].to_numpy()
        above = p["greater"]
        below = 1 - above + (1 / 64 if test == "sign_flip" else 0)  # the observed signs are in both tails
        np.testing.assert_allclose(p["two-sided"], np.minimum(1, 2 * np.minimum(above, below)), atol=1e-12)


def test_a_sum_of_zero_is_equal_to_itself_in_any_order():
    """0.1 + 0.2 − 0.3 is 6e-17: half of all patterns of signs, and this one, are at least as large."""
    values = np.array([0.1, 0.2, -0.3])
    exact = [np.round(sum(s * v for s, v in zip(signs, (1, 2, -3), strict=True))) for signs in
             [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]]  # fmt: skip
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        assert sign_flip(values[order])["p"][0] == np.mean(np.array(exact) >= 0)


def test_variance_of_a_round_robin_is_its_closed_form_and_unbiased(rng):
    n = 9
    found, means = [], []
    for _ in range(4000):
        a, e = rng.standard_normal(n), 2 * rng.standard_normal((n, n))
        shares = a[:, None] + a + (e + e.T) / np.sqrt(2)
        np.fill_diagonal(shares, 0)
        found.append(over_conditions(shares) * (n - 1) / n)
        means.append(shares.sum() / (n * (n - 1)))
    expected = 4 / n + 2 * 4 / (n * (n - 1))
    assert np.var(means) == pytest.approx(expected, rel=0.08)
    assert np.mean(found) == pytest.approx(expected, rel=0.08)  # a component below 0 counts as 0: a little more


# --- the tests as statistics: many simulations ---


def null_study(rng, n_subjects=8, n_conditions=14):
    """Subjects share a representation that has nothing to do with the model."""
    shared = rng.standard_normal((n_conditions, 8))
    data = [vector(np.hstack([shared, rng.standard_normal((n_conditions, 8))])) for _ in range(n_subjects)]
    return np.array(data), vector(rng.standard_normal((n_conditions, 8)))[None]


@pytest.mark.deep
def test_false_positives_of_the_permutation_test(rng):
    n = 2000
    p = [permute_conditions(*null_study(rng), "pearson", n_resamples=199, rng=rng).p[0] for _ in range(n)]
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.07


@pytest.mark.deep
@pytest.mark.parametrize(("n_subjects", "n_conditions"), [(8, 14), (20, 40)])
def test_false_positives_of_the_dual_bootstrap(n_subjects, n_conditions, rng):
    """By the variance without similarity; the bootstrap's own variance gave .016 and .025."""
    hits = []
    for _ in range(2000):
        data, model = null_study(rng, n_subjects, n_conditions)
        # resamples decide the interval alone
        table = evaluate_models(named(data), named(model, "m"), n_resamples=2, rng=rng)
        hits.append(table.loc[table["kind"] == "model", "p"].iloc[0] < 0.05)
    assert 0.03 <= np.mean(hits) <= 0.07


STUDIES = Path(__file__).parents[2] / "benchmarks" / "similarity_errors.py"


@pytest.mark.deep
@pytest.mark.parametrize(
    ("representation", "low", "high"),
    [
        ("shared", 0.03, 0.07),
        ("individual", 0.015, 0.07),
        ("two dimensions", 0.01, 0.04),
        ("heavy tails", 0.015, 0.07),
        ("categories", 0.0, 0.03),
    ],
)
def test_false_positives_by_representation_are_those_of_the_docs(representation, low, high, rng):
    """Conservative where the range stops below .05: patterns in a plane, and categories of conditions."""
    benchmark = runpy.run_path(str(STUDIES))
    hits = []
    for _ in range(2000):
        patterns, model = benchmark["study"](representation, 8, 14, rng)
        data, models = (benchmark["dissimilarities"](v) for v in (patterns, model[None]))
        hits.append(benchmark["p_value"](data, models, "pearson") < 0.05)
    assert low <= np.mean(hits) <= high


@pytest.mark.deep
def test_false_positives_of_the_bootstraps_own_variance_are_too_few(rng):
    """Whitened correlations against zero, and differences of two models."""
    models, differences = [], []
    for _ in range(400):
        data, model = null_study(rng)
        both = named(np.concatenate([model, null_study(rng)[1]]), "m")
        for comparator, kind, hits in (
            ("whitened_correlation", "model", models),
            ("pearson", "difference", differences),
        ):
            table = evaluate_models(
                named(data), both, comparator=comparator, n_resamples=200, rng=rng
            )
            hits.append(table.loc[table["kind"] == kind, "p"].iloc[0] < 0.05)
    assert np.mean(models) <= 0.03 and np.mean(differences) <= 0.03


def test_the_result_says_how_often_its_test_is_wrong(rng):
    data, models = named(random_rdms(rng, 4, 8)), named(random_rdms(rng, 2, 8), "m")
    for over, comparator, words in (
        ("dual", "pearson", "variance without similarity"),
        ("conditions", "spearman", "variance without similarity"),
        ("dual", "cosine", "too large with few conditions"),
        ("subjects", "pearson", "variance over subjects"),
        ("both", "pearson", "plain double bootstrap"),
    ):
        table = evaluate_models(
            data, models, over=over, comparator=comparator, n_resamples=20, rng=rng
        )
        assert words in table.attrs["calibration"]["model"]
        assert "without similarity:" not in table.attrs["calibration"]["difference"]


def hits_of_the_bootstrap(over, study, rng, n=2000):
    """Share of null studies that one model passes at .05."""
    hits = []
    for _ in range(n):
        data, model = study()
        table = evaluate_models(named(data), named(model, "m"), over=over, n_resamples=200, rng=rng)
        hits.append(table.loc[table["kind"] == "model", "p"].iloc[0] < 0.05)
    return np.mean(hits)


@pytest.mark.deep
@pytest.mark.parametrize("n_conditions", [14, 40])
def test_false_positives_of_the_bootstrap_over_conditions(n_conditions, rng):
    """One RDM and new conditions; the bootstrap's own variance gave .026 with 14."""
    assert 0.03 <= hits_of_the_bootstrap("conditions", lambda: null_study(rng, 1, n_conditions), rng) <= 0.07


@pytest.mark.deep
def test_false_positives_of_the_bootstrap_over_subjects(rng):
    """Conditions taken as fixed, so that a study of no similarity is one whose subjects share nothing."""

    def study():
        data = [vector(rng.standard_normal((14, 16))) for _ in range(10)]
        return np.array(data), vector(rng.standard_normal((14, 8)))[None]

    assert 0.03 <= hits_of_the_bootstrap("subjects", study, rng) <= 0.07


@pytest.mark.deep
def test_false_positives_of_the_sign_flip_and_its_maximum(rng):
    values = rng.standard_normal((2000, 10, 4))
    tables = [sign_flip(v) for v in values]
    assert 0.03 <= np.mean([t["p"].iloc[0] <= 0.05 for t in tables]) <= 0.07
    assert 0.03 <= np.mean([t["p_max"].min() <= 0.05 for t in tables]) <= 0.07


@pytest.mark.deep
def test_dual_intervals_cover_the_similarity_over_all_conditions_and_subjects(rng):
    shares = np.sqrt(0.5)
    covered, many = [], 1200

    def study(n_subjects, n):
        model = rng.standard_normal((n, 10))
        own = rng.standard_normal((n_subjects, n, 10))
        data = [vector(np.hstack([shares * model, shares * o])) for o in own]
        return np.array(data), vector(model)[None]

    truth = np.mean([comparators.compare(m, d, "pearson").mean() for d, m in (study(4, 120) for _ in range(20))])
    for _ in range(many):
        data, model = study(10, 16)
        table = evaluate_models(named(data), named(model, "m"), n_resamples=200, rng=rng)
        row = table[table["kind"] == "model"].iloc[0]
        covered.append(row["low"] <= truth <= row["high"])
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.deep
def test_coverage_of_t_intervals_is_nominal(rng):
    values = rng.standard_normal((2000, 12)) * 0.1 + 0.3
    tables = [sign_flip(v).iloc[0] for v in values]
    assert 0.92 <= np.mean([t["low"] <= 0.3 <= t["high"] for t in tables]) <= 0.98
