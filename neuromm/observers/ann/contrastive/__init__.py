"""Contrastive learning: towers into one space, losses, and what real CLIP and CLAP weights plug into."""

from neuromm.core.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    names={
        "MultimodalEncoder": "encoder",
        "ImageTower": "image_tower",
        "AudioTower": "audio_tower",
        "TextTower": "text_tower",
        "clip_loss": "losses",
        "siglip_loss": "losses",
        "load_clip": "pretrained",
        "load_clap": "pretrained",
    },
)
