"""A U-Net over pictures that knows the time and nothing else."""

from neuromm.observers.ann.diffusion.blocks import Trunk


class SimpleUNet(Trunk):
    """Predicts ε (or x_0, or v) of a noised picture: (B, C, H, W) and timesteps (B,) → (B, C, H, W).

    One residual block per stage; most parameters are at the lowest resolution, where they cost least. Any
    size is taken; one that the levels do not divide is padded inside.

    Parameters
    ----------
    channels : int
        Of the picture.
    widths : tuple of int
        Channels of each level, finest first.
    attention : tuple of int
        Levels with self-attention, counted from 1.
    """

    def __init__(self, channels=1, widths=(48, 80, 112), attention=(3,)):
        super().__init__(channels, widths, attention=attention)
        self.config = {"channels": channels, "widths": list(widths), "attention": list(attention)}

    def forward(self, x, t):
        return self.run(x, t)
