"""The event counter: convolutions in time over an eye's and an ear's trace, then counts."""

import torch
from torch import nn
from torch.nn import functional as F

from neuromm.stimuli.flashes import MOST, N_FRAMES


class CounterNet(nn.Module):
    """Retina (B, 80), cochlea (B, 80), presence (B, 2: auditory, visual) → logits of counts 0 … 4 and of one cause."""

    def __init__(self, channels=12, n_hidden=64):
        super().__init__()
        self.visual = nn.Conv1d(1, channels, 15, stride=2, padding=7)
        self.auditory = nn.Conv1d(1, channels, 5, stride=2, padding=2)
        self.fusion1 = nn.Linear(2 * channels * N_FRAMES // 2, n_hidden)
        self.fusion2 = nn.Linear(n_hidden, n_hidden)
        self.n_flashes = nn.Linear(n_hidden, MOST + 1)
        self.n_beeps = nn.Linear(n_hidden, MOST + 1)
        self.common = nn.Linear(n_hidden, 1)

    def forward(self, retina, cochlea, present):
        layers = self.stages(retina, cochlea, present)
        return layers["n_flashes"], layers["n_beeps"], layers["common"]

    def stages(self, retina, cochlea, present):
        """Every layer of one pass, early to late; each (B, units)."""
        visual = F.silu(self.visual(2.0 * retina[:, None])).flatten(1) * present[:, 1:]  # (B, C, 40) → (B, C·40)
        auditory = F.silu(self.auditory(cochlea[:, None])).flatten(1) * present[:, :1]
        fusion1 = F.silu(self.fusion1(torch.cat([auditory, visual], 1)))
        fusion2 = F.silu(self.fusion2(fusion1))
        return {
            "visual": visual, "auditory": auditory, "fusion1": fusion1, "fusion2": fusion2,
            "n_flashes": self.n_flashes(fusion2), "n_beeps": self.n_beeps(fusion2), "common": self.common(fusion2),
        }  # fmt: skip
