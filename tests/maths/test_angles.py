"""Differences of directions: the shorter way round, against complex numbers; measures and paradigms that use them."""

import numpy as np
import pandas as pd
import pytest

from neuromm import measures, paradigms
from neuromm.maths.angles import near, wrapped


def test_differences_are_those_of_complex_numbers():
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-540, 540, (2, 1000))
    turn = np.exp(1j * np.deg2rad(first)) / np.exp(1j * np.deg2rad(second))
    np.testing.assert_allclose(wrapped(first - second), np.rad2deg(np.angle(turn)), atol=1e-9)
    assert wrapped([175.0 - -175.0, -360.0, 180.0, -180.0]).tolist() == [-10.0, 0.0, 180.0, 180.0]
    assert np.isnan(wrapped(np.nan))


def test_numbers_that_need_no_turn_keep_their_bits():
    x = np.random.default_rng(1).uniform(-180, 180, 1000)
    assert (wrapped(x) == x).all() and (near(x, np.zeros(1000)) == x).all()
    assert near(-175.0, 175.0) == 185.0


def ventriloquism(middle, seed=1):
    """Answers to sounds beside lights 20 deg away, a third of the way, all around a place."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"auditory_azimuth": np.repeat([-10.0, 0.0, 10.0], 40) + middle})
    table["visual_azimuth"] = table["auditory_azimuth"] + np.tile([-20.0, 20.0, -10.0, 10.0], 30)
    pull = (table["visual_azimuth"] - table["auditory_azimuth"]) / 3
    table["response"] = table["auditory_azimuth"] + pull + rng.normal(size=len(table))
    table["trial"] = table.index
    people = [table.assign(observer=who, report=report) for who in "pq" for report in ("auditory", "common")]
    table = pd.concat(people, ignore_index=True)
    table.loc[table["observer"] == "q", "response"] += rng.normal(size=240)
    common = table["report"] == "common"
    table["response"] = np.where(common, table["trial"] % 2, table["response"])
    return table


def turned(table):
    """The same table with its directions written in (−180, 180]."""
    places = table[["auditory_azimuth", "visual_azimuth", "response"]].apply(wrapped)
    places["response"] = places["response"].where(table["report"] == "auditory", table["response"])
    return table.assign(**places)


@pytest.mark.parametrize("measure, columns", [
    (measures.crossmodal_bias, ["disparity", "bias", "shift", "low", "high"]),
    (measures.unity_rate, ["disparity", "unity"]),
    (measures.cue_weights, ["weight_visual", "low", "high", "sigma_bimodal"]),
    (measures.response_agreement, ["agreement", "difference"]),
])  # fmt: skip
def test_a_table_turned_by_half_a_circle_has_the_same_measures(measure, columns):
    straight, behind = measure(ventriloquism(0.0)), measure(turned(ventriloquism(180.0)))
    np.testing.assert_allclose(behind[columns], straight[columns], atol=1e-9)


def test_mean_directions_do_not_meet_in_front():
    table = pd.DataFrame({"report": "heading", "response": [175.0, -175.0, 170.0, -170.0], "cell": [1, 1, 2, 2]})
    assert measures.mean_answers(table, "cell")["mean"].tolist() == [180.0, 180.0]
    heights = table.assign(report="visual", visual_height=0.0)  # mm, no direction
    assert measures.mean_answers(heights, "cell")["mean"].tolist() == [0.0, 0.0]


def test_paradigms_write_directions_and_disparities_within_half_a_turn():
    trials = paradigms.heading(1, directions=(175.0,), disparities=(-40.0, 40.0))
    places = trials[["vestibular_heading", "visual_heading"]]
    assert places.min().min() > -180 and places.max().max() <= 180
    np.testing.assert_allclose(wrapped(places["vestibular_heading"] - places["visual_heading"]), trials["disparity"])
    assert set(paradigms.ventriloquism(1, positions=(-175.0, 175.0))["disparity"].dropna()) == {-10.0, 0.0, 10.0}
