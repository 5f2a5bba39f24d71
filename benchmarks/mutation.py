"""Would the tests notice? One operator or number of a maths file is changed at a time, and its tests are run.

    python benchmarks/mutation.py                          # twenty changes of each file of neuromm/maths
    python benchmarks/mutation.py gaussian ring --sample 0  # every change of two files
    python benchmarks/mutation.py --part 2/4               # the second of four parts that can run side by side
    python benchmarks/mutation.py --list-only              # how many there are

A change that no test notices survives, and is listed with its line. Some survivors mean the same as the original
(a tolerance, a starting value, a chunk's size). Each trial is a fork of a process that has the libraries loaded, so
it costs the tests alone. Linux and macOS.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import io
import json
import os
import random
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MATHS = ROOT / "neuromm" / "maths"
# The tests of each file, those that fail fastest first; for all others tests/maths/test_NAME.py.
TESTS = {
    "accumulation": ["maths/test_mutants.py", "maths/test_accumulation.py"],
    "circular": ["maths/test_mutants.py", "observers/bayes/test_circular.py"],
    "coincidence": ["maths/test_mutants.py", "maths/test_coincidence.py"],
    "combination": ["maths/test_combination.py", "maths/test_mutants.py"],
    "encoding_disparity": ["maths/test_encoding_disparity.py", "measures/test_syllable_measures.py"],
    "fuzzy_logic": ["maths/test_fuzzy_logic.py", "measures/test_syllable_measures.py"],
    "expectation": ["maths/test_mutants.py", "maths/test_expectation.py"],
    "gaussian": ["maths/test_mutants.py", "maths/test_gaussian.py", "maths/test_expectation.py",
                 "observers/bayes/test_causal_inference.py"],
    "grid_inference": ["observers/bayes/test_grid.py", "observers/bayes/test_acerbi2018.py"],
    "noise": ["maths/test_mutants.py", "maths/test_noise.py"],
    "parameters": ["maths/test_mutants.py", "measures/test_fitting.py"],
    "partition_probability": ["maths/test_partitions.py", "observers/bayes/test_trimodal.py"],
    "plasticity": ["maths/test_mutants.py", "maths/test_learning_rules.py"],
    "recalibration": ["maths/test_mutants.py", "maths/test_learning_rules.py",
                      "observers/bayes/test_learning_observers.py"],
    "report_probability": ["maths/test_report_probability.py", "measures/test_fitting.py"],
    "ring": ["maths/test_ring.py", "observers/test_rings.py", "observers/test_cuppini2017.py"],
    "rival_probability": ["observers/bayes/test_rivals.py"],
    "slice_sampler": ["maths/test_slice_sampler.py", "measures/test_psychometrics.py"],
    "syllable_space": ["maths/test_mutants.py", "maths/test_syllable_space.py"],
    "unity_prior": ["maths/test_mutants.py", "observers/test_sts_binding.py"],
}
BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
          ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.MatMult: None, ast.BitAnd: ast.BitOr,
          ast.BitOr: ast.BitAnd}  # fmt: skip
COMPARE = {ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE],
           ast.GtE: [ast.Gt, ast.Lt], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot],
           ast.IsNot: [ast.Is], ast.In: [ast.NotIn], ast.NotIn: [ast.In]}  # fmt: skip
CALLS = {"minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "sin": "cos", "cos": "sin",
         "floor": "ceil", "ceil": "floor", "log1p": "log", "expm1": "exp", "any": "all", "all": "any", "sqrt": "square",
         "exp": "expm1", "log": "log1p", "sum": "prod", "cumsum": "cumprod", "argmax": "argmin"}  # fmt: skip


def sites(tree):
    """(node, change) of every place that can be changed; what is only said, and guards below 1e-5, are left."""
    skipped = set()
    for node in ast.walk(tree):
        spoken = []
        if isinstance(node, ast.Raise | ast.JoinedStr):
            spoken = [node]
        elif isinstance(node, ast.AnnAssign):
            spoken = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            spoken = [a.annotation for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation]
            spoken += [node.returns] if getattr(node, "returns", None) else []
        skipped |= {id(inner) for outer in spoken for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        if id(node) not in skipped:
            yield from ((node, change) for change in changes_of(node))


def changes_of(node):
    """Names of the changes of one node."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and BINARY.get(type(node.op)):
        yield f"{type(node.op).__name__} → {BINARY[type(node.op)].__name__}"
    elif isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            yield from (f"{i}: {type(op).__name__} → {new.__name__}" for new in COMPARE.get(type(op), ()))
    elif isinstance(node, ast.BoolOp):
        yield "and ↔ or"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield f"without {type(node.op).__name__}"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float) and not 0 < abs(node.value) < 1e-5:
        yield f"{node.value} → {_other(node.value)}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} → {not node.value}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
        yield f"{node.func.attr} → {CALLS[node.func.attr]}"
    elif isinstance(node, ast.IfExp | ast.If | ast.While):
        yield "condition negated"


def _other(value):
    return value + 1 if isinstance(value, int) else (value * 2 if value else 1.0)


def changed(tree, number):
    """A copy of the tree with its `number`th change made; what it is, and its line."""
    tree = copy.deepcopy(tree)
    node, change = list(sites(tree))[number]
    if isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = BINARY[type(node.op)]()
    elif isinstance(node, ast.Compare):
        i, _, names = change.partition(": ")
        node.ops[int(i)] = getattr(ast, names.partition(" → ")[2])()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
    elif isinstance(node, ast.Constant):
        node.value = (not node.value) if isinstance(node.value, bool) else _other(node.value)
    elif isinstance(node, ast.Call):
        node.func.attr = CALLS[node.func.attr]
    else:
        node.test = ast.UnaryOp(ast.Not(), node.test)
    return ast.fix_missing_locations(tree), change, node.lineno


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree."""

    def __init__(self, name, path, tree):
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, name, path=None, target=None):
        """The module, if it is the changed one."""
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def exec_module(self, module):
        """Run the changed tree in it."""
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def run_tests(finder, tests, seconds):
    """In a fork: "passed", "failed", or "too long"; `finder` None runs the original."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            signal.alarm(int(seconds) + 1)
            if finder is not None:
                sys.meta_path.insert(0, finder)
            import pytest

            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                code = int(pytest.main(["-x", "-q", "-W", "ignore", "--rootdir", str(ROOT), *tests]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "too long" if os.WTERMSIG(status) == signal.SIGALRM else "failed"
    return "passed" if os.WEXITSTATUS(status) == 0 else "failed"


def tests_of(name):
    """The test files of a maths file that are there."""
    named = TESTS.get(name, [f"maths/test_{name}.py"])
    return [str(ROOT / "tests" / t) for t in named if (ROOT / "tests" / t).exists()]


def examine(name, sample, rng, part=(1, 1)):
    """Change one file again and again; a dict of counts and survivors, with a note where its tests say nothing."""
    path, tests = MATHS / f"{name}.py", tests_of(name)
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    n = len(list(sites(tree)))
    if not tests or not n:
        return {"file": name, "changes": n, "tried": 0, "killed": 0, "survivors": [], "note": "no tests of its own"}
    started = time.monotonic()
    if run_tests(None, tests, 600) != "passed":
        return {"file": name, "changes": n, "tried": 0, "killed": 0, "survivors": [], "note": "its tests fail as it is"}
    longest = 5 * (time.monotonic() - started) + 10
    chosen = sorted(rng.sample(range(n), min(sample, n))) if sample else range(n)
    chosen, survivors = chosen[part[0] - 1 :: part[1]], []
    for number in chosen:
        mutant, change, line = changed(tree, number)
        if run_tests(Changed(f"neuromm.maths.{name}", path, mutant), tests, longest) == "passed":
            survivors.append(f"{name}.py:{line}: {change}    {text.splitlines()[line - 1].strip()}")
    tried = len(chosen)
    return {"file": name, "changes": n, "tried": tried, "killed": tried - len(survivors), "survivors": survivors}


def main():
    """Examine files; a table, the survivors, and a JSON record on request."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", help="names in neuromm/maths (default: all)")
    parser.add_argument("--sample", type=int, default=20, help="changes of each file, at random; 0: every one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="2/4: the second of four parts of them")
    parser.add_argument("--list-only", action="store_true")
    parser.add_argument("--out", default=None, help="JSON to write; files that are in it already are not done again")
    given = parser.parse_args()
    names = given.files or sorted(p.stem for p in MATHS.glob("*.py") if p.stem != "__init__")
    if given.list_only:
        for name in names:
            print(f"{name:24} {len(list(sites(ast.parse((MATHS / f'{name}.py').read_text())))):5}")
        return 0
    sys.path[:0] = [str(ROOT)]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import hypothesis  # noqa: F401 - loaded once, before the forks
    import pandas  # noqa: F401
    import scipy.optimize  # noqa: F401
    import scipy.special  # noqa: F401
    import scipy.stats  # noqa: F401
    import torch
    import xarray  # noqa: F401

    torch.set_num_threads(1)
    part = tuple(map(int, given.part.split("/")))
    found = json.loads(Path(given.out).read_text()) if given.out and Path(given.out).exists() else []
    for name in names:
        if any(f["file"] == name for f in found):
            continue
        found.append(examine(name, given.sample, random.Random(f"{given.seed} {name}"), part))
        last = found[-1]
        print(f"{name:24} {last['killed']:4} of {last['tried']:4} killed ({last['changes']} possible) "
              f"{last.get('note', '')}", flush=True)  # fmt: skip
        if given.out:
            Path(given.out).write_text(json.dumps(found, indent=1, ensure_ascii=False))
    tried, killed = (sum(f[k] for f in found) for k in ("tried", "killed"))
    print(f"killed {killed} of {tried}: {100 * killed / max(tried, 1):.0f} %")
    print("survivors:", *(s for f in found for s in f["survivors"]), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
