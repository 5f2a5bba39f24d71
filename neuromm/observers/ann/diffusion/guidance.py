"""Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598), with rescaling (Lin et al. 2023)."""

from dataclasses import dataclass

import torch

from neuromm.observers.ann.shapes import require_shape


@dataclass(frozen=True)
class Guided:
    """A conditional network made a sampler's model: ε̂ = ε̂_u + w (ε̂_c − ε̂_u).

    w = 0 is unconditional, 1 conditional, more is guided (the paper's own w is ours − 1). The two predictions
    come from one pass over a doubled batch; w = 1, and w = 0 without `rescale`, need one of them. `rescale` φ brings
    the guided prediction's sd per sample back to that of the conditional one, by the fraction φ (Lin et al. 2023,
    arXiv 2305.08891, eq. 15–16).
    """

    model: object  # callable (x, t, condition) → prediction, with `null_condition(n)`
    condition: object  # tensor (B, …) or a tuple of such
    scale: float = 3.0
    rescale: float = 0.0

    def __post_init__(self):
        if self.scale != 1.0:
            require_null(self.model)
        if not 0 <= self.rescale <= 1:
            raise ValueError(f"rescale is {self.rescale}; a fraction from 0 to 1 is wanted")

    def __call__(self, x, t):
        if self.scale == 1.0:
            return self.model(x, t, self.condition)
        null = self.model.null_condition(len(x))
        if self.scale == 0.0 and self.rescale == 0.0:
            return self.model(x, t, null)
        both = self.model(torch.cat([x, x]), torch.cat([t, t]), _join(null, self.condition))
        require_shape("the prediction", both, (2 * len(x), *x.shape[1:]), "x, doubled")
        unconditional, conditional = both.chunk(2)
        return rescale(guide(unconditional, conditional, self.scale), conditional, self.rescale)


def guide(unconditional, conditional, scale):
    """ε̂_u + w (ε̂_c − ε̂_u); x_0 and v are linear in ε at a given x_t, so the same sum holds for them.

    Raises
    ------
    ValueError
        If the two predictions have different shapes.
    """
    require_shape("unconditional", unconditional, conditional.shape, "conditional")
    return unconditional + scale * (conditional - unconditional)


def rescale(guided, conditional, fraction):
    """Bring the sd of each guided sample to the conditional one's, by `fraction` (0 leaves it as it is).

    A guided prediction without spread (all its elements equal) has no sd to bring anywhere, and stays as it is.

    Raises
    ------
    ValueError
        If the two predictions have different shapes.
    """
    require_shape("guided", guided, conditional.shape, "conditional")
    if fraction == 0 or guided[:1].numel() < 2:
        return guided
    dims = tuple(range(1, guided.ndim))
    own, wanted = guided.std(dims, keepdim=True), conditional.std(dims, keepdim=True)
    factor = torch.where(own > 0, wanted / torch.where(own > 0, own, 1.0), 1.0)
    return fraction * guided * factor + (1.0 - fraction) * guided


def drop_condition(condition, null, p, generator=None):
    """For training: each sample's condition replaced by the null with probability `p`, sample by sample."""
    parts, nulls = (c if isinstance(c, tuple) else (c,) for c in (condition, null))
    for part, empty in zip(parts, nulls, strict=True):
        require_shape("null", empty, part.shape, "condition")
    dropped = (torch.rand(len(parts[0]), generator=generator) < p).to(parts[0].device)
    kept = tuple(torch.where(dropped.reshape(-1, *[1] * (c.ndim - 1)), n, c) for c, n in zip(parts, nulls, strict=True))
    return kept if isinstance(condition, tuple) else kept[0]


def require_null(model):
    """Refuse guidance with a network that never learnt what no condition means.

    Raises
    ------
    ValueError
    """
    if not getattr(model, "null_is_trained", False):
        raise ValueError(
            f"{type(model).__name__} was trained without a null condition, which guidance compares with; "
            f"train it with p_null of 0.1 to 0.2, or use a guidance scale of 1"
        )


def _join(null, condition):
    if isinstance(condition, tuple):
        return tuple(torch.cat([n, c]) for n, c in zip(null, condition, strict=True))
    return torch.cat([null, condition])
