"""Code lab: train a diffusion denoiser on small pictures, draw samples, and watch it denoise."""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import plots
from neuromm.maths.device import check_device
from neuromm.observers.ann.diffusion import lab
from neuromm.observers.ann.manifest import shipped
from neuromm.observers.ann.weights import read_header
from neuromm.plots.pictures import loss_curve, picture_sheet
from neuromm.studies.pictures import load_pictures
from neuromm.studies.results import Results, say


def main(
    data: str = "shapes",
    n_steps: int = 500,
    batch: int = 64,
    n_pixels: int = 28,
    n_samples: int = 32,
    sampler_steps: int = 50,
    method: str = "ddim",
    device: str = "cpu",
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/train_diffusion",
):
    """Train a denoiser on small pictures and sample it; about three minutes on one core with the defaults.

    Parameters
    ----------
    data : str
        shapes; digits (needs scikit-learn); a folder of images; or a file of MNIST (IDX or NPZ).
    n_steps : int
        Steps of the optimiser; 0 with --weights samples a trained file.
    batch : int
        Pictures per step.
    n_pixels : int
        Height and width.
    n_samples : int
        Pictures to draw.
    sampler_steps : int
        Steps of the sampler, at most 1000.
    method : str
        ddim or ddpm.
    device : str
        cpu or cuda.
    weights : str
        A file to sample instead of training; with 0 steps and no file, the shipped one.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    check_device(device)
    if not 1 <= sampler_steps <= lab.SCHEDULE.n_timesteps:  # said now, not after the training
        raise ValueError(f"sampler_steps is {sampler_steps}; 1 to {lab.SCHEDULE.n_timesteps} are possible")
    pictures = load_pictures(data, n_pixels=n_pixels, seed=seed)
    held_out = pictures[: min(200, len(pictures) // 5)]
    pictures = pictures[len(held_out) :]
    with tempfile.TemporaryDirectory() as scratch:
        if weights is not None or n_steps == 0:
            path, losses = (shipped(lab.NETWORK) if weights is None else Path(weights)), None
        else:
            say(f"{len(pictures)} pictures of {n_pixels} × {n_pixels}, {n_steps} steps of {batch}")
            path = Path(scratch) / "denoiser.safetensors"
            losses = lab.train_pictures(
                pictures, path, n_steps=n_steps, batch=batch, seed=seed, device=device, about=data
            )
        samples = lab.sample_pictures(
            path,
            n_samples,
            n_pixels=n_pixels,
            n_steps=sampler_steps,
            method=method,
            seed=seed,
            device=device,
        )
        states, estimates, timesteps = lab.denoising_strip(
            path, n_pixels=n_pixels, n_steps=sampler_steps, seed=seed, device=device
        )
        score, blob = read_header(path)["score"], path.read_bytes()
    near, unseen = lab.nearest_distance(samples, pictures, held_out)
    results = Results(
        title=f"A denoiser learns {data if data in ('shapes', 'digits') else Path(data).name}",
        text=f"Loss at the end {score.get('last_loss') or float('nan'):.3f} (1 = nothing learnt). Distance to the "
        f"nearest training picture: samples {near.mean():.3f}, unseen pictures {unseen.mean():.3f}, root mean square; "
        "samples that are copies would be near 0.",
        parameters={
            "name": "train_diffusion",
            "data": data,
            "n_steps": n_steps,
            "batch": batch,
            "n_pixels": n_pixels,
            "n_samples": n_samples,
            "sampler_steps": sampler_steps,
            "method": method,
            "device": device,
            "weights": weights,
            "seed": seed,
        },
    )
    with plots.style():
        if losses is not None:
            table = pd.DataFrame({"step": np.arange(len(losses)), "loss": losses})
            results.tables["loss"] = table
            figure, ax = plt.subplots(figsize=(3.5, 2.4))
            loss_curve(table, ax=ax)
            results.add_figure(
                "loss",
                figure,
                table,
                "Squared error of v at each step; dotted, what a network that predicts nothing scores.",
            )
        figure, ax = plt.subplots(figsize=(5.2, 5.2 * -(-n_samples // 8) / 8 + 0.1))
        picture_sheet(samples, ax=ax)
        results.add_figure("samples", figure, _pixels(samples), "Samples, none chosen.")
        figure, ax = plt.subplots(figsize=(5.2, 1.6))
        picture_sheet(
            np.concatenate([states, estimates]), n_columns=len(states), labels=[f"t = {t}" for t in timesteps], ax=ax
        )
        results.add_figure(
            "denoising",
            figure,
            _pixels(np.concatenate([states, estimates])),
            "From noise to picture: above the state, below what the network expects the picture to be.",
        )
    page = results.write(out)
    (Path(out) / "denoiser.safetensors").write_bytes(blob)
    say(f"wrote {page}")
    return page


def _pixels(pictures):
    """The pixels that a sheet shows, one row per picture."""
    flat = np.asarray(pictures).reshape(len(pictures), -1)
    return pd.DataFrame(flat.round(3), columns=[f"pixel{i}" for i in range(flat.shape[1])])
