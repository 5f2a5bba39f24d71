"""Image–text encoders as subjects: they name what is drawn or written by the caption that is nearest.

Ours (`PictureNamer`), pretrained CLIP (`ClipNamer`) and a conditional denoiser (`DiffusionNamer`) see the same pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from scipy.special import log_softmax, logsumexp

from neuromm.maths.device import check_device
from neuromm.maths.gaussian import posterior_common
from neuromm.observers.ann.contrastive.recipe import build
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.naming import REPORTS, look_at, say
from neuromm.observers.protocol import Percept, answer, collect, describe, perceive_sets
from neuromm.stimuli.printed import PrintedPictures
from neuromm.stimuli.shapes import SHAPES

NOISE = PrintedPictures().pixel_noise  # sd, of the pictures that `PictureNamer` was trained on
TRAININGS = {
    "congruent": "picture_namer", "shuffled": "picture_namer_shuffled", "pictures": "picture_namer_pictures",
    "words": "picture_namer_words",
}  # fmt: skip


class NamesPictures:
    r"""Answers from a log posterior over shapes, p(k | picture) ∝ exp(logit of the picture and k's caption).

    `gate="none"`: the whole picture's logits decide, whatever is asked. `gate="logit"`: drawing and word are also seen
    apart, in the same noise; what their logits say of one cause,

    log L1/L2 = log [ K Σ_k p(k | drawing) p(k | word) ] (K shapes, equally frequent),

    plus the prior log odds of `p_common` gates between the product of both and the part that is asked about: causal
    inference (model averaging) over a network's own evidence.
    """

    layers: ClassVar[tuple[str, ...]] = ("log_posterior", "unity")
    reports: ClassVar[tuple[str, ...]] = REPORTS

    def check(self):
        """Refuse a gate or number that means nothing."""
        if self.gate not in ("none", "logit"):
            raise ValueError(f"{self.name}: gate is '{self.gate}'; 'none' or 'logit' is wanted")
        if not 0 <= self.p_common <= 1 or not self.pixel_noise > 0:
            raise ValueError(
                f"{self.name}: p_common is {self.p_common}, pixel_noise {self.pixel_noise}; a probability "
                f"and a positive sd are wanted"
            )

    def _log_posterior(self, pictures, shown):
        """Log posterior over the five shapes, (n, 5), and a dict of layers to record."""
        raise NotImplementedError

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Look at each trial's picture, name it, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report` ("pictured", "printed", "common"), `pictured`, `printed`; optional contrasts, `noise_seed`
            (drawn by `rng` where it is missing).
        rng : numpy.random.Generator
        layers : names, patterns or Records
            log_posterior (of 5 drawings, then of 5 words; nats), unity (probability), and a network's stages.
        parameters : DataFrame, optional
            One parameter set per row; the result gains a leading `set` dimension.

        Raises
        ------
        ValueError
            If a column is missing, a shape or word is unknown, or a row asks for what it does not show.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        shown, of_row = look_at(trials, rng, self.name)
        renderer = PrintedPictures(self.pixel_noise)
        whole, stages = self._log_posterior(renderer.render(shown), shown)
        parts = [whole, whole]
        if self.gate == "logit" or len(layers) or (trials["report"] == "common").any():
            parts = [self._log_posterior(renderer.render(shown, parts=[p]), shown)[0] for p in ("picture", "word")]
        odds = np.log(len(SHAPES)) + logsumexp(parts[0] + parts[1], axis=1)
        unity = posterior_common(odds, self.p_common)
        both = shown[["pictured", "printed"]].notna().all(axis=1).to_numpy()
        answers = [whole, whole]
        if self.gate == "logit":
            fused = log_softmax(parts[0] + parts[1], axis=1)
            with np.errstate(divide="ignore"):
                gates = np.log(unity)[:, None], np.log1p(-unity)[:, None]
            gated = [np.logaddexp(gates[0] + fused, gates[1] + part) for part in parts]
            answers = [np.where(both[:, None], g, whole) for g in gated]
        stages |= {"log_posterior": np.hstack(answers), "unity": unity[:, None]}
        says = say(trials, answers[0][of_row], answers[1][of_row], unity[of_row])
        activity = {name: stages[name][of_row] for name in self.layers}
        return Percept(answer(trials, says, self.name), collect(layers, activity, trials, self.name))


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
    p_common: float = 0.5  # prior probability that the word names the drawing; for the gate and "common"
    pixel_noise: float = 0.1  # sd, where white is 1
    training: Literal["congruent", "shuffled", "pictures", "words"] = "congruent"  # which of the shipped weights
    trained: bool = True  # False: the untrained twin
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "picture_namer"

    network: ClassVar[str] = "picture_namer"
    layers: ClassVar[tuple[str, ...]] = (
        "conv1", "conv2", "conv3", "features", "embedding", "log_posterior", "unity",
    )  # fmt: skip

    def __post_init__(self):
        self.check()
        check_device(self.device)
        if self.pixel_noise > NOISE:
            raise ValueError(f"{self.name}: pixel_noise is {self.pixel_noise}; it was trained in {NOISE}: at most that")
        if self.training not in TRAININGS:
            raise ValueError(f"{self.name}: training is '{self.training}'; one of {', '.join(TRAININGS)} is wanted")

    def _log_posterior(self, pictures, shown):
        _, _, module = self._load()
        with torch.inference_mode():
            said = module.encode_second(module.second.tokens([f"a {shape}" for shape in SHAPES]).to(self.device))

        def look(block):
            stages = module.first.stages(block)
            embedding = torch.nn.functional.normalize(module.first_projection(stages["features"]), dim=1)
            return stages | {"embedding": embedding, "logits": module.scale() * embedding @ said.T}

        stages = in_blocks(look, pictures, device=self.device)
        return log_softmax(stages.pop("logits").astype(float), axis=1), stages

    def _weights_name(self):
        return TRAININGS[self.training] if self.trained else "picture_namer_untrained"

    @classmethod
    def _build(cls, header, tensors):
        return build(**header["config"])


@dataclass(frozen=True)
class ClipNamer(NamesPictures):
    """Pretrained CLIP as the same subject: a folder of weights that `load_clip` reads (extra `hub`)."""

    path: str  # folder with config.json, model.safetensors and a tokenizer
    prompt: str = "a photo of a {}"
    gate: Literal["none", "logit"] = "none"
    p_common: float = 0.5  # prior probability that the word names the drawing; for the gate and "common"
    pixel_noise: float = 0.1  # sd, where white is 1
    name: str = "clip"

    def __post_init__(self):
        self.check()
        if "{}" not in self.prompt:
            raise ValueError(f"{self.name}: prompt is '{self.prompt}'; it needs '{{}}' where the shape is named")

    def _log_posterior(self, pictures, shown):
        model = _clip(self.path)
        said = model.encode_text([self.prompt.format(shape) for shape in SHAPES])
        seen = model.encode_image(np.clip(pictures, 0, 1))
        return log_softmax(model.scale() * (seen @ said.T).astype(float), axis=1), {}

    def provenance(self) -> dict:
        return describe(self)


@dataclass(frozen=True)
class DiffusionNamer(NamesPictures):
    """The text-to-image denoiser as the same subject, by the diffusion classifier; it never saw a printed word.

    Each caption says the drawing's colour, which it is told, and one shape; the caption under which the noise is best
    predicted wins (Li et al. 2023, arXiv 2303.16203).
    """

    n_levels: int = 12  # noise levels of the score
    gate: Literal["none", "logit"] = "none"
    p_common: float = 0.5  # prior probability that the word names the drawing; for the gate and "common"
    pixel_noise: float = 0.1  # sd, where white is 1
    name: str = "diffusion_text"

    def __post_init__(self):
        self.check()

    def _log_posterior(self, pictures, shown):
        from neuromm.observers.ann.diffusion.classifier import classify_captions
        from neuromm.observers.ann.diffusion.latent import LatentDiffusion

        model, found = _diffusion(LatentDiffusion), np.empty((len(shown), len(SHAPES)))
        colours = PrintedPictures(self.pixel_noise).details(shown)["colour"].to_numpy()
        for colour in sorted(set(colours)):
            rows = colours == colour
            captions = [f"a {colour} {shape}" for shape in SHAPES]
            found[rows] = classify_captions(model, np.clip(pictures[rows], 0, 1), captions, n_levels=self.n_levels)
        return log_softmax(found, axis=1), {}

    def provenance(self) -> dict:
        return describe(self)


@functools.lru_cache(maxsize=2)
def _clip(path):
    from neuromm.observers.ann.contrastive.pretrained import load_clip

    return load_clip(path)


@functools.lru_cache(maxsize=1)
def _diffusion(cls):
    return cls.load()
