"""The comodulation task: a direction that neither sense shows alone, only their agreement does.

At each of T steps each channel says left (−1), nothing (0) or right (+1), each a third of the time whatever the
direction; but with probability p both say the direction together, and the rest is arranged so that either channel alone
stays uniform. A network that adds two unimodal votes, however nonlinear each is, is at chance; one layer after the
fusion is enough (task after Ghosh, Béna, Bormuth & Goodman 2024, PLoS Comput Biol 20:e1012246; probabilities ours).
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SAID = (-1, 0, 1)


def joint(p):
    """Probability of (first, second) given direction +1, (3, 3) over −1, 0, 1; given −1 it is the same read backwards.

    Both marginals are uniform: the agreement on the direction, p, is paid for by disagreements.

    Raises
    ------
    ValueError
        If p is not between 1/9 (nothing to tell) and 1/3 (the whole of a channel's "right").
    """
    if not 1 / 9 <= p <= 1 / 3:
        raise ValueError(f"p is {p}; a probability of agreeing on the direction between 1/9 and 1/3 is wanted")
    x = p - 1 / 9  # what (+,+) has above independence; rows and columns have to add up to 1/3
    table = np.full((3, 3), 1 / 9)
    table[2, 2] += x
    table[2, 1] -= x / 2
    table[2, 0] -= x / 2
    table[1, 2] -= x / 2
    table[0, 2] -= x / 2
    table[0, 0] -= x * 0.5
    table[0, 1] += x
    table[1, 0] += x
    table[1, 1] -= x / 2
    return table


def draw(rng, n, p=0.22, n_steps=20):
    """`n` trials: direction (n,) in −1, 1, and what both channels say, (n, n_steps, 2) in −1, 0, 1."""
    table = joint(p).ravel()
    said = rng.choice(9, (n, n_steps), p=table)
    channels = np.stack([said // 3 - 1, said % 3 - 1], -1)
    direction = rng.choice([-1, 1], n)
    return direction, channels * direction[:, None, None]


def log_odds(channels, p=0.22):
    """Evidence for direction +1 over −1 of the ideal observer, (n,): the sum of log ratios of joint probabilities."""
    right = np.log(np.maximum(joint(p), 1e-12))
    return (right - right[::-1, ::-1])[channels[..., 0] + 1, channels[..., 1] + 1].sum(1)


class TwoChannels(nn.Module):
    """What two channels say (B, T, 2) → log odds of right (B,); fused by a sum, or through a layer after fusion.

    Each step of each channel has an embedding of its own; steps are summed at the end, as evidence is.
    """

    def __init__(self, nonlinear, n_hidden=16):
        super().__init__()
        self.first, self.second = nn.Embedding(3, n_hidden), nn.Embedding(3, n_hidden)
        self.unimodal = nn.ModuleList([nn.Linear(n_hidden, n_hidden), nn.Linear(n_hidden, n_hidden)])
        self.fused = nn.Linear(n_hidden, n_hidden)
        self.out = nn.Linear(n_hidden, 1)
        self.nonlinear = nonlinear

    def forward(self, channels):
        first, second = self.first(channels[..., 0] + 1), self.second(channels[..., 1] + 1)  # (B, T, D)
        votes = F.silu(self.unimodal[0](first)) + F.silu(self.unimodal[1](second))
        if self.nonlinear:
            votes = F.silu(self.fused(votes))
        return self.out(votes).sum((1, 2))


def train_channels(nonlinear, *, seed=1, n_steps=300, batch=256, p=0.22, learning_rate=1e-2):
    """A trained `TwoChannels`; the same number of steps and examples whichever fusion."""
    torch.manual_seed(seed)
    network = TwoChannels(nonlinear)
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for step in range(n_steps):
        direction, channels = draw(np.random.default_rng([seed, step]), batch, p)
        right = torch.from_numpy(direction > 0).float()
        loss = F.binary_cross_entropy_with_logits(network(torch.from_numpy(channels)), right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def accuracies(seed=1, n=8000, p=0.22, **options):
    """Share of right directions on new trials: the ideal observer, networks without and with a layer after fusion."""
    direction, channels = draw(np.random.default_rng([seed, 1 << 40]), n, p)
    found = {"ideal": float(np.mean((log_odds(channels, p) > 0) == (direction > 0)))}
    for name, nonlinear in (("additive", False), ("nonlinear", True)):
        network = train_channels(nonlinear, seed=seed, p=p, **options)
        with torch.no_grad():
            odds = network(torch.from_numpy(channels)).numpy()
        found[name] = float(np.mean((odds > 0) == (direction > 0)))
    return found
