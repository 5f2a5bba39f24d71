"""Who takes part in the main experiment, and what a user's table can be used for."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm import catalogue, measures, paradigms
from neuromm.session import present
from neuromm.studies import line_up
from neuromm.studies.results import read_table


@pytest.mark.parametrize("name", ["causal_hierarchy", "sts_binding"])
def test_brain_networks_are_given_the_sds_of_the_trials(name):
    """With σ_A 8° where the trials have 4° their errors agreed at .814; they are those of causal inference."""
    trials = paradigms.ventriloquism_by_reliability(2, 1, reports=("auditory",), seed=1)
    network = catalogue.load(name, **line_up.fields_of_the_trials(name))
    ideal = line_up.ideal_observers()[0].observer
    session = present(trials, [network, ideal], seed=1, layers=None)
    assert measures.response_agreement(session.trials)["agreement"].iloc[0] > 0.995


def test_every_observer_with_such_a_field_is_given_it_but_widths_of_bumps():
    for name in catalogue.OBSERVERS:
        kind = catalogue.find(catalogue.OBSERVERS, name, "observer")
        fields = line_up.fields_of_the_trials(name)
        for field in ("sigma_auditory", "sigma_visual", "sigma_prior"):
            has = field in {f.name for f in dataclasses.fields(kind)}
            assert (field in fields) == (has and name not in line_up.OWN_WIDTHS), name


def table_of(rows, path, columns="auditory_azimuth,visual_azimuth,report"):
    path.write_text(
        "\n".join([columns, *(",".join(str(cell) for cell in row) for row in rows)]) + "\n"
    )
    return line_up.users_trials(read_table(path), n_folds=2, n_repeats=1, seed=1)


FIVE = [
    (a, v, r) for r in ("auditory", "visual") for a in range(-10, 11, 5) for v in range(-10, 11, 5)
]


@pytest.mark.parametrize("name", ["cuppini2017", "fixed_criterion"])
@pytest.mark.parametrize(
    "rows",
    [FIVE, [r for r in FIVE if r[2] == "auditory"], FIVE[:1], FIVE[:3]],
    ids=["five by five", "sounds only", "one row", "three conditions"],
)
def test_an_ordinary_table_decides_who_takes_part(tmp_path, name, rows):
    trials = table_of(rows, tmp_path / "mine.csv")
    said = []
    found = line_up._joins(name, 1, trials, False, said.append)
    assert [p.name for p in found] == [name] and not said
    assert set(found[0].reports) == set(trials["report"])


def test_an_observer_that_gives_no_places_is_left_out_with_the_reason(tmp_path):
    said = []
    trials = table_of(FIVE, tmp_path / "mine.csv")
    assert line_up._joins("numerosity", 1, trials, False, said.append) == []
    assert len(said) == 1 and said[0].startswith("numerosity does not join: ")


def test_what_a_table_cannot_be_used_for_is_said_before_anyone_sees_it(tmp_path):
    said = []
    line_up.check_usable(table_of(FIVE[:3], tmp_path / "mine.csv"), said.append)
    assert said == [
        "no row with a sound and a light asks for 'common': unity is left out",
        "no row shows a sound or a light alone: ideal observers are not matched to each observer's precision",
        "conditions: 3; representations need 6 and are left out",
    ]
    wrong = table_of([(0, 5, "n_flashes")], tmp_path / "other.csv")
    with pytest.raises(
        ValueError, match="the table asks for 'n_flashes'; the main experiment needs rows that ask"
    ):
        line_up.check_usable(wrong, said.append)
    absent = table_of([(0, "n/a", "visual"), (0, 1, "visual")], tmp_path / "absent.csv")
    with pytest.raises(
        ValueError, match=r"trials \[0\] ask for the visual place, but their visual event is absent"
    ):
        line_up.check_usable(absent.iloc[:1], said.append)


def test_rows_that_tell_are_taken_after_the_report():
    trials = pd.DataFrame({"auditory_azimuth": [0.0, 1, 2, 3, 0], "visual_azimuth": [0.0, 1, 2, 3, np.nan],
                           "report": ["auditory"] * 3 + ["common", "auditory"],
                           "condition": list("abcda")})  # fmt: skip
    assert line_up.telling_rows(trials, "common").index.tolist() == [3]
    assert line_up.telling_rows(trials.iloc[:4], "auditory").index.tolist() == [0, 1, 2]
    assert line_up.telling_rows(trials, "visual").empty


def test_answers_in_a_users_table_are_people_of_the_ventriloquism_study(tmp_path):
    from neuromm.studies.ventriloquism import main

    rows = [(*row, 0.5 * (row[0] + row[1])) for row in FIVE]
    table_of(rows, tmp_path / "mine.csv", "auditory_azimuth,visual_azimuth,report,response")
    main(["segregation"], trials=str(tmp_path / "mine.csv"), out=str(tmp_path / "out"))
    bias = pd.read_csv(tmp_path / "out" / "tables" / "auditory_bias.csv")
    people = bias[bias["observer"] == "people"]
    assert (people["kind"] == "human").all() and np.allclose(people["bias"], 0.5)
    assert set(bias["observer"]) == {"people", "segregation"}
