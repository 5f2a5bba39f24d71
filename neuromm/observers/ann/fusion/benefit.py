"""One network, three lives: trained on lights, on sounds, or on both, with equal parameters and equally many scenes."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import torch

from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.fusion.net import FusionNet, draw_strips
from neuromm.observers.ann.fusion.recipe import FusionRecipe, draw, sounds
from neuromm.observers.ann.scenes import SIGMA_PRIOR
from neuromm.observers.ann.training import TEST

LIVES = {"vision": "visual", "audition": "auditory", "audiovisual": ""}


def live(life, n_steps, *, seed=1, batch=256, n_sounds=4000, n_test=4000):
    """Train one network and test it on new scenes of one cause.

    Parameters
    ----------
    life : "vision", "audition" or "audiovisual"
        Which senses it has, in training and in test.
    n_steps, batch : int
        Scenes in training: n_steps · batch.

    Returns
    -------
    sigma_visual, error : arrays, shape (n_test,)
        deg; error of the event's place (of the light, for a network with vision).
    """
    torch.manual_seed(seed)
    recipe = FusionRecipe(p_common=1.0, p_absent=0.0, only=LIVES[life], n_sounds=n_sounds, n_steps=n_steps, batch=batch)
    store = sounds(recipe.sigma_low, recipe.sigma_high, recipe.noisy, 0, n_sounds)
    network = FusionNet(recipe.n_hidden, recipe.n_fusion)
    network.centre.copy_(torch.from_numpy(store[3].mean(0)))
    network.centre[len(network.centre) // 2 :] = 0.0
    network.spread.copy_(torch.from_numpy(store[3].std(0) + 1e-3))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(network, f"{life} only", Path(folder) / "benefit.checkpoint", dataclasses.asdict(recipe), n_steps,
                  recipe.learning_rate, min(recipe.decay, 1 - 5 / n_steps), resume=False, progress=False)  # fmt: skip
        for step in run:
            *seen, present, places, _ = draw(recipe, store, np.random.default_rng([seed, step]), batch)
            estimate, _ = network(*seen, present)
            run.update(((estimate - places).square() * present).sum() / present.sum())
        network = run.finish()
    used = []

    def see(azimuth, sigma, noisy, rng):
        used.append(sigma)
        return draw_strips(azimuth, sigma, noisy, rng)

    new = sounds(recipe.sigma_low, recipe.sigma_high, recipe.noisy, 1, n_sounds // 2)
    *seen, present, places, _ = draw(recipe, new, np.random.default_rng([seed, TEST]), n_test, see=see)
    with torch.no_grad():
        estimate, _ = network(*seen, present)
    column = 0 if life == "audition" else 1
    return used[0], SIGMA_PRIOR * (estimate - places)[:, column].numpy()
