"""Which weights are in the package: `weights.json` names each file with its network, training, seeds, sum and size.

`python -m neuromm.observers.ann.manifest` writes it again after files were added or replaced; the training of a new
file is the rest of its name, to be edited to the word that the observer uses.
"""

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from neuromm.core.files import write_bytes
from neuromm.observers.ann.weights import SHIPPED, read_header

MANIFEST = Path(__file__).with_name("weights.json")


@dataclass(frozen=True)
class Entry:
    """One file of weights."""

    file: str
    network: str  # name in `catalogue.NETWORKS`
    training: str  # "trained" where there is one kind, "untrained" for the control, or the observer's word
    seed: tuple[int, ...]  # those in the file
    sha256: str  # of the file
    size: int  # bytes


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Every file in the package, in order of name."""
    rows = json.loads(MANIFEST.read_text())
    return tuple(Entry(**{**row, "seed": tuple(row["seed"])}) for row in rows)


def seeds_of(network: str, training: str) -> dict[int, Path]:
    """Seed → file of the weights in the package.

    Raises
    ------
    ValueError
        If there are none of this network and training; the trainings there are listed.
    """
    files, trainings = {}, []
    for entry in entries():
        if entry.network == network:
            trainings.append(entry.training)
            if entry.training == training:
                files |= dict.fromkeys(entry.seed, SHIPPED / entry.file)
    if not files:
        there = ", ".join(dict.fromkeys(trainings)) or "none"
        raise ValueError(f"no weights of '{network}' trained as '{training}' are shipped; there are: {there}")
    return dict(sorted(files.items()))


def shipped(network: str, training: str = "trained", seed: int = 1) -> Path:
    """The file that holds one seed of a network's shipped weights.

    Raises
    ------
    ValueError
        If there is none of that training or seed; those there are listed.
    """
    files = seeds_of(network, training)
    if seed not in files:
        there = ", ".join(map(str, files))
        raise ValueError(f"{network}: no weights of seed {seed} are shipped; there are seeds {there}")
    return files[seed]


def describe(path: Path, training: str) -> Entry:
    """The entry of a file as it is on disk."""
    header, content = read_header(path), path.read_bytes()
    recipe = header["recipe"]
    seeds = tuple(recipe.get("seeds", [recipe["seed"]]))
    digest = hashlib.sha256(content).hexdigest()
    return Entry(path.name, header["network"], training, seeds, digest, len(content))


def main() -> None:
    """Write the manifest of the files that are there."""
    known = {entry.file: entry.training for entry in entries()} if MANIFEST.exists() else {}
    rows = []
    for path in sorted(SHIPPED.glob("*.safetensors")):
        rest = path.stem.removeprefix(read_header(path)["network"]).strip("_")
        entry = describe(path, known.get(path.name, rest or "trained"))
        rows.append(json.dumps(asdict(entry)))
    write_bytes(MANIFEST, ("[\n" + ",\n".join(rows) + "\n]\n").encode())


if __name__ == "__main__":
    main()
