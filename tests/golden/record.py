"""Writes and compares the golden record of every observer.

    python -m tests.golden.record strict FILE      # sha256 of every array, for work on one machine
    python -m tests.golden.record compare FILE     # what differs from such a file
    python -m tests.golden.record write            # the committed form: numbers that hold on every processor

The committed form keeps, per array, its shape and (up to) eight values to six significant digits.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - threads are set first

FOLDER = Path(__file__).resolve().parent / "values"
KEPT = 8  # values of an array in the committed form


def digest(array):
    """sha256 of an array's kind, shape and values; text and missing values by their words."""
    array = np.asarray(array)
    if array.dtype == object:
        content = "\x1f".join(map(str, array.ravel())).encode()
    else:
        content = np.ascontiguousarray(array).tobytes()
    head = f"{array.dtype} {array.shape} ".encode()
    return hashlib.sha256(head + content).hexdigest()[:16]


def summary(array):
    """The committed form: shape, and evenly spaced values as text (labels) or numbers."""
    array = np.asarray(array)
    flat = array.ravel()
    chosen = flat[np.linspace(0, len(flat) - 1, min(KEPT, len(flat))).astype(int)] if len(flat) else flat
    if array.dtype == object or array.dtype.kind in "USb":
        return {"shape": list(array.shape), "text": [str(value) for value in chosen]}
    numbers = [float(f"{value:.6g}") if np.isfinite(value) else str(value) for value in chosen.astype(float)]
    scale = float(f"{np.nanmax(np.abs(flat)):.3g}") if np.isfinite(flat).any() else 0.0
    return {"shape": list(array.shape), "numbers": numbers, "scale": scale}


def strict(path, names=None):
    from tests.golden.cases import cases

    record = {}
    for key, arrays in cases(names):
        record[key] = {name: digest(values) for name, values in arrays.items()}
    Path(path).write_text(json.dumps(record, indent=0, sort_keys=True))
    print(f"{len(record)} cases, {sum(map(len, record.values()))} arrays in {path}")


def compare(path, names=None):
    from tests.golden.cases import cases

    before = json.loads(Path(path).read_text())
    if names:
        before = {key: v for key, v in before.items() if key.split(" | ")[0] in names}
    differing, seen = [], set()
    for key, arrays in cases(names):
        seen.add(key)
        if key not in before:
            differing.append(f"new: {key}")
            continue
        now = {name: digest(values) for name, values in arrays.items()}
        for name in sorted(set(now) | set(before[key])):
            if now.get(name) != before[key].get(name):
                differing.append(f"differs: {key} | {name}")
    differing += [f"gone: {key}" for key in sorted(set(before) - seen)]
    print("\n".join(differing) or f"all {len(seen)} cases are equal")
    return 1 if differing else 0


def write():
    from tests.golden.cases import cases

    FOLDER.mkdir(exist_ok=True)
    records = {}
    for key, arrays in cases(brief=True):
        observer = key.split(" | ")[0]
        records.setdefault(observer, {})[key] = {name: summary(values) for name, values in arrays.items()}
    for observer, record in records.items():
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
        (FOLDER / f"{observer}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{sum(map(len, records.values()))} cases of {len(records)} observers")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "strict":
        strict(rest[0], rest[1:])
    elif command == "compare":
        sys.exit(compare(rest[0], rest[1:]))
    else:
        write()
