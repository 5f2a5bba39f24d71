"""The audiovisual encoder: two towers that learnt which sights and sounds go together."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.special import expit

from neuromm.maths.gaussian import logit
from neuromm.observers.ann.network import NetworkObserver, check_numbers, in_blocks
from neuromm.observers.ann.scenes import check_support
from neuromm.observers.ann.towers import Towers
from neuromm.observers.protocol import Percept, answer, check_asked, collect, perceive_sets, units_of
from neuromm.observers.readout import LocationReadout, fuse_posteriors
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.measurement import place_of, sigma_of, with_noise_seeds
from neuromm.stimuli.render import rendered
from neuromm.stimuli.sound import Cochleagram, Sound
from neuromm.stimuli.table import require, showings

CUES = ("auditory", "visual")
TRAININGS = {"paired": "av_encoder", "shuffled": "av_encoder_shuffled"}


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

    References
    ----------
    Radford et al. (2021) arXiv 2103.00020; van den Oord, Li & Vinyals (2018) arXiv 1807.03748.
    """

    sigma_auditory: float = 8.0  # deg, sensory sd of the rendered sound at reliability 1
    sigma_visual: float = 2.0  # deg, sensory sd of the rendered frame at reliability 1
    p_common: float = 0.5  # prior probability of one cause
    fusion: Literal["gated", "additive"] = "gated"
    training: Literal["paired", "shuffled"] = "paired"  # which shipped weights
    trained: bool = True  # False: the untrained twin, its read-outs fitted the same way
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

    def __post_init__(self):
        check_numbers(self, ("sigma_auditory", "sigma_visual"), ("p_common",))
        if self.fusion not in FUSION:
            raise ValueError(f"{self.name}: fusion is '{self.fusion}'; one of {', '.join(FUSION)} is wanted")
        if self.training not in TRAININGS:
            raise ValueError(f"{self.name}: training is '{self.training}'; one of {', '.join(TRAININGS)} is wanted")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Render each trial, look and listen, answer, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report` and `auditory_azimuth`, `visual_azimuth` (NaN = absent: a blank, silence). Physical
            noise comes from `noise_seed` (drawn by `rng` where the table has none) unless a measurement
            is yoked: then the event is rendered there, without noise.
        rng : numpy.random.Generator
        layers : names, patterns or Records
            The raw inputs (frames, cochleagram), the stages of each tower, and joint: evidence (nats; 0 where
            one event is shown), p, auditory estimate, visual estimate (deg; 0 where absent).
        parameters : DataFrame, optional
            One parameter set per row; the result gains a leading `set` dimension.

        Raises
        ------
        ValueError
            If a column is missing, a row asks what cannot be answered, or its sensory sd was never trained.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        stimuli, activity, both = self._infer(with_noise_seeds(trials, rng).iloc[first])
        evidence, posterior, auditory, visual = activity["joint"].T
        common = np.where(both, posterior > 0.5, np.nan)[of_row]
        says = {"auditory": auditory[of_row], "visual": visual[of_row], "common": common}
        judged = pd.array([None if np.isnan(c) else c > 0.5 for c in common], "boolean")
        stages = stimuli | activity
        recordable = {layer: lambda v=stages[layer]: units_of(v)[of_row] for layer in self.layers}
        return Percept(
            answer(trials, says, self.name, judged_common=judged), collect(layers, recordable, trials, self.name)
        )

    def _infer(self, shown):
        """Stimuli and layers of each showing, and whether it shows both events."""
        header, tensors, module = self._load()
        config, present = header["config"], {}
        for cue in CUES:
            present[cue] = ~np.isnan(place_of(shown, cue))
            sigma = np.where(present[cue], sigma_of(shown, cue, getattr(self, f"sigma_{cue}")), np.inf)
            check_support(sigma, config["sigma_low"], config["sigma_high"], self.name, cue)
        stimuli = {
            "frames": rendered(Frames(sigma=self.sigma_visual), shown),
            "cochleagram": rendered(Cochleagram(Sound(sigma=self.sigma_auditory)), shown),
        }
        activity = in_blocks(
            lambda frames, heard: module.visual.stages(frames) | module.auditory.stages(heard),
            stimuli["frames"], stimuli["cochleagram"], device=self.device,
        )  # fmt: skip
        both = present["auditory"] & present["visual"]
        similarity = (activity["auditory_embedding"] * activity["visual_embedding"]).sum(1)
        evidence = np.where(both, float(module.scale()) * similarity + tensors["evidence.offset"][0], 0.0)
        variance = config["sigma_prior"] ** 2
        readouts = {cue: LocationReadout.from_tensors(tensors, f"{cue}_place", variance) for cue in CUES}
        read = [readouts[cue](activity[f"{cue}_hidden2"]) for cue in CUES]
        means, variances = (np.stack(values) for values in zip(*read, strict=True))
        posterior = np.where(both, expit(evidence + logit(self.p_common)), 0.0)
        estimate = FUSION[self.fusion](means, variances, posterior, self.p_common * both, tensors, variance)
        estimate = np.where([present[cue] for cue in CUES], estimate, 0.0)
        activity["joint"] = np.column_stack([evidence, posterior, *estimate])
        return stimuli, activity, both

    def _weights_name(self):
        return TRAININGS[self.training] if self.trained else "av_encoder_untrained"

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
