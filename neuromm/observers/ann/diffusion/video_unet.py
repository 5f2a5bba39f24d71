"""A U-Net over clips: space and time are attended in turn, and time begins as if it were not there."""

import torch
from torch import nn
from torch.nn import functional as F

from neuromm.observers.ann.diffusion.blocks import groups_of, join_heads, split_heads, zeroed
from neuromm.observers.ann.diffusion.conditional_unet import ConditionalUNet


class TemporalAttention(nn.Module):
    """Each place attends to itself at other frames, with a bias for how far apart they are; (B F, C, H, W) → same.

    The output projection is 0 at first: the layer is the identity, and the clip's frames are apart.
    """

    def __init__(self, channels, n_heads=4, reach=16):
        super().__init__()
        self.n_heads, self.reach = n_heads, reach
        self.norm = nn.GroupNorm(groups_of(channels), channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.bias = nn.Parameter(torch.zeros(n_heads, 2 * reach + 1))  # of each distance, clipped at `reach` frames
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x, context, n_frames):
        if n_frames == 1:
            return x
        folded, channels, height, width = x.shape
        n, places = folded // n_frames, height * width
        tokens = self.norm(x).reshape(n, n_frames, channels, places)  # (B, F, C, HW)
        tokens = tokens.permute(0, 3, 1, 2).reshape(n * places, n_frames, channels)  # (B HW, F, C)
        q, k, v = (split_heads(h, self.n_heads) for h in self.qkv(tokens).chunk(3, -1))
        frame = torch.arange(n_frames, device=x.device)
        apart = (frame[:, None] - frame).clamp(-self.reach, self.reach) + self.reach  # (F, F)
        attended = join_heads(F.scaled_dot_product_attention(q, k, v, self.bias[:, apart]))
        update = self.out(attended).reshape(n, places, n_frames, channels)
        return x + update.permute(0, 2, 3, 1).reshape(folded, channels, height, width)


class VideoUNet(ConditionalUNet):
    """Predicts ε (or x_0, or v) of a noised clip: x (B, C, F, H, W), t (B,), condition → like x.

    Factorised as Video Diffusion Models (Ho et al. 2022, arXiv 2204.03458): convolutions and spatial attention
    within a frame, temporal attention with relative position bias across frames. All frames have the clip's
    timestep. With temporal layers at their identity it is the `ConditionalUNet` of each frame, whose weights
    can be loaded into it. The condition is tokens of a text, or (`aligned`) of a sound with one token per frame: each
    frame is then told its own token with the embedding of time, as attention alone does not know which frame it is in.

    Parameters
    ----------
    As `ConditionalUNet`, and `aligned`.
    """

    def __init__(
        self, channels=1, widths=(16, 32, 64), width=32, attention=(3,), p_null=0.15, n_heads=4, aligned=False
    ):
        super().__init__(channels, widths, width, attention, p_null, n_heads)
        self.aligned = aligned
        self.config = self.config | {"aligned": aligned}

    def stage(self, n_in, n_out, attention, n_heads):
        stage = super().stage(n_in, n_out, attention, n_heads)
        stage.after.append(TemporalAttention(n_out, n_heads))
        return stage

    def load_image_model(self, network):
        """Begin from a trained `ConditionalUNet` of the same widths: each frame as that network sees it."""
        missing, unexpected = self.load_state_dict(network.state_dict(), strict=False)
        strange = [name for name in missing if ".after." not in name] + list(unexpected)
        if strange:
            raise ValueError(f"the image model does not fit: {', '.join(strange[:5])}")

    def forward(self, x, t, condition=None):
        if x.ndim != 5:
            raise ValueError(f"x has shape {tuple(x.shape)}; (batch, channels, frames, height, width) is wanted")
        n, channels, n_frames = x.shape[:3]
        length = n_frames if self.aligned else 1
        tokens, mask = self.null_condition(n, length) if condition is None else condition
        weight = mask[..., None].to(tokens.dtype)
        told = self.pooled((tokens * weight).sum(1) / weight.sum(1))
        if self.aligned:
            if tokens.shape[1] != n_frames:
                raise ValueError(
                    f"the condition has {tokens.shape[1]} tokens; one for each of {n_frames} frames is wanted"
                )
            told = (told[:, None] + self.pooled(tokens * weight)).flatten(0, 1)  # (B F, n_time)
        frames = x.transpose(1, 2).reshape(n * n_frames, channels, *x.shape[3:])  # (B F, C, H, W)
        out = self.run(frames, t, (tokens, mask), time=told, n_frames=n_frames)
        return out.reshape(n, n_frames, channels, *x.shape[3:]).transpose(1, 2)
