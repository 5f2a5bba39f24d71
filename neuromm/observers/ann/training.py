"""One way to train every network: a recipe says what it sees and how it learns, `train` does the rest.

    path = train("fusion_net", seed=2)

Every recipe of the catalogue (`catalogue.NETWORKS`) makes the weights in the package again, in minutes on one
core. `max_steps=0` gives the untrained control: same architecture, same read-outs, no step taken.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from neuromm import catalogue
from neuromm.core.messages import did_you_mean
from neuromm.maths.device import check_device
from neuromm.observers.ann.card import Card, write_card
from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.weights import save_weights

FIT, TEST = 1 << 40, 1 << 41  # "steps" whose draws fit read-outs and score: never trained on


@dataclass(frozen=True)
class Start:
    """What a training begins from."""

    seed: int  # of the first weights and of everything the network sees
    device: str
    checkpoint: Path
    limits: dict[str, Any]  # of `Run`: max_steps, max_seconds, resume, progress

    def run(self, recipe: "Recipe", network: torch.nn.Module, data: Any, *, stage: str = "",
            n_steps: int | None = None) -> Run:  # fmt: skip
        """The steps of a recipe; a `stage` before the last one has a checkpoint and a length of its own."""
        # Whatever decides the weights: a checkpoint of anything else is refused
        described = {"seed": self.seed, **dataclasses.asdict(recipe), **recipe.describe(data)}
        return Run(
            network,
            f"{recipe.network} {stage.upper()}".strip(),
            self.checkpoint.with_name(f"{self.checkpoint.name}.{stage}".rstrip(".")),
            described,
            recipe.n_steps if n_steps is None else n_steps,
            recipe.learning_rate,
            recipe.decay,
            **recipe.run_options(),
            **self.limits,
        )


class Recipe(Protocol):
    """What one network sees and how it learns: a frozen dataclass of numbers, with these methods."""

    network: ClassVar[str]  # name of the weights
    card: ClassVar[Card]
    n_steps: int
    learning_rate: float
    decay: float  # of the averaged weights

    def build(self, start: Start) -> tuple[torch.nn.Module, Any]:
        """The network on its device, and the data that its steps draw from; torch's generator is seeded."""
        ...

    def loss_of_step(self, network: torch.nn.Module, data: Any, seed: int, step: int) -> torch.Tensor:
        """The loss of one step, which draws from (seed, step) alone."""
        ...

    def learner(self, network: torch.nn.Module) -> torch.nn.Module:
        """The part that learns; here all of it."""
        return network

    def run_options(self) -> dict[str, Any]:
        """Further options of `Run`."""
        return {}

    def describe(self, data: Any) -> dict[str, Any]:
        """What the file says of the training beside seed and fields."""
        return {}

    def read_out(self, network: torch.nn.Module, data: Any, run: Run) -> tuple[dict, dict]:
        """Fit read-outs, after the last step: further tensors by name, and how well they read."""
        return {}, {}

    def score(self, network: torch.nn.Module, data: Any, run: Run) -> dict[str, Any]:
        """What the network does on new stimuli."""
        return {}

    def config(self, network: torch.nn.Module, run: Run) -> dict[str, Any]:
        """What builds the network from its file."""
        ...

    def tensors(self, network: torch.nn.Module) -> dict[str, np.ndarray]:
        """The network's state as named arrays."""
        return {f"network.{name}": value.numpy() for name, value in network.state_dict().items()}


def train(name: str, *, seed: int = 1, out: str | Path | None = None, max_steps: int | None = None,
          max_seconds: float | None = None, device: str = "cpu", resume: bool = True, progress: bool = True,
          **fields: Any) -> Path:  # fmt: skip
    """Train a network of the catalogue and write its weights, and their card and learning curve beside them.

    The usual recipe is the one that made the shipped weights; the card says what the network has seen.

    Parameters
    ----------
    name : str
        A network of the catalogue, such as "fusion_net", or the observer that is made of it.
    seed : int
        Of the first weights and of everything the network sees.
    out : path, optional
        The file to write; `NAME.safetensors` here by default. A run that was stopped leaves `OUT.checkpoint`
        beside it and goes on from there.
    max_steps, max_seconds : number, optional
        Stop early; what was reached is written. 0 steps give the untrained control.
    device : str
    resume : bool
        Whether to go on from a checkpoint.
    progress : bool
        Whether to show a bar.
    **fields
        Fields of the recipe, such as `p_common=0.0` for the denoiser.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If there is no such network, field or device, a batch or rate trains nothing, or the checkpoint is of
        another recipe.
    FloatingPointError
        If the loss stops being finite.

    Examples
    --------
    >>> import tempfile
    >>> path = train("av_denoiser", out=f"{tempfile.mkdtemp()}/small.safetensors", max_steps=0, progress=False,
    ...              n_hidden=8)  # doctest: +SKIP
    """
    check_device(device)
    recipe = make_recipe(name, fields)
    path = Path(out if out is not None else f"{recipe.network}.safetensors")
    checkpoint = path.with_name(path.name + ".checkpoint")
    limits = {"max_steps": max_steps, "max_seconds": max_seconds, "resume": resume, "progress": progress}
    result, _ = learn(recipe, Start(seed, device, checkpoint, limits))
    save_weights(path, network=recipe.network, **result)
    write_card(path, recipe.card, type(recipe)())
    left = list(path.parent.glob(f"{checkpoint.name}*"))
    # An earlier stage that stopped early made other data for the last one: both begin again
    if result["recipe"]["steps_taken"] >= recipe.n_steps or len(left) > 1:
        for file in left:
            file.unlink()
    return path


def learn(recipe: Recipe, start: Start, **given: Any) -> tuple[dict[str, Any], Run]:
    """Follow a recipe: what `save_weights` takes, and the run.

    `given` is what the recipe's `build` takes beside `start`, such as a user's pictures.
    """
    with torch.random.fork_rng(devices=[]):  # first weights come from the global generator
        torch.manual_seed(start.seed)
        network, data = recipe.build(start, **given)
        run = start.run(recipe, recipe.learner(network), data)
        for step in run:
            run.update(recipe.loss_of_step(network, data, start.seed, step))
        run.finish()
        network = network.cpu().eval()  # read-outs and scores are small
        tensors, reading = recipe.read_out(network, data, run)
        result = {
            "tensors": recipe.tensors(network) | tensors,
            "config": recipe.config(network, run),
            "recipe": run.recipe | {"steps_taken": run.step},
            "score": reading | recipe.score(network, data, run),
        }
    return result, run


def make_recipe(name: str, fields: dict[str, Any]) -> Recipe:
    """The recipe of a network, or of the observer that is made of it, with these fields.

    Raises
    ------
    ValueError
        If there is no such network or field (the nearest is named), or a batch or rate that trains nothing.
    """
    of_observer = {observer: network for network, observer in catalogue.OBSERVER_OF.items()}
    kind = catalogue.find(catalogue.NETWORKS, of_observer.get(name, name), "network")
    known = [field.name for field in dataclasses.fields(kind)]
    for field in fields:
        if field not in known:
            hint = did_you_mean(field, known)
            raise ValueError(
                f"the recipe of {kind.network} has no '{field}'; {hint}It has: {', '.join(sorted(known))}"
            )
    for field in ("batch", "learning_rate"):
        value = fields.get(field, 1)
        if not (value >= 1 if field == "batch" else value > 0):
            raise ValueError(
                f"the recipe of {kind.network} has {field} = {value}; a positive number is wanted"
            )
    return kind(**fields)


def device_of(network: torch.nn.Module) -> torch.device:
    """Where a network's parameters are."""
    return next(network.parameters()).device
