"""Where are sight and sound? A denoiser of maps of place that is given pixels and a cochleagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import torch

from neuromm.observers.ann.diffusion.joint import sample_posterior
from neuromm.observers.ann.diffusion.joint_net import JointNet
from neuromm.observers.ann.diffusion.observer import DenoiserObserver, in_blocks, row_generators
from neuromm.observers.ann.diffusion.place_scenes import COCHLEAGRAM, FRAMES, SIZES, PlaceScenes, centroid, hear, see
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule
from neuromm.observers.protocol import Percept, answer, check_asked, collect, perceive_sets
from neuromm.stimuli.measurement import place_of, sigma_of
from neuromm.stimuli.render import rendered
from neuromm.stimuli.table import require, showings

CUES = ("visual", "auditory")
UNKNOWN = {"visual_map": 0.0, "auditory_map": 0.0}


@dataclass(frozen=True)
class PlaceDenoiser(DenoiserObserver):
    """Denoises maps of where the light and the sound are, given what the camera and the ears got.

    Picture and sound are held as they are; the maps begin as nothing (ᾱ = 0). `read` *mean* takes the first
    estimate, E[map | picture, sound], whose centroid is the posterior mean of the place: the averaging
    estimate of causal inference, since squared error's optimum is that mean. `read` *sample* runs the
    reverse chain: a **posterior sample**, neither matching nor selection. The network is not told σ: blur,
    contrast and level are all it has; p_common is an input. One cause is reported when the two sampled (or
    mean) maps have their mass within `same_within` of each other.

    References
    ----------
    Raphan & Simoncelli (2011) Neural Comput 23:374. Orhan & Ma (2017) Nat Commun 8:138. Bao et al. (2023) arXiv
    2303.06555. Körding et al. (2007) PLoS ONE 2:e943.
    """

    sigma_auditory: float = 8.0  # deg, that the sound's level signals at reliability 1
    sigma_visual: float = 2.0  # deg, that the picture's blur and contrast signal at reliability 1
    p_common: float = 0.5  # prior probability of one cause that the network is told
    read: Literal["mean", "sample"] = "mean"
    same_within: float = 3.0  # deg
    n_steps: int = 30  # evaluations per sample
    trained: bool = True  # False: the untrained twin
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "place_denoiser"

    network: ClassVar[str] = "diffusion_places"
    module: ClassVar[type] = JointNet
    layers: ClassVar[tuple[str, ...]] = ("picture", "sound", "hidden1", "hidden2", "hidden3", "maps", "estimate")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    def __post_init__(self):
        self.check(positive=("sigma_visual", "sigma_auditory", "n_steps", "same_within"), probabilities=("p_common",))
        if self.read not in ("mean", "sample"):
            raise ValueError(f"{self.name}: read is '{self.read}'; 'mean' or 'sample' is wanted")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Render each trial, denoise its maps, answer, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report` and `auditory_azimuth`, `visual_azimuth` (NaN = absent). Where no measurement is yoked, the
            sample that is drawn is measured anew from the row's `noise_seed` or from `rng`.
        rng : numpy.random.Generator
        layers : names, patterns or Records
            picture, sound (what the network gets), hidden1 … hidden3 (of the first evaluation), maps (visual,
            auditory), estimate (visual, auditory; deg).
        parameters : DataFrame, optional

        Raises
        ------
        ValueError
            If a column is missing, a row asks what cannot be answered, or its sensory sd was never trained.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        seed, z = int(rng.integers(2**63)), rng.standard_normal((len(trials), 2))
        arrays = self.sensed(trials.iloc[first], z[first])
        activity = in_blocks(self._denoise, arrays, row_generators(seed, first), self.device)
        activity |= {name: arrays[name] for name in ("picture", "sound")}
        maps = np.split(activity["maps"], 2, axis=1)
        activity["estimate"] = np.column_stack([centroid(m) for m in maps])
        activity = {name: activity[name][of_row] for name in self.layers}
        both = np.all([~np.isnan(place_of(trials, cue)) for cue in CUES], axis=0)
        estimate = activity["estimate"]
        common = np.where(both, np.abs(estimate[:, 0] - estimate[:, 1]) < self.same_within, np.nan)
        says = {cue: estimate[:, i] for i, cue in enumerate(CUES)} | {"common": common}
        judged = pd.array([None if np.isnan(c) else c > 0.5 for c in common], "boolean")
        return Percept(
            answer(trials, says, self.name, judged_common=judged), collect(layers, activity, trials, self.name)
        )

    def sensed(self, shown, z=None):
        """What camera and ears give of each showing, and the levels at which the network holds it.

        Parameters
        ----------
        shown : DataFrame
            One row per showing; without a yoked measurement or a `noise_seed` the sample is drawn with `z`.
        z : array, shape (n, 2), optional
            Standard normal noise of light and sound.

        Returns
        -------
        dict of array
            picture, sound, and blank visual_map, auditory_map, (n, size) each; "level of …" of each, (n,).
        """
        return self._render(self._yoked(shown, np.zeros((len(shown), 2)) if z is None else z))

    def at_noise(self):
        """Its network as `record_at_noise` and `sample` take one, see `MapsAtNoise`."""
        return MapsAtNoise(self.load(), self.p_common)

    def _yoked(self, shown, z):
        """The showings with the noisy sample of each, drawn where the table has none."""
        from neuromm.maths.noise import normal_from_seeds
        from neuromm.stimuli.measurement import STREAM, measure

        columns = {}
        for i, cue in enumerate(CUES):
            sigma = getattr(self, f"sigma_{cue}")
            sd, scenes = sigma_of(shown, cue, sigma), PlaceScenes()
            there = ~np.isnan(place_of(shown, cue))
            outside = there & ((sd < scenes.sigma_low * 0.999) | (sd > scenes.sigma_high * 1.001))
            if outside.any():
                raise ValueError(
                    f"{self.name}: a {cue} sd of {sd[outside][0]:.4g} deg (sigma_{cue}/√{cue}_reliability) lies "
                    f"outside {scenes.sigma_low:g} to {scenes.sigma_high:g} deg, the range it was trained in"
                )
            noise = z[:, i]
            if "noise_seed" in shown and shown["noise_seed"].notna().all():
                noise = normal_from_seeds(shown["noise_seed"].to_numpy(), 1, STREAM[cue])[:, 0]
            columns[f"{cue}_measurement"] = measure(shown, cue, sigma, noise)
        if "noise_seed" not in shown:
            columns["noise_seed"] = np.abs(z[:, 0] * 2**40).astype(np.int64)  # phases of the sound
        return shown.assign(**columns)

    def _render(self, shown):
        """What the sensors give, and the level at which each modality is held; dict of arrays."""
        import dataclasses

        frames = dataclasses.replace(FRAMES, sigma=self.sigma_visual)
        ears = dataclasses.replace(COCHLEAGRAM, sound=dataclasses.replace(COCHLEAGRAM.sound, sigma=self.sigma_auditory))
        n = len(shown)
        arrays = {"picture": see(rendered(frames, shown)), "sound": hear(rendered(ears, shown))}
        for cue, name in (("visual", "picture"), ("auditory", "sound")):
            there = ~np.isnan(place_of(shown, cue))
            arrays[name][~there] = 0.0
            arrays[f"level of {name}"] = there.astype(float)
            arrays[f"{cue}_map"] = np.zeros((n, SIZES[f"{cue}_map"]), np.float32)
            arrays[f"level of {cue}_map"] = np.zeros(n)
        return arrays

    def _denoise(self, block, generators):
        """Layers of one block of showings."""
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
