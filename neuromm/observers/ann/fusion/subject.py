"""What subjects that place events and judge causes share: a frame and a cochleagram in, places and log odds out."""

import numpy as np
import pandas as pd

from neuromm.observers.ann.fusion.net import levels_of
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.ann.scenes import SIGMA_PRIOR, check_support
from neuromm.observers.ann.variants import vary
from neuromm.observers.protocol import Percept, answer, check_asked, collect, perceive_sets, units_of
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.measurement import place_of, sigma_of, with_noise_seeds
from neuromm.stimuli.render import rendered
from neuromm.stimuli.sound import Cochleagram, Sound
from neuromm.stimuli.table import require, showings

CUES = ("auditory", "visual")


class PlaceSubject(NetworkObserver):
    """Answers auditory and visual place and common cause; a subclass says what its eye keeps of a frame.

    Its module's `stages(seen, levels, present, spared)` gives every layer, among them places (units of the prior's sd)
    and common (log odds).
    """

    seen = ""  # name of the layer that holds what the eye keeps
    lesion, weight_noise, individual = (), 0.0, 0

    def _see(self, frames):
        """What the eye keeps of frames (n, 1, H, W)."""
        raise NotImplementedError

    def _spared(self, config):
        """None, or which units of the last layer before the heads are not silenced."""
        return None

    def _used(self, present):
        """Which senses the network uses, (n, 2) float32."""
        return present.astype(np.float32)

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
            What eye and ear keep, every stage, places (deg), common (log odds, nats).
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
        stages, present = self._infer(with_noise_seeds(trials, rng).iloc[first])
        stages = {layer: units_of(values)[of_row] for layer, values in stages.items()}
        common = np.where(present.all(1)[of_row], stages["common"][:, 0] > 0, np.nan)
        says = {cue: stages["places"][:, i].astype(float) for i, cue in enumerate(CUES)} | {"common": common}
        judged = pd.array([None if np.isnan(c) else c > 0.5 for c in common], "boolean")
        return Percept(
            answer(trials, says, self.name, judged_common=judged), collect(layers, stages, trials, self.name)
        )

    def edited(self, trials, layer, edit):
        """Places (n_trials, 2; auditory, visual; deg) if a layer's activity were changed on its way.

        Parameters
        ----------
        trials : DataFrame
            With yoked measurements, or `noise_seed`.
        layer : str
            One of `editable`.
        edit : callable
            Activity, array (n, n_units) → activity.
        """
        return self._infer(trials, self._editing(layer, edit))[0]["places"]

    def _infer(self, shown, edit=None):
        """Layers of each showing, and which senses it has."""
        header, _, module = self._load()
        config = header["config"]
        present = np.column_stack([~np.isnan(place_of(shown, cue)) for cue in CUES])
        for i, cue in enumerate(CUES):
            sigma = np.where(present[:, i], sigma_of(shown, cue, getattr(self, f"sigma_{cue}")), np.inf)
            check_support(sigma, config["sigma_low"], config["sigma_high"], self.name, cue)
        stages = {
            self.seen: self._see(rendered(Frames(sigma=self.sigma_visual), shown)),
            "levels": levels_of(rendered(Cochleagram(Sound(sigma=self.sigma_auditory)), shown)),
        }
        if self.weight_noise > 0:
            module = vary(module, self.weight_noise, self.individual)
        spared = self._spared(config)
        stages |= in_blocks(
            lambda seen, levels, there: module.stages(seen, levels, there, spared, **({"edit": edit} if edit else {})),
            stages[self.seen], stages["levels"], self._used(present), device=self.device,
        )  # fmt: skip
        stages["places"] = SIGMA_PRIOR * stages["places"]
        return {layer: stages[layer] for layer in self.layers}, present
