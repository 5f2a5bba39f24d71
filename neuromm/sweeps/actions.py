"""What the commands of `neuromm sweep` do; each gives its exit code."""

import os
import sys
from pathlib import Path

from neuromm.sweeps import shards
from neuromm.sweeps.estimate import estimate
from neuromm.sweeps.export import export as write_table
from neuromm.sweeps.reading import read_plan, states_of_code
from neuromm.sweeps.result import open_sweep
from neuromm.sweeps.running import sweep
from neuromm.sweeps.store import Store, stored_plan


def _options(arguments, plan):
    workers, cluster = arguments.workers, dict(plan.cluster)
    if arguments.address is not None:
        workers, cluster = "dask", {"address": arguments.address}
    elif arguments.jobs is not None:
        workers = "dask"
        cluster = {k: v for k, v in cluster.items() if k not in ("local", "address")} | {"jobs": arguments.jobs}
    if workers != "dask" and not workers.isdigit():
        raise ValueError(f"workers is '{workers}'; 0, a number of processes, or dask is wanted")
    return {
        "workers": workers if workers == "dask" else int(workers), "cluster": cluster or None,
        "devices": arguments.device or (), "max_seconds": arguments.max_seconds,
        "retry_failed": arguments.retry_failed, "progress": not arguments.quiet,
    }  # fmt: skip


def _find_own_modules():
    """Functions at "module:function" are found in the folder where the command is typed, however it is started."""
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())


def run(arguments) -> int:
    _find_own_modules()
    plan = read_plan(arguments.file)
    out = arguments.out or f"results/sweeps/{Path(arguments.file).stem}"
    if arguments.dry_run:
        print(estimate(plan, out, workers=arguments.workers))
        return 0
    if arguments.prepare:
        Store.create(out, plan).close()
        print(f"{out}: {plan.n_tasks} tasks")
        return 0
    return _report(sweep(plan, out=out, **_options(arguments, plan)))


def resume(arguments) -> int:
    _find_own_modules()
    plan = stored_plan(arguments.folder)
    return _report(sweep(plan, out=arguments.folder, **_options(arguments, plan)))


def _report(found):
    """One line of counts; failed tasks make the exit code 1."""
    counts = found.status()
    print(f"{found.folder}: {counts['ok']} of {counts['tasks']} tasks done, {counts['failed']} failed")
    if counts["failed"]:
        print(f"see what failed: neuromm sweep status {found.folder}")
        print(f"try these again: neuromm sweep resume {found.folder} --retry-failed")
    return 1 if counts["failed"] else 0


def status(arguments) -> int:
    _find_own_modules()
    found = open_sweep(arguments.folder)
    counts = found.status()
    print(found.plan.title)
    print(", ".join(f"{name}: {n}" for name, n in counts.items()))
    for path, state in states_of_code(found.plan).items():
        print(f"{path}: {state}")
    failed = found.failed()
    for _, row in failed.head(20).iterrows():
        point = ", ".join(f"{k} = {v}" for k, v in row.items() if k not in ("task", "tries", "error"))
        print(f"  {row['task'][:12]} ({point}) after {row['tries']}: {row['error']}")
    if len(failed) > 20:
        print(f"  … and {len(failed) - 20} more")
    return 0


def verify(arguments) -> int:
    with Store(arguments.folder, writing=arguments.mend) as store:
        wrong = store.damaged()
        if arguments.mend:
            store.forget(wrong)
    for what, problem in wrong.items():
        print(f"  {what}: {problem}")
    if not wrong:
        print(f"{arguments.folder}: every row and file matches its checksum")
    elif arguments.mend:
        print(f"{len(wrong)} forgotten; compute them again: neuromm sweep resume {arguments.folder}")
    else:
        print(f"{len(wrong)} damaged; forget them: neuromm sweep verify --mend {arguments.folder}")
    return 1 if wrong else 0


def export(arguments) -> int:
    if arguments.slurm is not None:
        how = {"n_jobs": arguments.jobs, "memory": arguments.memory, "time": arguments.time}
        print(shards.write_slurm(arguments.folder, arguments.slurm, **how))
        return 0
    if arguments.path is None:
        raise ValueError("export needs a file to write (.csv .tsv .parquet .nc .zarr), or --slurm SCRIPT")

    print(write_table(open_sweep(arguments.folder), arguments.path, arguments.table))
    return 0


def shard(arguments) -> int:
    _find_own_modules()
    print(f"{shards.run_shard(arguments.folder, arguments.shard)} tasks computed")
    return 0


def collect(arguments) -> int:
    counts = shards.collect(arguments.folder)
    print(", ".join(f"{name}: {n}" for name, n in counts.items()))
    return 1 if counts["damaged"] else 0
