"""Acceptance numbers of the figures about syllables, time, reaction and recalibration."""

import numpy as np
import pytest
from test_figures import script

from neuromm import datasets


def test_cims_lies_in_every_published_quartile_and_at_the_printed_percentages():
    figure = script("cims2017_mcgurk")
    table = figure.compare().dropna(subset=["proportion"])
    assert len(table) == 8 * 3, "four pairs of each model are known"
    assert (table["proportion"] >= table["low"] - 0.005).all() and (table["proportion"] <= table["high"] + 0.005).all()
    ours = (
        figure.answers()
        .set_index(["source", "auditory_syllable", "visual_syllable", "label"])["proportion"]
        .sort_index()
    )
    printed = datasets.published_number("cims_2017", "response_ba", auditory="ba", visual="ga", source="CIMS") / 100
    assert ours["CIMS", "ba", "ga", "ba"] == pytest.approx(printed, abs=0.01)
    assert ours["CIMS", "ba", "ga"].to_numpy() == pytest.approx([0.514, 0.486, 0.0], abs=0.004)
    assert ours["CIMS", "ba", "da"].to_numpy() == pytest.approx([0.941, 0.059, 0.0], abs=0.004)
    assert ours["CIMS", "da", "ga"].to_numpy() == pytest.approx([0.001, 0.976, 0.023], abs=0.004)
    assert ours["non-CIMS", "ba", "ga", "da"] > 0.99
    assert ours["non-CIMS", "ba", "da"].to_numpy() == pytest.approx([0.316, 0.684, 0.0], abs=0.004)
    assert figure.correlation() > 0.9


def test_ned_explains_two_studies_of_autism_by_four_times_the_noise():
    found = script("ned_mcgurk").groups()
    assert found["ratio"] == pytest.approx(4.0, abs=0.3)
    assert abs(found["threshold_td"] - found["threshold_asd"]) * 0.12 < 0.12, "thresholds of the groups are alike"


def test_a_drawn_population_is_as_spread_as_people():
    figure = script("mcgurk_individuals")
    table = figure.compare(figure.population_rates(165, seed=3)).set_index("measure")
    fitted = table[table["fitted"]]
    assert np.allclose(fitted["published"], fitted["ours"], atol=0.08), "sampling of 165 people"
    assert table.loc["people ≤ 10 or ≥ 90 %", "ours"] > 0.5, "mostly all or none"
    assert table.loc["most of a person", "ours"] > 0.95 and table.loc["least of a person", "ours"] < 0.05
    assert table.loc["mean fusion", "ours"] == pytest.approx(table.loc["mean fusion", "published"], abs=0.08)


def test_the_recalled_table_of_1976_is_whole_and_models_answer_in_its_kinds():
    figure = script("mcgurk1976_table")
    people = figure.people()
    sums = people.groupby(["source", "auditory_syllable", "visual_syllable"])["share"].sum()
    assert len(sums) == 8 and sums.between(0.999, 1.011).all()
    models = figure.models(n=300).set_index(["source", "auditory_syllable", "visual_syllable", "kind"])["share"]
    assert np.allclose(models.groupby(level=[0, 1, 2]).sum(), 1)
    for source in ("CIMS", "FLMP"):
        assert models[source, "ba", "ga", "fused"] > models[source, "ga", "ba", "fused"] + 0.2
        assert models[source, "ga", "ba", "combination"] > models[source, "ba", "ga", "combination"]


def test_fusion_reaches_further_where_lips_lead():
    figure = script("mcgurk_window")
    found = figure.windows(figure.curves(np.arange(-460.0, 461.0, 115.0))).set_index(["what", "sigma"])
    low, high = figure.published()
    for sigma in (100.0, 130.0):
        edge = found.loc[("fusion", sigma)]
        assert edge["low"] < low and edge["high"] > high, "people's window lies inside the model's"
        assert edge["low"] + edge["high"] > 50, "and both are centred on late voices"
    assert found.loc[("fusion", 130.0), "width"] > found.loc[("fusion", 70.0), "width"]


def test_the_worked_example_beats_the_bound_six_times():
    figure = script("race_inequality")
    table, summary = figure.quantiles()
    expected = [234.60, 238.60, 240.38, 242.32, 244.13, 248.90, 253.85, 256.75, 265.05, 278.50]
    assert np.allclose(table["z"], expected, atol=0.02)
    assert (table["violation"] > 0).tolist() == [True] * 6 + [False] * 4
    assert summary["net_area"] == pytest.approx(1.373, abs=0.01)
    curves = figure.closed_form().pivot(index="soa", columns="observer", values="reaction_time")
    assert (curves["coactivation"] < curves["race_model"] + 1e-6).all()
    assert curves.loc[-170.0, "race_model"] == pytest.approx(231, abs=1), "far apart, the first decides"


def test_twin_follows_its_closed_form_and_the_reference():
    figure = script("twin_srt")
    exact = figure.closed_form().set_index("soa")
    assert np.allclose(
        exact.loc[[-200, -100, -50, 0, 100], "integration"], [0.2857, 0.9014, 0.9410, 0.7012, 0.0949], atol=1e-4
    )
    assert np.allclose(
        exact.loc[[-200, -100, -50, 0, 100], "aligned"], [144.29, 131.97, 131.18, 135.98, 148.10], atol=0.01
    )
    points = figure.sampled(1500, 4).set_index(["place", "soa"])
    off = points["integration"]["aligned"] - exact["integration"].reindex(points.loc["aligned"].index)
    assert off.abs().max() < 4 * np.sqrt(0.25 / 1500)


def test_the_detectors_have_the_reference_landmarks_and_people_hear_twice_per_period():
    figure = script("mcd_tuning")
    marks = figure.landmarks(figure.tuning()).set_index("observer")
    assert np.allclose(marks.loc["parise2016", ["half_low", "half_high"]].astype(float), [-210, 325], atol=10)
    assert np.allclose(marks.loc["parise2025", ["half_low", "half_high"]].astype(float), [-120, 240], atol=10)
    assert 35 <= marks.loc["parise2016", "best_lag"] <= 40 and 45 <= marks.loc["parise2025", "best_lag"] <= 50
    assert marks["lag_zero"].to_numpy() == pytest.approx([35.25, 43.68], abs=4)
    people = datasets.published_number("parise_ernst_2025", "dominant_frequency")
    assert figure.cycles(figure.periodic(n_phases=17, n_periods=5)) == {"parise2016": 1, "parise2025": people}


def test_the_build_up_lies_in_the_published_brackets():
    figure = script("aftereffect_buildup")
    assert figure.exposures_to(0.95, 0.02) == pytest.approx(148, abs=1)
    assert figure.exposures_to(0.95, 0.05) == pytest.approx(58, abs=1)
    band = figure.descriptive().set_index("exposures")
    assert band.loc[1, "high"] == pytest.approx(
        datasets.published_number("wozny_shams_2011", "single_exposure_shift_fraction")
    )
    table = figure.learnt(12, 2, displacements=(8.0,)).set_index(["observer", "exposures"])["fraction"]
    assert table["fixed_ratio", 180] > 0.75 and table["fixed_ratio", 180] > table["fixed_ratio", 24] > 0.2
    assert table["causal_inference", 300] > 0.5, "8 deg is mostly one cause"


def test_windows_follow_alpha_only_where_they_are_coupled():
    figure = script("fission_window")
    r = {}
    for coupling in (1.0, 0.0):
        crowd = figure.people(50, 20, coupling, 5)
        r[coupling] = np.corrcoef(crowd["alpha_cycle"], crowd["window"])[0, 1]
    assert r[1.0] > 0.4 and abs(r[0.0]) < 0.35 and r[1.0] > r[0.0] + 0.3
    signal = figure.sensitivity(200, 1)
    assert signal["fission_rate"].iloc[0] > 0.8 > 0.2 > signal["fission_rate"].iloc[-1]
    assert signal["d_prime"].iloc[-1] > signal["d_prime"].iloc[0] + 1.5


def test_a_number_is_found_by_its_conditions_or_refused():
    assert datasets.published_number("ned_2015", "fusion", study="Irwin 2011", group="ASD") == 0.56
    with pytest.raises(ValueError, match="4 published values of ned_2015, fusion"):
        datasets.published_number("ned_2015", "fusion")
