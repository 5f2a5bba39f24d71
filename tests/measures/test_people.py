"""One convention for people: `observer`, else `participant`, else `subject`; nobody is pooled without a word."""

import warnings

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm import measures
from neuromm.stimuli.checks import name_people

CI = nm.observers.CausalInference


@pytest.fixture(scope="module")
def two_people():
    """Answers of two people who differ in their noise, `observer` a and b."""
    trials = nm.paradigms.ventriloquism(n_repeats=2, seed=1)
    people = [CI(sigma_visual=1.0, name="a"), CI(sigma_visual=6.0, name="b")]
    return nm.present(trials, people, seed=3, layers=None).trials


def fitted(trials, **options):
    return measures.fit(CI(), trials, {"sigma_visual": (0.3, 15)}, n_starts=2, **options)


@pytest.mark.parametrize("column", ["participant", "subject"])
def test_people_are_fitted_one_by_one_whatever_their_column_is_called(two_people, column):
    expected = fitted(two_people)
    assert expected.subjects == ["a", "b"]
    renamed = fitted(two_people.rename(columns={"observer": column}))
    pd.testing.assert_frame_equal(renamed.estimates, expected.estimates)
    numbered = two_people.assign(observer=two_people["observer"].map({"a": 1, "b": 2}))
    found = fitted(numbered.rename(columns={"observer": column}))
    assert found.subjects == ["1", "2"]
    assert (
        found.observer(1).sigma_visual
        == found.observer("1").sigma_visual
        < found.observer(2).sigma_visual
    )


def test_a_table_that_names_nobody_is_one_subject_and_says_so(two_people):
    with pytest.warns(
        UserWarning, match="no column 'observer', 'participant' or 'subject': all answers are one"
    ):
        assert len(fitted(two_people.drop(columns="observer")).subjects) == 1


@pytest.mark.parametrize(
    "column", ["Participant", "participant_id", "sub", "SubjectID", "sid", "vp", "observers"]
)
def test_a_column_that_may_name_people_is_not_overlooked(two_people, column):
    with pytest.raises(ValueError, match=f"no column 'observer', but '{column}'; rename it"):
        fitted(two_people.rename(columns={"observer": column}))
    with pytest.raises(ValueError, match=f"no column 'observer', but '{column}'"):
        measures.crossmodal_bias(two_people.rename(columns={"observer": column}))


def test_a_named_column_that_is_missing_is_refused(two_people):
    with pytest.raises(ValueError, match="no column 'group' that tells people apart; it has"):
        fitted(two_people, by="group")
    given = two_people.assign(group=two_people["observer"])
    assert fitted(given.drop(columns="observer"), by="group").subjects == ["a", "b"]


def test_two_columns_that_disagree_are_refused_and_observer_comes_first(two_people):
    renamed = two_people.rename(columns={"observer": "participant"})
    alike = renamed.assign(subject=renamed["participant"].map({"a": "x", "b": "y"}))
    assert name_people(alike)["observer"].tolist() == two_people["observer"].tolist()
    crossed = renamed.assign(subject=["x", "y"] * (len(renamed) // 2))
    with pytest.raises(ValueError, match="name people differently; name one 'observer'"):
        name_people(crossed)
    assert set(name_people(two_people.assign(participant="c"))["observer"]) == {"a", "b"}


MEASURES = {
    "crossmodal_bias": measures.crossmodal_bias,
    "unity_rate": measures.unity_rate,
    "mean_answers": lambda trials: measures.mean_answers(trials, "disparity", report="auditory"),
    "enhancement": lambda trials: measures.enhancement(trials[trials["report"] != "common"]),
    "fit": lambda trials: (
        measures.fit(CI(), trials, {"p_common": (0.1, 0.9)}, n_starts=1).estimates
    ),
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("column", ["participant", "subject"])
def test_measures_tell_the_same_people_apart(two_people, name, column):
    measure = MEASURES[name]
    expected = measure(two_people)
    found = measure(two_people.rename(columns={"observer": column}))
    pd.testing.assert_frame_equal(found, expected)
    who = "subject" if "subject" in found else "observer"
    assert set(found[who]) == {"a", "b"}


def test_numbers_as_names_of_people_are_text_in_results_and_figures(two_people):
    numbered = two_people.assign(observer=two_people["observer"].map({"a": 1.0, "b": 2.0}))
    bias = measures.crossmodal_bias(numbered)
    assert bias["observer"].unique().tolist() == ["1", "2"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure, table in (
            (nm.plots.bias_by_disparity, bias),
            (nm.plots.unity_by_disparity, measures.unity_rate(numbered)),
        ):
            labels = [text.get_text() for text in figure(table).get_legend().get_texts()]
            assert labels[0].startswith("1") and any(label.startswith("2") for label in labels)
            raw = table.assign(observer=table["observer"].astype(int))
            assert [text.get_text() for text in figure(raw).get_legend().get_texts()] == labels


def test_a_table_of_answers_with_participants_is_read_and_told_apart(tmp_path, two_people):
    from neuromm.studies.line_up import as_people

    table = two_people.rename(columns={"observer": "participant"})[
        ["participant", "trial", "auditory_azimuth", "visual_azimuth", "report", "response"]
    ]
    table.to_csv(tmp_path / "people.csv", index=False)  # each person counts their own trials
    read = nm.read_trials(tmp_path / "people.csv")
    assert len(read) == len(table) and read["participant"].nunique() == 2
    assert as_people(read)["observer"].tolist() == table["participant"].tolist()
    assert set(as_people(read.drop(columns="participant"))["observer"]) == {"people"}


def test_a_curve_of_several_people_says_so(rng):
    x = np.tile([-2.0, -1, 0, 1, 2], 40)
    answers = (rng.standard_normal(len(x)) < x).astype(float)
    trials = pd.DataFrame({"x": x, "response": answers, "subject": np.repeat([1, 2], 100)})
    with pytest.warns(UserWarning, match="the answers of 2 people make one curve; by='subject' gives each"):
        measures.fit_psychometric(trials, "x", n_bootstrap=0, n_samples=0)
    each = measures.fit_psychometric(trials, "x", by="observer", n_bootstrap=0, n_samples=0)
    assert sorted(each.estimates["condition"].unique()) == ["1", "2"]
