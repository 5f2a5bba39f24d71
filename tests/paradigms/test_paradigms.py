import pytest

from neuromm import catalogue, paradigms


@pytest.mark.parametrize("name", list(catalogue.PARADIGMS))
def test_every_paradigm_makes_a_checked_table_that_its_seed_decides(name):
    paradigm = catalogue.find(catalogue.PARADIGMS, name, "paradigm")
    one, same, other = paradigm(n_repeats=1, seed=1), paradigm(n_repeats=1, seed=1), paradigm(n_repeats=1, seed=2)
    assert one.equals(same)
    assert not one["noise_seed"].equals(other["noise_seed"])
    assert {"report", "condition", "presentation", "noise_seed"} <= set(one.columns)
    assert one.index.name == "trial" and one.index.is_unique


def test_ventriloquism_is_the_design_of_kording_2007():
    trials = paradigms.ventriloquism(n_repeats=3, keys=True)
    shown = trials.drop_duplicates("presentation")
    pairs = shown["auditory_azimuth"].notna() & shown["visual_azimuth"].notna()
    assert shown["condition"].nunique() == 35 and shown[pairs]["condition"].nunique() == 25
    assert (shown["condition"].value_counts() == 3).all()
    assert set(trials.loc[trials["report"] != "common", "alternatives"]) == {"-10|-5|0|5|10"}
    assert trials.loc[trials["report"] == "common", "alternatives"].isna().all()


def test_the_reliability_design_has_80_conditions_in_folds():
    trials = paradigms.ventriloquism_by_reliability(n_folds=4, n_repeats=2)
    assert trials["condition"].nunique() == 80
    counts = trials.drop_duplicates("presentation").groupby(["condition", "fold"]).size()
    assert len(counts) == 320 and (counts == 2).all()
    assert trials["noise_seed"].nunique() == trials["presentation"].nunique()


def test_cue_combination_shows_each_cue_alone_and_in_small_conflict():
    trials = paradigms.cue_combination(n_repeats=1)
    assert (trials["auditory_azimuth"].isna() & trials["visual_azimuth"].notna()).any()
    assert trials["disparity"].abs().max() == 4.0
    pair = trials.dropna(subset=["auditory_azimuth", "visual_azimuth"])
    assert (pair["auditory_azimuth"] - pair["visual_azimuth"] == pair["disparity"]).all()
