"""The code behind a user's function or class: sha256 of its module's file and of the project's modules it imports.

A sweep keeps it in a task's content, so that results of a corrected function are not taken from before the correction.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import inspect
import sys
import sysconfig
from pathlib import Path

from neuromm import catalogue


def code_of(path: str) -> str:
    """sha256 of the code behind "module:name", hexadecimal.

    Every byte of the files counts, comments too. Modules that are imported by a computed name, and files that the
    function reads, are not seen: say a `version` instead.

    Raises
    ------
    ValueError
        If there is no source (then a `version` is needed), or the file was changed after it was imported here.
    """
    module, found = _module_of(path), catalogue.resolve(path)
    if module.__name__ in sys.builtin_module_names:
        return hashlib.sha256(sys.version.encode()).hexdigest()
    if not getattr(module, "__file__", None):
        return _code_without_file(path, found)
    _check_imported_code(path, module, found)
    digest = hashlib.sha256()
    root = _project_folder(module)
    for file in source_files(path):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def source_files(path: str) -> list[Path]:
    """The files that `code_of` reads: the module's own, and those of its project that it imports, sorted."""
    module = _module_of(path)
    if not getattr(module, "__file__", None):
        return []
    root = _project_folder(module)
    own_package = _module_name(module).partition(".")[0]
    only_own = _is_installed(root)
    files, left = set(), [Path(module.__file__).absolute()]
    while left:
        file = left.pop()
        if file not in files:
            files.add(file)
            left += _imported_files(file, root, own_package, only_own)
    return sorted(files)


def describe_code(path: str) -> str:
    """Names of these files for a message: "mine.py and helpers.py", "mine.py and 3 more"."""
    files = source_files(path)
    if not files:
        return "its source"
    first = Path(_module_of(path).__file__).name
    others = [file.name for file in files if file.name != first]
    if not others:
        return first
    return f"{first} and {others[0] if len(others) == 1 else f'{len(others)} more'}"


@functools.lru_cache(maxsize=64)
def check_code(path: str, code: str) -> None:
    """Refuse to compute with other code than a task names; looked at once in each process.

    Raises
    ------
    ValueError
        If this process imports other code.
    """
    if code_of(path) != code:
        raise ValueError(
            f"this process has other code for '{path}' ({describe_code(path)}) than the sweep was started with; "
            "run the sweep again, and leave the file alone until it ends"
        )


def _module_of(path):
    catalogue.resolve(path)  # imports it
    return sys.modules[path.partition(":")[0]]


def _module_name(module):
    """The name it is imported by; of a script, its file's."""
    if module.__name__ != "__main__":
        return module.__name__
    spec = getattr(module, "__spec__", None)
    return spec.name if spec else Path(module.__file__).stem


def _project_folder(module):
    """The folder from which the module, or the package that it belongs to, is imported."""
    file = Path(module.__file__).absolute()
    depth = _module_name(module).count(".") + (file.name == "__init__.py")
    return file.parents[depth]


def _is_installed(folder):
    places = {
        Path(sysconfig.get_path(name)).resolve()
        for name in ("purelib", "platlib", "stdlib", "platstdlib")
    }
    return any(folder == place or place in folder.parents for place in places)


def _imported_files(file, root, own_package, only_own):
    """Files below `root` that a file's import statements name, but neuromm's; of an installed package, only its own."""
    try:
        tree = ast.parse(file.read_bytes()) if file.suffix == ".py" else ast.Module([], [])
    except SyntaxError:
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names, base = [alias.name for alias in node.names], root
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names]
            base = file.parents[node.level - 1] if node.level else root
        else:
            continue
        for name in names:
            package = name.partition(".")[0]
            others = only_own or package == "neuromm"
            if base != root or package == own_package or not others:
                found += _files_of_name(name, base)
    return found


def _files_of_name(name, base):
    """Of "a.b.c" the files a.py, a/__init__.py, a/b.py, …, as far as they exist."""
    found, place = [], base
    for part in name.split("."):
        place = place / part
        found += [f for f in (place.with_name(f"{part}.py"), place / "__init__.py") if f.is_file()]
    return found


def _code_without_file(path, found):
    """Of a function typed into a notebook: its source."""
    try:
        return hashlib.sha256(inspect.getsource(found).encode()).hexdigest()
    except (OSError, TypeError):
        raise ValueError(
            f"'{path}' has no source file, so a sweep cannot tell when it changes; put it into a module of its own, "
            "or give a `version` beside `function`"
        ) from None


def _check_imported_code(path, module, found):
    """Refuse a function that was imported before its file was changed: its results are not those of the file."""
    loader = getattr(module, "__loader__", None)
    code = getattr(inspect.unwrap(found), "__code__", None)
    if type(loader) is not importlib.machinery.SourceFileLoader or code is None:
        return
    if code.co_filename != module.__file__:
        return  # it comes from another module
    compiled = compile(
        Path(module.__file__).read_bytes(), module.__file__, "exec", dont_inherit=True
    )
    same_name = [c for c in _codes_within(compiled) if c.co_qualname == code.co_qualname]
    if code not in same_name:
        raise ValueError(
            f"{Path(module.__file__).name} was changed after '{path}' was imported from it; restart Python (or "
            "importlib.reload the module), then run the sweep again"
        )


def _codes_within(code):
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield constant
            yield from _codes_within(constant)
