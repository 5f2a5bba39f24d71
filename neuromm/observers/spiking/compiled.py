"""Trials one after the other in one C++ binary, built once per model and kept in the user's cache.

A binary holds no stimulus: weights, input and seed are given to each run, so only another wiring or other
equations compile again. A folder of the cache is whole or absent: it is built under another name and renamed.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from neuromm.core.files import move
from neuromm.maths.noise import stable_seed
from neuromm.observers.spiking.circuit import Spikes

COMPILER = ("g++", "make")
TRIALS = 50  # of one run of a binary: part of what decides the numbers
MODEL = ("n_cells", "equations", "threshold", "reset", "refractory", "initial", "n_inputs", "input_variable", "dt")
LAYOUT = 2  # of a cached folder; raised when the build changes
STALE = 24 * 3600.0  # s after which an unfinished build is litter
FLAGS = ["-w", "-O3", "-ffast-math", "-fno-finite-math-only", "-std=c++11"]  # not -march=native: caches travel


def run_compiled(circuit, drive, seed):
    """Yield (rows, Spikes) run after run of the binary; see `circuit.simulate`."""
    folder = binary_folder(circuit, drive)
    manifest = json.loads((folder / "manifest.json").read_text())
    for number, start in enumerate(range(0, drive.n_trials, TRIALS)):
        rows = slice(start, min(start + TRIALS, drive.n_trials))
        yield rows, _run(folder, manifest, circuit, drive.rows(rows), stable_seed(seed, number) % 2**31)


def binary_folder(circuit, drive):
    """The cached folder with the binary of this circuit, built now if it is not there.

    Two processes may build at once: the first to finish is kept. One that is killed leaves nothing under the
    final name.

    Raises
    ------
    RuntimeError
        If there is no C++ compiler or the build fails; the compiler's last lines are given.
    """
    place = cache_folder()
    final = place / model_key(circuit, drive)
    if (final / "manifest.json").exists():
        return final
    for tool in COMPILER:
        if shutil.which(tool) is None:
            raise RuntimeError(f"target 'cpp_standalone' needs {tool}, which is not installed; use target='numpy'")
    place.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    draft = Path(tempfile.mkdtemp(prefix=f".building-{final.name}-", dir=place))
    try:
        _build(circuit, drive, draft)
        try:
            move(draft, final)
        except OSError:  # another process was first
            if not (final / "manifest.json").exists():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


def cache_folder():
    """Where binaries are kept: the folder `spiking` of NEUROMM_CACHE, by default ~/.cache/neuromm."""
    return Path(os.environ.get("NEUROMM_CACHE", Path.home() / ".cache" / "neuromm")) / "spiking"


def model_key(circuit, drive):
    """Names what is compiled: wiring, equations and step, the shape of the input, brian2 and the machine; no values."""
    wiring = hashlib.sha256()
    for projection in circuit.projections:
        for cells in (projection.source, projection.target):
            wiring.update(np.ascontiguousarray(cells, np.int64).tobytes())
    parts = [
        LAYOUT, TRIALS, FLAGS, metadata.version("brian2"), platform.system(), platform.machine(), wiring.hexdigest(),
        circuit.n_cells, circuit.equations, circuit.threshold, circuit.reset, circuit.refractory, circuit.dt,
        sorted(circuit.initial.items()), circuit.n_inputs, circuit.input_variable,
        [p.variable for p in circuit.projections], drive.profiles.shape[1], drive.gates.shape[2],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _sweep(place):
    """Remove what killed builds left long ago."""
    for litter in place.glob(".building-*"):
        if time.time() - litter.stat().st_mtime > STALE:
            shutil.rmtree(litter, ignore_errors=True)


def _build(circuit, drive, draft):
    """Write the model to `draft` and let a process of its own turn it into a binary there."""
    wiring = {f"{p.variable}_{end}": getattr(p, end) for p in circuit.projections for end in ("source", "target")}
    np.savez(draft / "wiring.npz", **wiring)
    model = {name: getattr(circuit, name) for name in MODEL}
    model |= {
        "receptors": [p.variable for p in circuit.projections], "n_parts": drive.profiles.shape[1],
        "n_ms": drive.gates.shape[2], "n_trials": TRIALS, "flags": FLAGS,
    }  # fmt: skip
    (draft / "model.json").write_text(json.dumps(model))
    package = Path(__file__).resolve().parents[3]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "neuromm.observers.spiking.compiled_build", str(draft)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode or not (draft / "manifest.json").exists():
        raise RuntimeError(f"building the network failed: {(done.stderr + done.stdout)[-2000:]}")


def _run(folder, manifest, circuit, drive, seed):
    """Spikes of at most TRIALS trials, run in a folder of its own."""
    n, n_ms = drive.n_trials, drive.gates.shape[2]
    with tempfile.TemporaryDirectory(prefix="neuromm-run-") as work:
        work = Path(work)
        (work / "static_arrays").symlink_to(folder / "static_arrays")
        (work / "results").mkdir()
        arguments = ["--results_dir", f"{work / 'results'}/"]
        for projection in circuit.projections:
            arguments.append(_value(work, f"synapses_{projection.variable}.w", projection.weight))
        arguments.append(_value(work, "cells.input_weight", np.full(circuit.n_cells, circuit.input_weight)))
        profiles = np.zeros((TRIALS, drive.profiles.shape[1], circuit.n_cells))
        profiles[:n, :, : circuit.n_inputs] = drive.profiles
        gates = np.zeros((TRIALS, drive.gates.shape[1], n_ms))
        gates[:n] = drive.gates
        for part in range(profiles.shape[1]):
            arguments.append(_value(work, f"profile_{part}.values", profiles[:, part]))
            arguments.append(_value(work, f"gate_{part}.values", gates[:, part].ravel()))
        environment = os.environ | {"NEUROMM_SEED": str(seed), "NEUROMM_SECONDS": repr(n * drive.duration / 1000.0)}
        done = subprocess.run(
            [str(folder / "main"), *arguments], cwd=work, env=environment, capture_output=True, text=True
        )
        if done.returncode or "Error" in done.stderr:
            raise RuntimeError(f"the binary in {folder} failed ({done.returncode}): {done.stderr[-1000:]}")
        cell = np.fromfile(work / "results" / manifest["cell"], np.int32)
        time_ms = np.fromfile(work / "results" / manifest["time"], np.float64) * 1000.0
    trial = np.minimum(((time_ms + circuit.dt / 2) / drive.duration).astype(int), n - 1)
    about = {"target": "cpp_standalone", "model": folder.name}
    return Spikes(trial, time_ms - trial * drive.duration, cell.astype(int), n, circuit.n_cells, drive.duration, about)


def _value(work, name, values):
    """An argument of the binary: the variable and the file that holds its values."""
    path = work / f"{name}.dat"
    np.ascontiguousarray(values, np.float64).tofile(path)
    return f"{name}={path.name}"
