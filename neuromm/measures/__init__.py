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
        "rdm_over_time": "rdm",
        "rdms_per_fold": "rdm",
        "align": "rdm",
        "name_rdms": "rdm",
        "compare_rdms": "compare",
        "comparison_matrix": "compare",
        "noise_ceiling": "compare",
        "noise_ceilings": "compare",
        "NoiseCeiling": "compare",
        "cka": "similarity",
        "condition_patterns": "patterns",
        "shrink_covariance": "shrinkage",
        "ConditionsDiffer": "rsa_checks",
        "TooFewConditions": "rsa_checks",
        "ConstantPatterns": "rsa_checks",
        "NotFinite": "rsa_checks",
        "TooLarge": "rsa_checks",
    },
)
