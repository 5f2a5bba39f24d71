"""The audio tower: convolutions in time over a spectrogram."""

import torch
from torch import nn
from torch.nn import functional as F


class AudioTower(nn.Module):
    """Log spectrograms (B, bands, frames) → features (B, width)."""

    def __init__(self, n_bands=40, n_frames=40, channels=32, width=128):
        super().__init__()
        self.shape, self.width = (n_bands, n_frames), width
        self.conv1 = nn.Conv1d(n_bands, channels, 5, stride=2, padding=2)
        self.conv2 = nn.Conv1d(channels, channels, 5, stride=2, padding=2)
        self.features = nn.Linear(channels * -(-n_frames // 4), width)

    def forward(self, sound):
        if tuple(sound.shape[1:]) != self.shape:
            raise ValueError(
                f"sound has shape {tuple(sound.shape)}; (n, {self.shape[0]} bands, {self.shape[1]} frames) is wanted"
            )
        if not torch.isfinite(sound).all():
            raise ValueError("sound holds values that are not finite")
        x = F.silu(self.conv1((sound - 2.5) / 2.5))  # (B, C, T/2)
        x = F.silu(self.conv2(x)).flatten(1)  # (B, C·T/4)
        return F.silu(self.features(x))
