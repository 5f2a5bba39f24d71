"""Running a circuit: on which of brian2's targets, and some trials at a time."""

import shutil
import warnings
from typing import Literal, get_args

from neuromm.core.messages import must_be
from neuromm.observers.spiking.circuit import join
from neuromm.observers.spiking.compiled import COMPILER, run_compiled
from neuromm.observers.spiking.stacked import run_stacked

Target = Literal["numpy", "cython", "cpp_standalone", "auto"]


def simulate(circuit, drive, seed, *, target="numpy", block=16):
    """Run each trial of `drive` on its own copy of the circuit, some trials at a time.

    Parameters
    ----------
    circuit : Circuit
    drive : Drive
    seed : int
        Trial i has the noise of (seed, i), whatever the size of the batch. Targets draw differently, so
        their spikes differ; their rates agree.
    target : "numpy", "cython", "cpp_standalone" or "auto"
        The first needs no compiler; see `resolve_target`.
    block : int
        Trials stacked in one network (numpy, cython): cost and memory, not numbers.

    Yields
    ------
    rows : slice
        The trials that were run.
    spikes : Spikes

    Raises
    ------
    ValueError
        If the target is unknown.
    ImportError, RuntimeError
        If brian2, or the compiler that the target needs, is not there.
    """
    if target not in get_args(Target):
        raise must_be("simulate", "target", f"one of {', '.join(get_args(Target))}", target)
    if not drive.n_trials:
        return
    target = resolve_target(target)
    if target == "cpp_standalone":
        yield from run_compiled(circuit, drive, seed)
    else:
        yield from run_stacked(circuit, drive, seed, target=target, block=block)


def resolve_target(target):
    """The target that runs: "auto" is cpp_standalone where there is a compiler, else numpy, with a notice.

    Warns
    -----
    UserWarning
        If "auto" finds no compiler: the run is several times slower, and its spikes are others.
    """
    if target != "auto":
        return target
    missing = [tool for tool in COMPILER if shutil.which(tool) is None]
    if not missing:
        return "cpp_standalone"
    warnings.warn(
        f"no {' and '.join(missing)} found: spiking networks run on brian2's numpy target, which is slower and draws "
        "other spikes than a compiled run",
        UserWarning,
        stacklevel=2,
    )
    return "numpy"


def all_spikes(circuit, drive, seed, **options):
    """The spikes of every trial of `simulate` as one."""
    return join([spikes for _, spikes in simulate(circuit, drive, seed, **options)])
