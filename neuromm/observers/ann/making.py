"""What every training command shares: a recipe from keywords, a checkpoint to go on from, weights and their card."""

import dataclasses
import difflib
from pathlib import Path

import torch

from neuromm.maths.device import check_device
from neuromm.observers.ann.card import write_card
from neuromm.observers.ann.weights import save_weights

FIT, TEST = 1 << 40, 1 << 41  # "steps" whose draws fit read-outs and score: never trained on


def trainer_of(name, fit, kind, about):
    """A function `train(name, *, seed, out, max_steps, max_seconds, device, resume, progress, **recipe)` → path.

    Parameters
    ----------
    name : str
        The network in the catalogue.
    fit : callable
        (recipe, seed, device, checkpoint, limits) → dict of tensors, config, recipe, score.
    kind : frozen dataclass
        The recipe, with `n_steps`.
    about : tuple of 4 str
        For the card: what it is, what it saw, what the scores mean, limits.
    """

    def train(
        _name=name, *, seed=1, out=None, max_steps=None, max_seconds=None, device="cpu", resume=True, progress=True,
        **fields,
    ):  # fmt: skip
        recipe = make_recipe(name, kind, fields)
        check_device(device)
        path = Path(out if out is not None else f"{name}.safetensors")
        checkpoint = path.with_name(path.name + ".checkpoint")
        limits = {"max_steps": max_steps, "max_seconds": max_seconds, "resume": resume, "progress": progress}
        with torch.random.fork_rng(devices=[]):  # it draws its first weights from the global generator
            result = fit(recipe, seed, device, checkpoint, limits)
        save_weights(path, network=name, **result)
        write_card(path, about, kind())
        if result["recipe"]["steps_taken"] >= recipe.n_steps:
            checkpoint.unlink(missing_ok=True)
        return path

    return train


def make_recipe(name, kind, given):
    """The recipe with these fields.

    Raises
    ------
    ValueError
        If it has no such field (the nearest is named), or a batch or rate that trains nothing.
    """
    known = {f.name for f in dataclasses.fields(kind)}
    for field in given:
        if field not in known:
            near = difflib.get_close_matches(field, known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise ValueError(f"the recipe of {name} has no '{field}'; {hint}It has: {', '.join(sorted(known))}")
    for field, wrong in (("batch", lambda x: not x >= 1), ("learning_rate", lambda x: not x > 0)):
        if field in given and wrong(given[field]):
            raise ValueError(f"the recipe of {name} has {field} = {given[field]}; a positive number is wanted")
    return kind(**given)


def arrays(network):
    """A network's state as named arrays for a weights file."""
    return {f"network.{k}": v.detach().cpu().numpy() for k, v in network.state_dict().items()}
