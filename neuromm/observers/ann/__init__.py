"""Artificial networks as psychophysical subjects (torch inside, numpy at the border)."""

from neuromm.core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, submodules=["contrastive", "diffusion"])
