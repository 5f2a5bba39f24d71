"""The event counter as a subject: sees a disc, hears pips, says how many."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.messages import must_be
from neuromm.core.parameters import sd
from neuromm.observers.ann.counting.net import CounterNet
from neuromm.observers.ann.counting.recipe import cochlea_of
from neuromm.observers.ann.counting.subject import CountSubject
from neuromm.observers.ann.network import in_blocks
from neuromm.observers.base import Percepts
from neuromm.observers.protocol import block_starts
from neuromm.stimuli.flashes import FlashesAndBeeps
from neuromm.stimuli.render import kept

BLOCK = 64  # presentations rendered at a time, for memory only


@dataclass(frozen=True)
class FlashCounter(CountSubject):
    """Counts flashes and beeps, each the most probable number; trained on true counts of scenes, mostly of one cause.

    The eye's response to light lasts: flashes closer than about 100 ms run into one another, so that how many
    there were is uncertain, and beeps, which usually are as many, decide. Far apart, flashes are plain to see. Both
    follow from the generator's statistics (fields of the recipe); no illusory answer was a label.

    Needs `n_flashes`, `n_beeps` (0 to 4; NaN: that sense is absent); optional `flash_soa`, `beep_soa` (ms;
    60 where empty), `soa` and reliabilities. Layers: retina, cochlea (80 frames of 10 ms), both streams,
    fusion layers, logits of counts and of one cause.

    References
    ----------
    Shams, Kamitani & Shimojo (2000) Nature 408:788; Shams, Ma & Beierholm (2005) NeuroReport 16:1923.
    """

    pixel_noise: float = sd(1.8, "peaks of a flash")  # per pixel and frame, at reliability 1
    sound_noise: float = sd(0.02, "amplitudes of a pip")  # of the waveform, at reliability 1
    training: Literal["causes", "shuffled"] = "causes"  # which of the shipped weights
    weight_noise: float = sd(0.0, "SDs of each tensor", zero=True)  # how far an individual's weights deviate
    individual: int = 0  # which individual, where weight_noise is not 0
    trained: bool = True  # False: the untrained control
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "flash_counter"

    network: ClassVar[str] = "flash_counter"
    layers: ClassVar[tuple[str, ...]] = (
        "retina", "cochlea", "visual", "auditory", "fusion1", "fusion2", "n_flashes", "n_beeps", "common",
    )  # fmt: skip
    rendered: ClassVar[bool] = True

    def infer(self, stimuli, draws):
        """Look and listen once; each count is the most probable number."""
        header, _, module = self._load()
        shown = stimuli.table
        renderer = FlashesAndBeeps(pixel_noise=self.pixel_noise, sound_noise=self.sound_noise)
        self._check_noise(renderer.noise_of(shown, "visual"), header["config"])
        # a count of 0 is dark, or silence; a missing one is an absent sense
        present = shown[["n_beeps", "n_flashes"]].notna().to_numpy()

        def see(rows):
            return _by_parts(renderer.retina, rows)

        def hear(rows):
            return _by_parts(lambda part: cochlea_of(renderer.sound(part)), rows)

        retina = kept(see, shown, renderer, "retina")
        cochlea = kept(hear, shown, renderer, "cochlea")
        stages = in_blocks(module.stages, retina, cochlea, present, device=self.device)
        common = np.where(present.all(1), stages["common"][:, 0] > 0, np.nan)
        return Percepts(
            n_flashes=stages["n_flashes"].argmax(1).astype(float),
            n_beeps=stages["n_beeps"].argmax(1).astype(float),
            common=common,
            judged_common=common,
            layers={"retina": retina, "cochlea": cochlea} | stages,
        )

    def _check_noise(self, noise, config):
        low, high = config["noise_low"], config["noise_high"]
        outside = (noise < low * 0.999) | (noise > high * 1.001)
        if outside.any():
            wanted = f"{low:g} to {high:g} once divided by √visual_reliability, as in training"
            raise must_be(self.name, "pixel_noise", wanted, float(f"{noise[outside][0]:.3g}"))

    @classmethod
    def _build(cls, header, tensors):
        return CounterNet(**{k: header["config"][k] for k in ("channels", "n_hidden")})


def _by_parts(draw, shown):
    return np.concatenate([draw(shown.iloc[i : i + BLOCK]) for i in block_starts(len(shown), BLOCK)])
