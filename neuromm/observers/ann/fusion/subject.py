"""What subjects that place events and judge causes share: a frame and a cochleagram in, places and log odds out."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from neuromm.observers.ann.fusion.net import levels_of
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.ann.scenes import SIGMA_PRIOR, check_support
from neuromm.observers.base import Cue, Percepts, Stimuli
from neuromm.observers.protocol import units_of
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.render import rendered
from neuromm.stimuli.sound import Cochleagram, Sound


class PlaceSubject(NetworkObserver):
    """Answers auditory and visual place and common cause; a subclass says what its eye keeps of a frame.

    Events are rendered with the noise of the row's `noise_seed`; an event with a shared measurement is
    rendered there, without noise. Layers: what eye and ear keep, every stage, `places` (deg), `common`
    (log odds, nats). The module's `stages(seen, levels, present, mask)` gives every layer, among them
    places (units of the prior's SD) and common.
    """

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")
    rendered: ClassVar[bool] = True
    seen: ClassVar[str] = ""  # layer that holds what the eye keeps
    lesioned: ClassVar[str] = ""  # entry of the file's config with the number of units that `lesion` counts

    def see(self, frames: np.ndarray) -> np.ndarray:
        """What the eye keeps of frames (n, 1, H, W)."""
        raise NotImplementedError

    def used(self, present: np.ndarray) -> np.ndarray:
        """Which senses the network uses, (n, 2) float32."""
        return present.astype(np.float32)

    def infer(self, stimuli, draws):
        """Look and listen once; both senses are needed to judge a common cause."""
        stages = self._stages(stimuli)
        common = np.where(stimuli.present.all(1), stages["common"][:, 0] > 0, np.nan)
        places = stages["places"].astype(float)
        layers = {layer: units_of(stages[layer]) for layer in self.layers}
        return Percepts(
            auditory=places[:, 0],
            visual=places[:, 1],
            common=common,
            judged_common=common,
            layers=layers,
        )

    def edited(self, trials: pd.DataFrame, layer: str, edit: Callable) -> np.ndarray:
        """Places (n_trials, 2; auditory, visual; deg) if a layer's activity were changed on its way.

        Parameters
        ----------
        trials : DataFrame
            With shared measurements, or `noise_seed`.
        layer : str
            One of `editable`.
        edit : callable
            Activity, array (n, n_units) → activity.
        """
        stimuli = Stimuli(trials, self.cues, self.name)
        return stimuli.to_rows(self._stages(stimuli, self._editing(layer, edit))["places"])

    def _stages(self, stimuli: Stimuli, edit: dict | None = None) -> dict[str, np.ndarray]:
        """Layers of each presentation."""
        header, _, module = self._load()
        config, shown = header["config"], stimuli.table
        sigma = np.where(stimuli.present, stimuli.sigmas(self), np.inf)
        for i, cue in enumerate(self.cues):
            check_support(sigma[:, i], config["sigma_low"], config["sigma_high"], self.name, cue.modality)
        stages = {
            self.seen: self.see(rendered(Frames(sigma=self.sigma_visual), shown)),
            "levels": levels_of(rendered(Cochleagram(Sound(sigma=self.sigma_auditory)), shown)),
        }
        mask = self._unit_mask(config)
        options = {"edit": edit} if edit else {}

        def run(seen, levels, present):
            return module.stages(seen, levels, present, mask, **options)

        inputs = (stages[self.seen], stages["levels"], self.used(stimuli.present))
        stages |= in_blocks(run, *inputs, device=self.device)
        stages["places"] = SIGMA_PRIOR * stages["places"]
        return stages

    def _unit_mask(self, config: dict[str, Any]) -> torch.Tensor | None:
        """0 for each silenced unit of the last layer before the heads; None without a lesion."""
        if not self.lesion:
            return None
        n = config[self.lesioned]
        if min(self.lesion) < 0 or max(self.lesion) >= n:
            raise ValueError(
                f"{self.name}: lesion must name units 0 to {n - 1} of its last layer, got {self.lesion}"
            )
        mask = torch.ones(n, device=self.device)
        mask[list(self.lesion)] = 0.0
        return mask
