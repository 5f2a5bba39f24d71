"""How the image–text encoder is trained: shapes and captions, a fifth of shape–colour pairs never seen."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.contrastive.encoder import MultimodalEncoder, duplicates
from neuromm.observers.ann.contrastive.image_tower import ImageTower
from neuromm.observers.ann.contrastive.text_tower import TextTower
from neuromm.observers.ann.training import TEST, Recipe, device_of
from neuromm.stimuli.captions import caption
from neuromm.stimuli.shapes import compositions, draw_shapes

CARD = Card(
    "An image tower (three convolutions) and a text tower (one transformer layer over words), projected onto unit "
    "vectors of one space.",
    "Pictures of one shape (5 shapes, 6 colours, 4 places, 2 sizes; jittered, noisy) with complete captions; a fifth "
    "of the shape–colour pairs never. Contrastive loss; captions that are equal in a batch are no negatives.",
    "`held_out_recall_at_1`: pictures of held-out compositions, the right one of their 48 captions first (chance "
    "1/48); `…_of_240`: of all captions (chance 1/240).",
    "It knows the words of these captions and pictures of 32 × 32 only.",
)


@dataclass(frozen=True)
class ClipRecipe(Recipe):
    """What the encoder sees and reads, and how it learns."""

    n_pixels: int = 32
    width: int = 128
    n_embedding: int = 64
    loss: Literal["clip", "siglip"] = "clip"
    hard: float = 0.0  # weight of hard negatives
    temperature: float | None = None  # at the start; None = as published
    learn_temperature: bool = True
    pixel_noise: float = 0.05  # luminance sd
    shuffled: bool = False  # whether captions are of other pictures: a control without pairing
    n_steps: int = 900
    batch: int = 128
    learning_rate: float = 2e-3
    decay: float = 0.98

    network: ClassVar[str] = "clip_shapes"
    card: ClassVar[Card] = CARD

    def build(self, start):
        """The encoder; pictures are drawn at each step."""
        return build(**self.config()).to(start.device), None

    def loss_of_step(self, network, data, seed, step):
        """Contrastive loss of pictures and their captions; equal captions are no negatives."""
        rng = np.random.default_rng([seed, step])
        pictures, ids, _ = draw(self, network, rng, self.batch)
        if self.shuffled:
            ids = ids[torch.from_numpy(rng.permutation(len(ids)))]
        device = device_of(network)
        pictures, ids = pictures.to(device), ids.to(device)
        return network.loss(pictures, ids, duplicates(ids))

    def run_options(self):
        """The loss of an encoder that knows nothing."""
        return {"chance": math.log(self.batch) if self.loss == "clip" else math.nan}

    def score(self, network, data, run):
        """Recall of held-out compositions."""
        return _score(network, self)

    def config(self, network=None, run=None):
        """What `build` takes."""
        return {name: getattr(self, name) for name in BUILT}


BUILT = ("n_pixels", "width", "n_embedding", "loss", "hard", "temperature", "learn_temperature")  # fields for `build`


def build(n_pixels=32, width=128, n_embedding=64, loss="clip", hard=0.0, temperature=None, learn_temperature=True,
          **tower):  # fmt: skip
    """The encoder of pictures and captions; `tower` are further fields of its `ImageTower`."""
    image = ImageTower(n_pixels, width=width, **tower)
    return MultimodalEncoder(image, TextTower(), n_embedding, loss, hard, temperature, learn_temperature)


def draw(recipe, network, rng, n, held_out=False):
    """Pictures, token ids and the table of `n` different compositions, captions complete."""
    table = compositions(held_out)
    table = table.iloc[rng.permutation(len(table))[:n]].reset_index(drop=True)
    pictures = draw_shapes(table, n_pixels=recipe.n_pixels, rng=rng)
    pictures = np.clip(pictures + recipe.pixel_noise * rng.standard_normal(pictures.shape, dtype=np.float32), 0, 1)
    return torch.from_numpy(pictures), network.second.tokens(caption(table)), table


@torch.no_grad()
def _score(network, recipe):
    """Recall@1 on held-out compositions: of 48 captions of them, and of all 240."""
    pictures, ids, table = draw(recipe, network, np.random.default_rng([TEST]), 240, held_out=True)
    seen = network.encode_first(pictures)
    everything = network.second.tokens(caption(compositions()))
    among_held_out = (seen @ network.encode_second(ids).T).argmax(1)
    among_all = (seen @ network.encode_second(everything).T).argmax(1)
    said = caption(compositions())
    right = [said[int(i)] == true for i, true in zip(among_all, caption(table), strict=True)]
    return {
        "held_out_recall_at_1": float((among_held_out == torch.arange(len(table))).float().mean()),
        "held_out_recall_at_1_of_240": float(np.mean(right)),
        "n_held_out": len(table),
    }
