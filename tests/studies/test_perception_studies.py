"""Studies of syllables, time, reaction and recalibration: people's tables, users' tables, and what they do wrong."""

import json

import numpy as np
import pandas as pd
import pytest

from neuromm import paradigms
from neuromm.observers.bayes.reaction import Coactivation
from neuromm.studies import mcgurk_people, redundant_target, synchrony_window


def test_people_in_two_contexts_are_summarised_and_fitted_in_one_command(shared, tmp_path):
    mcgurk_people.main(data=str(shared / "data" / "mcgurk_prior_gau2016"), out=str(tmp_path / "out"))
    tables = {p.stem: pd.read_csv(p) for p in (tmp_path / "out" / "tables").glob("*.csv")}
    counts = tables["counts"].iloc[0]
    assert counts["n_people"] == len(tables["estimates"]) == 16 and counts["n"] == 12096 and counts["n_missed"] == 563
    assert counts["n_fitted"] + counts["n_left_out"] <= counts["n"]
    rate = tables["fusion"].groupby("context")["fusion"].mean()
    assert rate["congruent"] > rate["incongruent"]
    group = tables["group"].iloc[0]
    assert group["first"] == "congruent" and group["low"] > 0, "the prior of one cause is larger among congruent trials"
    shown = tables["predictions"]
    shown = shown[shown["auditory_syllable"] != shown["visual_syllable"]]
    assert np.corrcoef(shown["observed"], shown["fitted"])[0, 1] > 0.98
    page = (tmp_path / "out" / "report.html").read_text()
    assert "563 answers missed" in page and "not fitted" in page


def test_a_table_of_ones_own_is_read_and_its_mistakes_are_named(tmp_path):
    pair = {"auditory_syllable": "ba", "visual_syllable": "ga"}
    table = pd.DataFrame({"observer": "P", "context": ["a", "b"] * 4, **pair, "response_label": ["da", "ba"] * 4})
    path = tmp_path / "own.csv"
    table.to_csv(path, index=False)
    made, counts = mcgurk_people.prepare(mcgurk_people.read(path), "context")
    assert counts["n_fitted"] == 8 and made["response_label"].tolist() == table["response_label"].tolist()
    table.assign(response_label="xa").to_csv(path, index=False)
    with pytest.raises(ValueError, match="'response_label' holds .'x'., outside the alternatives"):
        mcgurk_people.prepare(mcgurk_people.read(path), "context")
    with pytest.raises(ValueError, match="no column 'mood'"):
        mcgurk_people.prepare(made, "mood")
    table.drop(columns="observer").to_csv(path, index=False)
    with pytest.raises(ValueError, match="no column .'observer'."):
        mcgurk_people.read(path)
    with pytest.raises(ValueError, match="no table at"):
        mcgurk_people.main(data=str(tmp_path / "none.csv"))


def reactions(n=40):
    trials = paradigms.redundant_target(n, seed=2)
    percept = Coactivation().perceive(trials, rng=np.random.default_rng(3))
    return trials.join(percept.responses).assign(observer="P1")


def test_own_reaction_times_are_tested_and_dropped_ones_are_counted(tmp_path):
    table = reactions()
    table.loc[table.index[:2], "reaction_time"] = [5000.0, np.nan]
    table.to_csv(tmp_path / "own.csv", index=False)
    redundant_target.main(data=str(tmp_path / "own.csv"), out=str(tmp_path / "out"))
    people = pd.read_csv(tmp_path / "out" / "tables" / "race_people.csv")
    assert people["n_dropped"].unique().tolist() == [1] and people["n_missed"].unique().tolist() == [1]
    about = json.loads((tmp_path / "out" / "provenance.json").read_text())["report"]
    assert "1 reaction times left out" in about["captions"]["race_group"]


def test_bad_reaction_times_are_named(tmp_path):
    table = reactions(10)
    path = tmp_path / "own.csv"
    table.assign(reaction_time=table["reaction_time"] / 1000).to_csv(path, index=False)
    with pytest.warns(UserWarning, match="look like seconds"):
        redundant_target.main(data=str(path), shortest=0.0, out=str(tmp_path / "seconds"))
    table.assign(reaction_time=-table["reaction_time"]).to_csv(path, index=False)
    with pytest.raises(ValueError, match="0 times that are not missing"):
        redundant_target.main(data=str(path), out=str(tmp_path / "negative"))
    table[table["visual_azimuth"].isna()].to_csv(path, index=False)
    with pytest.raises(ValueError, match="P1 has no lights alone and no pairs"):
        redundant_target.main(data=str(path), out=str(tmp_path / "alone"))
    assert not (tmp_path / "alone").exists() and not (tmp_path / "negative").exists(), "nothing half-written is left"


def test_asynchronies_in_seconds_are_suspected(tmp_path):
    soas = np.repeat([-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3], 10)
    table = pd.DataFrame(
        {"observer": "P", "report": "synchronous", "soa": soas, "response": (np.abs(soas) < 0.15) * 1.0}
    )
    table.to_csv(tmp_path / "own.csv", index=False)
    with pytest.warns(UserWarning, match="look like seconds"):
        synchrony_window.main(trials=str(tmp_path / "own.csv"), window="gaussian", out=str(tmp_path / "out"))


def test_own_judgements_are_fitted(tmp_path):
    soas = np.repeat([-300.0, -200.0, -100.0, 0.0, 100.0, 200.0, 300.0, 400.0], 40)
    rng = np.random.default_rng(1)
    said = (rng.random(len(soas)) < np.exp(-(((soas - 50) / 150) ** 2))).astype(float)
    table = pd.DataFrame({"observer": "P", "report": "synchronous", "soa": soas, "response": said})
    table.to_csv(tmp_path / "own.csv", index=False)
    synchrony_window.main(trials=str(tmp_path / "own.csv"), window="gaussian", out=str(tmp_path / "out"))
    fit = pd.read_csv(tmp_path / "out" / "tables" / "windows.csv").iloc[0]
    assert fit["pss"] == pytest.approx(50, abs=25) and fit["binding_window"] == pytest.approx(161, abs=40)
