"""What every network refuses in pictures and arrays: values that are not numbers, and pixels in 0 … 255."""

import torch

MOST = 50.0  # clean data of a denoiser: pixels reach 1, latents and band levels a few units; 255 is a scale forgotten


def check_unit(pictures):
    """Refuse pictures that are not about 0 … 1 (half a unit beyond is let pass, for noise).

    Parameters
    ----------
    pictures : tensor, shape (n, ...)

    Raises
    ------
    ValueError
        If a pixel is NaN or infinite, naming the picture, or outside −0.5 … 1.5.
    """
    check_finite(pictures, "picture", "pixels")
    low, high = (float(x) for x in pictures.aminmax()) if pictures.numel() else (0.0, 1.0)
    if high > 1.5 or low < -0.5:
        hint = "; divide by 255" if high > 2 and low >= 0 else ""
        raise ValueError(f"pictures run from {low:.3g} to {high:.3g}; 0 to 1 is wanted{hint}")


def check_clean(data):
    """Refuse clean data of a denoiser (n, ...) with NaN, or larger than anything a network here was trained on."""
    check_finite(data, "input", "values")
    most = float(data.abs().max()) if data.numel() else 0.0
    if most > MOST:
        raise ValueError(f"inputs reach {most:.3g}; pixels are wanted in −1 … 1: divide 0 … 255 by 127.5, less 1")


def check_finite(data, one, values):
    """Refuse NaN and infinity, naming the first row."""
    if not torch.isfinite(data).all():
        row = int((~torch.isfinite(data)).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"{one} {row} holds NaN or infinite {values}")
