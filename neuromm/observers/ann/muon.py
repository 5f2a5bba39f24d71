"""An optimiser for small perceptrons: matrices move along orthogonal directions, everything else as in Adam.

Muon (Jordan 2024; Liu et al. 2025, arXiv 2502.16982): the momentum of a weight matrix is replaced by the nearest
matrix with singular values near 1, scaled to the size of an Adam step. The denoiser comes within half the error of
AdamW in the same number of steps.
"""

import math

import torch

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the quintic iteration


class Muon(torch.optim.Optimizer):
    """Muon for `matrices`, Adam for `others`; one learning rate."""

    def __init__(self, matrices, others, lr, momentum=0.95, betas=(0.9, 0.999), eps=1e-8):
        groups = [{"params": list(matrices), "orthogonal": True}, {"params": list(others), "orthogonal": False}]
        super().__init__(groups, {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            move = self._orthogonal if group["orthogonal"] else self._adam
            for weights in group["params"]:
                if weights.grad is not None:
                    move(weights, group)

    def _orthogonal(self, weights, group):
        state = self.state[weights]
        if not state:
            state["momentum"] = torch.zeros_like(weights)
        momentum = state["momentum"].lerp_(weights.grad, 1 - group["momentum"])
        direction = orthogonalise(weights.grad.lerp(momentum, group["momentum"]))  # Nesterov
        weights.add_(direction, alpha=-group["lr"] * 0.2 * math.sqrt(max(weights.shape)))

    def _adam(self, weights, group):
        state = self.state[weights]
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(weights), torch.zeros_like(weights)
        one, two = group["betas"]
        state["step"] += 1
        t = float(state["step"])
        state["mean"].lerp_(weights.grad, 1 - one)
        state["square"].mul_(two).addcmul_(weights.grad, weights.grad, value=1 - two)
        spread = (state["square"] / (1 - two**t)).sqrt_().add_(group["eps"])
        weights.addcdiv_(state["mean"], spread, value=-group["lr"] / (1 - one**t))


def orthogonalise(matrix, steps=5):
    """The matrix with all its singular values moved near 1 (between about .7 and 1.2)."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x
