"""docs/figures.md is what its script writes, and figures with unverified numbers say so in words."""

import importlib.util
from pathlib import Path

import pytest

from neuromm import datasets

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "analysis" / "figures_table.py"


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("figures_table", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_in_step_with_scripts_and_values(table):
    page = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    assert page == table.page(table.deviations_in(page)), "run python analysis/figures_table.py"
    assert page.count("| `") == len(list((ROOT / "analysis" / "figures").glob("*.py")))


@pytest.mark.parametrize("name", ["aftereffect_buildup", "cims2017_mcgurk", "mcd_tuning", "mcgurk_individuals"])
def test_the_page_states_what_the_script_computes(table, name):
    stated = table.deviations_in((ROOT / "docs" / "figures.md").read_text(encoding="utf-8"))
    assert stated[f"{name}.py"] == table.deviation_of(ROOT / "analysis" / "figures" / f"{name}.py")


def test_scripts_with_something_to_compare_state_a_deviation(table):
    stated = table.deviations_in((ROOT / "docs" / "figures.md").read_text(encoding="utf-8"))
    for script in table.scripts():
        compares = "def largest_deviation" in script.read_text(encoding="utf-8")
        assert (stated[script.name] != table.NOTHING) == compares, script.name


def test_scripts_that_draw_values_from_memory_say_so(table):
    recalled = set(datasets.published().query("provenance == 'memory'")["paper"])
    for script in sorted((ROOT / "analysis" / "figures").glob("*.py")):
        text = script.read_text(encoding="utf-8")
        if recalled & set(table.papers_of(text)):
            assert "from memory, unverified" in text, script.name
