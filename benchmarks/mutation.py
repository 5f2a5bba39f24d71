"""Would the tests notice? One operator, number, condition or call is changed at a time, and the tests that run its
line are run.

    python benchmarks/mutation.py measures plots            # 20 random changes of each of two groups
    python benchmarks/mutation.py measures/bias.py --sample 0  # every change of one file
    python benchmarks/mutation.py studies --seed 3 --out studies.json --table
    python benchmarks/mutation.py studies --out studies.json --again  # what survived, after new tests
    python benchmarks/mutation.py --list-only               # groups, files, how many changes there are

Files are those of any subpackage (`measures/bias.py` is neuromm/measures/bias.py); groups are named in GROUPS. The
changed file is written into a temporary copy of the checkout, which is never touched itself. The test files that
concern a file (TESTS, else those that mirror its name or use its public names) run once under coverage, which says
what tests run which line; a change is then given to those tests, in one process, with a time limit. Each trial is a
fork of a process that has the libraries loaded. Tests that are marked slow, deep or compiled are left out.

A change is caught, or it survives, or it is equivalent: no test could see it (EQUIVALENT names the reason). Linux and
macOS; needs pytest-cov.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from mutants import changed, sites

ROOT = Path(__file__).resolve().parents[1]
GROUPS = {
    "maths": ["maths/*.py"],
    "measures": ["measures/*.py"],
    "plots": ["plots/*.py"],
    "readout": ["observers/readout.py", "observers/ann/av_*.py", "observers/spiking/readout_rings.py"],
    "studies": ["studies/*.py"],
    "sweeps": ["sweeps/*.py"],
    "training": [
        "observers/ann/training.py", "observers/ann/towers.py", "observers/ann/checkpoint.py", "observers/ann/muon.py",
        "observers/ann/*_recipe.py", "observers/ann/scenes.py", "observers/ann/events.py", "observers/ann/*/recipe*.py",
        "observers/ann/*/losses.py", "observers/ann/diffusion/video.py", "observers/ann/diffusion/guidance.py",
    ],
}  # fmt: skip
# Test files of a file whose tests neither have its name nor use its public names, or too many do; quick ones first.
TESTS = {
    "maths/circular.py": ["maths/test_mutants.py", "observers/bayes/test_circular.py"],
    "maths/encoding_disparity.py": ["maths/test_encoding_disparity.py", "measures/test_syllable_measures.py"],
    "maths/grid_inference.py": ["observers/bayes/test_grid.py", "observers/bayes/test_acerbi2018.py"],
    "maths/parameters.py": ["maths/test_mutants.py", "measures/test_fitting.py"],
    "maths/plasticity.py": ["maths/test_mutants.py", "maths/test_learning_rules.py"],
    "maths/rival_probability.py": ["observers/bayes/test_rivals.py"],
    "observers/ann/contrastive/recipe.py": ["observers/ann/test_checkpoint.py",
                                            "observers/ann/contrastive/test_encoder.py"],
    "observers/ann/counting/recipe.py": ["observers/ann/test_checkpoint.py", "observers/ann/test_recipes.py"],
    "observers/ann/diffusion/losses.py": ["observers/ann/test_training_draws.py",
                                          "observers/ann/diffusion/test_losses.py"],
    "observers/ann/diffusion/video.py": ["observers/ann/test_training_losses.py",
                                         "observers/ann/diffusion/test_video_audio.py"],
    "observers/ann/fusion/recipe.py": ["observers/ann/test_training_draws.py", "observers/ann/test_recipes.py"],
    "observers/ann/speech/recipe.py": ["observers/ann/test_training_draws.py", "observers/ann/test_recipes.py"],
    "observers/ann/training.py": ["observers/ann/test_checkpoint.py", "observers/ann/test_training_losses.py",
                                  "observers/ann/test_training.py"],
    "studies/flash_network.py": ["studies/test_values_of_studies.py", "test_rate_studies.py"],
    "sweeps/dask_cluster.py": ["sweeps/test_sweep_values.py", "sweeps/test_sweep_dask.py"],
}  # fmt: skip
MOST_TEST_FILES = 4
WHOLE = ("test_architecture.py", "test_smoke.py", "test_docs.py", "test_conformance.py", "test_cli.py")
SMOKE = "tests/test_smoke.py::test_the_script_runs_and_leaves_figures_and_a_page"
KINDS = ast.FunctionDef | ast.ClassDef
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.json")
MARKERS = "not slow and not deep and not compiled"


def files_of(names) -> dict:
    """Group → its files, relative to neuromm/; a name that is no group is a file, and a group by itself."""
    package, found = ROOT / "neuromm", {}
    for name in names:
        patterns = GROUPS.get(name, [name])
        paths = [p for pattern in patterns for p in sorted(package.glob(pattern))]
        found[name] = list(dict.fromkeys(p.relative_to(package).as_posix() for p in paths if p.name != "__init__.py"))
        if not found[name]:
            raise SystemExit(f"no group and no file of neuromm/ is called {name}; groups: {', '.join(GROUPS)}")
    return found


def tests_of(file: str, deeper: bool = True) -> list[str]:
    """Test files that concern a file: those named for it, then those that use most of its public names.

    A study is also tested by the test that runs its script, last; a file that no test uses itself, through the files
    of its folder that import it.
    """
    if file in TESTS:
        return [f"tests/{t}" for t in TESTS[file] if (ROOT / "tests" / t).exists()]
    stem = Path(file).stem
    module = "neuromm." + file[:-3].replace("/", ".")
    places = (module, module.rpartition(".")[0], stem, Path(file).parent.name)
    names = [node.name for node in tree_of(ROOT / "neuromm" / file).body if isinstance(node, KINDS)]
    public = {f"{place}.{name}" for place in places for name in names if name != "main"}
    scores = {}
    for path, used in used_by_tests().items():
        mirrored = Path(path).stem in (f"test_{stem}", f"test_{stem}_study")
        uses = len(public & used) + 3 * (module in used)
        if mirrored or uses:
            scores[path] = ("values" in Path(path).stem, mirrored, uses)  # those are quick
    found = sorted(scores, key=scores.get, reverse=True)[:MOST_TEST_FILES]
    if file.startswith("studies/") and (ROOT / "experiments" / f"{stem}.py").exists():
        return [*found, f"{SMOKE}[{stem}]"]
    if found or not deeper:
        return found
    for user in sorted((ROOT / "neuromm" / file).parent.glob("*.py")):
        if user.stem != stem and module in names_used(user):
            found += tests_of(user.relative_to(ROOT / "neuromm").as_posix(), deeper=False)[:2]
    return list(dict.fromkeys(found))[:MOST_TEST_FILES]


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def used_by_tests() -> dict:
    """Test file → the modules and names that it uses; tests of the whole package are left out."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    paths = [p for p in paths if p.parent.name != "reliability" and p.name not in WHOLE]
    return {p.relative_to(ROOT).as_posix(): names_used(p) for p in paths}


@functools.cache
def names_used(path: Path) -> frozenset:
    """What a file uses of neuromm: modules, "module.name" of what it imports, "module.attribute" as it is written."""
    used = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neuromm"):
            used.add(node.module)
            used |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names if alias.name.startswith("neuromm")}
        elif isinstance(node, ast.Attribute):
            used.add(f"{_end(node.value)}.{node.attr}")
    return frozenset(used)


def _end(node):
    return getattr(node, "attr", getattr(node, "id", None))


class Copy:
    """A temporary copy of the checkout, in which one file at a time is changed and tests are run."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mutation_"))
        self.root = self.folder / "checkout"
        self.known, self.seconds = {}, {}
        ignored = shutil.ignore_patterns(".git", ".venv", "results", "__pycache__", "*.egg-info", ".coverage*")
        shutil.copytree(ROOT, self.root, ignore=ignored)

    def close(self):
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, tests, seconds, options=()) -> str:
        """In a fork: "passed", "failed" or "too long"."""
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            code = 3
            try:
                code = self._pytest(tests, options)
            finally:
                os._exit(code)
        deadline, status = time.monotonic() + seconds, None
        while status is None and time.monotonic() < deadline:
            done, waited = os.waitpid(child, os.WNOHANG)
            status = waited if done else None
            time.sleep(0.02)
        late = status is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # and what its tests have started
        if late:
            os.waitpid(child, 0)
            return "too long"
        return "passed" if status == 0 else "failed"

    def _pytest(self, tests, options):
        import pytest

        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        os.chdir(self.root)
        sys.path.insert(0, str(self.root))
        os.environ |= {"PYTHONPATH": str(self.root), "TMPDIR": str(self.folder)}
        if (ROOT.parent / "shared").is_dir():
            os.environ.setdefault("NEUROMM_SHARED", str(ROOT.parent / "shared"))
        fixed = ["-q", "-W", "ignore::pytest.PytestWarning", "-p", "no:xdist", "-m", MARKERS, "--rootdir", "."]
        return int(pytest.main([*fixed, *options, *tests]))

    def lines_run(self, tests: str, package: str) -> dict | None:
        """File → line → the tests of one test file that run it; None if the tests do not pass as they are."""
        if (tests, package) in self.known:
            return self.known[tests, package]
        data = self.folder / ".coverage"
        for old in self.folder.glob(".coverage*"):
            old.unlink()
        os.environ["COVERAGE_FILE"] = str(data)
        options = [f"--cov=neuromm.{package}", "--cov-context=test", "--cov-report="]
        started = time.monotonic()
        outcome = self.run([tests], 900, options)
        os.environ.pop("COVERAGE_FILE")
        self.seconds[tests] = time.monotonic() - started
        self.known[tests, package] = _contexts(data, self.root / "neuromm") if outcome == "passed" else None
        return self.known[tests, package]

    def try_change(self, file, text, tests, seconds) -> str:
        """What the tests say when the file reads `text`; the file is put back."""
        path = self.root / "neuromm" / file
        kept = path.read_bytes()
        compiled = path.parent / "__pycache__"
        for old in compiled.glob(f"{path.stem}.*"):
            old.unlink()  # Python takes a compiled file whose source has the same size and second
        path.write_text(text, encoding="utf-8")
        try:
            return self.run(tests, seconds, ["-x"])
        finally:
            path.write_bytes(kept)
            for old in compiled.glob(f"{path.stem}.*"):
                old.unlink()


def _contexts(data, package):
    """File → line → names of the contexts in which it ran ("" is the import)."""
    import coverage

    record = coverage.CoverageData(str(data))
    record.read()
    paths = [Path(name) for name in record.measured_files()]
    return {path.relative_to(package).as_posix(): record.contexts_by_lineno(str(path)) for path in paths}


def tests_of_line(contexts, tests: str) -> list[str]:
    """What to run of a test file for a line: the tests that ran it, or the whole file where a fixture or another
    process did."""
    phases = [context.partition("|") for context in contexts if "|" in context]
    if any(phase != "run" for _, _, phase in phases) or (contexts and not phases):
        return [tests]
    return sorted({name for name, _, _ in phases})


@functools.cache
def lines_of_bodies(file: str) -> frozenset:
    """Lines inside functions; all others run when the file is imported."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    bodies = [node.body for node in ast.walk(tree_of(ROOT / "neuromm" / file)) if isinstance(node, functions)]
    return frozenset(line for body in bodies for line in range(body[0].lineno, body[-1].end_lineno + 1))


def try_out(copy, file, text, line) -> tuple[str, str]:
    """Outcome of a changed file, and a reason where there is one; test files in turn, until one sees it."""
    candidates = tests_of(file)
    if not candidates:
        return "survived", "no tests"
    inside = line in lines_of_bodies(file)
    tried, broken = 0, []
    for tests in candidates:
        ran = copy.lines_run(tests, file.partition("/")[0])
        if ran is None:
            broken.append(tests)
            continue
        chosen = tests_of_line(ran.get(file, {}).get(line, ()), tests) if inside else [tests]
        if chosen and copy.try_change(file, text, chosen, 3 * copy.seconds[tests] + 20) != "passed":
            return "caught", ""
        tried += len(chosen)
    reason = "" if tried else "no test runs the line"
    return "survived", f"not asked, as they fail: {' '.join(broken)}" if broken else reason


def chosen_rows(files, sample, seed, group) -> list[dict]:
    """`sample` of all changes of the group's files at random, or every one if it is 0; none is tried yet."""
    every = []
    for file in files:
        every += [(file, number) for number in range(len(sites(tree_of(ROOT / "neuromm" / file))))]
    if sample and sample < len(every):
        every = sorted(random.Random(f"{seed} {group}").sample(every, sample))
    return [row_of(file, number) for file, number in every]


def row_of(file, number) -> dict:
    """A change as it is recorded: what, where, and which of equal changes of equal lines (`nth`)."""
    path = ROOT / "neuromm" / file
    every, lines = sites(tree_of(path)), path.read_text(encoding="utf-8").splitlines()
    node, change = every[number]
    source = lines[node.lineno - 1].strip()
    nth = sum(c == change and lines[n.lineno - 1].strip() == source for n, c in every[:number])
    return {"file": file, "line": node.lineno, "change": change, "source": source, "nth": nth,
            "outcome": "not tried", "reason": ""}  # fmt: skip


def try_row(copy, row, known) -> dict:
    """A recorded change, tried on the file as it is now."""
    path = ROOT / "neuromm" / row["file"]
    lines = path.read_text(encoding="utf-8").splitlines()
    same = [n for n, (node, change) in enumerate(sites(tree_of(path)))
            if change == row["change"] and lines[node.lineno - 1].strip() == row["source"]]  # fmt: skip
    if not same:
        return row | {"outcome": "not tried", "reason": "the line has changed since"}
    mutant, _, line = changed(tree_of(path), same[min(row["nth"], len(same) - 1)])
    key = (row["file"], row["source"], row["change"])
    if key in known:
        outcome, reason = "equivalent", known[key]
    else:
        outcome, reason = try_out(copy, row["file"], ast.unparse(mutant), line)
    print(f"  {outcome:10} {row['file']}:{line}: {row['change']}    {row['source']}    {reason}", flush=True)
    return row | {"line": line, "outcome": outcome, "reason": reason}


def load_libraries():
    """What every fork would import again."""
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    import hypothesis  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import pandas  # noqa: F401
    import pytest_cov  # noqa: F401
    import scipy.optimize
    import scipy.special
    import scipy.stats  # noqa: F401
    import torch
    import xarray  # noqa: F401

    torch.set_num_threads(1)


def say(group, rows, table):
    """Counts of a group, then what survived, as text or as rows of a table in Markdown."""
    kinds = ("caught", "survived", "equivalent", "not tried")
    counts = {kind: sum(row["outcome"] == kind for row in rows) for kind in kinds}
    tried = counts["caught"] + counts["survived"]
    print(f"{group}: {counts['caught']} of {tried} caught ({100 * counts['caught'] / max(tried, 1):.0f} %), "
          f"{counts['equivalent']} equivalent, {counts['not tried']} not tried")  # fmt: skip
    for row in rows:
        if row["outcome"] != "caught" and table:
            source = row["source"].replace("|", "\\|")
            where = f"{row['file']}:{row['line']}"
            print(f"| {where} | {row['change']} | `{source}` | {row['outcome']} | {row['reason']} |")


def main():
    """Examine groups or files; counts, survivors, and a JSON record on request."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("names", nargs="*", help="groups, or files of neuromm/ (default: every group)")
    parser.add_argument("--sample", type=int, default=20, help="changes of each group, at random; 0: every one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list-only", action="store_true")
    parser.add_argument("--table", action="store_true", help="what is not caught as rows in Markdown")
    parser.add_argument("--again", action="store_true", help="try what survived in --out once more")
    parser.add_argument("--out", default=None, help="JSON record; what was tried in it is not tried again")
    given = parser.parse_args()
    groups = files_of(given.names or GROUPS)
    if given.list_only:
        for group, files in groups.items():
            for file in files:
                n = len(sites(tree_of(ROOT / "neuromm" / file)))
                print(f"{group:10} {file:45} {n:5}  {' '.join(t.removeprefix('tests/') for t in tests_of(file))}")
        return 0
    known = {tuple(row[:3]): row[3] for row in json.loads(EQUIVALENT.read_text(encoding="utf-8"))}
    done = json.loads(Path(given.out).read_text()) if given.out and Path(given.out).exists() else {}
    load_libraries()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy is removed then, too
    copy = Copy()
    try:
        for group, files in groups.items():
            rows = done.setdefault(group, chosen_rows(files, given.sample, given.seed, group))
            for i, row in enumerate(rows):
                if row["outcome"] == "not tried" or (given.again and row["outcome"] == "survived"):
                    rows[i] = try_row(copy, row, known)
                    if given.out:
                        Path(given.out).write_text(json.dumps(done, indent=1, ensure_ascii=False))
    finally:
        copy.close()
    for group in groups:
        say(group, done[group], given.table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
