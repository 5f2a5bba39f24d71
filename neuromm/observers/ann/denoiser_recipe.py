"""How the audiovisual denoiser is trained: scenes of one and of two causes; then a probe of unity."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.observers.ann.card import Card
from neuromm.observers.ann.denoiser import Denoiser, signal_and_noise
from neuromm.observers.ann.scenes import SIGMA_PRIOR, Scenes
from neuromm.observers.ann.training import FIT, TEST, Recipe, device_of
from neuromm.observers.readout import fit_logistic, fit_ridge

CARD = Card(
    "A multilayer perceptron that is given a noisy auditory and a noisy visual place, each with its own noise "
    "level, and returns both places. Squared error makes the posterior mean (model averaging) its optimum.",
    "Scenes: one cause with probability `p_common`, places N(0, `sigma_prior`² deg²), sensory sd log-uniform "
    "between `sigma_low` and `sigma_high`, independently for each modality and of the places; one modality absent "
    "in a part `p_absent`. Labels are true places, also of scenes with two causes; never an illusory answer. "
    "`n_steps` steps of `batch` new scenes. In a part `flat` (0 if not given) of those with both modalities "
    "the two measurements are drawn first, each by its own law and independently, then cause and places from their "
    "posterior: the label is one drawn place, the optimum the same; measurements far apart are seen more often.",
    "`rms_error_deg`: against true places of new scenes. `unity_log_loss`: nats, of a logistic probe of the last "
    "hidden layer for one cause, fitted on other scenes, half of them with one cause.",
    "Noise levels outside the range above are refused. Scalar measurements make agreement with the ideal observer "
    "a check of training, not a discovery.",
)


@dataclass(frozen=True)
class DenoiserRecipe(Recipe):
    """What the denoiser sees and how it learns."""

    p_common: float = 0.5  # of the training scenes
    sigma_low: float = 0.5  # deg, support of the sensory noise
    sigma_high: float = 30.0
    n_hidden: int = 48
    n_layers: int = 3
    gated: bool = True
    flat: float = 0.5  # share of the scenes whose measurements are drawn first: accuracy where conflicts are rare
    n_steps: int = 3000
    batch: int = 4096
    learning_rate: float = 3e-2
    decay: float = 0.998

    network: ClassVar[str] = "av_denoiser"
    card: ClassVar[Card] = CARD

    def scenes(self) -> Scenes:
        """The generator of scenes, with every measurement drawn from its places."""
        return Scenes(self.p_common, sigma_low=self.sigma_low, sigma_high=self.sigma_high)

    def build(self, start):
        """The network, and scenes of which a part has its measurements drawn first."""
        fields = ("n_hidden", "n_layers", "gated", "sigma_low", "sigma_high")
        network = Denoiser(**{name: getattr(self, name) for name in fields})
        return network.to(start.device), dataclasses.replace(self.scenes(), flat=self.flat)

    def loss_of_step(self, network, data, seed, step):
        """Squared error of both places."""
        scene = data.draw(np.random.default_rng([seed, step]), self.batch)
        x, sigma, a, b, place = noised(scene, device_of(network))
        return (network(x, sigma, a, b) - place).square().mean()

    def run_options(self):
        """Muon on the hidden matrices; long gradients are cut."""
        return {"orthogonal": "hidden", "most_norm": 1.0}

    def describe(self, data):
        """The generator's fixed numbers."""
        return {"sigma_prior": data.sigma_prior, "p_absent": data.p_absent}

    def read_out(self, network, data, run):
        """A probe of unity; without a step, also the places."""
        seed = run.recipe["seed"]
        if not run.step:
            _read_out_unisensory(network, self.scenes(), seed)
        return _probe_unity(network, self, seed)

    @torch.no_grad()
    def score(self, network, data, run):
        """Root mean squared error of places on new scenes, deg."""
        scene = self.scenes().draw(np.random.default_rng([run.recipe["seed"], TEST]), 100_000)
        x, sigma, a, b, place = noised(scene)
        error = SIGMA_PRIOR * (network(x, sigma, a, b) - place)
        return {"rms_error_deg": float(error[~sigma.isinf()].square().mean().sqrt())}

    def config(self, network, run):
        """What builds it, and the prior that it learnt: none without a step."""
        fields = ("n_hidden", "n_layers", "gated", "sigma_low", "sigma_high")
        built = {name: getattr(self, name) for name in fields}
        learnt = self.p_common if run.step else None
        return built | {"p_common": learnt, "sigma_prior": self.scenes().sigma_prior}


def _read_out_unisensory(network, scenes, seed, n=50_000):
    """The untrained control's output: a ridge read-out of its last hidden layer, fitted on scenes of one modality."""
    alone = dataclasses.replace(scenes, p_absent=1.0).draw(np.random.default_rng([seed, FIT, 2]), n)
    with torch.no_grad():
        x, sigma, a, b, place = noised(alone)
        hidden = network.stages(x, sigma, a, b)[f"hidden{network.n_layers}"].numpy()
        present = ~sigma.isinf().numpy()
        for i in range(2):
            weights, bias = fit_ridge(hidden[present[:, i]], place[:, i].numpy()[present[:, i]])
            network.out.weight[i] = torch.as_tensor(weights, dtype=torch.float32)
            network.out.bias[i] = float(bias)


def noised(scene, device="cpu"):
    """A scene as the denoiser sees it: x, σ, a, b and the places in units of the prior's sd; each (n, 2)."""
    a, b = signal_and_noise(scene.sigma, SIGMA_PRIOR)
    place = scene.place / SIGMA_PRIOR
    arrays = (a * place + b * scene.noise, scene.sigma, a, b, place)
    return tuple(torch.as_tensor(array, dtype=torch.float32, device=device) for array in arrays)


def _probe_unity(network, recipe, seed, n=100_000):
    """A logistic probe of the last hidden layer for one cause, fitted on the true causes of balanced scenes."""
    balanced = Scenes(0.5, sigma_low=recipe.sigma_low, sigma_high=recipe.sigma_high, p_absent=0.0)
    features, causes = [], []
    for which in (FIT, TEST):
        scene = balanced.draw(np.random.default_rng([seed, which, 1]), n)
        with torch.no_grad():
            features.append(network.stages(*noised(scene)[:4])[f"hidden{recipe.n_layers}"].numpy())
        causes.append(scene.common)
    weights, bias = fit_logistic(features[0], causes[0], penalty=1e-6)
    odds = features[1] @ weights + bias
    score = {"unity_log_loss": float(np.mean(np.logaddexp(0, np.where(causes[1], -odds, odds))))}
    return {"unity.weight": weights, "unity.bias": np.array([bias])}, score
