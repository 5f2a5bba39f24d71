"""The fusion network as a subject: sees frames, hears two ears, answers where and whether together."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from neuromm.observers.ann.fusion.net import FusionNet, strips_of
from neuromm.observers.ann.fusion.subject import CUES, PlaceSubject
from neuromm.observers.ann.network import check_numbers

TRAININGS = {
    "causes": "fusion_net", "one cause": "fusion_net_p100", "shuffled": "fusion_net_shuffled",
    "auditory": "fusion_net_auditory",
}  # fmt: skip


@dataclass(frozen=True)
class FusionNetwork(PlaceSubject):
    """Two streams that meet in a fusion layer, which answers both places and the log odds of one cause.

    Trained with squared error on the true places of rendered scenes, half of which have one cause: the optimum is
    the posterior mean, E[s_A | x] = p(C=1 | x) E[s | x, C=1] + (1 − p(C=1 | x)) E[s_A | x, C=2], model averaging. The
    places are read by the network's own heads, whose labels include scenes of one sense alone and of two causes.

    `training`: "causes" (p_common ½), "one cause" (p_common 1, for cue weights), and the controls "shuffled" (lights of
    other scenes than sounds) and "auditory" (sounds alone, always). `lesion` silences units of the last
    fusion layer.

    References
    ----------
    Zhang, Wang, Chen, Gu, DeAngelis & Wu (2019) eLife 8:e43753 (congruent and opposite cells). Orhan & Ma (2017) Nat
    Commun 8:138. Körding et al. (2007) PLoS ONE 2:e943.
    """

    sigma_auditory: float = 8.0  # deg, sensory sd of the rendered sound at reliability 1
    sigma_visual: float = 2.0  # deg, sensory sd of the rendered frame at reliability 1
    training: Literal["causes", "one cause", "shuffled", "auditory"] = "causes"  # which shipped weights
    lesion: tuple[int, ...] = ()  # silenced units of the last fusion layer
    weight_noise: float = 0.0  # sd of an individual's deviation, in units of each tensor's sd
    individual: int = 0  # which individual, where weight_noise is not 0
    trained: bool = True  # False: the untrained twin
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "fusion_net"

    network: ClassVar[str] = "fusion_net"
    seen: ClassVar[str] = "strips"
    editable: ClassVar[tuple[str, ...]] = ("fusion1", "fusion2")
    layers: ClassVar[tuple[str, ...]] = (
        "strips", "levels", "visual", "auditory", "visual2", "auditory2", "fusion1", "fusion2", "places", "common",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    def __post_init__(self):
        check_numbers(self, ("sigma_auditory", "sigma_visual"))
        if self.training not in TRAININGS:
            raise ValueError(f"{self.name}: training is '{self.training}'; one of {', '.join(TRAININGS)} is wanted")
        if not (np.isfinite(self.weight_noise) and self.weight_noise >= 0):
            raise ValueError(f"{self.name}: weight_noise is {self.weight_noise}; a number of at least 0 is wanted")

    def _see(self, frames):
        return strips_of(frames)

    def _used(self, present):
        """Which senses the network uses: one that it never had in training is not switched on."""
        used = present.astype(np.float32)
        if self.trained and self.training in CUES:
            used[:, 1 - CUES.index(self.training)] = 0.0
        return used

    def _spared(self, config):
        if not self.lesion:
            return None
        n = config["n_fusion"]
        if min(self.lesion) < 0 or max(self.lesion) >= n:
            raise ValueError(f"{self.name}: lesion is {self.lesion}; the fusion layer has units 0 to {n - 1}")
        spared = torch.ones(n, device=self.device)
        spared[list(self.lesion)] = 0.0
        return spared

    def _weights_name(self):
        return TRAININGS[self.training] if self.trained else "fusion_net_untrained"

    @classmethod
    def _build(cls, header, tensors):
        return FusionNet(**{k: header["config"][k] for k in ("n_hidden", "n_fusion")})
