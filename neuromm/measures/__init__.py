"""What is computed from tables and recorded layers: tables and arrays in, tables out."""

from neuromm._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    names={
        "crossmodal_bias": "bias",
        "unity_rate": "bias",
        "cue_weights": "cue_weights",
    },
)
