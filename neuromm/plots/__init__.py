"""Figures: tables in, axes out. Nothing here computes what a measure could give, shows or saves by itself."""

from neuromm._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    names={
        "style": "style",
        "save_figure": "style",
        "bias_by_disparity": "behaviour",
        "unity_by_disparity": "behaviour",
        "weights_against_prediction": "behaviour",
        "rdm_panel": "representation",
        "rdm_panels": "representation",
        "similarity_map": "representation",
        "bars_with_ceiling": "representation",
        "mds_map": "representation",
        "bias_panels": "flagship",
        "computation_triangle": "flagship",
        "alike": "flagship",
        "one_trial": "flagship",
    },
)
