"""The acceptance numbers of paper figures: what scripts plot is what the papers' equations and parameters give."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FIGURES = Path(__file__).resolve().parents[2] / "analysis" / "figures"


def script(name):
    spec = importlib.util.spec_from_file_location(name, FIGURES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_kording2007_keys_and_bias():
    figure = script("kording2007_bias")
    keys = figure.key_histograms().pivot(index="visual_azimuth", columns="key", values="probability")
    assert np.allclose(keys.loc[10], [0.079, 0.157, 0.271, 0.335, 0.158], atol=0.001)
    assert np.allclose(keys.loc[0], [0.056, 0.219, 0.450, 0.219, 0.056], atol=0.001)
    bias = figure.kording_bias().set_index(["observer", "disparity"])["bias"]
    assert np.allclose(bias["causal_inference"], [0.372, 0.344, 0.312, 0.284], atol=0.002)
    assert (bias["segregation"].to_numpy() < bias["causal_inference"].to_numpy()).all()
    assert (bias["causal_inference"].to_numpy() < bias["forced_fusion"].to_numpy()).all()


def test_strategies_share_a_mean_and_differ_in_spread():
    table = script("strategies").moments().set_index(["strategy", "disparity"])
    assert np.allclose(table.loc["averaging", "expected"], [0, 1.811, 2.942, 3.109, 2.523, 0.887], atol=0.002)
    assert np.allclose(table.loc["averaging", "expected"], table.loc["matching", "expected"], atol=1e-6)
    assert np.allclose(table.loc["averaging", "sd"], [4.052, 4.703, 6.123, 7.462, 8.171, 7.627], atol=0.005)
    assert np.allclose(table.loc["selection", "expected"], [0, 1.646, 2.295, 1.958, 1.252, 0.269], atol=0.003)
    assert np.allclose(table.loc["selection", "sd"], [4.997, 6.044, 7.734, 8.606, 8.485, 7.085], atol=0.005)
    assert np.allclose(table.loc["matching", "sd"], [4.920, 5.746, 7.443, 8.908, 9.540, 8.418], atol=0.005)
    assert np.allclose(table.loc["selection", "unity"], [0.826, 0.726, 0.505, 0.290, 0.140, 0.020], atol=0.001)


def test_bias_changes_sign_with_the_unity_judgement():
    table = script("unity_and_bias").unity_and_bias().set_index("disparity")
    assert np.allclose(table.loc[[0, 5, 10, 20, 25], "unity"], [0.814, 0.685, 0.434, 0.100, 0.038], atol=0.003)
    assert table.loc[5, "bias_one_cause"] == pytest.approx(0.780, abs=0.005)
    assert table.loc[10, "bias_one_cause"] == pytest.approx(0.782, abs=0.005)
    assert table.loc[5, "bias_two_causes"] == pytest.approx(-0.514, abs=0.005)
    assert table.loc[10, "bias_two_causes"] == pytest.approx(-0.087, abs=0.005)


def test_selection_is_taken_for_segregation_at_kordings_values_and_not_where_one_cause_is_likely():
    cell, shares = script("recovery_map").cell, {}
    for p_common in (0.28, 0.9):
        table = cell(p_common, 9.2, n_subjects=4, n_repeats=5, n_starts=2, seed=7)
        shares[p_common] = table.set_index(["simulated", "fitted"])["share"]
        assert shares[p_common]["segregation", "segregation"] >= 0.75
    assert shares[0.28]["selection", "segregation"] >= 0.75  # 300 answers: the smaller model wins
    assert shares[0.9]["selection", "segregation"] == 0.0 and shares[0.9]["selection", "selection"] >= 0.5
