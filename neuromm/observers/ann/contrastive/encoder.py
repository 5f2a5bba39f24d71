"""Two towers, two projections, one space: an encoder of pairs of any two modalities."""

import math
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from neuromm.observers.ann.contrastive.losses import clip_loss, siglip_loss
from neuromm.observers.ann.towers import LARGEST_SCALE, inverse_temperature

START = {"clip": (math.log(1 / 0.07), 0.0), "siglip": (math.log(10.0), -10.0)}  # log scale, bias: as published


class MultimodalEncoder(nn.Module):
    """Projects the features of two towers onto unit vectors of one space.

    logits = e^θ u vᵀ (+ b for SigLIP), with rows of the first modality; θ and b are learnt, θ is at most ln 100.

    Parameters
    ----------
    first, second : nn.Module
        Towers: input → features (B, width), with an attribute `width`.
    n_embedding : int
        Dimensions of the joint space.
    loss : "clip" or "siglip"
    hard : float
        For "clip": how much more hard negatives count (0 = all alike).
    temperature : float, optional
        e^−θ at the start, .01 or more; as published by default (.07 for "clip", .1 for "siglip").
    learn_temperature : bool
        False keeps it where it starts.

    Raises
    ------
    ValueError
        If there is no such loss, `hard` is negative or set for "siglip", or the temperature is below .01.
    """

    def __init__(self, first, second, n_embedding=64, loss: Literal["clip", "siglip"] = "clip", hard=0.0,
                 temperature=None, learn_temperature=True):  # fmt: skip
        super().__init__()
        if loss not in START:
            raise ValueError(f"loss is '{loss}'; 'clip' or 'siglip' is wanted")
        if not hard >= 0 or (hard and loss == "siglip"):
            raise ValueError(f"hard is {hard} with loss '{loss}'; 0 or more is wanted, and 0 for 'siglip'")
        if temperature is not None and not 1 / LARGEST_SCALE <= temperature < math.inf:
            raise ValueError(f"temperature must be {1 / LARGEST_SCALE:g} or more, got {temperature}")
        self.first, self.second, self.kind, self.hard = first, second, loss, hard
        self.first_projection = nn.Linear(first.width, n_embedding, bias=False)
        self.second_projection = nn.Linear(second.width, n_embedding, bias=False)
        scale, bias = START[loss]
        scale = scale if temperature is None else -math.log(temperature)
        self.logit_scale = nn.Parameter(torch.tensor(scale), requires_grad=bool(learn_temperature))
        self.logit_bias = nn.Parameter(torch.tensor(bias), requires_grad=loss == "siglip")

    def scale(self):
        """Inverse temperature, at most 100."""
        return inverse_temperature(self.logit_scale)

    def encode_first(self, x):
        """Unit embeddings of the first modality, (B, n_embedding)."""
        return F.normalize(self.first_projection(self.first(x)), dim=1)

    def encode_second(self, y):
        """Unit embeddings of the second modality, (B, n_embedding)."""
        return F.normalize(self.second_projection(self.second(y)), dim=1)

    def forward(self, x, y):
        """Scaled similarities of every x to every y, (B, B')."""
        return self.scale() * self.encode_first(x) @ self.encode_second(y).T + self.logit_bias

    def loss(self, x, y, same=None):
        """The contrastive loss of paired batches; `same` (B, B) marks further true pairs, such as equal captions.

        Raises
        ------
        ValueError
            If the batches are of different length, or of one pair (whose loss is 0 whatever the weights are).
        """
        if len(x) != len(y):
            raise ValueError(f"{len(x)} items of the first modality and {len(y)} of the second; pairs are wanted")
        if len(x) < 2:
            raise ValueError(
                f"x and y must hold at least two pairs, got {len(x)}: the loss of one is 0 whatever the weights are"
            )
        logits = self(x, y)
        return clip_loss(logits, same, hard=self.hard) if self.kind == "clip" else siglip_loss(logits, same)


def duplicates(ids):
    """Which rows of tokens are equal, (B, B) bool: true pairs besides the diagonal."""
    return (ids[:, None] == ids[None]).all(-1)
