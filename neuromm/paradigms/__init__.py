"""Designs that make trial tables: what is shown, how often, and what is asked."""

from neuromm.catalogue import PARADIGMS
from neuromm.core.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    names={name: path.partition(":")[0].removeprefix("neuromm.paradigms.") for name, path in PARADIGMS.items()},
)
