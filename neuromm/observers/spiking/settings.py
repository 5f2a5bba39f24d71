"""brian2's device and preferences are global: our networks run on their own, and leave the user's as they were."""

from __future__ import annotations

import contextlib

# Preferences that decide numbers. Compiler, caches and logging stay as the user has them.
OURS = (
    "core.",
    "legacy.",
    "codegen.target",
    "codegen.string_expression_target",
    "codegen.loop_invariant_optimisations",
)


@contextlib.contextmanager
def own_settings(target: str):
    """Run on brian2's runtime device with its default preferences; the user's come back afterwards, also on errors.

    Objects must be made within the scope too: a group belongs to the device that was active when it was made.

    Parameters
    ----------
    target : "numpy" or "cython"
        Code generation target.
    """
    import brian2
    from brian2.devices.device import get_device, reset_device, runtime_device, set_device

    before = {name: value for name, value in brian2.prefs.items() if name.startswith(OURS)}
    elsewhere = get_device() is not runtime_device
    if elsewhere:
        set_device("runtime")
    try:
        use_defaults(brian2.prefs, before)
        brian2.prefs.codegen.target = target
        yield
    finally:
        for name, value in before.items():
            brian2.prefs[name] = value
        if elsewhere:
            reset_device()  # to the user's, with its build options


def use_defaults(prefs, names):
    """Set preferences to what brian2 starts with, whatever a script or a preference file made of them."""
    for name in names:
        category, _, end = name.rpartition(".")
        definitions, _ = prefs.pref_register[category]
        prefs[name] = definitions[end].default


def require_brian2():
    """The brian2 module, or an error that says how to get it."""
    try:
        import brian2
    except ImportError as error:
        raise ImportError(
            f"spiking observers need brian2 ({error}): pip install 'brian2>=2.8'; on Python 3.11 with 'numpy<2.4'"
        ) from error
    return brian2
