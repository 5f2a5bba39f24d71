"""Atomic files and folders, and their checksums: what is written is complete, or absent.

Everything is written beside its place, synced to the disk and moved there in one step.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A draft to write, which takes the place of `path` only if the block ends without an error.

    The draft may also be a folder that is read as one file (zarr).

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_file(folder / "table.csv") as draft:
    ...     _ = draft.write_text("a,b")
    >>> [path.name for path in folder.iterdir()]
    ['table.csv']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        if draft.is_file():
            sync(draft)
        if path.is_dir():
            shutil.rmtree(path)
        move(draft, path)
    finally:
        remove(draft)


@contextlib.contextmanager
def atomic_folder(folder: str | Path, marker: str) -> Iterator[Path]:
    """A new folder to write in, which takes the place of `folder` only if the block ends without an error.

    Parameters
    ----------
    folder : path
    marker : str
        A file that every folder of ours holds: only such a folder (or an empty one) is replaced.

    Raises
    ------
    FileExistsError
        If `folder` exists and is not one of ours; it would be lost.
    OSError
        If it cannot be written; nothing is left behind.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not _replaceable(folder, marker):
        raise FileExistsError(f"{folder} exists and is not a neuromm result; choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        yield draft
        for path in sorted(draft.rglob("*")):
            if path.is_file():
                sync(path)
        draft.chmod(0o755)
        _exchange(draft, folder)
    except BaseException:
        remove(draft)
        raise


def _replaceable(folder, marker):
    if not folder.is_dir():
        return False
    return (folder / marker).exists() or not any(folder.iterdir())


def _exchange(draft, folder):
    """Put `draft` in the place of `folder`; what was there is kept until the new one is in place."""
    if not folder.exists():
        move(draft, folder)
        sync(folder.parent)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    move(folder, old)
    try:
        move(draft, folder)
    except OSError:
        move(old, folder)
        raise
    remove(old)
    sync(folder.parent)


def move(source: Path, target: Path) -> None:
    """Rename in one step; a file at `target` is replaced, a folder that is not empty is an OSError."""
    os.replace(source, target)


def remove(path: Path) -> None:
    """Delete a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make what was written to a file, or the entries of a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically; line ends are kept as they are."""
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_file(path) as draft:
        draft.write_bytes(content)


def sha256(path: str | Path) -> str:
    """Checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: str | Path, skip: str = "") -> dict[str, str]:
    """Checksum of every file below `folder`, by relative path; files called `skip` are left out."""
    folder = Path(folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != skip:
            found[path.relative_to(folder).as_posix()] = sha256(path)
    return found
