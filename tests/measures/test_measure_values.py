"""Measures on tables small enough to work out by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuromm import measures
from neuromm.measures import flexible, inference
from neuromm.measures.accumulation_fit import STEP, _Data
from neuromm.measures.fitting import _problem

Z95 = 1.959963984540054


def located(rows):
    columns = ["auditory_azimuth", "visual_azimuth", "response"]
    return pd.DataFrame(rows, columns=columns).assign(observer="P", report="auditory")


def test_bias_from_the_place_from_the_answer_when_aligned_and_from_hearing_alone():
    """A sound at 10 with a light at 0: heard at 6 and 8; at 13 and 11 when aligned, at 9 and 13 alone."""
    rows = [(10.0, 0.0, 6.0), (10.0, 0.0, 8.0), (10.0, 10.0, 13.0), (10.0, 10.0, 11.0), (10.0, np.nan, 9.0),
            (10.0, np.nan, 13.0), (-10.0, 10.0, -7.0)]  # fmt: skip
    table = located(rows)
    for baseline, reference, variance in (("stimulus", 10, 0.0), ("aligned", 12, 1.0), ("unisensory", 11, 4.0)):
        found = measures.crossmodal_bias(table.iloc[:6], baseline=baseline).iloc[0]
        assert found["bias"] == pytest.approx((7 - reference) / -10)
        assert found["shift"] == pytest.approx(reference - 7)
        half = Z95 * np.sqrt((2 / 2 + variance) / 100)  # variances of two means, over disparity²
        assert (found["low"], found["high"]) == pytest.approx((found["bias"] - half, found["bias"] + half))
    with pytest.raises(ValueError, match="'aligned' was not shown at auditory_azimuth -10"):
        measures.crossmodal_bias(table, baseline="aligned")


def test_accuracy_leaves_out_what_has_no_right_answer():
    rows = [(0.2, 1, 500.0), (0.2, 0, 700.0), (-0.2, 0, 600.0), (0.2, np.nan, np.nan),
            (0.0, 1, 900.0), (0.0, 0, np.nan)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["coherence", "response", "reaction_time"]).assign(observer="P")
    found = measures.accuracy_and_time(table).set_index("strength")
    assert found.loc[0.2, "accuracy"] == pytest.approx(2 / 3) and np.isnan(found.loc[0.0, "accuracy"])
    counts = ["time", "right", "n", "n_missed", "n_untimed"]
    assert found.loc[0.2, counts].tolist() == pytest.approx([600, 1 / 3, 3, 1, 0])
    assert found.loc[0.2, "time_high"] == pytest.approx(600 + Z95 * 100 / np.sqrt(3))
    assert found.loc[0.0, ["time", "right", "n", "n_untimed"]].tolist() == [900.0, 0.5, 2, 1]


def test_the_mean_of_the_larger_response_is_over_all_pairs_of_trials(rng):
    auditory, visual = rng.poisson(5, (7, 3)), rng.poisson(4, (5, 3))
    by_hand = [np.mean([max(a, v) for a in auditory[:, k] for v in visual[:, k]]) for k in range(3)]
    np.testing.assert_allclose(measures.max_rule(auditory, visual), by_hand)
    for wrong in (visual[:, :2], visual[:0], np.hstack([visual, visual])):
        with pytest.raises(ValueError, match="trials of the same cells"):
            measures.max_rule(auditory, wrong)


def test_the_illusion_is_fission_above_what_one_flash_gives_without_the_second_beep():
    def rows(n_flashes, n_beeps, soa, answers):
        return [("P", "n_flashes", n_flashes, n_beeps, soa, float(a)) for a in answers]

    columns = ["observer", "report", "n_flashes", "n_beeps", "beep_soa", "response"]
    shown = [*rows(1, 2, 50.0, (2, 2, 2, 1)), *rows(2, 2, 50.0, (2, 2, 2, 2)), *rows(2, 2, 90.0, (1, 1)),
             *rows(1, 1, np.nan, (1, 1, 1, 2)), *rows(1, 0, np.nan, (1, 1, 1, 1))]  # fmt: skip
    found = measures.fission_by_soa(pd.DataFrame(shown, columns=columns)).iloc[0]
    assert found["fission_rate"] == 0.75 and found["baseline"] == 0.125 and found["illusion"] == 0.625


def test_rates_have_their_interval_over_trials():
    rates = xr.DataArray([[2.0, 4.0], [6.0, 8.0], [1.0, 1.0]], dims=("trial", "unit"),
                         coords={"condition": ("trial", ["a", "a", "b"])})  # fmt: skip
    found = measures.firing_rates({"sts": rates}).set_index("condition")
    half = Z95 * np.std([3.0, 7.0], ddof=1) / np.sqrt(2)
    assert found.loc["a", ["rate", "low", "high", "peak"]].tolist() == pytest.approx([5.0, 5 - half, 5 + half, 6.0])
    assert found.loc["a", ["n_trials", "n_units"]].tolist() == [2, 2]
    assert found.loc["b", "rate"] == 1.0 and np.isnan(found.loc["b", "low"])


def test_columns_of_numbers_are_looked_at_where_an_answer_was_given():
    rows = pd.DataFrame({"response": [1.0, 2.0, np.nan], "auditory_azimuth": [0.0, 5.0, np.inf], "note": list("xyz")})
    rows = rows.assign(report="auditory")
    assert not _problem(rows, at_least=2)
    assert "'auditory_azimuth'" in _problem(rows.assign(auditory_azimuth=[0.0, np.inf, 0.0]), at_least=2)
    assert "auditory_reliability" in _problem(rows.assign(auditory_reliability=[0.0, 1.0, 1.0]), at_least=2)
    assert "2 given; at least 3" in _problem(rows, at_least=3)
    assert "is not a number" in _problem(rows.assign(response=["1", "left", None]), at_least=1)


def test_an_inequality_of_races_keeps_the_order_of_people_and_counts_what_is_dropped():
    first = {(0.0, np.nan): 300.0, (np.nan, 0.0): 310.0, (0.0, 0.0): 250.0}
    rows = [(who, a, v, start + i) for who in ("b", "a") for (a, v), start in first.items() for i in range(20)]
    table = pd.DataFrame(rows, columns=["observer", "auditory_azimuth", "visual_azimuth", "reaction_time"])
    table = table.assign(report="detection")
    people, group = measures.race_test(table, limits=(251.0, 400.0))
    assert list(dict.fromkeys(people["observer"])) == ["b", "a"]
    assert (people["n_dropped"] == 1).all() and (group["n_observers"] == 2).all()
    with pytest.raises(ValueError, match="2 observers; name one"):
        measures.race_distributions(table)
    assert len(measures.race_distributions(table, observer="a"))


@pytest.mark.parametrize("test", ["bootstrap", "permutation", "sign_flip"])
@pytest.mark.parametrize("over", ["dual", "both", "conditions", "subjects"])
def test_one_subject_is_enough_where_subjects_are_not_resampled(test, over):
    given = (test, over, "none", "greater")
    inference._check_choices(*given, 2, None)
    if test == "permutation" or (test == "bootstrap" and over == "conditions"):
        inference._check_choices(*given, 1, None)
    else:
        with pytest.raises(ValueError, match="needs at least 2 subjects, 1 given"):
            inference._check_choices(*given, 1, None)


class Divided:
    """A fitted comparison whose value is that of its conditions plus the noise of the division into folds."""

    n_conditions, n_subjects = 12, 1

    def __init__(self, value, noise):
        self.value, self.noise = value, noise

    def evaluate(self, conditions, subjects, folds, rng):
        return np.array([self.value(conditions) + self.noise * rng.standard_normal()])


def test_the_variance_of_a_crossvalidated_value_has_none_of_its_division(rng):
    contrast = np.ones((1, 1))
    alone, degrees = flexible._variance(Divided(lambda c: 0.0, 0.3), contrast, (2, 1), 4, 400, rng)
    assert degrees == 11 and 0 <= alone[0] < 0.02  # .3² = .09 is all of the division
    weights = np.linspace(0, 1, 12)

    def mean(conditions):
        return conditions @ weights / conditions.sum()

    both, _ = flexible._variance(Divided(mean, 0.05), contrast, (2, 1), 4, 400, rng)
    expected = weights.var() / 12 * 12 / 11  # of a mean of twelve, unbiased
    assert both[0] == pytest.approx(expected, rel=0.35)  # resamples with few distinct conditions are drawn again


def test_densities_of_choices_and_times_are_mirrored_and_add_up():
    """Two headings of one size: left of one is right of the other; all decisions are made by some time."""
    table = pd.DataFrame({"vestibular_heading": [-5.0, 5.0], "visual_heading": np.nan, "coherence": np.nan,
                          "reaction_time": [800.0, 900.0], "response": [0.0, 1.0]})  # fmt: skip
    data = _Data(table, end=6.0)
    joint = data.densities(data.start, 0)
    assert joint.shape == (2, 2, len(data.t))
    np.testing.assert_allclose(joint[0, 0], joint[1, 1], atol=1e-9)
    np.testing.assert_allclose(joint.sum(axis=(1, 2)) * STEP, 1.0, rtol=0.01)
    right = joint[:, 1].sum(axis=1) * STEP
    assert right[0] < 0.5 < right[1] and right.sum() == pytest.approx(1, rel=0.01)
    lapsing = data.start.copy()
    lapsing[data.names.index("lapse")] = 50.0  # always
    half = data.densities(lapsing, 0)
    np.testing.assert_allclose(half[:, 0], joint.sum(axis=1) / 2, rtol=1e-6, atol=1e-12)


def test_recordings_are_compared_with_each_other_or_with_others(rng):
    """Biased CKA of patterns by its definition: each pair once, or each of the first with each of the others."""
    sets = {name: rng.standard_normal((6, n)) for name, n in (("a", 3), ("b", 4), ("c", 5))}

    def by_hand(x, y):
        x, y = x - x.mean(0), y - y.mean(0)
        return np.square(x.T @ y).sum() / np.sqrt(np.square(x.T @ x).sum() * np.square(y.T @ y).sum())

    among = measures.compare_representations(sets, measure="cka_biased")
    assert among[["first", "second"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    others = {"x": sets["c"], "y": sets["a"] @ np.diag([1.0, 2.0, 3.0])}
    across = measures.compare_representations({"a": sets["a"], "b": sets["b"]}, others, measure="cka_biased")
    assert across[["first", "second"]].to_numpy().tolist() == [["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"]]
    for table, second in ((among, sets), (across, others)):
        expected = [by_hand(sets[a], second[b]) for a, b in zip(table["first"], table["second"], strict=True)]
        np.testing.assert_allclose(table["value"], expected, rtol=1e-9)
        assert (table["n_conditions"] == 6).all()
    both_ways = measures.compare_representations(sets, measure="predictivity")
    assert len(both_ways) == 6
