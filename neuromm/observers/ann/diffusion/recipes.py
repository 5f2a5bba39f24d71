"""How the networks of the diffusion family are trained: one recipe and one readable loop each.

`train("diffusion_text")` makes the weights in the package again, in a few minutes on one core. Text to pictures is in
`recipes_text`, joint denoisers are in `recipes_joint`, clips and sounds in `recipes_clips_sounds`, pictures in `lab`.
"""

from __future__ import annotations

from pathlib import Path

import torch

from neuromm.observers.ann.card import write_card
from neuromm.observers.ann.diffusion.cards import ABOUT
from neuromm.observers.ann.diffusion.lab import PicturesRecipe, train_shapes
from neuromm.observers.ann.diffusion.recipes_clips_sounds import AudioRecipe, VideoRecipe, train_audio, train_video
from neuromm.observers.ann.diffusion.recipes_joint import (
    FlashBeepRecipe,
    PlacesRecipe,
    SyllablesRecipe,
    train_flash_beep,
    train_places,
    train_syllables,
)
from neuromm.observers.ann.diffusion.recipes_text import TextRecipe, train_text
from neuromm.observers.ann.diffusion.store import save_network
from neuromm.observers.ann.making import make_recipe

TRAINERS = {
    "diffusion_text": (train_text, TextRecipe),
    "diffusion_flash_beep": (train_flash_beep, FlashBeepRecipe),
    "diffusion_video": (train_video, VideoRecipe),
    "diffusion_audio": (train_audio, AudioRecipe),
    "diffusion_syllables": (train_syllables, SyllablesRecipe),
    "diffusion_places": (train_places, PlacesRecipe),
    "diffusion_pictures": (train_shapes, PicturesRecipe),
}


def train(
    name, *, seed=1, out=None, max_steps=None, max_seconds=None, device="cpu", resume=True, progress=True, **recipe
):
    """Train a network of the family and write its weights, and their card beside them.

    Parameters
    ----------
    name : str
        A key of `TRAINERS`.
    seed : int
        Of the first weights and of everything the network sees.
    out : path, optional
        The file to write; `NAME.safetensors` here by default.
    max_steps, max_seconds : number, optional
        Stop each stage early; what was reached is written.
    device : str
    resume : bool
        Whether to go on from a checkpoint beside `out`.
    progress : bool
    **recipe
        Fields of the recipe.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If there is no such network or field, or a batch or rate that trains nothing.
    FloatingPointError
        If the loss stops being finite.
    """
    if name not in TRAINERS:
        raise ValueError(f"no recipe trains '{name}'; there are: {', '.join(TRAINERS)}")
    trainer, kind = TRAINERS[name]
    recipe = make_recipe(name, kind, recipe)
    path = Path(out if out is not None else f"{name}.safetensors")
    checkpoint = path.with_name(path.name + ".checkpoint")
    limits = {"max_steps": max_steps, "max_seconds": max_seconds, "resume": resume, "progress": progress}
    with torch.random.fork_rng(devices=[]):  # it draws its first weights from the global generator
        network, said, score = trainer(recipe, seed, device, checkpoint, limits)
    save_network(path, network, name, said, score)
    write_card(path, ABOUT[name], kind())
    for left in path.parent.glob(f"{checkpoint.name}*"):
        left.unlink()
    return path
