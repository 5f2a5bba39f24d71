"""The card beside each weights file: what the network is, what it saw, how well it does, what it is not for."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from neuromm.observers.ann.weights import read_header


class Card(NamedTuple):
    """What is said of a network beside its numbers."""

    what: str
    saw: str
    scores: str  # what they mean
    limits: str


def write_card(weights: str | Path, about: Card, defaults: Any = None) -> Path:
    """Write the card of a weights file beside it, as Markdown.

    Parameters
    ----------
    weights : path
        A safetensors file of ours.
    about : Card
    defaults : dataclass, optional
        The recipe as it is when nothing is set: where this file's differs, the command says so.
    """
    weights = Path(weights)
    header = read_header(weights)
    what, saw, meaning, limits = about
    untrained = header["recipe"].get("steps_taken") == 0
    lines = [f"# {weights.stem}", "", what, ""]
    if untrained:
        lines += ["**Untrained**: the baseline. Random layers from the seed; read-outs fitted as if trained.", ""]
        saw = "Nothing: no step was taken. The read-outs alone saw data."
    lines += ["## What it saw", "", saw, ""]
    lines += _table("recipe", header["recipe"]) + _table("built as", header["config"])
    lines += ["## How well it does", "", meaning, "", *_table("score", header["score"])]
    lines += ["## Limits", "", limits, "", "## Checksum", "", f"sha256 of content: `{header['sha256']}`", ""]
    lines += [f"Made by `{command(header, defaults)}`; BSD-3-Clause, as the package.", ""]
    card = weights.with_suffix(".md")
    card.write_text("\n".join(lines))
    return card


def command(header, defaults=None) -> str:
    """The command that makes these weights again: seeds, steps, and every field of the recipe that is not default."""
    recipe = header["recipe"]
    seeds = recipe.get("seeds", [recipe.get("seed", 1)])
    words = ["neuromm train", header["network"], f"--seed {seeds[0]}"]
    words += [f"--seeds {len(seeds)}"] if len(seeds) > 1 else []
    usual = {} if defaults is None else dataclasses.asdict(defaults)
    for field, value in usual.items():
        value = list(value) if isinstance(value, tuple) else value
        if field in recipe and recipe[field] != value:
            words.append(f"--set {field}={recipe[field]}")
    taken = recipe.get("steps_taken")
    words += [f"--max-steps {taken}"] if taken is not None and taken < recipe.get("n_steps", 0) else []
    return " ".join(words)


def _table(title, values):
    rows = [f"| {k} | {f'{v:.4g}' if isinstance(v, float) else v} |" for k, v in values.items()]
    return [f"| {title} | |", "|---|---|", *rows, ""]
