"""What the documents say can be typed."""

import re
from pathlib import Path

import pytest

from neuromm import testing

ROOT = Path(__file__).resolve().parents[1]


def test_the_example_observer_of_the_docs_conforms():
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "observers.md").read_text(), re.S).group(1)
    names = {"__name__": "docs_example"}
    import sys
    import types

    module = sys.modules.setdefault("docs_example", types.ModuleType("docs_example"))
    exec(compile(code, "docs/observers.md", "exec"), module.__dict__)
    names.update(module.__dict__)
    assert len(testing.check_observer(names["EqualWeights"]())) >= 20


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
