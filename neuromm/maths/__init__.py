"""Mathematics that several mechanisms share: arrays in, arrays out; no trials, no tables."""

from neuromm.core.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=[
        "accumulation",
        "angles",
        "batched_optimise",
        "circular",
        "coincidence",
        "combination",
        "correlation_detector",
        "device",
        "encoding_disparity",
        "expectation",
        "first_passage",
        "fuzzy_logic",
        "gaussian",
        "grid_inference",
        "measurement_nodes",
        "motor_noise",
        "noise",
        "parameters",
        "partition_probability",
        "partitions",
        "plasticity",
        "recalibration",
        "report_probability",
        "ring",
        "rival_probability",
        "slice_sampler",
        "syllable_space",
        "unity_prior",
    ],
)
