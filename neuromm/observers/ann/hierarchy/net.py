"""V1 → V2/V4 → IT → association: a visual hierarchy that begins with Gabors and meets the ear at its end."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from neuromm.stimuli.frames import Frames

FRAMES = Frames()
WAVELENGTH = 5.0  # pixels


def gabors(size=7, width=2.2):
    """Even and odd Gabors of norm 1, (8, 1, size, size): simple cells (Daugman 1985, JOSA A 2:1160)."""
    at = torch.arange(size) - (size - 1) / 2
    y, x = torch.meshgrid(at, at, indexing="ij")
    found = []
    for k in range(4):  # orientations
        angle = math.pi * k / 4
        along = x * math.cos(angle) + y * math.sin(angle)
        envelope = torch.exp(-(x**2 + y**2) / (2 * width**2))
        for phase in (0.0, math.pi / 2):
            cell = envelope * torch.cos(2 * math.pi * along / WAVELENGTH - phase)
            found.append(cell / cell.norm())
    return torch.stack(found)[:, None]


class HierarchyNet(nn.Module):
    """Frames (B, 1, 16, 96) over pixel noise, band levels (B, 48), presence (B, 2) → places (B, 2), log odds (B, 1)."""

    def __init__(self, n_it=48, n_association=64, n_auditory=48):
        super().__init__()
        cells = gabors()
        self.v1 = nn.Conv2d(1, len(cells) + 2, 7, stride=2, padding=3)  # and two that begin as plain sums
        with torch.no_grad():
            self.v1.weight[: len(cells)] = cells
            self.v1.weight[len(cells) :] = 1 / 7
            self.v1.bias.zero_()
        self.v4 = nn.Conv2d(len(cells) + 2, 16, 3, stride=2, padding=1)
        self.it = nn.Linear(16 * (FRAMES.height // 4) * (FRAMES.width // 4), n_it)
        self.register_buffer("centre", torch.zeros(n_auditory))
        self.register_buffer("spread", torch.ones(n_auditory))
        self.auditory = nn.Linear(n_auditory, n_it)
        self.auditory2 = nn.Linear(n_it, n_it)
        self.association1 = nn.Linear(2 * n_it, n_association)
        self.association2 = nn.Linear(n_association, n_association)
        self.places = nn.Linear(n_association, 2)  # auditory, visual; in units of the prior's sd
        self.common = nn.Linear(n_association, 1)

    def forward(self, frames, levels, present, mask=None):
        layers = self.stages(frames, levels, present, mask)
        return layers["places"], layers["common"]

    def stages(self, frames, levels, present, mask=None):
        """Every layer of one pass, early to late, each (B, units); `mask` is 0 for silenced association units."""
        v1 = F.relu(self.v1(frames))  # (B, 10, 8, 48)
        v4 = F.silu(self.v4(v1)).flatten(1)  # (B, 16, 4, 24) → (B, 1536)
        it = F.silu(self.it(v4)) * present[:, 1:]
        auditory = F.silu(self.auditory((levels - self.centre) / self.spread))
        auditory2 = F.silu(self.auditory2(auditory)) * present[:, :1]
        association1 = F.silu(self.association1(torch.cat([auditory2, it], 1)))
        association2 = F.silu(self.association2(association1))
        if mask is not None:
            association2 = association2 * mask
        return {
            "v1": v1.flatten(1), "v4": v4, "it": it, "auditory": auditory, "auditory2": auditory2,
            "association1": association1, "association2": association2,
            "places": self.places(association2), "common": self.common(association2),
        }  # fmt: skip


def draw_frames(azimuth, sigma, noisy, rng):
    """Frames of events over pixel noise, (n, 1, H, W) float32; noise where `noisy`."""
    frames = FRAMES.draw(azimuth, sigma) / FRAMES.pixel_noise
    shape = (int(noisy.sum()), FRAMES.height, FRAMES.width)
    frames[noisy] += rng.standard_normal(shape, dtype=frames.dtype)
    return frames[:, None].astype("float32")
