"""A denoiser's layers at several noise levels: what do they represent, and whose computation do they resemble?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.maths.device import check_device
from neuromm.observers.ann.diffusion import LatentDiffusion, record_at_noise
from neuromm.observers.ann.diffusion.place_scenes import place_map
from neuromm.session import present
from neuromm.stimuli.shapes import compositions, draw_shapes
from neuromm.stimuli.table import showings
from neuromm.studies.results import Results, say

SIGMAS = {"sigma_auditory": 4.0, "sigma_visual": 2.0}  # deg, of the paradigm's yoked noise
CORNERS = {"segregation": "segregation", "fusion": "forced_fusion", "causal inference": "causal_inference"}
RINGS = ("auditory", "visual", "multisensory")  # of Cuppini et al. 2017
FACTORS = ("shape", "colour", "position", "size")


def main(
    timesteps: list[int] | None = None,
    n_repeats: int = 2,
    n_folds: int = 4,
    ensemble_size: int = 4,
    n_pictures: int = 60,
    device: str = "cpu",
    seed: int = 1,
    out: str = "results/layers_by_noise",
):
    """Similarity of a denoiser's layers, by noise level, to model observers; and of another's to picture factors.

    Parameters
    ----------
    timesteps : list of int
        Noise levels, 0 … 999; repeat the flag. Default: 50, 300, 600, 900.
    n_repeats : int
        Showings of each condition in each noise fold.
    n_folds : int
        Noise folds, at least 2; with fewer than 4 there is no ceiling.
    ensemble_size : int
        Draws of the noise that activity is averaged over.
    n_pictures : int
        Pictures of shapes shown to the text-to-image denoiser, at most 240.
    device : str
        cpu or cuda.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    check_device(device)
    timesteps = timesteps or [50, 300, 600, 900]
    results = Results(
        title="A denoiser's layers, by noise level",
        text="Left to right, more noise. Where maps of place are clean they can be read off; where they are noise, "
        "places must be inferred from picture and sound. Similarity to models is the whitened cosine of crossnobis "
        "RDMs; the column `ceiling` of the table says what the noise of the stimuli allows.",
        parameters={
            "name": "layers_by_noise",
            "timesteps": timesteps,
            "n_repeats": n_repeats,
            "n_folds": n_folds,
            "ensemble_size": ensemble_size,
            "n_pictures": n_pictures,
            "device": device,
            "seed": seed,
        },
    )
    say("layers of the place denoiser beside models")
    found = layers_beside_models(timesteps, n_repeats, ensemble_size, device, seed, n_folds)
    results.tables["models"] = found
    caption = "Whose representation the layers of the place denoiser resemble, trained (above) and untrained (below)."
    results.add_figure("models", _maps(found), found, caption)
    say("layers of the text-to-image denoiser beside factors")
    factors = layers_beside_factors(timesteps, n_pictures, ensemble_size, seed)
    results.tables["factors"] = factors
    caption = (
        "What the layers of the text-to-image denoiser represent of a picture: RDMs of its factors and of its pixels, "
        "Spearman correlation."
    )
    results.add_figure("factors", _maps(factors), factors, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def layers_beside_models(timesteps, n_repeats=2, ensemble_size=4, device="cpu", seed=1, n_folds=4):
    """Layers × timesteps of the place denoiser against model observers and the layers of a brain model.

    The maps are noised to each timestep; picture and sound are held. Models perceive other noise of the same
    conditions, so that no noise is shared.

    Returns
    -------
    DataFrame
        network (trained, untrained), layer, timestep, model, value (whitened cosine), ceiling (of the layer).
    """
    ours, theirs = (
        paradigms.ventriloquism_by_reliability(n_folds, n_repeats, reports=("auditory",), seed=s)
        for s in (seed, seed + 1)
    )
    ours, theirs = (t.dropna(subset=["auditory_azimuth", "visual_azimuth"]) for t in (ours, theirs))
    corners = {label: catalogue.load(name, **SIGMAS) for label, name in CORNERS.items()}
    brain = catalogue.load("cuppini2017", integrator="exponential")
    recorded = present(theirs, [*corners.values(), brain], seed=seed).representations
    models = {
        label: measures.rdm(recorded[o.name]["estimate"], method="crossnobis", name=label)
        for label, o in corners.items()
    }
    for ring in RINGS:
        name = f"Cuppini {ring}"
        models[name] = measures.rdm(recorded[brain.name][ring], method="crossnobis", name=name)
    shown = ours.iloc[showings(ours)[0]]
    rows = []
    for kind in ("trained", "untrained"):
        observer = catalogue.load("place_denoiser", trained=kind == "trained", device=device, **SIGMAS)
        sensed = observer.sensed(shown)
        maps = np.concatenate([place_map(shown[f"{m}_azimuth"].to_numpy()) for m in ("visual", "auditory")], 1)
        held = (sensed["picture"], sensed["sound"])
        layers = record_at_noise(
            observer.at_noise(), maps, timesteps, ["hidden*"], ensemble_size=ensemble_size, seed=seed, condition=held
        )
        for key, activity in layers.items():
            activity = activity.assign_coords(
                condition=("trial", shown["condition"].to_numpy()), fold=("trial", shown["fold"].to_numpy())
            )
            layer, _, timestep = key.partition("@")
            ceiling = measures.fold_reliability(activity)
            table = measures.compare_rdms(
                {key: measures.rdm(activity, method="crossnobis", name=key)}, models, comparator="whitened_cosine"
            )
            rows += [(kind, layer, int(timestep), r["second"], r["value"], ceiling) for r in table.to_dict("records")]
    return pd.DataFrame(rows, columns=["network", "layer", "timestep", "model", "value", "ceiling"])


def layers_beside_factors(timesteps, n_pictures=60, ensemble_size=4, seed=1):
    """Layers × timesteps of the text-to-image denoiser, untold, against factors and pixels of the pictures.

    Returns
    -------
    DataFrame
        network, layer, timestep, model (a factor, or pixels), value (Spearman).
    """
    table = compositions()
    table = table.iloc[np.random.default_rng(seed).permutation(len(table))[:n_pictures]].reset_index(drop=True)
    pictures, labels = draw_shapes(table), [f"picture {i}" for i in range(len(table))]
    models = {}
    for factor in FACTORS:
        codes = np.eye(table[factor].nunique())[pd.factorize(table[factor])[0]]
        models[factor] = measures.rdm(codes, labels=labels, name=factor)
    models["pixels"] = measures.rdm(pictures.reshape(len(pictures), -1), labels=labels, name="pixels")
    rows = []
    for key, activity in record_at_noise(
        LatentDiffusion.load(), pictures, timesteps, ["enc*", "mid", "dec*"], ensemble_size=ensemble_size, seed=seed
    ).items():
        layer, _, timestep = key.partition("@")
        mine = measures.rdm(activity.to_numpy(), labels=labels, method="correlation", name=key)
        for row in measures.compare_rdms({key: mine}, models).to_dict("records"):
            rows.append(("trained", layer, int(timestep), row["second"], row["value"]))
    return pd.DataFrame(rows, columns=["network", "layer", "timestep", "model", "value"])


def _maps(table):
    """A heat map of layer × timestep per model, a row of them per network."""
    networks, models = (list(dict.fromkeys(table[c])) for c in ("network", "model"))
    size = (0.5 + 1.5 * len(models), 0.5 + 1.5 * len(networks))
    with plots.style():
        figure, axes = plt.subplots(len(networks), len(models), figsize=size, squeeze=False, layout="constrained")
        for i, network in enumerate(networks):
            for k, model in enumerate(models):
                rows = table[(table["network"] == network) & (table["model"] == model)]
                plots.layer_by_timestep(rows, axes[i, k], labels=k == 0, timesteps=i == len(networks) - 1)
                if i == 0:
                    axes[i, k].set_title(model, fontsize=7)
            axes[i, 0].set_ylabel(f"{network}\nlayer" if len(networks) > 1 else "layer")
        figure.colorbar(axes[0, 0].images[0], ax=axes, label="similarity", shrink=0.8)
    return figure
