"""Names that are imported when they are first used (PEP 562), with a hint for a name that is not there."""

import importlib
import sys
from types import ModuleType


class _LazyPackage(ModuleType):
    """A package in which a function may have its module's name (`paradigms.ventriloquism`).

    Importing a submodule binds it in its package; here a public name stays what it was declared to be.
    """

    def __setattr__(self, name, value):
        if isinstance(value, ModuleType) and name in self.__dict__.get("_public_names", {}):
            return
        super().__setattr__(name, value)


def attach(package, *, submodules=(), names=None):
    """`__getattr__`, `__dir__` and `__all__` for a package whose names live in its modules.

    `names` maps each public name to the module, relative to the package, that holds it.
    """
    names = names or {}
    module = sys.modules[package]
    module._public_names = names
    module.__class__ = _LazyPackage

    def __getattr__(name):
        if name in names:
            return getattr(importlib.import_module(f"{package}.{names[name]}"), name)
        if name in submodules:
            return importlib.import_module(f"{package}.{name}")
        if name.startswith("__"):
            raise AttributeError(name)
        import difflib

        known = [*submodules, *names]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(sorted(known))}"
        raise AttributeError(f"{package} has no '{name}'; {hint}")

    public = sorted([*submodules, *names])
    return __getattr__, lambda: public, public
