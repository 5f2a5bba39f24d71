"""The text tower: a small transformer over words, read at the last word's sign."""

import torch
from torch import nn

from neuromm.observers.ann.diffusion.text import TextEncoder, Tokenizer
from neuromm.stimuli.captions import WORDS


class TextTower(nn.Module):
    """Token ids (B, L) → features (B, width), the hidden state at the end sign, as in CLIP."""

    def __init__(self, words=WORDS, width=64, n_layers=1, n_heads=4, length=12):
        super().__init__()
        self.tokenizer = Tokenizer(tuple(words), length)
        self.width = width
        self.encoder = TextEncoder(len(words), width, n_layers, n_heads, length)

    def tokens(self, texts):
        """Ids of texts, (n, L); 0 fills up."""
        return self.tokenizer(texts)[0]

    def forward(self, ids):
        mask = ids > 0
        hidden = self.encoder(ids, mask)  # (B, L, width)
        end = mask.sum(1) - 1
        return hidden[torch.arange(len(ids), device=ids.device), end]
