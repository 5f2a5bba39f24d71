"""The image tower: three convolutions of growing width over pictures."""

from torch import nn
from torch.nn import functional as F

from neuromm.observers.ann.inputs import check_unit


class ImageTower(nn.Module):
    """Pictures (B, 3, H, W) in 0 … 1 → features (B, width).

    Convolutions keep place in their channels' maps; the last stage is flattened, because where a thing is belongs to
    what captions say. They see (pictures − `centre`)/`spread`: with the ground at 0 and the noise at 1, faint pictures
    are learnt from in a fifth of the steps.
    """

    def __init__(self, n_pixels=32, channels=(16, 32, 32), width=128, centre=0.5, spread=0.5):
        super().__init__()
        if n_pixels % 8:
            raise ValueError(f"n_pixels is {n_pixels}; a multiple of 8 is wanted, for three halvings")
        self.n_pixels, self.width, self.centre, self.spread = n_pixels, width, centre, spread
        self.conv1 = nn.Conv2d(3, channels[0], 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(channels[1], channels[2], 3, stride=2, padding=1)
        self.features = nn.Linear(channels[2] * (n_pixels // 8) ** 2, width)

    def forward(self, pictures):
        return self.stages(pictures)["features"]

    def stages(self, pictures):
        """Every layer of one pass, early to late, each (B, units)."""
        check_pictures(pictures, self.n_pixels)
        conv1 = F.silu(self.conv1((pictures - self.centre) / self.spread))  # (B, c1, H/2, W/2)
        conv2 = F.silu(self.conv2(conv1))  # (B, c2, H/4, W/4)
        conv3 = F.silu(self.conv3(conv2)).flatten(1)  # (B, c3·H/8·W/8)
        features = F.silu(self.features(conv3))
        return {"conv1": conv1.flatten(1), "conv2": conv2.flatten(1), "conv3": conv3, "features": features}


def check_pictures(pictures, n_pixels):
    """Refuse pictures of another size, in 0 … 255, or with values that are not numbers.

    Raises
    ------
    ValueError
        Saying what came.
    """
    if pictures.ndim != 4 or tuple(pictures.shape[1:]) != (3, n_pixels, n_pixels):
        raise ValueError(f"pictures have shape {tuple(pictures.shape)}; (n, 3, {n_pixels}, {n_pixels}) is wanted")
    check_unit(pictures)
