"""What a user types: one line and exit code 2 for what is wrong, nothing half-written."""

import subprocess
import sys

import pytest

from neuromm import catalogue
from neuromm.cli import main


def test_list_names_every_observer(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in ("causal_inference", "cuppini2017", "av_encoder", "ventriloquism", "brains_and_machines"):
        assert name in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run", "ventriloqism"], "no study is called 'ventriloqism'; did you mean 'ventriloquism'"),
        (["run", "ventriloquism", "--observer", "causal_inferrence"], "did you mean 'causal_inference'"),
        (["run", "ventriloquism", "--trials", "nowhere.csv"], "no trial table at nowhere.csv"),
        (["run", "ventriloquism", "--n-repeats", "0"], "n_repeats is 0; at least 1 is wanted"),
        (["report", "nowhere"], "is not a saved result"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    err = capsys.readouterr().err.strip()
    assert words in err and len(err.splitlines()) == 1 and err.startswith("neuromm: ")
    assert list(tmp_path.iterdir()) == []


def test_without_a_command_it_says_what_there_is(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(f"{command} " in out for command in ("list", "run", "report", "train", "sweep", "doctor"))
    assert main(["run", "--help"]) == 0
    out = capsys.readouterr().out
    assert "brains_and_machines  (default)" in out and "ventriloquism" in out


@pytest.mark.parametrize(("error", "code", "words"), [
    (KeyboardInterrupt(), 130, "neuromm: stopped; nothing half-written was left"),
    (OSError(28, "No space left on device", "results/x.csv"), 2, "neuromm: No space left on device: results/x.csv"),
    (ValueError("first line\nsecond line"), 2, "neuromm: first line"),
])  # fmt: skip
def test_what_stops_a_command_is_one_line(error, code, words, capsys, monkeypatch):
    def stop(*_):
        raise error

    monkeypatch.setattr("neuromm.doctor.examine", stop)
    assert main(["doctor"]) == code
    err = capsys.readouterr().err
    assert err.startswith(words) and len(err.splitlines()) == 1
    if code == 2:
        monkeypatch.setenv("NEUROMM_DEBUG", "1")  # the whole traceback
        with pytest.raises(type(error)):
            main(["doctor"])


def test_train_takes_fields_and_seeds(tmp_path, capsys, monkeypatch):
    made = []
    monkeypatch.setattr(catalogue, "train", lambda name, **how: made.append((name, how)) or how["out"])
    out = str(tmp_path / "w.safetensors")
    assert main(["train", "av_denoiser", "--seeds", "2", "--p-common", "0.5", "--set", "n_steps=3", "--set",
                 "kind=plain", "--out", out, "--no-resume"]) == 0  # fmt: skip
    assert [how["out"] for _, how in made] == [f"{tmp_path}/w_seed1.safetensors", f"{tmp_path}/w_seed2.safetensors"]
    assert all(how["n_steps"] == 3 and how["kind"] == "plain" and how["p_common"] == 0.5 and how["resume"] is False
               for _, how in made)  # fmt: skip
    capsys.readouterr()
    for flags, words in (
        (["--seeds", "0"], "--seeds is 0"),
        (["--set", "n_steps"], "FIELD=VALUE is wanted"),
        (["--stack"], "say how many with --seeds"),
    ):
        assert main(["train", "av_denoiser", *flags]) == 2 and words in capsys.readouterr().err


def test_unknown_flags_end_in_code_2():
    for argv in (["list", "--loud"], ["run", "ventriloquism", "--louder"], ["sing"]):
        with pytest.raises(SystemExit) as stopped:
            main(argv)
        assert stopped.value.code == 2


def test_a_users_table_with_a_misspelt_column_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("auditory_azimuth,visual_azimut\n0,5\n")
    assert main(["run", "ventriloquism", "--trials", "mine.csv"]) == 2
    assert "mine.csv has a column 'visual_azimut'; did you mean 'visual_azimuth'" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("text", ["auditory_azimuth,visual_azimuth\n", "auditory_azimuth,visual_azimuth\n0,\n,\n"])
def test_an_empty_table_and_an_empty_row_are_one_line(tmp_path, capsys, text):
    (tmp_path / "mine.csv").write_text(text)
    assert main(["run", "ventriloquism", "--trials", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "r")]) == 2
    assert "mine.csv" in capsys.readouterr().err and not (tmp_path / "r").exists()


def test_a_foreign_result_folder_is_refused(tmp_path, capsys):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "a.txt").write_text("mine")
    argv = ["run", "ventriloquism", "--observer", "segregation", "--n-repeats", "1", "--out", str(tmp_path / "r")]
    assert main(argv) == 2
    assert "is not a neuromm result" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["r"]


def test_an_unwritable_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("a file where a folder would be")
    argv = [
        "run",
        "ventriloquism",
        "--observer",
        "segregation",
        "--n-repeats",
        "1",
        "--out",
        str(tmp_path / "file" / "r"),
    ]
    assert main(argv) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert err[-1].startswith("neuromm: ") and "file" in err[-1]


def test_a_run_writes_a_whole_folder_and_its_report_can_be_made_again(tmp_path):
    out = tmp_path / "r"
    argv = [
        "run",
        "ventriloquism",
        "--observer",
        "causal_inference",
        "--observer",
        "segregation",
        "--n-repeats",
        "2",
        "--out",
        str(out),
    ]
    assert main(argv) == 0
    for name in (
        "report.html",
        "provenance.json",
        "figures/auditory_bias.pdf",
        "figures/auditory_bias.svg",
        "figures/auditory_bias.png",
        "figures/auditory_bias.csv",
        "tables/unity.csv",
        "session/responses.csv",
    ):
        assert (out / name).stat().st_size > 0, name
    page = (out / "report.html").read_text()
    assert 'src="http' not in page and 'href="http' not in page and "data:image/svg+xml" in page
    assert main(["report", str(out)]) == 0
    assert main(["report", str(out)]) == 0  # the page was written anew with its checksum
    import neuromm as nm

    assert nm.load_session(out / "session").observers == ["causal_inference", "segregation"]


@pytest.mark.parametrize("command", ["list", "--help", "run --help", "run ventriloquism --help"])
def test_a_reader_that_has_enough_ends_it_quietly(command):
    line = f"set -o pipefail; {sys.executable} -m neuromm {command} | :; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.stderr == "" and done.stdout.strip() in ("141", "0")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run", "ventriloquism", "--seed", "-1"], "neuromm: --seed must be at least 0, got -1"),
        (["run", "ventriloquism", "--n-repeats", "-3"], "neuromm: --n-repeats must be at least 1, got -3"),
        (["train", "av_denoiser", "--seed", "-1"], "neuromm: --seed must be at least 0, got -1"),
        (["show", "events", "--seed", "-1"], "neuromm: --seed must be at least 0, got -1"),
    ],
)
def test_a_negative_seed_or_count_names_its_flag(argv, words, capsys):
    assert main(argv) == 2 and capsys.readouterr().err.strip() == words


def test_errors_of_a_script_name_the_script(capsys, monkeypatch):
    from neuromm.cli import run_main

    def wrong(seed: int = 1):
        raise ValueError(f"no seed {seed}")

    monkeypatch.setattr(sys, "argv", ["experiments/mine.py", "--seed", "7"])
    assert run_main(wrong) == 2 and capsys.readouterr().err == "mine.py: no seed 7\n"


def test_the_module_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "neuromm", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("neuromm ")


def test_run_without_a_study_takes_the_flags_of_the_main_one(tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("auditory_azimut,visual_azimuth,report\n0,1,auditory\n")
    assert main(["run", "--trials", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "did you mean 'auditory_azimuth'" in capsys.readouterr().err
