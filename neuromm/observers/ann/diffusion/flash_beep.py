"""How many flashes? A denoiser that imagines what was shown, given what the eye and the ear report of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from neuromm.maths.noise import normal_from_seeds, stable_seed
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
from neuromm.observers.ann.diffusion.observer import DenoiserObserver, in_blocks, row_generators
from neuromm.observers.protocol import Percept, answer, collect, perceive_sets
from neuromm.stimuli.measurement import sigma_of
from neuromm.stimuli.table import require, showings

SENSES = {
    "retina": ("flashes", "visual", 211),
    "cochlea": ("beeps", "auditory", 212),
}  # shows, modality, stream of its noise


@dataclass(frozen=True)
class FlashBeepDenoiser(DenoiserObserver):
    """Counts flashes and beeps by posterior sampling: no classifier, and no illusion in training.

    A joint denoiser of events and senses (`flash_scenes`) holds the retina's and the cochlea's measurement, each
    at its own noise, and denoises the screen and the loudspeaker from nothing: a sample of p(flashes,
    beeps | seen, heard). The answer is the number of events in that sample; one
    cause is reported when both numbers are equal. So answers are **posterior
    samples**: neither the most probable number nor its mean, and they vary more than a maximum would.

    Fission and fusion follow from what training scenes are like (as many flashes as beeps in three of four)
    and from how slowly the eye answers; the statistics are fields of `FlashScenes`.

    References
    ----------
    Shams, Kamitani & Shimojo (2000) Nature 408:788 (the illusion). Shams, Ma & Beierholm (2005) NeuroReport
    16:1923 (as inference). Bao et al. (2023) arXiv 2303.06555 (a noise level per modality).
    """

    sigma_visual: float = 0.35  # noise of the retina at reliability 1, sd relative to one flash's peak
    sigma_auditory: float = 0.10  # noise of the cochlea at reliability 1, relative to one beep's peak
    n_steps: int = 40  # evaluations of the denoiser per sample
    trained: bool = True  # False: the untrained twin
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "flash_beep_denoiser"

    network: ClassVar[str] = "diffusion_flash_beep"
    module: ClassVar[type] = JointNet
    layers: ClassVar[tuple[str, ...]] = ("retina", "cochlea", "hidden1", "hidden2", "hidden3", "expected", "sample")
    reports: ClassVar[tuple[str, ...]] = ("n_flashes", "n_beeps", "common")

    def __post_init__(self):
        self.check(positive=("sigma_visual", "sigma_auditory", "n_steps"))

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Sample what was shown of each trial, count, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report`, `n_flashes`, `n_beeps`; optional `flash_soa`, `beep_soa` (ms between events of a sense; 60
            by default), `soa` (ms, sound later positive), reliabilities, `noise_seed` (the sensory noise is then
            the row's own).
        rng : numpy.random.Generator
        layers : names, patterns or Records
            retina, cochlea (measurements, 32 frames), hidden1 … hidden3 (of the first evaluation, which knows
            the measurements alone), expected (mean flashes and beeps per frame, 64), sample (likewise drawn).
        parameters : DataFrame, optional

        Raises
        ------
        ValueError
            If a column is missing, a count is more than 4, events go on beyond 600 ms, or a row asks about events of
            which there are none to see or hear.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report", "n_flashes", "n_beeps"], self.name)
        self._check_asked(trials)
        first, of_row = showings(trials)
        seed = int(rng.integers(2**63))
        shown = trials.iloc[first]
        x, level = self.measurements(shown, seed, first)
        activity = in_blocks(
            self._denoise,
            {**x, **{f"level of {k}": v for k, v in level.items()}},
            row_generators(seed, first),
            self.device,
        )
        activity |= {name: x[name] for name in SENSES}
        activity = {name: activity[name][of_row] for name in self.layers}
        flashes, beeps = np.split(activity["sample"], 2, axis=1)
        says = {"n_flashes": count_events(flashes), "n_beeps": count_events(beeps)}
        says["common"] = (says["n_flashes"] == says["n_beeps"]).astype(float)
        return Percept(answer(trials, says, self.name), collect(layers, activity, trials, self.name))

    def _check_asked(self, trials):
        for report, modality in (("n_flashes", "visual"), ("n_beeps", "auditory")):
            count = trials[report].to_numpy(float)
            most = trials.index[count > MOST]
            if len(most):
                raise ValueError(
                    f"{self.name}: trials {most[:5].tolist()} have {report} above {MOST}, the most it was trained with"
                )
            absent = (np.nan_to_num(count) == 0) | (
                trials.get(f"{modality}_azimuth", pd.Series(0.0, trials.index)).isna().to_numpy()
            )
            wrong = (trials["report"] == report).to_numpy() & absent
            if wrong.any():
                rows = trials.index[wrong][:5].tolist()
                raise ValueError(
                    f"{self.name}: trials {rows} ask for {report}, but there are none: their {modality} event is absent"
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
        first = range(len(shown)) if first is None else first
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
        seeds = np.array([stable_seed(seed, i) for i in first])
        if "noise_seed" in shown and shown["noise_seed"].notna().all():
            seeds = shown["noise_seed"].to_numpy(np.int64)
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

    def _denoise(self, block, generators):
        """Layers of one block of showings."""
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
