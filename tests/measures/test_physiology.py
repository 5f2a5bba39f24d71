"""Spike counts, Fano factors, noise correlations, enhancement and windows, each against a second route."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuromm import measures


def labelled(values, condition):
    return xr.DataArray(values, dims=("trial", "unit"), coords={"condition": ("trial", np.asarray(condition))})


def test_counts_of_spikes_are_those_of_a_loop(rng):
    n = 300
    spikes = pd.DataFrame(
        {
            "trial": rng.choice([3, 7, 9], n),
            "time": rng.uniform(-50, 250, n),
            "unit": rng.integers(6, size=n),
            "area": rng.choice(["sts", "visual"], n),
        }
    )
    counts = measures.spike_counts(spikes, [9, 5, 7, 3], n_units=6, start=0, stop=200, area="sts")
    for trial in (9, 5, 7, 3):
        for unit in range(6):
            expected = sum(
                s.trial == trial and s.unit == unit and 0 <= s.time < 200 and s.area == "sts"
                for s in spikes.itertuples()
            )
            assert counts.sel(trial=trial, unit=unit) == expected
    with pytest.raises(ValueError, match="trial . has spikes but is not among"):
        measures.spike_counts(spikes, [9, 7], n_units=6, stop=200)
    with pytest.raises(ValueError, match="n_units is 3"):
        measures.spike_counts(spikes, [9, 7, 3], n_units=3, stop=200)


def test_rates_are_means_by_area_and_condition(rng):
    values = labelled(rng.uniform(0, 30, (12, 5)), np.repeat(["a", "b"], 6))
    table = measures.firing_rates({"sts": values, "visual": values * 2}).set_index(["area", "condition"])
    assert table.loc[("sts", "b"), "rate"] == pytest.approx(values.to_numpy()[6:].mean())
    assert table.loc[("visual", "a"), "peak"] == pytest.approx(2 * values.to_numpy()[:6].mean(0).max())
    assert (table["low"] < table["rate"]).all() and (table["rate"] < table["high"]).all()


def test_fano_factor_is_one_for_poisson_and_one_minus_p_for_binomial_counts(rng):
    poisson = rng.poisson(rng.uniform(2, 20, 40), (4000, 40))
    fano = measures.fano_factor(poisson)
    assert abs(fano["fano"].mean() - 1) < 0.02
    assert abs(measures.fano_factor(rng.binomial(10, 0.4, (4000, 40)))["fano"].mean() - 0.6) < 0.02
    tuned = labelled(np.where(np.arange(40)[:, None] < 20, 3, 9) * np.ones((40, 4)), np.repeat(["low", "high"], 20))
    assert (measures.fano_factor(tuned)["fano"] == 0).all(), "differences between conditions are no variability"
    silent = measures.fano_factor(np.zeros((5, 2)))
    assert silent["fano"].isna().all()
    with pytest.raises(ValueError, match="2.5 is no spike count"):
        measures.fano_factor(np.full((3, 2), 2.5))


def test_noise_correlations_are_pearsons_of_standardised_counts_and_ignore_tuning(rng):
    n, shared = 6000, rng.standard_normal(6000)
    noise = rng.standard_normal((n, 3))
    mean = np.where(np.arange(n) % 2, 5.0, 50.0)[:, None]
    counts = mean + np.column_stack([noise[:, 0] + shared, noise[:, 1] + shared, noise[:, 2]])
    condition = np.arange(n) % 2
    table = measures.count_correlations(labelled(counts, condition)).set_index(["unit", "other"])["correlation"]
    standard = np.array(counts)
    for level in (0, 1):
        some = standard[condition == level]
        standard[condition == level] = (some - some.mean(0)) / some.std(0, ddof=1)
    expected = np.corrcoef(standard.T)
    for (unit, other), value in table.items():
        assert value == pytest.approx(expected[unit, other], abs=1e-9)
    assert abs(table[(0, 1)] - 0.5) < 0.04 and abs(table[(0, 2)]) < 0.04


def test_a_cell_that_varies_in_one_condition_is_correlated_there_alone(rng):
    counts = rng.poisson(8.0, (60, 2)).astype(float)
    counts[30:, 1] = 4.0
    counts[:, 0] += counts[:, 1]
    table = measures.count_correlations(labelled(counts, np.repeat(["a", "b"], 30)))
    assert table["n"].tolist() == [30]
    assert table["correlation"][0] == pytest.approx(np.corrcoef(counts[:30].T)[0, 1])


def test_enhancement_compares_with_the_best_single_modality():
    a, v = np.array([[4.0, 0, 1], [6, 0, 1]]), np.array([[2.0, 0, 3], [2, 0, 1]])
    av = np.array([[9.0, 1, 3], [11, 1, 1]])
    table = measures.cell_enhancement(a, v, av)
    assert table["enhancement"].round(12).tolist()[::2] == [1.0, 0.0]  # (10 − 5)/5, (2 − 2)/2
    assert table["additivity"].tolist()[0] == pytest.approx((10 - 7) / 7)
    assert np.isnan(table.loc[1, "enhancement"]), "without a unisensory response there is nothing to compare with"
    assert measures.cell_enhancement(a, v, av, least=3.0)["enhancement"].notna().tolist() == [True, False, False]
    with pytest.raises(ValueError, match="numbers of units differ"):
        measures.cell_enhancement(a, v[:, :2], av)


def test_the_interval_of_enhancement_covers_the_truth_in_95_percent(rng):
    n = 2000
    a, v, av = (rng.poisson(rate, (100, n)) for rate in (12.0, 3.0, 18.0))
    table = measures.cell_enhancement(a, v, av)
    covered = ((table["low"] <= 0.5) & (table["high"] >= 0.5)).mean()
    assert abs(covered - 0.95) < 0.02


def test_a_triangle_has_its_known_window():
    soa = np.array([-300.0, -200, -100, 0, 50, 100, 200, 300])
    table = pd.DataFrame({"soa": soa, "enhancement": np.maximum(0, 1 - np.abs(soa - 50) / 200)})
    found = measures.response_window(table).iloc[0]
    assert (found["peak"], found["peak_soa"]) == (1.0, 50.0)
    assert found["left"] == pytest.approx(-50) and found["right"] == pytest.approx(150)
    assert found["width"] == pytest.approx(200)
    cut = measures.response_window(table[table["soa"] >= 0]).iloc[0]
    assert np.isnan(cut["left"]) and cut["right"] == pytest.approx(150)
    assert measures.response_window(table.assign(enhancement=-1.0))["peak"].isna().all()
