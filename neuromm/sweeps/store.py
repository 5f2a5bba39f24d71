"""The store of a sweep: one SQLite index (WAL) and array files, one writer, every row and file with its checksum.

    out/sweep.json            the plan, which can be run again
    out/stimuli/<sha256>.csv  users' tables
    out/index.sqlite          one row per task: status, tables, error
    out/arrays/<id>/<name>.npy
    out/sweep.log

Rows are written when a result arrives; what a kill interrupts is simply not there, and is computed by the next run.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from neuromm._version import __version__
from neuromm.core.files import sha256, write_bytes, write_text
from neuromm.sweeps.plan import Plan, checksum_of
from neuromm.sweeps.work import Outcome

COLUMNS = ("id", "status", "tries", "cpu", "worker", "version", "content", "tables", "files", "error", "sha256")
SCHEMA = f"CREATE TABLE IF NOT EXISTS tasks ({', '.join(f'{c} TEXT' for c in COLUMNS)}, PRIMARY KEY (id))"
COMMIT_EVERY = 0.25  # s; a killed driver computes at most this much again


class Store:
    """Read, and with `writing` write, the results in a folder."""

    def __init__(self, folder, *, writing=False):
        self.folder = Path(folder)
        if not (self.folder / "sweep.json").exists():
            raise FileNotFoundError(f"{self.folder} is not a sweep: it has no sweep.json")
        self._lock = self._take_lock() if writing else None
        self._last_commit = time.monotonic()
        with typed_errors(self.folder):
            self._index = _open_index(self.folder / "index.sqlite", writing)
        if writing:
            self._sweep_temporary()

    @classmethod
    def create(cls, folder, plan) -> Store:
        """A store for a plan, opened for writing; results that are there are kept, and used if the plan has them."""
        folder = Path(folder)
        if folder.exists() and (
            not folder.is_dir() or (any(folder.iterdir()) and not (folder / "sweep.json").exists())
        ):
            raise FileExistsError(f"{folder} exists and is not a sweep; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        for checksum, text in plan.tables.items():
            write_text(folder / "stimuli" / f"{checksum}.csv", text)
        if not (folder / "sweep.json").exists() or _plan_text(plan) != (folder / "sweep.json").read_text(
            encoding="utf-8"
        ):
            write_text(folder / "sweep.json", _plan_text(plan))
        return cls(folder, writing=True)

    def plan(self) -> Plan:
        """The plan that the folder was made with. See `stored_plan`."""
        return stored_plan(self.folder)

    def _take_lock(self):
        lock = open(self.folder / "lock", "a+")  # noqa: SIM115 - held until close
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise ValueError(
                f"another sweep is writing into {self.folder} (process {holder}); wait for it, or stop it"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _sweep_temporary(self):
        """Remove what a killed run had half written."""
        for draft in self.folder.rglob("*.part"):
            draft.unlink(missing_ok=True)

    def add(self, outcome: Outcome) -> None:
        """Store an outcome: its files first, then its row, so that a row always has its files.

        Raises
        ------
        OSError
            If the disk is full or read-only; what was stored before stands.
        """
        with typed_errors(self.folder):
            files = {name: self._write_array(outcome.id, name, data) for name, data in outcome.arrays.items()}
            row = (outcome.id, outcome.status, str(outcome.tries), f"{outcome.cpu:.6f}", outcome.worker, __version__,
                   outcome.content, outcome.tables, json.dumps(files, sort_keys=True), outcome.error)  # fmt: skip
            marks = ", ".join("?" * len(COLUMNS))
            self._index.execute(f"INSERT OR REPLACE INTO tasks VALUES ({marks})", (*row, _row_checksum(row)))
            if time.monotonic() - self._last_commit > COMMIT_EVERY:
                self.commit()

    def _write_array(self, task, name, data) -> str:
        path = self.folder / "arrays" / task / f"{_slug(name)}.npy"
        write_bytes(path, data)
        return hashlib.sha256(data).hexdigest()

    def array_path(self, task, name) -> Path:
        """Where an array of a task lies."""
        return self.folder / "arrays" / task / f"{_slug(name)}.npy"

    def commit(self) -> None:
        """Make what was added durable."""
        with typed_errors(self.folder):
            self._index.commit()
        self._last_commit = time.monotonic()

    def statuses(self) -> dict[str, str]:
        """Status of every stored task, by id."""
        with typed_errors(self.folder):
            return dict(self._index.execute("SELECT id, status FROM tasks"))

    def rows(self):
        """Every row as a dict, with `whole` saying whether it matches its checksum."""
        with typed_errors(self.folder):
            for values in self._index.execute(f"SELECT {', '.join(COLUMNS)} FROM tasks"):
                yield self._row(values)

    def row(self, task):
        """One row, or None."""
        with typed_errors(self.folder):
            values = self._index.execute(f"SELECT {', '.join(COLUMNS)} FROM tasks WHERE id = ?", (task,)).fetchone()
        return None if values is None else self._row(values)

    def _row(self, values):
        return {**dict(zip(COLUMNS, values, strict=True)), "whole": _row_checksum(values[:-1]) == values[-1]}

    def forget(self, tasks) -> None:
        """Remove rows, so that the next run computes them again."""
        with typed_errors(self.folder):
            self._index.executemany("DELETE FROM tasks WHERE id = ?", [(t,) for t in tasks])
        self.commit()

    def damaged(self) -> dict[str, str]:
        """What does not match its checksum: task id (or file) → what is wrong with it."""
        wrong = {}
        with typed_errors(self.folder):
            state = self._index.execute("PRAGMA integrity_check").fetchone()[0]
        if state != "ok":
            wrong["index.sqlite"] = f"the index is damaged: {state}"
        try:
            self.plan()
        except ValueError as error:
            wrong["sweep.json"] = str(error)
        for row in self.rows():
            if not row["whole"]:
                wrong[str(row["id"])] = "its row does not match its checksum"
                continue
            for name, expected in json.loads(row["files"]).items():
                path = self.array_path(row["id"], name)
                if not path.exists():
                    wrong[row["id"]] = f"{path.name} is missing"
                elif sha256(path) != expected:
                    wrong[row["id"]] = f"{path.name} does not match its checksum"
        return wrong

    def close(self) -> None:
        """Commit, and let others write."""
        try:
            if self._lock is not None:
                self.commit()
        finally:
            self._index.close()
            if self._lock is not None:
                self._lock.close()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.close()


def stored_plan(folder) -> Plan:
    """The plan that a folder was made with, from `sweep.json` and the users' tables beside it.

    Raises
    ------
    FileNotFoundError
        If the folder is not a sweep.
    ValueError
        If the plan, or a table it names, was changed or damaged.
    """
    path = Path(folder) / "sweep.json"
    if not path.exists():
        raise FileNotFoundError(f"{folder} is not a sweep: it has no sweep.json")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["plan"].items()}
        plan = Plan(**given)
        whole = checksum_of(plan.text()) == record["sha256"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise ValueError(f"{path} was changed or damaged; run the sweep's TOML file again into this folder")
    for entry in (*plan.stimuli, *plan.fits):
        if "table" in entry:
            plan.tables[entry["table"]] = _table_text(Path(folder) / "stimuli" / f"{entry['table']}.csv")
    return plan


def _table_text(path):
    if not path.exists() or sha256(path) != path.stem:
        raise ValueError(f"{path} is missing or does not match its checksum; run the sweep again from its own tables")
    return path.read_bytes().decode("utf-8")


def _open_index(path, writing):
    if not writing and not path.exists():
        raise FileNotFoundError(
            f"{path.parent} has no index.sqlite: nothing was computed yet; `neuromm sweep resume` starts it"
        )
    index = sqlite3.connect(
        path if writing else f"file:{path}?mode=ro", uri=not writing, timeout=30, check_same_thread=False
    )
    if writing:
        index.execute(
            "PRAGMA journal_mode=WAL"
        )  # on a file system without shared memory SQLite keeps its older journal
        index.execute("PRAGMA synchronous=NORMAL")
        index.execute(SCHEMA)
        index.commit()
    index.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")  # damaged text is found, not fatal
    return index


def _plan_text(plan):
    return json.dumps({"sha256": checksum_of(plan.text()), "plan": json.loads(plan.text())}, indent=1) + "\n"


def _row_checksum(values) -> str:
    return hashlib.sha256("\x1f".join(str(v) for v in values).encode("utf-8", "surrogateescape")).hexdigest()


def _slug(name):
    """A file name from an array's name; an unusual one becomes a short checksum, so no name leaves its folder."""
    plain = str(name)
    if plain.replace("_", "").replace("-", "").isalnum() and plain.isascii():
        return plain
    return "x" + hashlib.sha256(plain.encode()).hexdigest()[:16]


@contextlib.contextmanager
def typed_errors(folder):
    """SQLite's errors as what the user can act on."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder)) from error
        if "readonly" in text or "unable to open" in text:
            raise OSError(errno.EROFS, "Read-only or missing folder", str(folder)) from error
        if "disk I/O" in text:
            raise OSError(errno.EIO, "The disk does not take what is written (full?)", str(folder)) from error
        raise ValueError(f"the index in {folder} cannot be used: {text}") from error
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"{folder}/index.sqlite is damaged ({error}); move it away, and `neuromm sweep resume` computes it again"
        ) from error
