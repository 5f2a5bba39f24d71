"""Whoever perceives: ideal observers, rate and spiking networks, artificial networks."""

from neuromm.catalogue import OBSERVERS
from neuromm.core.lazy import attach

_NAMES = {
    path.partition(":")[2]: path.partition(":")[0].removeprefix("neuromm.observers.") for path in OBSERVERS.values()
}
_PEOPLE = {  # populations: people drawn from stated distributions
    "draw_population": "bayes.magnotti2015",
    "draw_alpha_people": "bayes.flash_window",
    "draw_sts_people": "bayes.sts_people",
}
_WRITING = {name: "base" for name in ("Cue", "Labels", "Observer", "Percepts", "dataclass")}  # one's own observer
_RECORDING = {"Record": "protocol", "Percept": "protocol"}
__getattr__, __dir__, __all__ = attach(__name__, names={**_NAMES, **_PEOPLE, **_WRITING, **_RECORDING})
