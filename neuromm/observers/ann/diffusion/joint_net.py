"""A small joint denoiser: several modalities in, each at its own noise level, and their posterior means out."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from neuromm.observers.ann.shapes import require_samples, require_shape

FAR = 10.0  # log signal-to-noise at which a modality counts as clean; −FAR as absent


class JointNet(nn.Module):
    """x (dict of (B, size)), ᾱ (dict of (B,)) → x̂_0 of the `targets` (dict of (B, size)).

    A residual multilayer perceptron. It is told each modality's ᾱ (as log signal-to-noise and √ᾱ) and, where
    there is one, a context such as the prior log odds of one cause or which syllable. An absent modality's x is
    not looked at. Of each target it predicts v, so that untrained x̂_0 is √ᾱ x: each modality by itself.

    Parameters
    ----------
    sizes : dict of modality → int
    targets : list of str
        Modalities that are denoised; the others are only held.
    n_context : int
        Numbers of context per sample.
    n_hidden, n_layers : int
    """

    def __init__(self, sizes, targets, n_context=0, n_hidden=192, n_layers=3):
        super().__init__()
        self.config = {
            "sizes": dict(sizes),
            "targets": list(targets),
            "n_context": n_context,
            "n_hidden": n_hidden,
            "n_layers": n_layers,
        }
        self.sizes, self.targets, self.n_layers = dict(sizes), tuple(targets), n_layers
        self.hidden1 = nn.Linear(sum(sizes.values()) + 2 * len(sizes) + n_context, n_hidden)
        for k in range(2, n_layers + 1):
            setattr(self, f"norm{k}", nn.LayerNorm(n_hidden))
            setattr(self, f"hidden{k}", nn.Linear(n_hidden, 2 * n_hidden))
            setattr(self, f"back{k}", nn.Linear(2 * n_hidden, n_hidden))
        self.norm = nn.LayerNorm(n_hidden)
        self.out = nn.Linear(n_hidden, sum(sizes[name] for name in targets))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    @property
    def layers(self):
        """Names of the hidden layers, early to late."""
        return tuple(f"hidden{k}" for k in range(1, self.n_layers + 1))

    def forward(self, x, alpha_bar, context=None):
        return self.stages(x, alpha_bar, context)[1]

    def stages(self, x, alpha_bar, context=None):
        """The hidden layers (dict of (B, n_hidden)) and x̂_0 of the targets, of one pass."""
        level = {name: alpha_bar[name].double().clamp(0.0, 1.0)[:, None] for name in self.sizes}
        a = {name: v.sqrt().to(self.out.weight) for name, v in level.items()}
        b = {name: (1.0 - v).sqrt().to(self.out.weight) for name, v in level.items()}
        seen = {name: torch.where(level[name] > 0, x[name].to(a[name]), 0.0) for name in self.sizes}
        snr = [level[name].logit().clamp(-FAR, FAR).to(a[name]) / FAR for name in self.sizes]
        parts = [*seen.values(), *snr, *a.values()] + ([] if context is None else [context])
        layers = {"hidden1": self.hidden1(torch.cat(parts, 1))}
        h = layers["hidden1"] = F.silu(layers["hidden1"])
        for k in range(2, self.n_layers + 1):
            inner = F.silu(getattr(self, f"hidden{k}")(getattr(self, f"norm{k}")(h)))
            h = layers[f"hidden{k}"] = h + getattr(self, f"back{k}")(inner)
        outputs = self.out(self.norm(h)).split([self.sizes[name] for name in self.targets], 1)
        estimates = {name: a[name] * seen[name] - b[name] * v for name, v in zip(self.targets, outputs, strict=True)}
        return layers, estimates


def joint_loss(network, clean, alpha_bar, noise, context=None):
    """Mean squared error of v over the targets: of x_0, weighed by 1/(1 − ᾱ), whose optimum is the posterior mean.

    Parameters
    ----------
    clean, noise : dict of modality → tensor, shape (B, size)
    alpha_bar : dict of modality → tensor, shape (B,); of a target below 1
    """
    x = {}
    for name, x0 in clean.items():
        require_samples(f"clean of '{name}'", x0)
        require_shape(f"noise of '{name}'", noise[name], x0.shape, "its clean data")
        require_shape(f"alpha_bar of '{name}'", alpha_bar[name], x0.shape[:1], "the batch")
        level = alpha_bar[name][:, None]
        x[name] = (level.sqrt() * x0.double() + (1 - level).sqrt() * noise[name]).to(x0.dtype)
    estimates = network(x, alpha_bar, context)
    for name in network.targets:
        require_shape(f"the estimate of '{name}'", estimates[name], clean[name].shape, "its clean data")
    errors = [
        ((estimates[name] - clean[name]).square() / (1 - alpha_bar[name]).clamp(min=1e-4)[:, None]).mean()
        for name in network.targets
    ]
    return sum(errors) / len(errors)
