"""Binaries in the cache: whole or absent, built once, the same rates as the numpy target; most need a compiler."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuromm.observers.spiking import compiled
from neuromm.observers.spiking.events import drive_of
from neuromm.observers.spiking.simulate import all_spikes
from neuromm.observers.spiking.spiking_sts import SpikingSTS
from neuromm.observers.spiking.sts_network import sts_circuit

pytestmark = pytest.mark.spiking
ROOT = Path(__file__).resolve().parents[3]
# A small network whose binary is built without optimisation: compile time, not its speed, is what these tests wait for.
WORKER = """
import json, sys, time
import numpy as np, pandas as pd
from neuromm.observers.spiking import compiled
from neuromm.observers.spiking.simulate import all_spikes
from neuromm.observers.spiking.events import drive_of
from neuromm.observers.spiking.spiking_sts import SpikingSTS
from neuromm.observers.spiking.sts_network import sts_circuit
compiled.FLAGS = ["-w", "-O0"]
n = int(sys.argv[1])
observer = SpikingSTS(n_cells=36, dt=0.5, lead_in=0.0, duration=100.0)
table = pd.DataFrame({"auditory_azimuth": np.zeros(n), "visual_azimuth": 0.0})
circuit, drive = sts_circuit(observer), drive_of(observer, table, np.zeros((n, 2)))
build, made = compiled._build, []
compiled._build = lambda *parts: (made.append(1), build(*parts))
spikes = all_spikes(circuit, drive, 3, target="cpp_standalone")
print(json.dumps({"n": len(spikes.cell), "sum": float(spikes.time.sum()), "built": len(made)}))
"""


def start(cache, n=4, **more):
    environment = os.environ | {"NEUROMM_CACHE": str(cache), "PYTHONPATH": str(ROOT)} | more
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(n)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that its compilers can be killed with it
    )


def finish(process):
    out, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors[-2000:]
    return json.loads(out.splitlines()[-1])


def wait_for(condition, process, seconds=300):
    """Wait until the condition holds while the process runs."""
    end = time.time() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.time() < end, "it never happened"
        time.sleep(0.02)


def whole(cache):
    """Names of the folders that would be used, each with its binary and manifest."""
    folders = [p for p in (Path(cache) / "spiking").glob("*") if not p.name.startswith(".")]
    for folder in folders:
        assert (folder / "main").exists() and json.loads((folder / "manifest.json").read_text())
    return sorted(p.name for p in folders)


@pytest.mark.compiled
def test_killed_in_mid_build_the_cache_is_empty_and_a_rerun_works(tmp_path):
    process = start(tmp_path)
    wait_for(lambda: list(tmp_path.glob("spiking/.building-*/project/code_objects/*.o")), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert whole(tmp_path) == []
    assert finish(start(tmp_path))["built"] == 1
    assert len(whole(tmp_path)) == 1
    again = finish(start(tmp_path))
    assert again["built"] == 0, "a second process compiles nothing"


@pytest.mark.compiled
def test_killed_in_mid_run_the_cache_stays_whole_and_a_rerun_gives_the_same(tmp_path):
    before = finish(start(tmp_path))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(tmp_path, n=2000, TMPDIR=str(scratch))
    wait_for(lambda: list(scratch.glob("neuromm-run-*/results")), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(whole(tmp_path)) == 1
    after = finish(start(tmp_path))
    assert after == before | {"built": 0}


@pytest.mark.compiled
@pytest.mark.deep
def test_two_processes_that_build_at_once_both_succeed(tmp_path):
    one, two = start(tmp_path), start(tmp_path)
    first, second = finish(one), finish(two)
    assert first["built"] == second["built"] == 1 and first["n"] == second["n"] and first["sum"] == second["sum"]
    assert len(whole(tmp_path)) == 1 and not list((tmp_path / "spiking").glob(".building-*"))


@pytest.mark.compiled
def test_mean_rates_are_the_reference_within_15_percent_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROMM_CACHE", str(tmp_path))
    observer = SpikingSTS.wide(duration=1000.0, lead_in=0.0, noise_auditory=0.0, noise_visual=0.0)
    table = pd.DataFrame({"auditory_azimuth": np.zeros(4), "visual_azimuth": 0.0})
    circuit, drive = sts_circuit(observer), drive_of(observer, table, np.zeros((4, 2)))
    spikes = all_spikes(circuit, drive, 1, target="cpp_standalone")
    rates = spikes.counts().reshape(4, 3, 180).mean((0, 2))
    assert np.allclose(rates, [27.7, 6.2, 17.9], rtol=0.15), rates
    stacked = all_spikes(circuit, drive.rows(slice(0, 2)), 1).counts().reshape(2, 3, 180).mean((0, 2))
    assert np.allclose(rates, stacked, rtol=0.05), "targets draw differently, their rates agree"
    other = SpikingSTS.wide(duration=1000.0, lead_in=0.0, weight_nmda=0.02, rate_background=500.0, weight_input=0.05)
    assert compiled.model_key(sts_circuit(other), drive) == compiled.model_key(circuit, drive)
    louder = all_spikes(sts_circuit(other), drive, 1, target="cpp_standalone")
    slow = all_spikes(sts_circuit(other), drive.rows(slice(0, 2)), 1)
    assert len(louder.cell) / 4 == pytest.approx(len(slow.cell) / 2, rel=0.05), "weights are given to each run"


def test_what_is_compiled_is_named_by_wiring_and_equations_not_by_values():
    observer = SpikingSTS(n_cells=36)
    table = pd.DataFrame({"auditory_azimuth": [0.0], "visual_azimuth": 0.0})

    def key(**fields):
        one = SpikingSTS(n_cells=36, **fields)
        return compiled.model_key(sts_circuit(one), drive_of(one, table, np.zeros((1, 2))))

    own = compiled.model_key(sts_circuit(observer), drive_of(observer, table, np.zeros((1, 2))))
    assert key(weight_nmda=0.1, rate_stimulus=10.0, sigma_auditory=3.0) == own
    assert len({own, key(dt=0.5), key(sigma_inhibition=9.0), key(tau_nmda=50.0), key(duration=99.0)}) == 5


def test_without_a_compiler_the_error_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROMM_CACHE", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda tool: None)
    observer = SpikingSTS(n_cells=36, target="cpp_standalone")
    table = pd.DataFrame({"auditory_azimuth": [0.0], "visual_azimuth": 0.0, "report": "auditory"})
    with pytest.raises(RuntimeError, match="needs g\\+\\+, which is not installed; use target='numpy'"):
        observer.perceive(table, rng=np.random.default_rng(1))
    assert whole(tmp_path) == []


def test_litter_of_killed_builds_is_removed_after_a_day(tmp_path):
    old, new = tmp_path / ".building-a-x", tmp_path / ".building-b-y"
    old.mkdir(), new.mkdir()
    os.utime(old, (time.time() - 2 * compiled.STALE,) * 2)
    compiled._sweep(tmp_path)
    assert not old.exists() and new.exists()
