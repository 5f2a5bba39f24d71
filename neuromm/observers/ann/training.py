"""How the shipped networks are trained: one recipe and one readable loop each.

`train("av_denoiser")` and `train("av_encoder")` reproduce the weights in the package in a few minutes
on one core. `max_steps=0` gives the untrained twin: same architecture, same read-outs, no step taken.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from neuromm.maths.device import check_device
from neuromm.observers.ann.card import write_card
from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.denoiser import Denoiser, signal_and_noise
from neuromm.observers.ann.events import CongruentEvents, render_pairs, render_single
from neuromm.observers.ann.making import FIT, TEST, make_recipe
from neuromm.observers.ann.scenes import SIGMA_PRIOR, Scenes
from neuromm.observers.ann.towers import Towers, info_nce
from neuromm.observers.ann.weights import save_weights
from neuromm.observers.readout import LocationReadout, fit_logistic, fit_offset, fit_ridge


@dataclass(frozen=True)
class DenoiserRecipe:
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


@dataclass(frozen=True)
class EncoderRecipe:
    """What the encoder sees and how it learns. Every pair it is trained on is one congruent event."""

    sigma_low: float = 1.0  # deg, support of the sensory noise
    sigma_high: float = 20.0
    noisy: float = 0.3  # share of stimuli with physical noise; the others show the noisy sample itself
    n_hidden: int = 96
    n_embedding: int = 32
    logit_scale: float = 60.0  # first inverse temperature
    shuffled: bool = False  # the control: each sound beside the frame of another event
    n_events: int = 50000  # sounds in store; each is paired with a newly drawn frame, and mirrored
    n_steps: int = 6000
    batch: int = 1024
    learning_rate: float = 4e-3
    decay: float = 0.995


def train(
    name, *, seed=1, out=None, max_steps=None, max_seconds=None, device="cpu", resume=True, progress=True, **recipe
) -> Path:
    """Train a network and write its weights, and their card beside them.

    Parameters
    ----------
    name : {"av_encoder", "av_denoiser"}
    seed : int
        Of the first weights and of everything the network sees.
    out : path, optional
        The file to write; `NAME.safetensors` here by default. A run that was stopped leaves
        `OUT.checkpoint` beside it and goes on from there.
    max_steps, max_seconds : number, optional
        Stop early; what was reached is written. 0 steps give the untrained twin.
    device : str
    resume : bool
        Whether to go on from a checkpoint.
    progress : bool
        Whether to show a bar.
    **recipe
        Fields of the recipe, such as `p_common=0.0` for the denoiser.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If there is no such network, field or device, or the checkpoint is of another recipe.
    FloatingPointError
        If the loss stops being finite.
    """
    if name not in TRAINERS:
        raise ValueError(f"no recipe trains '{name}'; there are: {', '.join(TRAINERS)}")
    trainer, kind = TRAINERS[name]
    recipe = make_recipe(name, kind, recipe)
    check_device(device)
    path = Path(out if out is not None else f"{name}.safetensors")
    checkpoint = path.with_name(path.name + ".checkpoint")
    limits = {"max_steps": max_steps, "max_seconds": max_seconds, "resume": resume, "progress": progress}
    with torch.random.fork_rng(devices=[]):  # it draws its first weights from the global generator
        result = trainer(recipe, seed, device, checkpoint, limits)
    save_weights(path, network=name, **result)
    write_card(path, defaults=kind())
    if result["recipe"]["steps_taken"] >= recipe.n_steps:
        checkpoint.unlink(missing_ok=True)
    return path


def train_denoiser(recipe, seed, device, checkpoint, limits):
    """The denoiser: squared error on scenes of one and of two causes; then a probe of unity."""
    torch.manual_seed(seed)
    scenes = Scenes(recipe.p_common, sigma_low=recipe.sigma_low, sigma_high=recipe.sigma_high)
    config = {
        "n_hidden": recipe.n_hidden, "n_layers": recipe.n_layers, "gated": recipe.gated,
        "sigma_low": recipe.sigma_low, "sigma_high": recipe.sigma_high,
    }  # fmt: skip
    network = Denoiser(**config).to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "sigma_prior": scenes.sigma_prior, "p_absent": scenes.p_absent}
    run = Run(
        network, "av_denoiser", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay,
        orthogonal="hidden", most_norm=1.0, **limits,
    )  # fmt: skip
    shown = dataclasses.replace(scenes, flat=recipe.flat)
    for step in run:
        x, sigma, a, b, place = noised(shown.draw(np.random.default_rng([seed, step]), recipe.batch), device)
        run.update((network(x, sigma, a, b) - place).square().mean())
    network = run.finish()
    if not run.step:
        _read_out_unisensory(network, scenes, seed, device)
    tensors = {f"network.{k}": v.cpu().numpy() for k, v in network.state_dict().items()}
    unity, score = _probe_unity(network, recipe, seed, device)
    with torch.no_grad():
        x, sigma, a, b, place = noised(scenes.draw(np.random.default_rng([seed, TEST]), 100_000), device)
        error = SIGMA_PRIOR * (network(x, sigma, a, b) - place)
    score["rms_error_deg"] = float(error[~sigma.isinf()].square().mean().sqrt())
    config |= {"p_common": recipe.p_common if run.step else None, "sigma_prior": scenes.sigma_prior}
    return {"tensors": tensors | unity, "config": config, "recipe": said | {"steps_taken": run.step}, "score": score}


def _read_out_unisensory(network, scenes, seed, device, n=50_000):
    """The untrained twin's output: a ridge read-out of its last hidden layer, fitted on scenes of one modality."""
    alone = dataclasses.replace(scenes, p_absent=1.0).draw(np.random.default_rng([seed, FIT, 2]), n)
    with torch.no_grad():
        x, sigma, a, b, place = noised(alone, device)
        hidden = network.stages(x, sigma, a, b)[f"hidden{network.n_layers}"].cpu().numpy()
        there = ~sigma.isinf().cpu().numpy()
        for i in range(2):
            weights, bias = fit_ridge(hidden[there[:, i]], place[:, i].cpu().numpy()[there[:, i]])
            network.out.weight[i] = torch.as_tensor(weights, dtype=torch.float32)
            network.out.bias[i] = float(bias)


def noised(scene, device="cpu"):
    """A scene as the denoiser sees it: x, σ, a, b and the places in units of the prior's sd; each (n, 2)."""
    a, b = signal_and_noise(scene.sigma, SIGMA_PRIOR)
    place = scene.place / SIGMA_PRIOR
    arrays = (a * place + b * scene.noise, scene.sigma, a, b, place)
    return tuple(torch.as_tensor(array, dtype=torch.float32, device=device) for array in arrays)


def _probe_unity(network, recipe, seed, device, n=100_000):
    """A logistic probe of the last hidden layer for one cause, fitted on the true causes of balanced scenes."""
    balanced = Scenes(0.5, sigma_low=recipe.sigma_low, sigma_high=recipe.sigma_high, p_absent=0.0)
    features, causes = [], []
    for which in (FIT, TEST):
        scene = balanced.draw(np.random.default_rng([seed, which, 1]), n)
        with torch.no_grad():
            features.append(network.stages(*noised(scene, device)[:4])[f"hidden{recipe.n_layers}"].cpu().numpy())
        causes.append(scene.common)
    weights, bias = fit_logistic(features[0], causes[0], penalty=1e-6)
    odds = features[1] @ weights + bias
    score = {"unity_log_loss": float(np.mean(np.logaddexp(0, np.where(causes[1], -odds, odds))))}
    return {"unity.weight": weights, "unity.bias": np.array([bias])}, score


def train_encoder(recipe, seed, device, checkpoint, limits):
    """The encoder: contrastive loss on congruent events; then read-outs of place, one modality at a time."""
    torch.manual_seed(seed)
    events = CongruentEvents(recipe.sigma_low, recipe.sigma_high, recipe.noisy)
    config = {"n_hidden": recipe.n_hidden, "n_embedding": recipe.n_embedding}
    network = Towers(**config, logit_scale=recipe.logit_scale)
    place, heard = render_single(events, "auditory", np.random.default_rng([seed, FIT]), recipe.n_events)
    network.auditory.standardise(torch.from_numpy(heard[:4096]))
    network.to(device)
    said = {"seed": seed, **dataclasses.asdict(recipe), "sigma_prior": SIGMA_PRIOR}
    run = Run(network, "av_encoder", checkpoint, said, recipe.n_steps, recipe.learning_rate, recipe.decay, **limits)
    for step in run:
        sounds, frames = render_pairs(events, place, heard, np.random.default_rng([seed, step]), recipe.batch)
        frames = np.roll(frames, 1, axis=0) if recipe.shuffled else frames
        run.update(info_nce(network(torch.from_numpy(sounds).to(device), torch.from_numpy(frames).to(device))))
    network = run.finish()
    tensors = {f"network.{k}": v.cpu().numpy() for k, v in network.state_dict().items()}
    readouts, score = _fit_places(network, events, seed, device)
    offset, pair_score = _calibrate(network, events, seed, device)
    config |= {"sigma_low": recipe.sigma_low, "sigma_high": recipe.sigma_high, "sigma_prior": SIGMA_PRIOR}
    return {
        "tensors": tensors | readouts | offset, "config": config,
        "recipe": said | {"steps_taken": run.step}, "score": score | pair_score,
    }  # fmt: skip


def _fit_places(network, events, seed, device, n=20_000):
    """Mean and variance of the place from each tower's last hidden layer, on unisensory trials alone."""
    tensors, score, precision = {}, {}, []
    for k, modality in enumerate(("auditory", "visual")):
        place, stimulus = render_single(events, modality, np.random.default_rng([seed, FIT, 1 + k]), n)
        features = readout_features(network, modality, stimulus, device)
        half = n // 2
        readout = LocationReadout.fit(features[:half], place[:half], prior_variance=SIGMA_PRIOR**2)
        mean, variance = readout(features[half:])
        tensors |= readout.tensors(f"{modality}_place")
        score[f"{modality}_rms_error_deg"] = float(np.sqrt(np.mean((mean - place[half:]) ** 2)))
        score[f"{modality}_rms_expected_deg"] = float(np.sqrt(variance.mean()))
        precision.append(1 / variance.mean())
    return tensors | {"additive.precision": np.array(precision)}, score


def readout_features(network, modality, stimulus, device="cpu", block=1024):
    """What places are read from: the last hidden layer of one tower, (n, units)."""
    tower, features = getattr(network, modality), []
    with torch.no_grad():
        for start in range(0, len(stimulus), block):
            layers = tower.stages(torch.from_numpy(stimulus[start : start + block]).to(device))
            features.append(layers[f"{modality}_hidden2"].cpu().numpy())
    return np.concatenate(features)


def _calibrate(network, events, seed, device, n=8192):
    """The constant that makes the logit log odds of matched against shuffled pairs, equally many."""
    rng = np.random.default_rng([seed, FIT, 3])
    place, heard = render_single(events, "auditory", rng, n)
    sounds, frames = render_pairs(events, place, heard, rng, n)
    logits = []
    with torch.no_grad():
        for start in range(0, n, 1024):
            square = network(*(torch.from_numpy(s[start : start + 1024]).to(device) for s in (sounds, frames)))
            logits.append(torch.stack([square.diagonal(), square.roll(1, 0).diagonal()]).cpu().numpy())
    logits = np.concatenate(logits, 1)
    matched = np.array([[True], [False]]) & np.ones_like(logits, bool)
    offset = fit_offset(logits.ravel(), matched.ravel())
    odds = logits + offset
    log_loss = float(np.mean(np.logaddexp(0, np.where(matched, -odds, odds))))
    return {"evidence.offset": np.array([offset])}, {"matched_or_shuffled_log_loss": log_loss}


TRAINERS = {"av_denoiser": (train_denoiser, DenoiserRecipe), "av_encoder": (train_encoder, EncoderRecipe)}
