"""What is computed from tables and recorded layers: tables and arrays in, tables out."""

from neuromm._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    names={
        "crossmodal_bias": "bias",
        "unity_rate": "bias",
        "cue_weights": "cue_weights",
        "unimodal_precision": "cue_weights",
        "response_agreement": "agreement",
        "computations": "computation",
        "fold_reliability": "computation",
        "RDM": "rdm",
        "rdm": "rdm",
        "rdms_per_fold": "rdm",
        "rdm_over_time": "rdm",
        "compare_rdms": "similarity",
        "cka": "similarity",
        "noise_ceiling": "similarity",
    },
)
