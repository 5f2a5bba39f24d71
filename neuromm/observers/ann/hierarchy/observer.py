"""The hierarchy as a subject: every stage from V1 to association can be recorded while it answers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.observers.ann.fusion.subject import PlaceSubject
from neuromm.observers.ann.hierarchy.net import FRAMES, HierarchyNet
from neuromm.observers.ann.network import check_numbers


@dataclass(frozen=True)
class HierarchyNetwork(PlaceSubject):
    """A ventral stream (V1, V2/V4, IT) and an ear that meet in association stages; trained on true causes of scenes.

    V1 begins as even and odd Gabors of four orientations and is trained further. As the fusion network's, its squared
    error has the posterior mean (model averaging) as optimum. `lesion` silences units of the last association stage.

    References
    ----------
    Yamins & DiCarlo (2016) Nat Neurosci 19:356 (hierarchies as models of the ventral stream). Daugman (1985) JOSA A
    2:1160 (Gabors).
    """

    sigma_auditory: float = 8.0  # deg, sensory sd of the rendered sound at reliability 1
    sigma_visual: float = 2.0  # deg, sensory sd of the rendered frame at reliability 1
    lesion: tuple[int, ...] = ()  # silenced units of the last association stage
    weight_noise: float = 0.0  # sd of an individual's deviation, in units of each tensor's sd
    individual: int = 0  # which individual, where weight_noise is not 0
    trained: bool = True  # False: the untrained twin
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "hierarchy_net"

    network: ClassVar[str] = "hierarchy_net"
    seen: ClassVar[str] = "frames"
    layers: ClassVar[tuple[str, ...]] = (
        "frames", "levels", "v1", "v4", "it", "auditory", "auditory2", "association1", "association2", "places",
        "common",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    def __post_init__(self):
        check_numbers(self, ("sigma_auditory", "sigma_visual"))
        if not (np.isfinite(self.weight_noise) and self.weight_noise >= 0):
            raise ValueError(f"{self.name}: weight_noise is {self.weight_noise}; a number of at least 0 is wanted")

    def _see(self, frames):
        return np.asarray(frames, np.float32) / np.float32(FRAMES.pixel_noise)

    def _spared(self, config):
        if not self.lesion:
            return None
        n = config["n_association"]
        if min(self.lesion) < 0 or max(self.lesion) >= n:
            raise ValueError(f"{self.name}: lesion is {self.lesion}; the association stage has units 0 to {n - 1}")
        spared = torch.ones(n, device=self.device)
        spared[list(self.lesion)] = 0.0
        return spared

    @classmethod
    def _build(cls, header, tensors):
        return HierarchyNet(header["config"]["n_it"], header["config"]["n_association"])
