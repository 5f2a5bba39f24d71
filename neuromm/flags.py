"""The signature is the configuration: a function's parameters become its command-line flags."""

from __future__ import annotations

import argparse
import inspect
import types
import typing


def call_with_flags(function, argv, prog=None):
    """Call `function` with its parameters taken from flags: `n_repeats: int = 20` is `--n-repeats 20`.

    Lists (`list[str]`) may be repeated; their flag is the singular (`observers` → `--observer`). A bool is
    `--name` / `--no-name`. The docstring's parameter section gives the help.

    Raises
    ------
    ValueError
        If a seed or a number of things is negative; the flag is named.
    """
    parser = argparse.ArgumentParser(prog=prog, description=(inspect.getdoc(function) or "").partition("\n")[0])
    help_of = _parameter_help(function)
    hints = typing.get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, many = _kind(hints.get(name, str))
        flag = "--" + name.replace("_", "-")
        about = f"{help_of.get(name, '')} (default: {parameter.default})".strip().replace("%", "%%")
        if kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=parameter.default, help=about)
        elif many:
            parser.add_argument(flag.removesuffix("s"), dest=name, action="append", type=kind, default=None, help=about)
        else:
            parser.add_argument(flag, dest=name, type=kind, default=parameter.default, help=about)
    given = vars(parser.parse_args(argv))
    _check_counts(given)
    signature = inspect.signature(function)
    return function(**{k: signature.parameters[k].default if v is None else v for k, v in given.items()})


def _check_counts(given):
    """Refuse a negative seed or number of things, by the name of its flag."""
    for name, value in given.items():
        least = 0 if name == "seed" else 1
        counts = name == "seed" or name.startswith("n_")
        if counts and isinstance(value, int) and value < 0:
            raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {value}")


def _kind(hint):
    """(type of one value, whether many are taken) of an annotation such as `int`, `str | None`, `list[str]`."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if typing.get_origin(hint) in (list, tuple):
        return typing.get_args(hint)[0], True
    return hint, False


def _parameter_help(function):
    """First line of each parameter's description in a NumPy docstring."""
    lines = (inspect.getdoc(function) or "").splitlines()
    found = {}
    for i, line in enumerate(lines[:-1]):
        name, colon, _ = line.partition(" : ")
        if colon and not line.startswith(" ") and lines[i + 1].startswith("    "):
            for single in name.split(", "):
                found[single] = lines[i + 1].strip()
    return found
