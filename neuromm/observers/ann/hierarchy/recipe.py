"""How the hierarchy is trained: the scenes of the fusion network, seen as whole frames."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.fusion import recipe as fusion
from neuromm.observers.ann.hierarchy.net import HierarchyNet, draw_frames
from neuromm.observers.ann.training import FIT
from neuromm.observers.readout import fit_ridge

CARD = Card(
    "A visual hierarchy (V1 that begins as Gabors, V2/V4, IT) and an ear that meet in two association stages, with "
    "heads for both places and for one cause.",
    "The scenes of the fusion network as whole frames: one cause with probability `p_common`, places N(0, "
    "`sigma_prior`² deg²), sensory sd log-uniform between `sigma_low` and `sigma_high`; labels are true "
    "places and causes.",
    "`rms_error_deg`: against true places of new scenes. `unity_log_loss`: nats.",
    "Trained briefly on whole frames: less exact than the fusion network.",
)


@dataclass(frozen=True)
class HierarchyRecipe(fusion.FusionRecipe):
    """As the fusion network's, with fewer and smaller batches: whole frames cost more."""

    n_hidden: int = 48  # units of IT
    n_fusion: int = 64  # units of the association stages
    n_steps: int = 700
    batch: int = 256
    learning_rate: float = 3e-3
    decay: float = 0.99

    network: ClassVar[str] = "hierarchy_net"
    card: ClassVar[Card] = CARD

    def module(self):
        """The network, its first stage Gabors."""
        return HierarchyNet(self.n_hidden, self.n_fusion)

    def draw_seen(self, azimuth, sigma, noisy, rng):
        """Whole frames of events."""
        return draw_frames(azimuth, sigma, noisy, rng)

    def read_out(self, network, data, run):
        """The places of an untrained network."""
        if not run.step:
            _read_out_untrained(network, self, data)
        return {}, {}

    def score(self, network, data, run):
        """Errors on new scenes with new sounds."""
        return _score(network, self)

    def config(self, network, run):
        """What builds it, and what it was trained in."""
        built = {"n_it": self.n_hidden, "n_association": self.n_fusion}
        return built | {"p_common": self.p_common, "sigma_low": self.sigma_low, "sigma_high": self.sigma_high}


@torch.no_grad()
def _read_out_untrained(network, recipe, store, n=3000):
    """The untrained control's places: ridge regression of its last stage on scenes of one sense."""
    for k in range(2):
        rng = np.random.default_rng([FIT, k])
        only = dataclasses.replace(recipe, only=("auditory", "visual")[k])
        seen, heard, present, places, _ = fusion.draw(only, store, rng, n, see=draw_frames)
        hidden = network.stages(seen, heard, present)["association2"].numpy()
        weights, bias = fit_ridge(hidden, places[:, k].numpy())
        network.places.weight[k] = torch.as_tensor(weights, dtype=torch.float32)
        network.places.bias[k] = float(bias)


def _score(network, recipe, n=4000):
    """As of the fusion network, on fewer scenes."""
    return fusion.score_scenes(network, recipe, n)
