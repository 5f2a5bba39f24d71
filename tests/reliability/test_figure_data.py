"""What figures draw stays what it was: their data against tables kept beside this test.

A change that is meant is written anew with NEUROMM_WRITE_FIGURE_DATA=1, and its commit says which value moved and why.
"""

import importlib.util
import os
from pathlib import Path

import pandas as pd
import pytest

import neuromm as nm

KEPT = Path(__file__).parent / "figure_data"
FIGURES = Path(__file__).resolve().parents[2] / "analysis" / "figures"
NAMES = ("causal_inference", "forced_fusion", "segregation")


def script(name):
    spec = importlib.util.spec_from_file_location(f"figure_{name}", FIGURES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def session(paradigm, **arguments):
    """A small session of ideal observers, with noise."""
    return nm.present(getattr(nm.paradigms, paradigm)(seed=1, **arguments), NAMES, seed=1, layers=None).trials


TABLES = {
    "kording2007_keys": lambda: script("kording2007_bias").key_histograms(),
    "kording2007_bias": lambda: script("kording2007_bias").kording_bias(),
    "strategies": lambda: script("strategies").moments(),
    "unity_and_bias": lambda: script("unity_and_bias").unity_and_bias(),
    "auditory_bias": lambda: nm.measures.crossmodal_bias(session("ventriloquism", n_repeats=4)),
    "unity": lambda: nm.measures.unity_rate(session("ventriloquism", n_repeats=4)),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_data_of_a_figure_are_what_they_were(name):
    table = TABLES[name]().reset_index(drop=True)
    path = KEPT / f"{name}.csv"
    if os.environ.get("NEUROMM_WRITE_FIGURE_DATA"):
        table.to_csv(path, index=False)
    kept = pd.read_csv(path)
    assert list(table.columns) == list(kept.columns)
    # 1e-7: libraries may order a sum differently from version to version; a model never moves by so little
    pd.testing.assert_frame_equal(table, kept, check_dtype=False, rtol=1e-7, atol=1e-9)


def test_every_kept_table_is_of_a_figure():
    assert {p.stem for p in KEPT.glob("*.csv")} == set(TABLES)
