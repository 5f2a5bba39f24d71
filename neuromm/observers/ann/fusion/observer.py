"""The fusion network as a subject: sees frames, hears two ears, answers where and whether together."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import torch

from neuromm.observers.ann.fusion.net import FusionNet, levels_of, strips_of
from neuromm.observers.ann.network import NetworkObserver, check_numbers, in_blocks
from neuromm.observers.ann.scenes import SIGMA_PRIOR, check_support
from neuromm.observers.ann.variants import vary
from neuromm.observers.protocol import Percept, answer, check_asked, collect, perceive_sets
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.measurement import place_of, sigma_of
from neuromm.stimuli.render import rendered
from neuromm.stimuli.sound import Cochleagram, Sound
from neuromm.stimuli.table import require, showings

CUES = ("auditory", "visual")
TRAININGS = {
    "causes": "fusion_net", "one cause": "fusion_net_p100", "shuffled": "fusion_net_shuffled",
    "auditory": "fusion_net_auditory", "visual": "fusion_net_visual",
}  # fmt: skip


@dataclass(frozen=True)
class FusionNetwork(NetworkObserver):
    """Two streams that meet in a fusion layer, which answers both places and the log odds of one cause.

    Trained with squared error on the true places of rendered scenes, half of which have one cause: the optimum is
    the posterior mean, E[s_A | x] = p(C=1 | x) E[s | x, C=1] + (1 − p(C=1 | x)) E[s_A | x, C=2], model averaging. The
    places are read by the network's own heads, whose labels include scenes of one sense alone and of two causes.

    `training`: "causes" (p_common ½), "one cause" (p_common 1, for cue weights), and the controls "shuffled" (lights of
    other scenes than sounds), "auditory", "visual" (one sense alone, always). `lesion` silences units of the last
    fusion layer.

    References
    ----------
    Zhang, Wang, Chen, Gu, DeAngelis & Wu (2019) eLife 8:e43753 (congruent and opposite cells). Orhan & Ma (2017) Nat
    Commun 8:138. Körding et al. (2007) PLoS ONE 2:e943.
    """

    sigma_auditory: float = 8.0  # deg, sensory sd of the rendered sound at reliability 1
    sigma_visual: float = 2.0  # deg, sensory sd of the rendered frame at reliability 1
    training: Literal["causes", "one cause", "shuffled", "auditory", "visual"] = "causes"  # which shipped weights
    lesion: tuple[int, ...] = ()  # silenced units of the last fusion layer
    weight_noise: float = 0.0  # sd of an individual's deviation, in units of each tensor's sd
    individual: int = 0  # which individual, where weight_noise is not 0
    trained: bool = True  # False: the untrained twin
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "fusion_net"

    network: ClassVar[str] = "fusion_net"
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

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Render each trial, look and listen, answer, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report` and `auditory_azimuth`, `visual_azimuth` (NaN = absent). Physical noise comes from
            `noise_seed` (drawn by `rng` where the table has none) unless a measurement is yoked: then the event is
            rendered there, without noise.
        rng : numpy.random.Generator
        layers : names, patterns or Records
            strips, levels (inputs), both streams, fusion1, fusion2, places (deg), common (log odds, nats).
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
        seen = trials
        if "noise_seed" not in trials or trials["noise_seed"].isna().any():
            seen = trials.assign(noise_seed=rng.integers(2**53, size=len(trials)))
        stages, present = self._infer(seen.iloc[first])
        stages = {layer: values[of_row] for layer, values in stages.items()}
        common = np.where(present.all(1)[of_row], stages["common"][:, 0] > 0, np.nan)
        says = {cue: stages["places"][:, i].astype(float) for i, cue in enumerate(CUES)} | {"common": common}
        judged = pd.array([None if np.isnan(c) else c > 0.5 for c in common], "boolean")
        return Percept(
            answer(trials, says, self.name, judged_common=judged), collect(layers, stages, trials, self.name)
        )

    def _infer(self, shown):
        """Layers of each showing, and which senses it has."""
        header, _, module = self._load()
        config = header["config"]
        present = np.column_stack([~np.isnan(place_of(shown, cue)) for cue in CUES])
        for i, cue in enumerate(CUES):
            sigma = np.where(present[:, i], sigma_of(shown, cue, getattr(self, f"sigma_{cue}")), np.inf)
            check_support(sigma, config["sigma_low"], config["sigma_high"], self.name, cue)
        stages = {
            "strips": strips_of(rendered(Frames(sigma=self.sigma_visual), shown)),
            "levels": levels_of(rendered(Cochleagram(Sound(sigma=self.sigma_auditory)), shown)),
        }
        if self.weight_noise > 0:
            module = vary(module, self.weight_noise, self.individual)
        spared = self._spared(config["n_fusion"])
        stages |= in_blocks(
            lambda strips, levels, there: module.stages(strips, levels, there, spared),
            stages["strips"], stages["levels"], self._used(present), device=self.device,
        )  # fmt: skip
        stages["places"] = SIGMA_PRIOR * stages["places"]
        return {layer: stages[layer] for layer in self.layers}, present

    def _used(self, present):
        """Which senses the network uses: one that it never had in training is not switched on."""
        used = present.astype(np.float32)
        if self.trained and self.training in CUES:
            used[:, 1 - CUES.index(self.training)] = 0.0
        return used

    def _spared(self, n):
        if not self.lesion:
            return None
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
