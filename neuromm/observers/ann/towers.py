"""Two towers: frames and cochleagrams of one event are drawn together by a contrastive loss, others apart.

At the loss's optimum the scaled similarity of two embeddings is log p(a, v | paired)/(p(a) p(v)) up to a
constant (van den Oord, Li & Vinyals 2018, arXiv 1807.03748, eq. 4), which for congruent pairs is the
evidence for one cause.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

LARGEST_SCALE = 100.0  # of the inverse temperature (Radford et al. 2021, arXiv 2103.00020, §2.5)


def inverse_temperature(logit_scale):
    """e^θ, at most 100.

    θ itself is put back to ln 100 where an optimiser has moved it beyond, as Radford et al. (2021) do after each
    step. A limit on e^θ instead has no gradient there: θ would never come back.

    Parameters
    ----------
    logit_scale : nn.Parameter, shape ()
        θ; changed in place where it is above ln 100.

    Returns
    -------
    scale : tensor, shape ()
    """
    with torch.no_grad():
        logit_scale.clamp_(max=math.log(LARGEST_SCALE))
    scale = logit_scale.exp()
    beyond = (scale.detach() - LARGEST_SCALE).clamp(min=0.0)  # what float32 rounds e^(ln 100) up by
    return scale - beyond


class Normalise(nn.Module):
    """Divide a vector by its root mean square, and keep the logarithm of that as one more feature."""

    def forward(self, x):  # (B, D) → (B, D + 1)
        rms = (x.square().mean(1, keepdim=True) + 1e-4).sqrt()
        return torch.cat([x / rms, rms.log()], 1)


class VisualTower(nn.Module):
    """Frames (B, 1, H, W) in luminance → unit embedding (B, E)."""

    def __init__(self, height=16, width=96, channels=12, n_hidden=96, n_embedding=32, pixel_noise=0.25):
        super().__init__()
        self.pixel_noise = pixel_noise
        self.retina = nn.Conv2d(1, channels, (height, 9), stride=(1, 4), padding=(0, 4))
        self.normalise = Normalise()
        self.hidden1 = nn.Linear(channels * (width // 4) + 1, n_hidden)
        self.hidden2 = nn.Linear(n_hidden, n_hidden)
        self.embedding = nn.Linear(n_hidden, n_embedding)

    def forward(self, frames):
        return self.stages(frames)["visual_embedding"]

    def stages(self, frames):
        """Every layer of one pass, early to late; each (B, units)."""
        retina = F.silu(self.retina(frames / self.pixel_noise)).flatten(1)  # (B, C, 1, W/4) → (B, C·W/4)
        hidden1 = F.silu(self.hidden1(self.normalise(retina)))
        hidden2 = hidden1 + F.silu(self.hidden2(hidden1))
        return {
            "visual_retina": retina,
            "visual_hidden1": hidden1,
            "visual_hidden2": hidden2,
            "visual_embedding": F.normalize(self.embedding(hidden2), dim=1),
        }


class AuditoryTower(nn.Module):
    """Cochleagrams (B, 2, bands, frames) in ln energy → unit embedding (B, E)."""

    def __init__(self, n_bands=24, n_frames=6, n_hidden=96, n_embedding=32):
        super().__init__()
        n_inputs = 2 * n_bands * n_frames
        # Mean and difference of the ears, standardised; `standardise` sets the scale.
        self.register_buffer("centre", torch.zeros(n_inputs))
        self.register_buffer("spread", torch.ones(n_inputs))
        self.brainstem = nn.Linear(n_inputs, n_hidden)
        self.normalise = Normalise()
        self.hidden1 = nn.Linear(n_hidden + 1, n_hidden)
        self.hidden2 = nn.Linear(n_hidden, n_hidden)
        self.embedding = nn.Linear(n_hidden, n_embedding)

    def forward(self, cochleagram):
        return self.stages(cochleagram)["auditory_embedding"]

    @torch.no_grad()
    def standardise(self, cochleagrams):
        """Set centre and spread from these cochleagrams."""
        ears = self.ears(cochleagrams)
        self.centre.copy_(ears.mean(0))
        self.spread.copy_(ears.std(0) + 1e-3)

    def ears(self, cochleagram):
        """Mean and difference of the two ears, (B, 2, bands, frames) → (B, inputs)."""
        left, right = cochleagram[:, 0].flatten(1), cochleagram[:, 1].flatten(1)
        return torch.cat([(left + right) / 2, right - left], 1)

    def stages(self, cochleagram):
        """Every layer of one pass, early to late; each (B, units)."""
        brainstem = F.silu(self.brainstem((self.ears(cochleagram) - self.centre) / self.spread))
        hidden1 = F.silu(self.hidden1(self.normalise(brainstem)))
        hidden2 = hidden1 + F.silu(self.hidden2(hidden1))
        return {
            "auditory_brainstem": brainstem,
            "auditory_hidden1": hidden1,
            "auditory_hidden2": hidden2,
            "auditory_embedding": F.normalize(self.embedding(hidden2), dim=1),
        }


class Towers(nn.Module):
    """Both towers and the learnt inverse temperature."""

    def __init__(self, n_hidden=96, n_embedding=32, channels=12, logit_scale=60.0):
        super().__init__()
        self.visual = VisualTower(channels=channels, n_hidden=n_hidden, n_embedding=n_embedding)
        self.auditory = AuditoryTower(n_hidden=n_hidden, n_embedding=n_embedding)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(logit_scale)))

    def scale(self):
        """Inverse temperature, at most 100 (Radford et al. 2021, arXiv 2103.00020, §2.5)."""
        return inverse_temperature(self.logit_scale)

    def forward(self, cochleagram, frames):
        """Scaled similarity of every sound to every frame, (B, B)."""
        return self.scale() * self.auditory(cochleagram) @ self.visual(frames).T
