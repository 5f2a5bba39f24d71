"""Bands over the seeds of a network: what is held, by how many, and with what p."""

import numpy as np
import pandas as pd
import pytest

from neuromm import catalogue
from neuromm.studies import ann_subjects
from neuromm.studies.ann_ventriloquism import pull_of_light


def table(values, least=-np.inf, most=0.3):
    return ann_subjects.bands_table([(f"net_{i}", "error", v, least, most) for i, v in enumerate(values)])


def test_a_band_over_twelve_seeds_has_a_mean_a_worst_and_an_exact_p():
    values = np.linspace(0.1, 0.25, 12)
    found = ann_subjects.over_seeds(table(values), [f"net_{i}" for i in range(12)]).iloc[0]
    assert (found["held_by"], found["n_seeds"], found["worst"]) == (12, 12, 0.25)
    assert found["p"] == 1 / 2**12 and found["mean"] == pytest.approx(values.mean())
    assert found["low"] < found["mean"] < found["high"]


def test_the_worst_seed_is_the_one_furthest_outside_on_either_side():
    bands = ann_subjects.bands_table([("a", "rate", 0.2, 0.3, 0.8), ("b", "rate", 0.85, 0.3, 0.8)])
    found = ann_subjects.over_seeds(bands, ["a", "b"]).iloc[0]
    assert found["worst"] == 0.2 and found["held_by"] == 0
    assert bands["margin"].tolist() == pytest.approx([-0.1, -0.05])


def test_a_band_that_no_condition_can_decide_counts_for_nobody():
    bands = pd.concat([table([0.1, 0.2]), table([np.nan, np.nan]).assign(what="ratio")])
    assert ann_subjects.over_seeds(bands, ["net_0", "net_1"])["what"].tolist() == ["error"]
    assert "ratio" not in ann_subjects.said(ann_subjects.over_seeds(bands, ["net_0", "net_1"]))


def test_seeds_are_loaded_up_to_as_many_as_are_asked_for():
    found = ann_subjects.seeds_of("fusion_net", None, 3)
    assert list(found) == ["fusion_net", "fusion_net_s02", "fusion_net_s03"] and found["fusion_net_s03"].seed == 3
    with pytest.raises(ValueError, match="n_seeds is 0"):
        ann_subjects.seeds_of("fusion_net", None, 0)


def test_further_seeds_that_are_not_shipped_are_refused_by_name():
    with pytest.raises(ValueError, match="no weights of seed 99 are shipped; there are seeds 1, 2"):
        catalogue.load("hierarchy_net", seed=99).provenance()


def test_shrinkage_to_straight_ahead_is_no_pull_of_the_light():
    rng = np.random.default_rng(1)
    places = rng.choice([-10.0, 0.0, 10.0], (2, 600))
    trials = pd.DataFrame({"auditory_azimuth": places[0], "visual_azimuth": places[1], "report": "auditory"})
    shrunk = trials.assign(observer="prior", response=0.6 * places[0] + rng.standard_normal(600))
    drawn = trials.assign(observer="drawn", response=0.6 * places[0] + 0.3 * places[1] + rng.standard_normal(600))
    found = pull_of_light(pd.concat([shrunk, drawn]), ["prior", "drawn"]).set_index("observer")
    assert found["null"].tolist() == [True, False] and found.loc["drawn", "pull"] == pytest.approx(0.3, abs=0.02)
