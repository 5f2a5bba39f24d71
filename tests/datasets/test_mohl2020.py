import pytest

from neuromm.datasets import read_mohl2020
from neuromm.measures.bias import crossmodal_bias, unity_rate

HEADER = "subject,trial,trial_type,A_target,V_target,valid,n_saccades,first_x,first_y,A_x,A_y,V_x,V_y\n"


def test_one_saccade_answers_both_places_and_two_answer_each(tmp_path):
    path = tmp_path / "saccades.csv"
    path.write_text(
        HEADER
        + "H1,1,AV,12,6,1,1,8.5,0,,,,\nH1,2,AV,-24,12,1,2,-20,0,-20,0,11,0\n"
        + "H1,3,A,12,,1,1,9,0,,,,\nH1,4,AV,12,6,0,0,,,,,,\n"
    )
    trials = read_mohl2020(path).set_index(["presentation", "report"])["response"]
    assert trials[0].to_dict() == {"auditory": 8.5, "visual": 8.5, "common": 1.0}
    assert trials[1].to_dict() == {"auditory": -20.0, "visual": 11.0, "common": 0.0}
    assert trials[2].to_dict() == {"auditory": 9.0}
    assert trials[3].isna().all()


def test_the_published_pattern_is_there_in_the_real_table(shared):
    trials = read_mohl2020(shared / "data" / "av_localisation_mohl2020")
    unity = unity_rate(trials).groupby("disparity")["unity"].mean()
    assert unity.loc[:18.0].is_monotonic_decreasing  # one saccade when aligned, two when far apart (their figure 3)
    assert unity[0.0] - unity[36.0] > 0.7
    bias = crossmodal_bias(trials).groupby("disparity")["bias"].mean()
    assert bias[6.0] > 2 * bias[24.0]


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "saccades.csv"
    path.write_text(HEADER.replace("valid,", "") + "H1,1,A,12,,1,9,0,,,,\n")
    with pytest.raises(ValueError, match="no column 'valid'"):
        read_mohl2020(path)
