"""What the generators imagine: pictures of texts they never saw together, clips of sounds, sounds of names."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import plots
from neuromm.maths.device import check_device
from neuromm.measures.bias import rate_with_interval
from neuromm.observers.ann.diffusion import LatentDiffusion, LogMel, SoundModel, SoundToClip, temporal_flicker
from neuromm.observers.ann.diffusion.audio import CLASSES, read_sounds
from neuromm.observers.ann.diffusion.lab import read_shapes
from neuromm.observers.ann.diffusion.video import agreement_with_sound
from neuromm.plots.pictures import picture_sheet
from neuromm.stimuli.bouncing import Bouncing
from neuromm.stimuli.captions import caption
from neuromm.stimuli.shapes import compositions
from neuromm.studies.results import Results, say


def main(
    guidance_scales: list[float] | None = None,
    n_pictures: int = 48,
    n_clips: int = 32,
    n_sounds: int = 6,
    steps: int = 25,
    device: str = "cpu",
    seed: int = 1,
    out: str = "results/imagine",
):
    """Text to pictures by guidance, sound to clips, names to sounds, each scored by a probe that is no network.

    Parameters
    ----------
    guidance_scales : list of float
        Repeat the flag; 0 ignores the text, 1 is unguided. Default: 0, 1, 3.
    n_pictures : int
        Captions of compositions that were never drawn in training, at most 48.
    n_clips : int
        Clips, each of another sound.
    n_sounds : int
        Sounds of each class.
    steps : int
        Of the sampler, at most 1000.
    device : str
        cpu or cuda.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    check_device(device)
    scales = guidance_scales or [0.0, 1.0, 3.0]
    say("pictures of texts")
    texts, pictures, probe = pictures_of_texts(scales, n_pictures, steps, device, seed)
    say("clips of sounds")
    clips, clip_scores = clips_of_sounds(n_clips, steps, device, seed)
    say("sounds of names")
    log_mels, sound_scores = sounds_of_names(n_sounds, steps, device, seed)
    best = probe.iloc[-1]
    results = Results(
        title="What denoisers imagine",
        text=f"With guidance {best['guidance_scale']:g}, {100 * best['both']:.0f} % of pictures of compositions "
        "that were never shown have the shape and the colour of their text. Each probe is a nearest neighbour among "
        "drawn stimuli.",
        parameters={"name": "imagine", "guidance_scales": scales, "n_pictures": n_pictures, "n_clips": n_clips,
                    "n_sounds": n_sounds, "steps": steps, "device": device, "seed": seed},
        tables={"probe": probe, "clips": clip_scores, "sounds": sound_scores},
    )  # fmt: skip
    with plots.style():
        some = np.linspace(0, len(texts) - 1, min(8, len(texts))).astype(int)
        figure, ax = plt.subplots(figsize=(5.2, 0.4 + 0.65 * len(scales)))
        words = [t.removeprefix("a ").split(" at ")[0].replace(" ", "\n") for t in texts[some]]
        picture_sheet(np.concatenate([p[some] for p in pictures]), labels=words, ax=ax)
        shown = probe.assign(texts=" | ".join(texts[some]))
        results.add_figure("pictures", figure, shown, "Pictures of held-out compositions; from above, guidance "
                           f"{', '.join(f'{s:g}' for s in scales)}.")  # fmt: skip
        figure = plots.probe_by_guidance(probe).figure
        figure.set_size_inches(3.6, 2.4)
        results.add_figure("probe", figure, probe, "How often a picture has what its text says; 95 % over pictures.")
        rows = clips[: min(5, len(clips))]
        figure, ax = plt.subplots(figsize=(5.2, 0.3 + 0.65 * len(rows)))
        picture_sheet(rows[:, 0].reshape(-1, 1, *rows.shape[3:]), n_columns=rows.shape[2], ax=ax,
                      labels=[f"{60 * k} ms" for k in range(rows.shape[2])])  # fmt: skip
        results.add_figure(
            "clips", figure, clip_scores, "Clips of a bouncing disc, imagined from the sound of its impacts."
        )
        names = list(dict.fromkeys(sound_scores["name"]))
        sheet = np.clip(log_mels[::n_sounds, None, ::-1] / 5 + 0.5, 0, 1)
        figure, ax = plt.subplots(figsize=(5.2, 1.6))
        picture_sheet(sheet, labels=names, ax=ax)
        results.add_figure(
            "sounds", figure, sound_scores, "Imagined log-mel spectrograms (time to the right, 0–3.9 kHz upwards)."
        )
    page = results.write(out)
    say(f"wrote {page}")
    return page


def pictures_of_texts(scales, n, steps, device="cpu", seed=1):
    """Pictures of held-out compositions at each guidance scale, and what the probe reads in them.

    Returns
    -------
    texts : array of str, shape (n,)
    pictures : list of arrays, one per scale, shape (n, 3, 32, 32)
    probe : DataFrame
        guidance_scale, shape, colour, both (fractions right), low, high (95 % of both), n.
    """
    table = compositions(held_out=True)
    if not 1 <= n <= len(table):
        raise ValueError(f"n_pictures is {n}; 1 to {len(table)} compositions were held out")
    table = table.iloc[np.random.default_rng(seed).permutation(len(table))[:n]].reset_index(drop=True)
    model, texts, pictures, rows = LatentDiffusion.load().to(device), np.array(caption(table)), [], []
    for scale in scales:
        pictures.append(model.generate(list(texts), steps=steps, guidance_scale=scale, seed=seed))
        read = read_shapes(pictures[-1])
        shape, colour = (read[f] == table[f] for f in ("shape", "colour"))
        both, low, high = rate_with_interval(int((shape & colour).sum()), n)
        rows.append((scale, shape.mean(), colour.mean(), both, low, high, n))
    columns = ["guidance_scale", "shape", "colour", "both", "low", "high", "n"]
    return texts, pictures, pd.DataFrame(rows, columns=columns)


def clips_of_sounds(n, steps, device="cpu", seed=1):
    """Clips imagined from the sounds of others, and how they fit; beside them drawn clips and shuffled frames.

    Returns
    -------
    clips : array, shape (n, 1, n_frames, n_pixels, n_pixels)
    scores : DataFrame
        clips, `at_the_wall` (impacts at which the disc is on that wall's side), `flicker` (mean second difference).
    """
    bouncing, rng = Bouncing(), np.random.default_rng([seed, 77])
    bounce = bouncing.draw(rng, n)
    model = SoundToClip.load().to(device)
    clips, drawn = model.generate(bouncing.sound_track(bounce), steps=steps, seed=seed), bouncing.clips(bounce)
    silent = model.generate(bouncing.sound_track(bounce), steps=steps, seed=seed, guidance_scale=0.0)
    rows = [
        (name, agreement_with_sound(c, bounce, bouncing), float(temporal_flicker(c).mean()))
        for name, c in (
            ("imagined from the sound", clips),
            ("imagined from nothing", silent),
            ("drawn", drawn),
            ("drawn, frames shuffled", drawn[:, :, rng.permutation(drawn.shape[2])]),
        )
    ]
    return clips, pd.DataFrame(rows, columns=["clips", "at_the_wall", "flicker"])


def sounds_of_names(n_each, steps, device="cpu", seed=1):
    """Log-mels of each class, and what the probe reads in them before and after a wave was made of them.

    Returns
    -------
    log_mels : array, shape (4 n_each, bands, frames)
    scores : DataFrame
        name, `read`, `read_after_listening` (as class).
    """
    names = np.repeat(CLASSES, n_each).tolist()
    log_mels, waves = SoundModel.load().to(device).generate(names, steps=steps, seed=seed)
    again = read_sounds(LogMel().forward(waves))
    return log_mels, pd.DataFrame({"name": names, "read": read_sounds(log_mels), "read_after_listening": again})
