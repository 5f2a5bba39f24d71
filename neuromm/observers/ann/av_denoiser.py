"""The audiovisual denoiser: a network trained to undo sensory noise, which thereby infers causes."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.core.parameters import probability, sd
from neuromm.maths.gaussian import logit
from neuromm.maths.noise import normal_from_seeds
from neuromm.observers.ann.denoiser import Denoiser, signal_and_noise
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.ann.scenes import check_support
from neuromm.observers.base import Cue, Draws, Percepts, Stimuli
from neuromm.stimuli.measurement import STREAM

SHIPPED_P_COMMON = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class AVDenoiser(NetworkObserver):
    """Perceives a pair of places by denoising it, once.

    The measurements of a trial, x_m = s_m + σ_m ε_m, are a pair that a diffusion process has noised,
    each modality to its own level. The network is given the pair and both levels and was trained with
    squared error to return the places. The optimum of that loss is the posterior mean under the
    generator of its scenes: the model-averaging estimate of causal inference, with σ_P 12° and the
    p_common of the scenes. It was never shown an illusory answer; one evaluation is one percept.
    In half of the scenes with both modalities the measurements were drawn first, independently, and
    cause and places from their posterior: labels are drawn places still, conflicts are met more often.

    Unity is read by a logistic probe of the last hidden layer, fitted on the true causes of scenes
    (balanced, so that its log odds are evidence), plus the prior log odds of `p_common`.

    The untrained twin has random layers and a ridge read-out of the last one, fitted on unisensory scenes.
    Weights for p_common 0, ½ and 1 are shipped, seeds 1 to 12 of each, with gated units and plain (`gated=False`).

    References
    ----------
    Raphan & Simoncelli (2011) Neural Comput 23:374 (least squares denoising). Ho, Jain & Abbeel (2020)
    arXiv 2006.11239. Bao et al. (2023) arXiv 2303.06555 (a timestep per modality). Orhan & Ma (2017) Nat
    Commun 8:138 (generic networks learn causal inference). Körding et al. (2007) PLoS ONE 2:e943.
    """

    sigma_auditory: float = sd(8.0, "deg")  # sensory SD at reliability 1
    sigma_visual: float = sd(2.0, "deg")  # sensory SD at reliability 1
    p_common: float = probability(0.5)  # of the scenes it was trained on; picks the weights
    gated: bool = True  # hidden units are products, v · SiLU(g); False: a plain perceptron, SiLU(g)
    trained: bool = True  # False: the untrained twin
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "av_denoiser"

    network: ClassVar[str] = "av_denoiser"
    editable: ClassVar[tuple[str, ...]] = ("hidden1", "hidden2", "hidden3")
    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("input", "hidden1", "hidden2", "hidden3", "estimate")
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    def __post_init__(self):
        super().__post_init__()
        if not self.weights and self.trained and self.p_common not in SHIPPED_P_COMMON:
            raise ValueError(
                f"{self.name}: no weights are shipped for p_common {self.p_common:g}; 0, 0.5 and 1 are there. "
                f"train('av_denoiser', p_common={self.p_common:g}) makes others, to be named by `weights`"
            )

    def infer(self, stimuli, draws):
        """Denoise each pair once; unity by the evidence of the last hidden layer and the prior."""
        activity, evidence, prior = self._denoise(stimuli, draws)
        common = np.where(stimuli.present.all(1), evidence + prior > 0, np.nan)
        estimate = activity["estimate"].astype(float)
        return Percepts(
            auditory=estimate[:, 0], visual=estimate[:, 1], common=common, judged_common=common, layers=activity
        )

    def draw(self, stimuli, rng):
        """Noise of each row: its own where it has a `noise_seed`, else from `rng`."""
        cues = tuple(cue.modality for cue in self.cues)
        trials, normals = stimuli.trials, None
        if "noise_seed" in trials and trials["noise_seed"].notna().all():
            seeds = trials["noise_seed"].to_numpy()
            normals = np.column_stack([normal_from_seeds(seeds, 1, STREAM[cue])[:, 0] for cue in cues])
        return Draws(cues, rng, len(trials), stimuli.first, normals)

    def edited(self, trials, layer, edit):
        """Estimates (n_trials, 2; auditory, visual; deg) if a hidden layer's activity were changed on its way.

        Parameters
        ----------
        trials : DataFrame
            With yoked measurements, or `noise_seed`.
        layer : str
        edit : callable
            Activity, array (n, n_units) → activity.
        """
        stimuli = Stimuli(trials, self.cues, self.name)
        draws = self.draw(stimuli, np.random.default_rng(0))
        activity, _, _ = self._denoise(stimuli, draws, self._editing(layer, edit))
        return stimuli.to_rows(activity["estimate"])

    def _denoise(self, stimuli, draws, edit=None):
        """Layers and evidence for one cause of each presentation, and the prior log odds."""
        header, tensors, module = self._load()
        config = header["config"]
        sigma = np.where(stimuli.present, stimuli.sigmas(self), np.inf)
        x = np.where(stimuli.present, stimuli.measure(self, draws), 0.0)
        for i, cue in enumerate(self.cues):
            check_support(sigma[:, i], config["sigma_low"], config["sigma_high"], self.name, cue.modality)
        scale = config["sigma_prior"]
        a, b = signal_and_noise(sigma, scale)
        stages = functools.partial(module.stages, edit=edit)
        activity = in_blocks(stages, a * x / scale, sigma, a, b, device=self.device)
        activity["estimate"] = scale * activity["estimate"]
        evidence = activity[f"hidden{config['n_layers']}"] @ tensors["unity.weight"] + tensors["unity.bias"][0]
        return activity, evidence, float(logit(self._trained_p_common(config)))

    def _trained_p_common(self, config):
        trained = config["p_common"]
        if trained is None:  # no step was taken
            return self.p_common
        if self.p_common not in (trained, type(self).p_common):
            raise ValueError(
                f"{self.name}: p_common is {self.p_common:g}, but these weights were trained at {trained:g}; "
                f"leave p_common out, or train others"
            )
        return trained

    def _training(self):
        training = f"p_common {self.p_common:g}" if self.trained else "untrained"
        return training if self.gated else f"{training}, plain units"

    @classmethod
    def _build(cls, header, tensors):
        config = {k: header["config"][k] for k in ("n_hidden", "n_layers", "sigma_low", "sigma_high")}
        return Denoiser(**config, gated=header["config"].get("gated", False))
