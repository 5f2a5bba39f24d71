"""What the figures of rate networks plot is what the reference simulation of the same equations gives."""

import numpy as np
import pytest
from test_figures import script


def test_spatial_principle_turns_to_suppression_with_distance_and_sooner_when_strong():
    figure = script("spatial_principle")
    table = figure.normalisation(offsets=(0, 2, 4, 6), intensities=(64.0, 1024.0)).set_index(["line", "disparity"])
    np.testing.assert_allclose(table.loc["intensity 64", "response"], [75.8, 61.9, 39.8, 28.6], rtol=0.005)
    np.testing.assert_allclose(table.loc["intensity 1024", "response"], [104.9, 86.8, 57.9, 43.4], rtol=0.005)
    above = table["response"] > table["alone"]
    assert above["intensity 64"].tolist() == [True, True, True, False]
    assert above["intensity 1024"].tolist() == [True, True, False, False]
    ring = figure.ring(offsets=(0, 10, 20, 30, 60))
    np.testing.assert_allclose(ring["response"], [0.998, 0.0001, 0.280, 0.355, 0.366], atol=0.002)
    cell = figure.colliculus()
    assert (cell["response"] > cell["alone"] - 1e-9).all()  # receptive fields, no surround: never below the best alone


def test_an_exciting_input_suppresses_only_strong_pairs():
    table = script("normalisation_2011").responses().set_index(["observer", "level"])
    for dominance, pair, alone in (("d2_0.75", 80.3, 46.4), ("d2_0.5", 59.0, 20.6), ("d2_0", 26.2, 0.0)):
        row = table.loc[(dominance, 1024.0)]
        assert row["audiovisual"] == pytest.approx(pair, rel=0.005) and row["visual"] == pytest.approx(alone, abs=0.1)
        assert row["audiovisual"] < row["auditory"] == pytest.approx(82.5, rel=0.005)
    weak = table.loc[("d2_0.5", 4.0)]
    assert weak["audiovisual"] == pytest.approx(7.84, rel=0.005) and weak["audiovisual"] > weak["auditory"]


def test_congruent_and_opposite_cells_plot_the_reference():
    figure = script("congruent_opposite")
    table = figure.steady((0, 40, 90, 140)).set_index("disparity")
    for place, (congruent, opposite, peak_c, peak_o) in figure.REFERENCE.items():
        row = table.loc[place]
        assert row["congruent_angle"] == pytest.approx(congruent, abs=0.15)
        assert np.isnan(opposite) or row["opposite_angle"] == pytest.approx(opposite, abs=0.15)
        assert row[["congruent_peak", "opposite_peak"]].to_numpy(float) == pytest.approx([peak_c, peak_o], abs=0.5)


def test_basis_figure_is_near_the_optimum_everywhere():
    spread = script("basis_functions").near_optimal(400)
    ratio = (spread["sd"] / spread["optimal"]) ** 2
    assert (ratio < 1.4).all() and (spread["bias"].abs() < 0.5).all()
    shifts = script("basis_functions").frames((0.2, 1.0)).set_index(["faded", "gain"])["shift"]
    assert shifts["visual", 0.2] < 0.45 < 0.55 < shifts["auditory", 0.2]
