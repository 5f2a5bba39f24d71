"""The denoiser of a pair of places: one noise level per modality, given to the network.

Forward process, variance preserving (Ho, Jain & Abbeel 2020, arXiv 2006.11239, eq. 4), for each modality m:
x_m = a_m s_m/c + b_m ε, a² + b² = 1, so that a sensory sd σ_m is c b_m/a_m; an absent modality has a = 0.
The network returns s/c and is trained with squared error: its optimum is the posterior mean given both
measurements. It has no path around its layers (the usual skip, a x − b v, hands the output each modality's own
posterior mean), so that what it answers is what its last hidden layer carries.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

ABSENT_LEVEL = 1.5  # noise level of an absent modality on the scale where the support is −1…1


def signal_and_noise(sigma, scale):
    """a and b of a sensory sd: a = c/√(c² + σ²), b = σ/√(c² + σ²); a = 0 and b = 1 where σ is infinite."""
    sigma = np.asarray(sigma, float)
    absent = np.isinf(sigma)
    norm = np.hypot(scale, np.where(absent, 0.0, sigma))
    return np.where(absent, 0.0, scale / norm), np.where(absent, 1.0, sigma / norm)


class Denoiser(nn.Module):
    """(x, σ) of two modalities → the clean pair; a perceptron whose hidden units are products, v · SiLU(g).

    Gated units (Shazeer 2020, arXiv 2002.05202) hold products of a place and of what a noise level makes of it, which
    is what weighting by reliability is; plain units (`gated=False`) are SiLU(g).
    """

    def __init__(self, n_hidden=48, n_layers=3, sigma_low=0.5, sigma_high=30.0, gated=True):
        super().__init__()
        self.low, self.high = math.log(sigma_low), math.log(sigma_high)
        self.n_layers, self.gated = n_layers, gated
        for k in range(1, n_layers + 1):
            setattr(self, f"hidden{k}", nn.Linear(8 if k == 1 else n_hidden, n_hidden * (2 if gated else 1)))
        self.out = nn.Linear(n_hidden, 2)

    def forward(self, x, sigma, a, b):
        """Denoised places in units of the data scale, (B, 2)."""
        return self.stages(x, sigma, a, b)["estimate"]

    def stages(self, x, sigma, a, b, edit=None):
        """Every layer of one pass, each (B, units); all arguments (B, 2).

        `edit` holds functions by layer that change its activity before it goes on: (B, units) → (B, units).
        """
        edit = edit or {}
        level = (2 * sigma.log() - self.low - self.high) / (self.high - self.low)
        level = torch.where(sigma.isinf(), torch.full_like(level, ABSENT_LEVEL), level)
        layers = {"input": torch.cat([x, level, a, b], 1)}  # (B, 8)
        hidden = layers["input"]
        for k in range(1, self.n_layers + 1):
            hidden = self._activate(getattr(self, f"hidden{k}")(hidden))
            if f"hidden{k}" in edit:
                hidden = edit[f"hidden{k}"](hidden)
            layers[f"hidden{k}"] = hidden
        layers["estimate"] = self.out(hidden)
        return layers

    def _activate(self, sums):
        if not self.gated:
            return F.silu(sums)
        value, gate = sums.chunk(2, 1)
        return value * F.silu(gate)
