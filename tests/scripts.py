"""Running a script in a process of its own, forked from one that has already loaded what all of them need.

Loading torch, brian2, pandas and matplotlib takes longer than most scripts do in a small setting.
"""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

import brian2  # noqa: F401 - loaded once, for the scripts
import matplotlib.pyplot  # noqa: F401
import pandas  # noqa: F401
import scipy.stats  # noqa: F401
import torch  # noqa: F401
import xarray  # noqa: F401

FORKS = multiprocessing.get_context("forkserver")


def run_script(script: Path, arguments: list[str], folder: Path) -> tuple[int, str]:
    """Exit code and standard error of `python SCRIPT ARGUMENTS` in `folder`."""
    said = folder / "stderr.txt"
    FORKS.set_forkserver_preload([__name__])
    process = FORKS.Process(target=_run, args=(str(script), arguments, str(folder), str(said)))
    process.start()
    process.join()
    return process.exitcode, said.read_text()


def _run(script, arguments, folder, said):
    os.chdir(folder)
    with open(said, "w") as errors, open(os.devnull, "w") as nothing:
        os.dup2(errors.fileno(), 2)
        os.dup2(nothing.fileno(), 1)
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")
