"""Contrastive losses over a square of similarities: softmax both ways, or a sigmoid for each pair.

Rows are items of the first modality, columns of the second; the diagonal holds the true pairs.
"""

import torch
from torch.nn import functional as F

from neuromm.observers.ann.shapes import require_square


def clip_loss(logits, same=None, *, hard=0.0):
    """Symmetric cross entropy (Radford et al. 2021, arXiv 2103.00020): rows pick columns, and columns pick rows.

    The second term is of the **transpose**. Equal logits give ln B; one pair alone gives 0 and teaches nothing.

    Parameters
    ----------
    logits : tensor, shape (B, B)
        Scaled similarities.
    same : tensor of bool, shape (B, B), optional
        Which pairs are true besides the diagonal (two pictures with one caption): the target is shared equally
        among them, so that a duplicate is no false negative. With the diagonal alone this is the plain loss.
    hard : float
        Weighs negatives by exp(hard · their logit), normalised to mean 1 over a row: 0 weighs them equally
        (Robinson et al. 2021, arXiv 2010.04592).

    Raises
    ------
    ValueError
        If `logits` is no square of at least one pair, or `same` has another shape.
    """
    require_square(logits, same)
    if same is None and not hard:
        pairs = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2
    if same is None:
        same = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    return (_one_way(logits, same, hard) + _one_way(logits.T, same.T, hard)) / 2


def _one_way(logits, same, hard):
    target = same.float() / same.sum(1, keepdim=True)
    if hard:
        harder = (hard * logits.detach()).masked_fill(same, -torch.inf)
        weight = torch.softmax(harder, 1) * (~same).sum(1, keepdim=True)
        logits = torch.where(same, logits, logits + weight.clamp(min=1e-12).log())
    return -(target * F.log_softmax(logits, 1)).sum(1).mean()


def siglip_loss(logits, same=None):
    """Every pair on its own: −1/B Σ log sigmoid(±logit), + for true pairs (Zhai et al. 2023, arXiv 2303.15343).

    `logits` (B, B) hold the bias already; `same` as in `clip_loss`.
    """
    require_square(logits, same)
    if same is None:
        same = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    sign = torch.where(same, 1.0, -1.0)
    return -F.logsigmoid(sign * logits).sum() / len(logits)
