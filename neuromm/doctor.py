"""`neuromm doctor`: what is here, what is wrong, and how to mend it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

CORE = ("numpy", "scipy", "pandas", "torch", "brian2", "matplotlib", "seaborn", "xarray", "safetensors", "tqdm")
EXTRAS = {
    "transformers": "hub",
    "diffusers": "hub",
    "rsatoolbox": "bridges",
    "arviz": "bridges",
    "distributed": "cluster",
    "dask_jobqueue": "cluster",
    "h5py": "io",
    "zarr": "io",
    "pyarrow": "io",
}


def examine() -> int:
    """Print a line per thing looked at; 0 if nothing is wrong, else 1."""
    problems = []

    def line(what, found, mend=None):
        print(f"{'ok ' if mend is None else '!! '} {what:22} {found}")
        if mend is not None:
            problems.append(what)
            print(f"    {'':22} mend: {mend}")

    line("python", platform.python_version(), None if sys.version_info >= (3, 11) else "use Python 3.11 or newer")
    for name in CORE:
        try:
            line(name, getattr(importlib.import_module(name), "__version__", "present"))
        except Exception as error:  # a broken install can raise anything at import; that is what we look for
            mend = "pip install -c constraints.txt -e ."
            line(name, f"does not import: {str(error).splitlines()[0] if str(error) else type(error).__name__}", mend)
    for name, extra in EXTRAS.items():
        _optional(name, importlib.util.find_spec(name) and "present", f"pip install neuromm[{extra}]")
    _threads(line)
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    _optional("C++ compiler", compiler, "brian2 uses its numpy target (slower, same equations)")
    _places(line)
    _weights(line)
    print("all is well" if not problems else f"{len(problems)} to mend: {', '.join(problems)}")
    return 1 if problems else 0


def _optional(what, found, otherwise):
    print(f"{'ok ' if found else '–  '} {what:22} {found or f'absent (optional): {otherwise}'}")


def _threads(line):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    line("cores, threads", f"{cores} cores, OMP_NUM_THREADS {threads}; in parallel workers set it to 1")


def _places(line):
    cache = Path(os.environ.get("NEUROMM_CACHE", Path.home() / ".cache" / "neuromm"))
    for what, place in (("working folder", Path.cwd()), ("cache folder", cache)):
        there = next(p for p in (place, *place.parents) if p.exists())
        free = shutil.disk_usage(there).free / 1e9
        try:
            tempfile.TemporaryFile(dir=there).close()
        except OSError:
            line(what, f"{place} cannot be written", "go to a folder you may write in, or set NEUROMM_CACHE")
            continue
        line(what, f"{place}, {free:.1f} GB free", None if free > 0.5 else "free some space")


def _weights(line):
    from neuromm.observers.ann.weights import SHIPPED, load_weights

    found = sorted(SHIPPED.glob("*.safetensors"))
    if not found:
        line("weights", "none are shipped", "reinstall neuromm, or `neuromm train` the networks")
    for path in found:
        try:
            load_weights(path)
        except (ValueError, OSError) as error:
            line(f"weights {path.stem}", str(error), "reinstall neuromm, or `neuromm train` the network")
        else:
            line(f"weights {path.stem}", "match their checksum")
