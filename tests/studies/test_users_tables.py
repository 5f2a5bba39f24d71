"""Tables of a user in place of a study's own design: what is shown, who answered, what cannot be used."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuromm import datasets
from neuromm.cli import main
from neuromm.stimuli.checks import check_trials
from neuromm.stimuli.table import read_trials
from neuromm.studies import cue_combination, flash_beep_numerosity, line_up, mcgurk, published_curves
from neuromm.studies.results import over_people, read_table, rows_that_ask

FLASHES = """participant,n_flashes,n_beeps,report,response
007,1,2,n_flashes,2
007,1,2,n_flashes,1
7,1,2,n_flashes,1
7,2,,n_flashes,2
7,0,2,n_beeps,2
7,1,2,common,1
"""
SYLLABLES = """participant,auditory_syllable,visual_syllable,response
A,ba,ga,Da
A,BA,ga,ba
B,ba,ga,da
B,ga,,ga
"""


def written(tmp_path, text, name="mine.csv"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def table_of(tmp_path, name):
    return pd.read_csv(tmp_path / "out" / "tables" / f"{name}.csv", dtype={"observer": str})


def test_flashes_and_beeps_of_a_user_are_counted_by_models_and_people(tmp_path, capsys):
    path = written(tmp_path, FLASHES)
    flash_beep_numerosity.main(trials=path, out=str(tmp_path / "out"))
    assert "1 rows are left out: they ask for 'common'" in capsys.readouterr().err
    counts = table_of(tmp_path, "counts_n_flashes").set_index(["observer", "n_flashes", "n_beeps"])
    assert counts.loc[("007", 1, 2), "mean"] == 1.5 and counts.loc[("7", 1, 2), "mean"] == 1.0
    assert counts.loc[("7", 2, 0), "mean"] == 2.0  # an empty cell is a count of 0
    assert set(counts["kind"]) == {"human", "model"} and ("numerosity", 1, 2) in counts.index
    drawn = pd.read_csv(tmp_path / "out" / "figures" / "n_flashes_numerosity.csv")
    assert (drawn["kind"] == "human").all()
    pair = drawn[(drawn["n_flashes"] == 1) & (drawn["n_beeps"] == 2)].iloc[0]
    half = 1.959964 * 0.25  # standard error of 1.5 and 1.0
    np.testing.assert_allclose([pair["mean"], pair["low"], pair["high"]], [1.25, 1.25 - half, 1.25 + half], rtol=1e-4)


def test_a_table_of_flashes_alone_asks_for_flashes(tmp_path):
    flash_beep_numerosity.main(trials=written(tmp_path, "n_flashes\n1\n2\n"), out=str(tmp_path / "out"))
    assert sorted(p.stem for p in (tmp_path / "out" / "tables").iterdir()) == ["counts_n_flashes"]
    asked = read_table(written(tmp_path, "n_flashes,n_beeps\n1,2\n0,1\n"), *2 * (flash_beep_numerosity.COUNTS,))
    assert list(zip(asked["report"], asked["presentation"], strict=True)) == [
        ("n_flashes", 0), ("n_beeps", 0), ("n_beeps", 1)
    ]  # fmt: skip


def test_syllables_of_a_user_are_answered_by_models_and_people(tmp_path):
    mcgurk.main(["massaro1998"], trials=written(tmp_path, SYLLABLES), out=str(tmp_path / "out"))
    answers = table_of(tmp_path, "answers")
    pair = answers[(answers["visual_syllable"] == "ga") & (answers["auditory_syllable"] == "ba")]
    shares = pair.set_index(["observer", "label"])["proportion"]
    assert shares[("A", "da")] == 0.5 and shares[("B", "da")] == 1.0 and shares[("A", "ga")] == 0.0
    drawn = pd.read_csv(tmp_path / "out" / "figures" / "answers.csv")
    fused = drawn[(drawn["observer"] == "people") & (drawn["label"] == "da") & (drawn["auditory_syllable"] == "ba")]
    assert fused["proportion"].tolist() == [0.75] and set(fused["kind"]) == {"human"}
    assert set(drawn["observer"]) == {"people", "massaro1998"}
    assert not (tmp_path / "out" / "figures" / "lesion.csv").exists()  # of the built-in designs


def test_the_interval_of_one_person_is_over_trials():
    one = pd.DataFrame({"observer": ["P"], "n_beeps": [1], "mean": [1.5], "low": [1.0], "high": [2.0]})
    assert over_people(one, ["n_beeps"]).equals(one)


@pytest.mark.parametrize(
    ("study", "text", "words"),
    [
        ("flash_beep_numerosity", "n_flashes,n_beep\n1,2\n", "a column 'n_beep'; did you mean 'n_beeps'"),
        ("flash_beep_numerosity", "n_flashes,n_beeps,report\n1,2,common\n", "needs rows that ask for 'n_flashes' or"),
        ("flash_beep_numerosity", "n_flashes,n_beeps\n1,2\n0,\n", "row 3: nothing was shown"),
        ("flash_beep_numerosity", "n_flashes,n_beeps,response\n1,2,2\n", "has answers and no column 'report'"),
        ("flash_beep_numerosity", "auditory_azimuth\n1\n", "has neither 'n_flashes' nor 'n_beeps': nothing was shown"),
        ("mcgurk", "auditory_syllable,visual_syllabel\nba,ga\n", "did you mean 'visual_syllable'"),
        ("mcgurk", "auditory_syllable,visual_syllable,report\nba,ga,common\n", "needs rows that ask for 'syllable'"),
        ("ventriloquism", "auditory_azimuth,visual_azimuth,response\n1,2,1\n", "has answers and no column 'report'"),
        ("brains_and_machines", "auditory_azimuth,report\n1,n_beeps\n", "the table asks for 'n_beeps'; the main"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(tmp_path, capsys, study, text, words):
    argv = ["run", study, "--trials", written(tmp_path, text), "--out", str(tmp_path / "out")]
    assert main(argv) == 2
    err = capsys.readouterr().err.strip()
    assert words in err and len(err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


def test_answers_in_a_table_are_people_of_cue_combination(tmp_path):
    pairs = [(a, v, "auditory", 0.25 * a + 0.75 * v) for a in (-5, 0, 5) for v in (-6, -1, 4)]
    rows = [(0, 5, "visual", 5.0), *pairs]
    text = "\n".join(["auditory_azimuth,visual_azimuth,report,response", *(",".join(map(str, r)) for r in rows)])
    cue_combination.main(["forced_fusion"], trials=written(tmp_path, text), out=str(tmp_path / "out"))
    weights = table_of(tmp_path, "cue_weights").set_index("observer")
    assert weights.loc["people", "kind"] == "human"
    np.testing.assert_allclose(weights.loc["people", "weight_visual"], 0.75)


def test_labels_are_read_where_syllables_are_asked_for_by_every_reader(tmp_path):
    path = written(tmp_path, SYLLABLES.replace("participant", "observer"))
    expected = ["Da", "ba", "da", "ga"]
    assert read_trials(path)["response_label"].tolist() == expected
    names = {name: name for name in ("observer", "auditory_syllable", "visual_syllable", "response")}
    for read in (datasets.read_columns, datasets.read_psychopy):
        table = read(path, names, constants={"report": "syllable"})
        assert table["response_label"].tolist() == expected and (table["kind"] == "human").all()
    events = tmp_path / "sub-01_task-mcgurk_events.tsv"
    events.write_text("onset\tduration\treport\tauditory_syllable\tresponse\n1\t1\tsyllable\tba\tba\n")
    assert datasets.read_bids_events(events)["response_label"].tolist() == ["ba"]
    frame = pd.DataFrame({"report": ["syllable", "common"], "response": ["da", 1], "auditory_syllable": "ba"})
    checked = check_trials(frame)
    assert checked["response_label"].iloc[0] == "da" and checked["response"].tolist()[1] == 1.0
    coded = read_columns_coded(tmp_path)
    assert coded["response"].tolist() == [1.0] and "response_label" not in coded


def read_columns_coded(tmp_path):
    path = written(tmp_path, "q,aud,r\n1,ba,1\n", "coded.csv")
    columns = {"report": "q", "auditory_syllable": "aud", "response": "r"}
    return datasets.read_columns(path, columns, values={"report": {1: "syllable"}})


def test_words_elsewhere_are_still_refused(tmp_path):
    path = written(tmp_path, "auditory_azimuth,report,response\n5,auditory,left\n")
    with pytest.raises(ValueError, match="row 2, column 'response': 'left' is not a number"):
        read_trials(path)
    with pytest.raises(ValueError, match="the table asks for 'rate'; this study needs rows that ask for 'common'"):
        rows_that_ask(pd.DataFrame({"report": ["rate"]}), ("common",), "this study")


def test_the_table_of_the_guide_is_usable_word_for_word(tmp_path):
    guide = (Path(__file__).parents[2] / "docs" / "trial_table.md").read_text()
    text = guide.split("```csv\n")[1].split("```")[0]
    table = read_table(written(tmp_path, text))
    trials = line_up.users_trials(table, n_folds=2, n_repeats=1, seed=1)
    lines = []
    line_up.check_usable(trials, lines.append)
    assert lines == ["conditions: 4; representations need 6 and are left out"]


def test_expectations_of_published_parameters_are_drawn():
    unity = published_curves.demonstration_unity()
    assert unity["unity"].between(0, 1).all() and len(unity) == 20
    bias = published_curves.kording_bias().set_index(["observer", "disparity"])["bias"]
    assert abs(bias["causal_inference", 5.0] - 0.3717) < 1e-3
