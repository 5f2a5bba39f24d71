"""`neuromm sweep FILE.toml`, `status`, `resume`, `verify`, `export`, `shard`, `collect`.

Nothing third-party is loaded before a command runs.
"""

from __future__ import annotations

import functools
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
    action.set_defaults(function=_act)
    action = actions.add_parser("resume", help="go on where a sweep stopped")
    action.add_argument("folder")
    _add_running(action)
    action.set_defaults(function=_act)
    action = actions.add_parser("status", help="how far a sweep is, and what failed")
    action.add_argument("folder")
    action.set_defaults(function=_act)
    action = actions.add_parser("verify", help="check every stored row and file against its checksum")
    action.add_argument("folder")
    action.add_argument(
        "--mend", action="store_true", help="forget what is damaged, so that `resume` computes it again"
    )
    action.set_defaults(function=_act)
    action = actions.add_parser("export", help="write a table (.csv .tsv .parquet .nc .zarr), or a SLURM array script")
    action.add_argument("folder")
    action.add_argument("path", nargs="?", help="file to write; its suffix says how")
    action.add_argument("--table", default=None, help="which table (default: the first)")
    action.add_argument("--slurm", metavar="SCRIPT", default=None, help="write an array script for sbatch instead")
    action.add_argument("--jobs", type=int, default=10)
    action.add_argument("--memory", default="2G")
    action.add_argument("--time", default="01:00:00")
    action.set_defaults(function=_act)
    action = actions.add_parser("shard", help="what one job of an array script runs")
    action.add_argument("folder")
    action.add_argument("--shard", required=True, metavar="I/N")
    action.set_defaults(function=_act)
    action = actions.add_parser("collect", help="take the results of array jobs into the sweep")
    action.add_argument("folder")
    action.set_defaults(function=_act)
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


def _act(arguments, rest):
    from neuromm.sweeps import actions  # numpy and the rest

    return getattr(actions, arguments.action)(arguments)
