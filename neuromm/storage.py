"""Folders of results: tables as CSV, arrays as .npy, provenance with checksums. Never pickle."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import xarray as xr

from neuromm.core.files import atomic_folder, checksums, sha256
from neuromm.core.names import distinct_file_name
from neuromm.stimuli.delimited import read_delimited
from neuromm.stimuli.saved import from_text, to_text
from neuromm.stimuli.table import read_trials

MARK = "provenance.json"  # a folder that we wrote holds this; only such a folder is ever replaced


def result_folder(folder):
    """`core.files.atomic_folder` for a result: an older result is replaced, nothing else is."""
    return atomic_folder(folder, MARK)


def write_provenance(folder, provenance) -> None:
    """`provenance.json` with the commit and the checksum of every file beside it."""
    record = {**provenance, "commit": _commit(), "sha256": checksums(folder, skip=MARK)}
    (Path(folder) / MARK).write_text(json.dumps(record, indent=1, default=_plain) + "\n", encoding="utf-8")


def check_folder(folder) -> dict:
    """The provenance of a folder whose files all match it.

    Raises
    ------
    FileNotFoundError
        If there is no such result.
    ValueError
        If a file is missing, changed or truncated; it is named.
    """
    folder = Path(folder)
    if not (folder / MARK).exists():
        raise FileNotFoundError(f"{folder} is not a saved result: it has no {MARK}")
    try:
        provenance = json.loads((folder / MARK).read_text(encoding="utf-8"))
        listed = dict(provenance["sha256"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{folder / MARK} is damaged: it is not the JSON that neuromm writes") from None
    for name, expected in listed.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{folder / MARK} names a file outside its folder: {name}")
        if not path.exists():
            raise ValueError(f"{folder} is incomplete: {name} is missing")
        if sha256(path) != expected:
            raise ValueError(f"{path} does not match its checksum: it was changed or damaged")
    return provenance


def save_session(session, folder) -> None:
    """stimuli.csv, responses.csv (BIDS-style n/a), one .npy and .json per layer, provenance.json."""
    with result_folder(folder) as draft:
        write_session(session, draft)
        write_provenance(draft, session.provenance)


def write_session(session, folder) -> None:
    """The session's files, into a folder that exists.

    Names of observers and layers become file names (`neuromm.core.names.file_name`): none leads out of it;
    `columns.json` holds the dtypes of both tables.
    """
    folder = Path(folder)
    stimuli = session.stimuli.rename_axis("trial").reset_index()
    records = {}
    for name, table in (("stimuli", stimuli), ("responses", session.responses)):
        text, records[name] = to_text(table)
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    (folder / "columns.json").write_text(json.dumps(records, indent=1, default=_plain), encoding="utf-8")
    observers: dict[str, str] = {}
    for observer, layers in session.representations.items():
        place = folder / "representations" / distinct_file_name(observer, observers)
        taken: dict[str, str] = {}
        for layer, values in layers.items():
            place.mkdir(parents=True, exist_ok=True)
            _write_layer(place / distinct_file_name(layer, taken), observer, layer, values)


def _write_layer(stem, observer, layer, values):
    """One recorded layer: STEM.npy, and STEM.json that says whose it is and names its rows."""
    np.save(stem.with_name(f"{stem.name}.npy"), values.to_numpy(), allow_pickle=False)
    coords = {}
    for name, coord in values.coords.items():
        array = coord.to_numpy()
        coords[name] = {"dims": list(coord.dims), "dtype": array.dtype.str, "values": array.tolist()}
    about = {"observer": observer, "layer": layer, "dims": list(values.dims), "coords": coords}
    text = json.dumps(about, default=_plain)
    stem.with_name(f"{stem.name}.json").write_text(text, encoding="utf-8")


def read_session(folder):
    """Stimuli, responses, representations and provenance of `save_session`'s folder; every file is checked first.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no session, or a file is missing, changed, or was not saved with it.
    """
    folder = Path(folder)
    provenance = check_folder(folder)
    listed = set(provenance.pop("sha256"))
    stimuli, responses = _read_tables(folder)
    representations: dict = {name: {} for name in dict.fromkeys(responses["observer"])}
    for about_path in sorted((folder / "representations").rglob("*.json")):
        array_path = about_path.with_name(about_path.name.removesuffix(".json") + ".npy")
        for path in (about_path, array_path):
            if path.relative_to(folder).as_posix() not in listed:
                raise ValueError(f"{path} has no checksum: it was not saved with {folder}")
        about = json.loads(about_path.read_text(encoding="utf-8"))
        representations.setdefault(about["observer"], {})[about["layer"]] = _read_layer(array_path, about)
    order = provenance.get("layers", {})
    representations = {o: {k: v[k] for k in order.get(o, v) if k in v} for o, v in representations.items()}
    return stimuli, responses, representations, provenance


def _read_tables(folder):
    """Stimuli and responses as they were saved; a folder of an older version has no record of its columns."""
    if not (folder / "columns.json").exists():
        responses = read_delimited(folder / "responses.csv").typed().reset_index(drop=True)
        label = responses["response_label"].astype(object)
        return read_trials(folder / "stimuli.csv"), responses.assign(response_label=label.where(label.notna(), None))
    records = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    tables = []
    for name in ("stimuli", "responses"):
        text = (folder / f"{name}.csv").read_bytes().decode("utf-8")
        tables.append(from_text(text, records[name], f"{name}.csv"))
    return tables[0].set_index("trial"), tables[1]


def _read_layer(path, about):
    coords = {}
    for name, coord in about["coords"].items():
        values = np.array(coord["values"], dtype=coord.get("dtype"))
        coords[name] = (coord["dims"], values)
    return xr.DataArray(np.load(path, allow_pickle=False), dims=about["dims"], coords=coords)


def _commit():
    """The commit of the checkout that runs, or None from an installed wheel."""
    here = Path(__file__).resolve().parent
    if not (here.parent / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _plain(value):
    """JSON for what it does not know: numpy numbers, paths, everything else by its text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
