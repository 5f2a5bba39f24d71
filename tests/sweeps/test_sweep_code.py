"""Results belong to the code that made them: what is corrected is computed again, and the reader is told."""

import importlib
import os
import subprocess
import sys

import pytest

from neuromm.sweeps import Sweep, resume, sweep
from neuromm.sweeps.code import code_of, source_files

GRID = {"gain": [1, 2]}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder of the user's with modules; `write(name, text)` also imports a changed one again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written = []

    def write(name, text):
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        written.append(name)
        for module in [
            m for m in sys.modules if m.partition(".")[0] in {n.partition(".")[0] for n in written}
        ]:
            del sys.modules[module]
        importlib.invalidate_caches()

    yield write
    for name in written:
        sys.modules.pop(name, None)


def run(function="mine:f", **options):
    return sweep(calls={"function": function, "grid": GRID, **options}, out="out", progress=False)


def test_a_corrected_function_is_computed_again(project, capsys):
    project("mine", "def f(gain): return {'y': 2 * gain}\n")
    assert run().table()["y"].tolist() == [2, 4]
    project("mine", "def f(gain): return {'y': 100 * gain}\n")
    found = sweep(calls={"function": "mine:f", "grid": GRID}, out="out")
    assert found.table()["y"].tolist() == [100, 200]
    assert found.status() == {"tasks": 2, "ok": 2, "failed": 0, "to do": 0, "other": 2}
    assert "mine:f: mine.py changed since the stored results" in capsys.readouterr().err


def test_resume_computes_again_what_changed_and_only_that(project):
    project("mine", "def f(gain): return {'y': 2 * gain}\n")
    run()
    project("mine", "def f(gain): return {'y': 3 * gain}\n")
    assert resume("out", progress=False).table()["y"].tolist() == [3, 6]
    project("mine", "def f(gain): raise RuntimeError('it is computed again')\n")
    project("mine", "def f(gain): return {'y': 3 * gain}\n")
    assert resume("out", progress=False).status()["other"] == 2  # nothing new


@pytest.mark.parametrize(
    "statement",
    [
        "import helper",
        "from helper import factor",
        "import deep.helper",
        "from deep.helper import factor",
    ],
)
def test_a_module_of_the_project_that_it_imports_counts(project, statement):
    name = "deep.helper" if "deep" in statement else "helper"
    factor = "factor" if statement.startswith("from") else f"{name}.factor"
    project(name, "factor = 2\n")
    project("mine", f"{statement}\ndef f(gain): return {{'y': {factor} * gain}}\n")
    assert run().table()["y"].tolist() == [2, 4]
    project(name, "factor = 5\n")
    assert run().table()["y"].tolist() == [5, 10]


def test_files_of_relative_imports_and_of_neither_library_nor_neuromm(project, tmp_path):
    project("pkg.__init__", "")
    project("pkg.sub.__init__", "")
    project("pkg.other", "x = 1\n")
    project("pkg.sub.near", "import pkg.sub.mine\n")  # a circle ends
    project(
        "pkg.sub.mine",
        "import numpy, neuromm\nfrom . import near\nfrom ..other import x\ndef f(): pass\n",
    )
    found = [file.relative_to(tmp_path).as_posix() for file in source_files("pkg.sub.mine:f")]
    assert found == [
        "pkg/__init__.py",
        "pkg/other.py",
        "pkg/sub/__init__.py",
        "pkg/sub/mine.py",
        "pkg/sub/near.py",
    ]


def test_a_version_decides_instead_of_the_code(project):
    project("mine", "def f(gain): return {'y': 2 * gain}\n")
    run(version=1)
    project("mine", "def f(gain): return {'y': 9 * gain}\n")
    assert run(version=1).table()["y"].tolist() == [2, 4]
    assert run(version="second").table()["y"].tolist() == [9, 18]
    with pytest.raises(
        ValueError, match="version of 'mine:f' must be a whole number or text, got 1.5"
    ):
        run(version=1.5)


def test_a_correction_keeps_the_noise(project):
    project("mine", "def f(gain, rng): return {'y': rng.standard_normal()}\n")
    before = run().table()["y"].to_numpy()
    project("mine", "def f(gain, rng): return {'y': 1 + rng.standard_normal()}\n")
    assert (run().table()["y"].to_numpy() == before + 1).all()


def test_a_measure_and_an_observer_of_the_users_count_too(project):
    measure = (
        "import pandas as pd\ndef mean(trials): return {'m': trials['response'].mean() + %d}\n"
    )
    observer = (
        "from dataclasses import dataclass\nfrom neuromm.observers.bayes.segregation import Segregation\n"
        "@dataclass(frozen=True)\nclass Mine(Segregation):\n    def perceive(self, trials, *, rng, layers=()):\n"
        "        percept = super().perceive(trials, rng=rng, layers=layers)\n"
        "        percept.responses['response'] += %d\n        return percept\n"
    )

    def mean():
        from watcher import Mine  # as the file is now

        keys = {
            "stimuli": {"paradigm": "ventriloquism", "arguments": {"n_repeats": 1}},
            "observers": Mine(),
        }
        return sweep(**keys, measures="mine:mean", out="out", progress=False).table()["m"][0]

    project("mine", measure % 0)
    project("watcher", observer % 0)
    first = mean()
    project("mine", measure % 10)
    assert mean() == first + 10
    project("watcher", observer % 100)
    assert mean() == pytest.approx(first + 110)


def test_a_file_changed_after_its_import_is_refused(project, tmp_path):
    project("mine", "def f(gain): return {'y': 2 * gain}\n")
    run()
    (tmp_path / "mine.py").write_text("def f(gain): return {'y': 3 * gain}\n")
    with pytest.raises(ValueError, match="mine.py was changed after 'mine:f' was imported"):
        run()
    importlib.reload(sys.modules["mine"])
    assert run().table()["y"].tolist() == [3, 6]


SCRIPT = """
import neuromm as nm
def f(gain): return {'y': gain}
if __name__ == '__main__':
    print(nm.sweep(calls={'function': f, 'grid': {'gain': [1, 2]}}, out='zero', progress=False).table()['y'].tolist())
    %s
    nm.sweep(calls={'function': f, 'grid': {'gain': [1, 2]}}, out='two', workers=2, progress=False)
"""


@pytest.mark.parametrize("version", ["pass", "f.version = 3"])
def test_a_function_of_the_script_is_refused_before_workers_start(tmp_path, version):
    (tmp_path / "script.py").write_text(SCRIPT % version)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.stdout == "[1, 2]\n" and not (tmp_path / "two").exists()
    assert (
        "'f' is defined in the script itself, which worker processes cannot import" in done.stderr
    )
    assert (
        "put it into a module, such as mine.py, and give function='mine:f', or run with workers=0"
        in done.stderr
    )


def test_a_nameless_function_is_refused_with_the_cure():
    with pytest.raises(
        ValueError, match="cannot be found by its name; define it with `def` at the top of a module"
    ):
        sweep(calls={"function": lambda gain: gain, "grid": GRID}, out="out")


def test_after_failed_tasks_the_message_names_what_helps(project):
    project("mine", "def f(gain): raise RuntimeError('no such gain')\n")
    found = run()
    cure = r"2 tasks failed, the first with RuntimeError: no such gain .*neuromm sweep resume out --retry-failed"
    with pytest.raises(ValueError, match=cure):
        found.table()
    assert resume("out", progress=False, retry_failed=True).status()["failed"] == 2


def test_status_says_which_code_the_results_are_of(project, capsys):
    from neuromm.cli import main

    project("mine", "def f(gain): return {'y': 2 * gain}\n")
    run()
    main(["sweep", "status", "out"])
    assert "mine:f: results are of mine.py as it is now" in capsys.readouterr().out
    project("mine", "def f(gain): return {'y': 3 * gain}\n")
    main(["sweep", "status", "out"])
    assert (
        "mine:f: mine.py has changed since; `resume` computes its tasks again"
        in capsys.readouterr().out
    )
    assert Sweep("out").table()["y"].tolist() == [2, 4]  # reading computes nothing


def test_builtin_and_library_functions_have_a_code():
    assert code_of("math:sqrt") and code_of("json:dumps") and len(source_files("json:dumps")) >= 2
