"""The card beside each weights file: what the network is, what it saw, how well it does, what it is not for."""

import dataclasses
from pathlib import Path

from neuromm.observers.ann.weights import read_header

ABOUT = {
    "av_denoiser": (
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
    ),
    "av_encoder": (
        "Two towers (frames; binaural cochleagrams) that meet only in the inner product of their unit-norm embeddings; "
        "trained with the symmetric contrastive loss, so that the logit is log L1/L2 up to a constant.",
        "Congruent events alone: one place N(0, `sigma_prior`² deg²), seen and heard, sensory sd log-uniform between "
        "`sigma_low` and `sigma_high`; a part `noisy` with physical noise, the others drawn where they were measured. "
        "No pair in conflict. (`shuffled`: the control, each sound beside the frame of another event.) Read-outs of "
        "place are fitted on one modality alone; one offset of the logit on matched against shuffled pairs.",
        "`*_rms_error_deg`: of places read from one tower, new unisensory trials, beside `*_rms_expected_deg`, what "
        "the read-out itself expects. `matched_or_shuffled_log_loss`: nats, new pairs (log 2 = .693 is chance).",
        "It has no joint layer: it localises by the rule stated in its docstring.",
    ),
}


def write_card(weights, about=None, defaults=None) -> Path:
    """Write the card of a weights file beside it, as Markdown.

    Parameters
    ----------
    weights : path
        A safetensors file of ours.
    about : tuple of 4 str, optional
        What it is, what it saw, what the scores mean, limits; by default those of its network in `ABOUT`.
    defaults : dataclass, optional
        The recipe as it is when nothing is set: where this file's differs, the command says so.
    """
    weights = Path(weights)
    header = read_header(weights)
    what, saw, meaning, limits = about or ABOUT[header["network"]]
    untrained = header["recipe"].get("steps_taken") == 0
    lines = [f"# {weights.stem}", "", what, ""]
    if untrained:
        lines += ["**Untrained**: the baseline. Random layers from the seed; read-outs fitted as if trained.", ""]
        saw = "Nothing: no step was taken. The read-outs alone saw data."
    lines += ["## What it saw", "", saw, ""]
    lines += _table("recipe", header["recipe"]) + _table("built as", header["config"])
    lines += ["## How well it does", "", meaning, "", *_table("score", header["score"])]
    lines += ["## Limits", "", limits, "", "## Checksum", "", f"sha256 of content: `{header['sha256']}`", ""]
    lines += [f"Made by `{command(header, defaults)}`; BSD-3-Clause, as the package.", ""]
    card = weights.with_suffix(".md")
    card.write_text("\n".join(lines))
    return card


def command(header, defaults=None) -> str:
    """The command that makes these weights again: seeds, steps, and every field of the recipe that is not default."""
    recipe = header["recipe"]
    seeds = recipe.get("seeds", [recipe.get("seed", 1)])
    words = ["neuromm train", header["network"], f"--seed {seeds[0]}"]
    words += [f"--seeds {len(seeds)}"] if len(seeds) > 1 else []
    usual = {} if defaults is None else dataclasses.asdict(defaults)
    for field, value in usual.items():
        value = list(value) if isinstance(value, tuple) else value
        if field in recipe and recipe[field] != value:
            words.append(f"--set {field}={recipe[field]}")
    taken = recipe.get("steps_taken")
    words += [f"--max-steps {taken}"] if taken is not None and taken < recipe.get("n_steps", 0) else []
    return " ".join(words)


def _table(title, values):
    rows = [f"| {k} | {f'{v:.4g}' if isinstance(v, float) else v} |" for k, v in values.items()]
    return [f"| {title} | |", "|---|---|", *rows, ""]
