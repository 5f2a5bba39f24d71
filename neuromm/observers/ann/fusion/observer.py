"""The fusion network as a subject: sees frames, hears two ears, answers where and whether together."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from neuromm.core.parameters import sd
from neuromm.observers.ann.fusion.net import FusionNet, strips_of
from neuromm.observers.ann.fusion.subject import PlaceSubject


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

    sigma_auditory: float = sd(8.0, "deg")  # sensory SD of the rendered sound at reliability 1
    sigma_visual: float = sd(2.0, "deg")  # sensory SD of the rendered frame at reliability 1
    training: Literal["causes", "one cause", "shuffled", "auditory"] = "causes"  # which shipped weights
    lesion: tuple[int, ...] = ()  # silenced units of the last fusion layer
    weight_noise: float = sd(0.0, "SDs of each tensor", zero=True)  # how far an individual's weights deviate
    individual: int = 0  # which individual, where weight_noise is not 0
    trained: bool = True  # False: the untrained control
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
    lesioned: ClassVar[str] = "n_fusion"

    def see(self, frames):
        """Strips of the frame."""
        return strips_of(frames)

    def used(self, present):
        """Which senses the network uses: one that it never had in training is not switched on."""
        used = super().used(present)
        if self.trained and self.training == "auditory":
            used[:, 1] = 0.0
        return used

    @classmethod
    def _build(cls, header, tensors):
        return FusionNet(**{k: header["config"][k] for k in ("n_hidden", "n_fusion")})
