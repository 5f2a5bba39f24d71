"""Words to tokens to hidden states: a word-level tokenizer and a small transformer."""

from __future__ import annotations

import difflib
import re
import warnings
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn


@dataclass(frozen=True)
class Tokenizer:
    """Numbers of words: 0 fills up, 1 begins, 2 ends, words follow in the order given."""

    words: tuple[str, ...]
    length: int = 12  # tokens per text, with beginning and end

    def __call__(self, texts, unknown: Literal["error", "skip"] = "error"):
        """Ids of texts.

        Parameters
        ----------
        texts : list of str
        unknown : str
            What a word does that was never learnt: stop with an *error*, or be left out with a warning (*skip*).

        Returns
        -------
        ids : tensor of int, shape (n, length)
        mask : tensor of bool, shape (n, length); True where there is a token

        Raises
        ------
        ValueError
            Naming unknown words, or a text that is too long.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        number = {word: i for i, word in enumerate(self.words, 3)}
        ids = torch.zeros(len(texts), self.length, dtype=torch.int64)
        for row, text in enumerate(texts):
            found = re.findall(r"\w+", text.lower())
            strange = [word for word in found if word not in number]
            if strange:
                self._say(strange, text, unknown)
            tokens = [1, *[number[word] for word in found if word in number], 2]
            if len(tokens) > self.length:
                raise ValueError(f"'{text}' has {len(found)} words; at most {self.length - 2} fit")
            ids[row, : len(tokens)] = torch.tensor(tokens)
        return ids, ids > 0

    def _say(self, strange, text, unknown):
        near = [m for w in strange for m in difflib.get_close_matches(w, self.words, n=1, cutoff=0.6)]
        message = f"'{text}' has words that were never learnt: {', '.join(strange)}; " + (
            f"did you mean {', '.join(near)}? " if near else "") + f"It knows: {', '.join(self.words)}"  # fmt: skip
        if unknown == "error":
            raise ValueError(message)
        warnings.warn(message + " (left out)", stacklevel=3)


class TextEncoder(nn.Module):
    """Hidden states of texts: ids (B, L) and mask (B, L) → (B, L, width); embeddings and pre-norm attention layers."""

    def __init__(self, n_words, width=64, n_layers=2, n_heads=4, length=12):
        super().__init__()
        self.config = {"n_words": n_words, "width": width, "n_layers": n_layers, "n_heads": n_heads, "length": length}
        self.words = nn.Embedding(n_words + 3, width)  # and the three signs
        self.places = nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, n_heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, ids, mask):
        hidden = self.words(ids) + self.places[: ids.shape[1]]
        if not len(ids):  # torch's attention takes no empty batch
            return hidden
        for block in self.blocks:
            hidden = block(hidden, src_key_padding_mask=~mask)
        return self.norm(hidden)
