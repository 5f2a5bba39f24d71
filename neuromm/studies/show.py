"""Look at the stimuli: a contact sheet of each set, frames over time as a strip, and sounds as WAV files."""

from __future__ import annotations

import wave
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm.plots.style import in_style, save_figure, style
from neuromm.stimuli import speech_sound
from neuromm.stimuli.bouncing import Bouncing
from neuromm.stimuli.captions import caption
from neuromm.stimuli.flashes import RATE, FlashesAndBeeps, log_mel
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.printed import PrintedPictures
from neuromm.stimuli.shapes import SHAPES, compositions, draw_shapes
from neuromm.stimuli.sound import Cochleagram, Sound
from neuromm.stimuli.syllables import F0, SYLLABLES, Spoken
from neuromm.storage import result_folder, write_provenance


def show(name, out=None, *, seed=1) -> Path:
    """Write pictures and sounds of a stimulus set to a folder, and give the folder.

    Parameters
    ----------
    name : str
        One of `SETS`: events, flashes, syllables, shapes, printed, bouncing.
    out : path, optional
        `results/show/NAME` by default; replaced only if this command made it.
    seed : int

    Raises
    ------
    ValueError
        If there is no such set.
    """
    if name not in SETS:
        raise ValueError(f"no stimulus set is called '{name}'; there are: {', '.join(SETS)}")
    out = Path(out if out is not None else f"results/show/{name}")
    with result_folder(out) as draft:
        SETS[name](draft, seed)
        write_provenance(draft, {"stimulus_set": name, "seed": seed})
    return out


def located_events(folder, seed):
    """A light and a sound at five places, sharp and blurred, loud and faint; frames and cochleagrams."""
    places = [-30.0, -10.0, 0.0, 10.0, 30.0]
    rows = [(p, sv, sa) for sv, sa in ((1.0, 1.0), (0.05, 0.2)) for p in places]
    trials = pd.DataFrame(rows, columns=["visual_azimuth", "visual_reliability", "auditory_reliability"])
    trials["auditory_azimuth"], trials["noise_seed"] = trials["visual_azimuth"], seed * 1000 + np.arange(len(trials))
    noisy, waves = Frames().render(trials)[:, 0], Sound().render(trials)
    clear = Frames().render(trials.assign(visual_measurement=trials["visual_azimuth"]))[:, 0]
    heard = Cochleagram().hear(waves)
    labels = [f"{p:+g}°" for p in places]
    rows = {
        "frame, σ 2°, no noise": clear[:5], "frame, σ 2°": noisy[:5], "frame, σ 9°, no noise": clear[5:],
        "left ear, σ 8°": heard[:5, 0], "right ear": heard[:5, 1],
        "left ear, σ 18°": heard[5:, 0], "right ear ": heard[5:, 1],
    }  # fmt: skip
    _sheet(folder, "events", rows, labels, "place of the event (azimuth)")
    for i in (0, 2, 4):
        _wav(folder / f"noise_burst_{places[i]:+g}deg.wav", waves[i], 16000)


def flashes_and_beeps(folder, seed):
    """One flash with two beeps, and others: light after the eye's smear, log-mel of the pips, 10 ms steps."""
    rows = [(1, 1, 60.0), (1, 2, 60.0), (2, 1, 60.0), (2, 2, 60.0), (2, 2, 200.0)]
    trials = pd.DataFrame(rows, columns=["n_flashes", "n_beeps", "beep_soa"])
    trials["flash_soa"], trials["noise_seed"] = trials["beep_soa"], seed * 1000 + np.arange(len(trials))
    waves, frames = FlashesAndBeeps().sound(trials), FlashesAndBeeps(pixel_noise=0.05).frames(trials)
    labels = [f"{f}F {b}B, {soa:g} ms" for f, b, soa in rows]
    row = frames[:, 8:48, 5:11].transpose(0, 2, 1, 3).reshape(len(rows), 6, -1)
    pictures = {"middle of the screen,\n80–480 ms, little noise": row, "log-mel of the beeps": log_mel(waves)}
    _sheet(folder, "flashes", pictures, labels, "flashes F, beeps B, time between them")
    _strip(folder, "flash_strip", [("time from 100 ms, every 20 ms →", frames[3][10:50:2])])
    for i, label in enumerate(("1F1B", "1F2B", "2F1B", "2F2B", "2F2B_200ms")):
        _wav(folder / f"beeps_{label}.wav", waves[i], RATE)


def syllables(folder, seed):
    """Six syllables by a low and a high voice: log-mel of the sound, video of the mouth."""
    names, talkers = list(SYLLABLES), (0, 6)
    trials = pd.DataFrame({"auditory_syllable": names * 2, "talker": np.repeat(talkers, len(names))})
    trials["visual_syllable"], trials["noise_seed"] = trials["auditory_syllable"], seed * 1000 + np.arange(len(trials))
    waves, videos = Spoken().sound(trials), Spoken(pixel_noise=0.0).video(trials)
    heard, n = speech_sound.log_mel(waves), len(names)
    _sheet(folder, "syllables", {
        f"log-mel, {F0[0]:g} Hz voice": heard[:n], f"log-mel, {F0[6]:g} Hz voice": heard[n:],
        "mouth at release": videos[:n, 4], "mouth 100 ms later": videos[:n, 8],
    }, names, "syllable")  # fmt: skip
    _strip(folder, "mouth_strip", [(name, videos[i]) for i, name in enumerate(names[:3])])
    for i, name in enumerate(names):
        _wav(folder / f"{name}_low.wav", waves[i], speech_sound.RATE)
        _wav(folder / f"{name}_high.wav", waves[n + i], speech_sound.RATE)


def shapes(folder, seed):
    """Shapes with their captions; compositions that are held out of training are marked with a star."""
    rng = np.random.default_rng(seed)
    table = compositions().sample(20, random_state=seed).reset_index(drop=True)
    pictures, said = draw_shapes(table, rng=rng), caption(table)
    with style():
        figure, axes = plt.subplots(4, 5, figsize=(7, 6.2))
        for ax, picture, text, held in zip(axes.flat, pictures, said, table["held_out"], strict=True):
            ax.imshow(picture.transpose(1, 2, 0))
            ax.set_title(text.replace(" at", "\nat") + (" *" if held else ""), fontsize=6)
            ax.set_axis_off()
        figure.suptitle("shapes and captions; * = composition held out of training", fontsize=8)
    save_figure(figure, folder / "shapes", table.assign(caption=said))
    plt.close(figure)


def printed(folder, seed):
    """Drawings with the word that names them, a neutral word, another shape's name and none, at three contrasts."""
    other = dict(zip(SHAPES, (*SHAPES[1:], SHAPES[0]), strict=True))
    kinds = {"congruent": lambda s: (s, s), "neutral": lambda s: (s, "house"), "conflict": lambda s: (s, other[s]),
             "alone": lambda s: (s, None)}  # fmt: skip
    rows = [(kind, *pair(shape), *contrast) for contrast in ((1.0, 1.0), (0.2, 0.4), (0.1, 0.1))
            for (kind, pair), shape in zip(kinds.items(), SHAPES, strict=False)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["kind", "pictured", "printed", "picture_contrast", "word_contrast"])
    table["noise_seed"] = seed * 1000 + np.arange(len(table))
    pictures = np.clip(PrintedPictures().render(table), 0, 1)
    with style():
        figure, axes = plt.subplots(3, 4, figsize=(7, 5.6))
        for ax, picture, row in zip(axes.flat, pictures, table.itertuples(), strict=True):
            ax.imshow(picture.transpose(1, 2, 0))
            word = "" if row.kind == "alone" else f", “{row.printed}”"
            ax.set_title(f"{row.kind}: {row.pictured}{word}", fontsize=6.5)
            ax.set(xticks=[], yticks=[])
        for line, (drawn, written) in zip(axes, ((100, 100), (20, 40), (10, 10)), strict=True):
            line[0].set_ylabel(f"contrast of\ndrawing {drawn} %,\nletters {written} %", fontsize=6.5)
        figure.suptitle("drawings with printed words; sd of the pixel noise 10 %", fontsize=8)
    save_figure(figure, folder / "printed", table)
    plt.close(figure)


def bouncing(folder, seed):
    """A disc between two walls, with a click where it hits, panned to the wall."""
    renderer = Bouncing()
    bounce = renderer.draw(np.random.default_rng(seed), 3)
    clips, waves = renderer.clips(bounce), renderer.sounds(bounce)
    _strip(folder, "bouncing", [(f"clip {i + 1}", clips[i, 0]) for i in range(3)], waves)
    for i in range(3):
        _wav(folder / f"clip_{i + 1}.wav", waves[i], renderer.sample_rate)


SETS = {
    "events": located_events, "flashes": flashes_and_beeps, "syllables": syllables, "shapes": shapes,
    "printed": printed, "bouncing": bouncing,
}  # fmt: skip


@in_style
def _sheet(folder, stem, rows, labels, heading):
    """Pictures in a grid: one row per kind, one column per stimulus, one grey scale per row."""
    figure, axes = plt.subplots(len(rows), len(labels), figsize=(7, 0.4 + 0.85 * len(rows)), squeeze=False)
    for line, (name, pictures) in zip(axes, rows.items(), strict=True):
        low, high = float(np.min(pictures)), float(np.max(pictures))
        for ax, picture, label in zip(line, pictures, labels, strict=True):
            ax.imshow(picture, cmap="gray", vmin=low, vmax=high, aspect="auto", origin="upper" if "m" in name[:1] or
                      "frame" in name else "lower")  # fmt: skip
            ax.set(xticks=[], yticks=[])
            if line is axes[0]:
                ax.set_title(label, fontsize=7)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=6.5)
    figure.suptitle(heading, fontsize=8)
    data = pd.DataFrame([{"row": k.strip(), "mean": np.mean(v), "sd": np.std(v)} for k, v in rows.items()])
    save_figure(figure, folder / stem, data)
    plt.close(figure)


@in_style
def _strip(folder, stem, clips, waves=None):
    """Frames side by side, one clip a row; its sound under it where there is one (left ear, right ear)."""
    each = 1 if waves is None else 2
    figure, axes = plt.subplots(each * len(clips), 1, figsize=(7, 0.3 + 0.75 * each * len(clips)), squeeze=False)
    for i, (name, frames) in enumerate(clips):
        ax = axes[each * i, 0]
        ax.imshow(np.pad(frames, ((0, 0), (0, 0), (0, 1)), constant_values=frames.max()).transpose(1, 0, 2).reshape(
            frames.shape[1], -1), cmap="gray", aspect="equal")  # fmt: skip
        ax.set(xticks=[], yticks=[])
        ax.set_ylabel(name, fontsize=6.5)
        if waves is not None:
            ears = axes[each * i + 1, 0]
            ears.plot(waves[i, 0], lw=0.4, label="left ear")
            ears.plot(waves[i, 1] - 2.5, lw=0.4, label="right ear")
            ears.set(xticks=[], yticks=[], xlim=(0, waves.shape[-1]))
            ears.legend(loc="upper right", fontsize=5)
    axes[-1, 0].set_xlabel("time →")
    table = pd.DataFrame({"clip": [n for n, _ in clips], "n_frames": [len(f) for _, f in clips]})
    save_figure(figure, folder / stem, table)
    plt.close(figure)


def _wav(path, samples, rate):
    """16-bit PCM, scaled to nine tenths of full range; (n_samples,) or (2, n_samples), left first."""
    samples = np.atleast_2d(samples)
    scaled = np.rint(samples / max(np.abs(samples).max(), 1e-9) * 0.9 * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(round(rate))
        file.writeframes(scaled.T.tobytes())
