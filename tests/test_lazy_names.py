"""Every public subpackage names its modules in a fresh interpreter, and importing it stays light."""

import subprocess
import sys
from pathlib import Path

import pytest

import neuromm

PACKAGE = Path(neuromm.__file__).parent
SUBPACKAGES = ["maths", "measures", "observers", "paradigms", "plots", "stimuli", "studies", "sweeps", "datasets"]


def fresh(code):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_public_names_are_there_in_a_fresh_interpreter(name):
    code = f"import neuromm as nm; p = nm.{name}; [getattr(p, n) for n in dir(p) if not n.startswith('_')]"
    fresh(code)


@pytest.mark.parametrize("name", ["maths", "studies"])
def test_modules_are_names_of_their_subpackage(name):
    modules = [path.stem for path in (PACKAGE / name).glob("*.py") if path.stem != "__init__"]
    assert set(modules) <= set(dir(getattr(neuromm, name)))
    light = fresh(f"import sys, neuromm as nm; nm.{name}; print([m for m in ('torch', 'numpy') if m in sys.modules])")
    assert light.strip() == "[]"


def test_a_function_of_maths_is_reached_at_once():
    assert fresh("import neuromm as nm; print(nm.maths.gaussian.fuse.__name__)").strip() == "fuse"
