"""Readers are given thousands of broken files: each is read, or refused by a typed error, within a second.

By default a thousand or so a run; `-m deep` more than a hundred thousand. Hypothesis writes the inputs: whole files
with bytes changed, cut, doubled and swapped, and files of the right grammar with values of the wrong kind.
"""

import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import neuromm as nm
from neuromm import datasets
from neuromm.observers.ann.weights import load_weights, save_weights
from neuromm.stimuli.table import read_trials
from neuromm.storage import check_folder
from neuromm.sweeps import open_sweep, read_plan, sweep

TYPED = (ValueError, FileNotFoundError)  # also TypeError for a plan: a key of the wrong kind
LONGEST = 1.0  # s, of CPU
_warm = set()  # folders of tests that have read something

TABLE = b"""trial,condition,report,auditory_azimuth,visual_azimuth,auditory_reliability,n_beeps,noise_seed
0,a,auditory,5,-5.5,1,2,17
1,b,visual,n/a,1e1,0.25,1,18
2,a,common,-0,"3",1,0,19
"""
PLAN = b"""title = "t"
seed = 1
repeats = 2
measures = ["crossmodal_bias"]
[[stimuli]]
paradigm = "ventriloquism"
arguments.n_repeats = 1
grid.disparities = [[0, 5]]
[[observers]]
observer = "causal_inference"
fields.strategy = "selection"
grid.p_common = { low = 0.1, high = 0.9, n = 3 }
sample = { method = "sobol", n = 4, over = { sigma_visual = { low = 1, high = 8, scale = "log" } } }
[cluster]
local = 2
"""
BITS = [b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b"\n", b"\r", b",", b"\t", b";", b"n/a", b"nan", b"inf",
        b"-1", b"1e999", b"9" * 30, b"[", b"]]", b"{", b"}", b"=", b".", b"#", b"\\u", b"true", b"0x1F", b"1979-05-27",
        "é£😀".encode(), b"trial", b"auditory_azimuth", b"n = 1000000000", b"p_common", b"low", b"high"]  # fmt: skip


@st.composite
def broken(draw, whole, bits=BITS):
    """A whole file with a few changes: a byte set, a piece cut, doubled, moved, or something odd put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        what = draw(st.integers(0, 5))
        if what == 0 and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif what == 1:
            del data[at : min(end, at + 40)]
        elif what == 2:
            data[at:at] = data[at : min(end, at + 60)]
        elif what == 3:
            data[at:at] = draw(st.sampled_from(bits))
        elif what == 4:
            data[at : at + 3] = draw(st.sampled_from(bits))
        else:
            del data[end:]
    return bytes(data)


CELLS = st.one_of(
    st.integers(-(10**20), 10**20).map(str), st.floats().map(repr), st.text(max_size=8), st.sampled_from(["", "n/a"])
)
NAMES = st.one_of(
    st.sampled_from(["trial", "report", "auditory_azimuth", "visual_azimuth", "n_beeps", "condition", "noise_seed"]),
    st.text(max_size=10),
)


@st.composite
def tables(draw):
    """CSV of the right grammar, with any names and cells."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6))
    rows = draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), max_size=4))
    return "\n".join(",".join(row) for row in [names, *rows]).encode("utf-8", "surrogatepass")


VALUES = st.recursive(
    st.one_of(st.integers(-3, 10**12), st.floats(), st.booleans(), st.text(max_size=6), st.sampled_from(
        ["ventriloquism", "causal_inference", "crossmodal_bias", "p_common", "sobol", "os:system"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["low", "high", "n", "scale", "method", "over", "p_common", "observer", "measure", "x"]), inner, max_size=4)),
    max_leaves=8,
)  # fmt: skip
KEYS = st.sampled_from(["title", "seed", "repeats", "measures", "keep", "layers", "stimuli", "observers", "fits",
                        "calls", "cluster", "grid", "sample", "paradigm", "observer"])  # fmt: skip


def toml(value):
    """TOML text of plain values."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else repr(value)


PLANS = st.dictionaries(KEYS, VALUES, max_size=5).map(
    lambda keys: "\n".join(f"{k} = {toml(v)}" for k, v in keys.items()).encode("utf-8", "surrogatepass")
)


def held(reader, path, data, typed=TYPED):
    """Write the file, read it; anything but a result or a typed error, and anything slow, is a failure."""
    first = path.parent not in _warm  # the first input of a test also pays for imports
    _warm.add(path.parent)
    path.write_bytes(data)
    started = time.process_time()
    try:
        found = reader(path)
    except typed as error:
        assert str(error).strip(), "the error says nothing"
        found = None
    took = time.process_time() - started
    assert first or took < LONGEST, f"it took {took:.1f} s"
    return found


def many(default, deep, part=5000):
    """Run a test with `default` inputs, and under the marker `deep` with `deep`, in parts that can run side by side."""

    def decorate(test):
        def sized(n, number):
            how = settings(max_examples=n, deadline=None, database=None, derandomize=False,
                           suppress_health_check=list(HealthCheck))  # fmt: skip
            return lambda check, strategy: how(seed(20 + number)(given(strategy)(lambda data: check(data))))()

        parts = [pytest.param(sized(part, i + 1), id=f"deep{i + 1}", marks=pytest.mark.deep)
                 for i in range(deep // part)]  # fmt: skip
        return pytest.mark.parametrize("fuzz", [pytest.param(sized(default, 0), id=str(default)), *parts])(test)

    return decorate


@many(300, 45_000)
def test_trial_tables(fuzz, tmp_path):
    places = [tmp_path / "t.csv", tmp_path / "t.tsv"]

    def check(data):
        table = held(read_trials, places[len(data) % 2], data)
        assert table is None or (len(table) and table.index.is_unique and table.index.name == "trial")

    fuzz(check, st.one_of(broken(TABLE), broken(TABLE.replace(b",", b"\t")), tables()))


@many(100, 15_000)
def test_tables_of_other_labs(fuzz, tmp_path):
    columns = {"visual_azimuth": "visual_azimuth", "auditory_azimuth": ("auditory_azimuth", 10), "report": "report"}
    readers = [
        lambda p: datasets.read_columns(p, columns, values={"report": {"common": "common", 1: "auditory"}}),
        lambda p: datasets.read_psychopy(p, columns),
        lambda p: datasets.read_bids_events(p),
    ]

    def check(data):
        held(readers[len(data) % 3], tmp_path / "t.csv", data)

    fuzz(check, st.one_of(broken(TABLE), tables()))


@many(200, 25_000)
def test_plans(fuzz, tmp_path):
    def check(data):
        plan = held(read_plan, tmp_path / "plan.toml", data, (*TYPED, TypeError))
        assert plan is None or plan.n_tasks >= 0

    fuzz(check, st.one_of(broken(PLAN), PLANS))


@many(300, 20_000)
def test_weights(fuzz, tmp_path):
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float16([1, 2])}
    recipe = {"seed": 1, "steps": 2}
    whole = save_weights(tmp_path / "whole.safetensors", tensors, network="n", config={"k": 1}, recipe=recipe)
    bits = [b"\x00", b"\xff" * 8, b"{}", b'"', b"]", b"99999999999", b"F64", b"__metadata__", b"shape", b"\x80\x04c"]

    def check(data):
        found = held(load_weights, tmp_path / f"w{len(data) % 7}.safetensors", data)
        if found is not None:  # nothing that was changed is taken for whole
            header, arrays = found
            assert header["network"] == "n" and header["recipe"] == recipe and header["config"] == {"k": 1}
            assert all(np.array_equal(arrays[k], tensors[k]) for k in tensors) and set(arrays) == set(tensors)

    fuzz(check, st.one_of(broken(whole.read_bytes(), bits), st.binary(max_size=200)))


@many(60, 5000)
def test_session_folders(fuzz, tmp_path):
    session = nm.present(nm.paradigms.ventriloquism(1, unimodal=False).head(6), ["causal_inference"], seed=1)
    nm.save(session, tmp_path / "s")
    names = sorted(p.relative_to(tmp_path / "s") for p in (tmp_path / "s").rglob("*") if p.is_file())
    whole = {name: (tmp_path / "s" / name).read_bytes() for name in names}
    expected = session.responses["response"].to_numpy()

    def check(chosen):
        name, data = chosen
        path = tmp_path / "s" / name
        found = held(lambda _: nm.load_session(tmp_path / "s"), path, data)
        path.write_bytes(whole[name])
        if found is not None:
            assert np.array_equal(found.responses["response"].to_numpy(), expected)

    fuzz(check, st.sampled_from(names).flatmap(lambda n: st.tuples(st.just(n), broken(whole[n]))))
    check_folder(tmp_path / "s")


@many(60, 5000)
def test_folders_of_sweeps(fuzz, tmp_path):
    plan = {"calls": {"function": "reliability_jobs:draw", "grid": {"i": [0, 1]}}, "seed": 1}
    expected = sweep(plan, out=tmp_path / "s", progress=False).table()
    path = tmp_path / "s" / "sweep.json"
    whole = path.read_bytes()

    def check(data):
        found = held(lambda _: open_sweep(tmp_path / "s").table(), path, data)
        assert found is None or pd.DataFrame.equals(found, expected)

    fuzz(check, broken(whole))
    path.write_bytes(whole)
    assert open_sweep(tmp_path / "s").table().equals(expected)
