"""What a sweep will take, from three of its own tasks: how many, how long, how much memory and disk."""

from __future__ import annotations

import itertools
import resource
import sys
from pathlib import Path

from neuromm.sweeps.running import pending
from neuromm.sweeps.store import Store
from neuromm.sweeps.work import run_task

N_TRIED = 3  # tasks that are computed, from the start, the middle and the end of the plan
INDEX_BYTES = 400  # of a row beside its content and tables


def estimate(plan, out, *, workers=0) -> str:
    """A few lines: tasks, tasks to do, CPU time, wall time with the workers, memory of a process, disk."""
    statuses = {}
    if (Path(out) / "index.sqlite").exists():
        with Store(out) as store:
            statuses = store.statuses()
    n_left = sum(1 for _ in pending(plan, statuses)) if statuses else plan.n_tasks
    lines = [f"{plan.title}: {plan.n_tasks} tasks, {plan.n_tasks - n_left} of them stored, {n_left} to do"]
    if not n_left:
        return lines[0]
    chosen = sorted({0, n_left // 2, n_left - 1})[:N_TRIED]
    tried = [next(itertools.islice(pending(plan, statuses), i, None)) for i in chosen]
    run_task(tried[0], plan.tables)  # warm: imports and stimuli are paid once per process, not per task
    outcomes = [run_task(task, plan.tables) for task in tried]
    seconds = sum(o.cpu for o in outcomes) / len(outcomes)
    size = sum(len(o.tables) + len(o.content) + INDEX_BYTES + sum(map(len, o.arrays.values())) for o in outcomes) / len(
        outcomes
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    processes = int(workers) if str(workers).isdigit() and int(workers) > 0 else 1
    alone = f"CPU: {_time(seconds * n_left)} ({1000 * seconds:.1f} ms a task)"
    lines.append(
        alone + (f", about {_time(seconds * n_left / processes)} with {processes} processes" if processes > 1 else "")
    )
    lines.append(f"memory: about {memory / 1e6:.0f} MB a process; disk: about {size * n_left / 1e6:.1f} MB")
    lines += [f"a task failed: {o.error}" for o in outcomes if o.status == "failed"]
    return "\n".join(lines)


def _time(seconds):
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
