"""What denoisers are trained on: the simple loss, its weights, temporal consistency; and averaged weights."""

from __future__ import annotations

import contextlib
from typing import Literal

import numpy as np
import torch

from neuromm.observers.ann.diffusion.noise import standard_normal
from neuromm.observers.ann.diffusion.schedule import forward_diffusion, spread
from neuromm.observers.ann.shapes import require_samples, require_shape


def training_loss(
    model,
    x0,
    schedule,
    *,
    condition=None,
    weighting: Literal["uniform", "min_snr"] = "uniform",
    gamma=5.0,
    t=None,
    noise=None,
    generator=None,
):
    """Mean squared error of what the network predicts at random timesteps.

    With ε predicted and uniform weights this is L_simple (Ho et al. 2020, eq. 14); a network whose output
    is 0 then scores 1. *min_snr* weighs by min(SNR, γ)/SNR for ε, min(SNR, γ) for x_0, and min(SNR, γ)/(SNR + 1)
    for v, which is one and the same loss (Hang et al. 2023, arXiv 2303.09556).

    Parameters
    ----------
    model : callable (x_t, t) or (x_t, t, condition) → prediction, (B, …)
    x0 : tensor, shape (B, …)
    schedule : DiffusionSchedule
    condition : anything the model takes, optional
    weighting, gamma
    t : tensor of int, shape (B,), optional
        Timesteps; uniform over 0 … T − 1 when not given.
    noise : tensor like `x0`, optional
    generator : torch.Generator, or one per sample, optional

    Returns
    -------
    loss : tensor, shape ()

    Raises
    ------
    ValueError
        If the prediction or the noise has another shape than `x0`, or `x0` has no samples.
    FloatingPointError
        If the loss is not finite.
    """
    if weighting not in ("uniform", "min_snr"):
        raise ValueError(f"weighting is '{weighting}'; 'uniform' or 'min_snr' is wanted")
    require_samples("x0", x0)
    if t is None:
        t = random_timesteps(len(x0), schedule.n_timesteps, generator)
    if noise is None:
        noise = standard_normal(x0.shape, generator, dtype=x0.dtype, device=x0.device)
    x_t, noise = forward_diffusion(x0, t, schedule, noise=noise)
    t = torch.as_tensor(t, device=x0.device)
    output = model(x_t, t) if condition is None else model(x_t, t, condition)
    require_shape("the prediction", output, x0.shape, "x0")
    error = (output - schedule.target(x0, noise, t)).square()
    if weighting == "min_snr":
        error = error * spread(min_snr_weight(schedule, t.cpu().numpy(), gamma), error)
    loss = error.mean()
    if not torch.isfinite(loss):
        finite = "finite" if torch.isfinite(output).all() else "not finite"
        raise FloatingPointError(
            f"the loss is {loss.item()}: data from {float(x0.min()):.3g} to {float(x0.max()):.3g}, predictions "
            f"{finite}; try a smaller learning rate, or scale the data"
        )
    return loss


def random_timesteps(n, n_timesteps, generator=None):
    """Uniform timesteps, (n,) int64; one generator per sample gives sample i the same in any batch."""
    if isinstance(generator, list | tuple):
        return torch.cat([torch.randint(n_timesteps, (1,), generator=one) for one in generator])
    return torch.randint(n_timesteps, (n,), generator=generator)


def min_snr_weight(schedule, t, gamma=5.0):
    """Weight of the squared error at each timestep, for what the schedule predicts; float64, shape of `t`."""
    snr = schedule.snr[np.asarray(t)]
    capped = np.minimum(snr, gamma)
    if schedule.prediction == "x0":
        return capped
    if schedule.prediction == "v":
        return capped / (snr + 1.0)
    return capped / snr


def consistency_loss(predicted, clip, weight=0.5):
    """Squared error of a clip and, `weight` times, of its changes from frame to frame.

    Both on x_0: a difference of two ε carries no motion. The second term alone does not see a constant offset.

    Parameters
    ----------
    predicted, clip : tensors, shape (B, C, F, …)
        x̂_0 and x_0.
    weight : float

    Returns
    -------
    loss : tensor, shape (); with one frame, the first term

    Raises
    ------
    ValueError
        If the shapes differ, or there are no clips.
    """
    require_shape("the prediction", predicted, clip.shape, "clip")
    require_samples("clip", clip)
    error = predicted - clip
    loss = error.square().mean()
    return loss if clip.shape[2] < 2 else loss + weight * error.diff(dim=2).square().mean()


def temporal_flicker(clips):
    """How much pixels go to and fro: mean |x_{f−1} − 2 x_f + x_{f+1}| over a clip, per clip.

    0 for a still and for a steady change; a video whose frames were sampled apart from each other has much.

    Parameters
    ----------
    clips : tensor or array, shape (B, C, F, H, W)

    Returns
    -------
    flicker : tensor, shape (B,); 0 with fewer than three frames
    """
    clips = torch.as_tensor(clips)
    if clips.shape[2] < 3:
        return clips.new_zeros(len(clips))
    return clips.diff(n=2, dim=2).abs().flatten(1).mean(1)


class EMA:
    """An exponential moving average of a network's parameters, which sampling and evaluation should use.

    shadow ← d shadow + (1 − d) θ after each step of the optimiser, d = min(decay, (1 + n)/(10 + n)) after n
    updates and 0 at the first (*warmup*), or 1 − (1 + n)^(−2/3) up to `decay` (*power*), or `decay` (*none*).
    Buffers are copied. The shadow of a network in half precision is float32: steps of (1 − d) would round away.
    """

    def __init__(self, network, decay=0.999, ramp: Literal["warmup", "power", "none"] = "warmup"):
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; at least 0 and less than 1 is wanted")
        if ramp not in RAMPS:
            raise ValueError(f"ramp is '{ramp}'; one of {', '.join(RAMPS)} is wanted")
        self.decay, self.ramp, self.n_updates = decay, ramp, 0
        self.shadow = {name: _at_least_float32(value) for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network):
        """Take one step of the optimiser into the average.

        Raises
        ------
        ValueError
            If the network has other tensors, or tensors of other shapes, than the one averaged so far.
        """
        state = network.state_dict()
        if state.keys() != self.shadow.keys():
            differ = ", ".join(sorted(state.keys() ^ self.shadow.keys())[:3])
            raise ValueError(f"network must have the tensors of the averaged one; these differ: {differ}")
        for name, value in state.items():
            require_shape(f"'{name}'", value, self.shadow[name].shape, "the average")
        d = min(self.decay, RAMPS[self.ramp](self.n_updates))
        parameters = dict(network.named_parameters())
        for name, value in state.items():
            if name in parameters:
                self.shadow[name].lerp_(value.to(self.shadow[name]), 1.0 - d)
            else:
                self.shadow[name].copy_(value)
        self.n_updates += 1

    @contextlib.contextmanager
    def applied(self, network):
        """Within the block the network has the averaged weights; after it, its own."""
        own = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.shadow)
        try:
            yield network
        finally:
            network.load_state_dict(own)


def _at_least_float32(value):
    """A copy of a tensor, half precision raised to float32."""
    half = value.dtype in (torch.bfloat16, torch.float16)
    return value.detach().clone().to(torch.float32 if half else value.dtype)


RAMPS = {
    "warmup": lambda n: (1.0 + n) / (10.0 + n) if n else 0.0,
    "power": lambda n: 1.0 - (1.0 + n) ** (-2.0 / 3.0),
    "none": lambda n: 1.0,
}
