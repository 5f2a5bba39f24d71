import numpy as np
import pandas as pd
import pytest

from neuromm.measures.bias import crossmodal_bias, unity_rate, wilson
from neuromm.measures.cue_weights import cue_weights
from neuromm.paradigms import cue_combination, ventriloquism


def answered(trials, rule, name="someone", rng=None, sigma=0.0):
    """Trials with the responses of a rule (auditory place, visual place) → response."""
    a, v = trials["auditory_azimuth"].to_numpy(), trials["visual_azimuth"].to_numpy()
    noise = 0 if rng is None else sigma * rng.standard_normal(len(trials))
    return trials.reset_index().assign(observer=name, response=rule(a, v) + noise)


def test_a_constant_weight_is_a_constant_bias_under_every_baseline():
    trials = ventriloquism(2)
    table = answered(trials, lambda a, v: np.where(np.isnan(v), a, np.where(np.isnan(a), v, 0.7 * a + 0.3 * v)))
    for baseline in ("stimulus", "aligned", "unisensory"):
        bias = crossmodal_bias(table, baseline=baseline)
        assert bias["disparity"].tolist() == [5, 10, 15, 20]
        assert np.allclose(bias["bias"], 0.3) and np.allclose(bias["shift"], 0.3 * bias["disparity"])


def test_shrinkage_counts_as_bias_only_from_the_stimulus():
    table = answered(ventriloquism(1), lambda a, v: 0.8 * np.where(np.isnan(a), v, a))
    assert np.allclose(crossmodal_bias(table, baseline="aligned")["bias"], 0)
    assert np.allclose(crossmodal_bias(table, baseline="unisensory")["bias"], 0)
    assert (crossmodal_bias(table, baseline="stimulus")["bias"] > 0.05).all()


def test_bias_is_positive_toward_the_other_modality_for_both_reports():
    trials = ventriloquism(1)
    table = answered(trials, lambda a, v: (a + v) / 2)
    for report in ("auditory", "visual"):
        assert np.allclose(crossmodal_bias(table, report=report)["bias"], 0.5)


def test_the_interval_over_trials_covers_the_true_bias(rng):
    hits, shown = [], ventriloquism(8, unimodal=False, reports=("auditory",))
    for _ in range(200):
        table = answered(shown, lambda a, v: 0.7 * a + 0.3 * v, rng=rng, sigma=5.0)
        bias = crossmodal_bias(table)
        hits += list((bias["low"] <= 0.3) & (bias["high"] >= 0.3))
    assert 0.92 < np.mean(hits) < 0.975


def test_missed_answers_are_excluded_and_counted():
    table = answered(ventriloquism(2), lambda a, v: a)
    pairs = table.index[(table["report"] == "auditory") & (table["disparity"] == 5)]
    table.loc[pairs[0], "response"] = np.nan
    bias = crossmodal_bias(table).set_index("disparity")
    assert bias["n_missed"].to_dict() == {5.0: 1, 10.0: 0, 15.0: 0, 20.0: 0}
    assert bias.loc[5.0, "n"] == 2 * 8 - 1


def test_unity_is_a_proportion_per_disparity():
    table = answered(ventriloquism(3), lambda a, v: (np.abs(a - v) < 7).astype(float))
    unity = unity_rate(table)
    assert unity["unity"].tolist() == [1, 1, 0, 0, 0]
    assert ((unity["low"] <= unity["unity"]) & (unity["unity"] <= unity["high"])).all()


def test_wilson_equals_the_root_of_its_quadratic():
    low, high = wilson(7, 20)
    for bound in (low, high):
        assert (7 / 20 - bound) ** 2 == pytest.approx(1.959963984540054**2 * bound * (1 - bound) / 20)


def test_missing_columns_and_reports_are_named():
    with pytest.raises(ValueError, match="no column \\['observer', 'response'\\].*session.trials"):
        crossmodal_bias(ventriloquism(1))
    table = answered(ventriloquism(1, reports=("visual",)), lambda a, v: v)
    with pytest.raises(ValueError, match="no trial asks for the auditory place"):
        crossmodal_bias(table)
    with pytest.raises(ValueError, match="'unisensory' needs trials that show it"):
        crossmodal_bias(answered(ventriloquism(1, unimodal=False), lambda a, v: a), baseline="unisensory")


def test_cue_weights_recover_a_reliability_weighted_rule(rng):
    trials = cue_combination(150, visual_reliability=(1.0, 0.25))
    sigma_a, sigma_v = 6.0, 4.0 / np.sqrt(trials["visual_reliability"].fillna(1).to_numpy())
    a = trials["auditory_azimuth"] + sigma_a * rng.standard_normal(len(trials))
    v = trials["visual_azimuth"] + sigma_v * rng.standard_normal(len(trials))
    w = sigma_a**2 / (sigma_a**2 + sigma_v**2)
    response = np.where(np.isnan(v), a, np.where(np.isnan(a), v, w * v + (1 - w) * a))
    weights = cue_weights(trials.reset_index().assign(observer="x", response=response)).set_index("visual_reliability")
    for reliability, expected in ((1.0, 36 / 52), (0.25, 36 / 100)):
        row = weights.loc[reliability]
        assert row["predicted"] == pytest.approx(expected, abs=0.05)
        assert row["low"] - 0.03 < expected < row["high"] + 0.03
        assert row["sigma_bimodal"] == pytest.approx(row["sigma_predicted"], rel=0.1)


def test_collinear_places_are_refused():
    trials = pd.DataFrame(
        {
            "observer": "x",
            "report": "auditory",
            "auditory_azimuth": [0.0, 1, 2, 3],
            "visual_azimuth": [0.0, 1, 2, 3],
            "response": 0.0,
        }
    )
    with pytest.raises(ValueError, match="collinear"):
        cue_weights(trials)


def test_one_trial_has_no_interval():
    bias = crossmodal_bias(answered(ventriloquism(1), lambda a, v: a))
    assert bias["bias"].notna().all() and bias[["low", "high"]].isna().all().all()
