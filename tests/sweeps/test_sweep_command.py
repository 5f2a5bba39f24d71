"""`neuromm sweep` as it is typed: dry run, run, status, verify, export, array jobs."""

import argparse
import os
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from neuromm.sweeps import open_sweep, sweep
from neuromm.sweeps.command import add_parser

FILE = """\
title = "Bias against the prior"
measures = ["crossmodal_bias", "unity_rate"]
repeats = 2
[[stimuli]]
paradigm = "ventriloquism"
arguments = { n_repeats = 1, unimodal = false }
[[observers]]
observer = "causal_inference"
grid.p_common = [0.2, 0.8]
grid.strategy = ["averaging", "selection"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "bias.toml"
    path.write_text(FILE)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command")
    (folder / "bias.toml").write_text(FILE)
    return sweep(folder / "bias.toml", out=folder / "done", progress=False)


def run(*argv):
    parser = argparse.ArgumentParser(prog="neuromm")
    add_parser(parser.add_subparsers(dest="command"))
    arguments, rest = parser.parse_known_args(["sweep", *map(str, argv)])
    assert rest == []
    return arguments.function(arguments, rest)


def test_a_dry_run_says_what_it_takes_and_writes_nothing(file, capsys):
    assert run(file, "--dry-run", "--out", file.parent / "s", "--workers", 2) == 0
    out = capsys.readouterr().out
    assert (
        "8 tasks, 0 of them stored, 8 to do" in out and "ms a task" in out and "with 2 processes" in out and "MB" in out
    )
    assert list(file.parent.iterdir()) == [file]


def test_run_status_and_a_run_again(file, capsys):
    out = file.parent / "s"
    assert run(file, "--out", out, "--quiet") == 0
    assert "8 of 8 tasks done, 0 failed" in capsys.readouterr().out
    assert run("status", out) == 0
    assert "tasks: 8, ok: 8, failed: 0, to do: 0, other: 0" in capsys.readouterr().out
    before = (out / "index.sqlite").read_bytes()
    assert run(file, "--out", out, "--quiet") == 0 and (out / "index.sqlite").read_bytes() == before
    assert run("verify", out) == 0


def test_failed_tasks_are_exit_code_1_and_listed(tmp_path, capsys):
    (tmp_path / "f.toml").write_text(
        '[[calls]]\nfunction = "sweep_jobs:fail_at"\ngrid.i = [1, 2, 3]\narguments.bad = 2\n'
    )
    assert run(tmp_path / "f.toml", "--out", tmp_path / "s", "--quiet") == 1
    capsys.readouterr()
    assert run("status", tmp_path / "s") == 0
    assert "(i = 2, repeat = 0) after 1: ValueError: 2 is not to my taste" in capsys.readouterr().out


def test_a_function_in_the_folder_where_the_command_is_typed(tmp_path):
    """Also by the installed command, which has no such folder on its path; in this process and in workers."""
    (tmp_path / "mine.py").write_text("def simulate(gain, rng):\n    return {'mean': gain * rng.random()}\n")
    (tmp_path / "f.toml").write_text('[calls]\nfunction = "mine:simulate"\ngrid.gain = [0.5, 1, 2]\n')
    (tmp_path / "bin").mkdir()
    installed = tmp_path / "bin" / "neuromm"
    installed.write_text("import sys\nfrom neuromm.cli import main\nsys.exit(main())\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for workers in ("0", "1"):
        said = subprocess.run([sys.executable, installed, "sweep", "f.toml", "--out", f"s{workers}", "--quiet",
                               "--workers", workers], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              check=False)  # fmt: skip
        assert said.returncode == 0 and "3 of 3 tasks done" in said.stdout, said.stderr
    assert open_sweep(tmp_path / "s0").table().equals(open_sweep(tmp_path / "s1").table())


@pytest.mark.parametrize(("words", "flag"), [("workers is 'many'", ["--workers", "many"])])
def test_a_wrong_flag_is_named(file, words, flag):
    with pytest.raises(ValueError, match=words):
        run(file, "--out", file.parent / "s", *flag)


def test_help_and_mistakes_of_the_command_line(file, capsys):
    for argv, code in ((["--help"], 0), ([], 2), (["status"], 2), (["run"], 2), (["run", "a.toml", "--loud"], None)):
        parser = argparse.ArgumentParser(prog="neuromm")
        add_parser(parser.add_subparsers(dest="command"))
        if code is None:
            assert parser.parse_known_args(["sweep", *argv])[1] == ["--loud"]
            continue
        with pytest.raises(SystemExit) as stopped:
            parser.parse_known_args(["sweep", *argv])
        assert stopped.value.code == code


def test_the_parser_loads_nothing_third_party():
    code = (
        "import argparse, sys; there = set(sys.modules)\n"  # what measures coverage, if it is measured
        "from neuromm.sweeps.command import add_parser\n"
        "add_parser(argparse.ArgumentParser().add_subparsers())\n"
        "heavy = ('numpy', 'pandas', 'scipy', 'torch', 'tqdm', 'distributed', 'sqlite3')\n"
        "print([m for m in heavy if m in sys.modules and m not in there])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_csv_has_parameters_in_front_and_survives_the_round_trip(done, tmp_path):
    assert run("export", done.folder, tmp_path / "t.csv") == 0
    table = pd.read_csv(tmp_path / "t.csv", na_values=["n/a"], float_precision="round_trip")
    assert list(table.columns[:5]) == ["task", "p_common", "strategy", "repeat", "observer"]
    pd.testing.assert_frame_equal(table, done.table(), check_dtype=False)
    assert run("export", done.folder, tmp_path / "u.tsv", "--table", "unity_rate") == 0
    assert "unity" in (tmp_path / "u.tsv").read_text().splitlines()[0].split("\t")


def test_a_grid_becomes_dimensions(done):
    found = done.to_xarray()
    assert dict(found.sizes) == {"p_common": 2, "strategy": 2, "repeat": 2, "row": 4}
    table = done.table().query("p_common == 0.8 and strategy == 'selection' and repeat == 1")
    chosen = found["bias"].sel(p_common=0.8, strategy="selection", repeat=1)
    assert chosen.to_numpy().tolist() == table["bias"].tolist()


def test_a_sample_stays_a_list_of_tasks(tmp_path):
    sample = {"n": 5, "over": {"x": [0, 1], "offset": [2, 3]}}
    found = sweep(calls={"function": "sweep_jobs:square", "sample": sample}, out=tmp_path / "s", progress=False)
    made = found.to_xarray()
    assert dict(made.sizes) == {"task": 5, "row": 1} and {"x", "offset"} <= set(made.coords)
    assert made["y"].to_numpy()[:, 0] == pytest.approx(made["x"].to_numpy() ** 2 + made["offset"].to_numpy())


@pytest.mark.parametrize(("suffix", "needs"), [(".parquet", "pyarrow"), (".nc", "h5netcdf"), (".zarr", "zarr")])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_other_formats_hold_the_same_table(done, tmp_path, suffix, needs):
    try:
        __import__(needs)
    except ImportError:
        with pytest.raises(ImportError, match=rf"{suffix} needs {needs}: pip install 'neuromm\[io\]'"):
            run("export", done.folder, tmp_path / f"t{suffix}")
        assert list(tmp_path.iterdir()) == []
        return
    import xarray as xr

    for _ in range(2):  # again over itself
        assert run("export", done.folder, tmp_path / f"t{suffix}") == 0
    if suffix == ".parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), done.table(), check_dtype=False)
    else:
        engine = {".nc": "h5netcdf", ".zarr": "zarr"}[suffix]
        with xr.open_dataset(
            tmp_path / f"t{suffix}", engine=engine, **({"consolidated": False} if suffix == ".zarr" else {})
        ) as again:
            assert (
                again["bias"].transpose(*done.to_xarray()["bias"].dims).to_numpy().tobytes()
                == done.to_xarray()["bias"].to_numpy().tobytes()
            )
    assert [p.name for p in tmp_path.iterdir()] == [f"t{suffix}"]


def test_an_unknown_format_and_table_are_named(done, tmp_path):
    with pytest.raises(ValueError, match=r"ends in one of \.csv"):
        run("export", done.folder, tmp_path / "t.xlsx")
    with pytest.raises(ValueError, match="has no table 'bias'; it has: crossmodal_bias, unity_rate"):
        run("export", done.folder, tmp_path / "t.csv", "--table", "bias")


def test_an_array_of_jobs_gives_the_same_table(done, file, tmp_path, capsys):
    out, script = tmp_path / "s", tmp_path / "jobs.sh"
    assert run(file, "--out", out, "--prepare") == 0
    assert run("export", out, "--slurm", script, "--jobs", 3, "--memory", "1G", "--time", "00:05:00") == 0
    text = script.read_text()
    assert "#SBATCH --array=0-2" in text and "OMP_NUM_THREADS=1" in text and "#SBATCH --mem=1G" in text
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    for number in range(3):
        assert run("shard", out, "--shard", f"{number}/3") == 0
    assert run("shard", out, "--shard", "2/3") == 0  # a job that is submitted again has nothing to do
    assert capsys.readouterr().out.splitlines()[-1] == "0 tasks computed"
    assert run("collect", out) == 0
    assert capsys.readouterr().out.strip() == "collected: 8, damaged: 0"
    assert open_sweep(out).table().to_csv() == done.table().to_csv()
    with pytest.raises(ValueError, match="shard is '3/3'"):
        run("shard", out, "--shard", "3/3")


@pytest.mark.deep
def test_the_array_script_runs(file, done, tmp_path):
    out, script = tmp_path / "s", tmp_path / "jobs.sh"
    run(file, "--out", out, "--prepare")
    run("export", out, "--slurm", script, "--jobs", 2)
    for number in range(2):
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(number), "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(["bash", str(script)], env=environment, check=True)
    run("collect", out)
    assert open_sweep(out).table().to_csv() == done.table().to_csv()


def test_a_damaged_share_is_left_out(file, tmp_path, capsys):
    import sqlite3

    out = tmp_path / "s"
    run(file, "--out", out, "--prepare")
    run("shard", out, "--shard", "0/1")
    with sqlite3.connect(out / "shards" / "0-of-1" / "index.sqlite") as index:
        index.execute("UPDATE tasks SET tables = '{}' WHERE rowid = 1")
    capsys.readouterr()
    assert run("collect", out) == 1
    assert capsys.readouterr().out.strip() == "collected: 7, damaged: 1"
    assert open_sweep(out).status()["to do"] == 1


def test_the_plan_of_the_docs_is_a_plan(tmp_path):
    import re

    from neuromm.sweeps import read_plan

    text = (Path(__file__).resolve().parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    (tmp_path / "prior.toml").write_text(re.search(r"```toml\n(.*?)```", text, re.S).group(1), encoding="utf-8")
    assert read_plan(tmp_path / "prior.toml").n_tasks == 36
