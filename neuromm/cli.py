"""The `neuromm` command. What the user can do wrong ends in one clear line and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys

from neuromm import catalogue
from neuromm._version import __version__
from neuromm.sweeps import command as sweep_command

USER_ERRORS = (ValueError, TypeError, OSError, ImportError, FloatingPointError)


def main(argv=None) -> int:
    """Run one command; the exit code is returned: 0 done, 1 `doctor` found a problem, 2 a mistake or a full disk."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    known, rest = (argv, []) if argv[:1] != ["run"] else _split_run(argv)
    arguments, unknown = parser.parse_known_args(known)
    rest = [*unknown, *rest]
    if arguments.command is None:
        parser.print_help()
        return 0
    if rest and arguments.command != "run":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        _check_seed(arguments)
        code = arguments.function(arguments, rest) or 0
        sys.stdout.flush()  # a reader that is gone is noticed here, not at exit
        return code
    except BrokenPipeError:
        return _reader_is_gone()
    except USER_ERRORS as error:
        if os.environ.get("NEUROMM_DEBUG"):
            raise
        print(f"neuromm: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("neuromm: stopped; nothing half-written was left", file=sys.stderr)
        return 130


def run_main(function, argv=None) -> int:
    """Run a study's or script's `main` with its signature as the command line, with the errors of the command."""
    from neuromm.flags import call_with_flags

    script = os.path.basename(sys.argv[0]) or function.__name__
    try:
        call_with_flags(function, sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_is_gone()
    except USER_ERRORS as error:
        if os.environ.get("NEUROMM_DEBUG"):
            raise
        print(f"{script}: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{script}: stopped; nothing half-written was left", file=sys.stderr)
        return 130
    return 0


def _reader_is_gone() -> int:
    """End as other tools do when `head` has read enough: no message, the code of SIGPIPE."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _check_seed(arguments):
    seed = getattr(arguments, "seed", None)
    if seed is not None and seed < 0:
        raise ValueError(f"--seed must be at least 0, got {seed}")


def _parser():
    parser = argparse.ArgumentParser(
        prog="neuromm",
        description="Show the same sights and sounds to ideal observers, neural models, networks and people.",
        epilog="NEUROMM_DEBUG=1 shows the whole traceback of an error.",
    )
    parser.add_argument("--version", action="version", version=f"neuromm {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    command = commands.add_parser("list", help="what there is: observers, paradigms, studies")
    command.set_defaults(function=_list)

    command = commands.add_parser(
        "run", help="run a study (default: brains_and_machines); its parameters are flags", add_help=False
    )
    command.add_argument("study", nargs="?", default=None, help="a name from `neuromm list`")
    command.set_defaults(function=_run)

    command = commands.add_parser("report", help="write the HTML page of a result folder again")
    command.add_argument("folder")
    command.set_defaults(function=_report)

    command = commands.add_parser("train", help="train a network of the catalogue and write its weights")
    command.add_argument("network", metavar="NAME", help=f"one of: {', '.join(catalogue.NETWORKS)}")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--out", default=None, help="file to write (default: results/weights/NAME.safetensors)")
    command.add_argument("--max-steps", type=int, default=None)
    command.add_argument("--max-seconds", type=float, default=None)
    command.add_argument(
        "--p-common", type=float, default=None, help="for av_denoiser: how often scenes have one cause"
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="another field of the recipe; repeat the flag"
    )
    command.add_argument("--seeds", type=int, default=None, help="train this many, from --seed on: NAME_seed1, …")
    command.add_argument(
        "--stack",
        nargs="?",
        const="float32",
        choices=("float32", "float16"),
        help="also put what --seeds trains into one file, NAME_seeds; float16 halves its matrices",
    )
    command.add_argument("--device", default="cpu")
    command.add_argument("--no-resume", action="store_true", help="start again even if a checkpoint is there")
    command.set_defaults(function=_train)

    command = commands.add_parser("show", help="write a contact sheet, frame strips and WAV files of a stimulus set")
    command.add_argument("set", metavar="SET", help="events, flashes, syllables, shapes, printed or bouncing")
    command.add_argument("--out", default=None, help="folder to write (default: results/show/SET)")
    command.add_argument("--seed", type=int, default=1)
    command.set_defaults(function=_show)

    sweep_command.add_parser(commands)

    command = commands.add_parser("doctor", help="versions, threads, compiler, caches, and the mend for each problem")
    command.set_defaults(function=_doctor)
    return parser


def _list(arguments, rest):
    for title, table in (
        ("observers", catalogue.OBSERVERS),
        ("paradigms", catalogue.PARADIGMS),
        ("studies", catalogue.STUDIES),
    ):
        print(title)
        for name, path in table.items():
            print(f"  {name:28} {path.rpartition(':')[2]:28} {path.partition(':')[0]}")


def _split_run(argv):
    """`run [STUDY]` and the flags of the study: a study's name comes first or not at all."""
    named = len(argv) > 1 and not argv[1].startswith("-")
    return argv[: 1 + named], argv[1 + named :]


def _run(arguments, rest):
    if arguments.study is None and any(flag in rest for flag in ("-h", "--help")) and len(rest) == 1:
        print("usage: neuromm run [STUDY] [flags]\n\nstudies:")
        for name in catalogue.STUDIES:
            print(f"  {name}{'  (default)' if name == 'brains_and_machines' else ''}")
        print("\n`neuromm run STUDY --help` lists the flags of a study: the parameters of its `main`.")
        return
    from neuromm.flags import call_with_flags

    name = arguments.study or "brains_and_machines"
    call_with_flags(catalogue.find(catalogue.STUDIES, name, "study"), rest, prog=f"neuromm run {name}")


def _report(arguments, rest):
    from neuromm.report import refresh

    print(refresh(arguments.folder))


def _train(arguments, rest):
    recipe = {} if arguments.p_common is None else {"p_common": arguments.p_common}
    recipe |= dict(_field_of(text) for text in arguments.set)
    out = arguments.out or f"results/weights/{arguments.network}.safetensors"
    if arguments.seeds is not None and arguments.seeds < 1:
        raise ValueError(f"--seeds is {arguments.seeds}; at least 1 is wanted")
    if arguments.stack and arguments.seeds is None:
        raise ValueError("--stack puts several seeds into one file; say how many with --seeds")
    stem, _, suffix = out.rpartition(".")
    files = []
    for seed in range(arguments.seed, arguments.seed + (arguments.seeds or 1)):
        path = catalogue.train(
            arguments.network,
            seed=seed,
            out=out if arguments.seeds is None else f"{stem}_seed{seed}.{suffix}",
            max_steps=arguments.max_steps,
            max_seconds=arguments.max_seconds,
            device=arguments.device,
            resume=not arguments.no_resume,
            **recipe,
        )
        _draw_learning(path)
        files.append(path)
        print(path)
    if arguments.stack:
        from neuromm.observers.ann.seeds import stack_seeds

        print(stack_seeds(files, f"{stem}_seeds.{suffix}", dtype=arguments.stack))


def _draw_learning(weights):
    """Learning curves of one training, from the tables beside its weights: `NAME_learning.png` (and .pdf, .svg)."""
    from pathlib import Path

    import matplotlib.pyplot as plt
    import pandas as pd

    from neuromm.plots.learning import loss_by_step
    from neuromm.plots.style import save_figure

    weights = Path(weights)
    for curve in sorted(weights.parent.glob(f"{weights.stem}_learning*.csv")):
        table = pd.read_csv(curve)
        figure = loss_by_step(table).figure
        save_figure(figure, curve.with_suffix(""), table)
        plt.close(figure)


def _field_of(text):
    """("n_steps", 500) from "n_steps=500": numbers and True or False as such, other values as text."""
    import ast

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--set is given '{text}'; FIELD=VALUE is wanted, such as n_steps=500")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _show(arguments, rest):
    from neuromm.studies.show import show

    print(show(arguments.set, arguments.out, seed=arguments.seed))


def _doctor(arguments, rest):
    from neuromm.doctor import examine

    return examine()


def _one_line(error):
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        hint = {
            28: " (free some space, or give another folder with --out)",
            13: " (give a folder you may write in with --out)",
        }
        return f"{error.strerror}{place}{hint.get(error.errno, '')}"
    return " ".join(str(error).split()) or type(error).__name__
