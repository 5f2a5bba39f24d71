"""`neuromm sweep FILE.toml`, `status`, `resume`, `verify`, `export`, `shard`, `collect`.

Nothing third-party is loaded before a command runs.
"""

from __future__ import annotations

import functools
import os
import sys

ACTIONS = ("run", "status", "resume", "verify", "export", "shard", "collect")


def add_parser(commands) -> None:
    """Add `sweep` to the commands of the command line; handlers take (arguments, rest) and return an exit code."""
    sweep = commands.add_parser("sweep", help="run a sweep of a TOML file; status, resume, verify, export")
    actions = sweep.add_subparsers(
        dest="action", metavar="FILE.toml | status | resume | verify | export", required=True
    )
    action = actions.add_parser("run", help="run a sweep file (`run` may be left out)")
    action.add_argument("file", metavar="FILE.toml")
    action.add_argument("--out", default=None, help="folder of the results (default: results/sweeps/FILE)")
    action.add_argument(
        "--dry-run", action="store_true", help="say how many tasks, how long, how large; compute three of them"
    )
    action.add_argument("--prepare", action="store_true", help="write the folder only, for `export --slurm`")
    _add_running(action)
    action.set_defaults(function=_run)
    action = actions.add_parser("resume", help="go on where a sweep stopped")
    action.add_argument("folder")
    _add_running(action)
    action.set_defaults(function=_resume)
    action = actions.add_parser("status", help="how far a sweep is, and what failed")
    action.add_argument("folder")
    action.set_defaults(function=_status)
    action = actions.add_parser("verify", help="check every stored row and file against its checksum")
    action.add_argument("folder")
    action.add_argument(
        "--mend", action="store_true", help="forget what is damaged, so that `resume` computes it again"
    )
    action.set_defaults(function=_verify)
    action = actions.add_parser("export", help="write a table (.csv .tsv .parquet .nc .zarr), or a SLURM array script")
    action.add_argument("folder")
    action.add_argument("path", nargs="?", help="file to write; its suffix says how")
    action.add_argument("--table", default=None, help="which table (default: the first)")
    action.add_argument("--slurm", metavar="SCRIPT", default=None, help="write an array script for sbatch instead")
    action.add_argument("--jobs", type=int, default=10)
    action.add_argument("--memory", default="2G")
    action.add_argument("--time", default="01:00:00")
    action.set_defaults(function=_export)
    action = actions.add_parser("shard", help="what one job of an array script runs")
    action.add_argument("folder")
    action.add_argument("--shard", required=True, metavar="I/N")
    action.set_defaults(function=_shard)
    action = actions.add_parser("collect", help="take the results of array jobs into the sweep")
    action.add_argument("folder")
    action.set_defaults(function=_collect)
    sweep.parse_known_args = functools.partial(_parse, sweep, sweep.parse_known_args)


def _parse(parser, parse, args=None, namespace=None, **more):
    """A first word that is no action is a sweep file."""
    args = list(sys.argv[1:] if args is None else args)
    if args and args[0] not in ACTIONS and not args[0].startswith("-"):
        args = ["run", *args]
    return parse(args, namespace, **more)


def _add_running(action):
    action.add_argument("--workers", default="0", help="0: this process; N processes; or dask (default: 0)")
    action.add_argument("--address", default=None, help="address of a Dask scheduler that runs")
    action.add_argument("--jobs", type=int, default=None, help="Dask workers as jobs of the batch system in [cluster]")
    action.add_argument("--device", action="append", default=None, help="GPU for local workers; repeat the flag")
    action.add_argument("--max-seconds", type=float, default=None, help="longest time of one task (local workers)")
    action.add_argument("--retry-failed", action="store_true", help="try failed tasks again")
    action.add_argument("--quiet", action="store_true", help="no progress")


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


def _run(arguments, rest):
    from pathlib import Path

    from neuromm.sweeps.reading import read_plan
    from neuromm.sweeps.running import sweep
    from neuromm.sweeps.store import Store

    _find_own_modules()
    plan = read_plan(arguments.file)
    out = arguments.out or f"results/sweeps/{Path(arguments.file).stem}"
    if arguments.dry_run:
        from neuromm.sweeps.estimate import estimate

        print(estimate(plan, out, workers=arguments.workers))
        return 0
    if arguments.prepare:
        Store.create(out, plan).close()
        print(f"{out}: {plan.n_tasks} tasks")
        return 0
    return _report(sweep(plan, out=out, **_options(arguments, plan)))


def _resume(arguments, rest):
    from neuromm.sweeps.running import sweep
    from neuromm.sweeps.store import stored_plan

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


def _status(arguments, rest):
    from neuromm.sweeps.reading import states_of_code
    from neuromm.sweeps.result import open_sweep

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


def _verify(arguments, rest):
    from neuromm.sweeps.store import Store

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


def _export(arguments, rest):
    if arguments.slurm is not None:
        from neuromm.sweeps.shards import write_slurm

        print(
            write_slurm(
                arguments.folder, arguments.slurm, n_jobs=arguments.jobs, memory=arguments.memory, time=arguments.time
            )
        )
        return 0
    if arguments.path is None:
        raise ValueError("export needs a file to write (.csv .tsv .parquet .nc .zarr), or --slurm SCRIPT")
    from neuromm.sweeps.export import export
    from neuromm.sweeps.result import open_sweep

    print(export(open_sweep(arguments.folder), arguments.path, arguments.table))
    return 0


def _shard(arguments, rest):
    from neuromm.sweeps.shards import run_shard

    _find_own_modules()
    print(f"{run_shard(arguments.folder, arguments.shard)} tasks computed")
    return 0


def _collect(arguments, rest):
    from neuromm.sweeps.shards import collect

    counts = collect(arguments.folder)
    print(", ".join(f"{name}: {n}" for name, n in counts.items()))
    return 1 if counts["damaged"] else 0
