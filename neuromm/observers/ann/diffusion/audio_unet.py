"""A U-Net over sounds: waveforms, or log-mel spectrograms."""

from typing import Literal

import torch
from torch import nn

from neuromm.observers.ann.diffusion.blocks import Trunk


class AudioUNet(Trunk):
    """Predicts ε (or x_0, or v) of a noised sound.

    `kind` *wave* takes (B, C, samples), *mel* takes (B, C, bands, frames); both with timesteps (B,), and both
    may be told a class (B,) int64, such as which syllable. The last class is the null that guidance compares with.

    Parameters
    ----------
    kind : str
    channels : int
        Ears.
    widths : tuple of int
        Channels of each level, finest first.
    attention : tuple of int
        Levels with self-attention, counted from 1.
    n_classes : int
        0 = unconditional.
    p_null : float
        How often training replaces the class by the null.
    """

    def __init__(
        self,
        kind: Literal["wave", "mel"] = "mel",
        channels=1,
        widths=(24, 48, 96),
        attention=(3,),
        n_classes=0,
        p_null=0.1,
    ):
        if kind not in ("wave", "mel"):
            raise ValueError(f"kind is '{kind}'; 'wave' or 'mel' is wanted")
        super().__init__(channels, widths, dims=1 if kind == "wave" else 2, attention=attention)
        self.n_classes, self.p_null = n_classes, p_null
        self.label = nn.Embedding(n_classes + 1, self.n_time) if n_classes else None
        self.config = {
            "kind": kind, "channels": channels, "widths": list(widths), "attention": list(attention),
            "n_classes": n_classes, "p_null": p_null,
        }  # fmt: skip

    @property
    def null_is_trained(self):
        """Whether guidance has something to compare with."""
        return self.n_classes > 0 and self.p_null > 0

    def null_condition(self, n):
        """The null class for `n` samples, (n,)."""
        return torch.full((n,), self.n_classes, dtype=torch.int64, device=self.out.weight.device)

    def forward(self, x, t, label=None):
        if self.label is None:
            if label is not None:
                raise ValueError("this AudioUNet was built without classes; n_classes gives it some")
            return self.run(x, t)
        label = self.null_condition(len(x)) if label is None else label
        return self.run(x, t, time=self.label(label))
