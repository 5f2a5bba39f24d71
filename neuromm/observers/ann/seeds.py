"""Several seeds of one network in one weights file: every tensor has a leading axis over seeds.

Seed 1 is the file of its own that is loaded by default; the others are there so that a claim about a network
can be tested over networks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from neuromm.observers.ann.weights import load_weights, save_weights


def stack_seeds(
    files: Sequence[str | Path], out: str | Path, *, dtype: Literal["float32", "float16"] = "float32"
) -> Path:
    """Put single-seed weights files of one recipe into one file.

    Parameters
    ----------
    files : sequence of path
        Files that `train` wrote, which differ in nothing but their seed.
    out : path
    dtype : str
        Of the network's matrices; "float16" halves the file (its rounding moves a place of `av_encoder` by .002 deg on
        average, .011 at most). Vectors, such as what inputs are standardised by, keep theirs: rounded, they would move
        it by .1 deg.

    Raises
    ------
    ValueError
        If the files are of different networks or recipes, or two are of the same seed.
    """
    loaded = [load_weights(f) for f in files]
    headers = [header for header, _ in loaded]
    seeds = [h["recipe"]["seed"] for h in headers]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds {seeds} are given; each once is wanted")
    for h in headers[1:]:
        for part in ("network", "config", "recipe"):
            one, first = (({**x[part], "seed": 0} if part == "recipe" else x[part]) for x in (h, headers[0]))
            if one != first:
                raise ValueError(f"the files differ in their {part}: {one} and {first}; one recipe is wanted")
    tensors = {}
    for name in loaded[0][1]:
        stacked = np.stack([values[name] for _, values in loaded])
        matrix = name.startswith("network.") and stacked.ndim > 2
        tensors[name] = stacked.astype(dtype) if matrix else stacked
    recipe = headers[0]["recipe"] | {"seeds": seeds}
    score = {k: [h["score"][k] for h in headers] for k in headers[0]["score"]}
    return save_weights(
        out, tensors, network=headers[0]["network"], config=headers[0]["config"], recipe=recipe, score=score
    )


def pick_seed(header, tensors, seed):
    """One seed's header and tensors out of a file of several; those of a single-seed file as they are.

    Raises
    ------
    ValueError
        If the seed is not in the file.
    """
    seeds = header["recipe"].get("seeds")
    if seeds is None:
        return header, tensors
    if seed not in seeds:
        raise ValueError(f"seed {seed} is not in this file; it holds seeds {', '.join(map(str, seeds))}")
    i = seeds.index(seed)
    recipe = {k: v for k, v in header["recipe"].items() if k != "seeds"} | {"seed": seed}
    score = {k: v[i] for k, v in header["score"].items()}
    own = {name: np.asarray(v[i], np.float32 if name.startswith("network.") else None) for name, v in tensors.items()}
    return {**header, "recipe": recipe, "score": score}, own
