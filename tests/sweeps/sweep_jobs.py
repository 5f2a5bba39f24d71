"""Functions that sweeps of the tests call, in other processes too."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd


def square(x=1.0, offset=0.0, i=0):
    return {"y": x * x + offset}


def draw(i, rng):
    return {"i": i, "value": float(rng.standard_normal())}


def table_and_array(i, rng):
    return {"curve": pd.DataFrame({"x": [0, 1], "y": rng.random(2)}), "noise": rng.random((3, 2))}


def fail_at(i, bad):
    if i == bad:
        raise ValueError(f"{i} is not to my taste")
    return {"i": i}


def die_at(i, bad):
    """The process that gets `bad` is gone, every time."""
    if i == bad:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"i": i}


def die_once(i, bad, mark):
    """The process that gets `bad` first is gone."""
    if i == bad and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"i": i}


def sleep_at(i, bad, seconds=60.0):
    if i == bad:
        time.sleep(seconds)
    return {"i": i}


def environment(i):
    return {"threads": os.environ["OMP_NUM_THREADS"], "device": os.environ.get("CUDA_VISIBLE_DEVICES", "none")}


def slow(i, seconds=0.05):
    end = time.process_time() + seconds
    while time.process_time() < end:
        np.ones(10).sum()
    return {"i": i}


def odd_values(i):
    return {
        "result": pd.DataFrame(
            {"number": [0.1 + 0.2, np.nan, -0.0, np.inf, 5e-324],
             "text": pd.Series(["a", None, "é\n,", "", "\ud800"], dtype=object),  # pyarrow's text has no lone surrogate
             "truth": pd.array([True, None, False, True, None], "boolean"), "whole": [2**53 + 1, -1, 0, 1, 2]}
        )
    }  # fmt: skip


def draw_slowly(i, rng, seconds=0.25):
    time.sleep(seconds)
    return draw(i, rng)
