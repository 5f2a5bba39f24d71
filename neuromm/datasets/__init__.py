"""Tables of people in our columns: readers for public single-trial data (bring the file; none is shipped)."""

from neuromm._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, names={"read_mohl2020": "mohl2020"})
