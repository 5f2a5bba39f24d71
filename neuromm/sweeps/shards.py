"""Array jobs, for sites without Dask: a script for `sbatch`, what each job of the array runs, and collecting it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from neuromm.core.files import write_text
from neuromm.sweeps.processes import THREADS, run_serially
from neuromm.sweeps.running import pending
from neuromm.sweeps.store import Store, stored_plan
from neuromm.sweeps.work import Outcome

SCRIPT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --cpus-per-task=1
#SBATCH --mem={memory}
#SBATCH --time={time}
#SBATCH --output={log}
# {n_tasks} tasks of "{title}" in {n} jobs. A job that is stopped goes on where it was when it is submitted again.
# When all have ended: {python} -m neuromm sweep collect {folder}
export {threads}
exec {python} -m neuromm sweep shard {folder} --shard "${{SLURM_ARRAY_TASK_ID:-0}}/{n}"
"""


def write_slurm(folder, path, *, n_jobs=10, memory="2G", time="01:00:00") -> Path:
    """Write the script of an array job that computes what is to do, in `n_jobs` shares."""
    folder, path = Path(folder).absolute(), Path(path)
    if n_jobs < 1:
        raise ValueError(f"jobs is {n_jobs}; at least 1 is wanted")
    plan = stored_plan(folder)
    (folder / "shards").mkdir(exist_ok=True)
    text = SCRIPT.format(
        name="neuromm", last=n_jobs - 1, n=n_jobs, memory=memory, time=time, log=folder / "shards" / "%a.log",
        n_tasks=plan.n_tasks, title=" ".join(plan.title.split()), python=shlex.quote(sys.executable),
        folder=shlex.quote(str(folder)), threads=" ".join(f"{t}=1" for t in THREADS),
    )  # fmt: skip
    write_text(path, text)
    return path


def run_shard(folder, shard) -> int:
    """Compute one share, `"3/10"`, into a store of its own; how many tasks it computed.

    A task belongs to a share by its own name, so shares never overlap, whatever is done already.
    """
    number, n = _share(shard)
    plan = stored_plan(folder)
    statuses = {}
    if (Path(folder) / "index.sqlite").exists():
        with Store(folder) as store:
            statuses = store.statuses()
    with Store.create(_place(folder, number, n), plan) as store:
        statuses |= store.statuses()
        todo = (task for task in pending(plan, statuses) if int(task.id, 16) % n == number)
        computed = 0
        for outcome in run_serially(todo, plan.tables):
            store.add(outcome)
            computed += 1
    return computed


def collect(folder) -> dict[str, int]:
    """Take the results of all shares into the sweep: counts of collected and damaged ones (these are left out)."""
    counts = {"collected": 0, "damaged": 0}
    with Store.create(folder, stored_plan(folder)) as main:
        known = {task for task, status in main.statuses().items() if status == "ok"}
        for place in sorted((Path(folder) / "shards").glob("*-of-*")):
            with Store(place) as share:
                wrong = share.damaged()
                for row in share.rows():
                    if row["id"] in known:
                        continue
                    if row["id"] in wrong or not row["whole"]:
                        counts["damaged"] += 1
                        continue
                    main.add(_outcome(share, row))
                    counts["collected"] += 1
    return counts


def _outcome(share, row):
    """The outcome that a stored row came from."""
    arrays = {name: share.array_path(row["id"], name).read_bytes() for name in json.loads(row["files"])}
    same = {key: row[key] for key in ("id", "content", "status", "tables", "error", "worker")}
    return Outcome(**same, arrays=arrays, tries=int(row["tries"]), cpu=float(row["cpu"]))


def _share(shard):
    number, _, n = str(shard).partition("/")
    if not (number.isdigit() and n.isdigit() and int(number) < int(n)):
        raise ValueError(f"shard is '{shard}'; 'i/n' with i from 0 to n - 1 is wanted")
    return int(number), int(n)


def _place(folder, number, n):
    return Path(folder) / "shards" / f"{number}-of-{n}"
