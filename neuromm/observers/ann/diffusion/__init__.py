"""Diffusion denoisers: schedules and samplers, networks of pictures, clips and sounds, and denoisers as observers."""

from neuromm.core.lazy import attach

_NAMES = {
    "DiffusionSchedule": "schedule", "forward_diffusion": "schedule",
    "training_loss": "losses", "consistency_loss": "losses", "temporal_flicker": "losses", "EMA": "losses",
    "sample": "samplers", "Sampler": "samplers", "invert": "samplers", "Trajectory": "samplers",
    "sample_generators": "noise", "MixtureDenoiser": "exact", "TwoCauseDenoiser": "exact", "residual_loss": "exact",
    "Guided": "guidance", "guide": "guidance", "rescale": "guidance",
    "sample_posterior": "joint", "sample_by_replacement": "joint", "JointNet": "joint_net",
    "SimpleUNet": "simple_unet", "ConditionalUNet": "conditional_unet", "CrossAttentionBlock": "conditional_unet",
    "VideoUNet": "video_unet", "AudioUNet": "audio_unet", "VAE": "vae", "LatentDiffusion": "latent",
    "Tokenizer": "text", "TextEncoder": "text", "classify_captions": "classifier",
    "record_at_noise": "recording", "load_pretrained": "pretrained",
    "SoundToClip": "video", "SoundModel": "audio", "LogMel": "spectrogram", "train_pictures": "lab",
    "sample_pictures": "lab",
    "FlashBeepDenoiser": "flash_beep", "PlaceDenoiser": "places", "SyllableDenoiser": "classifier",
}  # fmt: skip
__getattr__, __dir__, __all__ = attach(__name__, names=_NAMES)
