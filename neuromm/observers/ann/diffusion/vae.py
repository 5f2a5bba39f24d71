"""A variational autoencoder: pictures to a small latent and back (as in Rombach et al. 2022)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from neuromm.observers.ann.diffusion.blocks import groups_of, zeroed
from neuromm.observers.ann.diffusion.noise import standard_normal
from neuromm.observers.ann.shapes import require_samples, require_shape


class VAE(nn.Module):
    """Encodes (B, C, H, W) to a Gaussian over latents (B, n_latent, H/4, W/4), and decodes latents.

    Diffusion happens in c·z with c = 1/sd(z), which `fit_scale` measures once: without it the schedule's
    signal-to-noise does not fit. Stable Diffusion's c is .18215. Inside, pictures are −1 … 1.

    Parameters
    ----------
    channels : int
    n_latent : int
    widths : (int, int)
        Channels at H/2 and at H/4.
    kl_weight : float
        Of the Kullback–Leibler term, per latent element, against the squared error per pixel.
    """

    def __init__(self, channels=3, n_latent=4, widths=(32, 64), kl_weight=1e-4):
        super().__init__()
        self.config = {"channels": channels, "n_latent": n_latent, "widths": list(widths), "kl_weight": kl_weight}
        self.channels, self.n_latent, self.kl_weight = channels, n_latent, kl_weight
        high, low = widths
        # half the size by folding pixels into channels: no convolution runs at full resolution
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, high, 3, padding=1), _Residual(high),
            nn.Conv2d(high, low, 2, stride=2), _Residual(low), _Residual(low),
            nn.GroupNorm(groups_of(low), low), nn.SiLU(), nn.Conv2d(low, 2 * n_latent, 1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Conv2d(n_latent, low, 3, padding=1),
            _Residual(low),
            _Residual(low),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(low, high, 3, padding=1),
            _Residual(high),
            _Residual(high),
            nn.GroupNorm(groups_of(high), high),
            nn.SiLU(),
            nn.Conv2d(high, 4 * channels, 3, padding=1),
            nn.PixelShuffle(2),
        )
        self.register_buffer("scale", torch.ones(()))
        self.to(memory_format=torch.channels_last)

    def encode(self, pictures):
        """Mean and log variance of the latents, (B, n_latent, H/4, W/4) each.

        Raises
        ------
        ValueError
            If the size is no multiple of 4.
        """
        if pictures.ndim != 4 or pictures.shape[1] != self.channels or pictures.shape[2] % 4 or pictures.shape[3] % 4:
            raise ValueError(
                f"pictures have shape {tuple(pictures.shape)}; (batch, {self.channels}, height, width) with multiples "
                f"of 4 is wanted: pad or resize them"
            )
        if not len(pictures):  # torch folds no empty batch
            height, width = (size // 4 for size in pictures.shape[2:])
            return pictures.new_zeros(2, 0, self.n_latent, height, width).unbind()
        mean, log_variance = self.encoder(pictures.contiguous(memory_format=torch.channels_last)).chunk(2, 1)
        return mean, log_variance.clamp(-30.0, 20.0)

    def decode(self, latents):
        """Pictures of latents z (not of c·z), (B, C, H, W)."""
        if not len(latents):
            height, width = (4 * size for size in latents.shape[2:])
            return latents.new_zeros(0, self.channels, height, width)
        return self.decoder(latents)

    def to_latent(self, pictures):
        """What is diffused: c times the mean, (B, n_latent, H/4, W/4)."""
        return self.scale * self.encode(pictures)[0]

    def to_pictures(self, latent):
        """Pictures of c·z."""
        return self.decode(latent / self.scale)

    def loss(self, pictures, generator=None):
        """Squared error of the reconstruction and the weighted KL term; tensors of shape ()."""
        require_samples("pictures", pictures)
        mean, log_variance = self.encode(pictures)
        noise = standard_normal(mean.shape, generator, dtype=mean.dtype, device=mean.device)
        error = (self.decode(mean + (0.5 * log_variance).exp() * noise) - pictures).square().mean()
        return error, self.kl_weight * kl_to_standard_normal(mean, log_variance).mean()

    @torch.no_grad()
    def fit_scale(self, pictures):
        """Set c = 1/sd(z) from a first batch of pictures; c is returned."""
        require_samples("pictures", pictures)
        self.scale.copy_(1.0 / self.encode(pictures)[0].std())
        return float(self.scale)


def kl_to_standard_normal(mean, log_variance):
    """½(μ² + σ² − 1 − ln σ²), nats per element."""
    require_shape("log_variance", log_variance, mean.shape, "mean")
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


class _Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = (nn.GroupNorm(groups_of(channels), channels) for _ in range(2))
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = zeroed(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x):
        return x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
