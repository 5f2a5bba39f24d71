"""Sounds of syllables and impacts: synthesised, learnt as log-mels, imagined, and made audible again."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from neuromm.observers.ann.diffusion.audio_unet import AudioUNet
from neuromm.observers.ann.diffusion.guidance import Guided
from neuromm.observers.ann.diffusion.samplers import sample
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule
from neuromm.observers.ann.diffusion.spectrogram import LogMel
from neuromm.observers.ann.diffusion.store import load_network, save_network
from neuromm.observers.ann.diffusion.syllable_scenes import FORMANTS, SYLLABLES, VOWEL

NETWORK = "diffusion_audio"
SCHEDULE = DiffusionSchedule("cosine", prediction="v")
CLASSES = (*SYLLABLES, "impact")
N_SAMPLES = 3100  # 387.5 ms at 8 kHz: 32 frames
BANDWIDTHS = (80.0, 110.0, 160.0)  # Hz, of the formants' resonances


def synthesise(classes, rng):
    """Waves of syllables by many talkers and of impacts of many pitches, (n, N_SAMPLES) at 8 kHz, about ±1.

    A syllable is the harmonics of a voice (80–220 Hz) under three moving resonances, after 30 ms of silence; an
    impact is a decaying tone.
    """
    time = np.arange(N_SAMPLES) / 8000.0
    waves = np.zeros((len(classes), N_SAMPLES))
    for i, name in enumerate(classes):
        since = np.maximum(time - 0.03, 0.0)
        on = time >= 0.03
        if name == "impact":
            pitch, decay = rng.uniform(900, 2000), rng.uniform(0.010, 0.025)
            waves[i] = on * np.exp(-since / decay) * np.sin(2 * np.pi * pitch * since)
            continue
        start, tract, voice = np.array(FORMANTS[name]), np.exp(0.08 * rng.standard_normal()), rng.uniform(80, 220)
        moving = (np.array(VOWEL) + (start - VOWEL) * np.exp(-since / 0.04)[:, None]) * tract  # (samples, 3)
        harmonic = np.arange(1, int(3800 / voice) + 1) * voice
        gain = sum(
            g / (1 + ((harmonic - moving[:, k : k + 1]) / BANDWIDTHS[k]) ** 2) for k, g in enumerate((1.0, 0.6, 0.4))
        )
        wave = (gain * np.sin(2 * np.pi * harmonic * since[:, None] + harmonic)).sum(1)
        envelope = on * np.minimum(since / 0.01, 1.0) * np.exp(-since / 0.18)
        waves[i] = envelope * wave / 2.5
    return waves


class SoundModel(nn.Module):
    """An `AudioUNet` over log-mels of syllables and impacts: `generate(["da"])` gives a waveform."""

    def __init__(self, unet=None):
        super().__init__()
        self.unet = AudioUNet(
            **{"kind": "mel", "widths": (16, 32, 64), "attention": (3,), "n_classes": len(CLASSES), **(unet or {})}
        )
        self.config = {"unet": self.unet.config}
        self.schedule = SCHEDULE

    def generate(self, classes, steps=40, guidance_scale=2.0, *, seed=None, listen=True, **options):
        """Imagine sounds.

        Parameters
        ----------
        classes : list of str
            Of `CLASSES`.
        steps, guidance_scale, seed, **options
            As in `LatentDiffusion.generate`.
        listen : bool
            Whether to invert the spectrograms.

        Returns
        -------
        log_mel : array, shape (n, 32, 32), float32, standardised
        waves : array, shape (n, samples), or None

        Raises
        ------
        ValueError
            If a class is unknown.
        """
        strange = sorted(set(classes) - set(CLASSES))
        if strange:
            raise ValueError(f"no sound is called {', '.join(strange)}; there are: {', '.join(CLASSES)}")
        label = torch.tensor(
            [CLASSES.index(c) for c in classes], dtype=torch.int64, device=self.unet.out.weight.device
        )
        guided = Guided(self.unet, label, guidance_scale)
        shape = (len(classes), 1, LogMel.n_bands, 32)
        log_mel = (
            sample(guided, SCHEDULE, shape, n_steps=steps, seed=seed, device=label.device, **options)[:, 0]
            .cpu()
            .numpy()
        )
        return log_mel, LogMel().inverse(log_mel) if listen else None

    @classmethod
    def load(cls, path=None):
        """Read a model from a file; the shipped one when no path is given."""
        return load_network(cls, path, NETWORK)

    def save(self, path, recipe=None, score=None):
        """Write the model to one safetensors file."""
        return save_network(path, self, NETWORK, recipe or {}, score)


def read_sounds(log_mel, n=60, seed=7):
    """The probe: which class a log-mel is, by its nearest of `n` synthesised ones per class; a list of names."""
    names = np.repeat(CLASSES, n)
    drawn = LogMel().forward(synthesise(names, np.random.default_rng(seed))).reshape(len(names), -1)
    flat = np.asarray(log_mel, np.float32).reshape(len(log_mel), -1)
    distance = ((flat[:, None] - drawn[None]) ** 2).sum(-1)
    return names[distance.argmin(1)].tolist()
