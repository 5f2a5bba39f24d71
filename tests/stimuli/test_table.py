import numpy as np
import pandas as pd
import pytest

from neuromm.stimuli.table import (
    check_trials,
    cross,
    distinct,
    finish,
    label_conditions,
    read_trials,
    require,
    showings,
    write_trials,
)


def test_cross_is_every_combination_with_the_last_factor_fastest():
    table = cross(a=[1, 2], b=[3, 4, 5], c="x")
    assert table["a"].tolist() == [1, 1, 1, 2, 2, 2]
    assert table["b"].tolist() == [3, 4, 5, 3, 4, 5]
    assert set(table["c"]) == {"x"}


def test_cross_refuses_an_empty_factor():
    with pytest.raises(ValueError, match="'b' has no values"):
        cross(a=[1], b=[])


def test_require_names_the_missing_column_and_the_near_one():
    with pytest.raises(ValueError, match="no column 'report'.*auditory_azimuth.*Paradigms add it"):
        require(pd.DataFrame({"auditory_azimuth": [1]}), ["report"])
    with pytest.raises(ValueError, match="did you mean its column 'reprot'"):
        require(pd.DataFrame({"reprot": [1]}), ["report"])


@pytest.mark.parametrize("wrong", ["visual_azimut", "Visual_Azimuth", "vizual_azimuth", "visual azimuth"])
def test_a_misspelt_column_is_refused_with_its_right_name(wrong):
    with pytest.raises(ValueError, match=f"'{wrong}'; did you mean 'visual_azimuth'"):
        check_trials(pd.DataFrame({"auditory_azimuth": [0.0], wrong: [1.0]}))


def test_unknown_columns_are_kept():
    table = check_trials(pd.DataFrame({"auditory_azimuth": [0.0], "subject_mood": ["fine"], "block": [3]}))
    assert table["subject_mood"].tolist() == ["fine"] and table["block"].tolist() == [3]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("auditory_azimuth", "left", "'left' is not a number"),
        ("auditory_azimuth", np.inf, "a finite number"),
        ("visual_reliability", 0.0, "more than 0"),
        ("visual_duration", -5.0, "at least 0"),
        ("n_beeps", 1.5, "a whole number"),
    ],
)
def test_a_wrong_value_is_named_with_trial_and_column(column, value, words):
    table = pd.DataFrame({"visual_azimuth": [0.0, 1.0], column: pd.Series([1, value], [7, 9], object)}, index=[7, 9])
    with pytest.raises(ValueError, match=f"trial 9, column '{column}'.*{words}"):
        check_trials(table)


def test_an_empty_table_and_a_repeated_trial_are_refused():
    with pytest.raises(ValueError, match="is empty"):
        check_trials(pd.DataFrame({"auditory_azimuth": []}))
    with pytest.raises(ValueError, match="trial 1 appears twice"):
        check_trials(pd.DataFrame({"auditory_azimuth": [0.0, 1.0]}, index=[1, 1]))
    with pytest.raises(TypeError, match="must be a pandas DataFrame with one row per trial, got a list"):
        check_trials([1, 2])


def test_reading_names_file_row_and_column(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("auditory_azimuth,visual_azimuth,report\n1,2,auditory\nn/a,two,visual\n")
    with pytest.raises(ValueError, match=r"mine.csv, row 3, column 'visual_azimuth': 'two' is not a number"):
        read_trials(path)


@pytest.mark.parametrize("text", ["", "a;b\n1;2\n3\n", '"unclosed,\n1,2\n3'])
def test_what_is_no_table_is_one_clear_error(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match="mine.csv"):
        read_trials(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no trial table at .*none.csv"):
        read_trials(tmp_path / "none.csv")


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_table_survives_writing_and_reading_bit_by_bit(tmp_path, suffix, trials):
    path = tmp_path / f"t.{suffix}"
    write_trials(trials, path)
    assert "n/a" in path.read_text()
    pd.testing.assert_frame_equal(read_trials(path), trials)


def test_conditions_ignore_the_question_and_the_noise(trials):
    labels = label_conditions(trials)
    by_showing = labels.groupby(trials["presentation"]).nunique()
    assert (by_showing == 1).all()
    assert labels.nunique() == 6
    assert "A+5 V-5 rA1 rV0.25" in set(labels)


def test_showings_are_in_order_of_appearance_and_share_one_stimulus(trials):
    first, of_row = showings(trials)
    assert (np.diff(first) > 0).all()
    assert (trials["noise_seed"].to_numpy()[first][of_row] == trials["noise_seed"]).all()
    broken = trials.copy()
    broken.loc[broken.index[1], "visual_azimuth"] = 33.0
    with pytest.raises(ValueError, match="share presentation 0 but differ in 'visual_azimuth'"):
        showings(broken)


def test_rows_without_presentation_are_their_own_showings():
    first, of_row = showings(pd.DataFrame({"auditory_azimuth": [1.0, 1.0, 2.0]}))
    assert first.tolist() == of_row.tolist() == [0, 1, 2]


def test_distinct_rows_reconstruct_the_table(trials):
    columns = ["auditory_azimuth", "visual_azimuth"]
    first, inverse = distinct(trials, columns)
    assert len(first) == 6
    pd.testing.assert_frame_equal(
        trials[columns].iloc[first].iloc[inverse].reset_index(drop=True), trials[columns].reset_index(drop=True)
    )


def test_finish_asks_a_place_only_of_a_modality_that_is_there():
    shown = pd.DataFrame({"auditory_azimuth": [0.0, np.nan], "visual_azimuth": [1.0, 2.0]})
    trials = finish(shown, seed=1, reports=("auditory", "visual", "common"))
    assert trials.groupby("presentation")["report"].apply(list).tolist() == [
        ["auditory", "visual", "common"],
        ["visual"],
    ]


def test_a_shown_modality_needs_its_reliability_where_the_table_has_the_column():
    table = pd.DataFrame({"auditory_azimuth": [0.0, 1.0, np.nan], "auditory_reliability": [1.0, np.nan, np.nan]})
    with pytest.raises(ValueError, match="trial 1, column 'auditory_reliability': empty, though the row shows"):
        check_trials(table)
    check_trials(table.iloc[[0, 2]])
