"""What was saved loads equal, and no name leads out of its folder."""

import dataclasses
import json
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.core.files import checksums
from neuromm.core.names import LONGEST, distinct_file_name, file_name
from neuromm.session import Session
from neuromm.stimuli.saved import from_text, to_text

ODD_NAMES = ["../../escaped", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "C:\\x", "nul", "CON.txt", "a\0b",
             "é", "e\u0301", "日本", "x" * 300, "x" * 301, " a", "a.", "~", "%2E", "a\nb", "A", "a",
             "*?<>|\""]  # fmt: skip


def test_file_names_are_safe_reversible_and_distinct():
    made = {name: file_name(name) for name in ODD_NAMES}
    assert len(set(made.values())) == len(ODD_NAMES)
    for name, file in made.items():
        assert file and len(file) <= LONGEST and file.isascii() and file not in (".", "..")
        assert (
            not set(file) & set('/\\:*?"<>|\0\n') and file[-1] not in " ." and file[0] not in " ."
        )
        assert file.split(".")[0].lower() not in ("con", "nul", "prn", "aux")
        if name and len(name) <= 40:
            assert unquote(file) == name
    assert file_name("av_encoder s01") == "av_encoder s01" and file_name("blocks.0") == "blocks.0"


def test_names_that_differ_in_case_only_have_their_own_files():
    taken = {}
    made = [
        distinct_file_name(name, taken).lower() for name in ("Layer", "layer", "LAYER", "layer")
    ]
    assert len(set(made)) == 3 and made[1] == made[3]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_session_stays_in_its_folder_whatever_its_names(tmp_path, name):
    trials = nm.paradigms.ventriloquism(n_repeats=1, seed=1).head(4)
    observer = dataclasses.replace(nm.observers.CausalInference(), name=name)
    shown = nm.present(trials, [observer], seed=1, layers=["p_common", "estimate"])
    values = shown.representations[name]
    renamed = {name: {name: values["p_common"], "estimate": values["estimate"]}}
    shown = dataclasses.replace(shown, representations=renamed, provenance={"seed": 1})
    nm.save(shown, tmp_path / "deep" / "er" / "s")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_dir())[:1] and [
        p.name for p in tmp_path.iterdir()
    ] == ["deep"]
    outside = [
        p
        for p in tmp_path.rglob("*")
        if p.is_file() and not p.is_relative_to(tmp_path / "deep" / "er" / "s")
    ]
    assert not outside
    listed = json.loads((tmp_path / "deep" / "er" / "s" / "provenance.json").read_text())["sha256"]
    assert sum(file.endswith(".npy") for file in listed) == len({name, "estimate"})
    again = nm.load_session(tmp_path / "deep" / "er" / "s")
    assert again.observers == [name]
    for layer, array in shown.representations[name].items():
        assert array.identical(again.representations[name][layer])


def test_an_array_without_a_checksum_and_a_changed_one_are_refused(tmp_path):
    trials = nm.paradigms.ventriloquism(n_repeats=1, seed=1).head(4)
    nm.save(nm.present(trials, ["causal_inference"], seed=1, layers=["p_common"]), tmp_path / "s")
    folder = tmp_path / "s" / "representations" / "causal_inference"
    for suffix in ("npy", "json"):
        (folder / f"other.{suffix}").write_bytes((folder / f"p_common.{suffix}").read_bytes())
    with pytest.raises(ValueError, match="other.json has no checksum: it was not saved with"):
        nm.load_session(tmp_path / "s")
    for suffix in ("npy", "json"):
        (folder / f"other.{suffix}").unlink()
    np.save(folder / "p_common.npy", np.zeros((4, 1), "f4"))
    with pytest.raises(ValueError, match="p_common.npy does not match its checksum"):
        nm.load_session(tmp_path / "s")
    assert "representations/causal_inference/p_common.npy" not in checksums(folder)


WORDS = ["007", "01", "1.0", "1", "NA", "n/a", "", "None", "nan", "null", " a ", "\\x", "a\nb", "a\r\nb", "a\rb",
         "é", "日本", '"q"', "a,b", "\ufeffx", "True", "1e5", "\0", "\u2028"]  # fmt: skip
N = len(WORDS)
TABLE = pd.DataFrame(
    {
        "text": pd.Series(WORDS, dtype=object),
        "str": pd.Series(WORDS, dtype="str"),
        "string": pd.Series([*WORDS[:-1], pd.NA], dtype="string"),
        "with None": pd.Series([None, *WORDS[1:]], dtype=object),
        "with nan": pd.Series([np.nan, *WORDS[1:]], dtype=object),
        "with both": pd.Series([np.nan, None, pd.NA, 7, 7.5, True, *WORDS[6:]], dtype=object),
        "bool": [True, False] * (N // 2),
        "boolean": pd.array([True, False, None] + [True] * (N - 3), "boolean"),
        "int": np.arange(N) + 2**62,
        "uint8": np.arange(N, dtype="uint8"),
        "Int64": pd.array([None, 2**62 + 1] + [3] * (N - 2), "Int64"),
        "float": [np.nan, np.inf, -np.inf, -0.0, 1 / 3, 5e-324, 1.7976931348623157e308]
        + [0.1] * (N - 7),
        "float32": np.linspace(0, 1, N, dtype="float32"),
        "category": pd.Categorical(
            ["b", None] + ["a"] * (N - 2), categories=["b", "a", "01"], ordered=True
        ),
        "empty": [np.nan] * N,
        "all missing": pd.Series([None] * N, dtype=object),
        "time": pd.date_range("2026-01-01", periods=N, freq="h"),
    }
)


def test_a_table_of_every_dtype_loads_as_it_was():
    text, columns = to_text(TABLE)
    again = from_text(text, json.loads(json.dumps(columns)), "t.csv")
    pd.testing.assert_frame_equal(again, TABLE)
    for name in ("text", "with None", "with nan", "with both"):
        for a, b in zip(again[name], TABLE[name], strict=True):
            assert type(a) is type(b) and (a == b if isinstance(b, str) else True)
    assert np.signbit(again["float"][3])


def test_a_column_that_cannot_be_saved_is_named():
    with pytest.raises(ValueError, match="column 'odd' holds a set; numbers, text and booleans"):
        to_text(pd.DataFrame({"odd": [{1}]}))


def test_a_session_of_odd_tables_loads_as_it_was(tmp_path):
    stimuli = TABLE.assign(condition=WORDS).rename_axis("trial")
    responses = TABLE.assign(observer=WORDS, trial=np.arange(N), response=0.5)
    nm.save(Session(stimuli, responses, {}, {"seed": 1}), tmp_path / "s")
    again = nm.load_session(tmp_path / "s")
    pd.testing.assert_frame_equal(again.stimuli, stimuli)
    pd.testing.assert_frame_equal(again.responses, responses)
    assert again.observers == WORDS


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_conditions_and_ids_written_by_write_trials_are_read_as_they_were(tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    names = ["01", "1", "1.0", "NA", "007", "é", "None", "1e3"]
    table = pd.DataFrame({"condition": names, "participant": names, "printed": names, "auditory_azimuth": 0.1,
                          "judged_common": pd.array([True, None] * 4, "boolean"), "n_beeps": 2})  # fmt: skip
    trials = nm.stimuli.check_trials(table)
    nm.stimuli.write_trials(trials, tmp_path / f"t.{suffix}")
    pd.testing.assert_frame_equal(nm.read_trials(tmp_path / f"t.{suffix}"), trials)
    assert nm.read_trials(tmp_path / f"t.{suffix}")["condition"].nunique() == 8


def test_three_conditions_stay_three_through_a_session(tmp_path):
    trials = pd.DataFrame(
        {
            "auditory_azimuth": [0.0, 1, 2],
            "visual_azimuth": 0.0,
            "condition": ["01", "1", "1.0"],
            "report": "auditory",
        }
    )
    nm.save(nm.present(trials, ["causal_inference"], seed=1, layers=["estimate"]), tmp_path / "s")
    again = nm.load_session(tmp_path / "s")
    assert again.stimuli["condition"].tolist() == ["01", "1", "1.0"]
    layer = again.representations["causal_inference"]["estimate"]
    assert layer["condition"].to_numpy().tolist() == ["01", "1", "1.0"]
    assert nm.measures.mean_answers(again.trials, "condition")["n"].tolist() == [1, 1, 1]


def test_figures_and_tables_of_a_study_stay_in_its_folder(tmp_path):
    import matplotlib.pyplot as plt

    from neuromm.studies.results import Results

    results = Results("title", "text", {"name": "x"})
    results.tables["../../outside"] = pd.DataFrame({"x": [1], "id": ["NA"]})
    results.add_figure("../../figure", plt.figure(), pd.DataFrame({"x": [1]}), "a caption")
    page = results.write(tmp_path / "a" / "b" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and [
        p.name for p in (tmp_path / "a" / "b").iterdir()
    ] == ["out"]
    assert "a caption" in page.read_text() and "<td>NA</td>" in page.read_text()
