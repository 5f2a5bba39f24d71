"""How the encoder of printed pictures is trained: drawings, words, and drawings with the words that name them."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.contrastive.encoder import duplicates
from neuromm.observers.ann.contrastive.recipe import build
from neuromm.observers.ann.training import TEST, Recipe, device_of
from neuromm.stimuli.captions import caption
from neuromm.stimuli.printed import N_PIXELS, NEUTRAL, PrintedPictures
from neuromm.stimuli.shapes import GROUND, SHAPES

CARD = Card(
    "An image tower and a text tower (as of `clip_shapes`) for pictures with a drawing, a printed word, or both.",
    "Drawings of one shape, printed names of shapes, and drawings with the word that names them or, in a part "
    "`p_neutral`, a word that names none; contrast of either log-uniform between `low` and 1, pixel noise .1. "
    "Captions say the shape, half of them also colour, size and corner of the drawing. No drawing with another shape's "
    "name.",
    "`*_correct`: new drawings alone, words alone and congruent pairs, named rightly (chance 1/5); `*_log_loss`: nats.",
    "It knows five shapes and seven words, 32 × 32 pixels, and one kind of letters.",
)


@dataclass(frozen=True)
class PrintedRecipe(Recipe):
    """What the encoder sees and reads, and how it learns. No drawing bears the name of another shape."""

    p_alone: float = 0.5  # share of pictures that are a drawing alone or a word alone
    p_neutral: float = 0.15  # share of words beside drawings that name no shape
    p_bare: float = 0.5  # share of captions that say the shape alone
    low: float = 0.03  # contrast of drawing and of word, log-uniform from here to 1, independent
    only: Literal["", "pictures", "words"] = ""  # a control: never a word, or never a drawing
    shuffled: bool = False  # whether captions are of other pictures: a control without pairing
    channels: tuple[int, ...] = (32, 48, 64)
    width: int = 96
    n_embedding: int = 32
    n_steps: int = 1200
    batch: int = 160
    learning_rate: float = 4e-3
    decay: float = 0.99

    network: ClassVar[str] = "picture_namer"
    card: ClassVar[Card] = CARD

    def build(self, start):
        """The encoder; pictures are drawn at each step."""
        return build(**self.config()).to(start.device), None

    def loss_of_step(self, network, data, seed, step):
        """Contrastive loss of pictures and captions; equal captions are no negatives."""
        rng = np.random.default_rng([seed, step])
        pictures, texts, _ = draw(self, rng, self.batch)
        if self.shuffled:
            texts = [texts[i] for i in rng.permutation(len(texts))]
        device = device_of(network)
        pictures, ids = torch.from_numpy(pictures).to(device), network.second.tokens(texts).to(device)
        return network.loss(pictures, ids, duplicates(ids))

    def score(self, network, data, run):
        """How well new pictures are named."""
        return _score(network, self)

    def config(self, network=None, run=None):
        """What `build` takes."""
        return {
            "n_pixels": N_PIXELS,
            "width": self.width,
            "n_embedding": self.n_embedding,
            "channels": list(self.channels),
            "centre": GROUND,
            "spread": PrintedPictures().pixel_noise,
        }


def draw(recipe, rng, n):
    """`n` pictures and captions: array (n, 3, 32, 32), list of str, and the table of what is shown."""
    shape, alone = rng.choice(SHAPES, n).astype(object), rng.random(n) < recipe.p_alone
    word_only = rng.random(n) < 0.5
    drawn, written = ~(alone & word_only), ~(alone & ~word_only)
    if recipe.only:
        drawn[:], written[:] = recipe.only == "pictures", recipe.only == "words"
    neutral = drawn & (rng.random(n) < recipe.p_neutral)
    words = np.where(neutral, rng.choice(NEUTRAL, n), shape)
    table = pd.DataFrame({"pictured": shape.copy(), "printed": words.astype(object)})
    table["noise_seed"] = rng.integers(2**53, size=n)
    table.loc[~drawn, "pictured"], table.loc[~written, "printed"] = None, None
    for part in ("picture", "word"):
        table[f"{part}_contrast"] = np.exp(rng.uniform(np.log(recipe.low), 0.0, n))
    full = caption(PrintedPictures().details(table).assign(shape=shape), rng)
    bare = ~drawn | (rng.random(n) < recipe.p_bare)
    texts = [f"a {s}" if b else whole for s, b, whole in zip(shape, bare, full, strict=True)]
    return PrintedPictures().render(table), texts, table.assign(shape=shape)


@torch.no_grad()
def _score(network, recipe, n=3000):
    """Share of new pictures whose shape is named rightly and the log loss of it: drawing, word, and congruent pair."""
    said = network.encode_second(network.second.tokens([f"a {shape}" for shape in SHAPES]))
    score = {}
    for name, fields in {
        "picture": {"only": "pictures"}, "word": {"only": "words"}, "congruent": {"p_alone": 0.0, "p_neutral": 0.0}
    }.items():  # fmt: skip
        whole = dataclasses.replace(recipe, **({"only": ""} | fields))
        pictures, _, table = draw(whole, np.random.default_rng([TEST]), n)
        logits = network.scale() * network.encode_first(torch.from_numpy(pictures)) @ said.T
        true = torch.tensor([SHAPES.index(shape) for shape in table["shape"]])
        score[f"{name}_correct"] = float((logits.argmax(1) == true).float().mean())
        score[f"{name}_log_loss"] = float(torch.nn.functional.cross_entropy(logits, true))
    return score
