"""The hierarchy as a subject: every stage from V1 to association can be recorded while it answers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.core.parameters import sd
from neuromm.observers.ann.fusion.subject import PlaceSubject
from neuromm.observers.ann.hierarchy.net import FRAMES, HierarchyNet


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

    sigma_auditory: float = sd(8.0, "deg")  # sensory SD of the rendered sound at reliability 1
    sigma_visual: float = sd(2.0, "deg")  # sensory SD of the rendered frame at reliability 1
    lesion: tuple[int, ...] = ()  # silenced units of the last association stage
    weight_noise: float = sd(0.0, "SDs of each tensor", zero=True)  # how far an individual's weights deviate
    individual: int = 0  # which individual, where weight_noise is not 0
    trained: bool = True  # False: the untrained control
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
    lesioned: ClassVar[str] = "n_association"

    def see(self, frames):
        """The frame, in units of its pixel noise."""
        return np.asarray(frames, np.float32) / np.float32(FRAMES.pixel_noise)

    @classmethod
    def _build(cls, header, tensors):
        return HierarchyNet(header["config"]["n_it"], header["config"]["n_association"])
