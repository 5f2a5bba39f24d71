"""How the hierarchy is trained: the scenes of the fusion network, seen as whole frames."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.fusion.recipe import FusionRecipe, draw, sounds
from neuromm.observers.ann.hierarchy.net import HierarchyNet, draw_frames
from neuromm.observers.ann.making import FIT, TEST, arrays, trainer_of
from neuromm.observers.ann.scenes import SIGMA_PRIOR
from neuromm.observers.readout import fit_ridge


@dataclass(frozen=True)
class HierarchyRecipe(FusionRecipe):
    """As the fusion network's, with fewer and smaller batches: whole frames cost more."""

    n_hidden: int = 48  # units of IT
    n_fusion: int = 64  # units of the association stages
    n_steps: int = 700
    batch: int = 256
    learning_rate: float = 3e-3
    decay: float = 0.99


def fit_hierarchy(recipe, seed, device, checkpoint, limits):
    """Squared error of both places and cross entropy of one cause, where both senses are there."""
    torch.manual_seed(seed)
    store = sounds(recipe.sigma_low, recipe.sigma_high, recipe.noisy, 0, recipe.n_sounds)
    network = HierarchyNet(recipe.n_hidden, recipe.n_fusion)
    network.centre.copy_(torch.from_numpy(store[3].mean(0)))
    network.centre[len(network.centre) // 2 :] = 0.0  # the world is symmetric
    network.spread.copy_(torch.from_numpy(store[3].std(0) + 1e-3))
    network.to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "sigma_prior": SIGMA_PRIOR}
    run = Run(network, "hierarchy_net", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits)
    for step in run:
        scene = draw(recipe, store, np.random.default_rng([seed, step]), recipe.batch, see=draw_frames)
        *seen, present, places, common = (x.to(device) for x in scene)
        estimate, odds = network(*seen, present)
        both = present.prod(1)
        place_error = ((estimate - places).square() * present).sum() / present.sum()
        unity_error = (F.binary_cross_entropy_with_logits(odds[:, 0], common, reduction="none") * both).mean()
        run.update(place_error + recipe.unity * unity_error)
    network = run.finish().cpu()  # read-outs and scores are small
    if not run.step:
        _read_out_untrained(network, recipe, store)
    config = {"n_it": recipe.n_hidden, "n_association": recipe.n_fusion, "p_common": recipe.p_common,
              "sigma_low": recipe.sigma_low, "sigma_high": recipe.sigma_high}  # fmt: skip
    return {
        "tensors": arrays(network), "config": config, "recipe": said | {"steps_taken": run.step},
        "score": _score(network, recipe),
    }  # fmt: skip


@torch.no_grad()
def _read_out_untrained(network, recipe, store, n=3000):
    """The untrained twin's places: ridge regression of its last stage on scenes of one sense."""
    for k in range(2):
        only = dataclasses.replace(recipe, only=("auditory", "visual")[k])
        seen, heard, present, places, _ = draw(only, store, np.random.default_rng([FIT, k]), n, see=draw_frames)
        hidden = network.stages(seen, heard, present)["association2"].numpy()
        weights, bias = fit_ridge(hidden, places[:, k].numpy())
        network.places.weight[k] = torch.as_tensor(weights, dtype=torch.float32)
        network.places.bias[k] = float(bias)


@torch.no_grad()
def _score(network, recipe, n=4000):
    """Errors on new scenes with new sounds."""
    store = sounds(recipe.sigma_low, recipe.sigma_high, recipe.noisy, 1, 4000)
    scene = draw(recipe, store, np.random.default_rng([TEST, 1]), n, see=draw_frames)
    device = network.places.weight.device
    seen, heard, present, places, common = (x.to(device) for x in scene)
    estimate, odds = network(seen, heard, present)
    error = (estimate - places)[present > 0] * SIGMA_PRIOR
    both = present.prod(1) > 0
    loss = F.binary_cross_entropy_with_logits(odds[both, 0], common[both])
    return {"rms_error_deg": float(error.square().mean().sqrt()), "unity_log_loss": float(loss)}


ABOUT = (
    "A visual hierarchy (V1 that begins as Gabors, V2/V4, IT) and an ear that meet in two association stages, with "
    "heads for both places and for one cause.",
    "The scenes of the fusion network as whole frames: one cause with probability `p_common`, places N(0, "
    "`sigma_prior`² deg²), sensory sd log-uniform between `sigma_low` and `sigma_high`; labels are true "
    "places and causes.",
    "`rms_error_deg`: against true places of new scenes. `unity_log_loss`: nats.",
    "Trained briefly on whole frames: less exact than the fusion network.",
)
train = trainer_of("hierarchy_net", fit_hierarchy, HierarchyRecipe, ABOUT)
