"""Criteria and indices of enhancement against their definitions, brute force, and populations without interaction."""

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.measures.enhancement import max_rule


def test_indices_are_their_definitions_and_undefined_over_nothing():
    assert nm.measures.enhancement_index(2.0, 4.0, 6.0) == pytest.approx(50.0)
    assert nm.measures.additivity_index(2.0, 4.0, 6.0) == pytest.approx(1.0)
    assert np.isnan(nm.measures.enhancement_index(0.0, 0.0, 1.0)) and np.isnan(nm.measures.additivity_index(0, 0, 1))
    np.testing.assert_allclose(nm.measures.population_axes(2.0, 4.0, 6.0), (20.0, 0.0))


def test_criteria_are_nested_for_positive_responses(rng):
    a, v, pair = rng.uniform(0.01, 2, (3, 500))
    met = nm.measures.meets_criteria(a, v, pair)
    assert not (met["super_additive"] & ~met["max"]).any() and not (met["max"] & ~met["mean"]).any()
    assert met.sum().is_monotonic_increasing and met["super_additive"].any()
    assert not nm.measures.meets_criteria(-1.0, 1.0, 5.0)["mean"][0]  # a deactivation is no response


def test_max_rule_is_the_mean_over_all_pairs_of_trials(rng):
    a, v = rng.poisson(4, (30, 3)), rng.poisson(5, (20, 3))
    brute = np.maximum(a[:, None], v[None]).mean((0, 1))
    np.testing.assert_allclose(max_rule(a, v), brute)
    assert (brute > np.maximum(a.mean(0), v.mean(0))).all()  # chance alone enhances noisy cells


def test_probability_summation_is_what_two_independent_detectors_do(rng):
    hits = rng.random((200_000, 2)) < [0.3, 0.45]
    assert hits.any(1).mean() == pytest.approx(nm.measures.probability_summation(0.3, 0.45), abs=0.005)
    with pytest.raises(ValueError, match="auditory holds 1.2"):
        nm.measures.probability_summation(1.2, 0.5)


def table(rng, interaction, n=4000):
    rows = []
    for level in (1.0, 3.0):
        a, v = rng.poisson(level, n), rng.poisson(2 * level, n)
        pair = np.maximum(rng.poisson(level, n), rng.poisson(2 * level, n)) + interaction
        for heard, seen, response in ((0.0, np.nan, a), (np.nan, 0.0, v), (0.0, 0.0, pair)):
            part = pd.DataFrame({"response": response.astype(float), "auditory_azimuth": heard, "visual_azimuth": seen})
            rows.append(part.assign(level=level))
    return pd.concat(rows, ignore_index=True)


def test_a_cell_that_takes_the_larger_response_equals_its_nulls(rng):
    found = nm.measures.enhancement(table(rng, 0), threshold=0.5).set_index("level")
    np.testing.assert_allclose(found["enhancement"], found["null_max"], atol=4.0)
    np.testing.assert_allclose(found["detected"], found["null_detected"], atol=0.02)
    assert (found["null_max"] > 3).all()  # which a test against the best mean alone would call enhancement
    more = nm.measures.enhancement(table(rng, 2), threshold=0.5)
    assert (more["enhancement"] > more["null_max"] + 15).all()


def test_enhancement_names_what_is_missing(rng):
    trials = table(rng, 0, 10)
    with pytest.raises(ValueError, match="no visual trials"):
        nm.measures.enhancement(trials[trials["auditory_azimuth"].notna()])
    with pytest.raises(ValueError, match="level"):
        nm.measures.enhancement(trials.drop(columns="visual_azimuth"))


def test_linear_weights_recover_a_linear_cell_and_the_optimal_ratio_a_poisson_decoder(rng):
    first, second = rng.uniform(1, 20, (2, 6, 3))
    combined = 0.4 * first[:, None] + 0.9 * second[None] + 2.0
    found = nm.measures.linear_weights(combined, first, second)
    np.testing.assert_allclose(found, [[0.4, 0.9, 2.0, 1.0]] * 3, atol=1e-9)
    # Fisher information of a₁r₁ + a₂r₂ is largest at this ratio: brute force over ratios
    slopes, rates = (2.0, 3.0), (10.0, 25.0)
    ratio = np.linspace(0.05, 5, 20_000)
    information = (slopes[0] + ratio * slopes[1]) ** 2 / (rates[0] + ratio**2 * rates[1])
    best = nm.measures.optimal_weight_ratio(*slopes, *rates)
    assert ratio[information.argmax()] == pytest.approx(float(best), abs=0.001)
