"""A task: what decides one result, as plain JSON. Its hash is its name, and gives its seed.

Two tasks with the same content are the same task, whoever runs them, where, and in which order; so a plan can
grow without renumbering, and what is in the store never has to be computed again.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neuromm import catalogue

FORMAT = 1  # raised when the same content would give other bytes
# What is kept of a session leaves the answers as they are; corrected code is compared on the same noise.
NOT_NOISE = ("measures", "keep", "layers", "code")


@dataclass(frozen=True)
class Task:
    """One unit of work."""

    content: dict  # what decides the result: kind, model, parameters, stimuli, seed, repeat
    recipe: dict = field(default_factory=dict)  # how to build what the content names by checksum; decides nothing
    point: dict = field(default_factory=dict)  # what varies in the plan, for the exported table

    @functools.cached_property
    def id(self) -> str:
        """32 hexadecimal digits of the content's sha256."""
        return digest(self.content)[:32]

    @functools.cached_property
    def seed(self) -> int:
        """63-bit seed: the root seed, with the content's hash as spawn key (numpy SeedSequence)."""
        noise = {key: value for key, value in self.content.items() if key not in NOT_NOISE}
        words = [int(digest(noise)[i : i + 8], 16) for i in range(0, 32, 8)]
        high, low = np.random.SeedSequence(self.content["seed"], spawn_key=words).generate_state(2)
        return (int(high) << 31) ^ int(low)


def canonical(content) -> str:
    """JSON with sorted keys and no spaces: equal contents give equal text.

    Raises
    ------
    TypeError
        If something is no number, text, truth value, list or dict of these.
    ValueError
        If a number is NaN or infinite: such a task could not be named.
    """
    try:
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=plain)
    except ValueError:
        raise ValueError(f"a task holds a NaN or infinite number: {content}; leave the key out instead") from None


def digest(content) -> str:
    """sha256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def plain(value):
    """What JSON does not know: numpy's numbers and arrays."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} ({type(value).__name__}) cannot be part of a task; give numbers, text or lists of them")


def describe_observer(observer) -> dict:
    """The part of a task's content that an observer decides: its provenance, model version, files by checksum.

    A class says `model_version: ClassVar[int]` (1 if it does not) and raises it when equal parameters give other
    numbers; a release that changes nothing then keeps what was computed.
    """
    about = dict(observer.provenance())
    about["parameters"] = {k: _by_checksum(v) for k, v in about["parameters"].items()}
    return {**about, "model_version": int(getattr(type(observer), "model_version", 1))}


def _by_checksum(value):
    """A file is what is in it, not where it lies."""
    if isinstance(value, str) and "." in value and Path(value).is_file():
        with open(value, "rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    return value


def observer_recipe(observer) -> dict:
    """Class and fields from which `build_observer` makes an equal one in another process.

    Raises
    ------
    TypeError
        If it is no dataclass, or its class cannot be imported by name.
    """
    if not dataclasses.is_dataclass(observer):
        raise TypeError(f"{observer!r} is not a dataclass; a sweep sends observers to workers by class and fields")
    kind = type(observer)
    path = f"{kind.__module__}:{kind.__qualname__}"
    fields = {f.name: getattr(observer, f.name) for f in dataclasses.fields(observer) if f.init}
    recipe = {"class": path, "fields": fields}
    if kind.__module__ == "__main__" or "<locals>" in path or json_copy_differs(observer, recipe):
        raise TypeError(
            f"{path} cannot be sent to a worker: put the class into a module of its own, with fields that are numbers, "
            "text or tuples of them"
        )
    return recipe


def json_copy_differs(observer, recipe) -> bool:
    """Whether an observer made again from the recipe's JSON is another one."""
    try:
        return build_observer(json.loads(canonical(recipe))) != observer
    except (TypeError, ValueError, AttributeError, ImportError):
        return True


def build_observer(recipe):
    """The observer of a recipe."""
    return catalogue.resolve(recipe["class"])(**{key: _tuples(value) for key, value in recipe["fields"].items()})


def _tuples(value):
    """Lists of JSON are tuples in a frozen dataclass."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
