"""The diffusion classifier: which condition makes the noise most predictable? Over syllables, and over captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from neuromm.core.parameters import count, sd
from neuromm.maths.noise import normal_from_seeds
from neuromm.observers.ann.diffusion.joint import ancestral
from neuromm.observers.ann.diffusion.joint_net import JointNet
from neuromm.observers.ann.diffusion.latent import from_unit
from neuromm.observers.ann.diffusion.noise import standard_normal
from neuromm.observers.ann.diffusion.observer import DenoiserObserver, presentation_seeds, seed_of_pass
from neuromm.observers.ann.diffusion.schedule import forward_diffusion
from neuromm.observers.ann.diffusion.syllable_scenes import SIZES, SYLLABLES, Talkers
from neuromm.observers.base import Labels, Percepts
from neuromm.stimuli.measurement import sigma_of
from neuromm.stimuli.table import require

SPAN = 7.0  # of ln γ about 0
PARTS = {"sound": ("auditory", 221), "lips": ("visual", 222)}  # modality and stream of its noise


@dataclass(frozen=True)
class SyllableDenoiser(DenoiserObserver):
    r"""Which syllable? The one under which the noise of sound and lips is best predicted.

    A denoiser of sound and lips, told a syllable, scores how likely the stimulus is under it: by the bound
    of Kingma et al. (2021), log p(x | c) = const − ½ ∫ E‖ε − ε̂_c‖² dλ over the log signal-to-noise λ below that of
    the measurement, estimated with the same noise for all syllables (Li et al. 2023, the diffusion
    classifier). `report` "syllable" is answered by the largest posterior (*map*) or by a draw from it (*sample*).
    Trained on congruent syllables alone; an incongruent pair is out of its distribution, on purpose.

    Needs `auditory_syllable`, `visual_syllable` (empty = absent); optional `auditory_snr` (dB, sets the sound's
    noise), reliabilities, `alternatives` ("ba|ga"), `noise_seed`. Layers: sound, lips (measurements),
    hidden1 … hidden3 (no syllable given, at the measurement's level), log_posterior (nats; ba da ga).

    References
    ----------
    McGurk & MacDonald (1976) Nature 264:746. Li, Prabhudesai, Duggal, Brown & Pathak (2023) arXiv 2303.16203.
    """

    sigma_auditory: float = sd(0.7, "SDs of the sound")  # its noise at reliability 1
    sigma_visual: float = sd(0.7, "SDs of the lips")  # their noise at reliability 1
    n_levels: int = count(32)  # noise levels of the score; fewer are noisier
    read: Literal["map", "sample"] = "map"
    trained: bool = True  # False: the untrained control
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "syllable_denoiser"

    network: ClassVar[str] = "diffusion_syllables"
    module: ClassVar[type] = JointNet
    layers: ClassVar[tuple[str, ...]] = ("sound", "lips", "hidden1", "hidden2", "hidden3", "log_posterior")
    reports: ClassVar[tuple[str, ...]] = ("syllable",)

    def check_trials(self, trials):
        """Also refuse a table without the columns of both syllables."""
        require(trials, ["report", "auditory_syllable", "visual_syllable"], self.name)
        super().check_trials(trials)

    def infer(self, stimuli, draws):
        """Hear and see noisy syllables, and score how well each explains them."""
        seed = seed_of_pass(draws)
        x, level = self.measurements(stimuli.table, seed, stimuli.first)
        levels = {f"level of {part}": values for part, values in level.items()}
        activity = self._run(x | levels, seed, stimuli.first)
        scores, uniform = activity["log_posterior"].astype(float), None
        if self.read == "sample":
            scores = np.exp(scores - scores.max(1, keepdims=True))
            uniform = activity["uniform"][:, 0]
        layers = {name: activity[name] for name in self.layers}
        return Percepts(syllable=Labels(SYLLABLES, scores, uniform), layers=layers)

    def measurements(self, shown, seed=0, first=None):
        """Noisy sound and lips of each showing, and their levels.

        Parameters
        ----------
        shown : DataFrame
            One row per showing.
        seed : int
            Of talkers and noise where the rows have no `noise_seed`.
        first : sequence of int, optional
            Numbers of the rows, which these go by; 0, 1, … when not given.

        Returns
        -------
        x : dict of sound, lips → array, shape (n, size), float32
            √ᾱ x_0 + √(1 − ᾱ) ε.
        level : dict of sound, lips → array, shape (n,)
            ᾱ; 0 = absent.
        """
        shown_any = shown[["auditory_syllable", "visual_syllable"]].notna().any(axis=1).to_numpy()
        if not shown_any.all():
            raise ValueError(
                f"{self.name}: trials {shown.index[~shown_any][:5].tolist()} show neither a sound nor lips"
            )
        if "soa" in shown and (apart := (shown["soa"].fillna(0.0) != 0).to_numpy()).any():
            raise ValueError(
                f"{self.name}: trials {shown.index[apart][:5].tolist()} have sound and lips apart in time (soa); "
                f"it was trained with none, leave the column out"
            )
        seeds = presentation_seeds(shown, seed, first)
        token = normal_from_seeds(seeds, 5, 220)  # the talker
        x, levels = {}, {}
        for part, (modality, stream) in PARTS.items():
            syllables = shown[f"{modality}_syllable"]
            there = syllables.notna().to_numpy()
            strange = sorted(set(syllables[there]) - set(SYLLABLES))
            if strange:
                raise ValueError(f"{self.name}: {modality}_syllable has {strange}; it knows {', '.join(SYLLABLES)}")
            sigma = sigma_of(shown, modality, getattr(self, f"sigma_{modality}"))
            if f"{modality}_snr" in shown:
                snr = shown[f"{modality}_snr"].to_numpy(float)
                sigma = np.where(np.isnan(snr), sigma, 10.0 ** (-snr / 20.0))
            level = np.where(there, 1.0 / (1.0 + sigma**2), 0.0)
            clean = getattr(Talkers(), part)(syllables.where(syllables.notna(), "ba").to_numpy(), token)
            noise = normal_from_seeds(seeds, SIZES[part], stream)
            measured = np.sqrt(level)[:, None] * clean + np.sqrt(1 - level)[:, None] * noise
            x[part] = np.where(there[:, None], measured, 0.0).astype(np.float32)
            levels[part] = level
        return x, levels

    def denoise(self, block, generators):
        """Hidden layers, log posterior, and a number that draws the choice."""
        network = self.load()
        n = len(generators)
        x = {part: block[part] for part in PARTS}
        level = {part: block[f"level of {part}"] for part in PARTS}
        hidden, _ = network.stages(x, level, torch.zeros(n, len(SYLLABLES), device=self.device))
        score = classify(network, x, level, len(SYLLABLES), self.n_levels, generators)
        hidden["log_posterior"] = torch.log_softmax(score, 1)
        hidden["uniform"] = torch.stack([torch.rand(1, generator=g) for g in generators])
        return hidden


def classify(network, x, alpha_bar, n_classes, n_levels, generators):
    """log p(x | class) up to a constant, (B, n_classes): −½ ∫ E‖z − ẑ_c‖² d ln γ with noise z shared by the classes.

    x is itself a measurement at ᾱ. It is noised further, to signal-to-noise γ against itself, all modalities
    together; the network's x̂_0 gives E[x | noised, c] by the forward process's posterior, and so ẑ_c. This
    is exact for the exact denoiser as γ covers 0 … ∞ (Guo, Shamai & Verdú 2005, IEEE Trans Inf Theory 51:1261);
    here e^±7.

    Parameters
    ----------
    network : callable (x, alpha_bar, context (B, n_classes)) → x̂_0
    x, alpha_bar : dicts of modality → tensors (B, size), (B,)
        ᾱ = 0 is absent.
    n_classes, n_levels : int
    generators : torch.Generator, or one per sample

    Returns
    -------
    score : tensor, shape (B, n_classes), float64, nats
    """
    first = next(iter(x.values()))
    n, there = len(first), {name: level > 0 for name, level in alpha_bar.items()}
    score = torch.zeros(n, n_classes, dtype=torch.float64, device=first.device)
    classes = torch.eye(n_classes, device=first.device)
    width = 2 * SPAN / n_levels
    for i in range(n_levels):
        gamma = np.exp(SPAN - (i + 0.5) * width)
        keep = gamma / (1.0 + gamma)
        level = {name: keep * alpha_bar[name].double() for name in x}
        z = {name: standard_normal(value.shape, generators, device=value.device) for name, value in x.items()}
        noised = {name: keep**0.5 * x[name] + (1 - keep) ** 0.5 * z[name] for name in x}
        for c in range(n_classes):
            estimate = network(noised, level, classes[c].expand(n, -1))
            for name in x:
                then = torch.where(there[name], alpha_bar[name].double(), 1.0)
                mean, _ = ancestral(noised[name], estimate[name], keep * then, then)
                z_hat = (noised[name] - keep**0.5 * mean) / (1 - keep) ** 0.5
                error = (z_hat - z[name]).double().square().sum(1)
                score[:, c] -= 0.5 * width * torch.where(there[name], error, 0.0)
    return score


def classify_captions(model, pictures, captions, *, n_levels=12, seed=0):
    """How well each caption explains a picture to a `LatentDiffusion`: log p(picture | caption) up to a constant.

    Parameters
    ----------
    model : LatentDiffusion
    pictures : array, shape (n, channels, H, W)
        0 … 1.
    captions : list of str
        Candidates, the same for all pictures.
    n_levels : int
        Timesteps, spread evenly over log signal-to-noise −6 … 4; noise is shared by captions and pictures.
    seed : int

    Returns
    -------
    score : array, shape (n, n_captions), nats
    """
    schedule = model.schedule
    snr = np.log(schedule.snr)
    wanted = np.linspace(4.0, -6.0, n_levels)
    timesteps = np.abs(snr[None, :] - wanted[:, None]).argmin(1)
    with torch.inference_mode():
        latents = model.vae.to_latent(from_unit(pictures, model.vae.scale.device))
        tokens, mask = model.condition(list(captions))
        score = torch.zeros(len(latents), len(captions), dtype=torch.float64)
        generator = torch.Generator().manual_seed(seed)
        for t in timesteps:
            z = standard_normal(latents.shape[1:], generator, device=latents.device).expand_as(latents)
            noised, _ = forward_diffusion(latents, int(t), schedule, noise=z)
            at = torch.full((len(latents),), int(t), device=latents.device)
            for c in range(len(captions)):
                condition = tuple(h[c : c + 1].expand(len(latents), *h.shape[1:]) for h in (tokens, mask))
                _, epsilon = schedule.split(noised, model.unet(noised, at, condition), int(t))
                score[:, c] -= 0.5 * (epsilon - z).square().flatten(1).sum(1).double().cpu() * (10.0 / n_levels)
    return score.numpy()
