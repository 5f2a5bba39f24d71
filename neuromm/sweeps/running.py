"""`nm.sweep`: run what a plan names and the store has not, wherever; resume; how far it is."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

from neuromm.maths.device import check_gpus
from neuromm.sweeps.code import describe_code
from neuromm.sweeps.dask_cluster import run_on_dask
from neuromm.sweeps.plan import Plan
from neuromm.sweeps.processes import CHUNK_SECONDS, MAX_CHUNK, run_in_processes, run_serially
from neuromm.sweeps.reading import codes, make_plan, paths_of_code, read_plan, with_current_code
from neuromm.sweeps.result import Sweep
from neuromm.sweeps.store import Store, stored_plan

log = logging.getLogger("neuromm.sweeps")


def sweep(plan=None, *, out, workers=0, progress=True, retry_failed=False, devices=(), chunk_seconds=CHUNK_SECONDS,
          max_chunk=MAX_CHUNK, max_seconds=None, cluster=None, **keys) -> Sweep:  # fmt: skip
    """Run a sweep: every stimulus set × observer × parameter point × repeat, fits, and calls.

    Parameters
    ----------
    plan : path of a TOML file, dict, or Plan, optional
        What to compute; or give its keys as keywords (`neuromm.sweeps.plan` lists them):
        `nm.sweep(stimuli="ventriloquism", observers={"observer": "causal_inference",
        "grid": {"p_common": [0.2, 0.8]}}, measures="crossmodal_bias", seed=1, out="results/mine")`.
    out : path
        Folder of the results. What is there already is not computed again, unless the code of a function or class
        of your own has changed (docs/sweeps.md).
    workers : int or "dask"
        0 runs in this process; n runs n processes of one thread each; "dask" asks a cluster, see `cluster`.
    progress : bool
        Whether to say how far it is, on the error stream.
    retry_failed : bool
        Whether tasks that failed are tried again.
    devices : sequence of str
        GPUs for local workers, such as `["0", "1"]`.
    chunk_seconds, max_chunk : float, int
        A worker is given tasks for about this long, at most so many.
    max_seconds : float, optional
        Longest time of one task with local workers; one that takes longer fails after three tries.
    cluster : dict, optional
        With `workers="dask"`: `{"address": …}`, `{"local": 2}`, or `{"jobs": 4, "system": "slurm", …}`
        with options of dask-jobqueue. Default: the plan's own `cluster`.

    Returns
    -------
    Sweep
        `.table()`, `.status()`, `.failed()`, `.to_xarray()`.

    Raises
    ------
    ValueError, TypeError
        If the plan is wrong, another process writes into the folder, a function of the script itself is given to
        workers, or its file was changed after it was imported.
    OSError
        If the disk is full, workers do not start, or the cluster's scheduler is lost; what was stored stands.
    """
    plan = _plan_of(plan, keys)
    check_gpus(devices)
    if workers != 0:
        _check_workers_can_import(plan)
    changed = _changed_code(out, plan)
    with Store.create(out, plan) as store:
        if progress:
            _say_changed(changed)
        chunks = {"chunk_seconds": chunk_seconds, "max_chunk": max_chunk}
        local = {"devices": devices, "max_seconds": max_seconds}
        _run(plan, store, workers, progress, retry_failed, cluster, chunks, local)
    return Sweep(out)


def resume(out, **options) -> Sweep:
    """Go on with a sweep where it stopped; options as for `sweep`."""
    return sweep(stored_plan(out), out=out, **options)


def _plan_of(plan, keys):
    if plan is not None and keys:
        raise TypeError(f"give a plan or its keys, not both: {sorted(keys)}")
    if isinstance(plan, Plan):
        return with_current_code(plan)
    return make_plan(keys if plan is None else plan) if plan is None or isinstance(plan, dict) else read_plan(plan)


def _check_workers_can_import(plan):
    for path in paths_of_code(plan):
        if path.startswith("__main__:"):
            name = path.partition(":")[2]
            raise ValueError(
                f"'{name}' is defined in the script itself, which worker processes cannot import; put it into a "
                f"module, such as mine.py, and give function='mine:{name}', or run with workers=0"
            )


def _changed_code(out, plan) -> list[str]:
    """The functions and classes whose code is another than when the results in `out` were computed."""
    if not (Path(out) / "sweep.json").exists():
        return []
    try:
        before = codes(stored_plan(out))
    except ValueError:  # it was damaged, and is written again
        return []
    return [path for path, code in codes(plan).items() if before.get(path, code) != code]


def _say_changed(changed):
    for path in changed:
        print(
            f"{path}: {describe_code(path)} changed since the stored results; they are kept under the old code, and "
            "its tasks are computed again (a `version` on the function would decide instead of its code)",
            file=sys.stderr,
        )


def pending(plan, statuses, retry_failed=False):
    """The tasks of a plan that are not stored, each once, in order."""
    seen = {task for task, status in statuses.items() if status == "ok" or not retry_failed}
    for task in plan.tasks():
        if task.id not in seen:
            seen.add(task.id)
            yield task


def _run(plan, store, workers, progress, retry_failed, cluster, chunks, local):
    handler = _log_to(store.folder / "sweep.log")
    statuses = store.statuses()
    todo = pending(plan, statuses, retry_failed)
    n_left = sum(1 for _ in pending(plan, statuses, retry_failed)) if statuses else plan.n_tasks
    if n_left == 0:
        todo, workers = iter(()), 0
    log.info("start: %d tasks, %d to do, workers %s", plan.n_tasks, n_left, workers)
    bar = Progress(n_left, plan.title, shown=progress and n_left > 0)
    try:
        for outcome in _outcomes(todo, plan, store, workers, cluster, chunks, local):
            store.add(outcome)
            bar.step(outcome.status == "failed")
            if outcome.status == "failed":
                log.warning("task %s failed (try %d): %s", outcome.id, outcome.tries, outcome.error)
    except BaseException as error:
        log.info("stopped by %s after %d of %d", type(error).__name__, bar.done, n_left)
        bar.say(f"stopped after {bar.done} of {n_left} tasks; nothing stored is lost. "
                f"Go on with: neuromm sweep resume {store.folder}")  # fmt: skip
        raise
    else:
        log.info("done: %d tasks, %d failed, %.1f s", bar.done, bar.failed, time.monotonic() - bar.started)
    finally:
        bar.close()
        log.removeHandler(handler)
        handler.close()


def _outcomes(tasks, plan, store, workers, cluster, chunks, local):
    if workers == "dask":
        return run_on_dask(tasks, plan.tables, cluster or plan.cluster or {"local": 2}, **chunks)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise ValueError(f"workers is {workers!r}; 0 (this process), a number of processes, or 'dask' is wanted")
    if workers == 0:
        return run_serially(tasks, plan.tables)
    log_file = store.folder / "workers.log"
    return run_in_processes(tasks, plan.tables, workers, log_file=log_file, **chunks, **local)


def _log_to(path):
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    return handler


class Progress:
    """How far it is, at which rate, how long still: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, total, title, *, shown=True, stream=None):
        from tqdm import tqdm

        self.done, self.failed, self.started = 0, 0, time.monotonic()
        stream = sys.stderr if stream is None else stream
        terminal = stream.isatty()
        self._shown, self._stream = shown, stream
        self._bar = tqdm(
            total=total, desc=title[:40], unit="task", file=stream, disable=not shown,
            mininterval=0.2 if terminal else 30, ascii=None if terminal else True, dynamic_ncols=terminal,
        )  # fmt: skip

    def step(self, failed=False):
        """One more task is stored."""
        self.done += 1
        self.failed += failed
        if failed:
            self._bar.set_postfix_str(f"{self.failed} failed", refresh=False)
        self._bar.update()

    def say(self, text):
        """A line to the reader."""
        if self._shown:
            self._bar.close()
            print(text, file=self._stream, flush=True)

    def close(self):
        """End the bar."""
        self._bar.close()
