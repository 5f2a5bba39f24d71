"""Image–text encoders as subjects: they name what is drawn or written by the caption that is nearest.

Ours (`PictureNamer`), pretrained CLIP (`ClipNamer`) and a conditional denoiser (`DiffusionNamer`) see the same pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax, logsumexp

from neuromm.core.messages import must_be
from neuromm.core.parameters import count, number, probability, sd
from neuromm.maths.gaussian import posterior_common
from neuromm.observers.ann.contrastive.pretrained import load_clip
from neuromm.observers.ann.contrastive.recipe import build
from neuromm.observers.ann.diffusion.classifier import classify_captions
from neuromm.observers.ann.diffusion.latent import LatentDiffusion
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.base import Observer, Percepts
from neuromm.observers.naming import REPORTS, check_parts, name_parts
from neuromm.stimuli.measurement import with_noise_seeds
from neuromm.stimuli.printed import PrintedPictures
from neuromm.stimuli.shapes import SHAPES

NOISE = PrintedPictures().pixel_noise  # sd, of the pictures that `PictureNamer` was trained on


class NamesPictures(Observer):
    r"""Answers from a log posterior over shapes, p(k | picture) ∝ exp(logit of the picture and k's caption).

    `gate="none"`: the whole picture's logits decide, whatever is asked. `gate="logit"`: drawing and word are also seen
    apart, in the same noise; what their logits say of one cause,

    log L1/L2 = log [ K Σ_k p(k | drawing) p(k | word) ] (K shapes, equally frequent),

    plus the prior log odds of `p_common` gates between the product of both and the part that is asked about: causal
    inference (model averaging) over a network's own evidence.

    Needs `report` ("pictured", "printed", "common"), `pictured`, `printed`; optional contrasts and
    `noise_seed`. Layers: log_posterior (of 5 drawings, then of 5 words; nats), unity (probability), and a
    network's stages.
    """

    layers: ClassVar[tuple[str, ...]] = ("log_posterior", "unity")
    reports: ClassVar[tuple[str, ...]] = REPORTS
    random: ClassVar = ()

    def log_posterior(self, pictures: np.ndarray, shown: pd.DataFrame) -> tuple[np.ndarray, dict]:
        """Log posterior over the five shapes, (n, 5), and a dict of layers to record."""
        raise NotImplementedError

    def check_trials(self, trials):
        """Also refuse a question about a part that a row does not show."""
        check_parts(trials, self.name)
        super().check_trials(trials)

    def infer(self, stimuli, draws):
        """Look at the whole picture and, where one cause has to be judged, at its parts."""
        shown = with_noise_seeds(stimuli.table, draws.generator)
        renderer = PrintedPictures(self.pixel_noise)
        whole, layers = self.log_posterior(renderer.render(shown), shown)
        drawn, written = whole, whole
        if self.gate == "logit" or stimuli.records or "common" in stimuli.asked:
            drawn = self.log_posterior(renderer.render(shown, parts=["picture"]), shown)[0]
            written = self.log_posterior(renderer.render(shown, parts=["word"]), shown)[0]
        odds = np.log(len(SHAPES)) + logsumexp(drawn + written, axis=1)
        unity = posterior_common(odds, self.p_common)
        pictured, printed = whole, whole
        if self.gate == "logit":
            both = shown[["pictured", "printed"]].notna().all(axis=1).to_numpy()[:, None]
            pictured = np.where(both, _gated(drawn, drawn + written, unity), whole)
            printed = np.where(both, _gated(written, drawn + written, unity), whole)
        layers |= {"log_posterior": np.hstack([pictured, printed]), "unity": unity[:, None]}
        recorded = {name: layers[name] for name in self.layers}
        return Percepts(**name_parts(pictured, printed, unity), layers=recorded)


def _gated(part, product, unity):
    """Log of p(one cause) times the fused posterior plus p(two causes) times that of the part, (n, 5)."""
    with np.errstate(divide="ignore"):
        one, two = np.log(unity)[:, None], np.log1p(-unity)[:, None]
    return np.logaddexp(one + log_softmax(product, axis=1), two + part)


@dataclass(frozen=True)
class PictureNamer(NamesPictures, NetworkObserver):
    """Our encoder of pictures and captions: what it names in a drawing with a printed word.

    Trained with the contrastive loss on drawings, on words, and on drawings with the words that name them; the optimum
    of that loss is log p(picture | caption)/p(picture), the sum of the evidence of drawing and word: forced
    fusion. No picture in conflict was ever shown. `gate="logit"` is causal inference over its own logits.

    Controls: `training` "shuffled" (captions of other pictures), "pictures" (never a word), "words" (never a drawing).

    References
    ----------
    Radford et al. (2021) arXiv 2103.00020. Goh et al. (2021) Distill 6:e30 (typographic attacks).
    """

    gate: Literal["none", "logit"] = "none"
    p_common: float = probability(0.5)  # that the word names the drawing; for the gate and "common"
    pixel_noise: float = number(0.1, above=0, high=NOISE)  # SD, where white is 1
    training: Literal["congruent", "shuffled", "pictures", "words"] = "congruent"  # which of the shipped weights
    trained: bool = True  # False: the untrained control
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "picture_namer"

    network: ClassVar[str] = "picture_namer"
    layers: ClassVar[tuple[str, ...]] = (
        "conv1", "conv2", "conv3", "features", "embedding", "log_posterior", "unity",
    )  # fmt: skip

    def log_posterior(self, pictures, shown):
        _, _, module = self._load()
        with torch.inference_mode():
            said = module.encode_second(module.second.tokens([f"a {shape}" for shape in SHAPES]).to(self.device))

        def look(block):
            stages = module.first.stages(block)
            embedding = torch.nn.functional.normalize(module.first_projection(stages["features"]), dim=1)
            return stages | {"embedding": embedding, "logits": module.scale() * embedding @ said.T}

        stages = in_blocks(look, pictures, device=self.device)
        return log_softmax(stages.pop("logits").astype(float), axis=1), stages

    @classmethod
    def _build(cls, header, tensors):
        return build(**header["config"])


@dataclass(frozen=True)
class ClipNamer(NamesPictures):
    """Pretrained CLIP as the same subject: a folder of weights that `load_clip` reads (extra `hub`)."""

    path: str  # folder with config.json, model.safetensors and a tokenizer
    prompt: str = "a photo of a {}"
    gate: Literal["none", "logit"] = "none"
    p_common: float = probability(0.5)  # that the word names the drawing; for the gate and "common"
    pixel_noise: float = sd(0.1, "units of white")
    name: str = "clip"

    def __post_init__(self):
        super().__post_init__()
        if "{}" not in self.prompt:
            raise must_be(self.name, "prompt", "a text with '{}' where the shape is named", self.prompt)

    def log_posterior(self, pictures, shown):
        model = _clip(self.path)
        said = model.encode_text([self.prompt.format(shape) for shape in SHAPES])
        seen = model.encode_image(np.clip(pictures, 0, 1))
        return log_softmax(model.scale() * (seen @ said.T).astype(float), axis=1), {}


@dataclass(frozen=True)
class DiffusionNamer(NamesPictures):
    """The text-to-image denoiser as the same subject, by the diffusion classifier; it never saw a printed word.

    Each caption says the drawing's colour, which it is told, and one shape; the caption under which the noise is best
    predicted wins (Li et al. 2023, arXiv 2303.16203).
    """

    n_levels: int = count(12)  # noise levels of the score
    gate: Literal["none", "logit"] = "none"
    p_common: float = probability(0.5)  # that the word names the drawing; for the gate and "common"
    pixel_noise: float = sd(0.1, "units of white")
    name: str = "diffusion_text"

    def log_posterior(self, pictures, shown):
        model, found = _diffusion(), np.empty((len(shown), len(SHAPES)))
        colours = PrintedPictures(self.pixel_noise).details(shown)["colour"].to_numpy()
        for colour in sorted(set(colours)):
            rows = colours == colour
            captions = [f"a {colour} {shape}" for shape in SHAPES]
            found[rows] = classify_captions(model, np.clip(pictures[rows], 0, 1), captions, n_levels=self.n_levels)
        return log_softmax(found, axis=1), {}


@functools.lru_cache(maxsize=2)
def _clip(path):
    return load_clip(path)


@functools.lru_cache(maxsize=1)
def _diffusion():
    return LatentDiffusion.load()
