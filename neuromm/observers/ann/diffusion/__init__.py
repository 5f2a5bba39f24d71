"""Diffusion denoisers: schedules and samplers, networks of pictures, clips and sounds, and denoisers as observers."""

from neuromm._lazy import attach

_NAMES = {
    "DiffusionSchedule": "schedule", "forward_diffusion": "schedule",
    "training_loss": "losses", "consistency_loss": "losses", "temporal_flicker": "losses", "EMA": "losses",
    "sample": "samplers", "denoise": "samplers", "invert": "samplers", "Trajectory": "samplers",
    "sample_generators": "noise", "MixtureDenoiser": "exact", "residual_loss": "exact",
    "Guided": "guidance", "guide": "guidance", "rescale": "guidance",
}  # fmt: skip
__getattr__, __dir__, __all__ = attach(__name__, names=_NAMES)
