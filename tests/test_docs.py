"""What the documents say can be typed."""

import ast
import re
import sys
import types
from pathlib import Path

import pytest

from neuromm import testing

ROOT = Path(__file__).resolve().parents[1]


def examples():
    """Name and source of each observer that docs/observers.md writes."""
    text = (ROOT / "docs" / "observers.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    return {re.search(r"class (\w+)", block).group(1): block for block in blocks if "class " in block}


@pytest.mark.parametrize("name", examples())
def test_an_example_observer_of_the_docs_is_short_and_conforms(name):
    source = examples()[name]
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(imports) <= 2
    (cls,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    lines = source.splitlines()[cls.decorator_list[0].lineno - 1 : cls.end_lineno]
    assert sum(bool(line.strip()) for line in lines) <= 15
    module = types.ModuleType(f"docs_example_{name}")
    sys.modules[module.__name__] = module  # where pickle looks for the class
    exec(compile(source, "docs/observers.md", "exec"), module.__dict__)
    assert len(testing.check_observer(getattr(module, name)())) >= 20


def test_the_docs_have_an_example_of_each_kind():
    kinds = {"EqualWeights", "LargerCount", "Inertial", "Lipreader", "MyNetwork", "TwoLayers"}
    assert set(examples()) == kinds


@pytest.mark.ann
def test_the_first_five_lines_of_the_readme_run():
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    names = {}
    exec(compile(code.replace("n_repeats=20", "n_repeats=1"), "README.md", "exec"), names)
    assert len(names["session"].observers) == 3


def test_the_documented_table_reads(tmp_path):
    from neuromm.stimuli.table import read_trials

    text = re.search(r"```csv\n(.*?)```", (ROOT / "docs" / "trial_table.md").read_text(), re.S).group(1)
    (tmp_path / "t.csv").write_text(text)
    assert len(read_trials(tmp_path / "t.csv")) == 4
