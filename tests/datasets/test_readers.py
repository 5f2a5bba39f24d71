"""Readers against the real tables where they are there, and against small written ones always."""

import numpy as np
import pytest

import neuromm as nm
from neuromm import datasets


def test_published_values_carry_their_provenance():
    table = datasets.published("kording_2007")
    sigma = table[table["measure"] == "sigma_A"].iloc[0]
    assert sigma["number"] == 9.2 and sigma["provenance"] == "read" and sigma["doi"] == "10.1371/journal.pone.0000943"
    assert set(datasets.published()["provenance"]) <= {"read", "memory", "digitised"}
    with pytest.raises(ValueError, match="no published values of 'kording'; there are: kording_2007"):
        datasets.published("kording")


def test_a_column_map_renames_converts_and_translates(tmp_path):
    path = tmp_path / "lab.csv"
    path.write_text("who,light,noise_at,asked,key,rt\na,5,-5,1,7,0.5\nb,n/a,0,2,,0.25\n")
    table = datasets.read_columns(
        path,
        {
            "observer": "who",
            "visual_azimuth": "light",
            "auditory_azimuth": "noise_at",
            "report": "asked",
            "response": "key",
            "reaction_time": ("rt", 1000),
        },
        values={"report": {1: "auditory", 2: "auditory"}},
    )
    assert table["reaction_time"].tolist() == [500, 250] and table["disparity"].tolist()[0] == -10
    assert table["report"].tolist() == ["auditory", "auditory"] and np.isnan(table["response"][1])
    assert set(table["kind"]) == {"human"}
    with pytest.raises(ValueError, match="did you mean its column 'light'.*lab.csv"):
        datasets.read_columns(path, {"visual_azimuth": "lights"})


def test_psychopy_rows_without_a_trial_are_left_out(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(
        "az_a,az_v,key_resp.keys,key_resp.rt,participant,instr.started\n,,,,p1,0.1\n-5,5,1,0.61,p1,\n5,5,None,,p1,\n"
    )
    table = datasets.read_psychopy(
        path,
        {
            "auditory_azimuth": "az_a",
            "visual_azimuth": "az_v",
            "response": "key_resp.keys",
            "reaction_time": ("key_resp.rt", 1000),
        },
        values={"response": {"1": 1.0, "2": 0.0}},
        constants={"report": "common"},
    )
    assert len(table) == 2 and table["response"].tolist()[0] == 1.0 and np.isnan(table["response"][1])
    assert table["observer"].tolist() == ["p1", "p1"] and table["reaction_time"][0] == 610


def test_bids_events_take_the_subject_from_the_name(tmp_path):
    for subject in ("01", "02"):
        folder = tmp_path / f"sub-{subject}" / "beh"
        folder.mkdir(parents=True)
        (folder / f"sub-{subject}_task-loc_events.tsv").write_text(
            "onset\tduration\tauditory_azimuth\tvisual_azimuth\treport\tresponse\tresponse_time\n0.5\t0.1\t0\tn/a\tauditory\t1.5\t0.4\n"
        )
    table = datasets.read_bids_events(tmp_path)
    assert table["observer"].tolist() == ["01", "02"] and table["reaction_time"].tolist() == [400, 400]
    assert table["trial"].tolist() == [0, 1] and table["visual_azimuth"].isna().all()


def test_acerbi2018_unity_falls_with_disparity_and_reliability_matters(shared):
    table = datasets.read_acerbi2018(shared / "data" / "heading_ci_acerbi2018")
    assert len(table) == 38633 and table["observer"].nunique() == 11
    assert set(table["report"]) == {"vestibular", "common"} and set(table["response"]) == {0.0, 1.0}
    unity = table[table["report"] == "common"].groupby([table["disparity"].abs()])["response"].mean()
    assert unity.is_monotonic_decreasing and unity[0] - unity[40] > 0.4
    right = table[table["report"] == "vestibular"]
    assert right[right["vestibular_heading"] > 15]["response"].mean() > 0.8


def test_dewinkel2017_angles_are_on_the_circle(shared):
    table = datasets.read_dewinkel2017(shared / "data" / "heading_continuous_dewinkel2017")
    assert len(table) == 10343 and table["observer"].nunique() == 17
    assert table["response"].between(-180, 180).all() and table["disparity"].dropna().between(-180, 180).all()
    alone = table[table["vestibular_heading"].isna()]
    error = 180 - np.mod(180 - (alone["response"] - alone["visual_heading"]), 360)
    assert error.abs().median() < 40


def test_drugowitsch2014_has_milliseconds_and_right_is_one(shared):
    table = datasets.read_drugowitsch2014(shared / "data" / "heading_cue_combination_drugowitsch2014")
    assert len(table) == 44059 and 300 < table["reaction_time"].median() < 2500
    strong = table[table["visual_heading"].fillna(table["vestibular_heading"]) > 10]
    assert strong["response"].mean() > 0.9


def test_chan_shows_fission_beyond_one_beep(shared):
    table = datasets.read_chan_sifi(shared / "data" / "sifi_lowvision_chan")
    assert len(table) == 34272 and table["observer"].nunique() == 42
    two = (table["response"] >= 2).groupby([table["n_flashes"], table["n_beeps"]]).mean()
    assert two[1, 2] > two[1, 1]


def test_gau2016_fusion_equals_the_stored_category_and_depends_on_context(shared):
    import pandas as pd

    path = shared / "data" / "mcgurk_prior_gau2016"
    table = datasets.read_gau2016(path)
    raw = pd.read_csv(path / "mcgurk_trials.csv")
    mcgurk = (raw["trial_type"] == "mcgurk") & raw["response"].notna()
    assert len(table) == 12096
    assert (table["fused"][mcgurk] == (raw["category"][mcgurk] == 0)).all()
    assert table["fused"][~mcgurk & (raw["trial_type"] != "mcgurk")].isna().all()
    rate = table.groupby("context")["fused"].mean()
    assert rate["congruent"] > rate["incongruent"]
    assert table["reaction_time"].max() < 20_000, "the code 999 s of a missed answer is no reaction time"


def ways_to_read(folder, rows):
    """The readers of a table of the columns trial, auditory_azimuth and visual_azimuth with these rows."""
    path, events = folder / "t.csv", folder / "sub-1_events.tsv"
    path.write_text("trial,auditory_azimuth,visual_azimuth\n" + rows)
    events.write_text(path.read_text().replace(",", "\t"))
    ours = {name: name for name in ("auditory_azimuth", "visual_azimuth")}
    return [lambda: nm.stimuli.read_trials(path), lambda: datasets.read_columns(path, ours),
            lambda: datasets.read_psychopy(path, ours),
            lambda: datasets.read_bids_events(events, ours)]  # fmt: skip


@pytest.mark.parametrize("rows", ["0,5,6,9,9\n1,7,8,9,9\n", '"1",0,5,6\n"2",1,7,8\n', "0,5,6,\n1,7,8,9\n"])
def test_rows_with_more_cells_than_names_are_refused_not_shifted(tmp_path, rows):
    """Columns without a name, such as R's row names: pandas would move each value to its neighbour's column."""
    for read in ways_to_read(tmp_path, rows):
        with pytest.raises(ValueError, match="the rows have more cells than the header has names; name every column"):
            read()


def test_a_separator_at_the_end_of_every_row_is_no_cell(tmp_path):
    for read in ways_to_read(tmp_path, "0,5,6,\n1,7,8,\n"):
        table = read()
        assert table["auditory_azimuth"].tolist() == [5, 7] and table["visual_azimuth"].tolist() == [6, 8]
