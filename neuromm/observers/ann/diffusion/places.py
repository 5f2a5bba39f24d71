"""Where are sight and sound? A denoiser of maps of place that is given pixels and a cochleagram."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import torch

from neuromm.core.parameters import count, positive, probability, sd
from neuromm.maths.noise import normal_from_seeds
from neuromm.observers.ann.diffusion.joint import sample_posterior
from neuromm.observers.ann.diffusion.joint_net import JointNet
from neuromm.observers.ann.diffusion.observer import DenoiserObserver, seed_of_pass
from neuromm.observers.ann.diffusion.place_scenes import COCHLEAGRAM, FRAMES, SIZES, PlaceScenes, centroid, hear, see
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule
from neuromm.observers.ann.scenes import check_support
from neuromm.observers.base import Cue, Percepts
from neuromm.stimuli.measurement import STREAM
from neuromm.stimuli.render import rendered

INPUTS = {"visual": "picture", "auditory": "sound"}  # modality -> what the network is given


@dataclass(frozen=True)
class PlaceDenoiser(DenoiserObserver):
    """Denoises maps of where the light and the sound are, given what the camera and the ears got.

    Picture and sound are held as they are; the maps begin as nothing (ᾱ = 0). `read` *mean* takes the first
    estimate, E[map | picture, sound], whose centroid is the posterior mean of the place: the averaging
    estimate of causal inference, since squared error's optimum is that mean. `read` *sample* runs the
    reverse chain: a **posterior sample**, neither matching nor selection. The network is not told σ: blur,
    contrast and level are all it has; p_common is an input. One cause is reported when the two sampled (or
    mean) maps have their mass within `same_within` of each other.

    Layers: picture, sound (what the network gets), hidden1 … hidden3 (of the first evaluation), maps (visual,
    auditory), estimate (visual, auditory; deg).

    References
    ----------
    Raphan & Simoncelli (2011) Neural Comput 23:374. Orhan & Ma (2017) Nat Commun 8:138. Bao et al. (2023) arXiv
    2303.06555. Körding et al. (2007) PLoS ONE 2:e943.
    """

    sigma_auditory: float = sd(8.0, "deg")  # that the sound's level signals at reliability 1
    sigma_visual: float = sd(2.0, "deg")  # that the picture's blur and contrast signal at reliability 1
    p_common: float = probability(0.5)  # prior probability of one cause that the network is told
    read: Literal["mean", "sample"] = "mean"
    same_within: float = positive(3.0, "deg")  # distance of two maps that are one event
    n_steps: int = count(30)  # evaluations per sample
    trained: bool = True  # False: the untrained control
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "place_denoiser"

    network: ClassVar[str] = "diffusion_places"
    module: ClassVar[type] = JointNet
    layers: ClassVar[tuple[str, ...]] = ("picture", "sound", "hidden1", "hidden2", "hidden3", "maps", "estimate")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")
    cues: ClassVar = (Cue("visual"), Cue("auditory"))

    def infer(self, stimuli, draws):
        """Denoise both maps, given picture and sound; the places are their centroids."""
        seed = seed_of_pass(draws)
        z = draws.generator.standard_normal((len(stimuli.trials), 2))[stimuli.first]
        activity = self._run(self.sensed(stimuli.table, z), seed, stimuli.first)
        place = np.column_stack([centroid(maps) for maps in np.split(activity["maps"], 2, axis=1)])
        same = np.abs(place[:, 0] - place[:, 1]) < self.same_within
        common = np.where(stimuli.present.all(1), same, np.nan)
        activity["estimate"] = place
        return Percepts(
            auditory=place[:, 1],
            visual=place[:, 0],
            common=common,
            judged_common=common,
            layers={name: activity[name] for name in self.layers},
        )

    def sensed(self, shown: pd.DataFrame, z: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """What camera and ears give of each presentation, and the levels at which the network holds it.

        Parameters
        ----------
        shown : DataFrame
            One row per presentation; without a shared measurement or a `noise_seed` the sample is drawn with `z`.
        z : array, shape (n, 2), optional
            Standard normal noise of light and sound.

        Returns
        -------
        dict of array
            picture, sound, and blank visual_map, auditory_map, (n, size) each; "level of …" of each, (n,).
        """
        return self._render(self._measured(shown, np.zeros((len(shown), 2)) if z is None else z))

    def at_noise(self):
        """Its network as `record_at_noise` and `sample` take one, see `MapsAtNoise`."""
        return MapsAtNoise(self.load(), self.p_common)

    def _measured(self, shown, z):
        """The presentations with the noisy sample of each, drawn where the table has none."""
        scenes, columns = PlaceScenes(), {}
        own_seeds = "noise_seed" in shown and shown["noise_seed"].notna().all()
        for i, cue in enumerate(self.cues):
            sigma = cue.sigma_of(self)
            spread = np.where(np.isnan(cue.values(shown)), np.inf, cue.sigmas(shown, sigma))
            check_support(spread, scenes.sigma_low, scenes.sigma_high, self.name, cue.modality, 1e-3)
            noise = z[:, i]
            if own_seeds:
                noise = normal_from_seeds(shown["noise_seed"].to_numpy(), 1, STREAM[cue.modality])[:, 0]
            columns[f"{cue.modality}_measurement"] = cue.measure(shown, sigma, noise)
        if "noise_seed" not in shown:
            columns["noise_seed"] = np.abs(z[:, 0] * 2**40).astype(np.int64)  # phases of the sound
        return shown.assign(**columns)

    def _render(self, shown):
        """What the sensors give, and the level at which each modality is held; dict of arrays."""
        frames = dataclasses.replace(FRAMES, sigma=self.sigma_visual)
        sound = dataclasses.replace(COCHLEAGRAM.sound, sigma=self.sigma_auditory)
        ears = dataclasses.replace(COCHLEAGRAM, sound=sound)
        arrays = {"picture": see(rendered(frames, shown)), "sound": hear(rendered(ears, shown))}
        n = len(shown)
        for cue in self.cues:
            name, blank = INPUTS[cue.modality], f"{cue.modality}_map"
            present = ~np.isnan(cue.values(shown))
            arrays[name][~present] = 0.0
            arrays[f"level of {name}"] = present.astype(float)
            arrays[blank] = np.zeros((n, SIZES[blank]), np.float32)
            arrays[f"level of {blank}"] = np.zeros(n)
        return arrays

    def denoise(self, block, generators):
        """Hidden layers of the first evaluation, and the maps: their means, or a sample."""
        network = self.load()
        x = {name: block[name] for name in SIZES}
        level = {name: block[f"level of {name}"] for name in SIZES}
        context = prior_context(np.full(len(generators), self.p_common)).to(self.device)
        hidden, estimates = network.stages(x, level, context)
        if self.read == "sample":
            estimates = sample_posterior(
                lambda x, level: network(x, level, context),
                x,
                level,
                ("visual_map", "auditory_map"),
                n_steps=self.n_steps,
                generator=generators,
            )
        hidden["maps"] = torch.cat([estimates["visual_map"], estimates["auditory_map"]], 1)
        return hidden


class MapsAtNoise(torch.nn.Module):
    """The place denoiser at one noise level of both maps, picture and sound held: (x, t, (picture, sound)) → x̂_0.

    x is (B, 2 n_azimuths), the visual map and then the auditory one, noised to timestep t of `schedule`. At the last
    timesteps the places must be inferred from picture and sound, at the first ones they can be read from the maps.
    Its layers hidden1 … hidden3 are those of the observer.
    """

    schedule = DiffusionSchedule("cosine", prediction="x0")

    def __init__(self, network, p_common=0.5):
        super().__init__()
        self.network, self.p_common = network, p_common
        for name in network.layers:
            setattr(self, name, torch.nn.Identity())

    def forward(self, x, t, condition):
        picture, sound = condition
        visual, auditory = x.chunk(2, 1)
        level = torch.as_tensor(self.schedule.alpha_bar(t), device=x.device)
        values = {"visual_map": visual, "auditory_map": auditory, "picture": picture, "sound": sound}
        levels = {name: level if name.endswith("map") else torch.ones_like(level) for name in values}
        context = prior_context(np.full(len(x), self.p_common)).to(x.device)
        hidden, estimates = self.network.stages(values, levels, context)
        for name, activity in hidden.items():
            getattr(self, name)(activity)  # so that hooks find it under its name
        return torch.cat([estimates["visual_map"], estimates["auditory_map"]], 1)


def prior_context(p_common):
    """How the network is told p_common: p − ½ and clipped log odds, (n, 2)."""
    p = torch.as_tensor(np.asarray(p_common, np.float32))
    return torch.stack([2 * p - 1, torch.logit(p.clamp(0.007, 0.993)) / 5.0], 1)
