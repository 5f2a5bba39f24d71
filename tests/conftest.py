"""Shared fixtures: a generator, small trials, the folder of human tables where there is one, closed figures."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture
def trials():
    from neuromm.testing import example_trials

    return example_trials()


@pytest.fixture(scope="session")
def shared():
    """The folder with human single-trial tables and reference numbers; tests that need it skip without it."""
    places = [os.environ.get("NEUROMM_SHARED", ""), Path(__file__).resolve().parents[2] / "shared"]
    for place in places:
        if place and (Path(place) / "data").is_dir():
            return Path(place)
    pytest.skip("no folder of human tables beside the checkout (NEUROMM_SHARED)")


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
