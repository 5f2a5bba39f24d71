import numpy as np
import pytest

from neuromm.paradigms.mcgurk import mcgurk


def test_every_pair_is_shown_and_the_choice_is_on_offer():
    trials = mcgurk(10)
    assert len(trials) == 90 and trials["condition"].nunique() == 9 and set(trials["alternatives"]) == {"ba|da|ga"}
    assert "alternatives" not in mcgurk(1, choice="open")


def test_signal_to_noise_becomes_reliability_and_absent_modalities_have_none():
    trials = mcgurk(1, pairs=[("ba", "ga")], snr_db=(0, 20), soas=(-200, 0, 200), unimodal=True)
    pair = trials["auditory_syllable"].notna() & trials["visual_syllable"].notna()
    assert pair.sum() == 6 and len(trials) == 6 + 2 + 1
    assert trials.loc[trials["auditory_snr"] == 0, "auditory_reliability"].eq(0.5).all()
    assert (
        trials.loc[~pair, "soa"].isna().all()
        and trials.loc[trials["auditory_syllable"].isna(), "auditory_reliability"].isna().all()
    )


def test_common_cause_is_asked_of_pairs_only():
    trials = mcgurk(1, unimodal=True, reports=("syllable", "common"))
    common = trials[trials["report"] == "common"]
    assert len(common) == 9 and common["alternatives"].isna().all() and common["presentation"].is_unique


def test_seconds_are_suspected_and_nonsense_is_refused():
    with pytest.warns(UserWarning, match="look like seconds"):
        mcgurk(1, soas=(-0.2, 0, 0.2))
    with pytest.raises(ValueError, match="'forced' or 'open'"):
        mcgurk(1, choice="both")
    with pytest.raises(ValueError, match="pairs"):
        mcgurk(1, pairs=["ba"])
    with pytest.raises(ValueError, match="finite asynchronies"):
        mcgurk(1, soas=(np.inf,))
