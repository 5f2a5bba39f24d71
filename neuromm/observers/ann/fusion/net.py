"""The fusion network: two streams, a fusion layer, both causes and whether they are one.

The first stage of each stream is fixed. The eye sums rows of pixels with three vertical bells, and columns by
twos; the ear averages band energies over the sound. Both are linear in the frame or in energy, so that the
noise they pass on is known exactly and scenes can be drawn after them.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from neuromm.observers.protocol import units_of
from neuromm.stimuli.frames import Frames

BELLS = (2.0, 6.0, 15.0)  # deg, vertical sd of the eye's receptive fields
FRAMES = Frames()


class FusionNet(nn.Module):
    """Strips (B, 144), band levels (B, 48), presence (B, 2: auditory, visual) → places (B, 2) and log odds (B, 1)."""

    def __init__(self, n_hidden=64, n_fusion=96, n_visual=144, n_auditory=48):
        super().__init__()
        self.visual = nn.Linear(n_visual, n_hidden)
        self.register_buffer("centre", torch.zeros(n_auditory))
        self.register_buffer("spread", torch.ones(n_auditory))
        self.auditory = nn.Linear(n_auditory, n_hidden)
        self.visual2 = nn.Linear(n_hidden, n_hidden)
        self.auditory2 = nn.Linear(n_hidden, n_hidden)
        self.fusion1 = nn.Linear(2 * n_hidden, n_fusion)
        self.fusion2 = nn.Linear(n_fusion, n_fusion)
        self.places = nn.Linear(n_fusion, 2)  # auditory, visual; in units of the prior's sd
        self.common = nn.Linear(n_fusion, 1)

    def forward(self, strips, levels, present, mask=None):
        layers = self.stages(strips, levels, present, mask)
        return layers["places"], layers["common"]

    def stages(self, strips, levels, present, mask=None, edit=None):
        """Every layer of one pass, each (B, units); `mask` (n_fusion,) is 0 for silenced fusion units.

        `edit` maps fusion layers to what becomes of their activity on its way.
        """
        edit = edit or {}
        visual = F.silu(self.visual(strips)) * present[:, 1:]
        auditory = F.silu(self.auditory((levels - self.centre) / self.spread)) * present[:, :1]
        visual2 = F.silu(self.visual2(visual)) * present[:, 1:]
        auditory2 = F.silu(self.auditory2(auditory)) * present[:, :1]
        fusion1 = F.silu(self.fusion1(torch.cat([auditory2, visual2], 1)))
        fusion1 = edit.get("fusion1", _same)(fusion1)
        fusion2 = edit.get("fusion2", _same)(F.silu(self.fusion2(fusion1)))
        if mask is not None:
            fusion2 = fusion2 * mask
        return {
            "visual": visual, "auditory": auditory, "visual2": visual2, "auditory2": auditory2,
            "fusion1": fusion1, "fusion2": fusion2, "places": self.places(fusion2), "common": self.common(fusion2),
        }  # fmt: skip


def _same(activity):
    return activity


def bells():
    """Weights of rows of pixels, (3, height), each of norm 1: what a bell sums keeps the pixels' noise."""
    rows = np.exp(-0.5 * (FRAMES.rows() / np.array(BELLS)[:, None]) ** 2)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def strips_of(frames):
    """What the eye keeps of frames (n, 1, H, W): (n, 3·W/2), in units of pixel noise."""
    strips = np.einsum("kh,nhw->nkw", bells(), np.asarray(frames, float)[:, 0]) / FRAMES.pixel_noise
    return units_of(by_twos(strips)).astype(np.float32)


def draw_strips(azimuth, sigma, noisy, rng):
    """The same, drawn without the frames: events at `azimuth` (deg) that signal `sigma` (deg), noise where `noisy`."""
    blur, contrast = FRAMES.blur(sigma), FRAMES.contrast(sigma) / FRAMES.pixel_noise
    across = np.exp(-0.5 * ((FRAMES.columns() - azimuth[:, None]) / blur[:, None]) ** 2)
    down = np.exp(-0.5 * (FRAMES.rows() / blur[:, None]) ** 2) * contrast[:, None]
    weights = bells()
    strips = (down @ weights.T)[:, :, None] * by_twos(across)[:, None]
    mix = np.linalg.cholesky(weights @ weights.T).astype(np.float32)  # bells overlap: their noise is correlated
    noise = mix @ rng.standard_normal((int(noisy.sum()), 3, strips.shape[2]), dtype=np.float32)
    strips[noisy] += noise
    return units_of(strips).astype(np.float32)


def by_twos(columns):
    """Neighbouring columns summed over √2: white noise stays as it is."""
    return (columns[..., ::2] + columns[..., 1::2]) / np.sqrt(2)


def levels_of(cochleagram):
    """What the ear keeps of cochleagrams (n, 2, bands, frames): log mean energy; mean and difference of the ears."""
    energy = np.log1p(np.expm1(np.asarray(cochleagram, float)).mean(-1))  # (n, 2, bands)
    left, right = energy[:, 0], energy[:, 1]
    return np.concatenate([(left + right) / 2, right - left], 1).astype(np.float32)
