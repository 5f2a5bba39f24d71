"""Shapes that must agree: torch would stretch (6, 1) to (6, 6) beside (6,), and the loss would still be a number."""


def require_shape(name: str, value, wanted, of: str):
    """Refuse a tensor that would be stretched to another shape.

    Parameters
    ----------
    name, of : str
        What the tensor is, and whose shape it must have.
    value : tensor
    wanted : tuple of int

    Raises
    ------
    ValueError
        If the shape is another.
    """
    if tuple(value.shape) != tuple(wanted):
        raise ValueError(f"{name} must have the shape of {of}, {tuple(wanted)}, got {tuple(value.shape)}")


def require_samples(name: str, value):
    """Refuse a batch of none: its mean loss would be NaN.

    Raises
    ------
    ValueError
        If the tensor has no elements.
    """
    if value.numel() == 0:
        raise ValueError(f"{name} must hold at least one sample, got shape {tuple(value.shape)}")


def require_square(logits, same=None):
    """Refuse similarities that are no square of pairs, and marks of true pairs of another shape.

    Raises
    ------
    ValueError
        If `logits` is not (B, B) with B of at least 1, or `same` differs from it.
    """
    if logits.ndim != 2 or logits.shape[0] != logits.shape[1] or not len(logits):
        raise ValueError(f"logits must be a square (B, B) of at least one pair, got shape {tuple(logits.shape)}")
    if same is not None:
        require_shape("same", same, logits.shape, "logits")
