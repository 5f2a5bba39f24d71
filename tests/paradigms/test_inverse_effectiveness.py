"""The design of inverse effectiveness, and what three networks make of it: reference numbers, and what must not
enhance."""

import numpy as np
import pytest

import neuromm as nm
from neuromm.observers.rate.colliculus import Colliculus
from neuromm.studies import inverse_effectiveness as study


def test_each_level_shows_sound_light_and_both():
    trials = nm.paradigms.inverse_effectiveness(2, levels=(0.5, 2.0), disparities=(0.0, 30.0), soas=(-50.0, 0.0))
    kinds = trials.groupby(["level", trials["auditory_azimuth"].notna(), trials["visual_azimuth"].notna()]).size()
    assert kinds.to_dict() == {
        (level, a, v): 8 if a and v else 2
        for level in (0.5, 2.0)
        for a, v in ((True, True), (True, False), (False, True))
    }
    pairs = trials[trials["disparity"].notna()]
    assert (pairs["auditory_azimuth"] - pairs["visual_azimuth"] == pairs["disparity"]).all()
    assert (pairs["auditory_onset"] - pairs["visual_onset"] == pairs["soa"]).all()
    assert trials["auditory_onset"].min() >= 0 and (trials["report"] == "rate").all()
    with pytest.raises(ValueError, match="positive factors"):
        nm.paradigms.inverse_effectiveness(levels=(0.0, 1.0))


def test_colliculus_is_inversely_effective_and_only_through_association_cortex():
    found = study.colliculus().set_index(["observer", "level"])
    intact = found.loc["intact"]
    np.testing.assert_allclose(intact["enhancement"], [941, 913, 494, 215, 95, 27, 8.3, 6.0], atol=0.5)
    assert intact["super_additive"].tolist() == [True] * 4 + [False] * 4
    assert not found.loc["without_association_cortex", "enhancement"].any()
    assert (found["null_max"] == 0).all()  # without noise the larger of two is the best alone


def test_normalisation_matches_the_reference_and_exponent_1_is_never_super_additive():
    found = study.normalisation().set_index(["observer", "level"])
    some = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0]
    for observer, additivity in (
        ("exponent_1", [0.973, 0.949, 0.907, 0.844, 0.762, 0.677]),
        ("exponent_2", [1.950, 1.819, 1.478, 1.015, 0.733, 0.636]),
        ("exponent_3", [3.889, 3.284, 1.732, 0.889, 0.737, 0.717]),
    ):
        np.testing.assert_allclose(found.loc[observer].loc[some, "additivity"], additivity, rtol=0.005)
    np.testing.assert_allclose(
        found.loc["exponent_2"].loc[some, "enhancement"], [290, 264, 196, 103, 46.6, 27.2], rtol=0.005
    )
    assert not found.loc["exponent_1", "super_additive"].any()


def test_the_ring_network_is_inversely_effective_as_in_the_reference():
    found = study.ring(strengths=(18.0, 22.0, 24.0, 26.0, 28.0, 30.0, 34.0)).set_index("level")
    np.testing.assert_allclose(
        found.loc[22.0, ["auditory", "visual", "audiovisual"]].astype(float), [0.0081, 0.186, 0.998], atol=0.001
    )
    np.testing.assert_allclose(found["enhancement"].iloc[1:], [437, 182, 101, 70, 58, 49], rtol=0.02)
    np.testing.assert_allclose(found.loc[[22.0, 28.0, 34.0], "additivity"], [5.2, 1.01, 0.79], rtol=0.02)


def test_enhancement_over_soa_needs_the_discharges_to_overlap():
    soas = tuple(float(s) for s in range(-200, 301, 50))
    trials = nm.paradigms.inverse_effectiveness(levels=(1.0,), soas=soas)
    trials = trials.assign(auditory_duration=50.0, visual_duration=50.0)
    session = nm.present(trials, [Colliculus(duration=900.0, intensity_auditory=11, intensity_visual=11)], seed=1)
    pairs = session.trials[session.trials["soa"].notna()]
    assert 0 <= pairs.loc[pairs["response"].idxmax(), "soa"] <= 100
