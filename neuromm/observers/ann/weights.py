"""Weights in one safetensors file: the tensors, and in its metadata what they are and their sha256.

A file that was cut short, altered or made for another network is refused before anything is built.
Nothing is ever unpickled.
"""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np

from neuromm.core.files import write_bytes

FORMAT = "neuromm-weights-1"
PICKLES = (b"\x80", b"PK\x03\x04")  # how a pickle begins, and the archive of pickles that torch.save writes
SHIPPED = Path(__file__).parent / "weights"


def checksum(tensors, about=None) -> str:
    """sha256 over what is said about the arrays and their names, kinds, shapes and bytes, in order of name."""
    digest = hashlib.sha256(json.dumps(about or {}, sort_keys=True).encode())
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_weights(path, tensors, *, network, config, recipe, score=None) -> Path:
    """Write weights atomically.

    Parameters
    ----------
    path : path
    tensors : dict of name → array
    network : str
        Name in the catalogue of the observer they belong to.
    config : dict
        What builds the module.
    recipe : dict
        What trained it: seed, steps, the generator's statistics.
    score : dict, optional
        What was measured after training.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    from safetensors.numpy import save

    path = Path(path)
    tensors = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    about = {"format": FORMAT, "network": network, "config": config, "recipe": recipe, "score": score or {}}
    about["sha256"] = checksum(tensors, about)
    blob = save(tensors, {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()})
    write_bytes(path, blob)
    return path


def load_weights(path, network=None):
    """Read and verify weights.

    Returns
    -------
    header : dict
        format, network, config, recipe, score, sha256.
    tensors : dict of name → array

    Raises
    ------
    ValueError
        If there is no such file, it is no weights file of ours, it was cut short or altered, or it
        belongs to another network than `network`.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no weights file at {path}; `neuromm train NAME` writes one")
    stat = path.stat()
    return _load(str(path), stat.st_mtime_ns, stat.st_size, network)


def read_header(path) -> dict:
    """What a weights file says of itself, verified: network, config, recipe, score, sha256."""
    return load_weights(path)[0]


@functools.lru_cache(maxsize=32)
def _load(path, _changed, _size, network):
    from safetensors import SafetensorError
    from safetensors.numpy import load

    blob, name = Path(path).read_bytes(), Path(path).name
    if blob.startswith(PICKLES) and blob[8:9] != b"{":  # a header's length can begin with a pickle's first byte
        raise ValueError(
            f"{name} is a pickle, which can run any code when it is opened, and is not read; a safetensors file that "
            f"`neuromm train` wrote is wanted"
        )
    try:
        tensors = load(blob)
        header = _metadata(blob)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{name} is not a whole safetensors file of neuromm weights ({error}); fetch it again, or train anew"
        ) from None
    if checksum(tensors, {key: value for key, value in header.items() if key != "sha256"}) != header.get("sha256"):
        raise ValueError(f"{name} was altered: its content does not match the sha256 it carries; fetch it again")
    if network is not None and header["network"] != network:
        raise ValueError(f"{name} holds weights of '{header['network']}'; '{network}' is wanted")
    for array in tensors.values():
        array.setflags(write=False)
    return header, tensors


def _metadata(blob):
    size = int.from_bytes(blob[:8], "little")
    metadata = json.loads(blob[8 : 8 + size]).get("__metadata__") or {}
    if metadata.get("format") != FORMAT:
        raise ValueError(f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
    structured = ("config", "recipe", "score")
    return {key: json.loads(value) if key in structured else value for key, value in metadata.items()}
