"""What the U-Nets are built of: time embedding, residual blocks, attention, and the trunk that puts them together.

The trunk has as many ups as downs. Its stages are called enc1 … encN, mid, decN … dec1, the names under which
they are recorded. Last convolutions are 0 at first, so that an untrained network predicts 0 and scores 1.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

CONV = {1: nn.Conv1d, 2: nn.Conv2d}
POOL = {1: F.avg_pool1d, 2: F.avg_pool2d}


def embed_time(t, width):
    """Sines and cosines of timesteps (Vaswani et al. 2017; Ho et al. 2020): (B,) → (B, width).

    Frequencies 10000^(−2i/width), i = 0 … width/2 − 1; sines first.
    """
    frequency = torch.exp(-math.log(10_000.0) * torch.arange(width // 2, device=t.device) / (width // 2))
    angle = t.float()[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], 1)


def groups_of(channels, most=8):
    """The largest number of groups, at most `most`, that divides the channels."""
    return next(g for g in range(min(most, channels), 0, -1) if channels % g == 0)


def zeroed(module):
    """The module with parameters 0: what it adds to begins as it was."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class ResBlock(nn.Module):
    """Norm, SiLU, convolution, twice; time enters as scale and shift of the second norm; (B, C, …) → (B, C', …)."""

    def __init__(self, n_in, n_out, n_time, dims=2):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups_of(n_in), n_in)
        self.conv1 = CONV[dims](n_in, n_out, 3, padding=1)
        self.time = nn.Linear(n_time, 2 * n_out)
        self.norm2 = nn.GroupNorm(groups_of(n_out), n_out)
        self.conv2 = zeroed(CONV[dims](n_out, n_out, 3, padding=1))
        self.skip = CONV[dims](n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.time(time)[(..., *[None] * (x.ndim - 2))].chunk(2, 1)  # (B, C', 1, …) each
        h = self.norm2(h) * (1 + scale) + shift
        return self.skip(x) + self.conv2(F.silu(h))


class SelfAttention(nn.Module):
    """Every place attends to every place; (B, C, …) → same."""

    def __init__(self, channels, n_heads=4):
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.GroupNorm(groups_of(channels), channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x, context=None, n_frames=1):
        tokens = self.norm(x).flatten(2).transpose(1, 2)  # (B, places, C)
        q, k, v = (split_heads(h, self.n_heads) for h in self.qkv(tokens).chunk(3, -1))
        attended = join_heads(F.scaled_dot_product_attention(q, k, v))
        return x + self.out(attended).transpose(1, 2).reshape(x.shape)


def split_heads(tokens, n_heads):
    """(B, L, C) → (B, heads, L, C/heads)."""
    return tokens.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def join_heads(heads):
    """(B, heads, L, C/heads) → (B, L, C)."""
    return heads.transpose(1, 2).flatten(2)


class Stage(nn.Module):
    """A residual block and what follows it (attention of one kind or another)."""

    def __init__(self, n_in, n_out, n_time, dims, after):
        super().__init__()
        self.block = ResBlock(n_in, n_out, n_time, dims)
        self.after = nn.ModuleList(after)

    def forward(self, x, time, context, n_frames):
        x = self.block(x, time)
        for layer in self.after:
            x = layer(x, context, n_frames)
        return x


class Trunk(nn.Module):
    """A U-Net over (B, C, …) of 1 or 2 dimensions; each level halves the size; skips are concatenated.

    A size that the levels do not divide is padded at its far ends by repeating the edge, and cropped again.
    """

    def __init__(self, channels, widths, *, dims=2, attention=(), n_heads=4):
        super().__init__()
        if not widths or any(w < 1 for w in widths):
            raise ValueError(f"widths are {widths}; channels of at least one level are wanted")
        self.channels, self.widths, self.dims = channels, tuple(widths), dims
        self.n_time = 4 * widths[0]
        self.time = nn.Sequential(
            nn.Linear(widths[0] * 2, self.n_time), nn.SiLU(), nn.Linear(self.n_time, self.n_time), nn.SiLU()
        )
        self.stem = CONV[dims](channels, widths[0], 3, padding=1)
        before = widths[0]
        for k, width in enumerate(widths, 1):
            setattr(self, f"enc{k}", self.stage(before, width, k in attention, n_heads))
            before = width
        self.mid = self.stage(before, before, bool(attention), n_heads)
        for k in range(len(widths), 0, -1):
            setattr(self, f"dec{k}", self.stage(before + widths[k - 1], widths[k - 1], k in attention, n_heads))
            before = widths[k - 1]
        self.norm = nn.GroupNorm(groups_of(before), before)
        self.out = zeroed(CONV[dims](before, channels, 3, padding=1))
        if dims == 2:
            self.to(memory_format=torch.channels_last)

    def stage(self, n_in, n_out, attention, n_heads):
        """One stage; networks with more kinds of attention add them here."""
        after = [SelfAttention(n_out, n_heads)] if attention else []
        return Stage(n_in, n_out, self.n_time, self.dims, after)

    @property
    def layers(self):
        """Names of the stages, early to late."""
        n = len(self.widths)
        return (*[f"enc{k}" for k in range(1, n + 1)], "mid", *[f"dec{k}" for k in range(n, 0, -1)])

    def run(self, x, t, context=None, *, time=None, n_frames=1):
        """(B, C, …) and (B,) → (B, C, …); `time` adds to the embedding of t, (B, n_time), or per frame."""
        if x.ndim != self.dims + 2 or x.shape[1] != self.channels:
            raise ValueError(f"x has shape {tuple(x.shape)}; (batch, {self.channels}{', size' * self.dims}) is wanted")
        embedding = self.time(embed_time(t, self.widths[0] * 2).to(x.dtype))
        if n_frames > 1:
            embedding = embedding.repeat_interleave(n_frames, 0)
        if time is not None:
            embedding = embedding + (time if len(time) == len(embedding) else time.repeat_interleave(n_frames, 0))
        size = x.shape[2:]
        h = pad_to(x, 2 ** (len(self.widths) - 1))
        h = self.stem(h.contiguous(memory_format=torch.channels_last) if self.dims == 2 else h)
        skips = []
        for k in range(1, len(self.widths) + 1):
            h = getattr(self, f"enc{k}")(POOL[self.dims](h, 2) if k > 1 else h, embedding, context, n_frames)
            skips.append(h)
        h = self.mid(h, embedding, context, n_frames)
        for k in range(len(self.widths), 0, -1):
            h = getattr(self, f"dec{k}")(torch.cat([h, skips.pop()], 1), embedding, context, n_frames)
            if k > 1:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
        h = self.out(F.silu(self.norm(h)))
        return h[(..., *[slice(n) for n in size])]


def pad_to(x, multiple):
    """x with its last sizes raised to multiples by repeating the edge."""
    short = [-n % multiple for n in x.shape[2:]]
    if not any(short):
        return x
    return F.pad(x, [p for n in reversed(short) for p in (0, n)], mode="replicate")
