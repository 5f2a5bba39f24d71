"""A U-Net over pictures or latents that listens to text, or to an embedding, by cross-attention."""

import torch
from torch import nn
from torch.nn import functional as F

from neuromm.observers.ann.diffusion.blocks import (
    SelfAttention,
    Stage,
    Trunk,
    groups_of,
    join_heads,
    split_heads,
    zeroed,
)


class CrossAttentionBlock(nn.Module):
    """Places of a picture attend to tokens: softmax(q kᵀ/√d) v, added to the picture (Rombach et al. 2022).

    Parameters
    ----------
    channels : int
        Of the picture; gives the queries.
    width : int
        Of the tokens; give keys and values.
    n_heads : int
        Divides `channels`.
    """

    def __init__(self, channels, width, n_heads=4):
        super().__init__()
        if channels % n_heads:
            raise ValueError(f"{channels} channels do not divide into {n_heads} heads")
        self.n_heads = n_heads
        self.norm = nn.GroupNorm(groups_of(channels), channels)
        self.queries = nn.Linear(channels, channels, bias=False)
        self.keys_values = nn.Linear(width, 2 * channels, bias=False)
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x, tokens, mask=None):
        """x (B, C, H, W), tokens (B, L, width), mask (B, L) True where there is a token → (B, C, H, W)."""
        places = self.norm(x).flatten(2).transpose(1, 2)  # (B, HW, C)
        q = split_heads(self.queries(places), self.n_heads)
        k, v = (split_heads(h, self.n_heads) for h in self.keys_values(tokens).chunk(2, -1))
        attended = F.scaled_dot_product_attention(q, k, v, None if mask is None else mask[:, None, None, :])
        return x + self.out(join_heads(attended)).transpose(1, 2).reshape(x.shape)


class _Listen(nn.Module):
    """Cross-attention as a layer of a stage; each frame of a clip listens to the same tokens."""

    def __init__(self, channels, width, n_heads):
        super().__init__()
        self.attention = CrossAttentionBlock(channels, width, n_heads)

    def forward(self, x, context, n_frames):
        tokens, mask = context
        if n_frames > 1:
            tokens, mask = (h.repeat_interleave(n_frames, 0) for h in (tokens, mask))
        return self.attention(x, tokens, mask)


class ConditionalUNet(Trunk):
    """Predicts ε (or x_0, or v) given tokens: x (B, C, H, W), t (B,), (tokens (B, L, width), mask (B, L)) → like x.

    Tokens are a text's hidden states, or one token that is a joint embedding of a contrastive network (as in
    DALL-E 2; Ramesh et al. 2022, arXiv 2204.06125). Their mean also joins the embedding of time. The null
    condition, which guidance compares with, is a learnt token.

    Parameters
    ----------
    channels : int
    widths : tuple of int
        Channels of each level, finest first.
    width : int
        Of a token.
    attention : tuple of int
        Levels with self- and cross-attention, counted from 1; the middle always has both.
    p_null : float
        How often the condition is replaced by the null in training; at 0 the null is never learnt.
    """

    def __init__(self, channels=4, widths=(64, 96), width=64, attention=(1, 2), p_null=0.15, n_heads=4):
        self.width, self.p_null = width, p_null
        super().__init__(channels, widths, attention=attention, n_heads=n_heads)
        self.null = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.pooled = nn.Linear(width, self.n_time)
        self.config = {
            "channels": channels, "widths": list(widths), "width": width, "attention": list(attention),
            "p_null": p_null, "n_heads": n_heads,
        }  # fmt: skip

    def stage(self, n_in, n_out, attention, n_heads):
        after = [SelfAttention(n_out, n_heads), _Listen(n_out, self.width, n_heads)] if attention else []
        return Stage(n_in, n_out, self.n_time, self.dims, after)

    @property
    def null_is_trained(self):
        """Whether guidance has something to compare with."""
        return self.p_null > 0

    def null_condition(self, n, length=1):
        """The learnt null for `n` samples: tokens (n, length, width) and mask (n, length), the first token alone."""
        tokens = F.pad(self.null, (0, 0, 0, length - 1)).expand(n, -1, -1)
        mask = torch.zeros(n, length, dtype=torch.bool, device=tokens.device)
        mask[:, 0] = True
        return tokens, mask

    def forward(self, x, t, condition=None):
        tokens, mask = self.null_condition(len(x)) if condition is None else condition
        weight = mask[..., None].to(tokens.dtype)
        mean = (tokens * weight).sum(1) / weight.sum(1)
        return self.run(x, t, (tokens, mask), time=self.pooled(mean))
