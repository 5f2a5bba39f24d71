"""Whoever perceives: ideal observers, rate and spiking networks, artificial networks."""

from neuromm._lazy import attach
from neuromm.catalogue import OBSERVERS

_NAMES = {
    path.partition(":")[2]: path.partition(":")[0].removeprefix("neuromm.observers.") for path in OBSERVERS.values()
}
__getattr__, __dir__, __all__ = attach(__name__, names={**_NAMES, "Record": "protocol", "Percept": "protocol"})
