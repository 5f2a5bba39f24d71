"""The one reader of delimited text: what is typed is kept, what cannot be read is named by file, row and column."""

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm import datasets
from neuromm.stimuli.delimited import find_separator, parse_delimited, read_delimited

PLACES = {name: name for name in ("auditory_azimuth", "visual_azimuth", "report", "response")}


def written(folder, text, name="mine.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def readers(path):
    """Every public reader of a table in our columns."""
    return [
        lambda **options: nm.read_trials(path, **options),
        lambda **options: datasets.read_columns(path, PLACES, **options),
        lambda **options: datasets.read_psychopy(path, PLACES, **options),
    ]


@pytest.mark.parametrize("word", ["NA", "None", "null", "nan", "N/A", "NULL", "-", "true"])
def test_only_an_empty_cell_and_n_a_are_missing(tmp_path, word):
    text = f"participant,printed,auditory_syllable,response_label\n{word},{word},{word},{word}\nb,,n/a, \n"
    table = nm.read_trials(written(tmp_path, text))
    for column in ("participant", "printed", "auditory_syllable", "response_label"):
        assert table[column].iloc[0] == word
    assert table[["printed", "auditory_syllable", "response_label"]].iloc[1].isna().all()


@pytest.mark.parametrize(
    "word", ["NA", "None", "nan", "True", "1,5", "1_000", "0x10", "num_1", "inf", "−5"]
)
@pytest.mark.parametrize("column", ["response", "auditory_azimuth"])
def test_what_is_no_number_is_refused_by_file_row_and_column(tmp_path, word, column):
    row = {
        "auditory_azimuth": "0",
        "visual_azimuth": "5",
        "report": "auditory",
        "response": "1",
        column: f'"{word}"',
    }
    text = ",".join(row) + "\n0,5,auditory,1\n\n" + ",".join(row.values()) + "\n"
    for read in readers(written(tmp_path, text)):
        with pytest.raises(ValueError, match=rf"mine.csv, row 4, column '{column}': .*{word}"):
            read()


def test_ids_and_conditions_are_text_as_typed(tmp_path):
    people = ["007", "7", "1E3", "1000", "1.0", "1", "01"]
    rows = "".join(f"{p},{p},0,5,auditory,1\n" for p in people)
    path = written(
        tmp_path, "subject,condition,auditory_azimuth,visual_azimuth,report,response\n" + rows
    )
    table = nm.read_trials(path)
    assert table["subject"].tolist() == table["condition"].tolist() == people
    wide = written(tmp_path, "aud,participant\n" + "".join(f"1,{p}\n" for p in people), "wide.csv")
    assert datasets.read_psychopy(wide, {"auditory_azimuth": "aud"})["observer"].tolist() == people
    mapped = datasets.read_columns(wide, {"observer": "participant", "condition": "participant"})
    assert mapped["observer"].tolist() == mapped["condition"].tolist() == people


def test_a_column_of_ones_own_is_numbers_only_where_no_digit_is_lost(tmp_path):
    text = "auditory_azimuth,mood,room,sub_id,day\n0,1.5,01,7,2\n1,2,2,8,3\n"
    table = nm.read_trials(written(tmp_path, text))
    assert table["mood"].tolist() == [1.5, 2.0] and table["day"].tolist() == [2, 3]
    assert table["room"].tolist() == ["01", "2"] and table["sub_id"].tolist() == ["7", "8"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   "])
def test_the_separator_is_found_or_told(tmp_path, separator):
    rows = [
        ["auditory_azimuth", "visual_azimuth", "report", "response"],
        ["-10", "n/a", "auditory", "3"],
        ["5", "5", "visual", "1"],
    ]
    text = "\n".join(separator.join(row) for row in rows) + "\n"
    for name in ("mine.csv", "mine.tsv", "mine.dat"):
        for read in readers(written(tmp_path, text, name)):
            for table in (read(), read(separator=separator[:1])):
                assert table["response"].tolist() == [3.0, 1.0]
                assert table["auditory_azimuth"].tolist() == [-10.0, 5.0] and table[
                    "visual_azimuth"
                ].isna().tolist() == [True, False]


def test_decimal_commas_are_found_beside_other_separators_and_told_in_quotes(tmp_path):
    german = written(
        tmp_path,
        "auditory_azimuth;visual_azimuth;report;response\n-10,5;-5;auditory;-8,5\n0;10;auditory;,25\n",
    )
    quoted = written(
        tmp_path,
        'auditory_azimuth,visual_azimuth,report,response\n"-10,5",-5,auditory,"-8,5"\n0,10,auditory,"0,25"\n',
        "q.csv",
    )
    tables = [read() for read in readers(german)] + [read(decimal=",") for read in readers(quoted)]
    for table in tables:
        assert table["auditory_azimuth"].tolist() == [-10.5, 0.0] and table[
            "response"
        ].tolist() == [-8.5, 0.25]
    with pytest.raises(ValueError, match="q.csv, row 2, column 'auditory_azimuth'.*decimal=','"):
        nm.read_trials(quoted)
    mixed = written(tmp_path, "auditory_azimuth;response\n1,5;1\n2.5;1\n", "mixed.csv")
    with pytest.raises(ValueError, match="mixed.csv, row 2, column 'auditory_azimuth': '1,5'"):
        nm.read_trials(mixed)
    kept = nm.read_trials(
        written(tmp_path, "auditory_azimuth;response_label\n1,5;1,5\n", "label.csv")
    )
    assert kept["response_label"].tolist() == ["1,5"], "a label is text, as typed"


def test_a_factor_takes_decimal_commas_and_names_the_file_and_row(tmp_path):
    path = written(tmp_path, "aud;vis;key_resp.keys;key_resp.rt\n;;;\n-10;-5;1;0,52\n5;5;0;0,61\n")
    columns = {"auditory_azimuth": "aud", "visual_azimuth": "vis", "response": "key_resp.keys",
               "reaction_time": ("key_resp.rt", 1000)}  # fmt: skip
    assert datasets.read_psychopy(path, columns)["reaction_time"].tolist() == [520.0, 610.0]
    bad = written(tmp_path, "aud,rt\n1,0.5\n2,fast\n", "bad.csv")
    with pytest.raises(ValueError, match="bad.csv, row 3, column 'rt': 'fast' is not a number"):
        datasets.read_columns(bad, {"auditory_azimuth": "aud", "reaction_time": ("rt", 1000)})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_with_or_without_a_mark(tmp_path, encoding):
    text = "auditory_azimuth,visual_azimuth,report,response,observer\n-10,-5,auditory,3,Jörg\n"
    table = nm.read_trials(written(tmp_path, text, encoding=encoding))
    assert table["observer"].tolist() == ["Jörg"] and table["auditory_azimuth"].tolist() == [-10.0]


def test_another_encoding_is_told_with_the_files_name(tmp_path):
    text = "auditory_azimuth,visual_azimuth,report,response,observer\n-10,-5,auditory,3,Jörg\n"
    path = written(tmp_path, text, encoding="latin-1")
    for read in readers(path):
        with pytest.raises(
            ValueError,
            match="mine.csv, row 2: byte 0xf6 is not UTF-8; save it as UTF-8, or name its",
        ):
            read()
        assert len(read(encoding="latin-1")) == 1
    assert nm.read_trials(path, encoding="latin-1")["observer"].tolist() == ["Jörg"]
    with pytest.raises(ValueError, match="encoding must be one that Python knows"):
        nm.read_trials(path, encoding="klingon")


@pytest.mark.parametrize("data", [b"PK\x03\x04rest", b"\x1f\x8b\x08", b"a\x00u\x00d\x00", b"PAR1"])
def test_a_file_that_is_no_text_is_called_so(tmp_path, data):
    (tmp_path / "mine.csv").write_bytes(data)
    with pytest.raises(ValueError, match="mine.csv .*save it as"):
        nm.read_trials(tmp_path / "mine.csv")


def test_a_doubled_column_name_is_refused(tmp_path):
    path = written(
        tmp_path, "auditory_azimuth,visual_azimuth,report,response,response\n-10,-5,auditory,3,4\n"
    )
    for read in readers(path):
        with pytest.raises(ValueError, match="mine.csv has the column 'response' twice; keep one"):
            read()


def test_a_row_with_too_few_cells_and_a_column_without_a_name_are_named(tmp_path):
    with pytest.raises(ValueError, match="mine.csv, row 3: 1 cells for 2 columns"):
        nm.read_trials(written(tmp_path, "auditory_azimuth,response\n1,2\n3\n"))
    with pytest.raises(ValueError, match="mine.csv: column 2 has no name"):
        nm.read_trials(written(tmp_path, "auditory_azimuth,,response\n1,2,3\n"))
    rows = nm.read_trials(written(tmp_path, '"",auditory_azimuth\n"1",5\n"2",6\n'))
    assert rows.columns.tolist() == ["auditory_azimuth"], (
        "names of rows, as R writes them, are no data"
    )


def test_rows_are_chosen_by_a_query_on_the_files_columns(tmp_path):
    wide = "auditory_azimuth,visual_azimuth,report,response,trials.thisN,block\n"
    wide += "-10,-5,auditory,1,,1\n5,5,auditory,0,0,2\n"
    for read in readers(written(tmp_path, wide)):
        assert read(where="`trials.thisN`.notna()")["auditory_azimuth"].tolist() == [5.0]
        assert read(where="block < 2")["auditory_azimuth"].tolist() == [-10.0]
        with pytest.raises(
            ValueError,
            match="mine.csv: where='blocks < 2' cannot be used.*columns: auditory_azimuth",
        ):
            read(where="blocks < 2")


def test_errors_after_a_query_name_the_row_of_the_file(tmp_path):
    text = "auditory_azimuth,keep,response\n0,0,1\n1,1,2\n2,1,x\n"
    with pytest.raises(ValueError, match="mine.csv, row 4, column 'response'"):
        nm.read_trials(written(tmp_path, text), where="keep == 1")


KEYS = """aud,vis,key_resp.keys,key_resp.rt
,,,
-10,-5,1,0.52
5,5,"['1', '0']","[0.55, 0.71]"
0,0,None,
1,1,[],[]
2,2,'1',0.4
"""
KEY_COLUMNS = {"auditory_azimuth": "aud", "visual_azimuth": "vis", "response": "key_resp.keys",
               "reaction_time": ("key_resp.rt", 1000)}  # fmt: skip


@pytest.mark.parametrize(("keep", "key", "time"), [("first", 1.0, 550.0), ("last", 0.0, 710.0)])
def test_one_of_several_keys_is_kept(tmp_path, keep, key, time):
    table = datasets.read_psychopy(written(tmp_path, KEYS), KEY_COLUMNS, keep=keep)
    np.testing.assert_array_equal(table["response"], [1.0, key, np.nan, np.nan, 1.0])
    np.testing.assert_array_equal(table["reaction_time"], [520.0, time, np.nan, np.nan, 400.0])


def test_several_keys_in_a_cell_are_refused_by_file_row_and_column(tmp_path):
    with pytest.raises(
        ValueError, match=r"mine.csv, row 4, column 'key_resp.keys': .* holds 2 answers"
    ):
        datasets.read_psychopy(written(tmp_path, KEYS), KEY_COLUMNS)
    text = "auditory_azimuth,response_label\n0,\"['da', 'ga']\"\n"
    with pytest.raises(
        ValueError,
        match="mine.csv, row 2, column 'response_label': .* is a list; one answer per row",
    ):
        nm.read_trials(written(tmp_path, text))
    with pytest.raises(ValueError, match="keep must be 'first' or 'last', got 'both'"):
        datasets.read_psychopy(written(tmp_path, KEYS), KEY_COLUMNS, keep="both")


def test_none_is_a_word_in_every_column_but_keys_and_times(tmp_path):
    text = "word,az,key_resp.keys\nNone,0,1\nnull,1,None\n"
    columns = {"printed": "word", "auditory_azimuth": "az", "response": "key_resp.keys"}
    table = datasets.read_psychopy(written(tmp_path, text), columns)
    assert table["printed"].tolist() == ["None", "null"] and np.isnan(table["response"][1])


def test_a_code_that_is_not_listed_is_refused_and_none_makes_it_missing(tmp_path):
    path = written(tmp_path, "az,task\n0,1\n1,2\n2,9\n")
    with pytest.raises(ValueError, match="mine.csv, row 4, column 'task': '9' must be one of 1, 2"):
        datasets.read_columns(
            path,
            {"auditory_azimuth": "az", "report": "task"},
            values={"report": {1: "auditory", 2: "visual"}},
        )
    mapping = {1: "auditory", "2": "visual", 9: None}
    table = datasets.read_columns(
        path, {"auditory_azimuth": "az", "report": "task"}, values={"report": mapping}
    )
    assert table["report"].tolist()[:2] == ["auditory", "visual"] and pd.isna(table["report"][2])
    path = written(tmp_path, "az,task\n0,01\n1,1\n")
    with pytest.raises(ValueError, match="'01' must be one of 1 "):
        datasets.read_columns(
            path, {"auditory_azimuth": "az", "report": "task"}, values={"report": {"1": "auditory"}}
        )


@pytest.mark.parametrize(
    ("report", "alternatives", "answer"),
    [("common", "", "2"), ("common", "", "0.5"), ("synchronous", "", "2"), ("ownership", "", "-1"),
     ("n_flashes", "", "1.5"), ("n_beeps", "", "-1"), ("heading", "left|right", "-1"),
     ("visual", "-10|0|10", "5"), ("n_flashes", "1|2|3|4", "0")],
)  # fmt: skip
def test_an_answer_outside_the_choices_is_refused_by_file_row_and_column(
    tmp_path, report, alternatives, answer
):
    text = "auditory_azimuth,visual_azimuth,report,alternatives,response\n"
    text += f"0,5,{report},{alternatives},n/a\n0,5,{report},{alternatives},{answer}\n"
    with pytest.raises(
        ValueError,
        match=f"mine.csv, row 3, column 'response': the answer to '{report}' must be .*, got {answer}",
    ):
        nm.read_trials(written(tmp_path, text))
    columns = {name: name for name in text.split("\n")[0].split(",")}
    with pytest.raises(ValueError, match="row 3, column 'response'"):
        datasets.read_columns(tmp_path / "mine.csv", columns)


def test_codes_can_be_mapped_where_they_enter(tmp_path):
    path = written(tmp_path, "a,v,unity\n0,5,1\n0,9,2\n")
    columns = {"auditory_azimuth": "a", "visual_azimuth": "v", "response": "unity"}
    asked = {"constants": {"report": "common"}}
    with pytest.raises(
        ValueError, match="mine.csv, row 3, column 'unity': the answer to 'common' must be 0"
    ):
        datasets.read_columns(path, columns, **asked)
    table = datasets.read_columns(path, columns, values={"response": {1: 1, 2: 0}}, **asked)
    assert table["response"].tolist() == [1.0, 0.0]


def test_bids_reads_the_data_set_and_not_what_was_derived_from_it(tmp_path):
    text = (
        "onset\tduration\tauditory_azimuth\treport\tresponse\n" + "0\t0.5\t-10\tauditory\t-7\n" * 4
    )
    for place in (
        "sub-01/func",
        "derivatives/prep/sub-01/func",
        "sourcedata/sub-01/func",
        "code/sub-01",
        ".git/sub-01",
    ):
        folder = tmp_path / "bids" / place
        folder.mkdir(parents=True)
        (folder / "sub-01_task-av_events.tsv").write_text(text)
    table = datasets.read_bids_events(tmp_path / "bids")
    assert len(table) == 4 and set(table["observer"]) == {"01"}
    assert len(datasets.read_bids_events(tmp_path / "bids" / "derivatives" / "prep")) == 4, (
        "asked for by name"
    )


def test_a_quoted_cell_may_hold_separators_quotes_and_line_breaks(tmp_path):
    text = 'auditory_azimuth,comment\n0,"a,b;c\n""d"""\n1,e\n'
    table = nm.read_trials(written(tmp_path, text))
    assert table["comment"].tolist() == ['a,b;c\n"d"', "e"]


def test_the_separator_splits_every_row_alike():
    assert find_separator("a;b\n1,5;2,5\n", "t") == ";"
    assert find_separator("a\n1\n", "t") == ","
    assert find_separator("a b\n1 2\n3 4\n", "t") == " "
    with pytest.raises(ValueError, match="t, row 3: 1 cells for 2 columns"):
        parse_delimited("a b\n1 2\n3\n", "t")


def test_numbers_are_read_to_the_last_bit(tmp_path, rng):
    values = rng.standard_normal(300) * 10.0 ** rng.integers(-20, 20, 300)
    path = written(tmp_path, "x\n" + "".join(f"{v!r}\n" for v in values.tolist()))
    assert read_delimited(path).typed()["x"].tolist() == values.tolist()
    seeds = [2**53 - 1, 9007199254740993, 2**62]
    path = written(tmp_path, "noise_seed\n" + "".join(f"{s}\n" for s in seeds))
    assert nm.read_trials(path)["noise_seed"].tolist() == seeds


def test_a_table_of_results_has_no_declared_columns(tmp_path):
    path = tmp_path / "retrieval.csv"
    path.write_text("direction,response,hits\nfirst → second,often,3\n", encoding="utf-8")
    found = read_delimited(path, separator=",").typed(declared=False)
    assert found.to_dict("records") == [{"direction": "first → second", "response": "often", "hits": 3}]
