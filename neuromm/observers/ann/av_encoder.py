"""The audiovisual encoder: two towers that learnt which sights and sounds go together."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.special import expit

from neuromm.core.parameters import probability, sd
from neuromm.maths.gaussian import logit
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.ann.scenes import check_support
from neuromm.observers.ann.towers import Towers
from neuromm.observers.base import Cue, Percepts
from neuromm.observers.protocol import units_of
from neuromm.observers.readout import LocationReadout, fuse_posteriors
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.render import rendered
from neuromm.stimuli.sound import Cochleagram, Sound


@dataclass(frozen=True)
class AVEncoder(NetworkObserver):
    """Sees frames, hears cochleagrams, and knows by contrastive learning whether they go together.

    The towers were trained with the symmetric contrastive loss on congruent events alone. At its optimum
    the scaled similarity of two embeddings is log p(a, v | paired)/(p(a) p(v)) + constant, the evidence
    log L₁/L₂ for one cause; the constant was found on matched against shuffled pairs. Then
    p = sigmoid(evidence + log prior odds of `p_common`), and unity is reported when p > ½.

    A two-tower network has no stage where the modalities meet, so it places events by a rule: read-outs
    of each tower (mean and variance of the place, fitted on unisensory trials alone), and with

    - `fusion="gated"`: p · (precision-weighted mean of the two, the prior counted once) + (1 − p) · its own;
    - `fusion="additive"`: the same with constant weights, a constant precision of each tower and
      `p_common` for p: the control without any interaction, whose bias cannot depend on disparity.

    `training="shuffled"` is the control that learnt from each sound beside the frame of another event: its logit
    knows nothing of pairs. Seeds 1 to 12 of the paired training are shipped.

    Events are rendered with the noise of the row's `noise_seed`; an event with a shared measurement is
    rendered there, without noise. Layers: the raw inputs (frames, cochleagram), the stages of each tower,
    and `joint`: evidence (nats; 0 where one event is shown), p, auditory and visual estimate (deg; 0 where
    absent).

    References
    ----------
    Radford et al. (2021) arXiv 2103.00020; van den Oord, Li & Vinyals (2018) arXiv 1807.03748.
    """

    sigma_auditory: float = sd(8.0, "deg")  # sensory SD of the rendered sound at reliability 1
    sigma_visual: float = sd(2.0, "deg")  # sensory SD of the rendered frame at reliability 1
    p_common: float = probability(0.5)  # prior probability of one cause
    fusion: Literal["gated", "additive"] = "gated"
    training: Literal["paired", "shuffled"] = "paired"  # which shipped weights
    trained: bool = True  # False: the untrained control, its read-outs fitted the same way
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "av_encoder"

    network: ClassVar[str] = "av_encoder"
    layers: ClassVar[tuple[str, ...]] = (
        "frames", "visual_retina", "visual_hidden1", "visual_hidden2", "visual_embedding",
        "cochleagram", "auditory_brainstem", "auditory_hidden1", "auditory_hidden2", "auditory_embedding",
        "joint",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")
    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    rendered: ClassVar[bool] = True

    def infer(self, stimuli, draws):
        """Look and listen, weigh whether both belong together, and place each event."""
        header, tensors, module = self._load()
        layers = self._towers(stimuli, header["config"], module)
        both = stimuli.present.all(1)
        # log L1/L2 of one cause: the scaled similarity and its constant
        similarity = (layers["auditory_embedding"] * layers["visual_embedding"]).sum(1)
        evidence = np.where(both, float(module.scale()) * similarity + tensors["evidence.offset"][0], 0.0)
        posterior = np.where(both, expit(evidence + logit(self.p_common)), 0.0)
        variance = header["config"]["sigma_prior"] ** 2
        means, variances = self._places(layers, tensors, variance)
        place = FUSION[self.fusion](means, variances, posterior, self.p_common * both, tensors, variance)
        place = np.where(stimuli.present.T, place, 0.0)
        layers["joint"] = np.column_stack([evidence, posterior, *place])
        common = np.where(both, posterior > 0.5, np.nan)
        return Percepts(
            auditory=place[0],
            visual=place[1],
            common=common,
            judged_common=common,
            layers={layer: units_of(values) for layer, values in layers.items()},
        )

    def _towers(self, stimuli, config, module):
        """What is seen and heard, and the layers of both towers."""
        sigma = np.where(stimuli.present, stimuli.sigmas(self), np.inf)
        for i, cue in enumerate(self.cues):
            check_support(sigma[:, i], config["sigma_low"], config["sigma_high"], self.name, cue.modality)
        frames = rendered(Frames(sigma=self.sigma_visual), stimuli.table)
        heard = rendered(Cochleagram(Sound(sigma=self.sigma_auditory)), stimuli.table)

        def run(frames, heard):
            return module.visual.stages(frames) | module.auditory.stages(heard)

        layers = in_blocks(run, frames, heard, device=self.device)
        return {"frames": frames, "cochleagram": heard} | layers

    def _places(self, layers, tensors, prior_variance):
        """Mean and variance of the place that each tower signals, (2, n) each."""
        means, variances = [], []
        for cue in self.cues:
            readout = LocationReadout.from_tensors(tensors, f"{cue.modality}_place", prior_variance)
            mean, variance = readout(layers[f"{cue.modality}_hidden2"])
            means.append(mean)
            variances.append(variance)
        return np.stack(means), np.stack(variances)

    @classmethod
    def _build(cls, header, tensors):
        return Towers(**{k: header["config"][k] for k in ("n_hidden", "n_embedding")})


def gate(means, variances, posterior, _prior, _tensors, prior_variance):
    """Each own estimate drawn to the fused one by the probability of one cause; (2, n_trials), deg."""
    fused, _ = fuse_posteriors(means, variances, 0.0, prior_variance)
    return means + posterior * (fused - means)


def add(means, _variances, _posterior, prior, tensors, prior_variance):
    """The same with constant weights: linear in the two read-outs; (2, n_trials), deg."""
    constant = np.broadcast_to(1 / tensors["additive.precision"][:, None], means.shape)
    fused, _ = fuse_posteriors(means, constant, 0.0, prior_variance)
    return means + prior * (fused - means)


FUSION = {"gated": gate, "additive": add}
