"""What the studies of rate networks show, small: reference numbers, lesions, and which way effects must go."""

import numpy as np
import pytest

from neuromm.studies import decision_attractor, flash_network, ppc_optimality, ventriloquism_network


def test_summed_counts_are_optimal_for_equal_widths_and_weighted_ones_for_any():
    gains = ppc_optimality.by_gain(4000, seed=3)
    np.testing.assert_allclose(gains["variance"], gains["optimal"], rtol=0.08)  # sd of a variance of 4000 is 2.2 %
    np.testing.assert_allclose(gains["optimal"], [0.9974, 0.5699, 0.2660, 0.1596, 0.0997, 0.0665], atol=1e-4)
    widths = ppc_optimality.by_width(3000, seed=3).set_index(["width_auditory", "width_visual", "decoder"])["variance"]
    plain, weighted = (widths[5.0, 20.0, d] for d in ("sum of counts", "counts weighted by 1/width²"))
    assert weighted == pytest.approx(0.1596, rel=0.08) and plain == pytest.approx(0.506, rel=0.08)
    conflicts = ppc_optimality.by_conflict(2000, seed=3)
    np.testing.assert_allclose(conflicts["mean"], conflicts["expected"], atol=0.05)


def test_fission_needs_close_beeps_and_the_connections():
    networks = flash_network.observers()
    intact = flash_network.fission(networks["Cuppini2014"], (48.0, 84.0), 1, seed=1)["p_two"]
    np.testing.assert_allclose(intact, [1.0, 0.0], atol=0.01)
    assert not flash_network.fission(networks["Cuppini2014, connections cut"], (48.0,), 1, seed=1)["p_two"].any()


def test_sound_moves_light_hardly_and_without_connections_neither():
    table = ventriloquism_network.shifts((10.0, 40.0)).set_index(["line", "report", "disparity"])["shift"]
    for line in ("Magosso2012", "Cuppini2017"):
        assert table[line, "auditory", 10.0] > 3 and abs(table[line, "visual", 10.0]) < 0.7
        assert abs(table[f"{line}, connections cut", "auditory", 10.0]) < 1e-6
    assert table["Magosso2012", "auditory", 40.0] < table["Magosso2012", "auditory", 10.0]


def test_two_cues_decide_better_and_sooner_than_one():
    table = decision_attractor.decide(150, seed=1, coherences=(6.4,)).set_index("line")
    assert table.loc["both", "correct"] > table.loc[["auditory", "visual"], "correct"].max()
    assert table.loc["both", "time"] < table.loc[["auditory", "visual"], "time"].min() - 20
