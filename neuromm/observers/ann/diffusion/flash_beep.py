"""How many flashes? A denoiser that imagines what was shown, given what the eye and the ear report of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from neuromm.core.parameters import count, sd
from neuromm.maths.noise import normal_from_seeds
from neuromm.observers.ann.counting.subject import CountSubject
from neuromm.observers.ann.diffusion.flash_scenes import (
    FRAME,
    MODALITIES,
    MOST,
    N_FRAMES,
    ONSET,
    FlashScenes,
    count_events,
    noise_level,
    senses,
)
from neuromm.observers.ann.diffusion.joint import sample_posterior
from neuromm.observers.ann.diffusion.joint_net import JointNet
from neuromm.observers.ann.diffusion.observer import DenoiserObserver, presentation_seeds, seed_of_pass
from neuromm.observers.base import Percepts
from neuromm.stimuli.measurement import sigma_of

SENSES = {
    "retina": ("flashes", "visual", 211),
    "cochlea": ("beeps", "auditory", 212),
}  # shows, modality, stream of its noise


@dataclass(frozen=True)
class FlashBeepDenoiser(CountSubject, DenoiserObserver):
    """Counts flashes and beeps by posterior sampling: no classifier, and no illusion in training.

    A joint denoiser of events and senses (`flash_scenes`) holds the retina's and the cochlea's measurement, each
    at its own noise, and denoises the screen and the loudspeaker from nothing: a sample of p(flashes,
    beeps | seen, heard). The answer is the number of events in that sample; one
    cause is reported when both numbers are equal. So answers are **posterior
    samples**: neither the most probable number nor its mean, and they vary more than a maximum would.

    Fission and fusion follow from what training scenes are like (as many flashes as beeps in three of four)
    and from how slowly the eye answers; the statistics are fields of `FlashScenes`.

    Needs `n_flashes`, `n_beeps` (up to 4, within 600 ms); optional `flash_soa`, `beep_soa` (ms between events of
    a sense; 60 by default), `soa` (ms, sound later positive), reliabilities, `noise_seed`. Layers: retina,
    cochlea (measurements, 32 frames), hidden1 … hidden3 (of the first evaluation, which knows the
    measurements alone), expected (mean flashes and beeps per frame, 64), sample (likewise drawn).

    References
    ----------
    Shams, Kamitani & Shimojo (2000) Nature 408:788 (the illusion). Shams, Ma & Beierholm (2005) NeuroReport
    16:1923 (as inference). Bao et al. (2023) arXiv 2303.06555 (a noise level per modality).
    """

    sigma_visual: float = sd(0.35, "peaks of a flash")  # noise of the retina at reliability 1
    sigma_auditory: float = sd(0.10, "peaks of a beep")  # noise of the cochlea at reliability 1
    n_steps: int = count(40)  # evaluations of the denoiser per sample
    trained: bool = True  # False: the untrained control
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "flash_beep_denoiser"

    network: ClassVar[str] = "diffusion_flash_beep"
    module: ClassVar[type] = JointNet
    layers: ClassVar[tuple[str, ...]] = ("retina", "cochlea", "hidden1", "hidden2", "hidden3", "expected", "sample")

    def check_trials(self, trials):
        """Also refuse more events than it was trained with."""
        super().check_trials(trials)
        for cue in self.cues:
            most = trials.index[trials[cue.column].to_numpy(float) > MOST]
            if len(most):
                raise ValueError(
                    f"{self.name}: trials {most[:5].tolist()} have {cue.column} above {MOST}, "
                    f"the most it was trained with"
                )

    def infer(self, stimuli, draws):
        """Sample what was shown, given both measurements, and count its events."""
        seed = seed_of_pass(draws)
        x, level = self.measurements(stimuli.table, seed, stimuli.first)
        levels = {f"level of {name}": values for name, values in level.items()}
        activity = self._run(x | levels, seed, stimuli.first)
        flashes, beeps = np.split(activity["sample"], 2, axis=1)
        n_flashes, n_beeps = count_events(flashes), count_events(beeps)
        return Percepts(
            n_flashes=n_flashes,
            n_beeps=n_beeps,
            common=(n_flashes == n_beeps).astype(float),
            layers={name: activity[name] for name in self.layers},
        )

    def measurements(self, shown, seed=0, first=None):
        """What retina and cochlea report of each showing, and the levels of all four modalities.

        Parameters
        ----------
        shown : DataFrame
            One row per showing.
        seed : int
            Of the sensory noise where the rows have no `noise_seed`.
        first : sequence of int, optional
            Numbers of the rows, which that noise goes by; 0, 1, … when not given.

        Returns
        -------
        x : dict of modality → array, shape (n, 32), float32
            √ᾱ x_0 + √(1 − ᾱ) ε; events themselves are unknown.
        level : dict of modality → array, shape (n,)
            ᾱ: 0 of what is unknown or absent.
        """
        n = len(shown)
        offset = shown["soa"].fillna(0.0).to_numpy(float) if "soa" in shown else np.zeros(n)
        times = {}
        for name, column, delay in (("flashes", "flash_soa", 0.0), ("beeps", "beep_soa", offset)):
            gap = shown[column].fillna(60.0).to_numpy(float) if column in shown else np.full(n, 60.0)
            count = shown[f"n_{name}"].fillna(0).to_numpy(float)
            at = ONSET + np.reshape(delay, (-1, 1)) + gap[:, None] * np.arange(MOST)
            late = np.nan_to_num(at[:, 0] + gap * np.maximum(count - 1, 0)) > (N_FRAMES - 2) * FRAME
            if late.any():
                rows = shown.index[late][:5].tolist()
                raise ValueError(
                    f"{self.name}: trials {rows} have {name} later than {(N_FRAMES - 2) * FRAME - ONSET:g} ms after "
                    f"the first; it hears and sees {N_FRAMES * FRAME:g} ms"
                )
            times[name] = np.where(np.arange(MOST) < count[:, None], at, np.nan)
        clean = senses(times["flashes"], times["beeps"], FlashScenes())
        seeds = presentation_seeds(shown, seed, first)
        x, level = {}, {name: np.zeros(n) for name in MODALITIES}
        for name in MODALITIES[:2]:
            x[name] = np.zeros((n, N_FRAMES), np.float32)
        for sense, (_, modality, stream) in SENSES.items():
            ab = noise_level(sigma_of(shown, modality, getattr(self, f"sigma_{modality}")), sense)
            ab = np.where(
                shown[f"n_{SENSES[sense][0]}"].isna(), 0.0, ab
            )  # no count: no such sense; 0 is dark, or silence
            noise = normal_from_seeds(seeds, N_FRAMES, stream)
            x[sense] = (np.sqrt(ab)[:, None] * clean[sense] + np.sqrt(1 - ab)[:, None] * noise).astype(np.float32)
            level[sense] = ab
        return x, level

    def denoise(self, block, generators):
        """Hidden layers of the first evaluation; a sample of the events, and their mean."""
        network = self.load()
        x = {name: block[name] for name in MODALITIES}
        level = {name: block[f"level of {name}"].double() for name in MODALITIES}
        hidden, _ = network.stages(x, level)
        drawn, means = sample_posterior(
            network, x, level, ("flashes", "beeps"), n_steps=self.n_steps, generator=generators, return_mean=True
        )
        hidden["expected"] = torch.cat([means["flashes"], means["beeps"]], 1)
        hidden["sample"] = torch.cat([drawn["flashes"], drawn["beeps"]], 1)
        return hidden
