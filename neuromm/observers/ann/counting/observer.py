"""The event counter as a subject: sees a disc, hears pips, says how many."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.observers.ann.counting.net import CounterNet
from neuromm.observers.ann.counting.recipe import cochlea_of
from neuromm.observers.ann.network import NetworkObserver, check_numbers, in_blocks
from neuromm.observers.ann.variants import vary
from neuromm.observers.protocol import Percept, answer, block_starts, collect, perceive_sets
from neuromm.stimuli.flashes import FlashesAndBeeps
from neuromm.stimuli.measurement import with_noise_seeds
from neuromm.stimuli.render import kept
from neuromm.stimuli.table import require, showings

TRAININGS = {"causes": "flash_counter", "shuffled": "flash_counter_shuffled"}
BLOCK = 64  # showings rendered at a time, for memory only


@dataclass(frozen=True)
class FlashCounter(NetworkObserver):
    """Counts flashes and beeps, each the most probable number; trained on true counts of scenes, mostly of one cause.

    The eye's response to light lasts: flashes closer than about 100 ms run into one another, so that how many
    there were is uncertain, and beeps, which usually are as many, decide. Far apart, flashes are plain to see. Both
    follow from the generator's statistics (fields of the recipe); no illusory answer was a label.

    References
    ----------
    Shams, Kamitani & Shimojo (2000) Nature 408:788; Shams, Ma & Beierholm (2005) NeuroReport 16:1923.
    """

    pixel_noise: float = 1.8  # luminance sd per pixel and frame at reliability 1, where a flash's peak is 1
    sound_noise: float = 0.02  # sd of the waveform's noise at reliability 1, where a pip's amplitude is 1
    training: Literal["causes", "shuffled"] = "causes"  # which of the shipped weights
    weight_noise: float = 0.0  # sd of an individual's deviation, in units of each tensor's sd
    individual: int = 0  # which individual, where weight_noise is not 0
    trained: bool = True  # False: the untrained twin
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "flash_counter"

    network: ClassVar[str] = "flash_counter"
    layers: ClassVar[tuple[str, ...]] = (
        "retina", "cochlea", "visual", "auditory", "fusion1", "fusion2", "n_flashes", "n_beeps", "common",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("n_flashes", "n_beeps", "common")

    def __post_init__(self):
        check_numbers(self, ("pixel_noise", "sound_noise"))
        if self.training not in TRAININGS:
            raise ValueError(f"{self.name}: training is '{self.training}'; one of {', '.join(TRAININGS)} is wanted")
        if not (np.isfinite(self.weight_noise) and self.weight_noise >= 0):
            raise ValueError(f"{self.name}: weight_noise is {self.weight_noise}; a number of at least 0 is wanted")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Render each trial, look and listen, count, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report`, `n_flashes`, `n_beeps` (0 to 4; NaN = that sense is absent); optional `flash_soa` and
            `beep_soa` (ms; 60 where empty), `soa`, reliabilities. Noise comes from `noise_seed` (drawn by `rng` where
            there is none).
        rng : numpy.random.Generator
        layers : names, patterns or Records
            retina, cochlea (80 frames of 10 ms), both streams, fusion layers, logits of counts and of one cause.
        parameters : DataFrame, optional
            One parameter set per row; the result gains a leading `set` dimension.

        Raises
        ------
        ValueError
            If a column is missing, a count or time is outside what is rendered, or a row asks for what is absent.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report", "n_flashes", "n_beeps"], self.name)
        self._check_asked(trials)
        first, of_row = showings(trials)
        stages, both = self._infer(with_noise_seeds(trials, rng).iloc[first])
        stages = {layer: values[of_row] for layer, values in stages.items()}
        says = {head: stages[head].argmax(1).astype(float) for head in ("n_flashes", "n_beeps")}
        says["common"] = np.where(both[of_row], stages["common"][:, 0] > 0, np.nan)
        judged = pd.array([None if np.isnan(c) else c > 0.5 for c in says["common"]], "boolean")
        return Percept(
            answer(trials, says, self.name, judged_common=judged), collect(layers, stages, trials, self.name)
        )

    def _check_asked(self, trials):
        for report in ("n_flashes", "n_beeps"):
            azimuth = f"{'visual' if report == 'n_flashes' else 'auditory'}_azimuth"
            absent = np.nan_to_num(trials[report].to_numpy(float)) == 0
            if azimuth in trials:
                absent |= trials[azimuth].isna().to_numpy()
            wrong = (trials["report"] == report).to_numpy() & absent
            if wrong.any():
                rows = trials.index[wrong][:5].tolist()
                raise ValueError(
                    f"{self.name}: trials {rows} ask for {report}, but there are none: that sense is absent"
                )

    def _infer(self, shown):
        """Layers of each showing, and whether both senses are there (a count of 0 is dark, or silence)."""
        header, _, module = self._load()
        renderer = FlashesAndBeeps(pixel_noise=self.pixel_noise, sound_noise=self.sound_noise)
        noise = renderer.noise_of(shown, "visual")
        low, high = header["config"]["noise_low"], header["config"]["noise_high"]
        if ((noise < low * 0.999) | (noise > high * 1.001)).any():
            raise ValueError(
                f"{self.name}: a pixel noise of {noise[(noise < low) | (noise > high)][0]:.3g} (pixel_noise/"
                f"√visual_reliability) lies outside {low:g} to {high:g}, the range it was trained in"
            )
        present = np.column_stack([shown[c].notna() for c in ("n_beeps", "n_flashes")]).astype(np.float32)
        stages = {
            "retina": kept(lambda rows: _by_parts(renderer.retina, rows), shown, renderer, "retina"),
            "cochlea": kept(lambda rows: _by_parts(lambda part: cochlea_of(renderer.sound(part)), rows), shown,
                            renderer, "cochlea"),
        }  # fmt: skip
        if self.weight_noise > 0:
            module = vary(module, self.weight_noise, self.individual)
        stages |= in_blocks(module.stages, stages["retina"], stages["cochlea"], present, device=self.device)
        return {layer: stages[layer] for layer in self.layers}, present.all(1)

    def _weights_name(self):
        return TRAININGS[self.training] if self.trained else "flash_counter_untrained"

    @classmethod
    def _build(cls, header, tensors):
        return CounterNet(**{k: header["config"][k] for k in ("channels", "n_hidden")})


def _by_parts(draw, shown):
    return np.concatenate([draw(shown.iloc[i : i + BLOCK]) for i in block_starts(len(shown), BLOCK)])
